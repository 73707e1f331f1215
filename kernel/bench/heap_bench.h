/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What calls of a heap's buffers cost, in instructions and maintained lines as
 * VCSan counts them, and whether the data are right by that.
 *
 * A scene is a buffer and who has it: a vmap or none, devices that it is mapped
 * for, mappings in user space. A row is one call in a scene. A proof does what
 * such calls are there for on watched memory, so that VCSan reports a heap that
 * is wrong there.
 */
#ifndef HEAP_BENCH_H
#define HEAP_BENCH_H

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/iosys-map.h>
#include <linux/platform_device.h>
#include <linux/vcsan.h>

/* The most devices, and the most user mappings, of a scene. */
#define MOST 4

struct heap {
	const char *name;
	struct file *file;
	/* User memory for the argument of the ioctl. */
	unsigned long arg;
	/* A device for each attachment, so that none is mapped twice. */
	struct platform_device *devices[MOST];
};

/* What a scene is made of. */
struct cast {
	size_t len;
	/* What mappings for devices are for, and what accesses are. */
	enum dma_data_direction dir, access;
	bool vmap;
	unsigned int attached, users;
};

struct scene {
	const struct heap *heap;
	struct cast cast;
	struct dma_buf *buf;
	struct iosys_map vmap;
	struct dma_buf_attachment *attachments[MOST];
	struct sg_table *tables[MOST];
	unsigned long users[MOST];
};

struct dma_buf *heap_allocate(const struct heap *heap, size_t len);
/* Frees it before this returns. */
void heap_free(struct dma_buf *buf);

/* Attaches device @at and maps the buffer for it; and takes both back. */
int scene_attach(struct scene *scene, unsigned int at);
void scene_detach(struct scene *scene, unsigned int at);
/* Only the mapping. */
int scene_map(struct scene *scene, unsigned int at);
void scene_unmap(struct scene *scene, unsigned int at);
int scene_make(struct scene *scene, const struct heap *heap, const struct cast *cast);
void scene_end(struct scene *scene);
/* "from-device, vmap, 1 mapped, 4 users", or "to-device of from-device, ..." */
const char *scene_name(const struct cast *cast);

int rows_run(const struct heap *heap);

int proof_of_zeros(const struct heap *heap);
int proof_of_map(const struct heap *heap, const struct cast *cast);
int proof_of_access(const struct heap *heap, const struct cast *cast);

static inline bool writes(enum dma_data_direction dir)
{
	return dir != DMA_FROM_DEVICE;
}

static inline bool reads(enum dma_data_direction dir)
{
	return dir != DMA_TO_DEVICE;
}

#endif

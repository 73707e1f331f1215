// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers, and who has them.
 */

#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/uaccess.h>
#include <uapi/linux/dma-heap.h>

#include "heap_bench.h"

struct dma_buf *heap_allocate(const struct heap *heap, size_t len)
{
	struct dma_heap_allocation_data data = {
		.len = len,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	void __user *arg = (void __user *)heap->arg;
	struct dma_buf *buf;
	int ret;

	if (copy_to_user(arg, &data, sizeof(data)))
		return ERR_PTR(-EFAULT);
	ret = heap->file->f_op->unlocked_ioctl(heap->file, DMA_HEAP_IOCTL_ALLOC, heap->arg);
	if (ret)
		return ERR_PTR(ret);
	if (copy_from_user(&data, arg, sizeof(data)))
		return ERR_PTR(-EFAULT);

	buf = dma_buf_get(data.fd);
	close_fd(data.fd);
	/* Of the two references one is left. */
	flush_delayed_fput();

	return buf;
}

void heap_free(struct dma_buf *buf)
{
	dma_buf_put(buf);
	flush_delayed_fput();
}

int scene_map(struct scene *scene, unsigned int at)
{
	scene->tables[at] = dma_buf_map_attachment_unlocked(scene->attachments[at],
							    scene->cast.dir);

	return PTR_ERR_OR_ZERO(scene->tables[at]);
}

void scene_unmap(struct scene *scene, unsigned int at)
{
	dma_buf_unmap_attachment_unlocked(scene->attachments[at], scene->tables[at],
					  scene->cast.dir);
	scene->tables[at] = NULL;
}

int scene_attach(struct scene *scene, unsigned int at)
{
	struct dma_buf_attachment *attachment;
	int ret;

	attachment = dma_buf_attach(scene->buf, &scene->heap->devices[at]->dev);
	if (IS_ERR(attachment))
		return PTR_ERR(attachment);
	scene->attachments[at] = attachment;
	ret = scene_map(scene, at);
	if (ret)
		scene_detach(scene, at);

	return ret;
}

void scene_detach(struct scene *scene, unsigned int at)
{
	if (!IS_ERR_OR_NULL(scene->tables[at]))
		scene_unmap(scene, at);
	scene->tables[at] = NULL;
	dma_buf_detach(scene->buf, scene->attachments[at]);
	scene->attachments[at] = NULL;
}

static int map_for_user(struct scene *scene, unsigned int at)
{
	unsigned long user = vm_mmap(scene->buf->file, 0, scene->cast.len,
				     PROT_READ | PROT_WRITE, MAP_SHARED, 0);

	if (IS_ERR_VALUE(user))
		return user;
	scene->users[at] = user;

	return 0;
}

int scene_make(struct scene *scene, const struct heap *heap, const struct cast *cast)
{
	struct dma_buf *buf;
	int ret = 0;

	memset(scene, 0, sizeof(*scene));
	scene->heap = heap;
	scene->cast = *cast;
	buf = heap_allocate(heap, cast->len);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	scene->buf = buf;

	if (cast->vmap)
		ret = dma_buf_vmap_unlocked(buf, &scene->vmap);
	for (unsigned int i = 0; !ret && i < cast->users; i++)
		ret = map_for_user(scene, i);
	for (unsigned int i = 0; !ret && i < cast->attached; i++)
		ret = scene_attach(scene, i);
	if (ret)
		scene_end(scene);

	return ret;
}

void scene_end(struct scene *scene)
{
	if (!scene->buf)
		return;
	for (int i = 0; i < MOST && scene->attachments[i]; i++)
		scene_detach(scene, i);
	for (int i = 0; i < MOST && scene->users[i]; i++)
		vm_munmap(scene->users[i], scene->cast.len);
	if (!iosys_map_is_null(&scene->vmap))
		dma_buf_vunmap_unlocked(scene->buf, &scene->vmap);
	heap_free(scene->buf);
	scene->buf = NULL;
}

const char *scene_name(const struct cast *cast)
{
	static const char *const dirs[] = {
		[DMA_BIDIRECTIONAL] = "both",
		[DMA_TO_DEVICE] = "to-device",
		[DMA_FROM_DEVICE] = "from-device",
	};
	static char name[80];

	bool differ = cast->access != cast->dir;

	snprintf(name, sizeof(name), "%s%s%s%s, %u mapped, %u users", dirs[cast->access],
		 differ ? " of " : "", differ ? dirs[cast->dir] : "",
		 cast->vmap ? ", vmap" : "", cast->attached, cast->users);

	return name;
}

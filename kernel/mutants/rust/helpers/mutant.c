// SPDX-License-Identifier: GPL-2.0
/*
 * Which mutant runs, for kernels that have all of them. Included by
 * cacheflush.c there.
 */

#include <linux/cacheflush.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/scatterlist.h>
#include <linux/string.h>

/* Before Linux 7.3, the tree itself is named instead of what it belongs to. */
#ifndef mapping_rmap_tree_foreach
#define mapping_rmap_tree_foreach(vma, mapping, start, last) \
	vma_interval_tree_foreach(vma, &(mapping)->i_mmap, start, last)
#endif

/* Its name; empty while there is none. */
static char mutant[96];

/* What one mutant leaves in the cache is nothing that another one did. */
static void mutant_flush_all(void)
{
#ifdef CONFIG_MIPS
	__flush_cache_all();
#else
	flush_cache_all();
#endif
}

static int mutant_set(const char *name, const struct kernel_param *kp)
{
	char *end;

	if (strscpy(mutant, name) < 0)
		return -ENOSPC;
	end = strchrnul(mutant, '\n');
	*end = '\0';
	mutant_flush_all();
	return 0;
}

static int mutant_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", mutant);
}

static const struct kernel_param_ops mutant_ops = {
	.set = mutant_set,
	.get = mutant_get,
};

core_param_cb(mutant, &mutant_ops, NULL, 0644);

__rust_helper bool rust_helper_mutant_is(const char *name)
{
	return !strcmp(mutant, name);
}

__rust_helper const char *rust_helper_mutant_name(void)
{
	return mutant;
}

/* Whether mappings are made, synced and taken away in a wrong direction. */
static bool flips;

__rust_helper void rust_helper_mutant_flip(bool on)
{
	flips = on;
}

__rust_helper enum dma_data_direction
rust_helper_mutant_direction(enum dma_data_direction dir)
{
	if (!flips)
		return dir;
	return dir == DMA_TO_DEVICE ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

/* Syncs the first @len bytes of the first chunk, or all of it if 0. */
__rust_helper void rust_helper_mutant_sync(struct device *dev,
					   struct sg_table *table,
					   enum dma_data_direction dir,
					   bool for_cpu, size_t len)
{
	dma_addr_t addr = sg_dma_address(table->sgl);

	if (!len)
		len = sg_dma_len(table->sgl);
	if (for_cpu)
		dma_sync_single_for_cpu(dev, addr, len, dir);
	else
		dma_sync_single_for_device(dev, addr, len, dir);
}

/* Flushes all of the first user mapping, or the first @len bytes of each if not 0. */
__rust_helper void rust_helper_mutant_flush_user(struct dma_buf *buf, size_t len)
{
	struct address_space *mapping = buf->file->f_mapping;
	struct vm_area_struct *vma;

	i_mmap_lock_read(mapping);
	mapping_rmap_tree_foreach(vma, mapping, 0, ULONG_MAX) {
		flush_cache_range(vma, vma->vm_start,
				  len ? vma->vm_start + len : vma->vm_end);
		if (!len)
			break;
	}
	i_mmap_unlock_read(mapping);
}

#include "probe.c"

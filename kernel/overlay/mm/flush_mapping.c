// SPDX-License-Identifier: GPL-2.0

#include <linux/cacheflush.h>
#include <linux/cacheinfo.h>
#include <linux/export.h>
#include <linux/flush_mapping.h>
#include <linux/fs.h>
#include <linux/mm.h>

/* Before Linux 7.3, the tree itself is named instead of what it belongs to. */
#ifndef mapping_rmap_tree_foreach
#define mapping_rmap_tree_foreach(vma, mapping, start, last) \
	vma_interval_tree_foreach(vma, &(mapping)->i_mmap, start, last)
#endif

/**
 * flush_cache_mapping - flush all user mappings of a file
 * @mapping: what is mapped
 *
 * Writes back and drops what the data cache holds of all areas that map
 * @mapping, in all processes. flush_dcache_folio() does so for page cache. This
 * is for the pages of a driver, which belong to no file: it maps them by
 * remap_pfn_range() at the right offset in a file of its own.
 *
 * Each area is flushed on its own, also where that flushes all of the cache: a
 * line that is gone may be filled again while one of another area is still
 * dirty.
 *
 * Does nothing where the data cache does not alias. Otherwise may sleep.
 *
 * Returns: whether there was an area to flush.
 */
bool flush_cache_mapping(struct address_space *mapping)
{
	struct vm_area_struct *vma;
	bool any = false;

	if (!cpu_dcache_is_aliasing() || !mapping_mapped(mapping))
		return false;

	i_mmap_lock_read(mapping);
	mapping_rmap_tree_foreach(vma, mapping, 0, ULONG_MAX) {
		flush_cache_range(vma, vma->vm_start, vma->vm_end);
		any = true;
	}
	i_mmap_unlock_read(mapping);

	return any;
}
EXPORT_SYMBOL_GPL(flush_cache_mapping);

// SPDX-License-Identifier: GPL-2.0

#include <linux/cacheflush.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/mm.h>

/* Before Linux 7.3, the tree itself is named instead of what it belongs to. */
#ifndef mapping_rmap_tree_foreach
#define mapping_rmap_tree_foreach(vma, mapping, start, last) \
	vma_interval_tree_foreach(vma, &(mapping)->i_mmap, start, last)
#endif

__rust_helper void rust_helper_flush_dcache_folio(struct folio *folio)
{
	flush_dcache_folio(folio);
}

__rust_helper void rust_helper_flush_kernel_vmap_range(void *vaddr, int size)
{
	flush_kernel_vmap_range(vaddr, size);
}

__rust_helper void rust_helper_invalidate_kernel_vmap_range(void *vaddr,
							     int size)
{
	invalidate_kernel_vmap_range(vaddr, size);
}

/* Not exported on all architectures, hence the loop is not left to Rust. */
__rust_helper void rust_helper_mapping_flush_cache(struct address_space *mapping)
{
	struct vm_area_struct *vma;

	i_mmap_lock_read(mapping);
	mapping_rmap_tree_foreach(vma, mapping, 0, ULONG_MAX)
		flush_cache_range(vma, vma->vm_start, vma->vm_end);
	i_mmap_unlock_read(mapping);
}

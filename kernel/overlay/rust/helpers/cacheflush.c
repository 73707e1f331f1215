// SPDX-License-Identifier: GPL-2.0

#include <linux/cacheflush.h>
#include <linux/cacheinfo.h>
#include <linux/fs.h>
#include <linux/highmem.h>

__rust_helper bool rust_helper_cpu_dcache_is_aliasing(void)
{
	return cpu_dcache_is_aliasing();
}

__rust_helper int rust_helper_mapping_mapped(struct address_space *mapping)
{
	return mapping_mapped(mapping);
}

__rust_helper void rust_helper_flush_dcache_folio(struct folio *folio)
{
	flush_dcache_folio(folio);
}

__rust_helper void rust_helper_flush_kernel_vmap_range(void *vaddr, int size)
{
	flush_kernel_vmap_range(vaddr, size);
}

__rust_helper void
rust_helper_invalidate_kernel_vmap_range(void *vaddr, int size)
{
	invalidate_kernel_vmap_range(vaddr, size);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bug for VCSan to find. A page is mapped twice; what is written through the
 * first mapping is read through the second one, and nothing is done about the
 * caches in between. Mapped next to each other, the two never share a line of
 * a cache that aliases.
 */
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

static int __init stale_init(void)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct page *twice[] = { page, page };
	u32 *map = page ? vmap(twice, 2, VM_MAP, PAGE_KERNEL) : NULL;

	if (!map)
		return -ENOMEM;
	flush_kernel_vmap_range(page_address(page), PAGE_SIZE);
	WRITE_ONCE(map[3], 42);
	/* Missing: flush_kernel_vmap_range(map, PAGE_SIZE); */
	pr_info("stale: %u\n", READ_ONCE(map[PAGE_SIZE / sizeof(*map) + 3]));
	vunmap(map);
	__free_page(page);
	return 0;
}
module_init(stale_init);

MODULE_DESCRIPTION("Reads through one mapping what was written through another");
MODULE_LICENSE("GPL");

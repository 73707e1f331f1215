// SPDX-License-Identifier: GPL-2.0
/*
 * A driver in a few lines: it has a page that its device reads, and writes it
 * through a vmap. VCSan is told which memory to watch and when the device
 * reads. Take flush_kernel_vmap_range() out and see what is reported:
 *
 *   cargo xtask test arm-vivt --module docs/examples/module \
 *           --init docs/examples/module/try.c
 */

#include <linux/cacheflush.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/vcsan.h>
#include <linux/vmalloc.h>

static int transfers;
module_param(transfers, int, 0444);
MODULE_PARM_DESC(transfers, "How often the device has read");

static struct page *page;
static void *vaddr;

static int __init example_init(void)
{
	page = alloc_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;

	vaddr = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	if (!vaddr) {
		__free_page(page);
		return -ENOMEM;
	}

	vcsan_note(VCSAN_WATCH, "page", 4, page_to_phys(page), PAGE_SIZE);
	for (; transfers < 4; transfers++) {
		memset(vaddr, transfers, PAGE_SIZE);
		flush_kernel_vmap_range(vaddr, PAGE_SIZE);
		vcsan_note(VCSAN_DEVICE_READ, "", 0, page_to_phys(page), PAGE_SIZE);
	}

	return 0;
}

static void __exit example_exit(void)
{
	vcsan_note(VCSAN_UNWATCH, "", 0, page_to_phys(page), PAGE_SIZE);
	vunmap(vaddr);
	__free_page(page);
}

module_init(example_init);
module_exit(example_exit);
MODULE_DESCRIPTION("An example for VCSan");
MODULE_LICENSE("GPL");

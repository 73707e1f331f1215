// SPDX-License-Identifier: GPL-2.0
/*
 * A driver in a few lines, which knows nothing of VCSan: its device reads a
 * page, and the driver writes it through a vmap. Take
 * flush_kernel_vmap_range() or dma_sync_single_for_device() out and see what
 * is reported:
 *
 *   cargo xtask test arm-vivt --module docs/examples/module \
 *           --init docs/examples/module/try.c
 */

#include <linux/cacheflush.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static int transfers;
module_param(transfers, int, 0444);
MODULE_PARM_DESC(transfers, "How often the device has read");

static struct platform_device *pdev;
static struct page *page;
static dma_addr_t addr;
static void *vaddr;

static int __init example_init(void)
{
	int ret = -ENOMEM;

	pdev = platform_device_register_simple("vcsan_example", -1, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);

	page = alloc_page(GFP_KERNEL);
	if (!page)
		goto unregister;

	vaddr = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	if (!vaddr)
		goto free;

	addr = dma_map_page(&pdev->dev, page, 0, PAGE_SIZE, DMA_TO_DEVICE);
	ret = dma_mapping_error(&pdev->dev, addr);
	if (ret)
		goto unmap;

	for (; transfers < 4; transfers++) {
		memset(vaddr, transfers, PAGE_SIZE);
		flush_kernel_vmap_range(vaddr, PAGE_SIZE);
		dma_sync_single_for_device(&pdev->dev, addr, PAGE_SIZE, DMA_TO_DEVICE);
		/* Here a real driver would start its device. */
	}

	return 0;

unmap:
	vunmap(vaddr);
free:
	__free_page(page);
unregister:
	platform_device_unregister(pdev);

	return ret;
}

static void __exit example_exit(void)
{
	dma_unmap_page(&pdev->dev, addr, PAGE_SIZE, DMA_TO_DEVICE);
	vunmap(vaddr);
	__free_page(page);
	platform_device_unregister(pdev);
}

module_init(example_init);
module_exit(example_exit);
MODULE_DESCRIPTION("An example for VCSan");
MODULE_LICENSE("GPL");

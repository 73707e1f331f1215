// SPDX-License-Identifier: GPL-2.0
/*
 * A network card that receives into halves of pages: one half is the device's
 * while the network stack has the other one.
 */

#include <linux/compiler.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#define HALF (PAGE_SIZE / 2)
#define ROUNDS 6

static struct platform_device *pdev;
static struct page *page;
static dma_addr_t addr;
static unsigned int offset;
static u32 sum;

static noinline int give(struct device *dev)
{
	addr = dma_map_page(dev, page, offset, HALF, DMA_FROM_DEVICE);

	return dma_mapping_error(dev, addr);
}

static noinline void take(struct device *dev)
{
	dma_unmap_page(dev, addr, HALF, DMA_FROM_DEVICE);
	for (unsigned int at = 0; at < HALF; at += 64)
		sum += READ_ONCE(*(u32 *)(page_address(page) + offset + at));
}

/* The stack changes what it has. */
static noinline void use(unsigned int half, u32 value)
{
	WRITE_ONCE(*(u32 *)(page_address(page) + half), value);
}

static int __init halves_init(void)
{
	int ret;

	page = alloc_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	pdev = platform_device_register_simple("vcsan_halves", PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(pdev)) {
		__free_page(page);
		return PTR_ERR(pdev);
	}
	ret = give(&pdev->dev);
	for (int round = 0; !ret && round < ROUNDS; round++) {
		unsigned int received = offset;

		take(&pdev->dev);
		offset ^= HALF;
		ret = give(&pdev->dev);
		use(received, round);
	}
	if (ret) {
		platform_device_unregister(pdev);
		__free_page(page);
	}

	return ret;
}

static void __exit halves_exit(void)
{
	take(&pdev->dev);
	platform_device_unregister(pdev);
	__free_page(page);
}

module_init(halves_init);
module_exit(halves_exit);
MODULE_DESCRIPTION("An example for VCSan: halves of pages");
MODULE_LICENSE("GPL");

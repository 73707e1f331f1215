// SPDX-License-Identifier: GPL-2.0
/*
 * A network card's way with a page pool: pages that stay mapped for as long as
 * they live, are mapped and unmapped without a sync, and have a headroom that
 * is the CPU's. Frames are received, changed a bit, sent back, and received
 * into again.
 */

#include <linux/compiler.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/string.h>

#define PAGES 3
#define ROUNDS 7
#define HEADROOM 64
#define FRAME 1536
#define ATTRS (DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_WEAK_ORDERING)

static struct platform_device *pdev;
static struct page *pages[PAGES];
static dma_addr_t addrs[PAGES];
static u32 sum;

static noinline void look(const void *data, size_t len)
{
	for (size_t at = 0; at < len; at += sizeof(u32))
		sum += READ_ONCE(*(u32 *)(data + at));
}

static noinline void put(void *data, int value, size_t len)
{
	memset(data, value, len);
}

/* The device may receive into it from now on. */
static noinline void post(struct device *dev, int nr)
{
	dma_sync_single_range_for_device(dev, addrs[nr], HEADROOM, FRAME, DMA_BIDIRECTIONAL);
}

static noinline void receive(struct device *dev, int nr, size_t len)
{
	void *data = page_address(pages[nr]);

	dma_sync_single_range_for_cpu(dev, addrs[nr], HEADROOM, len, DMA_BIDIRECTIONAL);
	look(data + HEADROOM, len);
	/* What is known of the frame. */
	put(data, nr, HEADROOM);
	/* Other addresses, and back. */
	put(data + HEADROOM, nr, 12);
	dma_sync_single_range_for_device(dev, addrs[nr], HEADROOM, len, DMA_BIDIRECTIONAL);
	/* Here a real driver would wait until that is sent. */
	post(dev, nr);
}

static noinline void free_page_of(struct device *dev, int nr)
{
	if (!pages[nr])
		return;
	dma_unmap_page_attrs(dev, addrs[nr], PAGE_SIZE, DMA_BIDIRECTIONAL, ATTRS);
	__free_page(pages[nr]);
	pages[nr] = NULL;
}

static noinline int make_page(struct device *dev, int nr)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	addrs[nr] = dma_map_page_attrs(dev, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL, ATTRS);
	if (dma_mapping_error(dev, addrs[nr])) {
		__free_page(page);
		return -ENOMEM;
	}
	pages[nr] = page;
	/* Nobody has handed it over yet. */
	put(page_address(page), 0, PAGE_SIZE);
	post(dev, nr);

	return 0;
}

static void __exit recycle_exit(void)
{
	for (int nr = 0; nr < PAGES; nr++)
		free_page_of(&pdev->dev, nr);
	platform_device_unregister(pdev);
}

static int __init recycle_init(void)
{
	int ret;

	pdev = platform_device_register_simple("vcsan_recycle", PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	ret = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(32));
	for (int nr = 0; !ret && nr < PAGES; nr++)
		ret = make_page(&pdev->dev, nr);
	if (ret) {
		for (int nr = 0; nr < PAGES; nr++)
			free_page_of(&pdev->dev, nr);
		platform_device_unregister(pdev);
		return ret;
	}
	for (int round = 0; round < ROUNDS; round++)
		receive(&pdev->dev, round % PAGES, 64 + 128 * (round % 4));

	return 0;
}

module_init(recycle_init);
module_exit(recycle_exit);
MODULE_DESCRIPTION("An example for VCSan: pages that are recycled");
MODULE_LICENSE("GPL");

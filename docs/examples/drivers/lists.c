// SPDX-License-Identifier: GPL-2.0
/*
 * A controller that transfers lists of memory, whose entries begin and end
 * where they like: blocks that come in, for which the list stays mapped, and
 * blocks that go out.
 */

#include <linux/compiler.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/string.h>

#define ENTRIES 3
#define ROUNDS 3

static const struct {
	unsigned int offset, len;
} parts[ENTRIES] = {
	{ 20, 700 },
	{ 1000, 44 },
	{ 4, PAGE_SIZE - 4 },
};

static struct platform_device *pdev;
static struct page *pages[ENTRIES];
static struct scatterlist list[ENTRIES];
static u32 sum;

static noinline void look(void)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(list, sg, ENTRIES, i)
		sum += READ_ONCE(*(u32 *)sg_virt(sg));
}

static noinline void fill(int value)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(list, sg, ENTRIES, i)
		memset(sg_virt(sg), value, sg->length);
}

static noinline int read_blocks(struct device *dev)
{
	if (!dma_map_sg(dev, list, ENTRIES, DMA_FROM_DEVICE))
		return -ENOMEM;
	for (int round = 0; round < ROUNDS; round++) {
		/* Here a real driver would start its device, and wait for it. */
		dma_sync_sg_for_cpu(dev, list, ENTRIES, DMA_FROM_DEVICE);
		look();
		dma_sync_sg_for_device(dev, list, ENTRIES, DMA_FROM_DEVICE);
	}
	dma_unmap_sg(dev, list, ENTRIES, DMA_FROM_DEVICE);
	look();

	return 0;
}

static noinline int write_blocks(struct device *dev)
{
	fill(1);
	if (!dma_map_sg(dev, list, ENTRIES, DMA_TO_DEVICE))
		return -ENOMEM;
	for (int round = 0; round < ROUNDS; round++) {
		dma_sync_sg_for_cpu(dev, list, ENTRIES, DMA_TO_DEVICE);
		fill(round);
		dma_sync_sg_for_device(dev, list, ENTRIES, DMA_TO_DEVICE);
	}
	dma_unmap_sg(dev, list, ENTRIES, DMA_TO_DEVICE);

	return 0;
}

static void free_list(void)
{
	for (int i = 0; i < ENTRIES; i++) {
		if (pages[i])
			__free_page(pages[i]);
	}
}

static int __init lists_init(void)
{
	int ret = -ENOMEM;

	sg_init_table(list, ENTRIES);
	for (int i = 0; i < ENTRIES; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i])
			goto free;
		sg_set_page(&list[i], pages[i], parts[i].len, parts[i].offset);
	}
	pdev = platform_device_register_simple("vcsan_lists", PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(pdev)) {
		ret = PTR_ERR(pdev);
		goto free;
	}
	ret = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(32));
	if (!ret)
		ret = read_blocks(&pdev->dev);
	if (!ret)
		ret = write_blocks(&pdev->dev);
	if (!ret)
		return 0;
	platform_device_unregister(pdev);
free:
	free_list();
	return ret;
}

static void __exit lists_exit(void)
{
	platform_device_unregister(pdev);
	free_list();
}

module_init(lists_init);
module_exit(lists_exit);
MODULE_DESCRIPTION("An example for VCSan: lists of memory");
MODULE_LICENSE("GPL");

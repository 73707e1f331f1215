// SPDX-License-Identifier: GPL-2.0
/*
 * A webcam's way: large frames in memory that need not be in one piece, by
 * dma_alloc_noncontiguous(), which the driver looks at through the one mapping
 * that dma_vmap_noncontiguous() makes. Where that is a mapping of its own, it
 * has to be flushed and invalidated besides what dma_sync_sgtable_*() does.
 */

#include <linux/cacheflush.h>
#include <linux/compiler.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#define FRAME (4 * PAGE_SIZE)
#define ROUNDS 3

struct frame {
	struct sg_table *table;
	u32 *words;
	enum dma_data_direction dir;
};

static struct platform_device *pdev;
static struct frame out = { .dir = DMA_TO_DEVICE };
static struct frame in = { .dir = DMA_FROM_DEVICE };
static u32 sum;

static noinline void fill(struct frame *frame, u32 value)
{
	for (size_t at = 0; at < FRAME / sizeof(*frame->words); at++)
		WRITE_ONCE(frame->words[at], value);
}

static noinline void look(struct frame *frame)
{
	for (size_t at = 0; at < FRAME / sizeof(*frame->words); at++)
		sum += READ_ONCE(frame->words[at]);
}

static noinline void show(struct device *dev, u32 value)
{
	fill(&out, value);
	flush_kernel_vmap_range(out.words, FRAME);
	dma_sync_sgtable_for_device(dev, out.table, DMA_TO_DEVICE);
	/* Here a real driver would start its device, and wait for it. */
	dma_sync_sgtable_for_cpu(dev, out.table, DMA_TO_DEVICE);
}

static noinline void capture(struct device *dev)
{
	dma_sync_sgtable_for_device(dev, in.table, DMA_FROM_DEVICE);
	/* Likewise, and wait for it. */
	dma_sync_sgtable_for_cpu(dev, in.table, DMA_FROM_DEVICE);
	invalidate_kernel_vmap_range(in.words, FRAME);
	look(&in);
}

static noinline void free_frame(struct device *dev, struct frame *frame)
{
	dma_vunmap_noncontiguous(dev, frame->words);
	dma_free_noncontiguous(dev, FRAME, frame->table, frame->dir);
}

static noinline int alloc_frame(struct device *dev, struct frame *frame)
{
	frame->table = dma_alloc_noncontiguous(dev, FRAME, frame->dir, GFP_KERNEL, 0);
	if (!frame->table)
		return -ENOMEM;
	frame->words = dma_vmap_noncontiguous(dev, FRAME, frame->table);
	if (frame->words)
		return 0;
	dma_free_noncontiguous(dev, FRAME, frame->table, frame->dir);
	return -ENOMEM;
}

static int __init frames_init(void)
{
	struct device *dev;
	int ret;

	pdev = platform_device_register_simple("vcsan_frames", PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	dev = &pdev->dev;
	ret = dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(32));
	if (ret)
		goto unregister;
	ret = alloc_frame(dev, &out);
	if (ret)
		goto unregister;
	ret = alloc_frame(dev, &in);
	if (ret)
		goto free;
	for (u32 round = 0; round < ROUNDS; round++) {
		show(dev, round);
		capture(dev);
	}

	return 0;
free:
	free_frame(dev, &out);
unregister:
	platform_device_unregister(pdev);
	return ret;
}

static void __exit frames_exit(void)
{
	free_frame(&pdev->dev, &in);
	free_frame(&pdev->dev, &out);
	platform_device_unregister(pdev);
}

module_init(frames_init);
module_exit(frames_exit);
MODULE_DESCRIPTION("An example for VCSan: frames in pieces");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0
/*
 * A camera's way: memory that is allocated for the device, and is handed over
 * and taken back by syncs alone. Frames come in by dma_alloc_pages(),
 * parameters go out and statistics come back by dma_alloc_noncoherent().
 */

#include <linux/compiler.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>

#define FRAME (2 * PAGE_SIZE)
#define STATE PAGE_SIZE
#define ROUNDS 3

static struct platform_device *pdev;
static struct page *frame;
static u32 *state;
static dma_addr_t frame_addr, state_addr;
static u32 sum;

static noinline void look(const u32 *words, size_t len)
{
	for (size_t at = 0; at < len / sizeof(*words); at++)
		sum += READ_ONCE(words[at]);
}

static noinline void fill(u32 value)
{
	for (size_t at = 0; at < STATE / sizeof(*state); at++)
		WRITE_ONCE(state[at], value);
}

static noinline void capture(struct device *dev)
{
	dma_sync_single_for_device(dev, frame_addr, FRAME, DMA_FROM_DEVICE);
	/* Here a real driver would start its device, and wait for it. */
	dma_sync_single_for_cpu(dev, frame_addr, FRAME, DMA_FROM_DEVICE);
	look(page_address(frame), FRAME);
}

static noinline void tune(struct device *dev, u32 value)
{
	fill(value);
	dma_sync_single_for_device(dev, state_addr, STATE, DMA_BIDIRECTIONAL);
	/* Likewise. */
	dma_sync_single_for_cpu(dev, state_addr, STATE, DMA_BIDIRECTIONAL);
	look(state, STATE);
}

static noinline void free_frame(struct device *dev)
{
	dma_free_pages(dev, FRAME, frame, frame_addr, DMA_FROM_DEVICE);
}

static int __init pages_init(void)
{
	struct device *dev;
	int ret;

	pdev = platform_device_register_simple("vcsan_pages", PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	dev = &pdev->dev;
	ret = dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(32));
	if (ret)
		goto unregister;
	ret = -ENOMEM;
	frame = dma_alloc_pages(dev, FRAME, &frame_addr, DMA_FROM_DEVICE, GFP_KERNEL);
	if (!frame)
		goto unregister;
	state = dma_alloc_noncoherent(dev, STATE, &state_addr, DMA_BIDIRECTIONAL, GFP_KERNEL);
	if (!state)
		goto free;
	for (u32 round = 0; round < ROUNDS; round++) {
		tune(dev, round);
		capture(dev);
	}

	return 0;
free:
	free_frame(dev);
unregister:
	platform_device_unregister(pdev);
	return ret;
}

static void __exit pages_exit(void)
{
	dma_free_noncoherent(&pdev->dev, STATE, state, state_addr, DMA_BIDIRECTIONAL);
	free_frame(&pdev->dev);
	platform_device_unregister(pdev);
}

module_init(pages_init);
module_exit(pages_exit);
MODULE_DESCRIPTION("An example for VCSan: memory allocated for a device");
MODULE_LICENSE("GPL");

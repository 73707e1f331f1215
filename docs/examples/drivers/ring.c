// SPDX-License-Identifier: GPL-2.0
/*
 * A network card's rings: descriptors in coherent memory, buffers for frames
 * that come in, which stay mapped and go back and forth, and buffers for those
 * that go out, mapped one by one.
 */

#include <linux/compiler.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/string.h>

#define ENTRIES 4
#define FRAME 512
#define ROUNDS 3

struct descriptor {
	__le32 addr;
	__le32 len;
};

static struct platform_device *pdev;
static struct descriptor *ring;
static dma_addr_t ring_addr;
static u8 *frames[ENTRIES];
static dma_addr_t addrs[ENTRIES];
static u32 sum;

static noinline void receive(struct device *dev, int i)
{
	dma_sync_single_for_cpu(dev, addrs[i], FRAME, DMA_FROM_DEVICE);
	for (int at = 0; at < FRAME; at += 64)
		sum += READ_ONCE(frames[i][at]);
	dma_sync_single_for_device(dev, addrs[i], FRAME, DMA_FROM_DEVICE);
	WRITE_ONCE(ring[i].len, cpu_to_le32(FRAME));
}

static noinline int send(struct device *dev, int round)
{
	u8 *frame = kmalloc(FRAME, GFP_KERNEL);
	dma_addr_t addr;

	if (!frame)
		return -ENOMEM;
	memset(frame, round, FRAME);
	addr = dma_map_single(dev, frame, FRAME, DMA_TO_DEVICE);
	if (dma_mapping_error(dev, addr)) {
		kfree(frame);
		return -ENOMEM;
	}
	/* Here a real driver would start its device, and wait for it. */
	dma_unmap_single(dev, addr, FRAME, DMA_TO_DEVICE);
	kfree(frame);

	return 0;
}

static void stop(struct device *dev)
{
	for (int i = 0; i < ENTRIES; i++) {
		if (!frames[i])
			continue;
		dma_unmap_single(dev, addrs[i], FRAME, DMA_FROM_DEVICE);
		kfree(frames[i]);
		frames[i] = NULL;
	}
	dma_free_coherent(dev, ENTRIES * sizeof(*ring), ring, ring_addr);
}

static int start(struct device *dev)
{
	ring = dma_alloc_coherent(dev, ENTRIES * sizeof(*ring), &ring_addr, GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	for (int i = 0; i < ENTRIES; i++) {
		u8 *frame = kmalloc(FRAME, GFP_KERNEL);

		if (!frame)
			goto stop;
		addrs[i] = dma_map_single(dev, frame, FRAME, DMA_FROM_DEVICE);
		if (dma_mapping_error(dev, addrs[i])) {
			kfree(frame);
			goto stop;
		}
		frames[i] = frame;
		WRITE_ONCE(ring[i].addr, cpu_to_le32(addrs[i]));
		WRITE_ONCE(ring[i].len, cpu_to_le32(FRAME));
	}

	return 0;

stop:
	stop(dev);
	return -ENOMEM;
}

static int __init ring_init(void)
{
	int ret;

	pdev = platform_device_register_simple("vcsan_ring", PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	ret = start(&pdev->dev);
	if (ret) {
		platform_device_unregister(pdev);
		return ret;
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < ENTRIES; i++)
			receive(&pdev->dev, i);
		send(&pdev->dev, round);
	}

	return 0;
}

static void __exit ring_exit(void)
{
	stop(&pdev->dev);
	platform_device_unregister(pdev);
}

module_init(ring_init);
module_exit(ring_exit);
MODULE_DESCRIPTION("An example for VCSan: rings of buffers");
MODULE_LICENSE("GPL");

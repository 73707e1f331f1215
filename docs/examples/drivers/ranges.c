// SPDX-License-Identifier: GPL-2.0
/*
 * A device with one long buffer of which each command uses a range: what goes
 * to the device and, behind it, what comes back.
 */

#include <linux/compiler.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/string.h>

#define COMMANDS 4
#define COMMAND 256
#define ANSWER (COMMANDS * COMMAND)
#define LEN (2 * ANSWER)
#define ROUNDS 8

static struct platform_device *pdev;
static u8 *buf;
static dma_addr_t addr;
static u32 sum;

static noinline void write_command(u8 *command, int value)
{
	memset(command, value, COMMAND);
}

static noinline void read_answer(const u8 *answer)
{
	for (int at = 0; at < COMMAND; at += 16)
		sum += READ_ONCE(answer[at]);
}

static noinline void command(struct device *dev, int round)
{
	unsigned int at = round % COMMANDS * COMMAND;

	dma_sync_single_range_for_cpu(dev, addr, at, COMMAND, DMA_BIDIRECTIONAL);
	write_command(buf + at, round);
	dma_sync_single_range_for_device(dev, addr, at, COMMAND, DMA_BIDIRECTIONAL);
	/* Here a real driver would start its device, and wait for it. */
	dma_sync_single_range_for_cpu(dev, addr, ANSWER + at, COMMAND, DMA_BIDIRECTIONAL);
	read_answer(buf + ANSWER + at);
	dma_sync_single_range_for_device(dev, addr, ANSWER + at, COMMAND, DMA_BIDIRECTIONAL);
}

static int __init ranges_init(void)
{
	int ret = -ENOMEM;

	buf = kzalloc(LEN, GFP_KERNEL);
	if (!buf)
		return ret;
	pdev = platform_device_register_simple("vcsan_ranges", PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(pdev)) {
		ret = PTR_ERR(pdev);
		goto free;
	}
	addr = dma_map_single(&pdev->dev, buf, LEN, DMA_BIDIRECTIONAL);
	if (dma_mapping_error(&pdev->dev, addr))
		goto unregister;
	for (int round = 0; round < ROUNDS; round++)
		command(&pdev->dev, round);

	return 0;

unregister:
	platform_device_unregister(pdev);
free:
	kfree(buf);
	return ret;
}

static void __exit ranges_exit(void)
{
	dma_unmap_single(&pdev->dev, addr, LEN, DMA_BIDIRECTIONAL);
	kfree(buf);
	platform_device_unregister(pdev);
}

module_init(ranges_init);
module_exit(ranges_exit);
MODULE_DESCRIPTION("An example for VCSan: ranges of a buffer");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0
/*
 * A crypto engine's way: messages from a slab of their own, read by two devices
 * at once; an interrupt takes answers back while a thread maps and unmaps.
 */

#include <linux/compiler.h>
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/string.h>

#define LEN 512
#define ROUNDS 16
#define LATER ns_to_ktime(20000)

static struct platform_device *left, *right;
static struct kmem_cache *messages;
static void *answer;
static dma_addr_t answer_addr;
static struct hrtimer timer;
static DECLARE_COMPLETION(all_answered);
static int answers;
static u32 sum;

static noinline void look(const u32 *words)
{
	for (size_t at = 0; at < LEN / sizeof(*words); at++)
		sum += READ_ONCE(words[at]);
}

static noinline void fill(void *message, int value)
{
	memset(message, value, LEN);
}

/* The interrupt of the device that answers. */
static noinline enum hrtimer_restart answered(struct hrtimer *timer)
{
	struct device *dev = &left->dev;

	dma_sync_single_for_cpu(dev, answer_addr, LEN, DMA_FROM_DEVICE);
	look(answer);
	dma_sync_single_for_device(dev, answer_addr, LEN, DMA_FROM_DEVICE);
	if (++answers == ROUNDS) {
		complete(&all_answered);
		return HRTIMER_NORESTART;
	}
	hrtimer_forward_now(timer, LATER);

	return HRTIMER_RESTART;
}

static noinline int send(int value)
{
	struct device *one = &left->dev, *other = &right->dev;
	dma_addr_t addr, other_addr;
	void *message;
	int ret = -ENOMEM;

	message = kmem_cache_alloc(messages, GFP_KERNEL);
	if (!message)
		return ret;
	fill(message, value);
	addr = dma_map_single(one, message, LEN, DMA_TO_DEVICE);
	if (dma_mapping_error(one, addr))
		goto free;
	other_addr = dma_map_single(other, message, LEN, DMA_TO_DEVICE);
	if (dma_mapping_error(other, other_addr))
		goto unmap;
	/* Here a real driver would start both, and wait for them. */
	dma_unmap_single(other, other_addr, LEN, DMA_TO_DEVICE);
	ret = 0;
unmap:
	dma_unmap_single(one, addr, LEN, DMA_TO_DEVICE);
free:
	kmem_cache_free(messages, message);
	return ret;
}

static noinline int run(void)
{
	int ret = 0;

	answer_addr = dma_map_single(&left->dev, answer, LEN, DMA_FROM_DEVICE);
	if (dma_mapping_error(&left->dev, answer_addr))
		return -ENOMEM;
	hrtimer_setup(&timer, answered, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	hrtimer_start(&timer, LATER, HRTIMER_MODE_REL_HARD);
	for (int round = 0; !ret && round < ROUNDS; round++)
		ret = send(round);
	wait_for_completion(&all_answered);
	hrtimer_cancel(&timer);
	dma_unmap_single(&left->dev, answer_addr, LEN, DMA_FROM_DEVICE);
	look(answer);

	return ret;
}

static void free_all(void)
{
	platform_device_unregister(right);
	platform_device_unregister(left);
	kmem_cache_destroy(messages);
	kfree(answer);
}

static struct platform_device *make(const char *name)
{
	struct platform_device *pdev;

	pdev = platform_device_register_simple(name, PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(pdev))
		return NULL;
	/* No device without a mask of its own. */
	WARN_ON(dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(32)));

	return pdev;
}

static int __init shared_init(void)
{
	int ret = -ENOMEM;

	answer = kzalloc(LEN, GFP_KERNEL);
	messages = kmem_cache_create("vcsan_shared", LEN, ARCH_DMA_MINALIGN, SLAB_NO_MERGE, NULL);
	left = make("vcsan_left");
	right = make("vcsan_right");
	if (answer && messages && left && right)
		ret = run();
	if (ret)
		free_all();

	return ret;
}

static void __exit shared_exit(void)
{
	free_all();
}

module_init(shared_init);
module_exit(shared_exit);
MODULE_DESCRIPTION("An example for VCSan: two devices, a slab and an interrupt");
MODULE_LICENSE("GPL");

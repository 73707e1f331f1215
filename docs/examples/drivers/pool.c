// SPDX-License-Identifier: GPL-2.0
/*
 * A USB host controller's way: descriptors from a pool of coherent memory, and
 * a request whose data is mapped for as long as the request lasts.
 */

#include <linux/compiler.h>
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/string.h>

#define LEN 300
#define ROUNDS 3

struct request {
	__le32 addr;
	__le32 len;
	__le32 done;
};

static struct platform_device *pdev;
static struct dma_pool *pool;
/* A status that the driver writes at any time, and data in lines of its own. */
static struct {
	u32 state;
	u8 data[LEN] __aligned(ARCH_DMA_MINALIGN);

	u32 errors __aligned(ARCH_DMA_MINALIGN);
} *urb;
static u32 sum;

static noinline void set_state(u32 state)
{
	WRITE_ONCE(urb->state, state);
}

static noinline void set_errors(u32 errors)
{
	WRITE_ONCE(urb->errors, errors);
}

static noinline void fill(int value)
{
	memset(urb->data, value, LEN);
}

static noinline void look(void)
{
	for (int at = 0; at < LEN; at += 32)
		sum += READ_ONCE(urb->data[at]);
}

static noinline int transfer(struct device *dev, int round, enum dma_data_direction dir)
{
	struct request *request;
	dma_addr_t addr, data;

	request = dma_pool_zalloc(pool, GFP_KERNEL, &addr);
	if (!request)
		return -ENOMEM;
	if (dir == DMA_TO_DEVICE)
		fill(round);
	data = dma_map_single(dev, urb->data, LEN, dir);
	if (dma_mapping_error(dev, data)) {
		dma_pool_free(pool, request, addr);
		return -ENOMEM;
	}
	set_state(round);
	set_errors(0);
	WRITE_ONCE(request->addr, cpu_to_le32(data));
	WRITE_ONCE(request->len, cpu_to_le32(LEN));
	/* Here a real driver would start its device, and wait for it. */
	dma_unmap_single(dev, data, LEN, dir);
	if (dir == DMA_FROM_DEVICE)
		look();
	dma_pool_free(pool, request, addr);

	return 0;
}

static int __init pool_init(void)
{
	int ret = -ENOMEM;

	urb = kzalloc_obj(*urb);
	if (!urb)
		return ret;
	pdev = platform_device_register_simple("vcsan_pool", PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(pdev)) {
		ret = PTR_ERR(pdev);
		goto free;
	}
	pool = dma_pool_create("vcsan", &pdev->dev, sizeof(struct request), 16, 0);
	if (!pool)
		goto unregister;
	ret = 0;
	for (int round = 0; !ret && round < ROUNDS; round++) {
		ret = transfer(&pdev->dev, round, DMA_TO_DEVICE);
		if (!ret)
			ret = transfer(&pdev->dev, round, DMA_FROM_DEVICE);
	}
	if (!ret)
		return 0;
	dma_pool_destroy(pool);
unregister:
	platform_device_unregister(pdev);
free:
	kfree(urb);
	return ret;
}

static void __exit pool_exit(void)
{
	dma_pool_destroy(pool);
	platform_device_unregister(pdev);
	kfree(urb);
}

module_init(pool_init);
module_exit(pool_exit);
MODULE_DESCRIPTION("An example for VCSan: descriptors of a pool");
MODULE_LICENSE("GPL");

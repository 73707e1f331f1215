// SPDX-License-Identifier: GPL-2.0
/*
 * Transfers that the fences of a buffer stand for, and devices that come and
 * go. Prototypes are repeated in fences.rs and leaks.rs.
 */

#include <linux/device/faux.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <uapi/linux/dma-buf.h>

#include "support.h"

struct test_fence {
	struct dma_fence base;
	spinlock_t lock; /* of the fence */
	void (*end)(void *data);
	void *data;
};

static const char *name(struct dma_fence *fence)
{
	return "heap_test";
}

/*
 * Somebody waits, which is what the end of the transfer waits for. Without an
 * end, the transfer goes on.
 */
static bool enable_signaling(struct dma_fence *base)
{
	struct test_fence *fence = container_of(base, struct test_fence, base);

	if (!fence->end)
		return true;

	fence->end(fence->data);
	return false;
}

static const struct dma_fence_ops ops = {
	.get_driver_name = name,
	.get_timeline_name = name,
	.enable_signaling = enable_signaling,
};

/*
 * Adds a fence to @dmabuf, of a transfer that writes or reads it. Once somebody
 * waits, @end ends the transfer; NULL: nothing does.
 */
struct dma_fence *heap_test_fence(struct dma_buf *dmabuf, bool write,
				  void (*end)(void *data), void *data)
{
	struct test_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);
	int ret;

	if (!fence)
		return ERR_PTR(-ENOMEM);

	spin_lock_init(&fence->lock);
	fence->end = end;
	fence->data = data;
	dma_fence_init(&fence->base, &ops, &fence->lock, dma_fence_context_alloc(1), 1);

	dma_resv_lock(dmabuf->resv, NULL);
	ret = dma_resv_reserve_fences(dmabuf->resv, 1);
	if (!ret)
		dma_resv_add_fence(dmabuf->resv, &fence->base,
				   write ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);
	dma_resv_unlock(dmabuf->resv);

	if (ret) {
		dma_fence_put(&fence->base);
		return ERR_PTR(ret);
	}

	return &fence->base;
}

/* The transfer ends, if it has not, and the caller's reference is put. */
void heap_test_fence_end(struct dma_fence *fence)
{
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

bool heap_test_fences_signaled(struct dma_buf *dmabuf)
{
	return dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_READ);
}

struct module *heap_test_module(void)
{
	return THIS_MODULE;
}

/* DMA_BUF_IOCTL_SYNC, with @arg in user memory. */
int heap_test_sync(struct dma_buf *dmabuf, unsigned long arg)
{
	return dmabuf->file->f_op->unlocked_ioctl(dmabuf->file, DMA_BUF_IOCTL_SYNC, arg);
}

/* A device that is bound to a driver, for which memory can be mapped. */
struct device *heap_test_device(void)
{
	static atomic_t number;
	struct faux_device *faux;
	char name[32];
	int ret;

	scnprintf(name, sizeof(name), "heap_test.%d", atomic_inc_return(&number));
	faux = faux_device_create(name, NULL, NULL);
	if (!faux)
		return ERR_PTR(-ENODEV);

	ret = dma_coerce_mask_and_coherent(&faux->dev, DMA_BIT_MASK(32));
	if (ret) {
		faux_device_destroy(faux);
		return ERR_PTR(ret);
	}

	return &faux->dev;
}

/* Returns how many references somebody else still has to it. */
unsigned int heap_test_device_destroy(struct device *dev)
{
	unsigned int left;

	get_device(dev);
	faux_device_destroy(to_faux_device(dev));
	left = kref_read(&dev->kobj.kref) - 1;
	put_device(dev);

	return left;
}

unsigned long heap_test_attachments(struct dma_buf *dmabuf)
{
	unsigned long count;

	dma_resv_lock(dmabuf->resv, NULL);
	count = list_count_nodes(&dmabuf->attachments);
	dma_resv_unlock(dmabuf->resv);

	return count;
}

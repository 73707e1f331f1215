// SPDX-License-Identifier: GPL-2.0
/*
 * Exporters that make their buffers for a device of their own, as heaps, so
 * that suites which know heaps can be run on them: GEM objects on shared
 * memory, and the three allocators of videobuf2. What is under test is theirs:
 * here buffers are only asked for, as vkms, vgem and vb2_core_expbuf() do it.
 */

#include <linux/array_size.h>
#include <linux/device/faux.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_prime.h>

#include <media/videobuf2-core.h>
#include <media/videobuf2-dma-contig.h>
#include <media/videobuf2-dma-sg.h>
#include <media/videobuf2-vmalloc.h>

struct exporter {
	const char *name;
	const struct dma_heap_ops *ops;
	const struct vb2_mem_ops *mem_ops;
	bool non_coherent_mem;
	bool map_wc;
	/* Buffers keep a pointer to the one that they were made for. */
	struct vb2_buffer vb;
	struct vb2_queue queue;
};

static struct faux_device *faux;
static struct drm_device *drm;

static struct dma_buf *alloc_vb2(struct dma_heap *heap, unsigned long len,
				 u32 fd_flags, u64 heap_flags)
{
	struct exporter *exporter = dma_heap_get_drvdata(heap);
	struct dma_buf *dmabuf;
	void *priv;

	priv = exporter->mem_ops->alloc(&exporter->vb, &faux->dev, len);
	if (IS_ERR_OR_NULL(priv))
		return priv ? ERR_CAST(priv) : ERR_PTR(-ENOMEM);

	dmabuf = exporter->mem_ops->get_dmabuf(&exporter->vb, priv, fd_flags & O_ACCMODE);
	exporter->mem_ops->put(priv);

	return dmabuf ?: ERR_PTR(-ENOMEM);
}

static const struct dma_heap_ops vb2_ops = {
	.allocate = alloc_vb2,
};

static struct dma_buf *alloc_shmem(struct dma_heap *heap, unsigned long len,
				   u32 fd_flags, u64 heap_flags)
{
	struct exporter *exporter = dma_heap_get_drvdata(heap);
	struct drm_gem_shmem_object *shmem;
	struct dma_buf *dmabuf;

	shmem = drm_gem_shmem_create(drm, len);
	if (IS_ERR(shmem))
		return ERR_CAST(shmem);

	shmem->map_wc = exporter->map_wc;
	dmabuf = drm_gem_prime_export(&shmem->base, fd_flags & O_ACCMODE);
	drm_gem_object_put(&shmem->base);

	return dmabuf;
}

static const struct dma_heap_ops shmem_ops = {
	.allocate = alloc_shmem,
};

static struct exporter exporters[] = {
	{ .name = "drm_shmem", .ops = &shmem_ops },
	{ .name = "drm_shmem_wc", .ops = &shmem_ops, .map_wc = true },
	{ .name = "vb2_vmalloc", .ops = &vb2_ops, .mem_ops = &vb2_vmalloc_memops },
	{ .name = "vb2_dma_sg", .ops = &vb2_ops, .mem_ops = &vb2_dma_sg_memops },
	{ .name = "vb2_dma_contig", .ops = &vb2_ops, .mem_ops = &vb2_dma_contig_memops },
	{ .name = "vb2_dma_contig_nc", .ops = &vb2_ops, .mem_ops = &vb2_dma_contig_memops,
	  .non_coherent_mem = true },
};

DEFINE_DRM_GEM_FOPS(drm_fops);

static const struct drm_driver drm_driver = {
	.driver_features = DRIVER_GEM,
	.fops = &drm_fops,
	.name = "test_exporters",
	.desc = "GEM objects on shared memory",
	.major = 1,
};

static int make_device(void)
{
	int ret;

	faux = faux_device_create("test_exporters", NULL, NULL);
	if (!faux)
		return -ENODEV;

	ret = dma_coerce_mask_and_coherent(&faux->dev, DMA_BIT_MASK(32));
	if (ret)
		return ret;

	drm = drm_dev_alloc(&drm_driver, &faux->dev);

	return PTR_ERR_OR_ZERO(drm);
}

static int __init test_exporters_init(void)
{
	int ret = make_device();

	for (size_t i = 0; !ret && i < ARRAY_SIZE(exporters); i++) {
		struct exporter *exporter = &exporters[i];
		struct dma_heap_export_info info = {
			.name = exporter->name,
			.ops = exporter->ops,
			.priv = exporter,
		};

		exporter->queue.dma_dir = DMA_BIDIRECTIONAL;
		exporter->queue.non_coherent_mem = exporter->non_coherent_mem;
		exporter->vb.vb2_queue = &exporter->queue;
		ret = PTR_ERR_OR_ZERO(dma_heap_add(&info));
	}

	return ret;
}

/* No module_exit(): a heap can't be removed. */
module_init(test_exporters_init);

MODULE_DESCRIPTION("Exporters of dma-bufs as heaps, for tests");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
MODULE_IMPORT_NS("DMA_BUF_HEAP");

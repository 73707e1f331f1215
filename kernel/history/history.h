/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all of these need: pages with a second kernel mapping, and a device that
 * reads and writes them by streaming DMA. It exists for VCSan only, which is
 * told of its transfers.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include <linux/cacheflush.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/string.h>
#include <linux/vcsan.h>
#include <linux/vmalloc.h>

#define HISTORY_PAGES 4
#define HISTORY_LEN (HISTORY_PAGES * PAGE_SIZE)
#define HISTORY_ROUNDS 4

struct history {
	struct platform_device *pdev;
	struct page *pages[HISTORY_PAGES];
	/* Of all pages, one after the other. */
	void *vaddr;
};

static inline void history_exit(struct history *h)
{
	vcsan_note(VCSAN_TEST, "", 0, 0, 0);
	if (h->vaddr)
		vm_unmap_ram(h->vaddr, HISTORY_PAGES);
	for (int i = 0; i < HISTORY_PAGES && h->pages[i]; i++)
		__free_page(h->pages[i]);
	if (!IS_ERR_OR_NULL(h->pdev))
		platform_device_unregister(h->pdev);
}

static inline int history_init(struct history *h)
{
	h->pdev = platform_device_register_simple(KBUILD_MODNAME, -1, NULL, 0);
	if (IS_ERR(h->pdev))
		return PTR_ERR(h->pdev);
	if (dma_coerce_mask_and_coherent(&h->pdev->dev, DMA_BIT_MASK(32)))
		goto fail;

	for (int i = 0; i < HISTORY_PAGES; i++) {
		h->pages[i] = alloc_page(GFP_KERNEL);
		if (!h->pages[i])
			goto fail;
	}
	h->vaddr = vm_map_ram(h->pages, HISTORY_PAGES, NUMA_NO_NODE);
	if (!h->vaddr)
		goto fail;

	vcsan_note(VCSAN_TEST, "history." KBUILD_MODNAME, sizeof("history." KBUILD_MODNAME) - 1,
		   0, 0);
	for (int i = 0; i < HISTORY_PAGES; i++)
		vcsan_note(VCSAN_WATCH, "page", 4, page_to_phys(h->pages[i]), PAGE_SIZE);

	return 0;

fail:
	history_exit(h);

	return -ENOMEM;
}

/* The device reads or writes all pages, as a block driver has it do so. */
static inline int history_transfer(struct history *h, enum dma_data_direction dir)
{
	for (int i = 0; i < HISTORY_PAGES; i++) {
		dma_addr_t addr = dma_map_page(&h->pdev->dev, h->pages[i], 0, PAGE_SIZE, dir);

		if (dma_mapping_error(&h->pdev->dev, addr))
			return -EIO;
		vcsan_note(dir == DMA_TO_DEVICE ? VCSAN_DEVICE_READ : VCSAN_DEVICE_WRITE, "", 0,
			   page_to_phys(h->pages[i]), PAGE_SIZE);
		dma_unmap_page(&h->pdev->dev, addr, PAGE_SIZE, dir);
	}

	return 0;
}

/* Reads all of @vaddr. */
static inline unsigned int history_read(const void *vaddr, size_t len)
{
	const u32 *words = vaddr;
	unsigned int sum = 0;

	for (size_t i = 0; i < len / sizeof(*words); i++)
		sum += READ_ONCE(words[i]);

	return sum;
}

#endif

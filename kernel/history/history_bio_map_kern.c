// SPDX-License-Identifier: GPL-2.0
/*
 * The zones of a disk are reported into a buffer by vmalloc(), which
 * bio_map_kern() makes a request of.
 */

#include "history.h"

static struct history history;

static int bio_map_kern(struct history *h, int round)
{
	int ret;

	memset(h->vaddr, 0, HISTORY_LEN);
	flush_kernel_vmap_range(h->vaddr, HISTORY_LEN);
	ret = history_transfer(h, DMA_FROM_DEVICE);
	invalidate_kernel_vmap_range(h->vaddr, HISTORY_LEN);
	history_read(h->vaddr, HISTORY_LEN);

	return ret;
}

static int __init history_bio_map_kern_init(void)
{
	int ret = history_init(&history);

	for (int i = 0; !ret && i < HISTORY_ROUNDS; i++)
		ret = bio_map_kern(&history, i);

	return ret;
}

static void __exit history_bio_map_kern_exit(void)
{
	history_exit(&history);
}

module_init(history_bio_map_kern_init);
module_exit(history_bio_map_kern_exit);
MODULE_DESCRIPTION("What bio_map_kern() does for a vmalloc buffer");
MODULE_LICENSE("GPL");

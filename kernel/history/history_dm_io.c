// SPDX-License-Identifier: GPL-2.0
/*
 * dm-snapshot has an area for the metadata of its exceptions by vmalloc(), and
 * lets dm-io write and read it.
 */

#include "history.h"

static struct history history;

static int dm_io(struct history *h, int round)
{
	int ret;

	/* A new exception is written. */
	memset(h->vaddr, round, HISTORY_LEN);
	flush_kernel_vmap_range(h->vaddr, HISTORY_LEN);
	ret = history_transfer(h, DMA_TO_DEVICE);
	if (ret)
		return ret;

	/* All of them are read. */
	flush_kernel_vmap_range(h->vaddr, HISTORY_LEN);
	ret = history_transfer(h, DMA_FROM_DEVICE);
	invalidate_kernel_vmap_range(h->vaddr, HISTORY_LEN);
	history_read(h->vaddr, HISTORY_LEN);

	return ret;
}

static int __init history_dm_io_init(void)
{
	int ret = history_init(&history);

	for (int i = 0; !ret && i < HISTORY_ROUNDS; i++)
		ret = dm_io(&history, i);

	return ret;
}

static void __exit history_dm_io_exit(void)
{
	history_exit(&history);
}

module_init(history_dm_io_init);
module_exit(history_dm_io_exit);
MODULE_DESCRIPTION("What dm-io does for dm-snapshot");
MODULE_LICENSE("GPL");

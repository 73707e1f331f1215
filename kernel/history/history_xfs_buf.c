// SPDX-License-Identifier: GPL-2.0
/*
 * XFS maps the pages of a large metadata buffer by vm_map_ram(), works on that
 * mapping, and gives the pages to the block layer.
 */

#include "history.h"

static struct history history;

static int xfs_buf(struct history *h, int round)
{
	int ret;

	/* The log changes an inode cluster, and it is written. */
	memset(h->vaddr, round, HISTORY_LEN);
	flush_kernel_vmap_range(h->vaddr, HISTORY_LEN);
	ret = history_transfer(h, DMA_TO_DEVICE);
	if (ret)
		return ret;

	/* Another one is read. */
	ret = history_transfer(h, DMA_FROM_DEVICE);
	invalidate_kernel_vmap_range(h->vaddr, HISTORY_LEN);
	history_read(h->vaddr, HISTORY_LEN);

	return ret;
}

static int __init history_xfs_buf_init(void)
{
	int ret = history_init(&history);

	for (int i = 0; !ret && i < HISTORY_ROUNDS; i++)
		ret = xfs_buf(&history, i);

	return ret;
}

static void __exit history_xfs_buf_exit(void)
{
	history_exit(&history);
}

module_init(history_xfs_buf_init);
module_exit(history_xfs_buf_exit);
MODULE_DESCRIPTION("What XFS does with its buffers");
MODULE_LICENSE("GPL");

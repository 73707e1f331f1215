// SPDX-License-Identifier: GPL-2.0
/*
 * What NFS did between two fixes: it invalidated a mapping by vm_map_ram() and
 * decoded a directory through it, which had been received through the direct
 * map.
 */

#include "history.h"

static struct history history;

static int nfs_readdir(struct history *h, int round)
{
	for (int i = 0; i < HISTORY_PAGES; i++) {
		/* The transport copies what has come. */
		memset(page_address(h->pages[i]), round, PAGE_SIZE);
		flush_dcache_page(h->pages[i]);
	}
	/* The entries are decoded. */
	invalidate_kernel_vmap_range(h->vaddr, HISTORY_LEN);
	history_read(h->vaddr, HISTORY_LEN);

	return 0;
}

static int __init history_nfs_vmap_init(void)
{
	int ret = history_init(&history);

	for (int i = 0; !ret && i < HISTORY_ROUNDS; i++)
		ret = nfs_readdir(&history, i);

	return ret;
}

static void __exit history_nfs_vmap_exit(void)
{
	history_exit(&history);
}

module_init(history_nfs_vmap_init);
module_exit(history_nfs_vmap_exit);
MODULE_DESCRIPTION("What NFS did to read a directory through a vmap");
MODULE_LICENSE("GPL");

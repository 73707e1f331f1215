// SPDX-License-Identifier: GPL-2.0
/*
 * NFS decodes a directory of several pages. They were received, which is to say
 * copied, through the direct map.
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
	for (int i = 0; i < HISTORY_PAGES; i++)
		history_read(page_address(h->pages[i]), PAGE_SIZE);

	return 0;
}

static int __init history_nfs_readdir_init(void)
{
	int ret = history_init(&history);

	for (int i = 0; !ret && i < HISTORY_ROUNDS; i++)
		ret = nfs_readdir(&history, i);

	return ret;
}

static void __exit history_nfs_readdir_exit(void)
{
	history_exit(&history);
}

module_init(history_nfs_readdir_init);
module_exit(history_nfs_readdir_exit);
MODULE_DESCRIPTION("What NFS does to read a directory");
MODULE_LICENSE("GPL");

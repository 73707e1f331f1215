// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests need of the kernel that Rust cannot reach: macros, inlines
 * and members of structs, one small function each. Prototypes are repeated in
 * sys.rs.
 */

#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/cacheinfo.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>
#include <linux/workqueue.h>

#include <asm/shmparam.h>

#include "support.h"

int heap_test_close_fd(int fd)
{
	return close_fd(fd);
}

/*
 * Maps @len bytes into the mm of this case, which is made with the first such
 * mapping and goes when the case ends: @file from @offset, or memory if NULL.
 * Not kunit_vm_mmap(), which allocates until the case ends, and a case may
 * count what it allocates.
 */
unsigned long heap_test_mmap(struct file *file, unsigned long len,
			     unsigned long offset, bool shared)
{
	unsigned long flags = (shared ? MAP_SHARED : MAP_PRIVATE) |
			      (file ? 0 : MAP_ANONYMOUS);
	int ret;

	ret = kunit_attach_mm();
	if (ret)
		return ret;

	return vm_mmap(file, 0, len, PROT_READ | PROT_WRITE, flags, offset);
}

int heap_test_munmap(unsigned long addr, unsigned long len)
{
	return vm_munmap(addr, len);
}

/* The page of a buffer that a user mapping shows at @addr. */
struct page *heap_test_user_page(unsigned long addr)
{
	struct follow_pfnmap_args args = { .address = addr };
	struct mm_struct *mm = current->mm;
	struct page *page = NULL;

	mmap_read_lock(mm);
	args.vma = vma_lookup(mm, addr);
	if (args.vma && !follow_pfnmap_start(&args)) {
		page = pfn_to_page(args.pfn);
		follow_pfnmap_end(&args);
	}
	mmap_read_unlock(mm);

	return page;
}

int heap_test_read_user(unsigned long addr, u32 *word)
{
	return get_user(*word, (u32 __user *)addr);
}

int heap_test_write_user(unsigned long addr, u32 word)
{
	return put_user(word, (u32 __user *)addr);
}

struct test_work {
	struct work_struct work;
	void (*run)(void *data);
	void *data;
};

static void run_work(struct work_struct *work)
{
	struct test_work *test_work = container_of(work, struct test_work, work);

	test_work->run(test_work->data);
}

/* Has @run called by a thread that belongs to no process, and waits for it. */
void heap_test_in_worker(void (*run)(void *data), void *data)
{
	struct test_work work = { .run = run, .data = data };

	INIT_WORK_ONSTACK(&work.work, run_work);
	schedule_work(&work.work);
	flush_work(&work.work);
	destroy_work_on_stack(&work.work);
}

/*
 * Waits for buffers that were dropped: fput() of a kernel thread is deferred.
 * Now and then addresses of vmaps that are gone are made free too, else new
 * ones would need ever more page tables.
 */
void heap_test_flush(void)
{
	static atomic_t calls;

	flush_delayed_fput();
	if (atomic_inc_return(&calls) % 16 == 0)
		vm_unmap_aliases();
}

/*
 * Waits until what was given to kfree_rcu() is free, as nodes of an address
 * space are. With preemption that waits in batches, for seconds. Modules can't
 * call kvfree_rcu_barrier(), but to destroy a cache does.
 */
static void free_batches(void)
{
	if (IS_ENABLED(CONFIG_KVFREE_RCU_BATCHED))
		kmem_cache_destroy(kmem_cache_create("heap_test", 1, 0, SLAB_NO_MERGE, NULL));
}

/*
 * Frees the pages that kmalloc() keeps for objects to come. It keeps some
 * hundreds of each size, of which a leak would be served without a page.
 */
static void shrink_caches(void)
{
	for (int type = 0; type < NR_KMALLOC_TYPES; type++)
		for (int size = 0; size <= KMALLOC_SHIFT_HIGH; size++)
			if (kmalloc_caches[type][size])
				kmem_cache_shrink(kmalloc_caches[type][size]);
}

/*
 * Pages allocated since boot minus pages freed, in the whole system. Unlike
 * the number of free pages it does not depend on what per-CPU lists hold.
 */
unsigned long heap_test_pages_in_use(void)
{
	static unsigned long events[NR_VM_EVENT_ITEMS];
	static DEFINE_MUTEX(lock);
	unsigned long pages = 0;

	heap_test_flush();
	vm_unmap_aliases();
	free_batches();
	rcu_barrier();
	shrink_caches();

	guard(mutex)(&lock);
	all_vm_events(events);
	for (int zone = 0; zone < MAX_NR_ZONES; zone++)
		pages += events[PGALLOC_NORMAL - ZONE_NORMAL + zone];

	return pages - events[PGFREE];
}

/*
 * The exporter's own vmap and, if it has one, vunmap. dma_buf_vmap() warns when the first of
 * them fails, which is what the caller is after.
 */
int heap_test_vmap(struct dma_buf *dmabuf)
{
	struct iosys_map map;
	int ret;

	dma_resv_lock(dmabuf->resv, NULL);
	ret = dmabuf->ops->vmap(dmabuf, &map);
	if (!ret && dmabuf->ops->vunmap)
		dmabuf->ops->vunmap(dmabuf, &map);
	dma_resv_unlock(dmabuf->resv);

	return ret;
}

/*
 * The exporter's own map and unmap of an attachment that is not mapped. With
 * DMABUF_DEBUG, dma_buf_map_attachment() allocates too.
 */
int heap_test_map(struct dma_buf_attachment *attach)
{
	const struct dma_buf_ops *ops = attach->dmabuf->ops;
	struct sg_table *table;

	dma_resv_lock(attach->dmabuf->resv, NULL);
	table = ops->map_dma_buf(attach, DMA_BIDIRECTIONAL);
	if (!IS_ERR(table))
		ops->unmap_dma_buf(attach, table, DMA_BIDIRECTIONAL);
	dma_resv_unlock(attach->dmabuf->resv);

	return PTR_ERR_OR_ZERO(table);
}

/* The attachment that was made last; NULL if there is none. */
struct dma_buf_attachment *heap_test_newest_attachment(struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *newest;

	dma_resv_lock(dmabuf->resv, NULL);
	newest = list_first_entry_or_null(&dmabuf->attachments,
					  struct dma_buf_attachment, node);
	dma_resv_unlock(dmabuf->resv);

	return newest;
}

/* The page at @addr, an address of a vmap. Heaps map pages by vmap(), or by the direct map. */
struct page *heap_test_page(const void *addr)
{
	return is_vmalloc_addr(addr) ? vmalloc_to_page(addr) : virt_to_page(addr);
}

u64 heap_test_page_phys(struct page *page)
{
	return page_to_phys(page);
}

/* Where @page is in the direct map. NULL if it is in high memory. */
void *heap_test_direct_map(struct page *page)
{
	return PageHighMem(page) ? NULL : page_address(page);
}

/*
 * The direct map, or a mapping of this thread that goes with
 * heap_test_unmap_page(). For a page of the direct map, kunmap_local() would
 * flush the cache on some CPUs.
 */
void *heap_test_map_page(struct page *page)
{
	return PageHighMem(page) ? kmap_local_page(page) : page_address(page);
}

void heap_test_unmap_page(struct page *page, void *start)
{
	if (PageHighMem(page))
		kunmap_local(start);
}

/* Whether a page is mapped at @addr, an address that vmap() has returned some time. */
bool heap_test_is_mapped(unsigned long addr)
{
	return vmalloc_to_page((void *)addr);
}

/*
 * The bits in which the addresses of two aliases of a page must agree for both
 * to use the same cache lines; 0 if the D-cache never aliases.
 */
unsigned long heap_test_colour_mask(void)
{
	if (!cpu_dcache_is_aliasing())
		return 0;

#if defined(CONFIG_ARM)
	/* A virtual tag tells any two addresses apart. */
	if (cache_is_vivt())
		return PAGE_MASK;

	return (SHMLBA - 1) & PAGE_MASK;
#elif defined(CONFIG_MIPS)
	/* SHMLBA covers the largest cache, this the one that is there. */
	return shm_align_mask & PAGE_MASK;
#elif defined(CONFIG_PARISC)
	return (SHM_COLOUR - 1) & PAGE_MASK;
#else
	return (SHMLBA - 1) & PAGE_MASK;
#endif
}

void heap_test_skip(const char *why)
{
	kunit_mark_skipped(kunit_get_current_test(), "%s", why);
}

/* Makes this thread look killed, or not any more. */
void heap_test_kill(bool killed)
{
	if (killed) {
		allow_signal(SIGKILL);
		send_sig(SIGKILL, current, 1);
	} else {
		flush_signals(current);
		disallow_signal(SIGKILL);
	}
}

/* The @nth allocation of this thread from now on fails; 0: none. */
void heap_test_fail_nth(unsigned int nth)
{
#ifdef CONFIG_FAULT_INJECTION
	WRITE_ONCE(current->fail_nth, nth);
#endif
}

/* What is left of the count; 0 once the allocation has failed. */
unsigned int heap_test_fail_nth_left(void)
{
#ifdef CONFIG_FAULT_INJECTION
	return READ_ONCE(current->fail_nth);
#else
	return 0;
#endif
}

#if defined(CONFIG_FAULT_INJECTION_DEBUG_FS) && \
	defined(CONFIG_FAILSLAB) && defined(CONFIG_FAIL_PAGE_ALLOC)
/*
 * By default only allocations that may not sleep fail, nor do those of a
 * single page, and each failure prints a stack. Written as user space would
 * do it: there is no other interface. Pairs of value while armed and default.
 */
static const struct {
	const char *path;
	char armed, normal;
} knobs[] = {
	{ "failslab/ignore-gfp-wait", 'N', 'Y' },
	{ "failslab/verbose", '0', '2' },
	{ "fail_page_alloc/ignore-gfp-wait", 'N', 'Y' },
	{ "fail_page_alloc/ignore-gfp-highmem", 'N', 'Y' },
	{ "fail_page_alloc/min-order", '0', '1' },
	{ "fail_page_alloc/verbose", '0', '2' },
};

static int write_knob(struct vfsmount *mnt, const char *name, char value,
		      void __user *buf)
{
	struct path root = { .mnt = mnt, .dentry = mnt->mnt_root };
	struct file *file;
	loff_t pos = 0;
	ssize_t ret;

	if (put_user(value, (char __user *)buf))
		return -EFAULT;

	file = file_open_root(&root, name, O_WRONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);

	ret = file->f_op->write(file, buf, 1, &pos);
	__fput_sync(file);

	return ret == 1 ? 0 : ret < 0 ? ret : -EIO;
}

/*
 * Lets every allocation of a thread fail that heap_test_fail_nth() names, or
 * only those that fail by default. @buf is a byte of user memory.
 */
int heap_test_arm_faults(bool armed, unsigned long buf)
{
	struct file_system_type *debugfs = get_fs_type("debugfs");
	struct vfsmount *mnt;
	int ret = 0;

	if (!debugfs)
		return -ENXIO;

	mnt = kern_mount(debugfs);
	if (IS_ERR(mnt)) {
		ret = PTR_ERR(mnt);
		goto put;
	}

	for (size_t i = 0; !ret && i < ARRAY_SIZE(knobs); i++)
		ret = write_knob(mnt, knobs[i].path,
				 armed ? knobs[i].armed : knobs[i].normal,
				 (void __user *)buf);

	kern_unmount(mnt);
put:
	module_put(debugfs->owner);

	return ret;
}
#else
int heap_test_arm_faults(bool armed, unsigned long buf)
{
	return -ENXIO;
}
#endif

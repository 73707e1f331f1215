// SPDX-License-Identifier: GPL-2.0
/*
 * What each operation of this kernel does to a line of the cache on this CPU:
 * VCSan, which watches, reports a hazard of each that does not write back, and
 * of each that does not drop. Included by mutant.c.
 */

#include <linux/mman.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include <linux/vcsan.h>
#include <linux/vmalloc.h>

struct probed {
	struct page *page;
	/* One of the page's aliases, which the operation is for. */
	void *addr;
	bool user;
	struct device *dev;
	dma_addr_t dma;
};

static void probe_write(const struct probed *at, u32 value)
{
	if (at->user)
		WARN_ON(put_user(value, (u32 __user *)at->addr));
	else
		WRITE_ONCE(*(u32 *)at->addr, value);
}

static void probe_read(const struct probed *at)
{
	u32 value;

	if (at->user)
		WARN_ON(get_user(value, (u32 __user *)at->addr));
	else
		READ_ONCE(*(u32 *)at->addr);
}

/* What an operation is done to: the probed page, the one behind it, or one line of that. */
enum place { HERE, ELSEWHERE, LINE_ELSEWHERE };

static const char * const place_names[] = { "", "_elsewhere", "_line_elsewhere" };

/* The names are those of the host's model. */
static void probe_do(const struct probed *at, const char *op, enum place place)
{
	size_t len = place == LINE_ELSEWHERE ? L1_CACHE_BYTES : PAGE_SIZE;
	size_t offset = place == HERE ? 0 : PAGE_SIZE;
	dma_addr_t dma = at->dma + offset;
	void *addr = at->addr + offset;

	if (!strcmp(op, "write_back_vmap")) {
		flush_kernel_vmap_range(addr, len);
	} else if (!strcmp(op, "invalidate_vmap")) {
		invalidate_kernel_vmap_range(addr, len);
	} else if (!strcmp(op, "flush_user")) {
		unsigned long start = (unsigned long)addr;
		struct vm_area_struct *vma;

		mmap_read_lock(current->mm);
		vma = vma_lookup(current->mm, start);
		if (!WARN_ON(!vma))
			flush_cache_range(vma, start, start + len);
		mmap_read_unlock(current->mm);
	} else if (!strcmp(op, "write_back_fresh")) {
		flush_dcache_folio(page_folio(at->page));
	} else if (!strcmp(op, "to_device")) {
		dma_sync_single_for_device(at->dev, dma, len, DMA_TO_DEVICE);
	} else if (!strcmp(op, "bidirectional")) {
		dma_sync_single_for_device(at->dev, dma, len, DMA_BIDIRECTIONAL);
	} else if (!strcmp(op, "from_device")) {
		dma_sync_single_for_device(at->dev, dma, len, DMA_FROM_DEVICE);
	} else if (!strcmp(op, "for_cpu")) {
		dma_sync_single_for_cpu(at->dev, dma, len, DMA_BIDIRECTIONAL);
	} else if (!strcmp(op, "for_cpu_to_device")) {
		dma_sync_single_for_cpu(at->dev, dma, len, DMA_TO_DEVICE);
	}
}

static void probe_test(const struct probed *at, const char *op, enum place place, const char *what)
{
	char test[64];
	int len = scnprintf(test, sizeof(test), "cpu/%s%s.%s", op, place_names[place], what);

	mutant_flush_all();
	vcsan_note(VCSAN_TEST, test, len, 0, 0);
	vcsan_note(VCSAN_WATCH, "page", 4, page_to_phys(at->page), PAGE_SIZE);
}

static void probe_one(const struct probed *at, const char *op, enum place place)
{
	phys_addr_t phys = page_to_phys(at->page);

	probe_test(at, op, place, "write_back");
	probe_write(at, 1);
	probe_do(at, op, place);
	vcsan_note(VCSAN_DEVICE_READ, "", 0, phys, sizeof(u32));

	probe_test(at, op, place, "drop");
	probe_read(at);
	vcsan_note(VCSAN_DEVICE_WRITE, "", 0, phys, sizeof(u32));
	probe_do(at, op, place);
	probe_read(at);
	vcsan_note(VCSAN_TEST, "", 0, 0, 0);
}

static void probe(const struct probed *at, const char *op, enum place last)
{
	for (enum place place = HERE; place <= last; place++)
		probe_one(at, op, place);
}

static int probe_kernel(void)
{
	struct pci_dev *pci = pci_get_device(PCI_VENDOR_ID_LSI_LOGIC, 0x0012, NULL);
	/* The second page is the one that is elsewhere. */
	struct page *page = alloc_pages(GFP_KERNEL, 1);
	struct page *pages[] = { page, page + 1 };
	struct probed direct = { .page = page }, vmapped = { .page = page };
	int err = -ENODEV;

	if (WARN_ON(!page || !pci))
		goto out;
	direct.addr = page_address(page);
	direct.dev = &pci->dev;
	direct.dma = dma_map_single(direct.dev, direct.addr, 2 * PAGE_SIZE, DMA_BIDIRECTIONAL);
	if (dma_mapping_error(direct.dev, direct.dma))
		goto out;
	vmapped.addr = vmap(pages, ARRAY_SIZE(pages), VM_MAP, PAGE_KERNEL);
	if (vmapped.addr) {
		probe(&vmapped, "write_back_vmap", LINE_ELSEWHERE);
		probe(&vmapped, "invalidate_vmap", LINE_ELSEWHERE);
		probe(&direct, "nothing", HERE);
		probe(&direct, "write_back_fresh", HERE);
		probe(&direct, "to_device", ELSEWHERE);
		probe(&direct, "bidirectional", ELSEWHERE);
		probe(&direct, "from_device", ELSEWHERE);
		probe(&direct, "for_cpu", ELSEWHERE);
		probe(&direct, "for_cpu_to_device", ELSEWHERE);
		vunmap(vmapped.addr);
		err = 0;
	}
	dma_unmap_single(direct.dev, direct.dma, 2 * PAGE_SIZE, DMA_BIDIRECTIONAL);
out:
	if (page)
		__free_pages(page, 1);
	pci_dev_put(pci);
	return err;
}

/* In the process that asks. */
static int probe_user(void)
{
	struct probed user = { .user = true };
	unsigned long addr;
	int count;

	addr = vm_mmap(NULL, 0, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(addr))
		return (int)addr;
	user.addr = (void *)addr;
	probe_write(&user, 0);
	count = get_user_pages_fast(addr, 1, FOLL_WRITE, &user.page);
	if (count == 1) {
		probe(&user, "flush_user", ELSEWHERE);
		put_page(user.page);
	}
	vm_munmap(addr, 2 * PAGE_SIZE);
	return count == 1 ? 0 : -EFAULT;
}

static int probe_set(const char *text, const struct kernel_param *kp)
{
	return probe_kernel() ?: probe_user();
}

static const struct kernel_param_ops probe_ops = {
	.set = probe_set,
};

core_param_cb(probe, &probe_ops, NULL, 0200);

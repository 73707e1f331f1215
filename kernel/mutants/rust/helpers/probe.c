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

/* The names are those of the host's model. */
static void probe_do(const struct probed *at, const char *name)
{
	size_t len = PAGE_SIZE;

	if (!strcmp(name, "write_back_vmap")) {
		flush_kernel_vmap_range(at->addr, len);
	} else if (!strcmp(name, "write_back_vmap_elsewhere")) {
		flush_kernel_vmap_range(at->addr + len, len);
	} else if (!strcmp(name, "invalidate_vmap")) {
		invalidate_kernel_vmap_range(at->addr, len);
	} else if (!strcmp(name, "flush_user") || !strcmp(name, "flush_user_elsewhere")) {
		unsigned long start = (unsigned long)at->addr + (name[strlen("flush_user")] ? len : 0);
		struct vm_area_struct *vma;

		mmap_read_lock(current->mm);
		vma = vma_lookup(current->mm, start);
		if (!WARN_ON(!vma))
			flush_cache_range(vma, start, start + len);
		mmap_read_unlock(current->mm);
	} else if (!strcmp(name, "write_back_fresh")) {
		flush_dcache_folio(page_folio(at->page));
	} else if (!strcmp(name, "to_device")) {
		dma_sync_single_for_device(at->dev, at->dma, len, DMA_TO_DEVICE);
	} else if (!strcmp(name, "bidirectional")) {
		dma_sync_single_for_device(at->dev, at->dma, len, DMA_BIDIRECTIONAL);
	} else if (!strcmp(name, "from_device")) {
		dma_sync_single_for_device(at->dev, at->dma, len, DMA_FROM_DEVICE);
	} else if (!strcmp(name, "for_cpu")) {
		dma_sync_single_for_cpu(at->dev, at->dma, len, DMA_BIDIRECTIONAL);
	}
}

static void probe_test(const struct probed *at, const char *name, const char *what)
{
	char test[64];
	int len = scnprintf(test, sizeof(test), "cpu/%s.%s", name, what);

	mutant_flush_all();
	vcsan_note(VCSAN_TEST, test, len, 0, 0);
	vcsan_note(VCSAN_WATCH, "page", 4, page_to_phys(at->page), PAGE_SIZE);
}

static void probe_both(const struct probed *at, const char *name)
{
	phys_addr_t phys = page_to_phys(at->page);

	probe_test(at, name, "write_back");
	probe_write(at, 1);
	probe_do(at, name);
	vcsan_note(VCSAN_DEVICE_READ, "", 0, phys, sizeof(u32));

	probe_test(at, name, "drop");
	probe_read(at);
	vcsan_note(VCSAN_DEVICE_WRITE, "", 0, phys, sizeof(u32));
	probe_do(at, name);
	probe_read(at);
	vcsan_note(VCSAN_TEST, "", 0, 0, 0);
}

static int probe_kernel(void)
{
	struct pci_dev *pci = pci_get_device(PCI_VENDOR_ID_LSI_LOGIC, 0x0012, NULL);
	struct page *page = alloc_page(GFP_KERNEL);
	struct page *pages[] = { page, page };
	struct probed direct = { .page = page }, vmapped = { .page = page };
	int err = -ENODEV;

	if (WARN_ON(!page || !pci))
		goto out;
	direct.addr = page_address(page);
	direct.dev = &pci->dev;
	direct.dma = dma_map_single(direct.dev, direct.addr, PAGE_SIZE, DMA_BIDIRECTIONAL);
	vmapped.addr = vmap(pages, ARRAY_SIZE(pages), VM_MAP, PAGE_KERNEL);
	if (!vmapped.addr || dma_mapping_error(direct.dev, direct.dma))
		goto out;
	probe_both(&direct, "nothing");
	probe_both(&vmapped, "write_back_vmap");
	probe_both(&vmapped, "write_back_vmap_elsewhere");
	probe_both(&vmapped, "invalidate_vmap");
	probe_both(&direct, "write_back_fresh");
	probe_both(&direct, "to_device");
	probe_both(&direct, "bidirectional");
	probe_both(&direct, "from_device");
	probe_both(&direct, "for_cpu");
	dma_unmap_single(direct.dev, direct.dma, PAGE_SIZE, DMA_BIDIRECTIONAL);
	err = 0;
out:
	vunmap(vmapped.addr);
	if (page)
		__free_page(page);
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
		probe_both(&user, "flush_user");
		probe_both(&user, "flush_user_elsewhere");
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

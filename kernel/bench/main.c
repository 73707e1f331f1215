// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the rows on each heap, once, when the module is loaded.
 */

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sched/mm.h>

#include "heap_bench.h"

static char *heaps[4];
static int heaps_count;
module_param_array(heaps, charp, &heaps_count, 0444);
MODULE_PARM_DESC(heaps, "Names of the heaps to measure");

struct run {
	struct heap heap;
	struct mm_struct *mm;
	struct completion done;
	int result;
};

/*
 * A thread of the kernel, whose last reference to a file is put when it says
 * so, and not when a system call returns.
 */
static int run_in_thread(void *data)
{
	struct run *run = data;

	kthread_use_mm(run->mm);
	run->heap.arg = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(run->heap.arg)) {
		run->result = run->heap.arg;
	} else {
		run->result = rows_run(&run->heap);
		vm_munmap(run->heap.arg, PAGE_SIZE);
	}
	kthread_unuse_mm(run->mm);
	complete(&run->done);

	return 0;
}

static int run(struct run *run, const char *name)
{
	char path[64];
	struct task_struct *thread;

	run->heap.name = name;
	snprintf(path, sizeof(path), "/dev/dma_heap/%s", name);
	run->heap.file = filp_open(path, O_RDWR | O_CLOEXEC, 0);
	if (IS_ERR(run->heap.file)) {
		pr_err("failed to open %s: %pe\n", path, run->heap.file);
		return PTR_ERR(run->heap.file);
	}

	run->mm = current->mm;
	init_completion(&run->done);
	thread = kthread_run(run_in_thread, run, "heap_bench");
	if (IS_ERR(thread))
		run->result = PTR_ERR(thread);
	else
		wait_for_completion(&run->done);
	filp_close(run->heap.file, NULL);
	if (run->result)
		pr_err("failed to measure %s: %pe\n", name, ERR_PTR(run->result));

	return run->result;
}

static void unregister(struct heap *heap)
{
	for (int i = 0; i < MOST && heap->devices[i]; i++)
		platform_device_unregister(heap->devices[i]);
}

static int register_devices(struct heap *heap)
{
	for (int i = 0; i < MOST; i++) {
		struct platform_device *pdev;
		int ret;

		pdev = platform_device_register_simple(KBUILD_MODNAME, i, NULL, 0);
		if (IS_ERR(pdev))
			return PTR_ERR(pdev);
		heap->devices[i] = pdev;
		ret = dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(32));
		if (ret)
			return ret;
	}

	return 0;
}

static int __init heap_bench_init(void)
{
	struct run each = {};
	int ret;

	ret = register_devices(&each.heap);
	for (int i = 0; !ret && i < heaps_count; i++)
		ret = run(&each, heaps[i]);
	unregister(&each.heap);

	return ret;
}
module_init(heap_bench_init);

static void __exit heap_bench_exit(void)
{
}
module_exit(heap_bench_exit);

MODULE_DESCRIPTION("What calls of a dma-buf heap cost");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");

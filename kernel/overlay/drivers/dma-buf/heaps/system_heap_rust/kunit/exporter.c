// SPDX-License-Identifier: GPL-2.0
/*
 * The exporter under test: how its buffers are made, and which cases need what
 * it does not do. Prototypes are repeated in sys.rs.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <kunit/test.h>
#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/glob.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <uapi/linux/dma-heap.h>
#include <uapi/linux/fcntl.h>
#include <uapi/linux/udmabuf.h>

#include "support.h"

#ifdef CONFIG_DMABUF_HEAPS_SYSTEM
#define SYSTEM_HEAP_RUST "system_rust"
#else
#define SYSTEM_HEAP_RUST "system"
#endif

static char heap[32] = SYSTEM_HEAP_RUST;
module_param_string(heap, heap, sizeof(heap), 0444);
MODULE_PARM_DESC(heap, "Name of the heap to test (default: " SYSTEM_HEAP_RUST ")");

static bool udmabuf;
module_param(udmabuf, bool, 0444);
MODULE_PARM_DESC(udmabuf, "Test udmabuf on shared memory and no heap (default: no)");

static bool aligned;
module_param(aligned, bool, 0444);
MODULE_PARM_DESC(aligned, "Chunks are as large as fit, and aligned to their size (default: no)");

static char *skip = "";
module_param(skip, charp, 0444);
MODULE_PARM_DESC(skip, "Cases that the exporter can't do, SUITE.CASE, globs with commas between them");

static struct file *exporter_file;

static bool is_skipped(const char *globs, const char *name)
{
	char *copy = kstrdup(globs, GFP_KERNEL), *rest = copy, *glob;
	bool found = false;

	while (!found && (glob = strsep(&rest, ",")))
		found = *glob && glob_match(glob, name);
	kfree(copy);

	return found;
}

/* Marks the cases as KUnit itself does it for those that a filter leaves out. */
static void skip_cases(void)
{
	for (int i = 0; i < THIS_MODULE->num_kunit_suites; i++) {
		struct kunit_suite *suite = THIS_MODULE->kunit_suites[i];
		struct kunit_case *test_case;

		kunit_suite_for_each_test_case(suite, test_case) {
			char name[128];

			snprintf(name, sizeof(name), "%s.%s", suite->name, test_case->name);
			if (is_skipped(skip, name))
				test_case->status = KUNIT_SKIPPED;
		}
	}
}

/*
 * Called from the module's init: kernel threads, in which the cases run, have
 * no view of /dev.
 */
int heap_test_open(void)
{
	char path[sizeof("/dev/dma_heap/") + sizeof(heap)];

	skip_cases();
	if (udmabuf)
		strscpy(path, "/dev/udmabuf");
	else
		snprintf(path, sizeof(path), "/dev/dma_heap/%s", heap);
	exporter_file = filp_open(path, O_RDWR | O_CLOEXEC, 0);
	if (IS_ERR(exporter_file))
		pr_err("failed to open %s: %pe; is the exporter loaded and devtmpfs mounted?\n",
		       path, exporter_file);

	return PTR_ERR_OR_ZERO(exporter_file);
}

void heap_test_close(void)
{
	if (!IS_ERR_OR_NULL(exporter_file))
		filp_close(exporter_file, NULL);
	exporter_file = NULL;
}

/*
 * Whether a buffer of @len bytes can have a user mapping of another colour than
 * the direct map has, in half of its pages. Where the colour follows from the
 * offset, it is the direct map's in a chunk that is aligned to its size.
 */
bool heap_test_can_alias(unsigned long len)
{
	unsigned long mask = heap_test_colour_mask();
	bool by_offset = mask && mask != PAGE_MASK && !IS_ENABLED(CONFIG_PARISC);

	return len <= PAGE_SIZE || !by_offset || !aligned;
}

static int call(unsigned int cmd, unsigned long arg)
{
	return exporter_file->f_op->unlocked_ioctl(exporter_file, cmd, arg);
}

/* A memfd as udmabuf wants it: one that can't shrink. */
static int make_memfd(size_t len)
{
	struct file *file;
	int fd;

	file = shmem_file_setup("heap_test", len, EMPTY_VMA_FLAGS);
	if (IS_ERR(file))
		return PTR_ERR(file);

	SHMEM_I(file_inode(file))->seals = F_SEAL_SHRINK;
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		fput(file);
	else
		fd_install(fd, file);

	return fd;
}

/* Does with a memfd what DMA_HEAP_IOCTL_ALLOC does, with the same argument. */
static int alloc_udmabuf(unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct dma_heap_allocation_data data;
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC };
	int memfd, fd;

	if (copy_from_user(&data, user, sizeof(data)))
		return -EFAULT;

	create.size = PAGE_ALIGN(data.len);
	memfd = make_memfd(create.size);
	if (memfd < 0)
		return memfd;

	/* The argument of both has as many bytes, and the case does not look at it meanwhile. */
	static_assert(sizeof(create) == sizeof(data));
	create.memfd = memfd;
	fd = copy_to_user(user, &create, sizeof(create)) ? -EFAULT : call(UDMABUF_CREATE, arg);
	close_fd(memfd);
	if (fd < 0)
		return fd;

	data.fd = fd;
	if (copy_to_user(user, &data, sizeof(data))) {
		close_fd(fd);
		return -EFAULT;
	}

	return 0;
}

/* Allocates as DMA_HEAP_IOCTL_ALLOC does, with @arg in user memory. */
int heap_test_alloc(unsigned long arg)
{
	if (IS_ERR_OR_NULL(exporter_file))
		return exporter_file ? PTR_ERR(exporter_file) : -ENODEV;

	return udmabuf ? alloc_udmabuf(arg) : call(DMA_HEAP_IOCTL_ALLOC, arg);
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffers of a dma-buf heap. A device and a user in the kernel take part by way
 * of /dev/dma_buf_test, the node of the heap's test module.
 */
#ifndef BUFFERS_H
#define BUFFERS_H

#include <sched.h>

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>

#include "suite.h"

#define PAGE 4096UL
#define PAGES 5UL
#define SIZE (PAGES * PAGE)

#define READ DMA_BUF_SYNC_READ
#define RW DMA_BUF_SYNC_RW

/* The same as in the module's node.rs. */
struct request {
	__u64 data;
	__s32 fd;
	__u32 what;
	__u32 offset;
	__u32 len;
};

enum {
	DEVICE_READS,
	DEVICE_WRITES,
	KERNEL_READS,
	KERNEL_WRITES,
	TRANSFER_BEGINS,
	TRANSFER_ENDS,
	WATCH,
};

#define TRANSFER _IOW('h', 1, struct request)

static const char *heap;
static int node = -1;

static void write_file(const char *path, const char *text)
{
	int fd = must(open(path, O_WRONLY | O_CLOEXEC));

	must(write(fd, text, strlen(text)));
	close(fd);
}

static int open_heap(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/dma_heap/%s", heap);
	return must(open(path, O_RDONLY | O_CLOEXEC));
}

static int allocate(int flags)
{
	struct dma_heap_allocation_data data = { .len = SIZE, .fd_flags = flags | O_CLOEXEC };
	int fd = open_heap();

	must(ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &data));
	close(fd);
	return data.fd;
}

/*
 * What is mapped at @at is watched from now on. Pages that come with a fault are
 * not there yet; those are watched once a device gets at them.
 */
static void watch(int fd, const void *at, unsigned long len)
{
	struct request request = {
		.data = (unsigned long)at, .fd = fd, .what = WATCH, .len = len,
	};

	if (node >= 0)
		must(ioctl(node, TRANSFER, &request));
}

static unsigned char *map(int fd, unsigned long first, unsigned long pages)
{
	unsigned char *at = must(mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
				      fd, first * PAGE));

	watch(fd, at, pages * PAGE);
	return at;
}

static void begin(int fd, unsigned int flags)
{
	struct dma_buf_sync sync = { DMA_BUF_SYNC_START | flags };

	must(ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync));
}

static void end(int fd, unsigned int flags)
{
	struct dma_buf_sync sync = { DMA_BUF_SYNC_END | flags };

	must(ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync));
}

/* What takes part by way of the node reads or writes all of the buffer. */
static void other(int fd, int what, unsigned int seed)
{
	static unsigned char data[SIZE];
	struct request request = {
		.data = (unsigned long)data, .fd = fd, .what = what, .len = SIZE,
	};

	fill(data, 0, SIZE, what == DEVICE_WRITES || what == KERNEL_WRITES ? seed : ~seed);
	must(ioctl(node, TRANSFER, &request));
	compare(what == DEVICE_READS ? "the device" : "the kernel", data, 0, SIZE, seed);
}

/* A transfer that writes the buffer begins or ends. */
static void transfer(int fd, int what)
{
	struct request request = { .fd = fd, .what = what, .len = SIZE };

	must(ioctl(node, TRANSFER, &request));
}

/* In an access of its own, a process writes what it has mapped, or compares it. */
static void write_in_access(int fd, unsigned char *at, unsigned long offset, unsigned long len,
			    unsigned int seed)
{
	begin(fd, RW);
	fill(at, offset, len, seed);
	end(fd, RW);
}

static void compare_in_access(const char *who, int fd, const unsigned char *at,
			      unsigned long offset, unsigned long len, unsigned int seed)
{
	begin(fd, READ);
	compare(who, at, offset, len, seed);
	end(fd, READ);
}

/* Lets @child run until it sleeps, or has ended. */
static void until_it_sleeps(pid_t child)
{
	char path[32], state = 'R';

	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	while (state == 'R') {
		FILE *file = fopen(path, "r");

		if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			fail("failed to read %s", path);
		fclose(file);
		sched_yield();
	}
}

/* Runs @run in a child to its end. */
static void in_child(void (*run)(int fd, unsigned char *at), int fd, unsigned char *at)
{
	int status;
	pid_t child = must(fork());

	if (!child) {
		run(fd, at);
		fflush(stdout);
		_exit(0);
	}
	must(waitpid(child, &status, 0));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail("the child ended with %#x", status);
}

/* The program: a suite of @count @cases on the heap that it is given. */
static int suite(int argc, char **argv, const struct test *cases, int count)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s HEAP\n", argv[0]);
		return 2;
	}
	heap = argv[1];
	node = open("/dev/dma_buf_test", O_RDWR | O_CLOEXEC);
	if (node < 0)
		fprintf(stderr, "failed to open /dev/dma_buf_test: %s\n", strerror(errno));
	return run_all(cases, count);
}

#endif

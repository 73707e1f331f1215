/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffers of a dma-buf heap, and the cases of a suite: what the programs here
 * share. Each defines SUITE first, and cases[] later. A device and a user in
 * the kernel take part by way of /dev/dma_buf_test, the node of the heap's test
 * module.
 */
#ifndef BUFFERS_H
#define BUFFERS_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/vcsan.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

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

enum { DEVICE_READS, DEVICE_WRITES, KERNEL_READS, KERNEL_WRITES };

#define TRANSFER _IOW('h', 1, struct request)

static const char *heap;
static int node = -1;
/* The case that runs. */
static const char *name;

/* Says why the case fails, and ends it. */
[[gnu::noreturn, gnu::format(printf, 1, 2)]] static void fail(const char *format, ...)
{
	char why[256];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	printf("    # %s: %s\n", name, why);
	fflush(stdout);
	_exit(1);
}

#define must(what) ({							\
	typeof(what) __ret = (what);					\
	if ((long)__ret == -1)						\
		fail("line %d: %s: %s", __LINE__, #what, strerror(errno)); \
	__ret;								\
})

static int allocate(int flags)
{
	struct dma_heap_allocation_data data = { .len = SIZE, .fd_flags = flags | O_CLOEXEC };
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/dma_heap/%s", heap);
	fd = must(open(path, O_RDONLY | O_CLOEXEC));
	must(ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &data));
	close(fd);
	return data.fd;
}

static unsigned char *map(int fd, unsigned long first, unsigned long pages)
{
	return must(mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 first * PAGE));
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

/* The byte at @at of what @seed stands for. */
static unsigned char pattern(unsigned int seed, unsigned long at)
{
	unsigned int hash = (at / 4 ^ seed * 0x01010101U) * 0x9e3779b1U;

	return (hash ^ hash >> 15 ^ at) & 0xff;
}

static void fill(unsigned char *to, unsigned long offset, unsigned long len, unsigned int seed)
{
	for (unsigned long i = 0; i < len; i++)
		to[i] = pattern(seed, offset + i);
}

static void compare(const char *who, const unsigned char *from, unsigned long offset,
		    unsigned long len, unsigned int seed)
{
	for (unsigned long i = 0; i < len; i++) {
		if (from[i] != pattern(seed, offset + i))
			fail("%s: at offset %#lx expected %#x, got %#x", who, offset + i,
			     pattern(seed, offset + i), from[i]);
	}
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

/* One case. */
struct test {
	const char *name;
	void (*run)(void);
};

/* Each case has a process of its own, so that it leaves nothing behind. */
static bool passes(const struct test *test_case)
{
	char test[128];
	int status;
	pid_t child;

	name = test_case->name;
	vcsan_note(VCSAN_TEST, test, snprintf(test, sizeof(test), SUITE ".%s", name), 0, 0);
	fflush(stdout);
	child = must(fork());
	if (!child) {
		setpgid(0, 0);
		test_case->run();
		fflush(stdout);
		_exit(0);
	}
	must(waitpid(child, &status, 0));
	/* A case that failed may have left children that wait for it. */
	kill(-child, SIGKILL);
	if (WIFSIGNALED(status))
		printf("    # %s: %s\n", name, strsignal(WTERMSIG(status)));
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

/* The program: a suite of @count @cases. */
static int suite(int argc, char **argv, const struct test *cases, int count)
{
	int failed = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s HEAP\n", argv[0]);
		return 2;
	}
	heap = argv[1];
	node = open("/dev/dma_buf_test", O_RDWR | O_CLOEXEC);
	if (node < 0)
		fprintf(stderr, "failed to open /dev/dma_buf_test: %s\n", strerror(errno));
	printf("KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: " SUITE "\n    1..%d\n",
	       count);
	for (int i = 0; i < count; i++) {
		bool passed = passes(&cases[i]);

		failed += !passed;
		printf("    %s %d %s\n", passed ? "ok" : "not ok", i + 1, cases[i].name);
	}
	vcsan_note(VCSAN_TEST, "", 0, 0, 0);
	printf("%s 1 " SUITE "\n", failed ? "not ok" : "ok");
	return failed > 0;
}

#endif

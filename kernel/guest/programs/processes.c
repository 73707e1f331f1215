// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that share buffers of a dma-buf heap, as a suite of cases. A device
 * and a user in the kernel take part by way of /dev/dma_buf_test, the node of
 * the heap's test module.
 *
 *   processes HEAP
 */
#define _GNU_SOURCE
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/vcsan.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define SUITE "system_heap_rust_processes"

#define PAGE 4096UL
#define PAGES 5UL
#define SIZE (PAGES * PAGE)
/* Addresses that are so far apart have the same colour on every machine. */
#define COLOURS 0x400000UL

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

/* All of a buffer and a part of it, mapped at once. */
static void whole_and_part(void)
{
	int fd = allocate(O_RDWR);
	unsigned char *whole = map(fd, 0, PAGES), *part = map(fd, 2, 2);

	write_in_access(fd, whole, 0, SIZE, 1);
	compare_in_access("the part", fd, part, 2 * PAGE, 2 * PAGE, 1);
	other(fd, DEVICE_READS, 1);
	other(fd, DEVICE_WRITES, 2);
	compare_in_access("the part", fd, part, 2 * PAGE, 2 * PAGE, 2);
	compare_in_access("the whole", fd, whole, 0, SIZE, 2);
	write_in_access(fd, part, 2 * PAGE, 2 * PAGE, 3);
	compare_in_access("the whole", fd, whole + 2 * PAGE, 2 * PAGE, 2 * PAGE, 3);
}

static void mapped_twice(void)
{
	int fd = allocate(O_RDWR);
	unsigned char *one = map(fd, 0, PAGES), *two = map(fd, 0, PAGES);

	compare_in_access("before", fd, two, 0, 0, 0);
	write_in_access(fd, one, 0, SIZE, 1);
	compare_in_access("the other mapping", fd, two, 0, SIZE, 1);
	write_in_access(fd, two, 0, SIZE, 2);
	other(fd, DEVICE_READS, 2);
	other(fd, DEVICE_WRITES, 3);
	compare_in_access("the one mapping", fd, one, 0, SIZE, 3);
	compare_in_access("the other mapping", fd, two, 0, SIZE, 3);
}

static void child_writes(int fd, unsigned char *at)
{
	compare_in_access("the child", fd, at, 0, SIZE, 1);
	write_in_access(fd, at, 0, SIZE, 2);
}

/* A child inherits the mapping; both have it. */
static void forked(void)
{
	int fd = allocate(O_RDWR);
	unsigned char *at = map(fd, 0, PAGES);

	write_in_access(fd, at, 0, SIZE, 1);
	in_child(child_writes, fd, at);
	compare_in_access("the parent", fd, at, 0, SIZE, 2);
	other(fd, DEVICE_READS, 2);
}

static void child_maps_and_writes(int fd, unsigned char *at)
{
	(void)at;
	child_writes(fd, map(fd, 0, PAGES));
}

static void mapped_in_a_child(void)
{
	int fd = allocate(O_RDWR);
	unsigned char *at = map(fd, 0, PAGES);

	write_in_access(fd, at, 0, SIZE, 1);
	in_child(child_maps_and_writes, fd, at);
	compare_in_access("the parent", fd, at, 0, SIZE, 2);
	other(fd, DEVICE_WRITES, 3);
	compare_in_access("the parent", fd, at, 0, SIZE, 3);
}

/* A process that was there before the buffer takes it from its parent. */
static void passed_on(void)
{
	int ends[2], fd, status;
	unsigned char *at;
	pid_t child;

	must(pipe2(ends, O_CLOEXEC));
	child = must(fork());
	if (!child) {
		int parent = must(syscall(SYS_pidfd_open, getppid(), 0));

		if (must(read(ends[0], &fd, sizeof(fd))) != sizeof(fd))
			fail("no file descriptor came");
		child_maps_and_writes(must(syscall(SYS_pidfd_getfd, parent, fd, 0)), NULL);
		fflush(stdout);
		_exit(0);
	}
	fd = allocate(O_RDWR);
	at = map(fd, 0, PAGES);
	write_in_access(fd, at, 0, SIZE, 1);
	must(write(ends[1], &fd, sizeof(fd)));
	must(waitpid(child, &status, 0));
	if (status)
		fail("the child ended with %#x", status);
	compare_in_access("the parent", fd, at, 0, SIZE, 2);
	other(fd, DEVICE_READS, 2);
}

/* A mapping moves; what was written at the old address is there at the new one. */
static void moved(void)
{
	int fd = allocate(O_RDWR);
	unsigned char *at = map(fd, 0, PAGES);
	unsigned long room = (unsigned long)must(mmap(NULL, 3 * COLOURS, PROT_NONE,
						      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	must(munmap((void *)room, 3 * COLOURS));
	room = (room + COLOURS - 1) & ~(COLOURS - 1);

	begin(fd, RW);
	fill(at, 0, SIZE, 1);
	at = must(mremap(at, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			 room + ((unsigned long)at & (COLOURS - 1))));
	compare("at the new address", at, 0, SIZE, 1);
	end(fd, RW);
	other(fd, DEVICE_READS, 1);
	other(fd, DEVICE_WRITES, 2);
	compare_in_access("at the new address", fd, at, 0, SIZE, 2);
}

/* A hole in the middle of a mapping leaves two. */
static void partly_unmapped(void)
{
	int fd = allocate(O_RDWR);
	unsigned char *at = map(fd, 0, PAGES);

	begin(fd, RW);
	fill(at, 0, SIZE, 1);
	must(munmap(at + PAGE, PAGE));
	end(fd, RW);
	other(fd, DEVICE_READS, 1);
	other(fd, DEVICE_WRITES, 2);
	begin(fd, RW);
	compare("the first page", at, 0, PAGE, 2);
	compare("the rest", at + 2 * PAGE, 2 * PAGE, SIZE - 2 * PAGE, 2);
	fill(at, 0, PAGE, 1);
	fill(at + 2 * PAGE, 2 * PAGE, SIZE - 2 * PAGE, 1);
	end(fd, RW);
	at = map(fd, 0, PAGES);
	write_in_access(fd, at + PAGE, PAGE, PAGE, 1);
	other(fd, DEVICE_READS, 1);
}

static void child_dies_in_an_access(int fd, unsigned char *at)
{
	begin(fd, RW);
	compare("the child", at, 0, SIZE, 1);
}

/* An access that stays open costs others nothing but time. */
static void died_in_an_access(void)
{
	int fd = allocate(O_RDWR);
	unsigned char *at = map(fd, 0, PAGES);

	write_in_access(fd, at, 0, SIZE, 1);
	in_child(child_dies_in_an_access, fd, at);
	other(fd, DEVICE_WRITES, 2);
	compare_in_access("the parent", fd, at, 0, SIZE, 2);
	write_in_access(fd, at, 0, SIZE, 3);
	other(fd, DEVICE_READS, 3);
	other(fd, KERNEL_READS, 3);
}

/* While nothing is mapped for a device, who is alone needs no access. */
static void alone(void)
{
	int fd = allocate(O_RDWR);
	unsigned char *at = map(fd, 0, PAGES);

	for (unsigned int seed = 1; seed < 7; seed += 2) {
		fill(at, 0, SIZE, seed);
		other(fd, DEVICE_READS, seed);
		compare("the process", at, 0, SIZE, seed);
		other(fd, DEVICE_WRITES, seed + 1);
		compare("the process", at, 0, SIZE, seed + 1);
	}
}

static void with_the_kernel(void)
{
	int fd = allocate(O_RDWR);
	unsigned char *at = map(fd, 0, PAGES);

	for (unsigned int seed = 1; seed < 7; seed += 3) {
		write_in_access(fd, at, 0, SIZE, seed);
		other(fd, KERNEL_READS, seed);
		other(fd, KERNEL_WRITES, seed + 1);
		compare_in_access("the process", fd, at, 0, SIZE, seed + 1);
		other(fd, DEVICE_WRITES, seed + 2);
		other(fd, KERNEL_READS, seed + 2);
	}
}

/* A file descriptor to read only can be mapped to read only. */
static void read_only(void)
{
	int fd = allocate(O_RDONLY);
	void *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at != MAP_FAILED || errno != EACCES)
		fail("to write: expected EACCES, got %p and %s", at, strerror(errno));
	other(fd, DEVICE_WRITES, 1);
	at = must(mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0));
	compare_in_access("the process", fd, at, 0, SIZE, 1);
	other(fd, DEVICE_WRITES, 2);
	compare_in_access("the process", fd, at, 0, SIZE, 2);
	if (!mprotect(at, SIZE, PROT_READ | PROT_WRITE) || errno != EACCES)
		fail("mprotect() to write: expected EACCES, got %s", strerror(errno));
	if (!(must(fcntl(fd, F_GETFD)) & FD_CLOEXEC))
		fail("O_CLOEXEC was asked for, and is not there");
}

/* A private copy would miss what a device writes later. */
static void refuses_private_writes(void)
{
	int fd = allocate(O_RDWR);
	void *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	if (at != MAP_FAILED || errno != EINVAL)
		fail("expected EINVAL, got %p and %s", at, strerror(errno));
}

static void refuses_bad_syncs(void)
{
	static const __u64 flags[] = { 0, DMA_BUF_SYNC_END, DMA_BUF_SYNC_RW << 2, 1ULL << 40 };
	int fd = allocate(O_RDWR);

	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
		struct dma_buf_sync sync = { flags[i] };

		if (!ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) || errno != EINVAL)
			fail("%#llx: expected EINVAL, got %s", (unsigned long long)flags[i],
			     strerror(errno));
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "whole_and_part", whole_and_part },
	{ "mapped_twice", mapped_twice },
	{ "forked", forked },
	{ "mapped_in_a_child", mapped_in_a_child },
	{ "passed_on", passed_on },
	{ "moved", moved },
	{ "partly_unmapped", partly_unmapped },
	{ "died_in_an_access", died_in_an_access },
	{ "alone", alone },
	{ "with_the_kernel", with_the_kernel },
	{ "read_only", read_only },
	{ "refuses_private_writes", refuses_private_writes },
	{ "refuses_bad_syncs", refuses_bad_syncs },
};

#define CASES ((int)ARRAY_SIZE(cases))

/* Each case has a process of its own, so that it leaves nothing behind. */
static bool passes(int number)
{
	char test[128];
	int status;
	pid_t child;

	name = cases[number].name;
	vcsan_note(VCSAN_TEST, test, snprintf(test, sizeof(test), SUITE ".%s", name), 0, 0);
	fflush(stdout);
	child = must(fork());
	if (!child) {
		setpgid(0, 0);
		cases[number].run();
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

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: processes HEAP\n");
		return 2;
	}
	heap = argv[1];
	node = open("/dev/dma_buf_test", O_RDWR | O_CLOEXEC);
	if (node < 0)
		fprintf(stderr, "failed to open /dev/dma_buf_test: %s\n", strerror(errno));
	printf("KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: " SUITE "\n    1..%d\n",
	       CASES);
	for (int i = 0; i < CASES; i++) {
		bool passed = passes(i);

		failed += !passed;
		printf("    %s %d %s\n", passed ? "ok" : "not ok", i + 1, cases[i].name);
	}
	vcsan_note(VCSAN_TEST, "", 0, 0, 0);
	printf("%s 1 " SUITE "\n", failed ? "not ok" : "ok");
	return failed > 0;
}

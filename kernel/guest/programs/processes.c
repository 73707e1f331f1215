// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that share buffers of a dma-buf heap, as a suite of cases.
 *
 *   processes HEAP [charged]
 *
 * With `charged`, also that buffers are charged to the memory cgroup of the process
 * that allocates them, which dma_heap.mem_accounting=1 asks of the kernel.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define SUITE "system_heap_rust_processes"
#include "buffers.h"

/* Addresses that are so far apart have the same colour on every machine. */
#define COLOURS 0x400000UL

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

/* Gives @seed away, and waits until it comes back. */
static void pass(int to, int from, unsigned int seed)
{
	must(write(to, &seed, sizeof(seed)));
	if (must(read(from, &seed, sizeof(seed))) != sizeof(seed))
		fail("the child has ended");
}

/* The same while another process, which has not mapped the buffer, lends it to the device. */
static void another_process_maps(void)
{
	int fd = allocate(O_RDWR), down[2], up[2], status;
	unsigned char *at = map(fd, 0, PAGES);
	unsigned int seed;
	pid_t child;

	must(pipe2(down, O_CLOEXEC));
	must(pipe2(up, O_CLOEXEC));
	child = must(fork());
	if (!child) {
		must(close(down[1]));
		must(munmap(at, SIZE));
		while (must(read(down[0], &seed, sizeof(seed))) == sizeof(seed)) {
			if (seed)
				other(fd, seed % 2 ? DEVICE_READS : DEVICE_WRITES, seed);
			must(write(up[1], &seed, sizeof(seed)));
		}
		fflush(stdout);
		_exit(0);
	}
	must(close(up[1]));
	/* It has unmapped its copy then. */
	pass(down[1], up[0], 0);
	for (seed = 1; seed < 7; seed += 2) {
		fill(at, 0, SIZE, seed);
		pass(down[1], up[0], seed);
		compare("the process", at, 0, SIZE, seed);
		pass(down[1], up[0], seed + 1);
		compare("the process", at, 0, SIZE, seed + 1);
	}
	must(close(down[1]));
	must(waitpid(child, &status, 0));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail("the child ended with %#x", status);
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
	watch(fd, at, SIZE);
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

/* A private mapping that is only read shows what others write, and can't become another one. */
static void private_to_read(void)
{
	int fd = allocate(O_RDWR);
	void *at = must(mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0));

	write_in_access(fd, map(fd, 0, PAGES), 0, SIZE, 1);
	compare_in_access("the private mapping", fd, at, 0, SIZE, 1);
	other(fd, DEVICE_WRITES, 2);
	compare_in_access("the private mapping", fd, at, 0, SIZE, 2);
	if (!mprotect(at, SIZE, PROT_READ | PROT_WRITE) || errno != EACCES)
		fail("mprotect() to write: expected EACCES, got %s", strerror(errno));
}

/* A file for those fences of a buffer that an access with @flags has to wait for. */
static int export_fences(int fd, unsigned int flags)
{
	struct dma_buf_export_sync_file file = { .flags = flags };

	must(ioctl(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &file));
	return file.fd;
}

/* Makes a buffer wait for what @file stands for. */
static void import_fences(int fd, unsigned int flags, int file)
{
	struct dma_buf_import_sync_file import = { .flags = flags, .fd = file };

	must(ioctl(fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &import));
}

/* Whether nothing has to be waited for. */
static bool is_ready(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return must(poll(&poll_fd, 1, 0)) == 1;
}

static void do_nothing(int signal)
{
	(void)signal;
}

static void child_is_interrupted_and_waits(int fd, unsigned char *at)
{
	struct sigaction action = { .sa_handler = do_nothing };
	struct dma_buf_sync sync = { DMA_BUF_SYNC_START | READ };

	must(sigaction(SIGUSR1, &action, NULL));
	if (!ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) || errno != EINTR)
		fail("the child: expected EINTR, got %s", strerror(errno));
	compare_in_access("the child", fd, at, 0, SIZE, 2);
}

/* Who opens an access waits for what a device does to another buffer, if a file says so. */
static void waits_for_files(void)
{
	int fd = allocate(O_RDWR), busy = allocate(O_RDWR), idle = allocate(O_RDWR), file, status;
	unsigned char *at = map(fd, 0, PAGES);
	pid_t child;

	write_in_access(fd, at, 0, SIZE, 1);
	if (!is_ready(busy))
		fail("there is something to wait for before the transfer");
	transfer(busy, TRANSFER_BEGINS);
	file = export_fences(busy, DMA_BUF_SYNC_READ);
	import_fences(fd, DMA_BUF_SYNC_WRITE, file);
	/* Who reads need not wait for who reads. */
	import_fences(idle, DMA_BUF_SYNC_READ, file);
	begin(idle, READ);
	end(idle, READ);
	if (is_ready(file) || is_ready(busy) || is_ready(fd) || !is_ready(idle))
		fail("ready: the file %d, the buffers %d, %d and %d; expected 0, 0, 0 and 1",
		     is_ready(file), is_ready(busy), is_ready(fd), is_ready(idle));

	child = must(fork());
	if (!child) {
		child_is_interrupted_and_waits(fd, at);
		fflush(stdout);
		_exit(0);
	}
	until_it_sleeps(child);
	must(kill(child, SIGUSR1));
	until_it_sleeps(child);
	other(fd, DEVICE_WRITES, 2);
	transfer(busy, TRANSFER_ENDS);
	must(waitpid(child, &status, 0));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail("the child ended with %#x", status);
	if (!is_ready(file) || !is_ready(busy) || !is_ready(fd))
		fail("there is something to wait for after the transfer");
	write_in_access(fd, at, 0, SIZE, 3);
	other(fd, DEVICE_READS, 3);
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

#define CGROUPS "/cgroups"
#define CHARGED CGROUPS "/charged"

/* Bytes of the buffer, and by how much the count of a CPU may be ahead of that of its group. */
#define LARGE (4UL << 20)
#define AHEAD (64 * PAGE)

static long charge(void)
{
	FILE *file = fopen(CHARGED "/memory.current", "re");
	long bytes;

	if (!file || fscanf(file, "%ld", &bytes) != 1)
		fail("failed to read what the group is charged: %s", strerror(errno));
	fclose(file);
	return bytes;
}

static void charged_is(const char *when, long bytes, long expected)
{
	if (bytes < expected - (long)AHEAD || bytes > expected + (long)AHEAD)
		fail("%s: %ld bytes are charged, expected %ld", when, bytes, expected);
}

static void charged(void)
{
	struct dma_heap_allocation_data data = { .len = LARGE, .fd_flags = O_RDWR | O_CLOEXEC };
	int fd = open_heap();
	long before;

	must(mkdir(CGROUPS, 0700));
	must(mount("cgroup2", CGROUPS, "cgroup2", 0, NULL));
	write_file(CGROUPS "/cgroup.subtree_control", "+memory");
	must(mkdir(CHARGED, 0700));
	write_file(CHARGED "/cgroup.procs", "0");
	before = charge();
	must(ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &data));
	charged_is("with a buffer", charge() - before, LARGE);
	must(close(data.fd));
	charged_is("after it", charge() - before, 0);
}

/* The last one only if asked for. */
static const struct test cases[] = {
	{ "whole_and_part", whole_and_part },
	{ "mapped_twice", mapped_twice },
	{ "forked", forked },
	{ "mapped_in_a_child", mapped_in_a_child },
	{ "passed_on", passed_on },
	{ "moved", moved },
	{ "partly_unmapped", partly_unmapped },
	{ "died_in_an_access", died_in_an_access },
	{ "alone", alone },
	{ "another_process_maps", another_process_maps },
	{ "with_the_kernel", with_the_kernel },
	{ "read_only", read_only },
	{ "refuses_private_writes", refuses_private_writes },
	{ "private_to_read", private_to_read },
	{ "waits_for_files", waits_for_files },
	{ "refuses_bad_syncs", refuses_bad_syncs },
	{ "charged", charged },
};

int main(int argc, char **argv)
{
	bool all = argc == 3 && !strcmp(argv[2], "charged");

	return suite(argc - all, argv, cases, ARRAY_SIZE(cases) - !all);
}

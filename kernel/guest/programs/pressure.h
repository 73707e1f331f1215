/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffers where memory is short: in pieces of a page, and until there is no more.
 */
#ifndef PRESSURE_H
#define PRESSURE_H

#include "buffers.h"

/* A number in a file of one, or of lines that begin with a name. */
static long read_number(const char *path, const char *format)
{
	FILE *file = fopen(path, "re");
	char line[128];
	long number;
	bool found = false;

	if (!file)
		fail("failed to open %s: %s", path, strerror(errno));
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, format, &number) == 1;
	fclose(file);
	if (!found)
		fail("%s has no number", path);
	return number;
}

/* KiB that nobody uses. */
static long free_memory(void)
{
	return read_number("/proc/meminfo", "MemFree: %ld");
}

static int allocate_pages(unsigned long pages)
{
	struct dma_heap_allocation_data data = {
		.len = (__u64)pages * PAGE, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int fd = open_heap(), ret = ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &data), error = errno;

	close(fd);
	errno = error;
	return ret == -1 ? -1 : (int)data.fd;
}

#define FAIL_PAGES "/sys/kernel/debug/fail_page_alloc/"

/* More failures than there are allocations. */
#define MANY 1000000L

/*
 * Allocates a buffer while nobody gets two pages in a row. The heap falls back to
 * single ones once those of its two larger sizes that fit have failed.
 */
static int allocate_in_pieces(unsigned long pages)
{
	const long larger = (pages >= 256) + (pages >= 16);
	long failed;
	int fd, error;

	write_file(FAIL_PAGES "ignore-gfp-wait", "N");
	write_file(FAIL_PAGES "ignore-gfp-highmem", "N");
	write_file(FAIL_PAGES "verbose", "0");
	write_file(FAIL_PAGES "min-order", "1");
	write_file(FAIL_PAGES "task-filter", "Y");
	write_file(FAIL_PAGES "times", "1000000");
	write_file(FAIL_PAGES "probability", "100");
	write_file("/proc/self/make-it-fail", "1");
	fd = allocate_pages(pages);
	error = errno;
	write_file("/proc/self/make-it-fail", "0");
	write_file(FAIL_PAGES "probability", "0");
	write_file(FAIL_PAGES "min-order", "0");
	failed = MANY - read_number(FAIL_PAGES "times", "%ld");
	if (failed < larger)
		fail("%ld allocations of several pages failed, expected %ld at least", failed, larger);
	errno = error;
	return fd;
}

/* As many bytes of a buffer as one request takes, or what is left of it. */
static unsigned long piece(unsigned long offset, unsigned long len)
{
	return len - offset < SIZE ? len - offset : SIZE;
}

/* The device reads or writes all of a buffer, piece by piece. */
static void device_does(int fd, int what, unsigned long len, unsigned int seed)
{
	static unsigned char data[SIZE];

	for (unsigned long offset = 0; offset < len; offset += SIZE) {
		struct request request = {
			.data = (unsigned long)data, .fd = fd, .what = what,
			.offset = offset, .len = piece(offset, len),
		};

		fill(data, offset, request.len, what == DEVICE_WRITES ? seed : ~seed);
		must(ioctl(node, TRANSFER, &request));
		if (what == DEVICE_READS)
			compare("the device", data, offset, request.len, seed);
	}
}

/* A buffer of single pages, of more of them than a page of a scatterlist has entries. */
static void in_pieces(void)
{
	unsigned long pages = 300, len;
	int fd = allocate_in_pieces(pages);
	unsigned char *at, *part;

	/* Where scatterlists can't be chained there is one page of them. */
#ifdef __hppa__
	if (fd != -1 || errno != ENOMEM)
		fail("%lu pages: expected ENOMEM, got %s", pages, strerror(errno));
	pages = 200;
	fd = allocate_in_pieces(pages);
#endif
	must(fd);
	len = pages * PAGE;
	at = map(fd, 0, pages);
	/* Pages from the middle on, where the second page of the scatterlist begins. */
	part = map(fd, pages - 110, 110);

	write_in_access(fd, at, 0, len, 1);
	compare_in_access("the part", fd, part, len - 110 * PAGE, 110 * PAGE, 1);
	device_does(fd, DEVICE_READS, len, 1);
	device_does(fd, DEVICE_WRITES, len, 2);
	compare_in_access("the whole", fd, at, 0, len, 2);
	compare_in_access("the part", fd, part, len - 110 * PAGE, 110 * PAGE, 2);
	write_in_access(fd, part, len - 110 * PAGE, 110 * PAGE, 3);
	compare_in_access("the end", fd, at + len - 110 * PAGE, len - 110 * PAGE, 110 * PAGE, 3);
}

/* KiB that may be elsewhere than they were: in lists of single pages, or in slabs. */
#define ELSEWHERE 2048L

/* The memory of a process that was killed is free once all that it had is. */
static void as_much_is_free(long before)
{
	long after = 0;

	for (int i = 0; i < 1000; i++) {
		after = free_memory();
		if (after >= before - ELSEWHERE)
			return;
		sched_yield();
	}
	fail("%ld KiB were free, and %ld are", before, after);
}

/* Takes buffers of @pages until the kernel ends it for that. In an access, which it has begun. */
static void takes_all(int fd, unsigned char *at, unsigned long pages)
{
	write_file("/proc/self/oom_score_adj", "1000");
	begin(fd, RW);
	compare("who takes all", at, 0, SIZE, 1);
	for (;;) {
		int buffer = allocate_pages(pages);

		if (buffer == -1)
			fail("a buffer of %lu pages: %s", pages, strerror(errno));
		must(mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, buffer, 0));
	}
}

/*
 * A process that takes all memory is ended by the OOM killer, be it with many
 * buffers or in the middle of one, and all of that is free then.
 */
static void until_there_is_no_more(void)
{
#ifdef __hppa__
	/* One page of a scatterlist is enough, whatever they are made of. */
	const unsigned long sizes[] = { 128 };
#else
	long ram = read_number("/proc/meminfo", "MemTotal: %ld");
	const unsigned long sizes[] = { 1024, ram * 1024UL / PAGE - 1 };
#endif
	int fd = allocate(O_RDWR);
	unsigned char *at = map(fd, 0, PAGES);

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		long before = free_memory();
		int status;
		pid_t child;

		write_in_access(fd, at, 0, SIZE, 1);
		child = must(fork());
		if (!child)
			takes_all(fd, at, sizes[i]);
		must(waitpid(child, &status, 0));
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			fail("who took all ended with %#x", status);
		as_much_is_free(before);
		/* Its access is still open, which costs others nothing but time. */
		other(fd, DEVICE_READS, 1);
		other(fd, DEVICE_WRITES, 2);
		compare_in_access("the process", fd, at, 0, SIZE, 2);
	}
}

/* More than the machine has is refused at once: nobody is ended for it, and nothing is taken. */
static void more_than_there_is(void)
{
	long ram = read_number("/proc/meminfo", "MemTotal: %ld"), before = free_memory();
	unsigned long kills = read_number("/proc/vmstat", "oom_kill %ld");
	int fd = allocate_pages(ram * 1024UL / PAGE + 1);

	if (fd != -1 || errno != ENOMEM)
		fail("expected ENOMEM, got %s", strerror(errno));
	if (read_number("/proc/vmstat", "oom_kill %ld") != (long)kills)
		fail("the kernel has ended a process");
	as_much_is_free(before);
}

#endif

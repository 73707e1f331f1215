// SPDX-License-Identifier: GPL-2.0
/*
 * Processes and threads that do to buffers of a dma-buf heap whatever they may, all
 * at once, for a number of rounds. What each does is left to chance, which begins with a
 * seed that is printed. And what becomes of buffers where memory is short.
 *
 *   stress HEAP
 */
#define _GNU_SOURCE
#include <pthread.h>

#define SUITE "system_heap_rust_stress"
#include "calls.h"
#include "pressure.h"

#define PROCESSES 5U
#define ROUNDS 12U
#define SEED 0x9e3779b9U

/* Numbers that look random and are the same in each run. */
static __thread unsigned int state;

static unsigned int below(unsigned int limit)
{
	/* Xorshift, by George Marsaglia; the low bits are the worse ones. */
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return (state >> 4) % limit;
}

/* Buffers that there are, as the kernel's list of them has it. */
static unsigned long there_are(void)
{
	FILE *file = fopen("/sys/kernel/debug/dma_buf/bufinfo", "re");
	unsigned long count = -1UL;
	char line[256];

	if (!file)
		fail("failed to open the list of buffers: %s", strerror(errno));
	while (fgets(line, sizeof(line), file))
		sscanf(line, "Total %lu objects", &count);
	fclose(file);
	if (count == -1UL)
		fail("the list of buffers has no total");
	return count;
}

/*
 * What waits for a process that has ended is done when the next system calls of
 * others return, so this may take some.
 */
static void no_more_buffers_than(unsigned long before)
{
	unsigned long after = 0;

	for (int i = 0; i < 1000; i++) {
		after = there_are();
		if (after <= before)
			return;
		sched_yield();
	}
	fail("there were %lu buffers, and %lu are left", before, after);
}

/* A part of a buffer, as one process has it, and what is in it. */
struct part {
	int fd;
	unsigned char *at;
	unsigned long offset, len;
	unsigned int seed;
	/* Devices may write to it. */
	bool written;
};

/* What takes part by way of the node reads or writes the part. */
static void part_of_other(struct part *part, int what)
{
	static __thread unsigned char data[SIZE];
	bool writes = what == DEVICE_WRITES || what == KERNEL_WRITES;
	struct request request = {
		.data = (unsigned long)data, .fd = part->fd, .what = what,
		.offset = part->offset, .len = part->len,
	};

	part->seed += writes;
	fill(data, part->offset, part->len, writes ? part->seed : ~part->seed);
	must(ioctl(node, TRANSFER, &request));
	compare(what == DEVICE_READS ? "the device" : "the kernel", data, part->offset,
		part->len, part->seed);
}

static void child_compares(const struct part *part)
{
	int status;
	pid_t child = must(fork());

	if (!child) {
		begin(part->fd, READ);
		compare("the child", part->at, part->offset, part->len, part->seed);
		/* It may die in its access. */
		if (part->seed % 2)
			end(part->fd, READ);
		fflush(stdout);
		_exit(0);
	}
	must(waitpid(child, &status, 0));
	if (status)
		fail("the child ended with %#x", status);
}

/* How often a request failed for want of memory, for all processes of a case. */
static unsigned int *failures;

/* By default only allocations that may not sleep fail, and each says so. */
static void let_allocations_fail(void)
{
	static const char *const knobs[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
	};
	char path[128];

	for (unsigned int i = 0; i < ARRAY_SIZE(knobs); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", knobs[i][0]);
		write_file(path, knobs[i][1]);
	}
	failures = must(mmap(NULL, sizeof(*failures), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

/* One allocation of what the process asks for fails; it is told, or the kernel does without. */
static void fails_once(struct part *part)
{
	static __thread unsigned char data[SIZE];
	struct dma_heap_allocation_data more = { .len = SIZE, .fd_flags = O_RDWR | O_CLOEXEC };
	struct dma_buf_sync sync = { DMA_BUF_SYNC_START | RW };
	struct request request = {
		.data = (unsigned long)data, .fd = part->fd, .what = DEVICE_READS,
		.offset = part->offset, .len = part->len,
	};
	unsigned int nth = 1 + below(8), what = below(4);
	int at_heap = open_heap();
	int count = must(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC));
	char text[16];
	long ret;
	int error;

	/* Without a fault in it. */
	fill(data, part->offset, part->len, ~part->seed);
	snprintf(text, sizeof(text), "%u", nth);
	must(pwrite(count, text, strlen(text), 0));
	errno = 0;
	switch (what) {
	case 0:
		ret = ioctl(at_heap, DMA_HEAP_IOCTL_ALLOC, &more);
		break;
	case 1:
		ret = (long)mmap(NULL, part->len, PROT_READ, MAP_SHARED, part->fd, part->offset);
		break;
	case 2:
		ret = ioctl(node, TRANSFER, &request);
		break;
	default:
		ret = ioctl(part->fd, DMA_BUF_IOCTL_SYNC, &sync);
		break;
	}
	error = errno;
	must(pwrite(count, "0", 1, 0));
	close(count);
	close(at_heap);

	if (ret == -1) {
		/* Who gets no memory to reserve the device's registers says that they are busy. */
		if (error != ENOMEM && (what != 2 || error != EBUSY))
			fail("allocation %u of request %u fails: %s", nth, what, strerror(error));
		__atomic_add_fetch(failures, 1, __ATOMIC_RELAXED);
		return;
	}
	switch (what) {
	case 0:
		must(close(more.fd));
		break;
	case 1:
		must(munmap((void *)ret, part->len));
		break;
	case 2:
		compare("the device", data, part->offset, part->len, part->seed);
		break;
	default:
		end(part->fd, RW);
		break;
	}
}

/* One thing that may happen to a part. */
static void one_thing(struct part *part)
{
	switch (below(9)) {
	case 0:
		part->seed++;
		write_in_access(part->fd, part->at, part->offset, part->len, part->seed);
		break;
	case 1:
		compare_in_access("the process", part->fd, part->at, part->offset, part->len,
				  part->seed);
		break;
	case 2:
		must(munmap(part->at, part->len));
		part->at = map(part->fd, part->offset / PAGE, part->len / PAGE);
		break;
	case 3:
		part_of_other(part, DEVICE_READS);
		break;
	case 4:
		part_of_other(part, KERNEL_READS);
		break;
	case 5:
		if (part->written)
			part_of_other(part, DEVICE_WRITES);
		break;
	case 6:
		if (part->written)
			part_of_other(part, KERNEL_WRITES);
		break;
	case 7:
		child_compares(part);
		break;
	case 8:
		fails_once(part);
		break;
	}
}

/* A buffer of its own from the cradle to the grave, with a page of the shared one beside it. */
static void live(int shared, unsigned int number)
{
	struct part page = {
		.fd = shared, .at = map(shared, number, 1),
		.offset = number * PAGE, .len = PAGE, .seed = number,
	};

	state = SEED + number;
	for (int i = 0; i < 8; i++)
		below(2);
	write_in_access(page.fd, page.at, page.offset, page.len, page.seed);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct part own = { .fd = allocate(O_RDWR), .len = SIZE, .written = true };

		own.at = map(own.fd, 0, PAGES);
		own.seed = 1 + round;
		write_in_access(own.fd, own.at, 0, SIZE, own.seed);
		for (unsigned int things = below(6); things; things--)
			one_thing(below(3) ? &own : &page);
		/* Either goes first. */
		if (below(2)) {
			must(munmap(own.at, own.len));
			must(close(own.fd));
		} else {
			must(close(own.fd));
			must(munmap(own.at, own.len));
		}
		if (below(2))
			one_thing(&page);
	}
	compare_in_access("at the end", page.fd, page.at, page.offset, page.len, page.seed);
	must(munmap(page.at, page.len));
}

/* Runs them all at once, to their ends. */
static void all_at_once(void)
{
	unsigned long before = there_are();
	int shared = allocate(O_RDWR), failed = 0;

	let_allocations_fail();

	printf("    # %s: seed %#x, %u processes, %u rounds\n", name, SEED, PROCESSES, ROUNDS);
	fflush(stdout);
	for (unsigned int number = 0; number < PROCESSES; number++) {
		pid_t child = must(fork());

		if (!child) {
			live(shared, number);
			fflush(stdout);
			_exit(0);
		}
	}
	for (unsigned int number = 0; number < PROCESSES; number++) {
		int status;

		must(wait(&status));
		failed += status != 0;
	}
	if (failed)
		fail("%d of the processes failed", failed);
	printf("    # %s: %u requests failed for want of memory\n", name, *failures);
	if (!*failures)
		fail("no allocation failed, so nothing was shown of those");
	must(close(shared));
	no_more_buffers_than(before);
}

/* A thread, and what it is told. */
struct thread {
	pthread_t id;
	int shared;
	unsigned int number;
};

static void *live_in_thread(void *data)
{
	const struct thread *thread = data;

	live(thread->shared, thread->number);
	return NULL;
}

/* The same in one address space, which changes while its areas are flushed. */
static void as_threads(void)
{
	unsigned long before = there_are();
	int shared = allocate(O_RDWR);
	struct thread all[PROCESSES];

	let_allocations_fail();
	printf("    # %s: seed %#x, %u threads, %u rounds\n", name, SEED, PROCESSES, ROUNDS);
	fflush(stdout);
	for (unsigned int number = 0; number < PROCESSES; number++) {
		all[number].shared = shared;
		all[number].number = number;
		if (pthread_create(&all[number].id, NULL, live_in_thread, &all[number]))
			fail("there is no thread %u", number);
	}
	for (unsigned int number = 0; number < PROCESSES; number++)
		pthread_join(all[number].id, NULL);
	must(close(shared));
	no_more_buffers_than(before);
}

/* Processes that are killed wherever they are; what they had is given back. */
static void killed_anywhere(void)
{
	unsigned long before = there_are();
	int shared = allocate(O_RDWR);
	unsigned char *at;

	let_allocations_fail();
	state = SEED;
	printf("    # %s: seed %#x, %u processes\n", name, SEED, 4 * PROCESSES);
	fflush(stdout);
	for (unsigned int i = 0; i < 4 * PROCESSES; i++) {
		unsigned int number = i % PROCESSES;
		pid_t child = must(fork());

		if (!child) {
			live(shared, number);
			fflush(stdout);
			_exit(0);
		}
		for (unsigned int n = below(40); n; n--)
			sched_yield();
		must(kill(child, SIGKILL));
		must(waitpid(child, NULL, 0));
	}
	/* Nobody has it now; whatever they left open costs the others nothing but time. */
	at = map(shared, 0, PAGES);
	write_in_access(shared, at, 0, SIZE, 1);
	other(shared, DEVICE_READS, 1);
	other(shared, DEVICE_WRITES, 2);
	other(shared, KERNEL_READS, 2);
	must(close(shared));
	must(munmap(at, SIZE));
	no_more_buffers_than(before);
}

/* Every allocation in every call fails once; it must say so, or do without, and keep nothing. */
static void each_allocation_fails(void)
{
	unsigned long before = there_are();
	static struct scene scene;

	let_allocations_fail();
	set_scene(&scene);
	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++)
		if (!calls[i].spared)
			each_allocation_of(&calls[i], &scene);
	clear_scene(&scene);
	no_more_buffers_than(before);
}

/* Signals come at every moment of every call, to who goes on after it and to who does not. */
static void interrupted_anywhere(void)
{
	unsigned long before = there_are();
	static struct scene scene;
	unsigned int during = 0;

	set_scene(&scene);
	interrupted_while_it_waits(&scene);
	for (unsigned int i = 0; i < ARRAY_SIZE(calls); i++) {
		during += signal_anywhere(&calls[i], &scene);
		killed_anywhere_in(&calls[i], &scene);
	}
	if (!during)
		fail("no signal came during any of the calls");
	clear_scene(&scene);
	no_more_buffers_than(before);
}

static const struct test cases[] = {
	{ "all_at_once", all_at_once },
	{ "as_threads", as_threads },
	{ "killed_anywhere", killed_anywhere },
	{ "each_allocation_fails", each_allocation_fails },
	{ "interrupted_anywhere", interrupted_anywhere },
	{ "in_pieces", in_pieces },
	{ "more_than_there_is", more_than_there_is },
	{ "until_there_is_no_more", until_there_is_no_more },
};

int main(int argc, char **argv)
{
	return suite(argc, argv, cases, ARRAY_SIZE(cases));
}

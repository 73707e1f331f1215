/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a process asks the kernel for, one call at a time: each with every allocation
 * in it failing once, and with a signal at every moment of it.
 */
#ifndef CALLS_H
#define CALLS_H

#include <sys/time.h>
#include <time.h>

#include "buffers.h"

/* What the calls are about: a buffer with data in it, and what they leave. */
struct scene {
	int fd, heap;
	unsigned char *at;
	unsigned int seed;
	unsigned char data[SIZE];
	/* A buffer, a mapping, and a child. */
	int allocated;
	void *mapped;
	pid_t child;
};

/* A call, which returns -1 and an error if it fails, and what undoes it. */
struct call {
	const char *name;
	int (*make)(struct scene *scene);
	void (*undo)(struct scene *scene);
	/* As many allocations at least make it fail. */
	unsigned int failures;
	/* No allocation is made to fail: the kernel warns, or the process can't go on. */
	bool spared;
};

static int call_allocate(struct scene *scene)
{
	struct dma_heap_allocation_data more = { .len = SIZE, .fd_flags = O_RDWR | O_CLOEXEC };
	int ret = ioctl(scene->heap, DMA_HEAP_IOCTL_ALLOC, &more);

	scene->allocated = more.fd;
	return ret;
}

static void undo_allocate(struct scene *scene)
{
	must(close(scene->allocated));
}

/* All of a buffer is mapped at once, so no later access of it faults. */
static int call_mmap(struct scene *scene)
{
	scene->mapped = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, scene->fd, 0);
	return scene->mapped == MAP_FAILED ? -1 : 0;
}

static void undo_mmap(struct scene *scene)
{
	must(munmap(scene->mapped, SIZE));
}

/* The child gets a copy of the page tables of the mapping. */
static int call_fork(struct scene *scene)
{
	scene->child = fork();
	if (!scene->child)
		_exit(0);
	return scene->child;
}

static void undo_fork(struct scene *scene)
{
	must(waitpid(scene->child, NULL, 0));
}

static int call_begin(struct scene *scene)
{
	struct dma_buf_sync sync = { DMA_BUF_SYNC_START | RW };

	return ioctl(scene->fd, DMA_BUF_IOCTL_SYNC, &sync);
}

static void undo_begin(struct scene *scene)
{
	end(scene->fd, RW);
}

static int call_end(struct scene *scene)
{
	struct dma_buf_sync sync = { DMA_BUF_SYNC_END | RW };

	begin(scene->fd, RW);
	return ioctl(scene->fd, DMA_BUF_IOCTL_SYNC, &sync);
}

static int transfer_all(struct scene *scene, int what)
{
	struct request request = {
		.data = (unsigned long)scene->data, .fd = scene->fd, .what = what, .len = SIZE,
	};

	return ioctl(node, TRANSFER, &request);
}

/* The buffer is attached, mapped, read and let go. */
static int call_device_reads(struct scene *scene)
{
	memset(scene->data, 0, SIZE);
	return transfer_all(scene, DEVICE_READS);
}

static void undo_device_reads(struct scene *scene)
{
	compare("the device", scene->data, 0, SIZE, scene->seed);
}

/* What is there is written once more, so that it is the same if the call fails half way. */
static int call_device_writes(struct scene *scene)
{
	fill(scene->data, 0, SIZE, scene->seed);
	return transfer_all(scene, DEVICE_WRITES);
}

/* An access through a vmap. */
static int call_kernel_reads(struct scene *scene)
{
	memset(scene->data, 0, SIZE);
	return transfer_all(scene, KERNEL_READS);
}

static void undo_kernel_reads(struct scene *scene)
{
	compare("the kernel", scene->data, 0, SIZE, scene->seed);
}

static void undo_nothing(struct scene *scene)
{
	(void)scene;
}

static const struct call calls[] = {
	{ "allocate", call_allocate, undo_allocate, 4, false },
	{ "mmap", call_mmap, undo_mmap, 1, false },
	/* Both write to pages that they share by then, and PA-RISC kills who gets no copy. */
	{ "fork", call_fork, undo_fork, 0, true },
	{ "begin", call_begin, undo_begin, 0, false },
	{ "end", call_end, undo_nothing, 0, false },
	{ "device_reads", call_device_reads, undo_device_reads, 4, false },
	{ "device_writes", call_device_writes, undo_nothing, 4, false },
	/* dma_buf_vmap() warns. The suite `faults` asks the exporter itself. */
	{ "kernel_reads", call_kernel_reads, undo_kernel_reads, 0, true },
};

static void set_scene(struct scene *scene)
{
	scene->fd = allocate(O_RDWR);
	scene->heap = open_heap();
	scene->at = map(scene->fd, 0, PAGES);
	scene->seed = 1;
	/* So that no call has to wait for a page of it. */
	memset(scene->data, 1, SIZE);
	write_in_access(scene->fd, scene->at, 0, SIZE, scene->seed);
}

static void clear_scene(struct scene *scene)
{
	compare_in_access("the process", scene->fd, scene->at, 0, SIZE, scene->seed);
	must(munmap(scene->at, SIZE));
	must(close(scene->fd));
	must(close(scene->heap));
}

/* More allocations than any of the calls makes. */
#define MAX_ALLOCATIONS 1000U

/* Makes allocation 1 of @call fail, then 2, and so on until there are no more. */
static void each_allocation_of(const struct call *call, struct scene *scene)
{
	int count = must(open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC));
	unsigned int nth, failed = 0;

	for (nth = 1; nth < MAX_ALLOCATIONS; nth++) {
		char text[16];
		int ret, error;

		snprintf(text, sizeof(text), "%u", nth);
		must(pwrite(count, text, strlen(text), 0));
		ret = call->make(scene);
		error = errno;
		memset(text, 0, sizeof(text));
		must(pread(count, text, sizeof(text) - 1, 0));
		must(pwrite(count, "0", 1, 0));

		if (ret != -1)
			call->undo(scene);
		/* There were not that many. */
		if (strtoul(text, NULL, 10)) {
			if (ret == -1)
				fail("%s: %s, and no allocation failed", call->name,
				     strerror(error));
			break;
		}
		/* Who gets no memory to reserve the device's registers says that they are busy. */
		if (ret == -1 && error != ENOMEM && error != EBUSY)
			fail("%s: allocation %u fails: %s", call->name, nth, strerror(error));
		failed += ret == -1;
		compare_in_access(call->name, scene->fd, scene->at, 0, SIZE, scene->seed);
	}
	close(count);
	printf("    # %s: %s: %u allocations, of which %u make it fail\n", name, call->name,
	       nth - 1, failed);
	fflush(stdout);
	if (nth == MAX_ALLOCATIONS)
		fail("%s: more than %u allocations", call->name, MAX_ALLOCATIONS);
	if (failed < call->failures)
		fail("%s: %u allocations make it fail, expected %u", call->name, failed,
		     call->failures);
}

/* The signal has come. */
static volatile sig_atomic_t signalled;

static void note_signal(int signal)
{
	(void)signal;
	signalled = 1;
}

static long now_us(void)
{
	struct timespec now;

	must(clock_gettime(CLOCK_MONOTONIC, &now));
	return now.tv_sec % 1000 * 1000000 + now.tv_nsec / 1000;
}

static void set_alarm(long us)
{
	struct itimerval timer = { .it_value = { us / 1000000, us % 1000000 } };

	must(setitimer(ITIMER_REAL, &timer, NULL));
}

/* A timer is late by more than a short call takes, so it is set before that. */
#define AHEAD_US 3000L

/* Sets an alarm, and returns when it is due in @us. */
static void alarm_is_due_in(long us)
{
	long start = now_us();

	set_alarm(us < AHEAD_US ? AHEAD_US : us);
	while (us < AHEAD_US && now_us() - start < AHEAD_US - us)
		;
}

/* The next moment to try, microseconds: they lie closer at the beginning of a call. */
static long next_moment(long us)
{
	return us + 20 + us / 16;
}

/* Moments that must have come after the call in a row before it is done with. */
#define LATE 3

/*
 * What a signal makes of it is EINTR, which has done nothing, or nothing at all.
 * Returns how many came during the call.
 */
static unsigned int signal_anywhere(const struct call *call, struct scene *scene)
{
	struct sigaction action = { .sa_handler = note_signal };
	unsigned int late = 0, during = 0, interrupted = 0;

	must(sigaction(SIGALRM, &action, NULL));
	for (long us = 0; late < LATE; us = next_moment(us)) {
		int ret, error;
		bool early, came;

		signalled = 0;
		alarm_is_due_in(us);
		early = signalled;
		ret = call->make(scene);
		error = errno;
		came = signalled;
		set_alarm(0);

		late = came ? 0 : late + 1;
		during += came && !early;
		if (ret != -1)
			call->undo(scene);
		else if (came && error == EINTR)
			interrupted++;
		else
			fail("%s: %s, with a signal after %ld us", call->name, strerror(error), us);
		compare_in_access(call->name, scene->fd, scene->at, 0, SIZE, scene->seed);
	}
	action.sa_handler = SIG_DFL;
	must(sigaction(SIGALRM, &action, NULL));
	printf("    # %s: %s: %u signals, of which %u interrupt it\n", name, call->name, during,
	       interrupted);
	fflush(stdout);
	return during;
}

/* Kills a child anywhere in the call; others have the buffer as before. */
static void killed_anywhere_in(const struct call *call, struct scene *scene)
{
	unsigned int late = 0, killed = 0;

	for (long us = 0; late < LATE; us = next_moment(us)) {
		int status;
		pid_t child = must(fork());

		if (!child) {
			/* What an alarm does by default is to kill. */
			alarm_is_due_in(us);
			_exit(call->make(scene) == -1 ? errno : 0);
		}
		must(waitpid(child, &status, 0));
		late = WIFSIGNALED(status) ? 0 : late + 1;
		killed += WIFSIGNALED(status);
		if (WIFEXITED(status) && WEXITSTATUS(status))
			fail("%s: %s, in a child that was not killed", call->name,
			     strerror(WEXITSTATUS(status)));
		compare_in_access(call->name, scene->fd, scene->at, 0, SIZE, scene->seed);
	}
	printf("    # %s: %s: %u children were killed\n", name, call->name, killed);
	fflush(stdout);
}

/* A child that waits for a transfer is interrupted, waits again, and is killed. */
static void interrupted_while_it_waits(struct scene *scene)
{
	struct dma_buf_sync sync = { DMA_BUF_SYNC_START | RW };
	struct sigaction action = { .sa_handler = note_signal };
	int status;
	pid_t child;

	transfer(scene->fd, TRANSFER_BEGINS);
	child = must(fork());
	if (!child) {
		must(sigaction(SIGUSR1, &action, NULL));
		if (!ioctl(scene->fd, DMA_BUF_IOCTL_SYNC, &sync) || errno != EINTR)
			fail("an access in a transfer: expected EINTR, got %s", strerror(errno));
		ioctl(scene->fd, DMA_BUF_IOCTL_SYNC, &sync);
		fail("an access began in a transfer: %s", strerror(errno));
	}
	until_it_sleeps(child);
	must(kill(child, SIGUSR1));
	until_it_sleeps(child);
	must(kill(child, SIGKILL));
	must(waitpid(child, &status, 0));
	if (!WIFSIGNALED(status))
		fail("who waits for a transfer ended with %#x", status);
	/* None of its accesses has begun, so that what a device writes now is there. */
	other(scene->fd, DEVICE_WRITES, ++scene->seed);
	transfer(scene->fd, TRANSFER_ENDS);
	compare_in_access("after the transfer", scene->fd, scene->at, 0, SIZE, scene->seed);
}

#endif

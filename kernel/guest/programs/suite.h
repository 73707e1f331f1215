/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The cases of a suite: what the programs here share. Each defines SUITE first,
 * and its cases later.
 */
#ifndef SUITE_H
#define SUITE_H

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

#include <linux/vcsan.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

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

/* Word number @at of what @seed stands for. */
static unsigned int pattern(unsigned int seed, unsigned long at)
{
	unsigned int hash = (at ^ seed * 0x01010101U) * 0x9e3779b1U;

	return hash ^ hash >> 15;
}

/* Bytes to go on with: a word where both sides have a whole one, or else one. */
static unsigned long step(const void *address, unsigned long offset, unsigned long len)
{
	bool aligned = !(((unsigned long)address | offset) % sizeof(int));

	return aligned && len >= sizeof(int) ? sizeof(int) : 1;
}

static void fill(unsigned char *to, unsigned long offset, unsigned long len, unsigned int seed)
{
	for (unsigned long part, i = 0; i < len; i += part) {
		unsigned int word = pattern(seed, (offset + i) / sizeof(word));

		part = step(to + i, offset + i, len - i);
		if (part == sizeof(word))
			memcpy(__builtin_assume_aligned(to + i, sizeof(word)), &word, sizeof(word));
		else
			to[i] = ((unsigned char *)&word)[(offset + i) % sizeof(word)];
	}
}

static void compare(const char *who, const unsigned char *from, unsigned long offset,
		    unsigned long len, unsigned int seed)
{
	for (unsigned long part, i = 0; i < len; i += part) {
		unsigned int got, expected = pattern(seed, (offset + i) / sizeof(got));

		part = step(from + i, offset + i, len - i);
		if (part == sizeof(got)) {
			memcpy(&got, __builtin_assume_aligned(from + i, sizeof(got)), sizeof(got));
		} else {
			expected = ((unsigned char *)&expected)[(offset + i) % sizeof(got)];
			got = from[i];
		}
		if (got != expected)
			fail("%s: at offset %#lx expected %#x, got %#x", who, offset + i, expected,
			     got);
	}
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

/* Runs all @count @cases, and prints what comes of them. */
static int run_all(const struct test *cases, int count)
{
	int failed = 0;

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

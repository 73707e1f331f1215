// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's selftest for dma-buf heaps, as it is in the kernel's tree, on one
 * heap, and as a suite: its results have sentences for names, and no suite
 * around them.
 *
 *   selftest HEAP
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

/* Prototypes of what it calls main(). */
static int selftest(void);
#define main selftest
#include "dmabuf-heaps/dmabuf-heap.c"
#undef main

#define SUITE "dmabuf_heap"

static int fail(const char *what)
{
	fprintf(stderr, "failed to %s: %s\n", what, strerror(errno));
	return EXIT_FAILURE;
}

/* Leaves no other heap, as the test takes all that it finds. */
static bool only(const char *heap)
{
	struct stat stat;
	char path[64];

	snprintf(path, sizeof(path), DEVPATH "/%s", heap);
	return !lstat(path, &stat) && !mount("tmpfs", DEVPATH, "tmpfs", 0, NULL) &&
	       !mknod(path, S_IFCHR | 0600, stat.st_rdev);
}

/* Passes a line on, indented; in a result, what is no word becomes one. */
static void pass_on(char *line)
{
	char *text = line, *name;
	int number, end = 0;
	bool passed;

	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "TAP version", strlen("TAP version"))) {
		printf("    KTAP version 1\n    # Subtest: " SUITE "\n");
		return;
	}
	passed = !strncmp(text, "ok ", 3);
	if (!passed && strncmp(text, "not ok ", 7)) {
		printf("    %s\n", line);
		return;
	}
	text += passed ? 3 : 7;
	if (sscanf(text, "%d %n", &number, &end) != 1) {
		printf("    %s\n", line);
		return;
	}
	text += end;
	if (!strncmp(text, "# SKIP", strlen("# SKIP"))) {
		printf("    ok %d result_%d %s\n", number, number, text);
		return;
	}
	for (name = text; *name; name++) {
		if (!isalnum((unsigned char)*name))
			*name = '_';
	}
	/* Two of them have the same name. */
	printf("    %s %d %s_%d\n", passed ? "ok" : "not ok", number, text, number);
}

int main(int argc, char **argv)
{
	int ends[2], status;
	FILE *output;
	char *line = NULL;
	size_t size = 0;
	pid_t child;

	if (argc != 2) {
		fprintf(stderr, "usage: selftest HEAP\n");
		return 2;
	}
	if (!only(argv[1]))
		return fail("leave one heap only");
	if (pipe(ends))
		return fail("make a pipe");
	child = fork();
	if (child < 0)
		return fail("fork");
	if (!child) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		return selftest();
	}
	close(ends[1]);
	output = fdopen(ends[0], "r");
	if (!output)
		return fail("read what the test prints");
	printf("KTAP version 1\n1..1\n");
	while (getline(&line, &size, output) >= 0)
		pass_on(line);
	if (waitpid(child, &status, 0) != child)
		return fail("wait for the test");
	printf("%s 1 " SUITE "\n", status ? "not ok" : "ok");
	return status != 0;
}

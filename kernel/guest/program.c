// SPDX-License-Identifier: GPL-2.0
/*
 * Runs other programs of the guest.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

/* Passes on what comes out of @fd, line by line, until it is closed. */
static void pass_on(int fd)
{
	FILE *output = fdopen(fd, "r");
	size_t size = 0;
	char *line = NULL;
	ssize_t length;

	if (!output) {
		close(fd);
		return;
	}
	while ((length = getline(&line, &size, output)) >= 0) {
		if (length && line[length - 1] == '\n')
			length--;
		report_line(line, length);
	}
	free(line);
	fclose(output);
}

bool program_run(char *const argv[], bool logged)
{
	int ends[2] = { -1, -1 }, status;
	pid_t child = -1;

	if (logged)
		report("running %s", argv[0]);
	if (!logged || !pipe2(ends, O_CLOEXEC))
		child = fork();
	if (!child) {
		if (logged) {
			dup2(ends[1], STDOUT_FILENO);
			dup2(ends[1], STDERR_FILENO);
		}
		execv(argv[0], argv);
		report("failed to run %s: %m", argv[0]);
		_exit(127);
	}
	if (child < 0)
		report("failed to run %s: %m", argv[0]);
	if (logged && ends[1] >= 0) {
		close(ends[1]);
		pass_on(ends[0]);
	}
	if (child < 0)
		return false;
	/* Other children are those that the program left behind. */
	while (wait(&status) != child)
		;
	if (WIFSIGNALED(status)) {
		report("failed to finish %s: %s", argv[0], strsignal(WTERMSIG(status)));
		return false;
	}
	report("%s exited with %d", argv[0], WEXITSTATUS(status));
	return !WEXITSTATUS(status);
}

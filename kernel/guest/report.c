// SPDX-License-Identifier: GPL-2.0
/*
 * Lines on the console that can't tear the kernel's own apart: both take the
 * way through the kernel's log.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

/* The kernel refuses records of more than 1024 bytes, PRINTKRB_RECORD_MAX. */
#define LONGEST 960

void report_line(const char *line, size_t length)
{
	/*
	 * Unless printk.devkmsg=on is given, the kernel drops what comes too
	 * fast through one open file, but allows each a first line.
	 */
	int kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (length > LONGEST)
		length = LONGEST;
	if (kmsg >= 0 && write(kmsg, line, length) == (ssize_t)length) {
		close(kmsg);
		return;
	}
	if (kmsg >= 0)
		close(kmsg);
	dprintf(STDERR_FILENO, "%.*s\n", (int)length, line);
}

void report(const char *format, ...)
{
	char line[LONGEST] = "aliasheap: ";
	size_t prefix = strlen(line);
	va_list args;

	va_start(args, format);
	vsnprintf(line + prefix, sizeof(line) - prefix, format, args);
	va_end(args);
	report_line(line, strlen(line));
}

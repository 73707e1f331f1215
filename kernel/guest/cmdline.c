// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's command line, which tells the guest what to do.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

/* More than COMMAND_LINE_SIZE of any architecture that the guest runs on. */
#define LONGEST 8192

char *cmdline_read(void)
{
	char *line = calloc(1, LONGEST);
	int file = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

	if (!line || file < 0 || read(file, line, LONGEST - 1) < 0)
		report("failed to read the kernel's command line: %m");
	if (file >= 0)
		close(file);
	return line;
}

char *next_word(char **rest, const char *separators)
{
	char *word;

	if (!*rest)
		return NULL;
	word = *rest + strspn(*rest, separators);
	if (!*word)
		return NULL;
	*rest = word + strcspn(word, separators);
	if (**rest)
		*(*rest)++ = '\0';
	return word;
}

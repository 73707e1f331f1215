// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest is to do. It stands in a file of the initramfs and not on the
 * kernel's command line, which firmware cuts off where it becomes too long.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

#define ORDERS "/orders"

void orders_each(void (*obey)(char *order, void *context), void *context)
{
	FILE *file = fopen(ORDERS, "re");
	size_t size = 0;
	char *line = NULL;
	ssize_t length;

	if (!file) {
		report("failed to open %s: %m", ORDERS);
		return;
	}
	while ((length = getline(&line, &size, file)) >= 0) {
		if (length && line[length - 1] == '\n')
			line[--length] = '\0';
		if (length)
			obey(line, context);
	}
	free(line);
	fclose(file);
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

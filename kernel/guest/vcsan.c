// SPDX-License-Identifier: GPL-2.0
/*
 * Tells VCSan, a model of the cache that may watch this machine from outside,
 * what only user space can know.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vcsan.h>

#include "guest.h"

/* Writes " name=address" of one section. */
static void write_section(FILE *text, const char *dir, const char *section)
{
	char path[512], address[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, section);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(address, sizeof(address), file))
		fprintf(text, " %s=%.*s", section, (int)strcspn(address, "\n"), address);
	fclose(file);
}

void vcsan_module_loaded(const char *module)
{
	char *sections = NULL, dir[128];
	struct dirent *entry;
	size_t len = 0;
	FILE *text;
	DIR *list;

	/* What was a test's is nobody's now. */
	vcsan_note(VCSAN_TEST, "", 0, 0, 0);
	snprintf(dir, sizeof(dir), "/sys/module/%s/sections", module);
	list = opendir(dir);
	text = open_memstream(&sections, &len);
	if (list && text) {
		fprintf(text, "%s", module);
		while ((entry = readdir(list))) {
			/* Code, and nothing else, has addresses that a report can name. */
			if (strstr(entry->d_name, "text"))
				write_section(text, dir, entry->d_name);
		}
	}
	if (list)
		closedir(list);
	if (text && !fclose(text) && len)
		vcsan_note(VCSAN_MODULE, sections, len, 0, 0);
	free(sections);
}

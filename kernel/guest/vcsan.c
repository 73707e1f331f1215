// SPDX-License-Identifier: GPL-2.0
/*
 * Tells VCSan, a model of the cache that may watch this machine from outside,
 * what only user space can know.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include <linux/vcsan.h>

#include "guest.h"

/* Appends " name=address" of one section. */
static size_t append(char *text, size_t used, size_t size, const char *dir, const char *section)
{
	char path[512], address[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, section);
	file = fopen(path, "re");
	if (!file)
		return used;
	if (fgets(address, sizeof(address), file)) {
		address[strcspn(address, "\n")] = '\0';
		used += snprintf(text + used, size - used, " %s=%s", section, address);
	}
	fclose(file);
	return used;
}

void vcsan_module_loaded(const char *module)
{
	char text[4096], dir[128];
	size_t used = snprintf(text, sizeof(text), "%s", module);
	struct dirent *entry;
	DIR *sections;

	/* What was a test's is nobody's now. */
	vcsan_note(VCSAN_TEST, "", 0, 0, 0);
	snprintf(dir, sizeof(dir), "/sys/module/%s/sections", module);
	sections = opendir(dir);
	if (!sections)
		return;
	while ((entry = readdir(sections)) && used < sizeof(text)) {
		/* Code, and nothing else, has addresses that a report can name. */
		if (strstr(entry->d_name, "text"))
			used = append(text, used, sizeof(text), dir, entry->d_name);
	}
	closedir(sections);
	vcsan_note(VCSAN_MODULE, text, used < sizeof(text) ? used : sizeof(text) - 1, 0, 0);
}

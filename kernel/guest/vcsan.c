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

/*
 * Reads from each page of @text. Where software fills the TLB, as on PA-RISC,
 * VCSan can only read pages that are in it.
 */
static void touch(const char *text, size_t len)
{
	for (size_t at = 0; at < len; at += 4096)
		__asm__ __volatile__("" : : "r"(text[at]));
	__asm__ __volatile__("" : : "r"(text[len - 1]));
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
	if (text && !fclose(text) && len) {
		touch(sections, len);
		vcsan_note(VCSAN_MODULE, sections, len, 0, 0);
	}
	free(sections);
}

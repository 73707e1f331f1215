// SPDX-License-Identifier: GPL-2.0
/*
 * Loads and unloads modules.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"

/* Turns a file's name into the module's: without ".ko", and with '_' for '-'. */
static void module_name(char *name, size_t size, const char *file)
{
	char *dot;

	snprintf(name, size, "%s", file);
	dot = strrchr(name, '.');
	if (dot && !strcmp(dot, ".ko"))
		*dot = '\0';
	for (; *name; name++) {
		if (*name == '-')
			*name = '_';
	}
}

/* What the kernel's command line has for @module, as modprobe understands it. */
static void parameters_of(const char *module, char *parameters, size_t size)
{
	char *line = cmdline_read(), *rest = line, *word;
	size_t used = 0;

	parameters[0] = '\0';
	while ((word = next_word(&rest, BLANKS))) {
		char *dot = strchr(word, '.'), name[64];

		if (!dot)
			continue;
		*dot = '\0';
		module_name(name, sizeof(name), word);
		if (!strcmp(name, module))
			used += snprintf(parameters + used, size - used, "%s%s",
					 used ? " " : "", dot + 1);
		if (used >= size)
			break;
	}
	free(line);
}

bool module_load(const char *name, const char *parameters)
{
	char path[256], module[64], own[1024];
	bool loaded;
	int file;

	module_name(module, sizeof(module), name);
	if (!parameters) {
		parameters_of(module, own, sizeof(own));
		parameters = own;
	}
	report("loading %s%s%s", name, *parameters ? " with " : "", parameters);
	snprintf(path, sizeof(path), MODULES "/%s", name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	loaded = file >= 0 && !syscall(SYS_finit_module, file, parameters, 0);
	if (loaded) {
		vcsan_module_loaded(module);
		report("loaded %s", name);
	} else {
		report("failed to load %s: %m", name);
	}
	if (file >= 0)
		close(file);
	return loaded;
}

bool module_unload(const char *name)
{
	char module[64];

	module_name(module, sizeof(module), name);
	if (syscall(SYS_delete_module, module, O_NONBLOCK)) {
		report("failed to unload %s: %m", module);
		return false;
	}
	report("unloaded %s", module);
	return true;
}

bool module_is_loaded(const char *name)
{
	char module[64], path[128];

	module_name(module, sizeof(module), name);
	/* Unlike code that is built in, a module that can be unloaded has this. */
	snprintf(path, sizeof(path), "/sys/module/%s/initstate", module);
	return !access(path, F_OK);
}

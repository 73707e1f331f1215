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

#include <linux/vcsan.h>

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

/* Parameters that are being gathered. */
struct parameters {
	const char *module;
	char *text;
	size_t size, used;
};

/* Adds what @order has for the module, if it is one of its parameters. */
static void add_parameter(char *order, void *context)
{
	struct parameters *to = context;
	size_t length = strcspn(order, ".=");
	char name[64];

	if (order[length] != '.')
		return;
	order[length] = '\0';
	module_name(name, sizeof(name), order);
	if (strcmp(name, to->module) || to->used >= to->size)
		return;
	to->used += snprintf(to->text + to->used, to->size - to->used, "%s%s",
			     to->used ? " " : "", order + length + 1);
}

/* What the orders have for @module, as the kernel takes it. False if there is no room. */
static bool parameters_of(const char *module, char *text, size_t size)
{
	struct parameters to = { .module = module, .text = text, .size = size };

	text[0] = '\0';
	orders_each(add_parameter, &to);
	return to.used < to.size;
}

bool module_load(const char *name, const char *parameters)
{
	char path[256], module[64], own[4096];
	bool loaded;
	int file;

	module_name(module, sizeof(module), name);
	if (!parameters) {
		if (!parameters_of(module, own, sizeof(own))) {
			report("failed to load %s: its parameters are too long", name);
			return false;
		}
		parameters = own;
	}
	report("loading %s%s%s", name, *parameters ? " with " : "", parameters);
	snprintf(path, sizeof(path), MODULES "/%s", name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	loaded = file >= 0 && !syscall(SYS_finit_module, file, parameters, 0);
	if (loaded) {
		/* What was a test's is nobody's now. */
		vcsan_note(VCSAN_TEST, "", 0, 0, 0);
		report("loaded %s", name);
	} else {
		report("failed to load %s: %m", name);
	}
	if (file >= 0)
		close(file);
	return loaded;
}

/* What the kernel releases later, as files are, may have the module for a moment. */
#define UNLOAD_TRIES 100
#define UNLOAD_PAUSE_US 10000

bool module_unload(const char *name)
{
	char module[64];
	int tries = 0;

	module_name(module, sizeof(module), name);
	while (syscall(SYS_delete_module, module, O_NONBLOCK)) {
		if (errno != EAGAIN || ++tries == UNLOAD_TRIES) {
			report("failed to unload %s: %m", module);
			return false;
		}
		usleep(UNLOAD_PAUSE_US);
	}
	report("unloaded %s", module);
	return true;
}

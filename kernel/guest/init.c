// SPDX-License-Identifier: GPL-2.0
/*
 * The first program of the test guest. It does what the file /orders says, a
 * line each, in that order, and ends the guest:
 *
 *   aliasheap.modules=a.ko,b.ko   load these modules
 *   aliasheap.unload=b.ko,a.ko    unload these modules
 *   aliasheap.write=/sys/a,text   write the text to /sys/a
 *   aliasheap.exec=/bin/a,b,c     run /bin/a with the arguments b and c
 *   aliasheap.terminal=/bin/a,b   the same, with the console as its terminal
 *   a.parameter=value             for when a.ko is loaded
 *
 * Each order leaves lines on the console that start with "aliasheap: ". What
 * could not be done is "aliasheap: failed to ..."; "aliasheap: done" says that
 * no order is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "guest.h"

#define PREFIX "aliasheap."

/* Sets which messages reach the console; from the kernel's include/linux/syslog.h. */
#define SYSLOG_ACTION_CONSOLE_LEVEL 8
/* All but debugging messages. */
#define CONSOLE_LEVEL 7

static const struct {
	const char *type;
	const char *dir;
	/* The kernel may have been built without it. */
	bool optional;
} mounts[] = {
	{ "proc", "/proc", false },
	{ "sysfs", "/sys", false },
	{ "devtmpfs", "/dev", false },
	{ "tmpfs", "/tmp", false },
	{ "debugfs", "/sys/kernel/debug", true },
};

static void mount_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		const char *type = mounts[i].type, *dir = mounts[i].dir;

		mkdir(dir, 0755);
		if (mount(type, dir, type, 0, NULL) && !(mounts[i].optional && errno == ENODEV))
			report("failed to mount %s on %s: %m", type, dir);
	}
}

static void load_modules(char *names)
{
	char *name;

	while ((name = next_word(&names, ",")))
		module_load(name, NULL);
}

static void unload_modules(char *names)
{
	char *name;

	while ((name = next_word(&names, ",")))
		module_unload(name);
}

static void write_file(char *words)
{
	char *path = next_word(&words, ",");
	const char *text = words ? words : "";
	int file = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;

	report("writing %s to %s", text, path ? path : "nothing");
	if (file < 0 || write(file, text, strlen(text)) != (ssize_t)strlen(text))
		report("failed to write to %s: %m", path ? path : "nothing");
	if (file >= 0)
		close(file);
}

static void run_program(char *words, bool logged)
{
	char *argv[16];
	size_t argc = 0;

	while (argc < ARRAY_SIZE(argv) - 1 && (argv[argc] = next_word(&words, ",")))
		argc++;
	argv[argc] = NULL;
	if (argc)
		program_run(argv, logged);
}

static void obey(char *order, void *context)
{
	char *value;

	(void)context;
	/* The others are modules' parameters. */
	if (strncmp(order, PREFIX, strlen(PREFIX)))
		return;
	order += strlen(PREFIX);
	value = order + strcspn(order, "=");
	if (*value)
		*value++ = '\0';
	if (!strcmp(order, "modules"))
		load_modules(value);
	else if (!strcmp(order, "unload"))
		unload_modules(value);
	else if (!strcmp(order, "write"))
		write_file(value);
	else if (!strcmp(order, "exec"))
		run_program(value, true);
	else if (!strcmp(order, "terminal"))
		run_program(value, false);
	else
		report("failed to understand the order %s", order);
}

/*
 * A restart ends QEMU if it runs with -no-reboot. Not every machine can power
 * off, and the kernel then halts for ever instead of saying so.
 */
static void end(void)
{
	sync();
	tcdrain(STDOUT_FILENO);
	reboot(RB_AUTOBOOT);
	report("failed to restart: %m");
	reboot(RB_POWER_OFF);
	reboot(RB_HALT_SYSTEM);
	for (;;)
		pause();
}

int main(void)
{
	if (getpid() != 1) {
		fprintf(stderr, "this is the first program of a guest, and not for others\n");
		return EXIT_FAILURE;
	}
	/* What is reported before devtmpfs is mounted has to get out too. */
	mknod("/dev/kmsg", S_IFCHR | 0600, makedev(1, 11));
	setenv("PATH", "/bin", true);
	klogctl(SYSLOG_ACTION_CONSOLE_LEVEL, NULL, CONSOLE_LEVEL);
	report("init");
	mount_all();
	orders_each(obey, NULL);
	report("done");
	end();
}

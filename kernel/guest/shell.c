// SPDX-License-Identifier: GPL-2.0
/*
 * A small shell for a person at the serial console. It has neither variables
 * nor pipes nor quotes; the terminal itself edits the line.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

#define WORDS 32
#define FILTER "/sys/module/kunit/parameters/filter_glob"

/* From the kernel's include/linux/syslog.h. */
#define SYSLOG_ACTION_READ_ALL 3
#define SYSLOG_ACTION_SIZE_BUFFER 10

struct command {
	const char *name;
	const char *arguments;
	const char *what;
	/* The number of words that must and may follow the name. */
	int least, most;
	void (*run)(int argc, char **argv);
};

/* How long the kernel gets to print what a command made it say, ms. */
#define PATIENCE 50

/* Set by the command that ends the shell. */
static bool over;

static void complain(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
}

/* Copies @path to standard output. */
static void show(const char *path)
{
	char buffer[4096];
	ssize_t got;
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0) {
		complain(path);
		return;
	}
	while ((got = read(file, buffer, sizeof(buffer))) > 0)
		fwrite(buffer, 1, got, stdout);
	if (got < 0)
		complain(path);
	close(file);
}

/* Writes @text to @path in one go, as the files of sysfs and debugfs want it. */
static bool put(const char *path, int flags, const char *text)
{
	size_t length = strlen(text);
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
	bool done = file >= 0 && write(file, text, length) == (ssize_t)length;

	if (!done)
		complain(path);
	if (file >= 0)
		close(file);
	return done;
}

static void cat(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		show(argv[i]);
}

static void cd(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "/";

	if (chdir(dir))
		complain(dir);
}

static void dmesg(int argc, char **argv)
{
	int size = klogctl(SYSLOG_ACTION_SIZE_BUFFER, NULL, 0);
	char *buffer = size > 0 ? malloc(size) : NULL;
	int got = buffer ? klogctl(SYSLOG_ACTION_READ_ALL, buffer, size) : -1;

	(void)argc;
	if (got < 0)
		complain(argv[0]);
	else
		fwrite(buffer, 1, got, stdout);
	free(buffer);
}

/* echo WORD... [> FILE | >> FILE] */
static void echo(int argc, char **argv)
{
	char text[1024] = "";
	int words = argc;
	size_t used = 0;
	bool append = false;

	if (argc > 2 && argv[argc - 2][0] == '>') {
		append = !strcmp(argv[argc - 2], ">>");
		words -= 2;
	}
	for (int i = 1; i < words && used < sizeof(text); i++)
		used += snprintf(text + used, sizeof(text) - used, "%s%s", i > 1 ? " " : "",
				 argv[i]);
	if (used < sizeof(text))
		snprintf(text + used, sizeof(text) - used, "\n");
	if (words == argc)
		fputs(text, stdout);
	else
		put(argv[argc - 1], append ? O_APPEND : O_TRUNC, text);
}

static void exec(int argc, char **argv)
{
	(void)argc;
	program_run(argv + 1, false);
}

static void leave(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	over = true;
}

/* hexdump FILE [BYTES] */
static void hexdump(int argc, char **argv)
{
	unsigned long left = argc > 2 ? strtoul(argv[2], NULL, 0) : 256;
	unsigned char row[16];
	unsigned long at = 0;
	ssize_t got = 0;
	int file = open(argv[1], O_RDONLY | O_CLOEXEC);

	if (file < 0) {
		complain(argv[1]);
		return;
	}
	while (left && (got = read(file, row, left < sizeof(row) ? left : sizeof(row))) > 0) {
		printf("%08lx ", at);
		for (ssize_t i = 0; i < (ssize_t)sizeof(row); i++) {
			if (i < got)
				printf(" %02x", row[i]);
			else
				printf("   ");
		}
		printf("  ");
		for (ssize_t i = 0; i < got; i++)
			putchar(isprint(row[i]) ? row[i] : '.');
		putchar('\n');
		at += got;
		left -= got;
	}
	if (got < 0)
		complain(argv[1]);
	close(file);
}

/* insmod NAME [PARAMETER=VALUE...] */
static void insmod(int argc, char **argv)
{
	char parameters[1024] = "";
	size_t used = 0;

	for (int i = 2; i < argc && used < sizeof(parameters); i++)
		used += snprintf(parameters + used, sizeof(parameters) - used, "%s%s",
				 i > 2 ? " " : "", argv[i]);
	module_load(argv[1], argc > 2 ? parameters : NULL);
}

static void list_dir(const char *dir)
{
	struct dirent **entries;
	int count = scandir(dir, &entries, NULL, alphasort);

	if (count < 0) {
		complain(dir);
		return;
	}
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char path[4096];
		struct stat stat;

		snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (name[0] == '.')
			;
		else if (lstat(path, &stat))
			complain(path);
		else if (S_ISDIR(stat.st_mode))
			printf("%12s %s/\n", "", name);
		else
			printf("%12lld %s\n", (long long)stat.st_size, name);
		free(entries[i]);
	}
	free(entries);
}

static void list(int argc, char **argv)
{
	list_dir(argc > 1 ? argv[1] : ".");
}

static void list_modules(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("in " MODULES ":\n");
	list_dir(MODULES);
	printf("loaded:\n");
	show("/proc/modules");
}

/* mount [TYPE DIR] */
static void mount_one(int argc, char **argv)
{
	if (argc == 1)
		show("/proc/mounts");
	else if (argc == 2)
		printf("usage: mount [TYPE DIR]\n");
	else if (mount(argv[1], argv[2], argv[1], 0, NULL))
		complain(argv[2]);
}

static void pwd(int argc, char **argv)
{
	char dir[4096];

	(void)argc;
	if (getcwd(dir, sizeof(dir)))
		puts(dir);
	else
		complain(argv[0]);
}

static void rmmod(int argc, char **argv)
{
	(void)argc;
	module_unload(argv[1]);
}

static int is_test(const struct dirent *entry)
{
	return !fnmatch("*kunit*.ko", entry->d_name, 0) || !fnmatch("*test*.ko", entry->d_name, 0);
}

/*
 * run GLOB: KUnit runs the suites of a module when it is loaded, those that
 * its filter lets through.
 */
static void run(int argc, char **argv)
{
	struct dirent **entries;
	int count = scandir(MODULES, &entries, is_test, alphasort);

	(void)argc;
	if (count < 0) {
		complain(MODULES);
		return;
	}
	if (!count)
		printf("no module in " MODULES " is named as a test\n");
	if (count && put(FILTER, 0, argv[1])) {
		for (int i = 0; i < count; i++) {
			const char *name = entries[i]->d_name;

			if (!module_is_loaded(name) || module_unload(name))
				module_load(name, NULL);
		}
	}
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
}

static void help(int argc, char **argv);

static const struct command commands[] = {
	{ "cat", "FILE...", "show files", 1, WORDS, cat },
	{ "cd", "[DIR]", "change the working directory", 0, 1, cd },
	{ "dmesg", "", "show the kernel's log", 0, 0, dmesg },
	{ "echo", "[TEXT] [> FILE]", "print, or write to a file (>> appends)", 0, WORDS, echo },
	{ "exec", "PROGRAM [ARGUMENT...]", "run a program", 1, WORDS, exec },
	{ "exit", "", "end the guest", 0, 0, leave },
	{ "help", "", "show this list", 0, 0, help },
	{ "hexdump", "FILE [BYTES]", "show the first bytes, 256 by default", 1, 2, hexdump },
	{ "insmod", "NAME [PARAMETER=VALUE...]", "load a module of " MODULES, 1, WORDS, insmod },
	{ "ls", "[DIR]", "list a directory", 0, 1, list },
	{ "modules", "", "list the modules, and those that are loaded", 0, 0, list_modules },
	{ "mount", "[TYPE DIR]", "mount a file system, or list them", 0, 2, mount_one },
	{ "poweroff", "", "end the guest", 0, 0, leave },
	{ "pwd", "", "show the working directory", 0, 0, pwd },
	{ "reboot", "", "end the guest", 0, 0, leave },
	{ "rmmod", "NAME", "unload a module", 1, 1, rmmod },
	{ "run", "SUITE[.CASE]", "load the test modules anew and run the suites that match", 1, 1,
	  run },
};

static void help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("%-8s %-26s %s\n", commands[i].name, commands[i].arguments,
		       commands[i].what);
}

static void obey(int argc, char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];

		if (strcmp(argv[0], command->name))
			continue;
		if (argc - 1 < command->least || argc - 1 > command->most)
			printf("usage: %s %s\n", command->name, command->arguments);
		else
			command->run(argc, argv);
		return;
	}
	printf("%s: unknown command; help lists those that are known\n", argv[0]);
}

void shell(void)
{
	char *line = NULL;
	size_t size = 0;

	report("reading commands; help lists them");
	while (!over) {
		char *argv[WORDS + 1], *rest;
		int argc = 0;

		printf("guest:# ");
		fflush(stdout);
		if (getline(&line, &size, stdin) < 0)
			break;
		rest = line;
		while (argc < WORDS && (argv[argc] = next_word(&rest, BLANKS)))
			argc++;
		argv[argc] = NULL;
		if (argc == WORDS)
			printf("only %d words fit into a command\n", WORDS - 1);
		else if (argc)
			obey(argc, argv);
		fflush(stdout);
		/* Its console may print from a thread of its own, which nobody can wait for. */
		usleep(PATIENCE * 1000);
	}
	free(line);
}

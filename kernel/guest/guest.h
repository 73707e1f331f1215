/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The first program of the test guest: what its parts offer each other.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>

/* Where the initramfs keeps the modules, without folders in it. */
#define MODULES "/lib/modules"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* report.c */

/*
 * Prints one line, "aliasheap: " and the message, through the kernel's log, so
 * that it stands between the kernel's own lines and never inside one.
 */
[[gnu::format(printf, 1, 2)]] void report(const char *format, ...);

/* Prints a line as it is through the kernel's log, cut off if it is too long for that. */
void report_line(const char *line, size_t length);

/* orders.c */

/* Calls @obey for each line of the orders, which it may change. */
void orders_each(void (*obey)(char *order, void *context), void *context);

/*
 * Cuts the next word off *rest, which it changes, and gives it, or NULL at the
 * end. Words are separated by any of @separators.
 */
char *next_word(char **rest, const char *separators);

/* module.c */

/*
 * Loads @name, a file in MODULES, with @parameters; NULL stands for those that
 * the orders have for it in the form module.parameter=value.
 * Reports what comes of it.
 */
bool module_load(const char *name, const char *parameters);

/* Unloads @name, with or without ".ko". Reports what comes of it. */
bool module_unload(const char *name);

/* program.c */

/*
 * Runs a program to its end and reports its status. @argv ends in NULL. The
 * output goes to the terminal, or through report_line() if @logged.
 */
bool program_run(char *const argv[], bool logged);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Notes to VCSan, a model of the data cache that watches an emulated machine
 * from outside. Of all that it sees it cannot know which memory is a buffer
 * under test, when a device reads or writes memory, and which test runs; this
 * tells it. Without VCSan a note is a few stores to the stack.
 *
 * For kernel, modules and user space alike.
 */
#ifndef _LINUX_VCSAN_H
#define _LINUX_VCSAN_H

#include <linux/types.h>

enum vcsan_kind {
	/* Report hazards on @a, physical, @b bytes. Its name is @text. Ends with the test. */
	VCSAN_WATCH = 1,
	/* No more reports on @a, physical, @b bytes. */
	VCSAN_UNWATCH = 2,
	/* The test @text runs from now on, "suite.case"; empty: none. */
	VCSAN_TEST = 3,
	/* A module is loaded; @text is its name and " section=0xaddress" for each. */
	VCSAN_MODULE = 4,
	/* A device reads @a, physical, @b bytes, now. */
	VCSAN_DEVICE_READ = 5,
	/* A device writes @a, physical, @b bytes, now. */
	VCSAN_DEVICE_WRITE = 6,
	/* The test that runs provokes the hazard that is called @text. */
	VCSAN_EXPECT = 7,
};

#define VCSAN_MAGIC 0x56434e54U /* "VCNT" */

/* Aligned so that VCSan has to look at few of all stores. */
struct vcsan_note {
	_Alignas(64) __u32 kind;
	__u32 text_len;
	__u64 text;
	__u64 a, b;
	/*
	 * ~(VCSAN_MAGIC ^ kind ^ text_len ^ low words of a and b): constants that a
	 * compiler put side by side are no note wherever they are copied to.
	 */
	__u32 check;
	/* Written last, as VCSAN_MAGIC: what VCSan looks for in the stores of the machine. */
	__u32 magic;
};

static inline void vcsan_note(enum vcsan_kind kind, const char *text, __u32 text_len,
			      __u64 a, __u64 b)
{
	struct vcsan_note note = {
		.kind = kind,
		.text_len = text_len,
		.text = (unsigned long)text,
		.a = a,
		.b = b,
		.check = ~(VCSAN_MAGIC ^ kind ^ text_len ^ (__u32)a ^ (__u32)b),
	};

	/* Note and text are in memory before it is said that they are, which is one store. */
	__asm__ __volatile__("" : : "r"(&note), "r"(text) : "memory");
	note.magic = VCSAN_MAGIC;
	__asm__ __volatile__("" : : "r"(&note) : "memory");
	note.magic = 0;
	__asm__ __volatile__("" : : "r"(&note) : "memory");
}

#endif /* _LINUX_VCSAN_H */

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
	/* A device reads @a, physical, @b bytes, now. */
	VCSAN_DEVICE_READ = 5,
	/* A device writes @a, physical, @b bytes, now. */
	VCSAN_DEVICE_WRITE = 6,
	/*
	 * The test that runs provokes a hazard. @text tells which: "title |
	 * alias | function | missing", of which the last two may hold '*'.
	 */
	VCSAN_EXPECT = 7,
	/* What the CPU does from here on is counted, as @text. Needs count=instructions. */
	VCSAN_MEASURE = 9,
	/* It is over. */
	VCSAN_MEASURED = 10,
	/* The next note's text begins with @text, of which there is too much for one. */
	VCSAN_TEXT = 8,
};

#define VCSAN_MAGIC 0x56434e54U /* "VCNT" */
#define VCSAN_TEXT_LEN 96

#ifndef __KERNEL__
#include <stdalign.h>
#define noinline
#define __aligned alignas
#endif

/*
 * In one page, which the last store has just been to, as VCSan can only read what the TLB has
 * where software fills it; and aligned, so that VCSan has to look at few of all stores.
 */
struct vcsan_note {
	__aligned(128) __u32 kind;
	__u32 text_len;
	__u64 a, b;
	/*
	 * ~(VCSAN_MAGIC ^ kind ^ text_len ^ low words of a and b): constants that a
	 * compiler put side by side are no note wherever they are copied to.
	 */
	__u32 check;
	/* Written last, as VCSAN_MAGIC: what VCSan looks for in the stores of the machine. */
	__u32 magic;
	char text[VCSAN_TEXT_LEN];
};

/*
 * The store that VCSan looks for, in a function of its own: of the kernel's
 * stores that stand side by side it is only told of the first one.
 */
static noinline void vcsan_store(__u32 *magic, __u32 value)
{
	*magic = value;
	__asm__ __volatile__("" : : "r"(magic) : "memory");
}

static inline void vcsan_note(enum vcsan_kind last, const char *text, __u32 text_len,
			      __u64 a, __u64 b)
{
	struct vcsan_note note = { .a = a, .b = b };

	do {
		note.kind = text_len > VCSAN_TEXT_LEN ? VCSAN_TEXT : last;
		note.text_len = text_len > VCSAN_TEXT_LEN ? VCSAN_TEXT_LEN : text_len;
		note.check = ~(VCSAN_MAGIC ^ note.kind ^ note.text_len ^ (__u32)a ^ (__u32)b);
		__builtin_memcpy(note.text, text, note.text_len);
		text += note.text_len;
		text_len -= note.text_len;

		/* The note is in memory before it is said that it is, which is one store. */
		__asm__ __volatile__("" : : "r"(&note) : "memory");
		vcsan_store(&note.magic, VCSAN_MAGIC);
		vcsan_store(&note.magic, 0);
	} while (note.kind != last);
}

#endif /* _LINUX_VCSAN_H */

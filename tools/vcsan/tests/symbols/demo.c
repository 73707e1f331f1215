// SPDX-License-Identifier: GPL-2.0-only
// A kernel and a module in small, with what is special about their symbols: an inlined function, a name of Rust's,
// a function of assembly with a label in it.
unsigned int counter;

static inline __attribute__((always_inline)) void touch(volatile unsigned int *p)
{
	*p += 1;
}

void flush(void) __asm__("_RNvNtCsbDqzXfLQacH_4demo4heap5flush");
__attribute__((noinline)) void flush(void)
{
	touch(&counter);
}

__attribute__((section(".init.text"))) int init_module(void)
{
	counter = 7;
	flush();
	touch(&counter);
	return 0;
}

__asm__("	.section .asm, \"ax\"\n"
	"	.globl flush_all\n"
	"	.type flush_all, %function\n"
	"flush_all:\n"
	"	.4byte 0\n"
	"flush_all_loop:\n"
	"	.4byte 0\n"
	"	.size flush_all, 8\n"
	"	.globl flush_end\n"
	"flush_end:\n"
	"	.4byte 0\n"
	"	.text\n");

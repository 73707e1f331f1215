// SPDX-License-Identifier: GPL-2.0-only
/* What Rust programs without std call: output, memory, an end, and a way out of a panic. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void out(const unsigned char *text, unsigned len)
{
	fwrite(text, 1, len, stdout);
}

static jmp_buf *top;

/* Calls f(data). Returns 0, or 1 if it panicked. */
int attempt(void (*f)(void *), void *data)
{
	jmp_buf here, *outer = top;
	volatile int panicked = 0;

	if (setjmp(here) == 0) {
		top = &here;
		f(data);
	} else {
		panicked = 1;
	}
	top = outer;
	return panicked;
}

/* What a panic ends with. */
void die(void)
{
	if (top)
		longjmp(*top, 1);
	fflush(stdout);
	exit(3);
}

void *c_alloc(unsigned size, unsigned align)
{
	void *p = 0;

	if (align < sizeof(void *))
		align = sizeof(void *);
	return posix_memalign(&p, align, size ? size : 1) ? 0 : p;
}

void rust_eh_personality(void)
{
}

/* What rustc makes when it links. */
unsigned char __rust_no_alloc_shim_is_unstable = 0;
unsigned char __rust_alloc_error_handler_should_panic = 0;

void __rust_alloc_error_handler(unsigned size, unsigned align)
{
	die();
}

extern void run(void);

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	run();
	fflush(stdout);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* What C has since C23: variadic functions without a named parameter. */
#include <stdarg.h>
#include <stdio.h>
struct six {
	int x[6];
};

__attribute__((noinline)) int sum(...)
{
	va_list ap;
	va_start(ap);
	int r = va_arg(ap, int);
	r += va_arg(ap, double);
	r += va_arg(ap, long long) >> 33;
	struct six s = va_arg(ap, struct six);
	r += s.x[5];
	va_end(ap);
	return r;
}

__attribute__((noinline)) static struct six make(...)
{
	va_list ap;
	va_start(ap);
	struct six s = {};
	for (int i = 0; i < 6; i++)
		s.x[i] = va_arg(ap, int);
	va_end(ap);
	return s;
}

int nothing(...)
{
	return 7;
}

int main(void)
{
	struct six s = make(1, 2, 3, 4, 5, 6);
	int (*volatile of)(...) = nothing;
	printf("%d %d %d\n", sum(1, 2.5, 5ll << 33, s), s.x[0], s.x[5]);
	printf("%d %d\n", of(), of(1.5, "x", 1ll));
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/* What Rust has none of: variable arguments, computed goto, constructors, thread-local variables, setjmp, assembly. */
#include <stdarg.h>
#include <stdio.h>
#include <setjmp.h>
#include <string.h>
struct S {
	char a;
	short b;
};

struct L {
	int x[5];
};

__attribute__((noinline)) static double sum(int n, ...)
{
	va_list ap;
	va_start(ap, n);
	double r = 0;
	for (int i = 0; i < n; i++) {
		switch (i % 6) {
		case 0:
			r += va_arg(ap, int);
			break;
		case 1:
			r += va_arg(ap, double);
			break;
		case 2:
			r += va_arg(ap, long long);
			break;
		case 3:
			r += *va_arg(ap, char *);
			break;
		case 4: {
			struct S s = va_arg(ap, struct S);
			r += s.a * 100 + s.b;
			break;
		}
		case 5: {
			struct L s = va_arg(ap, struct L);
			r += s.x[4];
		}
		}
	}
	va_end(ap);
	return r;
}

double sum_too(int n, ...) __attribute__((alias("sum")));

static int vsum(int n, va_list ap)
{
	int r = 0;
	va_list c;
	va_copy(c, ap);
	while (n--)
		r += va_arg(ap, int);
	r += 1000 * va_arg(c, int);
	va_end(c);
	return r;
}

__attribute__((noinline)) int isum(int n, ...)
{
	va_list ap;
	va_start(ap, n);
	int r = vsum(n, ap);
	va_end(ap);
	return r;
}

__attribute__((noinline)) void fmt(const char *f, ...)
{
	char b[100];
	va_list ap;
	va_start(ap, f);
	vsnprintf(b, sizeof b, f, ap);
	va_end(ap);
	puts(b);
}

jmp_buf jb;
int depth;
__attribute__((noinline)) void down(int n)
{
	if (n == 0)
		longjmp(jb, 7);
	depth++;
	down(n - 1);
	depth += 100;
}

int ctor;
__attribute__((constructor)) void c1(void)
{
	ctor = ctor * 10 + 1;
}

__attribute__((constructor(200))) void c2(void)
{
	ctor = ctor * 10 + 2;
}

__attribute__((destructor)) void d1(void)
{
	puts("destroyed");
	fflush(stdout);
}

__thread int tls = 5;
static __thread int tls0;
extern __thread int tls;
__attribute__((noinline)) int go(int x)
{
	static void *t[] = { &&a, &&b, &&c };
	int r = 0;
a:
	r += 1;
	if (x > 10)
		goto *t[2];
b:
	r += 10;
	x += 5;
	goto *t[x % 3];
c:
	r += 100;
	if (r > 5000)
		return r;
	x++;
	goto *t[(x + r) % 3];
}

__attribute__((noinline)) int goo(int x)
{
	static const short d[] = { &&a - &&a, &&b - &&a, &&c - &&a };
	goto *(&&a + d[x]);
a:
	return 1;
b:
	return 2;
c:
	return 3;
}

__attribute__((noinline)) struct L lsum(int n, ...)
{
	va_list ap;
	va_start(ap, n);
	struct L l = { { n } };
	for (int i = 1; i < 5; i++)
		l.x[i] = va_arg(ap, int);
	va_end(ap);
	return l;
}

typedef int ints __attribute__((vector_size(16)));
typedef double doubles __attribute__((vector_size(32)));
typedef short shorts __attribute__((vector_size(8)));
__attribute__((noinline)) static double vectors(int n, ...)
{
	va_list ap;
	va_start(ap, n);
	double r = 0;
	for (int i = 0; i < n; i++) {
		ints a = va_arg(ap, ints);
		doubles b = va_arg(ap, doubles);
		shorts c = va_arg(ap, shorts);
		r = r * 3 + a[0] + 2 * a[3] + b[1] + 5 * b[3] + c[0] + 7 * c[3];
		r += va_arg(ap, int);
	}
	va_end(ap);
	return r;
}

/* Of 8 bytes, which no Rust for these machines has. */
static _Alignas(8) unsigned long long cell[3] = { 1, ~0ull, 3 };
__attribute__((noinline)) static void atomics(unsigned long long n)
{
	unsigned long long *p = &cell[1], seen = 5, r = 0;
	r = r * 3 + __atomic_fetch_add(p, n, __ATOMIC_SEQ_CST);
	r = r * 3 + __atomic_fetch_sub(p, 9, __ATOMIC_RELAXED);
	r = r * 3 + __atomic_fetch_and(p, ~n >> 3, __ATOMIC_ACQUIRE);
	r = r * 3 + __atomic_fetch_or(p, n << 7, __ATOMIC_RELEASE);
	r = r * 3 + __atomic_fetch_xor(p, -1, __ATOMIC_ACQ_REL);
	r = r * 3 + __atomic_fetch_nand(p, n, __ATOMIC_SEQ_CST);
	printf("%llx %llx\n", r, __atomic_load_n(p, __ATOMIC_ACQUIRE));
	__atomic_add_fetch(p, 1ull << 63, __ATOMIC_SEQ_CST);
	r = __atomic_exchange_n(p, n, __ATOMIC_SEQ_CST);
	int no = __atomic_compare_exchange_n(p, &seen, 7, 0, __ATOMIC_SEQ_CST,
					     __ATOMIC_RELAXED);
	int yes = __atomic_compare_exchange_n(p, &seen, n * n, 0,
					      __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED);
	printf("%llx %llx %d %d\n", r, seen, no, yes);
	__atomic_store_n(&cell[2], *p + 1, __ATOMIC_RELEASE);
	printf("%llx %llx %llx\n", cell[0], cell[1], cell[2]);
}

int main(void)
{
	atomics(0x123456789abcdefull);
	struct L ls = lsum(1, 20, 30, 40, 50);
	printf("%d %d\n", ls.x[0], ls.x[4]);
	struct S s = { 3, 4 };
	struct L l = { { 1, 2, 3, 4, 5 } };
	printf("%g\n", sum(12, 1, 2.5, 1ll << 40, "A", s, l, -1, -2.5, -5ll,
			   "B", s, l));
	printf("%g\n", sum_too(6, 1, 2.5, 1ll << 40, "A", s, l));
	printf("%d\n", isum(4, 1, 2, 3, 4));
	ints iv = { 1, 2, 3, 4 };
	doubles dv = { 1.5, 2.5, 3.5, 4.5 };
	shorts sv = { -1, -2, -3, -4 };
	printf("%g\n", vectors(2, iv, dv, sv, 9, iv * 2, dv - 1, sv, -8));
	fmt("%d %s %g %lld", 1, "x", 2.5, 1ll << 33);
	volatile int v = 1;
	int k = setjmp(jb);
	if (k == 0) {
		v = 2;
		down(5);
	}
	printf("%d %d %d\n", k, v, depth);
	printf("%d\n", ctor);
	tls++;
	tls0 += 3;
	printf("%d %d\n", tls, tls0);
	for (int i = 0; i < 20; i++)
		printf("%d ", go(i));
	printf("%d%d%d\n", goo(0), goo(1), goo(2));
	int x = 5, y;
	asm("" : "=r"(y) : "0"(x));
	asm volatile("" : "+r"(x), "+m"(y) : "r"(v) : "memory");
	asm("" : "+rm"(x));
	asm("# %0" : "=r"(k) : "0"(x + y));
	printf("%d %d %d\n", x, y, k);
	unsigned char q = 200;
	asm("" : "+r"(q));
	double dd = 1.5;
	asm("" : "+f"(dd));
	printf("%d %g\n", q, dd);
	return 0;
}

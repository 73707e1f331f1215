// SPDX-License-Identifier: GPL-2.0-only
/* Structs of all shapes by value, bit fields, unions, tables of functions, the C library, floating point. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <math.h>
#include <complex.h>
#include <stdarg.h>
#include <limits.h>
#include <ctype.h>
#include <errno.h>
struct bf {
	unsigned a : 3;
	int b : 5;
	unsigned long long c : 33;
	unsigned char d : 1;
};

struct odd {
	char c[3];
};

struct odd5 {
	char c[5];
};

struct f2 {
	float a, b;
};

struct d1 {
	double x;
};

struct mix {
	float f;
	char c;
};

struct big {
	int x[20];
	double d;
};

union u {
	int i;
	float f;
	char c[8];
	double d;
};

/* Nobody reads the result, so that clang passes no place for it. */
static __attribute__((noinline)) struct big unread(int n, ...)
{
	struct big r;
	va_list ap;

	va_start(ap, n);
	while (n--)
		printf(" %d", va_arg(ap, int));
	va_end(ap);
	puts("");
	return r;
}

static struct odd mk(int i)
{
	struct odd o = { { i, i + 1, i + 2 } };
	return o;
}

__attribute__((noinline)) struct odd5 mk5(struct odd o, char z)
{
	struct odd5 r;
	memcpy(r.c, o.c, 3);
	r.c[3] = z;
	r.c[4] = -z;
	return r;
}

__attribute__((noinline)) struct f2 addf(struct f2 a, struct f2 b)
{
	struct f2 r = { a.a + b.a, a.b * b.b };
	return r;
}

__attribute__((noinline)) struct d1 addd(struct d1 a, struct mix m)
{
	struct d1 r = { a.x + m.f + m.c };
	return r;
}

__attribute__((noinline)) struct big chg(struct big b)
{
	for (int i = 0; i < 20; i++)
		b.x[i] *= i;
	b.d /= 3;
	return b;
}

__attribute__((noinline)) double complex cx(double complex a, float complex b)
{
	return a * b + I;
}

static int cmp(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static struct bf gb = { 5, -3, 0x1ffffffffull, 1 };
typedef int (*fn)(int);
static int inc(int x)
{
	return x + 1;
}

static int dbl(int x)
{
	return 2 * x;
}

static const fn tab[] = { inc, dbl, abs };
static const char *const names[] = { "zero", "one", "two", "three" };
static const char *const *volatile np = names;
static int weird(unsigned x)
{
	switch (x) {
	case 1 ... 5:
		return 1;
	case 100:
	case 1000:
		return 2;
	case 0x80000000:
		return 3;
	default:
		return -1;
	}
}

__attribute__((noinline)) static int vla(int n)
{
	int s = 0;
	for (int i = 1; i < n; i++) {
		char b[i * 100];
		memset(b, i, sizeof b);
		s += b[i * 50] + sizeof b;
	}
	return s;
}

static unsigned hash(const char *s)
{
	unsigned h = 5381;
	while (*s)
		h = h * 33 ^ (unsigned char)*s++;
	return h;
}

struct node {
	struct node *l, *r;
	int v;
};

static struct node *ins(struct node *n, int v)
{
	if (!n) {
		n = calloc(1, sizeof *n);
		n->v = v;
	} else if (v < n->v)
		n->l = ins(n->l, v);
	else
		n->r = ins(n->r, v);
	return n;
}

static int walk(struct node *n)
{
	return n ? walk(n->l) * 3 + n->v + walk(n->r) * 7 : 1;
}

__attribute__((aligned(64))) static char al[100];
struct __attribute__((packed)) pk {
	char c;
	int i;
	double d;
	short s;
};

static struct pk pks[3] = { { 1, 2, 3.5, 4 }, { 5, 6, 7.25, 8 } };
struct __attribute__((aligned(32))) a32 {
	int x;
};

__attribute__((noinline)) int ta(struct a32 a)
{
	return a.x + (int)((uintptr_t)&a & 31) * 1000;
}

int main(void)
{
	unread(3, 1, 2, 3);
	struct odd o = mk(7);
	struct odd5 o5 = mk5(o, 9);
	for (int i = 0; i < 5; i++)
		printf("%d ", o5.c[i]);
	struct f2 f = addf((struct f2){ 1.5, 2 }, (struct f2){ 3, -4 });
	printf("%g %g\n", f.a, f.b);
	printf("%g\n", addd((struct d1){ 1.25 }, (struct mix){ 2.5f, 3 }).x);
	struct big b;
	for (int i = 0; i < 20; i++)
		b.x[i] = i;
	b.d = 10;
	b = chg(b);
	printf("%d %.15g\n", b.x[19], b.d);
	double complex z = cx(1 + 2 * I, 3 - 1 * I);
	printf("%g %g\n", creal(z), cimag(z));
	int a[] = { 5, -2, 99, 0, 7, INT_MIN / 2 };
	qsort(a, 6, sizeof *a, cmp);
	for (int i = 0; i < 6; i++)
		printf("%d ", a[i]);
	puts("");
	gb.b++;
	gb.c -= 2;
	gb.a += 6;
	printf("%u %d %llu %u\n", gb.a, gb.b, (unsigned long long)gb.c, gb.d);
	union u u;
	u.f = 1.5f;
	printf("%x\n", u.i);
	u.d = -2;
	printf("%d %d\n", u.c[0], u.c[7]);
	for (int i = 0; i < 3; i++)
		printf("%d %s\n", tab[i](-i - 5), np[i]);
	printf("%d %d %d %d\n", weird(3), weird(1000), weird(1u << 31),
	       weird(6));
	printf("%d\n", vla(50));
	printf("%u\n", hash("hello, world"));
	struct node *t = 0;
	for (unsigned i = 0, r = 1; i < 100; i++) {
		r = r * 1103515245 + 12345;
		t = ins(t, r >> 16);
	}
	printf("%d\n", walk(t));
	printf("%d\n", (int)((uintptr_t)al & 63));
	printf("%d %g %d\n", pks[1].i, pks[1].d + pks[0].d, pks[1].s);
	struct a32 aa = { 5 };
	printf("%d\n", ta(aa));
	printf("%.10g %.10g %.10g %.10g\n", sin(1), pow(2, 0.5), fmod(7.5, 2),
	       floor(-2.5));
	printf("%ld %lld %d\n", lrint(2.5), llround(-2.5), isnan(NAN));
	printf("%g %g %d\n", fmin(1, NAN), fmax(-0.0, 1), signbit(-0.0) != 0);
	printf("%d %d %d\n", __builtin_clz(100), __builtin_ctzll(1ull << 40),
	       __builtin_popcount(12345));
	printf("%llx\n", __builtin_bswap64(0x0102030405060708ull));
	long long x;
	printf("%d ", __builtin_mul_overflow(1ll << 40, 1ll << 30, &x));
	printf("%lld\n", x);
	printf("%d\n", strcmp("abc", "abd") < 0);
	errno = 0;
	printf("%ld %d\n", strtol("99999999999", 0, 10), errno == ERANGE);
	char buf[64];
	snprintf(buf, sizeof buf, "%-10s|%5.2f|%+d|%#x|%c", "left", 3.14159, 5,
		 255, 'q');
	puts(buf);
	printf("%u %d %lld %llu\n", 7, (int)-7 / 2, -7ll % 3,
	       0xffffffffffffffffull / 7);
	printf("%d %d\n", (signed char)200, (short)70000);
	float ff = 16777217;
	double dd = 0.1f;
	printf("%.1f %.17g %a\n", ff, dd, 1.0 / 3);
	return 0;
}

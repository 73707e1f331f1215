/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What code translated by ll2c stands on. It includes nothing, calls nothing outside libgcc and needs no particular
 * compiler flag: all arithmetic is unsigned, all memory access goes through types that may alias anything.
 *
 * Integers of 1 to 32 bits live in u8, u16 and u32, up to 64 bits in u64, up to 128 bits in u128; unused high bits are zero
 * ("canonical"). Helpers named *32, *64 and *128 take and return canonical values of w bits.
 *
 * The translated file defines before this text: LL_BIG_ENDIAN, LL_PTR_SIZE, LL_ROUNDS where a float is computed, and LL_CMPXCHG
 * where atomics call a library.
 */
#if LL_BIG_ENDIAN ? __BYTE_ORDER__ != __ORDER_BIG_ENDIAN__ : __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "this C was translated for the other byte order"
#endif
#if __SIZEOF_POINTER__ != LL_PTR_SIZE || __SIZEOF_INT__ != 4 || __SIZEOF_LONG_LONG__ != 8 || __CHAR_BIT__ != 8
#error "this C was translated for other sizes of pointers and integers"
#endif
#if defined(LL_ROUNDS) && __FLT_EVAL_METHOD__
#warning "this C computes with floats, which this processor computes wider and rounds later than IR does"
#endif

typedef unsigned char u8;
typedef signed char s8;
typedef unsigned short u16;
typedef short s16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;
typedef u8 *ptr;
typedef __UINTPTR_TYPE__ uptr;

#if LL_BIG_ENDIAN
typedef struct ll_u128 { u64 hi, lo; } __attribute__((may_alias)) u128;
#else
typedef struct ll_u128 { u64 lo, hi; } __attribute__((may_alias)) u128;
#endif
#define LL128(h, l) ((u128){ .hi = (h), .lo = (l) })

/* T_aN: a T in memory, at a multiple of N bytes. */
#define LL_ACCESS(T, n) typedef T T##_a##n __attribute__((aligned(n), may_alias))
LL_ACCESS(u8, 1);
LL_ACCESS(u16, 1);
LL_ACCESS(u16, 2);
LL_ACCESS(u32, 1);
LL_ACCESS(u32, 2);
LL_ACCESS(u32, 4);
LL_ACCESS(u64, 1);
LL_ACCESS(u64, 2);
LL_ACCESS(u64, 4);
LL_ACCESS(u64, 8);
LL_ACCESS(ptr, 1);
LL_ACCESS(ptr, 2);
LL_ACCESS(ptr, 4);
LL_ACCESS(ptr, 8);
LL_ACCESS(float, 1);
LL_ACCESS(float, 2);
LL_ACCESS(float, 4);
LL_ACCESS(double, 1);
LL_ACCESS(double, 2);
LL_ACCESS(double, 4);
LL_ACCESS(double, 8);
LL_ACCESS(u128, 1);
LL_ACCESS(u128, 2);
LL_ACCESS(u128, 4);
LL_ACCESS(u128, 8);
LL_ACCESS(u128, 16);

/* The parameters of a function that the IR declares as `(...)`: until C23 as one without a prototype. */
#if __STDC_VERSION__ > 201710L
#define LL_ANY ...
#else
#define LL_ANY
#endif

#define LL_FN static inline __attribute__((unused))

/* Memory */

/* A length of 0 says nothing of the pointers, in IR. */
LL_FN void ll_memcpy(void *d, const void *s, uptr n)
{
	if (n)
		__builtin_memcpy(d, s, n);
}

LL_FN void ll_memmove(void *d, const void *s, uptr n)
{
	if (n)
		__builtin_memmove(d, s, n);
}

LL_FN void ll_memset(void *d, u8 c, uptr n)
{
	if (n)
		__builtin_memset(d, c, n);
}

LL_FN void ll_memmove_volatile(volatile u8_a1 *d, const volatile u8_a1 *s, uptr n)
{
	if ((uptr)d < (uptr)s)
		while (n--)
			*d++ = *s++;
	else
		while (n--)
			d[n] = s[n];
}

LL_FN void ll_memset_volatile(volatile u8_a1 *d, u8 c, uptr n)
{
	while (n--)
		*d++ = c;
}

/* Integers whose size is no power of two: n bytes, the most significant first on a big-endian machine. */
LL_FN u128 ll_load_bytes(const volatile u8_a1 *p, unsigned n)
{
	u128 x = LL128(0, 0);

	for (unsigned i = 0; i < n; i++) {
		x.hi = x.hi << 8 | x.lo >> 56;
		x.lo = x.lo << 8 | p[LL_BIG_ENDIAN ? i : n - 1 - i];
	}
	return x;
}

LL_FN void ll_store_bytes(volatile u8_a1 *p, u128 x, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		p[LL_BIG_ENDIAN ? n - 1 - i : i] = (u8)x.lo;
		x.lo = x.lo >> 8 | x.hi << 56;
		x.hi >>= 8;
	}
}

/* Width */

LL_FN u32 ll_mask32(u32 x, unsigned w)
{
	return w == 32 ? x : x & (((u32)1 << w) - 1);
}

LL_FN u64 ll_mask64(u64 x, unsigned w)
{
	return w == 64 ? x : x & (((u64)1 << w) - 1);
}

LL_FN u128 ll_mask128(u128 x, unsigned w)
{
	return w <= 64 ? LL128(0, ll_mask64(x.lo, w)) : LL128(ll_mask64(x.hi, w - 64), x.lo);
}

LL_FN s32 ll_sext32(u32 x, unsigned w)
{
	return (s32)(x << (32 - w)) >> (32 - w);
}

LL_FN s64 ll_sext64(u64 x, unsigned w)
{
	return (s64)(x << (64 - w)) >> (64 - w);
}

LL_FN u128 ll_sext128(u128 x, unsigned w)
{
	if (w <= 64) {
		s64 lo = ll_sext64(x.lo, w);

		return LL128((u64)(lo >> 63), (u64)lo);
	}
	return LL128((u64)ll_sext64(x.hi, w - 64), x.lo);
}

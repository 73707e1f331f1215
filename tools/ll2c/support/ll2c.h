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

/* i128 */

LL_FN u128 ll_zext128(u64 x)
{
	return LL128(0, x);
}

LL_FN u8 ll_eq128(u128 a, u128 b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

LL_FN u8 ll_ult128(u128 a, u128 b)
{
	return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo;
}

/* Both sign-extended to 128 bits. */
LL_FN u8 ll_slt128(u128 a, u128 b)
{
	return a.hi != b.hi ? (s64)a.hi < (s64)b.hi : a.lo < b.lo;
}

LL_FN u128 ll_and128(u128 a, u128 b)
{
	return LL128(a.hi & b.hi, a.lo & b.lo);
}

LL_FN u128 ll_or128(u128 a, u128 b)
{
	return LL128(a.hi | b.hi, a.lo | b.lo);
}

LL_FN u128 ll_xor128(u128 a, u128 b)
{
	return LL128(a.hi ^ b.hi, a.lo ^ b.lo);
}

LL_FN u128 ll_add128(u128 a, u128 b)
{
	u64 lo = a.lo + b.lo;

	return LL128(a.hi + b.hi + (lo < a.lo), lo);
}

LL_FN u128 ll_sub128(u128 a, u128 b)
{
	return LL128(a.hi - b.hi - (a.lo < b.lo), a.lo - b.lo);
}

LL_FN u128 ll_neg128(u128 a)
{
	return ll_sub128(LL128(0, 0), a);
}

/* Shifts by n modulo 128: what is shifted further is poison. */
LL_FN u128 ll_shl128(u128 a, unsigned n)
{
	n &= 127;
	if (n >= 64)
		return LL128(a.lo << (n - 64), 0);
	return n ? LL128(a.hi << n | a.lo >> (64 - n), a.lo << n) : a;
}

LL_FN u128 ll_lshr128(u128 a, unsigned n)
{
	n &= 127;
	if (n >= 64)
		return LL128(0, a.hi >> (n - 64));
	return n ? LL128(a.hi >> n, a.lo >> n | a.hi << (64 - n)) : a;
}

/* a sign-extended to 128 bits. */
LL_FN u128 ll_ashr128(u128 a, unsigned n)
{
	u64 sign = (u64)((s64)a.hi >> 63);

	n &= 127;
	if (n >= 64)
		return LL128(sign, (u64)((s64)a.hi >> (n - 64)));
	return n ? LL128((u64)((s64)a.hi >> n), a.lo >> n | a.hi << (64 - n)) : a;
}

LL_FN u128 ll_wide_mul(u64 a, u64 b)
{
	u64 a0 = (u32)a, a1 = a >> 32, b0 = (u32)b, b1 = b >> 32;
	u64 p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
	u64 mid = (p00 >> 32) + (u32)p01 + (u32)p10;

	return LL128(p11 + (p01 >> 32) + (p10 >> 32) + (mid >> 32), mid << 32 | (u32)p00);
}

LL_FN u128 ll_mul128(u128 a, u128 b)
{
	u128 r = ll_wide_mul(a.lo, b.lo);

	r.hi += a.lo * b.hi + a.hi * b.lo;
	return r;
}

LL_FN unsigned ll_bits64(u64 x)
{
	unsigned n = 0;

	for (unsigned s = 32; s; s >>= 1)
		if (x >> s) {
			x >>= s;
			n += s;
		}
	return n + (x != 0);
}

LL_FN unsigned ll_bits128(u128 x)
{
	return x.hi ? 64 + ll_bits64(x.hi) : ll_bits64(x.lo);
}

/* Shift and subtract: 64-bit division would drag in a library that a kernel may not have. */
LL_FN u128 ll_udivrem128(u128 a, u128 b, u128 *rem)
{
	u128 q = LL128(0, 0);
	unsigned na = ll_bits128(a), nb = ll_bits128(b);

	if (!nb)
		__builtin_unreachable();
	if (na >= nb) {
		unsigned n = na - nb;

		b = ll_shl128(b, n);
		for (unsigned i = 0; i <= n; i++) {
			q = ll_shl128(q, 1);
			if (!ll_ult128(a, b)) {
				a = ll_sub128(a, b);
				q.lo |= 1;
			}
			b = ll_lshr128(b, 1);
		}
	}
	*rem = a;
	return q;
}

LL_FN u128 ll_udiv128(u128 a, u128 b)
{
	u128 rem;

	return ll_udivrem128(a, b, &rem);
}

LL_FN u128 ll_urem128(u128 a, u128 b)
{
	u128 rem;

	ll_udivrem128(a, b, &rem);
	return rem;
}

LL_FN u128 ll_abs_128(u128 a)
{
	return a.hi >> 63 ? ll_neg128(a) : a;
}

/* Both sign-extended to 128 bits. */
LL_FN u128 ll_sdiv128(u128 a, u128 b)
{
	u128 q = ll_udiv128(ll_abs_128(a), ll_abs_128(b));

	return (a.hi ^ b.hi) >> 63 ? ll_neg128(q) : q;
}

LL_FN u128 ll_srem128(u128 a, u128 b)
{
	u128 r = ll_urem128(ll_abs_128(a), ll_abs_128(b));

	return a.hi >> 63 ? ll_neg128(r) : r;
}

/* Counting and turning bits */

LL_FN u32 ll_ctpop64(u64 x, unsigned w)
{
	(void)w;
	x = x - (x >> 1 & 0x5555555555555555ull);
	x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
	x += x >> 8;
	x += x >> 16;
	x += x >> 32;
	return x & 127;
}

LL_FN u32 ll_ctpop32(u32 x, unsigned w)
{
	(void)w;
	x = x - (x >> 1 & 0x55555555);
	x = (x & 0x33333333) + (x >> 2 & 0x33333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f;
	x += x >> 8;
	x += x >> 16;
	return x & 63;
}

LL_FN u128 ll_ctpop128(u128 x, unsigned w)
{
	return ll_zext128(ll_ctpop64(x.hi, w) + ll_ctpop64(x.lo, w));
}

LL_FN u32 ll_ctlz32(u32 x, unsigned w)
{
	unsigned n = 0;

	for (unsigned s = 16; s; s >>= 1)
		if (x >> s) {
			x >>= s;
			n += s;
		}
	return w - n - (x != 0);
}

LL_FN u64 ll_ctlz64(u64 x, unsigned w)
{
	return w - ll_bits64(x);
}

LL_FN u128 ll_ctlz128(u128 x, unsigned w)
{
	return ll_zext128(w - ll_bits128(x));
}

LL_FN u32 ll_cttz32(u32 x, unsigned w)
{
	return x ? ll_ctpop32((x & -x) - 1, w) : w;
}

LL_FN u64 ll_cttz64(u64 x, unsigned w)
{
	return x ? ll_ctpop64((x & -x) - 1, w) : w;
}

LL_FN u128 ll_cttz128(u128 x, unsigned w)
{
	return ll_zext128(x.lo ? ll_cttz64(x.lo, 64) : x.hi ? 64 + ll_cttz64(x.hi, 64) : w);
}

LL_FN u32 ll_bswap32(u32 x, unsigned w)
{
	x = x << 24 | (x & 0xff00) << 8 | (x >> 8 & 0xff00) | x >> 24;
	return x >> (32 - w);
}

LL_FN u64 ll_bswap64(u64 x, unsigned w)
{
	x = (u64)ll_bswap32((u32)x, 32) << 32 | ll_bswap32((u32)(x >> 32), 32);
	return x >> (64 - w);
}

LL_FN u128 ll_bswap128(u128 x, unsigned w)
{
	x = LL128(ll_bswap64(x.lo, 64), ll_bswap64(x.hi, 64));
	return ll_lshr128(x, 128 - w);
}

LL_FN u32 ll_bitreverse32(u32 x, unsigned w)
{
	x = (x & 0x55555555) << 1 | (x >> 1 & 0x55555555);
	x = (x & 0x33333333) << 2 | (x >> 2 & 0x33333333);
	x = (x & 0x0f0f0f0f) << 4 | (x >> 4 & 0x0f0f0f0f);
	return ll_bswap32(x, 32) >> (32 - w);
}

LL_FN u64 ll_bitreverse64(u64 x, unsigned w)
{
	x = (u64)ll_bitreverse32((u32)x, 32) << 32 | ll_bitreverse32((u32)(x >> 32), 32);
	return x >> (64 - w);
}

LL_FN u128 ll_bitreverse128(u128 x, unsigned w)
{
	x = LL128(ll_bitreverse64(x.lo, 64), ll_bitreverse64(x.hi, 64));
	return ll_lshr128(x, 128 - w);
}

/* Funnel shifts: the amount counts modulo w. */

LL_FN u32 ll_fshl32(u32 a, u32 b, u32 n, unsigned w)
{
	n %= w;
	return n ? ll_mask32(a << n | b >> (w - n), w) : a;
}

LL_FN u32 ll_fshr32(u32 a, u32 b, u32 n, unsigned w)
{
	n %= w;
	return n ? ll_mask32(a << (w - n) | b >> n, w) : b;
}

LL_FN u64 ll_fshl64(u64 a, u64 b, u64 n, unsigned w)
{
	n %= w;
	return n ? ll_mask64(a << n | b >> (w - n), w) : a;
}

LL_FN u64 ll_fshr64(u64 a, u64 b, u64 n, unsigned w)
{
	n %= w;
	return n ? ll_mask64(a << (w - n) | b >> n, w) : b;
}

LL_FN u128 ll_fshl128(u128 a, u128 b, u128 amount, unsigned w)
{
	unsigned n = (unsigned)ll_urem128(amount, ll_zext128(w)).lo;

	return n ? ll_mask128(ll_or128(ll_shl128(a, n), ll_lshr128(b, w - n)), w) : a;
}

LL_FN u128 ll_fshr128(u128 a, u128 b, u128 amount, unsigned w)
{
	unsigned n = (unsigned)ll_urem128(amount, ll_zext128(w)).lo;

	return n ? ll_mask128(ll_or128(ll_shl128(a, w - n), ll_lshr128(b, n)), w) : b;
}

/* Overflow: whether the exact result needs more than w bits. */

LL_FN u8 ll_uadd_o32(u32 a, u32 b, unsigned w)
{
	return ll_mask32(a + b, w) < a;
}

LL_FN u8 ll_usub_o32(u32 a, u32 b, unsigned w)
{
	(void)w;
	return a < b;
}

LL_FN u8 ll_umul_o32(u32 a, u32 b, unsigned w)
{
	return ((u64)a * b) >> w != 0;
}

LL_FN u8 ll_sadd_o32(u32 a, u32 b, unsigned w)
{
	u32 r = a + b;

	return ((a ^ r) & (b ^ r)) >> (w - 1) & 1;
}

LL_FN u8 ll_ssub_o32(u32 a, u32 b, unsigned w)
{
	u32 r = a - b;

	return ((a ^ b) & (a ^ r)) >> (w - 1) & 1;
}

LL_FN u8 ll_smul_o32(u32 a, u32 b, unsigned w)
{
	s64 r = (s64)ll_sext32(a, w) * ll_sext32(b, w);

	return ll_sext64((u64)r, w) != r;
}

LL_FN u8 ll_uadd_o64(u64 a, u64 b, unsigned w)
{
	return ll_mask64(a + b, w) < a;
}

LL_FN u8 ll_usub_o64(u64 a, u64 b, unsigned w)
{
	(void)w;
	return a < b;
}

LL_FN u8 ll_umul_o64(u64 a, u64 b, unsigned w)
{
	u128 r = ll_wide_mul(a, b);

	return r.hi != 0 || ll_mask64(r.lo, w) != r.lo;
}

LL_FN u8 ll_sadd_o64(u64 a, u64 b, unsigned w)
{
	u64 r = a + b;

	return ((a ^ r) & (b ^ r)) >> (w - 1) & 1;
}

LL_FN u8 ll_ssub_o64(u64 a, u64 b, unsigned w)
{
	u64 r = a - b;

	return ((a ^ b) & (a ^ r)) >> (w - 1) & 1;
}

LL_FN u8 ll_smul_o64(u64 a, u64 b, unsigned w)
{
	s64 sa = ll_sext64(a, w), sb = ll_sext64(b, w);
	u64 ua = sa < 0 ? -(u64)sa : (u64)sa, ub = sb < 0 ? -(u64)sb : (u64)sb;
	u128 r = ll_wide_mul(ua, ub);

	/* One more value fits on the negative side. */
	return r.hi != 0 || r.lo > ((u64)1 << (w - 1)) - !((sa ^ sb) < 0);
}

LL_FN u8 ll_uadd_o128(u128 a, u128 b, unsigned w)
{
	return ll_ult128(ll_mask128(ll_add128(a, b), w), a);
}

LL_FN u8 ll_usub_o128(u128 a, u128 b, unsigned w)
{
	(void)w;
	return ll_ult128(a, b);
}

LL_FN u8 ll_umul_o128(u128 a, u128 b, unsigned w)
{
	u128 low = ll_wide_mul(a.lo, b.lo), cross, r;

	if (a.hi && b.hi)
		return 1;
	cross = ll_add128(ll_wide_mul(a.hi, b.lo), ll_wide_mul(a.lo, b.hi));
	if (cross.hi || cross.lo + low.hi < cross.lo)
		return 1;
	r = LL128(cross.lo + low.hi, low.lo);
	return !ll_eq128(ll_mask128(r, w), r);
}

LL_FN u8 ll_sadd_o128(u128 a, u128 b, unsigned w)
{
	u128 r = ll_add128(a, b);

	return ll_lshr128(ll_and128(ll_xor128(a, r), ll_xor128(b, r)), w - 1).lo & 1;
}

LL_FN u8 ll_ssub_o128(u128 a, u128 b, unsigned w)
{
	u128 r = ll_sub128(a, b);

	return ll_lshr128(ll_and128(ll_xor128(a, b), ll_xor128(a, r)), w - 1).lo & 1;
}

LL_FN u8 ll_smul_o128(u128 a, u128 b, unsigned w)
{
	u128 sa = ll_sext128(a, w), sb = ll_sext128(b, w), ua = ll_abs_128(sa), ub = ll_abs_128(sb), limit;

	if (ll_umul_o128(ua, ub, 128))
		return 1;
	limit = ll_shl128(LL128(0, 1), w - 1);
	if (!((sa.hi ^ sb.hi) >> 63))
		limit = ll_sub128(limit, LL128(0, 1));
	return ll_ult128(limit, ll_mul128(ua, ub));
}

/* Saturation */

LL_FN u32 ll_ssat32(u32 sign_of, unsigned w)
{
	u32 min = (u32)1 << (w - 1);

	return sign_of & min ? min : min - 1;
}

LL_FN u64 ll_ssat64(u64 sign_of, unsigned w)
{
	u64 min = (u64)1 << (w - 1);

	return sign_of & min ? min : min - 1;
}

LL_FN u128 ll_ssat128(u128 sign_of, unsigned w)
{
	u128 min = ll_shl128(LL128(0, 1), w - 1), negative = ll_and128(sign_of, min);

	return negative.hi | negative.lo ? min : ll_sub128(min, LL128(0, 1));
}

#define LL_SATURATE(T, N, ADD, SUB, MAX)                                                               \
	LL_FN T ll_uadd_sat##N(T a, T b, unsigned w)                                                       \
	{                                                                                                  \
		return ll_uadd_o##N(a, b, w) ? ll_mask##N(MAX, w) : ADD(a, b);                                 \
	}                                                                                                  \
	LL_FN T ll_usub_sat##N(T a, T b, unsigned w)                                                       \
	{                                                                                                  \
		return ll_usub_o##N(a, b, w) ? SUB(a, a) : SUB(a, b);                                          \
	}                                                                                                  \
	LL_FN T ll_sadd_sat##N(T a, T b, unsigned w)                                                       \
	{                                                                                                  \
		return ll_sadd_o##N(a, b, w) ? ll_ssat##N(a, w) : ll_mask##N(ADD(a, b), w);                    \
	}                                                                                                  \
	LL_FN T ll_ssub_sat##N(T a, T b, unsigned w)                                                       \
	{                                                                                                  \
		return ll_ssub_o##N(a, b, w) ? ll_ssat##N(a, w) : ll_mask##N(SUB(a, b), w);                    \
	}
#define LL_ADD(a, b) ((a) + (b))
#define LL_SUB(a, b) ((a) - (b))
LL_SATURATE(u32, 32, LL_ADD, LL_SUB, ~(u32)0)
LL_SATURATE(u64, 64, LL_ADD, LL_SUB, ~(u64)0)
LL_SATURATE(u128, 128, ll_add128, ll_sub128, LL128(~(u64)0, ~(u64)0))

/* Floating point, by its bits where the machine's own instructions may differ */

LL_FN float ll_f32(u32 bits)
{
	float x;

	__builtin_memcpy(&x, &bits, sizeof(x));
	return x;
}

LL_FN u32 ll_bits_f32(float x)
{
	u32 bits;

	__builtin_memcpy(&bits, &x, sizeof(bits));
	return bits;
}

LL_FN double ll_f64(u64 bits)
{
	double x;

	__builtin_memcpy(&x, &bits, sizeof(x));
	return x;
}

LL_FN u64 ll_bits_f64(double x)
{
	u64 bits;

	__builtin_memcpy(&bits, &x, sizeof(bits));
	return bits;
}

LL_FN float ll_fneg_f32(float x)
{
	return ll_f32(ll_bits_f32(x) ^ (u32)1 << 31);
}

LL_FN double ll_fneg_f64(double x)
{
	return ll_f64(ll_bits_f64(x) ^ (u64)1 << 63);
}

LL_FN float ll_fabs_f32(float x)
{
	return ll_f32(ll_bits_f32(x) & ~((u32)1 << 31));
}

LL_FN double ll_fabs_f64(double x)
{
	return ll_f64(ll_bits_f64(x) & ~((u64)1 << 63));
}

LL_FN float ll_copysign_f32(float x, float y)
{
	return ll_f32((ll_bits_f32(x) & ~((u32)1 << 31)) | (ll_bits_f32(y) & (u32)1 << 31));
}

LL_FN double ll_copysign_f64(double x, double y)
{
	return ll_f64((ll_bits_f64(x) & ~((u64)1 << 63)) | (ll_bits_f64(y) & (u64)1 << 63));
}

/* A product that is rounded before it goes into a sum: where the machine can do both at once, GCC would. */
#if defined(__FP_FAST_FMA) || defined(__FP_FAST_FMAF)
#define LL_PRODUCT(T, x)                                                                               \
	({                                                                                                 \
		T ll_product = (x);                                                                            \
		__asm__("" : "+f"(ll_product));                                                                \
		ll_product;                                                                                    \
	})
#else
#define LL_PRODUCT(T, x) (x)
#endif

LL_FN double ll_pow2(unsigned n)
{
	return ll_f64((u64)(1023 + n) << 52);
}

/* Between i128 and floating point. What is cut off sticks to the last bit, so that the sum is rounded once. */

#define LL_FROM_128(T, F)                                                                              \
	LL_FN T ll_u128_##F(u128 x)                                                                        \
	{                                                                                                  \
		unsigned n = ll_bits128(x);                                                                    \
		u128 top;                                                                                      \
                                                                                                       \
		if (n <= 64)                                                                                   \
			return (T)x.lo;                                                                            \
		n -= 64;                                                                                       \
		top = ll_lshr128(x, n);                                                                        \
		return (T)(top.lo | !ll_eq128(ll_shl128(top, n), x)) * (T)ll_pow2(n);                          \
	}                                                                                                  \
	/* x sign-extended to 128 bits. */                                                                 \
	LL_FN T ll_s128_##F(u128 x)                                                                        \
	{                                                                                                  \
		return x.hi >> 63 ? -ll_u128_##F(ll_neg128(x)) : ll_u128_##F(x);                               \
	}
LL_FROM_128(float, f32)
LL_FROM_128(double, f64)

/* The whole part of |x|, modulo a power of two. */
LL_FN u128 ll_whole128(double x)
{
	u64 bits = ll_bits_f64(x);
	s32 exponent = (s32)(bits >> 52 & 0x7ff) - 1075;
	u128 digits = ll_zext128((bits & (((u64)1 << 52) - 1)) | (u64)1 << 52);

	if (exponent < -52)
		return LL128(0, 0);
	return exponent < 0 ? ll_lshr128(digits, -exponent) : ll_shl128(digits, exponent);
}

LL_FN u128 ll_fptosi128(double x)
{
	return x < 0 ? ll_neg128(ll_whole128(x)) : ll_whole128(x);
}

LL_FN u128 ll_fptoui_sat128(double x, unsigned w)
{
	if (!(x > 0))
		return LL128(0, 0);
	return x >= ll_pow2(w) ? ll_mask128(LL128(~(u64)0, ~(u64)0), w) : ll_whole128(x);
}

LL_FN u128 ll_fptosi_sat128(double x, unsigned w)
{
	double limit = ll_pow2(w - 1);

	if (x != x)
		return LL128(0, 0);
	if (x >= limit)
		return ll_ssat128(LL128(0, 0), w);
	if (x < -limit)
		return ll_ssat128(ll_shl128(LL128(0, 1), w - 1), w);
	return ll_mask128(ll_fptosi128(x), w);
}

/* What kind of number it is, as a bit of the operand of llvm.is.fpclass. */
LL_FN u32 ll_class(unsigned negative, unsigned exponent, unsigned top, unsigned quiet, unsigned digits)
{
	if (exponent == top && digits)
		return quiet ? 1 << 1 : 1 << 0;
	if (exponent == top)
		return negative ? 1 << 2 : 1 << 9;
	if (exponent)
		return negative ? 1 << 3 : 1 << 8;
	if (digits)
		return negative ? 1 << 4 : 1 << 7;
	return negative ? 1 << 5 : 1 << 6;
}

LL_FN u8 ll_is_class_f32(float x, u32 mask)
{
	u32 b = ll_bits_f32(x);

	return (ll_class(b >> 31, b >> 23 & 0xff, 0xff, b >> 22 & 1, (b & 0x7fffff) != 0) & mask) != 0;
}

LL_FN u8 ll_is_class_f64(double x, u32 mask)
{
	u64 b = ll_bits_f64(x);

	return (ll_class(b >> 63, b >> 52 & 0x7ff, 0x7ff, b >> 51 & 1, (b << 12) != 0) & mask) != 0;
}

LL_FN float ll_canonicalize_f32(float x)
{
	return x != x ? ll_f32(ll_bits_f32(x) | (u32)1 << 22) : x;
}

LL_FN double ll_canonicalize_f64(double x)
{
	return x != x ? ll_f64(ll_bits_f64(x) | (u64)1 << 51) : x;
}

/* minimum and maximum give what is not a number, minimumnum and maximumnum the other one; -0 is less than +0. */
#define LL_EXTREMES(T, F)                                                                              \
	LL_FN T ll_least_##F(T x, T y)                                                                     \
	{                                                                                                  \
		return x < y || (x == y && ll_copysign_##F(1, x) < 0) ? x : y;                                 \
	}                                                                                                  \
	LL_FN T ll_most_##F(T x, T y)                                                                      \
	{                                                                                                  \
		return x > y || (x == y && ll_copysign_##F(1, x) > 0) ? x : y;                                 \
	}                                                                                                  \
	LL_FN T ll_minimum_##F(T x, T y)                                                                   \
	{                                                                                                  \
		return x != x ? x : y != y ? y : ll_least_##F(x, y);                                           \
	}                                                                                                  \
	LL_FN T ll_maximum_##F(T x, T y)                                                                   \
	{                                                                                                  \
		return x != x ? x : y != y ? y : ll_most_##F(x, y);                                            \
	}                                                                                                  \
	LL_FN T ll_minimumnum_##F(T x, T y)                                                                \
	{                                                                                                  \
		return x != x ? y : y != y ? x : ll_least_##F(x, y);                                           \
	}                                                                                                  \
	LL_FN T ll_maximumnum_##F(T x, T y)                                                                \
	{                                                                                                  \
		return x != x ? y : y != y ? x : ll_most_##F(x, y);                                            \
	}
LL_EXTREMES(float, f32)
LL_EXTREMES(double, f64)

/* Variable arguments. The IR's list of them is a pointer in memory; C's must fit into its place. */
#define LL_VA_LIST                                                                                     \
	_Static_assert(sizeof(__builtin_va_list) <= LL_PTR_SIZE, "a va_list is larger than a pointer");    \
	__builtin_va_list ll_list
#define LL_VA_START(p, last)                                                                           \
	({                                                                                                 \
		LL_VA_LIST;                                                                                    \
		__builtin_va_start(ll_list, last);                                                             \
		__builtin_memcpy((p), &ll_list, sizeof(ll_list));                                              \
	})
#define LL_VA_ARG(T, p)                                                                                \
	({                                                                                                 \
		LL_VA_LIST;                                                                                    \
		__builtin_memcpy(&ll_list, (p), sizeof(ll_list));                                              \
		T ll_next = __builtin_va_arg(ll_list, T);                                                      \
		__builtin_memcpy((p), &ll_list, sizeof(ll_list));                                              \
		ll_next;                                                                                       \
	})
#define LL_VA_COPY(to, from)                                                                           \
	({                                                                                                 \
		LL_VA_LIST;                                                                                    \
		__builtin_memcpy(&ll_list, (from), sizeof(ll_list));                                           \
		__builtin_memcpy((to), &ll_list, sizeof(ll_list));                                             \
	})

/* Saturating conversion to w <= 64 bits; not a number gives 0. */
LL_FN u64 ll_fptoui_sat(double x, unsigned w)
{
	if (!(x > 0))
		return 0;
	return x >= ll_pow2(w) ? ll_mask64(~(u64)0, w) : (u64)x;
}

LL_FN u64 ll_fptosi_sat(double x, unsigned w)
{
	double limit = ll_pow2(w - 1);

	if (x != x)
		return 0;
	if (x >= limit)
		return ((u64)1 << (w - 1)) - 1;
	if (x < -limit)
		return (u64)1 << (w - 1);
	return ll_mask64((u64)(s64)x, w);
}

typedef u8_a1 u8_rmw;
typedef u16_a2 u16_rmw;
typedef u32_a4 u32_rmw;
typedef u64_a8 u64_rmw;

/* Read-modify-write by a loop, for operations that the compiler has no builtin for. */
#define LL_RMW_LOOP(T, p, order, NEW)                                                                  \
	({                                                                                                 \
		T ll_old = __atomic_load_n((T##_rmw *)(p), __ATOMIC_RELAXED);                                        \
		while (!__atomic_compare_exchange_n((T##_rmw *)(p), &ll_old, (T)(NEW), 1, order, __ATOMIC_RELAXED))  \
			;                                                                                          \
		ll_old;                                                                                        \
	})

#ifdef LL_CMPXCHG
/*
 * Where the machine has no such instruction, what the environment provides instead, one function a size: stores `new` if `*p`
 * is `expected`, returns what `*p` was, and is ordered against everything before and after.
 */
extern u8 ll_cmpxchg_8(volatile void *p, u8 expected, u8 new) __asm__(LL_CMPXCHG "8");
extern u16 ll_cmpxchg_16(volatile void *p, u16 expected, u16 new) __asm__(LL_CMPXCHG "16");
extern u32 ll_cmpxchg_32(volatile void *p, u32 expected, u32 new) __asm__(LL_CMPXCHG "32");
#define LL_RMW_LIBRARY(T, n, p, NEW)                                                                   \
	({                                                                                                 \
		T ll_old = *(volatile T##_rmw *)(p), ll_seen;                                                        \
		while ((ll_seen = ll_cmpxchg_##n((p), ll_old, (T)(NEW))) != ll_old)                            \
			ll_old = ll_seen;                                                                          \
		ll_old;                                                                                        \
	})
#endif

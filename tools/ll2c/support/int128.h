/* SPDX-License-Identifier: GPL-2.0-only */
/* Integers of 65 to 128 bits: two limbs, since these machines have no __int128. */

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

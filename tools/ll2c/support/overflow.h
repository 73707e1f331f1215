/* SPDX-License-Identifier: GPL-2.0-only */
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

/* Shifts by n: whether every bit comes back. An amount of w or more is poison. */

LL_FN u32 ll_ushl_sat32(u32 a, u32 n, unsigned w)
{
	u32 r = ll_mask32(a << (n & 31), w);

	return r >> (n & 31) == a ? r : ll_mask32(~(u32)0, w);
}

LL_FN u64 ll_ushl_sat64(u64 a, u64 n, unsigned w)
{
	u64 r = ll_mask64(a << (n & 63), w);

	return r >> (n & 63) == a ? r : ll_mask64(~(u64)0, w);
}

LL_FN u128 ll_ushl_sat128(u128 a, u128 n, unsigned w)
{
	u128 r = ll_mask128(ll_shl128(a, (unsigned)n.lo), w);

	return ll_eq128(ll_lshr128(r, (unsigned)n.lo), a) ? r : ll_mask128(LL128(~(u64)0, ~(u64)0), w);
}

LL_FN u32 ll_sshl_sat32(u32 a, u32 n, unsigned w)
{
	u32 r = ll_mask32(a << (n & 31), w);

	return ll_sext32(r, w) >> (n & 31) == ll_sext32(a, w) ? r : ll_ssat32(a, w);
}

LL_FN u64 ll_sshl_sat64(u64 a, u64 n, unsigned w)
{
	u64 r = ll_mask64(a << (n & 63), w);

	return ll_sext64(r, w) >> (n & 63) == ll_sext64(a, w) ? r : ll_ssat64(a, w);
}

LL_FN u128 ll_sshl_sat128(u128 a, u128 n, unsigned w)
{
	u128 r = ll_mask128(ll_shl128(a, (unsigned)n.lo), w);
	u128 back = ll_ashr128(ll_sext128(r, w), (unsigned)n.lo);

	return ll_eq128(back, ll_sext128(a, w)) ? r : ll_ssat128(a, w);
}

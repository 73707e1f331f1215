/* SPDX-License-Identifier: GPL-2.0-only */
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

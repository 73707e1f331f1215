/* SPDX-License-Identifier: GPL-2.0-only */
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

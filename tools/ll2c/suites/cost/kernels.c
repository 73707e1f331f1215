// SPDX-License-Identifier: GPL-2.0-only
/* The same as kernels.rs. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

u32 crc(u8 *data, u32 len)
{
	u32 crc = ~0u;

	for (u32 i = 0; i < len; i++) {
		crc ^= data[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

u32 adler(u8 *data, u32 len)
{
	u32 a = 1, b = 0;

	for (u32 i = 0; i < len; i++) {
		a += data[i];
		if (a >= 65521)
			a -= 65521;
		b += a;
		if (b >= 65521)
			b -= 65521;
	}
	return b << 16 | a;
}

u32 sort(u8 *data, u32 len)
{
	u32 *w = (u32 *)data;

	for (u32 i = 1; i < 64; i++) {
		u32 x = w[i], j = i;

		while (j > 0 && w[j - 1] > x) {
			w[j] = w[j - 1];
			j--;
		}
		w[j] = x;
	}
	return w[0] ^ w[63];
}

u32 matrix(u8 *data, u32 len)
{
	u32 *w = (u32 *)data, sum = 0;

	for (u32 i = 0; i < 8; i++)
		for (u32 j = 0; j < 8; j++) {
			u32 s = 0;

			for (u32 k = 0; k < 8; k++)
				s += w[i * 8 + k] * w[64 + k * 8 + j];
			sum ^= s;
		}
	return sum;
}

u32 filter(u8 *data, u32 len)
{
	short *x = (short *)data;
	u32 n = len / 2, sum = 0;

	for (u32 i = 0; i + 16 <= n; i++) {
		u32 s = 0;

		for (u32 k = 0; k < 16; k++)
			s += (u32)x[i + k] * (k + 3);
		sum ^= (u32)((int)s >> 7);
	}
	return sum;
}

u32 xtea(u8 *data, u32 len)
{
	static const u32 key[4] = { 0x00112233, 0x44556677, 0x8899aabb, 0xccddeeff };
	u32 *w = (u32 *)data, out = 0;

	for (u32 i = 0; i + 2 <= len / 4; i += 2) {
		u32 a = w[i], b = w[i + 1], sum = 0;

		for (int k = 0; k < 32; k++) {
			a += ((b << 4 ^ b >> 5) + b) ^ (sum + key[sum & 3]);
			sum += 0x9e3779b9;
			b += ((a << 4 ^ a >> 5) + a) ^ (sum + key[sum >> 11 & 3]);
		}
		out ^= a ^ b;
	}
	return out;
}

u32 search(u8 *data, u32 len)
{
	u32 *w = (u32 *)data, found = 0;

	for (u32 n = 0; n < 64; n++) {
		u32 x = n * 0x04000000, lo = 0, hi = 64;

		while (lo < hi) {
			u32 mid = (lo + hi) / 2;

			if (w[mid] < x)
				lo = mid + 1;
			else
				hi = mid;
		}
		found = found * 31 + lo;
	}
	return found;
}

u32 text(u8 *data, u32 len)
{
	u32 count = 0, run = 0, longest = 0;

	for (u32 i = 0; i < len; i++) {
		if ((data[i] & 0xc0) != 0x80)
			count++;
		if (data[i] < 0x80) {
			run++;
			if (run > longest)
				longest = run;
		} else {
			run = 0;
		}
	}
	return count << 8 ^ longest;
}

u32 wide(u8 *data, u32 len)
{
	u32 *w = (u32 *)data;
	u64 h = 0xcbf29ce484222325ull;

	for (u32 i = 0; i + 2 <= len / 4; i += 2) {
		u64 x = (u64)w[i] << 32 | w[i + 1];

		h = (h + x) ^ h >> 7;
		h = h << 13 | h >> 51;
	}
	return (u32)(h >> 32) ^ (u32)h;
}

u32 runs(u8 *data, u32 len)
{
	u32 i = 0, sum = 0;

	while (i < len) {
		u8 v = data[i] & 3;
		u32 start = i;

		while (i < len && (data[i] & 3) == v)
			i++;
		sum = (sum << 5 | sum >> 27) ^ ((i - start) * 4 + v);
	}
	return sum;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls each function of a table with every combination of edge values and prints what came out: one line a function with a
 * hash, or, for the function named on the command line, every call.
 */
#include <stdio.h>
#include <string.h>

typedef unsigned long long u64;

/* Three operands of 128 bits, and room for what the function writes. */
struct io {
	unsigned char in[3][16];
	unsigned char out[32];
} __attribute__((aligned(16)));

struct test {
	const char *name;
	void (*f)(struct io *);
	unsigned width[3]; /* of each operand; 0 if there is none */
};

extern const struct test tests[];

struct wide {
	u64 hi, lo;
};

#define EDGES 22

static struct wide shl1(unsigned n)
{
	struct wide w = { 0, 0 };

	if (n >= 128)
		return w;
	if (n >= 64)
		w.hi = 1ull << (n - 64);
	else
		w.lo = 1ull << n;
	return w;
}

static struct wide minus(struct wide a, u64 b)
{
	struct wide r = { a.hi - (a.lo < b), a.lo - b };

	return r;
}

static struct wide edge(unsigned i, unsigned width)
{
	static u64 seed = 0x9e3779b97f4a7c15ull;
	struct wide zero = { 0, 0 }, r;

	switch (i) {
	case 0: return zero;
	case 1: return shl1(0);
	case 2: return shl1(1);
	case 3: r = zero; r.lo = 3; return r;
	case 4: return minus(zero, 1);
	case 5: return minus(zero, 2);
	case 6: return shl1(width - 1);
	case 7: return minus(shl1(width - 1), 1);
	case 8: r = shl1(width - 1); r.lo |= 1; return r;
	case 9: r = zero; r.lo = width - 1; return r;
	case 10: r = zero; r.lo = width / 2; return r;
	case 11: r = zero; r.lo = width; return r;
	case 12: r.hi = r.lo = 0x5555555555555555ull; return r;
	case 13: r.hi = r.lo = 0xaaaaaaaaaaaaaaaaull; return r;
	case 14: return shl1(width / 2);
	case 15: return minus(shl1(width / 2), 1);
	case 16: r.hi = 0x0123456789abcdefull; r.lo = 0xfedcba9876543210ull; return r;
	}
	/* The rest is random, the same on every machine, of random magnitude. */
	for (int k = 0; k < 2; k++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		(k ? &r.lo : &r.hi)[0] = seed;
	}
	if (i & 1) {
		r.hi = 0;
		r.lo >>= seed & 63;
	}
	return r;
}

static struct wide table[129][EDGES];

static void put(unsigned char *p, struct wide w)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	memcpy(p, &w.hi, 8);
	memcpy(p + 8, &w.lo, 8);
#else
	memcpy(p, &w.lo, 8);
	memcpy(p + 8, &w.hi, 8);
#endif
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned w = 1; w <= 128; w++)
		for (unsigned i = 0; i < EDGES; i++)
			table[w][i] = edge(i, w);
	for (const struct test *t = tests; t->name; t++) {
		unsigned n[3], calls = 0;
		u64 hash = 0xcbf29ce484222325ull;

		if (argc > 1 && strcmp(argv[1], t->name))
			continue;
		for (int k = 0; k < 3; k++)
			n[k] = t->width[k] ? EDGES : 1;
		if (t->width[2])
			n[1] = n[0] = 10;
		for (unsigned i = 0; i < n[0]; i++)
			for (unsigned j = 0; j < n[1]; j++)
				for (unsigned l = 0; l < n[2]; l++) {
					static struct io io;
					unsigned pick[3] = { i, j, l };

					memset(&io, 0, sizeof(io));
					for (int k = 0; k < 3; k++)
						if (t->width[k])
							put(io.in[k], table[t->width[k]][pick[k]]);
					t->f(&io);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
					/* What is written are two numbers of 128 bits: print them as a big-endian machine has them. */
					for (int h = 0; h < 32; h += 16)
						for (int k = 0; k < 8; k++) {
							unsigned char c = io.out[h + k];

							io.out[h + k] = io.out[h + 15 - k];
							io.out[h + 15 - k] = c;
						}
#endif
					calls++;
					for (unsigned k = 0; k < sizeof(io.out); k++)
						hash = (hash ^ io.out[k]) * 0x100000001b3ull;
					if (argc > 1) {
						for (int o = 0; o < 3; o++) {
							for (int k = 0; k < 16; k++)
								printf("%02x", io.in[o][k]);
							printf(" ");
						}
						printf("-> ");
						for (unsigned k = 0; k < sizeof(io.out); k++)
							printf("%02x", io.out[k]);
						printf("\n");
					}
				}
		printf("%s %016llx %u\n", t->name, hash, calls);
	}
	return 0;
}

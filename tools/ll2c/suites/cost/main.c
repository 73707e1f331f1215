// SPDX-License-Identifier: GPL-2.0-only
/* main KERNEL TIMES: calls it so often on the same bytes, and prints what the last call returned. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned kernel(unsigned char *data, unsigned len);

#define KERNELS(X) X(crc) X(adler) X(sort) X(matrix) X(filter) X(xtea) X(search) X(text) X(wide) X(runs)
#define DECLARE(name) kernel name;
#define ENTRY(name) { #name, name },
KERNELS(DECLARE)

static const struct {
	const char *name;
	kernel *f;
} kernels[] = { KERNELS(ENTRY) };

static unsigned char bytes[1024] __attribute__((aligned(16))), data[1024] __attribute__((aligned(16)));

void rust_eh_personality(void)
{
}

int main(int argc, char **argv)
{
	unsigned seed = 1, result = 0;

	for (unsigned i = 0; i < sizeof(bytes); i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = seed >> 24;
	}
	if (argc == 1) {
		for (unsigned k = 0; k < sizeof(kernels) / sizeof(kernels[0]); k++)
			puts(kernels[k].name);
		return 0;
	}
	for (unsigned k = 0; k < sizeof(kernels) / sizeof(kernels[0]); k++)
		if (!strcmp(kernels[k].name, argv[1]))
			for (int n = atoi(argv[2]); n; n--) {
				memcpy(data, bytes, sizeof(data));
				result = kernels[k].f(data, sizeof(data));
			}
	printf("%u\n", result);
	return 0;
}

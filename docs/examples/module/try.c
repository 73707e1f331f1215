// SPDX-License-Identifier: GPL-2.0
/* What a user of the example's driver would do: here, see that it has worked. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	FILE *file = fopen("/sys/module/vcsan_example/parameters/transfers", "r");
	int transfers = 0;

	/* A driver whose transfers take time would have to be waited for. */
	if (usleep(1000)) {
		perror("usleep");
		return 1;
	}
	if (!file || fscanf(file, "%d", &transfers) != 1) {
		perror("vcsan_example");
		return 1;
	}
	printf("%d transfers\n", transfers);
	return transfers == 4 ? 0 : 1;
}

// SPDX-License-Identifier: GPL-2.0-only
// What tells where a kernel's source is.
int started;

void start_kernel(void)
{
	started = 1;
}

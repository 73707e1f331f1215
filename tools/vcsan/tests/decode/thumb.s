@ SPDX-License-Identifier: GPL-2.0-only
@ One instruction a line, and after it what it does. "-": nothing that matters here.
	.arch armv7-a
	.syntax unified
	.thumb
	mcr	p15, 0, r1, c7, c6, 1	@ invalidate the line at r1
	mcr	p15, 0, r12, c7, c10, 1	@ write back the line at r12
	mcr	p15, 0, lr, c7, c14, 1	@ write back and invalidate the line at r14
	mcr	p15, 0, r11, c7, c14, 2	@ write back and invalidate the line of the set and way in r11
	mrc	p15, 0, apsr_nzcv, c7, c14, 3	@ write back and invalidate every line, one step
	mcrr	p15, 0, r1, r0, c14	@ write back and invalidate the lines from r0 to r1
	mcr	p15, 0, r0, c7, c5, 0	@ nothing to the data cache
	mcr	p15, 0, r0, c1, c0, 0	@ set the control register from r0
	mcr	p15, 0, r2, c8, c7, 1	@ drop the translation of r2
	mcr2	p15, 0, r0, c7, c14, 1	@ -
	mcr	p14, 0, r0, c7, c14, 1	@ -
	dsb	sy	@ -
	ldr.w	r0, [r1, #4]	@ -

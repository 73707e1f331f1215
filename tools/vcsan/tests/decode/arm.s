@ SPDX-License-Identifier: GPL-2.0-only
@ One instruction a line, and after it what it does. "-": nothing that matters here.
	.arch armv7-a
	mcr	p15, 0, r0, c7, c6, 0	@ invalidate every line
	mcr	p15, 0, r1, c7, c6, 1	@ invalidate the line at r1
	mcr	p15, 0, r2, c7, c6, 2	@ invalidate the line of the set and way in r2
	mcr	p15, 0, r0, c7, c7, 0	@ invalidate every line
	mcr	p15, 0, r3, c7, c7, 1	@ invalidate the line at r3
	mcr	p15, 0, r4, c7, c7, 2	@ invalidate the line of the set and way in r4
	mcr	p15, 0, r0, c7, c10, 0	@ write back every line
	mcr	p15, 0, r12, c7, c10, 1	@ write back the line at r12
	mcr	p15, 0, lr, c7, c10, 2	@ write back the line of the set and way in r14
	mcr	p15, 0, r0, c7, c11, 0	@ write back every line
	mcr	p15, 0, r5, c7, c11, 1	@ write back the line at r5
	mcr	p15, 0, r6, c7, c11, 2	@ write back the line of the set and way in r6
	mcr	p15, 0, r0, c7, c14, 0	@ write back and invalidate every line
	mcr	p15, 0, r7, c7, c14, 1	@ write back and invalidate the line at r7
	mcr	p15, 0, r11, c7, c14, 2	@ write back and invalidate the line of the set and way in r11
	mcr	p15, 0, r0, c7, c15, 0	@ write back and invalidate every line
	mcr	p15, 0, r8, c7, c15, 1	@ write back and invalidate the line at r8
	mcr	p15, 0, r9, c7, c15, 2	@ write back and invalidate the line of the set and way in r9
	mcr	p15, 0, r10, c7, c2, 5	@ make the line at r10 dirty without a fill
	mcreq	p15, 0, r0, c7, c14, 0	@ if eq: write back and invalidate every line
	mcrne	p15, 0, r0, c7, c10, 1	@ if ne: write back the line at r0
	mcrlo	p15, 0, r0, c7, c6, 1	@ if cc: invalidate the line at r0
	mcrle	p15, 0, r0, c7, c14, 2	@ if le: write back and invalidate the line of the set and way in r0
	mcrne	p15, 0, r0, c7, c5, 1	@ if ne: nothing to the data cache
	mrc	p15, 0, apsr_nzcv, c7, c10, 3	@ write back every line, one step
	mrc	p15, 0, apsr_nzcv, c7, c14, 3	@ write back and invalidate every line, one step
	mcrr	p15, 0, r1, r0, c6	@ invalidate the lines from r0 to r1
	mcrr	p15, 0, r1, r0, c12	@ write back the lines from r0 to r1
	mcrr	p15, 0, r3, r2, c14	@ write back and invalidate the lines from r2 to r3
	mcrrne	p15, 0, r1, r0, c14	@ if ne: write back and invalidate the lines from r0 to r1
	mcrr	p15, 0, r1, r0, c5	@ nothing to the data cache
	mcrr	p15, 1, r1, r0, c12	@ nothing to the data cache
	mcrr	p15, 2, r1, r0, c12	@ nothing to the data cache
	mcrr	p15, 0, r4, r5, c2	@ set TTBR0 from r4
	mcrr	p15, 1, r4, r5, c2	@ set TTBR1 from r4
	mcrr	p15, 2, r4, r5, c14	@ -
	mcrr	p15, 3, r4, r5, c14	@ -
	mrrc	p15, 0, r4, r5, c14	@ -
	mcrr	p14, 0, r1, r0, c14	@ -
	mcr	p15, 0, r0, c7, c0, 4	@ nothing to the data cache
	mcr	p15, 0, r0, c7, c1, 0	@ nothing to the data cache
	mcr	p15, 0, r0, c7, c1, 6	@ nothing to the data cache
	mcr	p15, 0, r0, c7, c5, 0	@ nothing to the data cache
	mcr	p15, 0, r0, c7, c5, 4	@ nothing to the data cache
	mcr	p15, 0, r0, c7, c5, 6	@ nothing to the data cache
	mcr	p15, 0, r0, c7, c8, 0	@ nothing to the data cache
	mrc	p15, 0, r0, c7, c4, 0	@ nothing to the data cache
	mcr	p15, 0, r0, c7, c10, 4	@ nothing to the data cache
	mcr	p15, 0, r0, c7, c10, 5	@ nothing to the data cache
	mcr	p15, 0, r0, c7, c13, 1	@ nothing to the data cache
	mrc	p15, 0, r0, c7, c10, 6	@ nothing to the data cache
	mcr	p15, 1, r0, c7, c11, 1	@ nothing to the data cache
	mcr	p15, 0, r0, c1, c0, 0	@ set the control register from r0
	mcrne	p15, 0, r6, c1, c0, 0	@ if ne: set the control register from r6
	mrc	p15, 0, r0, c1, c0, 0	@ -
	mcr	p15, 0, r0, c1, c0, 1	@ -
	mcr	p15, 0, r1, c2, c0, 0	@ set TTBR0 from r1
	mcr	p15, 0, r1, c2, c0, 1	@ set TTBR1 from r1
	mcr	p15, 0, r1, c2, c0, 2	@ set TTBCR from r1
	mcr	p15, 0, r1, c13, c0, 0	@ set FCSEIDR from r1
	mcr	p15, 0, r1, c13, c0, 1	@ set CONTEXTIDR from r1
	mcr	p15, 0, r1, c13, c0, 3	@ -
	mcr	p15, 0, r2, c8, c7, 0	@ drop all translations
	mcr	p15, 0, r2, c8, c6, 0	@ drop all translations
	mcr	p15, 0, r2, c8, c3, 0	@ drop all translations
	mcr	p15, 0, r2, c8, c7, 1	@ drop the translation of r2
	mcr	p15, 0, r2, c8, c3, 3	@ drop the translation of r2
	mcrne	p15, 0, r2, c8, c6, 1	@ if ne: drop the translation of r2
	mcr	p15, 0, r2, c8, c7, 2	@ drop the translations of the space in r2
	mcr	p15, 0, r2, c8, c5, 1	@ nothing to the data cache
	mcr	p14, 0, r0, c7, c14, 1	@ -
	mcr2	p15, 0, r0, c7, c14, 1	@ -
	cdp	p15, 0, c0, c7, c14, 1	@ -
	svc	#0x073f36	@ -
	dsb	sy	@ -
	nop	@ -

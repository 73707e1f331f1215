@ SPDX-License-Identifier: GPL-2.0-only
@ Maintenance, and a literal pool with the word of one. Made by `arm-linux-gnueabi-as -o pool.o pool.s`,
@ `arm-linux-gnueabi-objdump -d pool.o > pool.txt`.
	.arch armv5te
flush:
	ldr	r2, 1f
	mcr	p15, 0, r0, c7, c14, 1
	mcrne	p15, 0, r2, c7, c10, 4
	bx	lr
1:	.word	0xee073f36
	.section .init.text, "ax"
setup:
	mcr	p15, 0, r0, c7, c6, 0
	bx	lr

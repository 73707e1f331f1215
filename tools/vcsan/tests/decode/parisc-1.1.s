; SPDX-License-Identifier: GPL-2.0-only
; One instruction a line, and after it what it does. "-": nothing that matters here.
	.level	1.1
	.text
	idtlba	%r16,(%r8)	; insert the frame %r16 of 0(%r8) as data translation
	idtlbp	%r17,(%sr1,%r8)	; insert the rights %r17 of 0(%sr1,%r8) as data translation
	iitlba	%r16,(%sr0,%r8)	; insert the frame %r16 of 0(%sr0,%r8) as instruction translation
	iitlbp	%r17,(%sr5,%r8)	; insert the rights %r17 of 0(%sr5,%r8) as instruction translation
	.word	0x04101440	; insert the frame %r16 of the interrupted access as data translation
	.word	0x04111400	; insert the rights %r17 of the interrupted access as data translation
	.word	0x04100440	; insert the frame %r16 of the interrupted access as instruction translation
	.word	0x04110400	; insert the rights %r17 of the interrupted access as instruction translation
	lpa	%r0(%r26),%r28	; -
	lci	%r0(%r26),%r28	; -
	prober	(%r26),%r25,%r28	; -
	mtsp	%r25,%sr1	; -
	ldw	0(%r26),%r28	; -
	nop	; -

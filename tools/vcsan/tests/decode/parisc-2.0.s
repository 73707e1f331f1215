; SPDX-License-Identifier: GPL-2.0-only
; One instruction a line, and after it what it does. "-": nothing that matters here.
	.level	2.0
	.text
	fdc	%r0(%r26)	; write back and invalidate the line at %r0(%r26)
	fdc	%r23(%r26)	; write back and invalidate the line at %r23(%r26)
	fdc,m	%r23(%r26)	; write back and invalidate the line at %r23(%r26),m
	fdc	%r0(%sr3,%r26)	; write back and invalidate the line at %r0(%sr3,%r26)
	fdc,m	%r31(%sr1,%r28)	; write back and invalidate the line at %r31(%sr1,%r28),m
	fdc	0(%r26)	; write back and invalidate the line at 0(%r26)
	fdc	15(%r26)	; write back and invalidate the line at 15(%r26)
	fdc	-16(%sr2,%r26)	; write back and invalidate the line at -16(%sr2,%r26)
	fdce	%r0(%sr1,%r26)	; write back and invalidate every line, one step
	fdce,m	%r25(%sr1,%r26)	; write back and invalidate every line, one step
	pdc	%r0(%r26)	; invalidate the line at %r0(%r26)
	pdc,m	%r23(%r26)	; invalidate the line at %r23(%r26),m
	pdc,m	%r23(%sr3,%r26)	; invalidate the line at %r23(%sr3,%r26),m
	fic	%r0(%r26)	; nothing to the data cache
	fic,m	%r23(%sr4,%r26)	; nothing to the data cache
	fic,m	%r23(%sr1,%r26)	; nothing to the data cache
	fice	%r0(%sr1,%r26)	; nothing to the data cache
	fice,m	%r25(%sr1,%r26)	; nothing to the data cache
	sync	; nothing to the data cache
	syncdma	; nothing to the data cache
	pdtlb	%r0(%r26)	; drop the data translation of %r0(%r26)
	pdtlb	%r0(%sr1,%r26)	; drop the data translation of %r0(%sr1,%r26)
	pdtlb,l	%r0(%r28)	; drop the data translation of %r0(%r28)
	pdtlbe	%r0(%sr1,%r28)	; drop the data translation in the entry of %r0(%sr1,%r28)
	pdtlbe,m	%r25(%sr1,%r28)	; drop the data translation in the entry of %r25(%sr1,%r28),m
	pitlb	%r0(%sr4,%r28)	; drop the instruction translation of %r0(%sr4,%r28)
	pitlb,l	%r0(%sr1,%r26)	; drop the instruction translation of %r0(%sr1,%r26)
	pitlbe	%r0(%sr1,%r28)	; drop the instruction translation in the entry of %r0(%sr1,%r28)
	pitlbe,m	%r25(%sr7,%r28)	; drop the instruction translation in the entry of %r25(%sr7,%r28),m
	idtlbt	%r16,%r17	; insert the frame %r16 and the rights %r17 of the interrupted access as data translation
	iitlbt	%r16,%r17	; insert the frame %r16 and the rights %r17 of the interrupted access as instruction translation

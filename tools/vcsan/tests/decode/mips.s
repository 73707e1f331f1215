# SPDX-License-Identifier: GPL-2.0-only
# One instruction a line, and after it what it does. "-": nothing that matters here.
	.set	noreorder
	cache	0x01, 0($4)	# write back and invalidate the line of the set and way in 0($4)
	cache	0x01, 0x7fe0($4)	# write back and invalidate the line of the set and way in 32736($4)
	cache	0x05, 0($4)	# nothing to the data cache
	cache	0x09, -32($5)	# invalidate the line of the set and way in -32($5)
	cache	0x0d, 0($4)	# make the line at 0($4) dirty without a fill
	cache	0x11, 0($6)	# invalidate the line at 0($6)
	cache	0x15, 0($4)	# write back and invalidate the line at 0($4)
	cache	0x15, -32768($31)	# write back and invalidate the line at -32768($31)
	cache	0x19, 64($4)	# write back the line at 64($4)
	cache	0x1d, 0($4)	# nothing to the data cache
	cache	0x00, 0($4)	# nothing to the data cache
	cache	0x08, 0($4)	# nothing to the data cache
	cache	0x10, 0($4)	# nothing to the data cache
	cache	0x14, 0($4)	# nothing to the data cache
	cache	0x03, 0($4)	# nothing to the data cache
	cache	0x0b, 0($4)	# nothing to the data cache
	cache	0x13, 0($4)	# nothing to the data cache
	cache	0x17, 0($4)	# nothing to the data cache
	cachee	0x15, -256($4)	# write back and invalidate the line at -256($4)
	cachee	0x10, 255($4)	# nothing to the data cache
	synci	0x40($2)	# write back the line at 64($2)
	synci	-4($2)	# write back the line at -4($2)
	pref	0, 0($4)	# nothing to the data cache
	pref	30, 128($4)	# nothing to the data cache
	prefe	1, -8($4)	# nothing to the data cache
	mtc0	$9, $0	# set Index from r9
	mtc0	$9, $2	# set EntryLo0 from r9
	mtc0	$9, $3	# set EntryLo1 from r9
	mtc0	$9, $5	# set PageMask from r9
	mtc0	$9, $10	# set EntryHi from r9
	mtc0	$9, $16	# set Config from r9
	mtc0	$9, $16, 5	# -
	mtc0	$9, $10, 4	# -
	mtc0	$9, $12	# -
	mfc0	$9, $10	# -
	tlbwi	# write a translation
	tlbwr	# write a translation somewhere
	tlbr	# read a translation
	tlbp	# look for a translation
	tlbinv	# drop the translations of the current space
	tlbinvf	# drop all translations
	eret	# -
	bgezal	$2, .+8	# -
	sync	# -
	lw	$4, 0($5)	# -
	nop	# -
	nop	# -
	nop	# -

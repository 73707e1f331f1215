# SPDX-License-Identifier: GPL-2.0-only
# One instruction a line, and after it what it does. "-": nothing that matters here.
	.set	noreorder
	cache	0x01, 0($4)	# write back and invalidate the line of the set and way in 0($4)
	cache	0x09, 0($5)	# invalidate the line of the set and way in 0($5)
	cache	0x11, 255($6)	# invalidate the line at 255($6)
	cache	0x15, -256($31)	# write back and invalidate the line at -256($31)
	cache	0x19, 64($4)	# write back the line at 64($4)
	cache	0x10, 0($4)	# nothing to the data cache
	cache	0x17, 0($4)	# nothing to the data cache
	pref	30, 128($4)	# nothing to the data cache
	synci	0x40($2)	# write back the line at 64($2)
	mtc0	$9, $10	# set EntryHi from r9
	tlbwi	# write a translation
	tlbinvf	# drop all translations
	ll	$4, 0($5)	# -
	sc	$4, 0($5)	# -
	nop	# -
	nop	# -

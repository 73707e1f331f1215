#!/bin/sh -eu
# SPDX-License-Identifier: GPL-2.0-only
# enter TABLE DIR PROGRAM [ARGUMENT]...
#
# Runs PROGRAM in DIR of the Debian root beside this script, which it sees as its own and can't write to. TABLE, in the form
# of fstab, says what is mounted there. Nothing survives: if this process or the one that started it dies, the kernel kills
# PROGRAM and all that it started.
if [ "$1" != --inside ]; then
	as=
	# An ordinary user becomes root of a user namespace. No one else's files can be written by that.
	[ -O / ] || as='--user --map-root-user'
	exec setpriv --pdeathsig KILL -- unshare $as --mount --pid --fork --kill-child -- "$0" --inside "$@"
fi
table=$2
dir=$3
shift 3
mount --all --fstab "$table"
exec unshare --root "${0%/*}/root" --wd "$dir" -- "$@"

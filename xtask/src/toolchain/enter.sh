#!/bin/sh -eu
# SPDX-License-Identifier: GPL-2.0-only
# enter OPTIONS TABLE NETWORK DIR PROGRAM [ARGUMENT]...
#
# Runs PROGRAM in DIR of the Debian root beside this script, which it sees as its own and can't write to. The root is mounted
# with OPTIONS; TABLE, in the form of fstab, says what else is mounted there. NETWORK is `net` for the host's, else there is none. Nothing survives: if this
# process or the one that started it dies, the kernel kills PROGRAM and all that it started.
if [ "$1" != --inside ]; then
	as='--user --map-root-user'
	# Root does without a user namespace where a container forbids it; PROGRAM has no capabilities either way.
	if [ -O / ] && ! unshare $as true 2>/dev/null; then
		as=
	fi
	[ "$3" = net ] || as="$as --net"
	exec setpriv --pdeathsig KILL -- \
		unshare $as --mount --pid --ipc --uts --fork --kill-child -- "$0" --inside "$@"
fi
options=$2
table=$3
dir=$5
shift 5
root=${0%/*}/root
mount -o "$options" "$root" "$root"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/shm"
for device in full null random urandom zero; do
	: >"$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mount --all --fstab "$table"
exec unshare --root "$root" --wd "$dir" -- \
	setpriv --no-new-privs --inh-caps=-all --bounding-set=-all -- "$@"

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A kernel tree that does what it must not, given with --kernel: it gets nowhere. Needs the kernel's source in the cache.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${ALIASHEAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/aliasheap}
series=$(sed -n "s/^  preferred: '\(.*\)'/\1/p" configs/toolchain.yaml)
source=$cache/source/$series/linux
work=$(mktemp -d)
listener=
end() {
	[ -z "$listener" ] || kill "$listener"
	rm -rf "$work"
}
trap end EXIT
fail() {
	echo "$0: $*" >&2
	exit 1
}

mkdir "$work/home" "$work/tree"
echo 'as it was' >"$work/home/victim"
# As much of a kernel as the patches need.
sed -n 's,^+++ b/,,p' kernel/patches/*.patch | sort -u | while read -r file; do
	[ ! -e "$source/$file" ] || (cd "$source" && cp --parents "$file" "$work/tree")
done
cp ci/hostile/attempts.sh "$work/tree"
{
	grep -E '^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) =' "$source/Makefile"
	cat ci/hostile/Makefile
} >"$work/tree/Makefile"
mkdir -p "$work/tree/Documentation"
ln -s "$work/home/victim" "$work/tree/Documentation/victim"
python3 -c '
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
listener.accept()
open(sys.argv[1], "w").write("reached")
' "$work/reached" >"$work/port" &
listener=$!
until [ -s "$work/port" ]; do
	kill -0 $listener || fail "nothing listens"
	sleep 0.1
done
cat >"$work/tree/host.sh" <<-HOST
	home=$work/home
	series=$series
	cache=$cache
	checkout=$PWD
	user=$work/tree
	runner=$$
	port=$(cat "$work/port")
HOST

# Commands for git to run when it looks into the tree.
git=(git -C "$work/tree")
"${git[@]}" init -q
"${git[@]}" add Makefile
"${git[@]}" -c user.name=nobody -c user.email=nobody@localhost commit -qm 'a tree'
"${git[@]}" config core.fsmonitor "touch $work/fsmonitor; false"
"${git[@]}" config filter.own.clean "touch $work/clean; cat"
echo 'Makefile filter=own' >"$work/tree/.git/info/attributes"
sed -i 's/^# In a/# in a/' "$work/tree/Makefile"

for time in first second; do
	status=0
	cargo xtask test arm-vivt --kernel "$work/tree" >"$work/out" 2>&1 || status=$?
	[ $status = 3 ] || { cat "$work/out"; fail "the $time time it ended with $status instead of 3"; }
	grep 'which is no file of the folder' "$work/out" || { cat "$work/out"; fail "it does not say what the Makefile left behind"; }
	log=$(sed -n 's,.*Makefiles have made \(/.*/arm-v5\)/.*,\1,p' "$work/out" | head -n 1)/kernel.log
	grep 'attempts: over' "$log" || { cat "$work/out"; fail "the Makefile did not run"; }
	! grep '^done: ' "$log" || fail "the Makefile got somewhere"
	[ "$(cat "$work/home/victim")" = 'as it was' ] || fail "a file of the user's has changed"
	[ ! -e "$work/home/new" ] || fail "a file was made through a link"
	[ ! -e "$cache/build/x" ] && [ ! -e "$work/home-x" ] || fail "a file was made"
	[ ! -e "$work/reached" ] || fail "it reached the network"
	[ ! -e "$work/fsmonitor" ] && [ ! -e "$work/clean" ] || fail "git ran a command of the tree's"
done

# A folder of the tree that leads elsewhere.
mv "$work/tree/drivers/dma-buf/heaps" "$work/elsewhere"
ln -s "$work/elsewhere" "$work/tree/drivers/dma-buf/heaps"
touch "$work/before"
status=0
cargo xtask test arm-vivt --kernel "$work/tree" >"$work/out" 2>&1 || status=$?
[ $status = 2 ] || { cat "$work/out"; fail "a tree with a link out of it ended with $status instead of 2"; }
grep 'is a symbolic link in this kernel tree' "$work/out" || { cat "$work/out"; fail "it does not say which link"; }
[ -z "$(find "$work/elsewhere" -newer "$work/before")" ] || fail "something was written through a link"
echo 'a hostile tree gets nowhere'

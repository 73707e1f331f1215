#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What users do and no other step does: two runs at once, an interruption, a list of what is known, a tree of their own, cleaning
# up. Ends with the first thing that is not as it should be.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() {
	printf '\n-- %s\n' "$*"
}
fail() {
	echo "$0: $*" >&2
	exit 1
}

say two runs at once
cargo xtask test arm-vivt --filter 'system_heap_rust_vmap' >"$work/one" 2>&1 &
one=$!
cargo xtask test arm-vivt --filter 'system_heap_rust_mmap' >"$work/two" 2>&1 &
two=$!
wait $one || { cat "$work/one"; fail "the first one ended with $?"; }
wait $two || { cat "$work/two"; fail "the second one ended with $?"; }
grep '^passed' "$work/one" "$work/two"

say an interruption ends with a report, and leaves nothing behind
: >"$work/err"
cargo xtask test arm-vivt --verbose --repeat 1000 --filter 'system_heap_rust_vmap' --report json="$work/report.json" >"$work/out" 2>"$work/err" &
run=$!
until grep -q 'aliasheap: done' "$work/err"; do
	kill -0 $run 2>"$work/gone" || { cat "$work/err"; fail "the run ended before a guest did"; }
	sleep 0.2
done
kill -TERM $run
status=0
wait $run || status=$?
[ $status = 130 ] || { cat "$work/err"; fail "it ended with $status instead of 130"; }
grep -m 1 'interrupted' "$work/out" || fail "its report does not say that it was interrupted"
cargo xtask report "$work/report.json" >"$work/again"
tail -n 1 "$work/again" | grep '^infra' || fail "its report says that it ran to its end"
# Guests have files of the run's folder on their command line.
folder=$(sed -n 's/^ *folder: //p' "$work/out" | head -n 1)
[ -d "$folder" ] || fail "its report names no folder"
left=$(grep -las "$(dirname "$folder")/" /proc/[0-9]*/cmdline || true)
[ -z "$left" ] || fail "processes are left: $left"

say what clean would remove, and what it refuses
cargo xtask clean --stale --dry-run
mkdir "$work/documents"
touch "$work/documents/thesis"
if cargo xtask clean --all --cache "$work/documents" 2>"$work/err"; then
	fail "it removed a folder that is none of its own"
fi
cat "$work/err"
[ -e "$work/documents/thesis" ] || fail "it removed a file that is none of its own"

say a driver with a mistake, which is known
mkdir "$work/module"
grep -v 'dma_unmap_page(dev, addr, HALF' docs/examples/drivers/halves.c >"$work/module/halves.c"
echo 'obj-m += halves.o' >"$work/module/Kbuild"
status=0
cargo xtask test arm-vivt --module "$work/module" >"$work/out" 2>&1 || status=$?
[ $status = 1 ] || { cat "$work/out"; fail "it ended with $status instead of 1"; }
grep 'VCSan: read of memory that a device may write in' "$work/out"
cat >"$work/known" <<-'EOF'
	* | * [halves] | * | kept for a test
	free of memory that a device owns | * | * | it follows from that
	stale device read | nowhere | * | nothing is like this
EOF
cargo xtask test arm-vivt --module "$work/module" --suppress "$work/known" >"$work/out" 2>&1 || { cat "$work/out"; fail "it is not suppressed"; }
grep 'no finding is like `stale device read | nowhere' "$work/out" || { cat "$work/out"; fail "it does not say which line is needless"; }

say a kernel tree of the user\'s own, here the source of another version, which is not written to
cargo xtask setup --kernel-version 7.2
cache=${ALIASHEAP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/aliasheap}
touch "$work/before"
cargo xtask test arm-vivt --kernel "$cache/source/7.2/linux" --report json="$work/report.json"
grep -q '"version": "7.2' "$work/report.json" || fail "the report names another kernel"
written=$(find "$cache/source/7.2/linux" -newer "$work/before" | head)
[ -z "$written" ] || fail "the user's tree was written to: $written"

say a tree that does what it must not
ci/hostile.sh

say the host\'s own tools, which few hosts have all of
status=0
cargo xtask test arm-vivt --toolchain host >"$work/out" 2>&1 || status=$?
cat "$work/out"
case $status in
0) ;;
4) grep -q '; or do without --toolchain host' "$work/out" || fail "it does not say what to do" ;;
*) fail "it ended with $status" ;;
esac

say a kernel tree of the user\'s own, found broken
mkdir "$work/tree"
git -C "$work/tree" init -q
status=0
cargo xtask test arm-vivt --kernel "$work/tree" >"$work/out" 2>&1 || status=$?
[ $status != 0 ] || fail "an empty folder passed as a kernel"
grep 'failed to find a kernel tree' "$work/out" || { cat "$work/out"; fail "it does not say what is wrong with an empty tree"; }

say a shell in the guest: a script that is piped to it, and somebody who types
mkdir "$work/folder"
echo 'a file of the host' >"$work/folder/file"
status=0
printf 'cat /folder/file; ls /dev/dma_heap; uname -m; read -r line; exit 3' |
	cargo xtask shell parisc --folder "$work/folder" >"$work/out" || status=$?
cat "$work/out"
[ $status = 3 ] || fail "the script ended with 3, and the command with $status"
[ "$(grep -cxE 'a file of the host|system_rust|parisc' "$work/out")" = 3 ] || fail "the script's output is not there"
status=0
echo 'while :; do :; done' | cargo xtask shell arm-vivt --timeout 10 >"$work/out" 2>"$work/err" || status=$?
[ $status = 4 ] || { cat "$work/out" "$work/err"; fail "a script without an end ended with $status"; }
grep 'it takes longer than --timeout, 10 s' "$work/err" || { cat "$work/err"; fail "it does not say why the script was ended"; }
ci/types.py 'guest:/# ' 'ls -1 /dev/dma_heap; reboot' cargo xtask shell arm-vivt >"$work/out" || { cat "$work/out"; fail "the shell ended with $?"; }
grep -q '^system_rust' "$work/out" || { cat "$work/out"; fail "the shell shows no heap"; }

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# own-qemu.sh [NAME]
#
# QEMU as docs/vcsan.md has it for a kernel and a command line of one's own: its -plugin, on what a run has just booted, with a
# driver that lacks a line. QEMU is the toolchain root's, or that of `--qemu NAME`. The other one's plugin is refused.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in
'') options='' which='Debian root' file=libvcsan.so other=libvcsan_qemu11.so ;;
qemu-11) options="--qemu $1" which="Debian root $1" file=libvcsan_qemu11.so other=libvcsan.so ;;
*) echo "$0: $1 is no QEMU of configs/toolchain.yaml" >&2; exit 2 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
	echo "$0: $*" >&2
	exit 1
}

mkdir "$work/module"
grep -v 'flush_kernel_vmap_range(vaddr' docs/examples/module/vcsan_example.c >"$work/module/vcsan_example.c"
echo 'obj-m += vcsan_example.o' >"$work/module/Kbuild"
status=0
# shellcheck disable=SC2086 # Several words, or none.
cargo xtask test arm-vivt --module "$work/module" $options >"$work/out" 2>&1 || status=$?
[ $status = 1 ] || { cat "$work/out"; fail "the run ended with $status instead of 1"; }
folder=$(sed -n 's/^ *folder: //p' "$work/out" | head -n 1)
[ -f "$folder/qemu.txt" ] || { cat "$work/out"; fail "the run names no folder"; }

cargo build -q --release -p vcsan -p vcsan-qemu11
plugin=$(sed -n 's/.*-plugin target\/release\/libvcsan.so,//p' docs/vcsan.md)
[ -n "$plugin" ] || fail "docs/vcsan.md has no such line"
plugin=$PWD/target/release/$file,$plugin,exit=1
other=$PWD/target/release/$other
# The file is quoted for a shell.
eval "set -- $(cat "$folder/qemu.txt")"
program=$1
shift
arguments=()
while [ $# != 0 ]; do
	case $1 in
	-plugin) arguments+=(-plugin "$plugin"); shift ;;
	*) arguments+=("$1") ;;
	esac
	shift
done

# The root lies beside what enters it.
root=$(cargo xtask doctor | sed -n "s/^ *$which  .*  \(\/[^ ].*[^ ]\) *fine *$/\1/p")/root
[ -x "$root/usr/bin/$program" ] || fail "cargo xtask doctor names no $which with $program: $root"
libraries=$root/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu
ln -s "$(echo "$folder"/../media/*-vmlinux.symbols)" "$work/vmlinux"
cd "$work"
qemu=("$root/lib64/ld-linux-x86-64.so.2" --library-path "$libraries" "$root/usr/bin/$program" -L "$root/usr/share/qemu")
status=0
timeout 300 "${qemu[@]}" "${arguments[@]}" >console 2>err </dev/null || status=$?
cat err
[ $status = 1 ] || { cat console; fail "QEMU ended with $status instead of 1"; }
[ "$(grep -c '^BUG: VCSan: ' err)" = 1 ] || fail "it reports something else than one finding"
grep -q '^BUG: VCSan: stale device read in ' err || fail "it reports something else"
grep -q '^VCSan: stale device read of what' found.json.txt || { cat found.json.txt; fail "its text says something else"; }
grep '"record":"geometry"' found.json || fail "it does not say which cache it has found"

status=0
timeout 60 "${qemu[@]}" -M none -display none -plugin "$other,out=other.json" >console 2>err </dev/null || status=$?
cat err
[ $status = 1 ] || fail "QEMU ended with $status instead of 1 with the other QEMU's plugin"
grep -q "^vcsan: this file is for QEMU .*: QEMU .* takes $file, of cargo build --release -p " err || fail "it is not said which plugin this QEMU takes"

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Whether `cargo xtask bisect` finds the commit that broke a cell: in a git tree of the kernel's source with five commits, of which one
# does not build and one takes a loop out of a cache routine.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/linux

cargo xtask setup 2>&1 | tee "$work/setup"
read -r series cache < <(sed -n 's/.*: Linux \([0-9]*\.[0-9]*\).* are ready in \(.*\)/\1 \2/p' "$work/setup")
cp -r "$cache/source/$series/linux" "$tree"
git -C "$tree" init --quiet
# What git does not know can't be bisected.
git -C "$tree" add --all --force
commit() {
	git -C "$tree" -c user.name=ci -c user.email=ci@example.org -c gc.auto=0 commit --quiet --all --message "$1"
	git -C "$tree" rev-parse HEAD
}
flush=$tree/arch/arm/mm/flush.c
routine=arm926_flush_kern_dcache_area
good=$(commit import)
echo '/* A comment. */' >>"$flush"
commit 'arm: flush: a comment'
echo '#error no' >>"$flush"
commit 'arm: flush: does not build'
sed -i '$d' "$flush"
commit 'arm: flush: builds again'
sed -i "/^SYM_TYPED_FUNC_START($routine)/,/^SYM_FUNC_END($routine)/{/\tblo\t1b/d}" "$tree/arch/arm/mm/proc-arm926.S"
broken=$(commit "arm926: the loop of $routine is not needed")
echo '/* Another comment. */' >>"$flush"
bad=$(commit 'arm: flush: another comment')

cargo xtask bisect arm-vivt --kernel "$tree" --good "$good" --bad "$bad" --filter 'system_heap_rust_coherency.*' | tee "$work/log"
grep -q "^# first bad commit: \[$broken\]" "$work/log"

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Written by `cargo xtask self pipelines` from configs/ci.yaml; edit that.
# All of it, or the runs and jobs that are named, one after the other; what fails does not end it. Reports are in reports/.
set -u
cd "$(dirname "$0")/.."

failed=()
wanted() {
	[ ${#names[@]} -eq 0 ] || [[ " ${names[*]} " == *" $1 "* ]]
}
step() {
	printf '\n== %s\n' "$1"
	bash -euc "$2" || failed+=("$1")
}
names=("$@")
known=(heap architectural contract mainline exporters fixes debug qemu-11 newest tree gate mutants differential history own-qemu-11 series bisect lava hosts more-cells formats)
for name in "$@"; do
	if [[ " ${known[*]} " != *" $name "* ]]; then
		echo "$0: $name is none of: ${known[*]}" >&2
		exit 2
	fi
done
if [[ " $* " == *" tree "* ]] && [ -z "${KERNEL_GIT:-}" ]; then
	echo "$0: tree needs KERNEL_GIT, the repository of a kernel tree" >&2
	exit 2
fi

if wanted heap; then
rm -f reports/heap-*.json
for shard in 1 2 3; do
export shard
step heap-$shard '
mkdir -p before reports
cargo xtask report before/heap.json > /dev/null 2>&1 || rm -f before/heap.json
times=$(test ! -f before/heap.json || echo --times before/heap.json)
cargo xtask test --shard $shard/3 $times --report json=reports/heap-$shard.json
'
done
step heap-merge '
mkdir -p before
cargo xtask report before/heap.json > /dev/null 2>&1 || rm -f before/heap.json
compare=$(test ! -f before/heap.json || echo --compare before/heap.json)
status=0
cargo xtask merge reports/heap-*.json $compare --report json=reports/heap.json --report html=reports/heap.html --report junit=reports/heap.xml --report kcidb=reports/heap.kcidb.json || status=$?
test ! -f reports/heap.json || cp reports/heap.json before/heap.json
(exit $status)
'
fi

if wanted architectural; then
rm -f reports/architectural-*.json
for shard in 1 2 3; do
export shard
step architectural-$shard '
mkdir -p before reports
cargo xtask report before/architectural.json > /dev/null 2>&1 || rm -f before/architectural.json
times=$(test ! -f before/architectural.json || echo --times before/architectural.json)
cargo xtask test --architectural --shard $shard/3 $times --report json=reports/architectural-$shard.json
'
done
step architectural-merge '
mkdir -p before
cargo xtask report before/architectural.json > /dev/null 2>&1 || rm -f before/architectural.json
compare=$(test ! -f before/architectural.json || echo --compare before/architectural.json)
status=0
cargo xtask merge reports/architectural-*.json $compare --report json=reports/architectural.json --report html=reports/architectural.html --report junit=reports/architectural.xml --report kcidb=reports/architectural.kcidb.json || status=$?
test ! -f reports/architectural.json || cp reports/architectural.json before/architectural.json
(exit $status)
'
fi

if wanted contract; then
rm -f reports/contract-*.json
for shard in 1 2 3; do
export shard
step contract-$shard '
mkdir -p before reports
cargo xtask report before/contract.json > /dev/null 2>&1 || rm -f before/contract.json
times=$(test ! -f before/contract.json || echo --times before/contract.json)
cargo xtask test --contract --filter '\''system_heap_rust_[!h]*.*'\'' --shard $shard/3 $times --report json=reports/contract-$shard.json
'
done
step contract-merge '
mkdir -p before
cargo xtask report before/contract.json > /dev/null 2>&1 || rm -f before/contract.json
compare=$(test ! -f before/contract.json || echo --compare before/contract.json)
status=0
cargo xtask merge reports/contract-*.json $compare --report json=reports/contract.json --report html=reports/contract.html --report junit=reports/contract.xml --report kcidb=reports/contract.kcidb.json || status=$?
test ! -f reports/contract.json || cp reports/contract.json before/contract.json
(exit $status)
'
fi

if wanted mainline; then
rm -f reports/mainline-*.json
for shard in 1 2 3; do
export shard
step mainline-$shard '
mkdir -p before reports
cargo xtask report before/mainline.json > /dev/null 2>&1 || rm -f before/mainline.json
times=$(test ! -f before/mainline.json || echo --times before/mainline.json)
cargo xtask test --exporter system --shard $shard/3 $times --report json=reports/mainline-$shard.json
'
done
step mainline-merge '
mkdir -p before
cargo xtask report before/mainline.json > /dev/null 2>&1 || rm -f before/mainline.json
compare=$(test ! -f before/mainline.json || echo --compare before/mainline.json)
status=0
cargo xtask merge reports/mainline-*.json $compare --report json=reports/mainline.json --report html=reports/mainline.html --report junit=reports/mainline.xml --report kcidb=reports/mainline.kcidb.json || status=$?
test ! -f reports/mainline.json || cp reports/mainline.json before/mainline.json
(exit $status)
'
fi

if wanted exporters; then
rm -f reports/exporters-*.json
for shard in 1; do
export shard
step exporters-$shard '
mkdir -p before reports
cargo xtask report before/exporters.json > /dev/null 2>&1 || rm -f before/exporters.json
times=$(test ! -f before/exporters.json || echo --times before/exporters.json)
cargo xtask test arm-vivt --exporter all --shard $shard/1 $times --report json=reports/exporters-$shard.json
'
done
step exporters-merge '
mkdir -p before
cargo xtask report before/exporters.json > /dev/null 2>&1 || rm -f before/exporters.json
compare=$(test ! -f before/exporters.json || echo --compare before/exporters.json)
status=0
cargo xtask merge reports/exporters-*.json $compare --report json=reports/exporters.json --report html=reports/exporters.html --report junit=reports/exporters.xml --report kcidb=reports/exporters.kcidb.json || status=$?
test ! -f reports/exporters.json || cp reports/exporters.json before/exporters.json
(exit $status)
'
fi

if wanted fixes; then
rm -f reports/fixes-*.json
for shard in 1; do
export shard
step fixes-$shard '
mkdir -p before reports
cargo xtask report before/fixes.json > /dev/null 2>&1 || rm -f before/fixes.json
times=$(test ! -f before/fixes.json || echo --times before/fixes.json)
cargo xtask test arm-vivt --exporter all --fixes --shard $shard/1 $times --report json=reports/fixes-$shard.json
'
done
step fixes-merge '
mkdir -p before
cargo xtask report before/fixes.json > /dev/null 2>&1 || rm -f before/fixes.json
compare=$(test ! -f before/fixes.json || echo --compare before/fixes.json)
status=0
cargo xtask merge reports/fixes-*.json $compare --report json=reports/fixes.json --report html=reports/fixes.html --report junit=reports/fixes.xml --report kcidb=reports/fixes.kcidb.json || status=$?
test ! -f reports/fixes.json || cp reports/fixes.json before/fixes.json
(exit $status)
'
fi

if wanted debug; then
rm -f reports/debug-*.json
for shard in 1 2 3; do
export shard
step debug-$shard '
mkdir -p before reports
cargo xtask report before/debug.json > /dev/null 2>&1 || rm -f before/debug.json
times=$(test ! -f before/debug.json || echo --times before/debug.json)
cargo xtask test --set debug --set debug-dma --set debug-stress --set highmem --set bounce --shard $shard/3 $times --report json=reports/debug-$shard.json
'
done
step debug-merge '
mkdir -p before
cargo xtask report before/debug.json > /dev/null 2>&1 || rm -f before/debug.json
compare=$(test ! -f before/debug.json || echo --compare before/debug.json)
status=0
cargo xtask merge reports/debug-*.json $compare --report json=reports/debug.json --report html=reports/debug.html --report junit=reports/debug.xml --report kcidb=reports/debug.kcidb.json || status=$?
test ! -f reports/debug.json || cp reports/debug.json before/debug.json
(exit $status)
'
fi

if wanted qemu-11; then
rm -f reports/qemu-11-*.json
for shard in 1 2 3; do
export shard
step qemu-11-$shard '
mkdir -p before reports
cargo xtask report before/qemu-11.json > /dev/null 2>&1 || rm -f before/qemu-11.json
times=$(test ! -f before/qemu-11.json || echo --times before/qemu-11.json)
cargo xtask test --qemu qemu-11 --shard $shard/3 $times --report json=reports/qemu-11-$shard.json
'
done
step qemu-11-merge '
mkdir -p before
cargo xtask report before/qemu-11.json > /dev/null 2>&1 || rm -f before/qemu-11.json
compare=$(test ! -f before/qemu-11.json || echo --compare before/qemu-11.json)
status=0
cargo xtask merge reports/qemu-11-*.json $compare --report json=reports/qemu-11.json --report html=reports/qemu-11.html --report junit=reports/qemu-11.xml --report kcidb=reports/qemu-11.kcidb.json || status=$?
test ! -f reports/qemu-11.json || cp reports/qemu-11.json before/qemu-11.json
(exit $status)
'
fi

if wanted newest; then
rm -f reports/newest-*.json
for shard in 1 2 3; do
export shard
step newest-$shard '
mkdir -p before reports
cargo xtask report before/newest.json > /dev/null 2>&1 || rm -f before/newest.json
times=$(test ! -f before/newest.json || echo --times before/newest.json)
cargo xtask test --kernel-version newest --shard $shard/3 $times --report json=reports/newest-$shard.json
'
done
step newest-merge '
mkdir -p before
cargo xtask report before/newest.json > /dev/null 2>&1 || rm -f before/newest.json
compare=$(test ! -f before/newest.json || echo --compare before/newest.json)
status=0
cargo xtask merge reports/newest-*.json $compare --report json=reports/newest.json --report html=reports/newest.html --report junit=reports/newest.xml --report kcidb=reports/newest.kcidb.json || status=$?
test ! -f reports/newest.json || cp reports/newest.json before/newest.json
(exit $status)
'
fi

if wanted tree && [ -n "${KERNEL_GIT:-}" ]; then
rm -f reports/tree-*.json
for shard in 1; do
export shard
step tree-$shard '
git init --quiet linux
git -C linux fetch --quiet --depth 1 "$KERNEL_GIT" "${KERNEL_REV:-HEAD}"
git -C linux reset --quiet --hard FETCH_HEAD
git -C linux clean --quiet -ffdx
mkdir -p before reports
cargo xtask report before/tree.json > /dev/null 2>&1 || rm -f before/tree.json
times=$(test ! -f before/tree.json || echo --times before/tree.json)
cargo xtask test --kernel linux --shard $shard/1 $times --report json=reports/tree-$shard.json
'
done
step tree-merge '
mkdir -p before
cargo xtask report before/tree.json > /dev/null 2>&1 || rm -f before/tree.json
compare=$(test ! -f before/tree.json || echo --compare before/tree.json)
status=0
cargo xtask merge reports/tree-*.json $compare --report json=reports/tree.json --report html=reports/tree.html --report junit=reports/tree.xml --report kcidb=reports/tree.kcidb.json || status=$?
test ! -f reports/tree.json || cp reports/tree.json before/tree.json
(exit $status)
'
fi

if wanted gate; then
step gate '
.ci/run
'
fi

if wanted mutants; then
step mutants '
mkdir -p reports
status=0
cargo xtask self mutants --equivalent --json reports/mutants.json || status=$?
test -f reports/heap.json || cargo xtask test --report json=reports/heap.json || status=$?
cargo xtask report reports/heap.json --mutants reports/mutants.json --report html=reports/mutants.html
(exit $status)
'
fi

if wanted differential; then
step differential '
cargo xtask self differential --suite all
cargo xtask self differential --mutations
'
fi

if wanted history; then
step history '
cargo xtask self history
'
fi

if wanted own-qemu-11; then
step own-qemu-11 '
ci/own-qemu.sh qemu-11
'
fi

if wanted series; then
step series '
cargo xtask self series --to target/series --build arm-vivt
'
fi

if wanted bisect; then
step bisect '
ci/bisect.sh
'
fi

if wanted lava; then
step lava '
cargo xtask lava parisc --to target/lava/parisc
cargo xtask lava mips-be --to target/lava/mips-be
ci/lava.sh target/lava/parisc target/lava/mips-be
'
fi

if wanted hosts; then
step hosts '
ci/apparmor.sh
ci/mirror.sh
'
fi

if wanted more-cells; then
step more-cells '
mkdir -p reports
cargo xtask test arm-v6-noalias --report json=reports/more-cells.json
'
fi

if wanted formats; then
step formats '
mkdir -p reports
cargo xtask test arm-vivt --report json=reports/one.json --report junit=reports/one.xml --report kcidb=reports/one.kcidb.json --report html=reports/one.html
ci/formats.sh reports/one.json reports/one.xml reports/one.kcidb.json
type chromium node npm > /dev/null || apt-get install -y --no-install-recommends chromium nodejs npm
ci/page.sh reports/one.html
PAGE=$PWD/reports/failing.html cargo test -p xtask --lib a_page_of_failures -- --ignored
ci/page.sh reports/failing.html
'
fi

if [ ${#failed[@]} -gt 0 ]; then
	printf '\nfailed: %s\n' "${failed[*]}"
	exit 1
fi

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Has LAVA check jobs that `cargo xtask lava CELL --to DIR` wrote for its QEMU device type, and its dispatcher run them. Takes their DIRs.
# Needs root and mmdebstrap: the dispatcher gets a Debian root of its own, with the QEMU of bookworm's backports, as 7.2 lacks machines
# and options of the cells.
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: $0 DIR..." >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

mmdebstrap --quiet --variant=extract --skip=chroot/mount --aptopt='APT::Install-Recommends "false"' \
	--setup-hook='sed -n "s/ bookworm / bookworm-backports /p" "$1/etc/apt/sources.list" >"$1/etc/apt/sources.list.d/backports.list"' \
	--setup-hook='printf "%s\n" "Package: src:qemu src:seabios src:opensbi" "Pin: release n=bookworm-backports" "Pin-Priority: 500" >"$1/etc/apt/preferences.d/qemu"' \
	--include=bash,coreutils,dpkg,lava-dispatcher,mount,python3-voluptuous,qemu-system-arm,qemu-system-mips,qemu-system-misc,util-linux \
	--extract-hook='cd "$1" && apt-get -q -o Dir="$1" -o APT::Sandbox::User=root download lava-server && dpkg -x lava-server_*.deb "$1"' \
	bookworm "$root"
cat >"$root/check.py" <<'PYTHON'
import json, re, subprocess, sys
import jinja2, yaml
from lava_common.schemas import validate

path = sys.argv[1] + "/job.yaml"
job = yaml.safe_load(open(path))
validate(job, strict=True)
print("lava-common: the job is valid")
types = jinja2.FileSystemLoader("/usr/share/lava-server/device-types")
template = jinja2.Environment(loader=types, trim_blocks=True).get_template("qemu.jinja2")
open("/device.yaml", "w").write(template.render(**job["context"]))
open("/dispatcher.yaml", "w").close()

pattern = job["actions"][2]["test"]["monitors"][0]["pattern"]
lines = "[ 1.0]     ok 1 a\r\n[ 1.0]     not ok 2 b\r\n[ 1.0]     ok 3 c # SKIP why\r\n[ 1.0] ok 1 suite\r\n"
read = [match["result"] for match in re.finditer(pattern, lines)]
assert read == ["ok", "not ok", "SKIP"], read

command = ["lava-run", "--job-id=1", f"--output-dir=/out{sys.argv[1]}", "--device=/device.yaml", "--dispatcher=/dispatcher.yaml"]
run = subprocess.run([*command, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
said = [yaml.safe_load(line) for line in run.stdout.splitlines() if line.startswith("{")]
results = [line["msg"] for line in said if line["lvl"] == "results" and line["msg"]["definition"] != "lava"]
console = [line["msg"] for line in said if line["lvl"] == "target"]
cases = [line for line in console if re.search(r"\] {5}(not )?ok \d+ ", line)]
if run.returncode or not cases or len(results) != len(cases) or any(r["result"] == "fail" for r in results):
    sys.exit(f"{run.stdout}\nlava-run ended with {run.returncode}, and has {len(results)} of {len(cases)} cases")
print(f"lava-run: {len(results)} cases of {len({r['definition'] for r in results})} suites")
PYTHON
for job in "$@"; do
	job=$(realpath "$job")
	echo "$job:"
	# Where the job says that its files are.
	mkdir -p "$root$job" "$root/out$job"
	cp -r "$job/." "$root$job"
	unshare --mount --pid --fork --kill-child bash -c "mount -t proc proc '$root/proc' && mount --rbind /dev '$root/dev' && exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp chroot '$root' python3 /check.py '$job'"
done

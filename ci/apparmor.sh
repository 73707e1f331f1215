#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Whether AppArmor's own parser takes the profile that `doctor` prints on hosts that want one, such as Ubuntu, and refuses one that is
# damaged. The parser comes from Debian; whether a kernel then allows namespaces takes one with AppArmor, and is not tried.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
as=()
[ "$(id -u)" = 0 ] || as=(unshare --user --map-root-user --map-auto)
trap '"${as[@]}" rm -rf "$work"' EXIT
chmod 755 "$work"
suite=$(sed -n 's/^  suite: //p' configs/toolchain.yaml)
"${as[@]}" mmdebstrap --mode=root --variant=extract --quiet --skip=chroot/mount --include=base-files,libc-bin,apparmor \
	--aptopt='APT::Install-Recommends "false"' --aptopt='APT::Sandbox::User "root"' "$suite" "$work/root"
parser=("${as[@]}" chroot "$work/root" /usr/sbin/apparmor_parser --skip-kernel-load --skip-cache)
"${parser[@]}" --version | head -n 1
APPARMOR_PARSER="${parser[*]}" cargo test --quiet -p xtask --lib apparmors_own_parser -- --ignored

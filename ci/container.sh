#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Whether the container of ci/Containerfile does what it is for: builds it, and runs `doctor` and a test in it, or the command that is
# given instead of a test. For an ordinary user podman's container is rootless. Its cache is a volume, so that a second time is quick.
#
#   BASE=IMAGE      what it is made from, such as one of `podman import` where no registry is
#   NETWORK=host    where containers have no network of their own
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- cargo xtask test arm-vivt
name=aliasheap-check
network=(${NETWORK:+--network "$NETWORK"})
inside() {
	printf '\n== in the container: %s\n' "$*"
	# The host's own builds stay as they are.
	podman run --rm "${network[@]}" --cap-add SYS_ADMIN --security-opt apparmor=unconfined --security-opt seccomp=unconfined \
		--security-opt unmask=ALL -v "$PWD:/aliasheap" -v "$name:/cache" -w /aliasheap -e CARGO_TARGET_DIR=/cache/target "$name" "$@"
}

podman build "${network[@]}" ${BASE:+--build-arg "BASE=$BASE"} -t "$name" -f ci/Containerfile ci
inside cargo xtask doctor
inside "$@"
kind=$(podman info --format '{{if .Host.Security.Rootless}}rootless{{else}}root{{end}}')
printf '\n%s: all of it passed\n' "$kind"

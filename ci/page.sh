#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Looks at a page that `--report html=FILE` has written in headless Chromium: that it loads nothing, fits a screen and a phone, can be
# used by keyboard, has no fault that axe-core finds, and does without scripts. Takes the page, and a folder for pictures if these are
# wanted. Needs chromium, node and npm.
set -euo pipefail
for tool in "${CHROMIUM:-/usr/bin/chromium}" node npm; do
	command -v "$tool" >/dev/null || { echo "$0: failed to find $tool; apt-get install chromium nodejs npm" >&2; exit 1; }
done
page=$(realpath "$1") folder=${2:+$(realpath "$2")}
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work" axe-core@4.14.1 playwright-core@1.65.1
cp page.mjs "$work"
node "$work/page.mjs" "$page" ${folder:+"$folder"}

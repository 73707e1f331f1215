#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Whether `--mirror` is where a toolchain root and the kernel's source come from, by an archive with a date in its address, as those of
# snapshot.debian.org have; and that an archive which Debian has not signed is refused. The archive is this machine's own, under such
# an address. Takes a cache of its own, 6 GB, and as long as a first `setup`.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
server=
end() {
	[ -z "$server" ] || kill "$server"
	if [ -e "$work/cache" ]; then cargo xtask clean --all --cache "$work/cache" >"$work/clean" 2>&1 || cat "$work/clean"; fi
	rm -rf "$work"
}
trap end EXIT
fail() {
	echo "$0: $*" >&2
	exit 1
}

date=20260102T030405Z
from=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(SITE)' 'Created-By: Packages' | sed -n 's/^Debian Debian //p' | head -n 1)
[ -n "$from" ] || fail "this machine's apt knows no archive of Debian's"
python3 - "$date" "${from%/}" "$work" <<'EOF_SERVER' &
import http.server, sys
date, origin, work = sys.argv[1:]
class Archive(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        below = "/archive/debian/" + date
        open(work + "/asked", "a").write(self.path + "\n")
        if self.path.startswith(below + "/"):
            self.send_response(302)
            self.send_header("Location", origin + self.path[len(below):])
        elif self.path.endswith("/InRelease"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"Origin: Debian\nSuite: trixie\nCodename: trixie\n")
            return
        else:
            self.send_response(404)
        self.end_headers()
    def log_message(self, *what): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive)
open(work + "/port", "w").write(str(server.server_port) + "\n")
server.serve_forever()
EOF_SERVER
server=$!
until [ -s "$work/port" ]; do
	kill -0 $server || fail "nothing listens"
	sleep 0.1
done
here=http://127.0.0.1:$(cat "$work/port")

status=0
cargo xtask setup --cache "$work/cache" --mirror "$here/unsigned" 2>"$work/err" || status=$?
[ $status = 4 ] || { cat "$work/err"; fail "an archive that nobody has signed: it ended with $status instead of 4"; }
grep -F "failed to make the Debian root from $here/unsigned" "$work/err" || { cat "$work/err"; fail "it does not say which archive"; }
[ -z "$(ls "$work/cache/toolchain")" ] || fail "a root was made of it"

cargo xtask setup --cache "$work/cache" --mirror "$here/archive/debian/$date"
grep "$date" "$work"/cache/toolchain/*/packages || fail "the root does not say of which day it is"
for what in trixie/InRelease trixie-backports/InRelease 'qemu-system-misc_.*deb' 'linux-source-.*deb'; do
	grep -m 1 "^/archive/debian/$date/.*$what" "$work/asked" || fail "$what did not come from there"
done

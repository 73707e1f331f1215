# SPDX-License-Identifier: GPL-2.0-only
# attempts.sh BUILD TREE: what the Makefile of a kernel tree could try. Each attempt that succeeds says so.
build=$1 tree=$2
. "$tree/host.sh" # home, series, cache and so on: what the host is like

try() {
	if (eval "$1") >/dev/null 2>&1; then
		echo "done: $1"
	fi
}
# The tools, and how they are entered.
try 'touch /usr/bin/gcc'
try 'echo >>/etc/passwd'
try 'mount -o remount,rw,bind /'
try 'mount -t tmpfs tmpfs /usr'
try 'ls $cache/toolchain'
try 'touch $cache/toolchain/x'
try 'ls $cache/locks'
# The user's files.
try 'ls $home'
try 'cat $home/victim'
try 'touch $home/victim'
try 'cat /proc/1/root$home/victim'
try 'cat $tree/Documentation/victim'
try 'echo >>$tree/Documentation/victim'
try 'ls $checkout/xtask'
try 'touch $checkout/kernel/x'
# What others build and boot, and the sources that they build from.
try 'ls $cache/build/$series'
try 'ls $cache/runs'
try 'touch $cache/source/$series/linux/Makefile'
try 'touch $tree/x'
try 'touch $user/x'
try 'ls $cache/differential'
# The network.
try 'python3 -c "import socket; socket.create_connection((\"127.0.0.1\", $port), 2)"'
try 'bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"'
# The machine.
try 'ls /dev/kmsg'
try 'mknod /tmp/disk b 8 0 && head -c 1 /tmp/disk'
try 'echo x >/proc/sys/kernel/core_pattern'
try 'unshare --user --map-root-user true'
try 'kill -0 $runner'
# What is seen of it goes with this command.
touch $cache/build/x $cache/build/$series-x $home-x /tmp/x
# What the host writes to later.
ln -sf $home/victim $build/aliasheap.config
ln -sf $home/new $build/symbols.log
mkfifo $build/modules.log
echo 'attempts: over'

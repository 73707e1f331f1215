#!/bin/sh -eu
# SPDX-License-Identifier: GPL-2.0-only
# Makes the ELF files beside this script from demo.c, with Debian's cross compilers. Run it in this folder.
for target in arm-linux-gnueabi mips-linux-gnu mipsel-linux-gnu hppa-linux-gnu; do
	arch=${target%%-*}
	flags="-Os -ffile-prefix-map=$PWD=/demo -ffreestanding -fno-pic -fno-asynchronous-unwind-tables"
	case $arch in
	arm) flags="$flags -marm" ;;
	mips*) flags="$flags -mno-abicalls -mips32r2" ;;
	esac
	"$target-gcc" $flags -g1 -gdwarf-5 -c demo.c -o "$arch.o"
	"$target-ld" -r "$arch.o" -o "$arch.ko"
	"$target-gcc" $flags -g1 -gdwarf-4 -c demo.c -o "$arch.o"
	"$target-ld" -n --no-warn-rwx-segments --build-id=none -e init_module --defsym='$global$=0' \
		--section-start=.init.text=0xc0000000 --section-start=.asm=0xc0009000 -Ttext=0xc0008000 -Tdata=0xc0010000 \
		--defsym=swapper_pg_dir=0xc0004000 "$arch.o" -o "$arch.vmlinux"
	rm "$arch.o"
done

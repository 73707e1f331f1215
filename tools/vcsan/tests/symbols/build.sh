#!/bin/sh -eu
# SPDX-License-Identifier: GPL-2.0-only
# Makes the ELF files beside this script, with Debian's cross compilers. Run it in this folder.
for target in arm-linux-gnueabi mips-linux-gnu mipsel-linux-gnu hppa-linux-gnu; do
	arch=${target%%-*}
	flags="-Os -g1 -ffile-prefix-map=$PWD=/demo -ffreestanding -fno-pic -fno-asynchronous-unwind-tables"
	case $arch in
	arm) flags="$flags -marm" ;;
	mips*) flags="$flags -mno-abicalls -mips32r2" ;;
	esac
	"$target-gcc" $flags -gdwarf-5 -c demo.c -o demo.o
	"$target-ld" -r demo.o -o "$arch.ko"
	"$target-gcc" $flags -gdwarf-4 -c demo.c -o demo.o
	"$target-gcc" $flags -gdwarf-5 -c init/main.c -o main.o
	"$target-ld" -n --no-warn-rwx-segments --build-id=none -e init_module --defsym='$global$=0' \
		--section-start=.init.text=0xc0000000 --section-start=.asm=0xc0009000 \
		-Ttext=0xc0008000 -Tdata=0xc0010000 \
		--defsym=swapper_pg_dir=0xc0004000 demo.o main.o -o "$arch.vmlinux"
	chmod -x "$arch.vmlinux"
	rm demo.o main.o
done

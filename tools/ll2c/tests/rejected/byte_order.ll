; SPDX-License-Identifier: GPL-2.0-only
; rejected: differs from that of hppa in byte order
target datalayout = "e-p:32:32"

; SPDX-License-Identifier: GPL-2.0-only
; rejected: line 5: unsupported symbol name `a\0Ab`
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

@"a\0Ab" = global i8 0

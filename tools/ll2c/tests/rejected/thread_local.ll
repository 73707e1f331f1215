; SPDX-License-Identifier: GPL-2.0-only
; rejected: unsupported `thread_local`
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

@x = thread_local global i32 0

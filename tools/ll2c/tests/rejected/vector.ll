; SPDX-License-Identifier: GPL-2.0-only
; rejected: unsupported vector type
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

define void @v(<4 x i32> %x) {
  ret void
}

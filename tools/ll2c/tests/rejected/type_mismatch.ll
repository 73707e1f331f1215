; SPDX-License-Identifier: GPL-2.0-only
; rejected: `%x` is i32, used as i64
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

define i64 @f(i32 %x) {
  %r = add i64 %x, 1
  ret i64 %r
}

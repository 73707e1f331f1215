; SPDX-License-Identifier: GPL-2.0-only
; rejected: `%y` is not defined
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

define i32 @f(i32 %x) {
  %r = add i32 %x, %y
  ret i32 %r
}

; SPDX-License-Identifier: GPL-2.0-only
; rejected: `phi` has no value for block `a`
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

define i32 @f(i1 %c) {
  br i1 %c, label %a, label %b
a:
  br label %b
b:
  %r = phi i32 [ 1, %0 ]
  ret i32 %r
}

; SPDX-License-Identifier: GPL-2.0-only
; rejected: in `f`: unsupported instruction `invoke`
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

declare void @g()
define void @f() {
  invoke void @g() to label %a unwind label %b
a:
  ret void
b:
  ret void
}

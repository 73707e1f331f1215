; SPDX-License-Identifier: GPL-2.0-only
; rejected: compile for a stand-in that passes `byval`
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

declare void @c([2 x i32])
define void @f([2 x i32] %x) {
  call void @c([2 x i32] %x)
  ret void
}

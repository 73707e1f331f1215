; SPDX-License-Identifier: GPL-2.0-only
; rejected: no atomic access of 8 bytes
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

define i64 @f(ptr %p) {
  %r = load atomic i64, ptr %p seq_cst, align 8
  ret i64 %r
}

; SPDX-License-Identifier: GPL-2.0-only
; rejected: unsupported type `i129`
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

define i129 @f(i129 %x) {
  ret i129 %x
}

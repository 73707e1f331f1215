; SPDX-License-Identifier: GPL-2.0-only
; rejected: in `f`: unsupported intrinsic `llvm.vector.reduce.add.i32`
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

declare i32 @llvm.vector.reduce.add.i32(i32)
define i32 @f(i32 %x) {
  %r = call i32 @llvm.vector.reduce.add.i32(i32 %x)
  ret i32 %r
}

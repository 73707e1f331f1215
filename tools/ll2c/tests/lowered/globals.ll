; SPDX-License-Identifier: GPL-2.0-only
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

@text = private unnamed_addr constant [6 x i8] c"a\22\5C\00\FF?", align 1
@vtable = constant <{ ptr, [4 x i8], ptr, ptr }> <{ ptr @f, [4 x i8] c"\00\00\00\08", ptr getelementptr inbounds (i8, ptr @text, i32 2), ptr inttoptr (i32 4 to ptr) }>, section ".rodata.x", align 4
@zero = internal global [4 x i32] zeroinitializer, align 4
@outside = external global i32
@llvm.used = appending global [1 x ptr] [ptr @zero], section "llvm.metadata"
@"odd name" = internal global i24 66051, align 4
@other = alias i32 (i32), ptr @f

define i32 @f(i32 %x) {
  %v = load volatile i32, ptr @outside, align 4
  %z = load i24, ptr @"odd name", align 4
  %w = zext i24 %z to i32
  %r = add i32 %v, %w
  ret i32 %r
}

@"table::of devices" = constant [2 x i8] zeroinitializer, align 4
@"also::known" = alias [2 x i8], ptr @"table::of devices"
@"in::side" = internal constant ptr @"table::of devices"
define ptr @"f::g"() {
  %p = load ptr, ptr @"in::side"
  ret ptr %p
}

; SPDX-License-Identifier: GPL-2.0-only
; Sums of addresses: LLVM leaves them where it knows two places of one variable.
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

@text = private unnamed_addr constant [8 x i8] c"abcdefgh", align 1
@words = internal constant [4 x i32] [i32 1, i32 2, i32 3, i32 4], align 4

@length = constant i32 sub (i32 ptrtoint (ptr getelementptr (i8, ptr @text, i32 6) to i32), i32 ptrtoint (ptr @text to i32)), align 4
@end = constant ptr getelementptr (i8, ptr @text, i32 sub (i32 ptrtoint (ptr getelementptr (i8, ptr @words, i32 7) to i32), i32 ptrtoint (ptr @words to i32))), align 4
@round = constant ptr getelementptr (i8, ptr getelementptr (i8, ptr @text, i32 ptrtoint (ptr @words to i32)), i32 sub (i32 3, i32 ptrtoint (ptr @words to i32))), align 4

define ptr @by_a_difference() {
  ret ptr getelementptr inbounds (i8, ptr @text, i32 add (i32 ptrtoint (ptr getelementptr inbounds (i8, ptr @text, i32 5) to i32), i32 sub (i32 0, i32 ptrtoint (ptr @text to i32))))
}

define ptr @elements() {
  ret ptr getelementptr (i32, ptr @words, i32 sub (i32 ptrtoint (ptr getelementptr (i8, ptr @text, i32 3) to i32), i32 ptrtoint (ptr getelementptr (i8, ptr @text, i32 1) to i32)))
}

define ptr @nothing_cancels() {
  ret ptr getelementptr (i8, ptr @text, i32 sub (i32 0, i32 ptrtoint (ptr @words to i32)))
}

define ptr @an_index_of_elements(i32 %n) {
  %p = getelementptr i8, ptr getelementptr (i32, ptr @text, i32 ptrtoint (ptr @words to i32)), i32 %n
  ret ptr %p
}

define i32 @narrow_indices_are_signed() {
  ret i32 ptrtoint (ptr getelementptr (i8, ptr @words, i8 trunc (i32 sub (i32 ptrtoint (ptr @text to i32), i32 ptrtoint (ptr getelementptr (i8, ptr @text, i32 4) to i32)) to i8)) to i32)
}

; SPDX-License-Identifier: GPL-2.0-only
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

define i16 @mul16(i16 %a, i16 %b) {
  %r = mul nsw i16 %a, %b
  ret i16 %r
}

define i24 @odd(i24 %a, i24 %b) {
  %s = ashr i24 %a, %b
  %r = add i24 %s, -1
  ret i24 %r
}

define i128 @wide(i128 %a, i64 %b) {
  %w = sext i64 %b to i128
  %r = sdiv i128 %a, %w
  ret i128 %r
}

define i32 @disjoint(i32 %a, i32 %b, i16 %c, i16 %d) {
  %s = shl i32 %a, 2
  %r = or disjoint i32 %s, %b
  %n = or disjoint i16 %c, %d
  %w = zext i16 %n to i32
  %x = xor i32 %r, %w
  ret i32 %x
}

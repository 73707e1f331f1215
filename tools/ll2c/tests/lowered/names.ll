; Names that C, GCC or the support code has taken, and functions that GCC has ideas of its own about.
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

@u32_rmw = global i32 1
@_Bool = global i32 2
@_Generic = global i32 3
@__real__ = global i32 4
@__hppa__ = global i32 5
@__func__ = global i32 6
@__asm__ = global i32 7
@__attribute__ = global i32 8
@__LINE__ = global i32 9
@abs = global i32 10
@value = global i32 11
@ll_mask32 = global i32 12

declare i32 @isdigit(i32)

define i32 @isascii(i32 %c) #0 {
  %r = call i32 @isdigit(i32 %c)
  %s = call i32 @_RNvC4test3sum(i32 %r)
  ret i32 %s
}

define internal i32 @_RNvC4test3sum(i32 %c) {
  ret i32 %c
}

; GCC must not make a call of memset of this.
define void @memset(ptr %p, i32 %c, i32 %n) #0 {
start:
  br label %l
l:
  %i = phi i32 [ 0, %start ], [ %j, %l ]
  %q = getelementptr i8, ptr %p, i32 %i
  %b = trunc i32 %c to i8
  store i8 %b, ptr %q
  %j = add i32 %i, 1
  %d = icmp ult i32 %j, %n
  br i1 %d, label %l, label %x
x:
  ret void
}

attributes #0 = { "no-builtins" }

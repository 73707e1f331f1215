; SPDX-License-Identifier: GPL-2.0-only
; What LLVM calls for 128-bit division: 32-bit libgcc does not have it. Independent of support/*.h on purpose.
define { i128, i128 } @udivrem(i128 %a, i128 %b) noinline {
entry:
  br label %loop
loop:
  %i = phi i32 [ 127, %entry ], [ %i1, %loop ]
  %q = phi i128 [ 0, %entry ], [ %q2, %loop ]
  %r = phi i128 [ 0, %entry ], [ %r3, %loop ]
  %top = icmp slt i128 %r, 0
  %r1 = shl i128 %r, 1
  %iw = zext i32 %i to i128
  %s = lshr i128 %a, %iw
  %bit = and i128 %s, 1
  %r2 = or i128 %r1, %bit
  %fits = icmp uge i128 %r2, %b
  %take = or i1 %top, %fits
  %d = sub i128 %r2, %b
  %r3 = select i1 %take, i128 %d, i128 %r2
  %tb = zext i1 %take to i128
  %q1 = shl i128 %q, 1
  %q2 = or i128 %q1, %tb
  %i1 = sub i32 %i, 1
  %done = icmp eq i32 %i, 0
  br i1 %done, label %out, label %loop
out:
  %p = insertvalue { i128, i128 } undef, i128 %q2, 0
  %p2 = insertvalue { i128, i128 } %p, i128 %r3, 1
  ret { i128, i128 } %p2
}
define i128 @__udivti3(i128 %a, i128 %b) {
  %p = call { i128, i128 } @udivrem(i128 %a, i128 %b)
  %q = extractvalue { i128, i128 } %p, 0
  ret i128 %q
}
define i128 @__umodti3(i128 %a, i128 %b) {
  %p = call { i128, i128 } @udivrem(i128 %a, i128 %b)
  %q = extractvalue { i128, i128 } %p, 1
  ret i128 %q
}
define i128 @__divti3(i128 %a, i128 %b) {
  %an = sub i128 0, %a
  %bn = sub i128 0, %b
  %as = icmp slt i128 %a, 0
  %bs = icmp slt i128 %b, 0
  %aa = select i1 %as, i128 %an, i128 %a
  %ba = select i1 %bs, i128 %bn, i128 %b
  %q = call i128 @__udivti3(i128 %aa, i128 %ba)
  %qn = sub i128 0, %q
  %neg = xor i1 %as, %bs
  %x = select i1 %neg, i128 %qn, i128 %q
  ret i128 %x
}
define i128 @__modti3(i128 %a, i128 %b) {
  %an = sub i128 0, %a
  %bn = sub i128 0, %b
  %as = icmp slt i128 %a, 0
  %bs = icmp slt i128 %b, 0
  %aa = select i1 %as, i128 %an, i128 %a
  %ba = select i1 %bs, i128 %bn, i128 %b
  %r = call i128 @__umodti3(i128 %aa, i128 %ba)
  %rn = sub i128 0, %r
  %x = select i1 %as, i128 %rn, i128 %r
  ret i128 %x
}

; Between i128 and floating point. What is cut off sticks to the last of 64 bits, so that the sum is rounded once.
declare i128 @llvm.ctlz.i128(i128, i1)

define double @__floatuntidf(i128 %x) {
  %zeros = call i128 @llvm.ctlz.i128(i128 %x, i1 false)
  %small = icmp uge i128 %zeros, 64
  %over = sub i128 64, %zeros
  %shift = select i1 %small, i128 0, i128 %over
  %top = lshr i128 %x, %shift
  %back = shl i128 %top, %shift
  %cut = icmp ne i128 %back, %x
  %stick = zext i1 %cut to i128
  %digits = or i128 %top, %stick
  %word = trunc i128 %digits to i64
  %f = uitofp i64 %word to double
  %n = trunc i128 %shift to i64
  %e = add i64 %n, 1023
  %p = shl i64 %e, 52
  %power = bitcast i64 %p to double
  %r = fmul double %f, %power
  ret double %r
}

define float @__floatuntisf(i128 %x) {
  %zeros = call i128 @llvm.ctlz.i128(i128 %x, i1 false)
  %small = icmp uge i128 %zeros, 64
  %over = sub i128 64, %zeros
  %shift = select i1 %small, i128 0, i128 %over
  %top = lshr i128 %x, %shift
  %back = shl i128 %top, %shift
  %cut = icmp ne i128 %back, %x
  %stick = zext i1 %cut to i128
  %digits = or i128 %top, %stick
  %word = trunc i128 %digits to i64
  %f = uitofp i64 %word to float
  %n = trunc i128 %shift to i32
  %e = add i32 %n, 127
  %p = shl i32 %e, 23
  %power = bitcast i32 %p to float
  %r = fmul float %f, %power
  ret float %r
}

define double @__floattidf(i128 %x) {
  %minus = sub i128 0, %x
  %negative = icmp slt i128 %x, 0
  %size = select i1 %negative, i128 %minus, i128 %x
  %f = call double @__floatuntidf(i128 %size)
  %g = fneg double %f
  %r = select i1 %negative, double %g, double %f
  ret double %r
}

define float @__floattisf(i128 %x) {
  %minus = sub i128 0, %x
  %negative = icmp slt i128 %x, 0
  %size = select i1 %negative, i128 %minus, i128 %x
  %f = call float @__floatuntisf(i128 %size)
  %g = fneg float %f
  %r = select i1 %negative, float %g, float %f
  ret float %r
}

; The exponent and the digits, shifted; a shift of more than there is gives 0.
define i128 @__fixunsdfti(double %x) {
  %bits = bitcast double %x to i64
  %high = lshr i64 %bits, 52
  %biased = and i64 %high, 2047
  %low = and i64 %bits, 4503599627370495
  %word = or i64 %low, 4503599627370496
  %digits = zext i64 %word to i128
  %left = sub i64 %biased, 1075
  %right = sub i64 1075, %biased
  %is_left = icmp sge i64 %left, 0
  %is_right = icmp slt i64 %right, 64
  %l = zext i64 %left to i128
  %r = zext i64 %right to i128
  %lm = and i128 %l, 127
  %rm = and i128 %r, 127
  %a = shl i128 %digits, %lm
  %b = lshr i128 %digits, %rm
  %c = select i1 %is_right, i128 %b, i128 0
  %d = select i1 %is_left, i128 %a, i128 %c
  ret i128 %d
}

define i128 @__fixdfti(double %x) {
  %size = call i128 @__fixunsdfti(double %x)
  %minus = sub i128 0, %size
  %negative = fcmp olt double %x, 0.0
  %r = select i1 %negative, i128 %minus, i128 %size
  ret i128 %r
}

define i128 @__fixunssfti(float %x) {
  %d = fpext float %x to double
  %r = call i128 @__fixunsdfti(double %d)
  ret i128 %r
}

define i128 @__fixsfti(float %x) {
  %d = fpext float %x to double
  %r = call i128 @__fixdfti(double %d)
  ret i128 %r
}

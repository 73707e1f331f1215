; SPDX-License-Identifier: GPL-2.0-only
; What LLVM calls for 128-bit division: 32-bit libgcc does not have it. Independent of support/ll2c.h on purpose.
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

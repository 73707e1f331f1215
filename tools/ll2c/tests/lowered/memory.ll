; SPDX-License-Identifier: GPL-2.0-only
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

%Pair = type { i8, { i32, i64 } }

define i64 @access(ptr %p, i32 %i) {
  %q = getelementptr inbounds [4 x %Pair], ptr %p, i32 0, i32 %i, i32 1, i32 1
  %a = load i64, ptr %q, align 8
  %r = getelementptr i8, ptr %p, i32 -3
  store i32 7, ptr %r, align 1
  %b = load atomic i32, ptr %p acquire, align 4
  %c = cmpxchg ptr %p, i32 %b, i32 9 acq_rel monotonic, align 4
  %d = atomicrmw max ptr %p, i32 5 seq_cst, align 4
  %e = extractvalue { i32, i1 } %c, 0
  %f = zext i32 %e to i64
  %g = add i64 %a, %f
  call void asm sideeffect "", "r,~{memory}"(ptr %p)
  ret i64 %g
}

; What is undefined has no bits above its width, also in a variable that nothing else assigns to.
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

define i32 @phi(i1 %c) {
start:
  br i1 %c, label %a, label %b
a:
  br label %b
b:
  %x = phi i56 [ undef, %start ], [ 5, %a ]
  %y = phi i8 [ poison, %start ], [ 5, %a ]
  %free = phi i32 [ undef, %start ], [ 5, %a ]
  %s = phi { i32, i1 } [ undef, %start ], [ zeroinitializer, %a ]
  %b1 = extractvalue { i32, i1 } %s, 1
  %z = zext i1 %b1 to i32
  %t = trunc i56 %x to i32
  %u = zext i8 %y to i32
  %r = add i32 %z, %t
  %r1 = add i32 %r, %u
  %r2 = add i32 %r1, %free
  ret i32 %r2
}

define { i32, i1, i24 } @insert(i32 %x) {
  %s = insertvalue { i32, i1, i24 } undef, i32 %x, 0
  ret { i32, i1, i24 } %s
}

define { ptr, i32 } @insert_full(i32 %x) {
  %s = insertvalue { ptr, i32 } undef, i32 %x, 1
  ret { ptr, i32 } %s
}

define i32 @freeze(i32 %x) {
  %s = insertvalue { i32, [2 x i1] } poison, i32 %x, 0
  %f = freeze { i32, [2 x i1] } %s
  %b = extractvalue { i32, [2 x i1] } %f, 1, 0
  %z = zext i1 %b to i32
  ret i32 %z
}

; An integer that takes fewer bytes in memory than in a variable is copied by itself.
define i32 @memory(ptr %p, ptr %q) {
  %s = load { i8, i1 }, ptr %p
  %b = extractvalue { i8, i1 } %s, 1
  %t = load { i8, i24, [2 x i40], float }, ptr %q, align 1
  store { i8, i24, [2 x i40], float } %t, ptr %p, align 4
  %c = extractvalue { i8, i24, [2 x i40], float } %t, 1
  %z = zext i1 %b to i32
  %w = zext i24 %c to i32
  %r = add i32 %z, %w
  ret i32 %r
}

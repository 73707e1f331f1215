; Sections, alignments, stacks and NaNs.
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

; GCC wants all of a section to be constant or none.
@a = constant i32 5, section ".mixed"
@b = global i32 6, section ".mixed"
@c = constant i32 7, section ".constants"
@d = global i32 0, section "odd\22 name\\\01"

@signalling = constant { float, float, double } { float 0x7FF4000000000000, float 0xFFF0000020000000, double 0x7FF4000000000001 }

; Zeros are counted.
@zeros = constant { i32, [1000000 x i32], ptr, [8 x i8], i8 } { i32 1, [1000000 x i32] zeroinitializer, ptr @a, [8 x i8] zeroinitializer, i8 1 }

define float @nan() {
  ret float 0x7FF4000000000000
}

define i8 @byval(ptr byval([32 x i8]) align 16 %p, ptr byval([24 x i8]) align 32 %q, ptr byval([8 x i8]) align 8 %r) {
  %x = load i8, ptr %p
  %y = load i8, ptr %q
  %z = load i8, ptr %r
  %s = add i8 %x, %y
  %t = add i8 %s, %z
  ret i8 %t
}

define void @sret(ptr sret([24 x i8]) align 32 %out) {
  store i8 1, ptr %out, align 32
  ret void
}

declare ptr @llvm.stacksave.p0()
declare void @llvm.stackrestore.p0(ptr)
declare void @use(ptr)

define void @loop(i32 %n) {
start:
  br label %l
l:
  %i = phi i32 [ 0, %start ], [ %j, %l ]
  %s = call ptr @llvm.stacksave.p0()
  %v = alloca i8, i32 %n
  call void @use(ptr %v)
  call void @llvm.stackrestore.p0(ptr %s)
  %j = add i32 %i, 1
  %c = icmp ult i32 %j, %n
  br i1 %c, label %l, label %x
x:
  ret void
}

; Recursive: GCC must not be told to inline it always.
define internal i32 @even(i32 %n) alwaysinline {
  %z = icmp eq i32 %n, 0
  br i1 %z, label %one, label %more
one:
  ret i32 1
more:
  %m = sub i32 %n, 1
  %f = call i32 @odd(i32 %m)
  ret i32 %f
}

define i32 @odd(i32 %n) alwaysinline {
  %f = call i32 @even(i32 %n)
  ret i32 %f
}

declare i32 @unknown(...)
define double @products(double %a, float %b) {
  %x = call i32 (...) @unknown(i32 1)
  %m = fmul double %a, %a
  %s = fadd double %m, %a
  %n = fmul float %b, %b
  %w = fpext float %n to double
  %t = fadd double %s, %w
  ret double %t
}

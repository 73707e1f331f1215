; What clang makes of C that Rust has none of: variable arguments, computed goto, constructors, thread-local variables, setjmp.
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

@jumps = internal constant [3 x ptr] [ptr blockaddress(@go, %a), ptr blockaddress(@go, %b), ptr null]
@distance = internal constant i16 trunc (i32 sub (i32 ptrtoint (ptr blockaddress(@go, %b) to i32), i32 ptrtoint (ptr blockaddress(@go, %a) to i32)) to i16)
@llvm.global_ctors = appending global [3 x { i32, ptr, ptr }] [{ i32, ptr, ptr } { i32 65535, ptr @start, ptr null }, { i32, ptr, ptr } { i32 200, ptr @early, ptr null }, { i32, ptr, ptr } { i32 65535, ptr @early, ptr null }]
@llvm.global_dtors = appending global [0 x { i32, ptr, ptr }] zeroinitializer
@own = thread_local global i32 5
@zero = internal thread_local(localexec) global [4 x i32] zeroinitializer
@other = external thread_local(initialexec) global i32

define internal void @start() {
  ret void
}

define internal void @early() {
  ret void
}

declare void @llvm.va_start.p0(ptr)
declare void @llvm.va_end.p0(ptr)
declare void @llvm.va_copy.p0(ptr, ptr)
declare ptr @llvm.threadlocal.address.p0(ptr)

define double @sum(i8 signext %n, ...) {
  %ap = alloca ptr
  %cp = alloca ptr
  call void @llvm.va_start.p0(ptr %ap)
  call void @llvm.va_copy.p0(ptr %cp, ptr %ap)
  %i = va_arg ptr %ap, i32
  %p = va_arg ptr %ap, ptr
  %d = va_arg ptr %cp, double
  call void @llvm.va_end.p0(ptr %ap)
  store i32 %i, ptr %p
  ret double %d
}

define double @calls(ptr %s) {
  %d = call double (i8, ...) @sum(i8 signext 1, ptr byval([12 x i8]) align 4 %s, i64 5)
  ret double %d
}

; Under another name it is the same function.
@sum_too = alias double (i8, ...), ptr @sum

define double @calls_too(ptr %s) {
  %d = call double (i8, ...) @sum_too(i8 signext 1, ptr byval([12 x i8]) align 4 %s)
  ret double %d
}

; It can't call itself with the arguments that it got: the struct is its own.
define void @struct(ptr sret([12 x i8]) align 4 %out, i32 %n, ...) {
  %ap = alloca ptr
  call void @llvm.va_start.p0(ptr %ap)
  %x = va_arg ptr %ap, i64
  store i64 %x, ptr %out, align 4
  ret void
}

define void @gets(ptr %p) {
  call void (ptr, i32, ...) @struct(ptr sret([12 x i8]) align 4 %p, i32 1, i64 5)
  ret void
}

@data = internal global [2 x i32] zeroinitializer

; C without prototypes can call a variable. LLVM says the most that can be of the alignment of null.
define i32 @odd() {
  %r = call i32 @data(i32 1)
  store volatile i32 %r, ptr null, align 4294967296
  ret i32 %r
}

declare i32 @vprintf(ptr, ptr)

; The list only goes to C, which can read it.
define i32 @print(ptr %f, ...) {
  %ap = alloca ptr
  call void @llvm.va_start.p0(ptr %ap)
  %l = load ptr, ptr %ap
  %r = call i32 @vprintf(ptr %f, ptr %l)
  call void @llvm.va_end.p0(ptr %ap)
  ret i32 %r
}

define i32 @go(i32 %n) {
start:
  %p = getelementptr [3 x ptr], ptr @jumps, i32 0, i32 %n
  %t = load ptr, ptr %p
  indirectbr ptr %t, [label %a, label %b, label %a, label %c]
a:
  %x = phi i32 [ 1, %start ], [ 1, %start ], [ %y, %b ]
  ret i32 %x
b:
  %y = phi i32 [ 2, %start ]
  %z = icmp eq i32 %n, 7
  br i1 %z, label %a, label %c
c:
  ret i32 3
}

define i32 @threads() {
  %p = call ptr @llvm.threadlocal.address.p0(ptr @own)
  %x = load i32, ptr %p
  %y = load i32, ptr @other
  %q = getelementptr [4 x i32], ptr @zero, i32 0, i32 1
  store i32 %x, ptr %q
  ret i32 %y
}

declare i32 @_setjmp(ptr) returns_twice

define i32 @jumper(ptr %b) {
  %r = call i32 @_setjmp(ptr %b) returns_twice
  ret i32 %r
}

declare void @llvm.trap()
declare void @llvm.debugtrap()

; A debugger may go on behind the second one.
define void @traps(ptr %p, i1 %c) {
  br i1 %c, label %a, label %b
a:
  call void @llvm.debugtrap()
  store i32 1, ptr %p
  ret void
b:
  call void @llvm.trap()
  unreachable
}

define i32 @first(...) {
  %ap = alloca ptr
  call void @llvm.va_start.p0(ptr %ap)
  %v = va_arg ptr %ap, <4 x i32>
  %x = extractelement <4 x i32> %v, i32 3
  ret i32 %x
}

; Inline assembly without instructions, and other names of things.
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

@table = internal global [4 x i32] [i32 1, i32 2, i32 3, i32 4]
@second = alias i32, getelementptr ([4 x i32], ptr @table, i32 0, i32 1)
@third = weak hidden alias i32, getelementptr (i8, ptr @second, i32 4)
@same = alias [4 x i32], ptr @table
@again = internal alias [4 x i32], ptr @same
@function = alias i32 (i32), ptr @hide

define i32 @hide(i32 %x) {
  %y = call i32 asm "", "=r,0"(i32 %x)
  ret i32 %y
}

define i8 @kinds(i8 %q, double %d, ptr %p, i64 %w) {
  call void asm sideeffect "", "~{memory},~{$1}"()
  call void asm sideeffect "", ""()
  call void asm sideeffect "", "r,X,i,imr,~{memory}"(ptr %p, i64 %w, i32 7, i8 %q)
  %a = call i8 asm "# %0", "=r,0"(i8 %q)
  %e = call double asm "/* nothing */", "=f,0"(double %d)
  store double %e, ptr %p
  %b = call { i8, i1, ptr } asm "\0A", "=&r,=r,=r,0,1,2,~{memory}"(i8 %q, i1 true, ptr %p)
  %c = extractvalue { i8, i1, ptr } %b, 0
  %f = extractvalue { i8, i1, ptr } %b, 1
  %g = zext i1 %f to i8
  call void asm "", "=*m,*m"(ptr elementtype([3 x i32]) %p, ptr elementtype(i8) %p)
  %h = call i64 asm "", "=*rm,=r,0,1"(ptr elementtype(i64) %p, i64 %w, i64 %w)
  %i = call i32 asm "", "=r"()
  %s = add i8 %a, %c
  %r = add i8 %s, %g
  ret i8 %r
}

define i32 @names() {
  %a = load i32, ptr @second
  %b = load i32, ptr @third
  %c = load i32, ptr @again
  %d = call i32 @function(i32 %a)
  %e = add i32 %b, %c
  %f = add i32 %d, %e
  ret i32 %f
}

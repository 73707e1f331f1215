; SPDX-License-Identifier: GPL-2.0-only
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

declare void @c_struct(ptr sret([8 x i8]) align 4, i8 signext, ptr byval([3 x i8]) align 1)
declare i64 @variadic(i32, ...)

define void @crosses(ptr sret([8 x i8]) align 4 %out, ptr byval([3 x i8]) align 1 %s, i16 signext %x, ptr %f) {
  call void @c_struct(ptr sret([8 x i8]) align 4 %out, i8 signext -1, ptr byval([3 x i8]) align 1 %s)
  call void %f(ptr sret([8 x i8]) align 4 %out, ptr byval([3 x i8]) align 1 %s)
  %w = sext i16 %x to i32
  %v = call i64 (i32, ...) @variadic(i32 %w, i64 5)
  ret void
}

define void @inside(ptr %p, ptr %q) {
  call void @crosses(ptr sret([8 x i8]) align 4 %p, ptr byval([3 x i8]) align 1 %q, i16 signext -2, ptr null)
  ret void
}

declare void @variadic_struct(ptr sret([8 x i8]) align 4, i32, ...)

define void @unread() {
  call void (ptr, i32, ...) @variadic_struct(ptr sret([8 x i8]) align 4 poison, i32 1)
  ret void
}

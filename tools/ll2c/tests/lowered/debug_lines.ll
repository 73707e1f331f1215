; SPDX-License-Identifier: GPL-2.0-only
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

define i32 @f(i32 %x) !dbg !4 {
  %a = add i32 %x, 1, !dbg !6
  %b = mul i32 %a, 3, !dbg !6
  %c = sub i32 %b, 7, !dbg !8
  ret i32 %c, !dbg !7
}

!1 = !DIFile(filename: "src/lib.rs", directory: "/work dir")
!2 = !DIFile(filename: "/abs/inner.rs", directory: "/x")
!4 = distinct !DISubprogram(name: "f", scope: !1, file: !1, line: 10, spFlags: DISPFlagDefinition)
!5 = distinct !DISubprogram(name: "g", scope: !2, file: !2, line: 99)
!6 = !DILocation(line: 11, column: 5, scope: !4)
!7 = !DILocation(line: 12, column: 2, scope: !4)
!8 = !DILocation(line: 100, column: 9, scope: !5, inlinedAt: !7)

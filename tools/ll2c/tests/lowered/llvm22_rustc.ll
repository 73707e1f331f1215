; SPDX-License-Identifier: GPL-2.0-only
; What rustc 1.95 (LLVM 22) writes for a big-endian machine of 32 bits.
; ModuleID = 'nc.91e5faa282339651-cgu.0'
source_filename = "nc.91e5faa282339651-cgu.0"
target datalayout = "E-m:e-p:32:32-Fn32-i64:64-n32"
target triple = "powerpc-unknown-linux-gnu"

@alloc_344a116d1f561cf206eb40d99f1ad369 = private unnamed_addr constant [2 x i8] c"no", align 1
@alloc_6b15a41dcd6e726da939d369a7e5915d = private unnamed_addr constant [3 x i8] c"yes", align 1

; Function Attrs: mustprogress nofree norecurse nosync nounwind willreturn memory(argmem: read) uwtable
define noundef i32 @at(ptr noundef readonly captures(none) %p, i32 noundef %i) unnamed_addr #0 !dbg !6 {
start:
  %_3 = getelementptr inbounds nuw i32, ptr %p, i32 %i, !dbg !11
  %_0 = load i32, ptr %_3, align 4, !dbg !12, !noundef !10
  ret i32 %_0, !dbg !13
}

; Function Attrs: mustprogress nofree norecurse nosync nounwind willreturn memory(argmem: read) uwtable
define noundef i32 @hash(ptr noalias noundef readonly align 8 captures(none) dereferenceable(16) %p, i32 noundef %0) unnamed_addr #0 !dbg !14 {
start:
  %1 = getelementptr inbounds nuw i8, ptr %p, i32 8
  %_5 = load i8, ptr %1, align 8, !noundef !10
  %_4 = zext i8 %_5 to i32
  %2 = tail call i32 @llvm.bswap.i32(i32 %0), !dbg !15
  %3 = mul nuw nsw i32 %_4, 10, !dbg !20
  %4 = add i32 %2, %3, !dbg !20
  %5 = tail call i32 @llvm.bswap.i32(i32 %4), !dbg !21
  ret i32 %5, !dbg !22
}

; Function Attrs: mustprogress nofree norecurse nosync nounwind willreturn memory(none) uwtable
define { ptr, i32 } @name(i1 noundef zeroext %n) unnamed_addr #1 !dbg !23 {
start:
  %. = select i1 %n, i32 3, i32 2, !dbg !24
  %alloc_6b15a41dcd6e726da939d369a7e5915d.alloc_344a116d1f561cf206eb40d99f1ad369 = select i1 %n, ptr @alloc_6b15a41dcd6e726da939d369a7e5915d, ptr @alloc_344a116d1f561cf206eb40d99f1ad369, !dbg !24
  %0 = insertvalue { ptr, i32 } poison, ptr %alloc_6b15a41dcd6e726da939d369a7e5915d.alloc_344a116d1f561cf206eb40d99f1ad369, 0, !dbg !25
  %1 = insertvalue { ptr, i32 } %0, i32 %., 1, !dbg !25
  ret { ptr, i32 } %1, !dbg !25
}

; Function Attrs: mustprogress nofree norecurse nosync nounwind willreturn memory(argmem: write) uwtable
define void @pair(ptr dead_on_unwind noalias noundef writable writeonly sret([16 x i8]) align 8 captures(none) dereferenceable(16) initializes((0, 9)) %_0, i64 noundef %n) unnamed_addr #2 !dbg !26 {
start:
  %0 = tail call { i64, i1 } @llvm.umul.with.overflow.i64(i64 %n, i64 10), !dbg !27
  %1 = extractvalue { i64, i1 } %0, 0, !dbg !27
  %2 = extractvalue { i64, i1 } %0, 1, !dbg !27
  store i64 %1, ptr %_0, align 8, !dbg !27
  %3 = getelementptr inbounds nuw i8, ptr %_0, i32 8, !dbg !27
  %4 = zext i1 %2 to i8, !dbg !27
  store i8 %4, ptr %3, align 8, !dbg !27
  ret void, !dbg !28
}

; Function Attrs: mustprogress nofree norecurse nosync nounwind willreturn memory(none) uwtable
define noundef range(i32 -2147482648, -2147483648) i32 @pick(i32 noundef %n) unnamed_addr #1 !dbg !29 {
start:
  switch i32 %n, label %bb1 [
    i32 1, label %bb5
    i32 2, label %bb3
    i32 7, label %bb2
  ], !dbg !30

bb1:                                              ; preds = %start
  %0 = tail call i32 @llvm.sadd.sat.i32(i32 %n, i32 1000), !dbg !31
  br label %bb5, !dbg !31

bb3:                                              ; preds = %start
  br label %bb5, !dbg !34

bb2:                                              ; preds = %start
  br label %bb5, !dbg !35

bb5:                                              ; preds = %start, %bb1, %bb2, %bb3
  %_0.sroa.0.0 = phi i32 [ %0, %bb1 ], [ 30, %bb2 ], [ 20, %bb3 ], [ 10, %start ], !dbg !36
  ret i32 %_0.sroa.0.0, !dbg !37
}

; Function Attrs: mustprogress nocallback nocreateundeforpoison nofree nosync nounwind speculatable willreturn memory(none)
declare i32 @llvm.bswap.i32(i32) #3

; Function Attrs: mustprogress nocallback nocreateundeforpoison nofree nosync nounwind speculatable willreturn memory(none)
declare { i64, i1 } @llvm.umul.with.overflow.i64(i64, i64) #3

; Function Attrs: mustprogress nocallback nocreateundeforpoison nofree nosync nounwind speculatable willreturn memory(none)
declare i32 @llvm.sadd.sat.i32(i32, i32) #3

attributes #0 = { mustprogress nofree norecurse nosync nounwind willreturn memory(argmem: read) uwtable "probe-stack"="inline-asm" "target-cpu"="generic" "target-features"="+secure-plt" }
attributes #1 = { mustprogress nofree norecurse nosync nounwind willreturn memory(none) uwtable "probe-stack"="inline-asm" "target-cpu"="generic" "target-features"="+secure-plt" }
attributes #2 = { mustprogress nofree norecurse nosync nounwind willreturn memory(argmem: write) uwtable "probe-stack"="inline-asm" "target-cpu"="generic" "target-features"="+secure-plt" }
attributes #3 = { mustprogress nocallback nocreateundeforpoison nofree nosync nounwind speculatable willreturn memory(none) }

!llvm.module.flags = !{!0, !1, !2}
!llvm.ident = !{!3}
!llvm.dbg.cu = !{!4}

!0 = !{i32 8, !"PIC Level", i32 2}
!1 = !{i32 7, !"Dwarf Version", i32 4}
!2 = !{i32 2, !"Debug Info Version", i32 3}
!3 = !{!"rustc version 1.95.0 (59807616e 2026-04-14)"}
!4 = distinct !DICompileUnit(language: DW_LANG_Rust, file: !5, producer: "clang LLVM (rustc version 1.95.0 (59807616e 2026-04-14))", isOptimized: true, runtimeVersion: 0, emissionKind: FullDebug, splitDebugInlining: false, nameTableKind: None)
!5 = !DIFile(filename: "nc.rs/@/nc.91e5faa282339651-cgu.0", directory: "/src")
!6 = distinct !DISubprogram(name: "at", scope: !8, file: !7, line: 32, type: !9, scopeLine: 32, flags: DIFlagPrototyped, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !4, templateParams: !10)
!7 = !DIFile(filename: "nc.rs", directory: "/src", checksumkind: CSK_MD5, checksum: "99f99971be7df450558b67736585baae")
!8 = !DINamespace(name: "nc", scope: null)
!9 = !DISubroutineType(types: !10)
!10 = !{}
!11 = !DILocation(line: 32, column: 66, scope: !6)
!12 = !DILocation(line: 32, column: 65, scope: !6)
!13 = !DILocation(line: 32, column: 80, scope: !6)
!14 = distinct !DISubprogram(name: "hash", scope: !8, file: !7, line: 22, type: !9, scopeLine: 22, flags: DIFlagPrototyped, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !4, templateParams: !10)
!15 = !DILocation(line: 21, column: 56, scope: !16, inlinedAt: !17)
!16 = distinct !DISubprogram(name: "mix", linkageName: "_RNvCscwC2nPQg6Bx_2nc3mix", scope: !8, file: !7, line: 21, type: !9, scopeLine: 21, flags: DIFlagPrototyped, spFlags: DISPFlagLocalToUnit | DISPFlagDefinition | DISPFlagOptimized, unit: !4, templateParams: !10)
!17 = !DILocation(line: 26, column: 13, scope: !18)
!18 = distinct !DILexicalBlock(scope: !19, file: !7, line: 23, column: 23)
!19 = distinct !DILexicalBlock(scope: !14, file: !7, line: 23, column: 5)
!20 = !DILocation(line: 25, column: 9, scope: !18)
!21 = !DILocation(line: 27, column: 13, scope: !18)
!22 = !DILocation(line: 30, column: 2, scope: !14)
!23 = distinct !DISubprogram(name: "name", scope: !8, file: !7, line: 35, type: !9, scopeLine: 35, flags: DIFlagPrototyped, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !4, templateParams: !10)
!24 = !DILocation(line: 35, scope: !23)
!25 = !DILocation(line: 35, column: 95, scope: !23)
!26 = distinct !DISubprogram(name: "pair", scope: !8, file: !7, line: 31, type: !9, scopeLine: 31, flags: DIFlagPrototyped, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !4, templateParams: !10)
!27 = !DILocation(line: 31, column: 51, scope: !26)
!28 = !DILocation(line: 31, column: 77, scope: !26)
!29 = distinct !DISubprogram(name: "pick", scope: !8, file: !7, line: 33, type: !9, scopeLine: 33, flags: DIFlagPrototyped, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !4, templateParams: !10)
!30 = !DILocation(line: 33, column: 43, scope: !29)
!31 = !DILocation(line: 34, column: 34, scope: !32, inlinedAt: !33)
!32 = distinct !DISubprogram(name: "saturating_i", linkageName: "_RNvCscwC2nPQg6Bx_2nc12saturating_i", scope: !8, file: !7, line: 34, type: !9, scopeLine: 34, flags: DIFlagPrototyped, spFlags: DISPFlagLocalToUnit | DISPFlagDefinition | DISPFlagOptimized, unit: !4, templateParams: !10)
!33 = !DILocation(line: 33, column: 85, scope: !29)
!34 = !DILocation(line: 33, column: 67, scope: !29)
!35 = !DILocation(line: 33, column: 76, scope: !29)
!36 = !DILocation(line: 33, scope: !29)
!37 = !DILocation(line: 33, column: 104, scope: !29)

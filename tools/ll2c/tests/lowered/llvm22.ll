; SPDX-License-Identifier: GPL-2.0-only
; What LLVM 20 to 22 added to the syntax.
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

@table = constant [2 x ptr] [ptr getelementptr inbounds nuw (i8, ptr @table, i32 4), ptr getelementptr nusw inrange(-4, 4) (i8, ptr @table, i32 4)]

declare void @llvm.lifetime.start.p0(ptr captures(none))
declare void @llvm.assume(i1 noundef)
declare nofpclass(nan) float @float(float nofpclass(nan inf))

define range(i32 0, 10) i32 @newer(ptr noundef captures(address, read_provenance) dead_on_return(8) %p, i32 %x) #0 {
  %s = alloca i32, align 4
    #dbg_declare(ptr %s, !1, !DIExpression(DW_OP_deref), !2)
  call void @llvm.lifetime.start.p0(ptr %s)
    #dbg_value(ptr %p, !1, !DIExpression(), !2)
    #dbg_value(!DIArgList(i32 %x, i32 0), !1, !DIExpression(DW_OP_LLVM_arg, 0), !2)
    #dbg_label(!1, !2)
  %a = ptrtoaddr ptr %p to i32
  %c = icmp samesign ult i32 %x, %a
  call void @llvm.assume(i1 %c) [ "align"(ptr %p, i32 4), "nonnull"(ptr %p) ]
  %t = trunc nuw nsw i32 %x to i1
  %g = getelementptr nuw i8, ptr %p, i32 4
  %h = getelementptr inbounds nuw i8, ptr %p, i32 %x
  %d = or disjoint i32 %x, 256
  %z = zext nneg i32 %x to i64
  %f = uitofp nneg i32 %x to float
  %e = call fast nofpclass(nan) float @float(float nofpclass(nan inf) %f) #1
  %w = fptoui float %e to i32
  %y = load i32, ptr %h, align 4, !noundef !1, !nofree !1, !align !2
  %k = trunc i64 %z to i32
  %v = add nuw nsw i32 %k, %y
  %u = xor i32 %v, %w
  %b = select i1 %t, i32 %u, i32 1, !prof !1, !unpredictable !1
  %q = load i32, ptr %g, align 4
  %m = add i32 %q, %b
  %r = select i1 %c, i32 %d, i32 %m
  ret i32 %r
}

define void @out(ptr dead_on_unwind noalias noundef writable sret([8 x i8]) align 4 captures(none) initializes((0, 4), (4, 8)) dereferenceable(8) %r) {
  call void @llvm.memset.p0.i32(ptr align 4 captures(none) %r, i8 0, i32 8, i1 false)
  ret void
}

declare void @llvm.memset.p0.i32(ptr writeonly captures(none) initializes((0, 8)), i8, i32, i1 immarg)

attributes #0 = { mustprogress nofree norecurse nosync nounwind willreturn memory(argmem: none, inaccessiblemem: write, target_mem0: none) "target-cpu"="mips32r2" }
attributes #1 = { nocreateundeforpoison memory(none) }
!1 = !{}
!2 = !{i64 4}

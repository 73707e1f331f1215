; SPDX-License-Identifier: GPL-2.0-only
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

declare void @llvm.lifetime.start.p0(ptr captures(none))

define range(i32 0, 10) i32 @newer(ptr noundef captures(address, read_provenance) dead_on_return %p, i32 %x) #0 {
  %s = alloca i32, align 4
  call void @llvm.lifetime.start.p0(ptr %s)
    #dbg_value(ptr %p, !1, !DIExpression(), !2)
  %a = ptrtoaddr ptr %p to i32
  %c = icmp samesign ult i32 %x, %a
  %t = trunc nuw i32 %x to i1
  %g = getelementptr nuw i8, ptr %p, i32 4
  %d = or disjoint i32 %x, 256
  %r = select i1 %c, i32 %d, i32 0
  ret i32 %r
}

attributes #0 = { mustprogress nofree norecurse nosync nounwind willreturn memory(argmem: none, inaccessiblemem: write, target_mem0: none) "target-cpu"="mips32r2" }
!1 = !{}
!2 = !{}

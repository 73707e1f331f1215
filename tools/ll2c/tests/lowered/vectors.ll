; Vectors: what is done to all elements is a loop, the rest is as for structs.
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

@v = global { i8, <3 x i16> } { i8 1, <3 x i16> <i16 2, i16 3, i16 4> }
@splat = constant <4 x i32> splat (i32 7)

declare <4 x i32> @llvm.umin.v4i32(<4 x i32>, <4 x i32>)
declare i32 @llvm.vector.reduce.add.v4i32(<4 x i32>)

define <4 x i32> @elements(<4 x i32> %a, <4 x i32> %b) {
  %s = add <4 x i32> %a, <i32 1, i32 2, i32 3, i32 4>
  %c = icmp slt <4 x i32> %s, %b
  %x = sext <4 x i1> %c to <4 x i32>
  %m = call <4 x i32> @llvm.umin.v4i32(<4 x i32> %x, <4 x i32> splat (i32 9))
  %r = select <4 x i1> %c, <4 x i32> %m, <4 x i32> zeroinitializer
  ret <4 x i32> %r
}

define i32 @moves(ptr %p, i32 %n, i32 %k) {
  %v = load <4 x i32>, ptr %p, align 4
  %i = insertelement <4 x i32> %v, i32 %k, i32 %n
  %s = shufflevector <4 x i32> %i, <4 x i32> %v, <4 x i32> <i32 7, i32 0, i32 poison, i32 3>
  %z = shufflevector <4 x i32> %s, <4 x i32> poison, <4 x i32> zeroinitializer
  store <4 x i32> %z, ptr %p, align 16
  %e = extractelement <4 x i32> %s, i32 1
  %t = call i32 @llvm.vector.reduce.add.v4i32(<4 x i32> %i)
  %r = xor i32 %e, %t
  ret i32 %r
}

define i16 @bits(<4 x i8> %a, i16 %n) {
  %w = bitcast <4 x i8> %a to <2 x i16>
  %x = extractelement <2 x i16> %w, i64 0
  %b = bitcast i16 %n to <16 x i1>
  %r = shufflevector <16 x i1> %b, <16 x i1> poison, <16 x i32> <i32 15, i32 14, i32 13, i32 12, i32 11, i32 10, i32 9, i32 8, i32 7, i32 6, i32 5, i32 4, i32 3, i32 2, i32 1, i32 0>
  %y = bitcast <16 x i1> %r to i16
  %z = add i16 %x, %y
  ret i16 %z
}

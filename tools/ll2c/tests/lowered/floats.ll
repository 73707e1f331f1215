; Floating point beyond arithmetic: i128, classes, extremes, what libm and GCC have.
target datalayout = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64"

declare i1 @llvm.is.fpclass.f64(double, i32)
declare i1 @llvm.is.fpclass.f32(float, i32)
declare double @llvm.powi.f64.i32(double, i32)
declare float @llvm.powi.f32.i32(float, i32)
declare i32 @llvm.lrint.i32.f64(double)
declare i64 @llvm.lrint.i64.f64(double)
declare i64 @llvm.llround.i64.f32(float)
declare double @llvm.canonicalize.f64(double)
declare double @llvm.minimum.f64(double, double)
declare float @llvm.maximumnum.f32(float, float)
declare { double, i32 } @llvm.frexp.f64.i32(double)
declare i128 @llvm.fptosi.sat.i128.f64(double)
declare i100 @llvm.fptoui.sat.i100.f32(float)
declare i32 @llvm.objectsize.i32.p0(ptr, i1, i1, i1)
declare double @llvm.tan.f64(double)

define i128 @wide(i128 %a, i100 %b, double %d, float %f) {
  %w = uitofp i128 %a to double
  %x = sitofp i100 %b to float
  %y = fptoui double %d to i128
  %z = fptosi float %f to i100
  %s = call i128 @llvm.fptosi.sat.i128.f64(double %w)
  %t = call i100 @llvm.fptoui.sat.i100.f32(float %x)
  %zz = zext i100 %z to i128
  %tt = zext i100 %t to i128
  %r1 = xor i128 %y, %zz
  %r2 = xor i128 %s, %tt
  %r = xor i128 %r1, %r2
  ret i128 %r
}

define double @calls(double %d, float %f, ptr %p) {
  %a = call i1 @llvm.is.fpclass.f64(double %d, i32 264)
  %b = call i1 @llvm.is.fpclass.f32(float %f, i32 3)
  %c = call double @llvm.powi.f64.i32(double %d, i32 -3)
  %e = call i32 @llvm.lrint.i32.f64(double %d)
  %g = call i64 @llvm.lrint.i64.f64(double %d)
  %h = call i64 @llvm.llround.i64.f32(float %f)
  %i = call double @llvm.canonicalize.f64(double %c)
  %j = call double @llvm.minimum.f64(double %i, double %d)
  %k = call float @llvm.maximumnum.f32(float %f, float 1.0)
  %l = call { double, i32 } @llvm.frexp.f64.i32(double %j)
  %m = extractvalue { double, i32 } %l, 1
  %n = call i32 @llvm.objectsize.i32.p0(ptr %p, i1 true, i1 true, i1 false)
  %o = call i32 @llvm.objectsize.i32.p0(ptr %p, i1 false, i1 true, i1 false)
  %q = call double @llvm.tan.f64(double %j)
  store i1 %a, ptr %p
  store i1 %b, ptr %p
  store i32 %e, ptr %p
  store i64 %g, ptr %p
  store i64 %h, ptr %p
  store float %k, ptr %p
  store i32 %m, ptr %p
  store i32 %n, ptr %p
  store i32 %o, ptr %p
  ret double %q
}

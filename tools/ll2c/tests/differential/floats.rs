// SPDX-License-Identifier: GPL-2.0-only
//! Floating point beyond arithmetic: i128, kinds of numbers, extremes, what libm and libgcc compute.

use crate::ops::{Suite, put};

/// All but what this processor, or libm and libgcc for it, keep with the exponent of an 80-bit number until it is stored.
pub fn of_a_68040(s: &mut Suite) {
    s.left_out = &[
        "fmul_32",
        "fdiv_32",
        "mul_",
        "fpext_fptrunc",
        "fma_",
        "ldexp_",
        "powi_",
        "sqrt_32",
        "uitofp_65",
        "uitofp_80",
        "uitofp_100",
        "uitofp_127",
        "uitofp_128",
        "sitofp_65",
        "sitofp_80",
        "sitofp_100",
        "sitofp_127",
        "sitofp_128",
    ];
    crate::ops::floats(s);
    build(s);
}

pub fn build(s: &mut Suite) {
    for (w, ty, f) in [(32u32, "float", "f32"), (64, "double", "f64")] {
        let one = format!("  %x = bitcast i{w} %a to {ty}\n");
        let two = format!("{one}  %y = bitcast i{w} %b to {ty}\n");
        // Which NaN comes out, no one says.
        let store = format!(
            "  %nan = fcmp uno {ty} %r, %r\n  %bits = bitcast {ty} %r to i{w}\n  %res = select i1 %nan, i{w} 1234, i{w} %bits\n{}",
            put(w, "%res", 0)
        );
        for to in [65u32, 80, 100, 127, 128] {
            for op in ["uitofp", "sitofp"] {
                s.function(
                    &format!("{op}_{to}_{w}"),
                    [to, 0, 0],
                    &format!("  %r = {op} i{to} %a to {ty}\n{store}"),
                );
            }
            for op in ["fptoui", "fptosi"] {
                s.declared
                    .insert(format!("declare i{to} @llvm.{op}.sat.i{to}.{f}({ty})"));
                let body = format!(
                    "{one}  %r = call i{to} @llvm.{op}.sat.i{to}.{f}({ty} %x)\n{}",
                    put(to, "%r", 0)
                );
                s.function(&format!("{op}_sat_{w}_{to}"), [w, 0, 0], &body);
                // What is out of range is poison: only what is in it counts.
                let least = if op == "fptoui" { "-1.0" } else { "-9.0e18" };
                let body = format!(
                    "{one}  %lo = fcmp ogt {ty} %x, {}\n  %hi = fcmp olt {ty} %x, {}\n  %ok = and i1 %lo, %hi\n  \
                     %in = select i1 %ok, {ty} %x, {ty} 7.0\n  %r = {op} {ty} %in to i{to}\n{}",
                    float(w, least.parse().unwrap_or(0.0)),
                    float(w, 1.5e19),
                    put(to, "%r", 0)
                );
                s.function(&format!("{op}_{w}_{to}"), [w, 0, 0], &body);
            }
        }
        s.declared
            .insert(format!("declare i1 @llvm.is.fpclass.{f}({ty}, i32)"));
        // Each kind by itself, and some together.
        for mask in (0..10).map(|n| 1 << n).chain([0, 3, 264, 504, 1023]) {
            let body = format!(
                "{one}  %r = call i1 @llvm.is.fpclass.{f}({ty} %x, i32 {mask})\n{}",
                put(1, "%r", 0)
            );
            s.function(&format!("is_fpclass_{mask}_{w}"), [w, 0, 0], &body);
        }
        for op in ["minimum", "maximum"] {
            s.declared
                .insert(format!("declare {ty} @llvm.{op}.{f}({ty}, {ty})"));
            // LLVM 19 has no code for it on mips either.
            let (less, bits) = if op == "minimum" {
                ("olt", "or")
            } else {
                ("ogt", "and")
            };
            s.ir += &format!(
                "define {ty} @ref_{op}_{w}({ty} %x, {ty} %y) {{\n  %n = fcmp uno {ty} %x, %y\n  %s = fadd {ty} %x, %y\n  \
                 %l = fcmp {less} {ty} %x, %y\n  %m = select i1 %l, {ty} %x, {ty} %y\n  %e = fcmp oeq {ty} %x, %y\n  \
                 %bx = bitcast {ty} %x to i{w}\n  %by = bitcast {ty} %y to i{w}\n  %b = {bits} i{w} %bx, %by\n  %z = bitcast i{w} %b to {ty}\n  \
                 %o = select i1 %e, {ty} %z, {ty} %m\n  %r = select i1 %n, {ty} %s, {ty} %o\n  ret {ty} %r\n}}\n"
            );
            let call = format!("call {ty} @llvm.{op}.{f}({ty} %x, {ty} %y)");
            s.known_wrong(&call, &format!("call {ty} @ref_{op}_{w}({ty} %x, {ty} %y)"));
            let body = format!("{two}  %r = {call}\n{store}");
            s.function(&format!("{op}_{w}"), [w, w, 0], &body);
        }
        s.declared
            .insert(format!("declare {ty} @llvm.canonicalize.{f}({ty})"));
        s.declared
            .insert(format!("declare {ty} @llvm.powi.{f}.i32({ty}, i32)"));
        s.declared
            .insert(format!("declare {ty} @llvm.ldexp.{f}.i32({ty}, i32)"));
        s.declared
            .insert(format!("declare {{ {ty}, i32 }} @llvm.frexp.{f}.i32({ty})"));
        s.declared
            .insert(format!("declare {ty} @llvm.fma.{f}({ty}, {ty}, {ty})"));
        // LLVM has no code for it on mips; of what is a number, it changes nothing.
        s.known_wrong(
            &format!("call {ty} @llvm.canonicalize.{f}({ty} %x)"),
            &format!("fmul {ty} %x, 1.0"),
        );
        s.function(
            &format!("canonicalize_{w}"),
            [w, 0, 0],
            &format!("{one}  %r = call {ty} @llvm.canonicalize.{f}({ty} %x)\n{store}"),
        );
        for n in [-3, 0, 1, 2, 5] {
            let body =
                format!("{one}  %r = call {ty} @llvm.powi.{f}.i32({ty} %x, i32 {n})\n{store}");
            s.function(&format!("powi_{}_{w}", n + 3), [w, 0, 0], &body);
        }
        let body = format!(
            "{one}  %n = ashr i32 %b, 22\n  %r = call {ty} @llvm.ldexp.{f}.i32({ty} %x, i32 %n)\n{store}"
        );
        s.function(&format!("ldexp_{w}"), [w, 32, 0], &body);
        let body = format!(
            "{two}  %z = bitcast i{w} %c to {ty}\n  %r = call {ty} @llvm.fma.{f}({ty} %x, {ty} %y, {ty} %z)\n{store}"
        );
        s.function(&format!("fma_{w}"), [w, w, w], &body);
        // Of what is not finite, the exponent is anybody's.
        let body = format!(
            "{one}  %d = fsub {ty} %x, %x\n  %ok = fcmp oeq {ty} %d, 0.0\n  %in = select i1 %ok, {ty} %x, {ty} 3.0\n  \
             %s = call {{ {ty}, i32 }} @llvm.frexp.{f}.i32({ty} %in)\n  %r = extractvalue {{ {ty}, i32 }} %s, 0\n  \
             %e = extractvalue {{ {ty}, i32 }} %s, 1\n{store}{}",
            put(32, "%e", 16)
        );
        s.function(&format!("frexp_{w}"), [w, 0, 0], &body);
        for (op, to) in [
            ("lrint", 32u32),
            ("lrint", 64),
            ("llrint", 64),
            ("lround", 32),
            ("lround", 64),
            ("llround", 64),
        ] {
            // On mips `long` has 32 bits, and LLVM calls lrint() for 64 bits as well.
            let reference = if to == 64 && !op.starts_with("ll") {
                format!("l{op}")
            } else {
                op.to_owned()
            };
            s.declared
                .insert(format!("declare i{to} @llvm.{op}.i{to}.{f}({ty})"));
            s.declared
                .insert(format!("declare i{to} @llvm.{reference}.i{to}.{f}({ty})"));
            let call = format!("call i{to} @llvm.{op}.i{to}.{f}({ty} %in)");
            if reference != op {
                s.known_wrong(
                    &call,
                    &format!("call i{to} @llvm.{reference}.i{to}.{f}({ty} %in)"),
                );
            }
            let body = format!(
                "{one}  %lo = fcmp ogt {ty} %x, {}\n  %hi = fcmp olt {ty} %x, {}\n  %ok = and i1 %lo, %hi\n  \
                 %in = select i1 %ok, {ty} %x, {ty} 2.5\n  %r = {call}\n{}",
                float(w, -2.0e9),
                float(w, 2.0e9),
                put(to, "%r", 0)
            );
            s.function(&format!("{op}_{to}_{w}"), [w, 0, 0], &body);
        }
    }
}

/// A number as IR writes it for a type of `w` bits.
fn float(w: u32, x: f64) -> String {
    let x = if w == 32 { f64::from(x as f32) } else { x };
    format!("0x{:016X}", x.to_bits())
}

// SPDX-License-Identifier: GPL-2.0-only
//! Vectors: each instruction and intrinsic that takes them, on elements of several widths and on several numbers of elements.

use crate::ops::{Suite, put};
use std::fmt::Write;

/// Bits of an element, number of elements.
const SHAPES: &[(u32, u32)] = &[
    (8, 16),
    (16, 8),
    (32, 4),
    (64, 2),
    (8, 4),
    (32, 2),
    (16, 3),
    (8, 3),
    (64, 1),
    (1, 8),
    // Not 13 of them: LLVM's constants put the first one highest there too, its code for mips does not.
    (1, 16),
];

/// A vector constant.
fn list(w: u32, n: u32, element: impl Fn(u32) -> String) -> String {
    let list: Vec<String> = (0..n).map(|i| format!("i{w} {}", element(i))).collect();
    format!("<{}>", list.join(", "))
}

/// Adds a function of the vectors `%x` and `%y` with the bits of the operands; `V`, `W`, `N` in `body` are the vector type, an
/// element's width, the number of elements. It gives `%r`, an integer of so many bits.
fn function(s: &mut Suite, name: &str, (w, n): (u32, u32), bits: u32, body: &str) {
    let all = w * n;
    let mut text = String::new();
    for (from, to) in [("a", "x"), ("b", "y")] {
        let _ = writeln!(text, "  %{to} = bitcast i{all} %{from} to <{n} x i{w}>");
    }
    text += &body
        .replace('V', &format!("<{n} x i{w}>"))
        .replace('W', &w.to_string())
        .replace('N', &n.to_string());
    text += &put(bits, "%r", 0);
    // With a third operand the driver takes fewer of the first two.
    let third = if body.contains("%c") { 32 } else { 0 };
    s.function(&format!("{name}_{n}_{w}"), [all, all, third], &text);
}

pub fn build(s: &mut Suite) {
    for &(w, n) in SHAPES {
        operations(s, (w, n));
        moves(s, (w, n));
        memory(s, (w, n));
    }
    for &(w, n) in SHAPES.iter().filter(|(w, _)| *w > 1) {
        intrinsics(s, (w, n));
    }
    for (float, w, n) in [
        ("float", 32, 4),
        ("double", 64, 2),
        ("float", 32, 3),
        ("float", 32, 1),
        ("double", 64, 1),
    ] {
        floats(s, float, (w, n));
    }
}

fn operations(s: &mut Suite, shape @ (w, n): (u32, u32)) {
    let all = w * n;
    let done = format!("  %r = bitcast V %q to i{all}\n");
    for op in ["add", "sub", "mul", "and", "or", "xor"] {
        function(s, op, shape, all, &format!("  %q = {op} V %x, %y\n{done}"));
    }
    let one = list(w, n, |_| if w == 1 { "true".into() } else { "1".into() });
    // No division by nothing, none that overflows.
    let divisor = if w == 1 {
        format!("  %d = or V %y, {one}\n")
    } else {
        format!("  %h = lshr V %y, {one}\n  %d = or V %h, {one}\n")
    };
    let divisions: &[&str] = if w == 1 {
        &["udiv", "urem"]
    } else {
        &["udiv", "urem", "sdiv", "srem"]
    };
    for op in divisions {
        let body = format!("{divisor}  %q = {op} V %x, %d\n{done}");
        function(s, op, shape, all, &body);
    }
    if w > 1 {
        let most = list(w, n, |_| (w - 1).to_string());
        for op in ["shl", "lshr", "ashr"] {
            let body = format!("  %m = and V %y, {most}\n  %q = {op} V %x, %m\n{done}");
            function(s, op, shape, all, &body);
        }
    }
    // What a comparison gives, as bits, as elements and as a choice.
    for pred in ["eq", "ult", "uge", "slt", "sgt"] {
        let body = format!("  %t = icmp {pred} V %x, %y\n  %r = bitcast <N x i1> %t to iN\n");
        function(s, &format!("icmp_{pred}"), shape, n, &body);
        let body = format!(
            "  %t = icmp {pred} V %x, %y\n  %q = select <N x i1> %t, V %y, V {}\n{done}",
            list(w, n, |i| if w == 1 {
                (i % 2 == 0).to_string()
            } else {
                (i + 1).to_string()
            })
        );
        function(s, &format!("select_{pred}"), shape, all, &body);
    }
    let body = format!("  %t = trunc i32 %c to i1\n  %q = select i1 %t, V %x, V %y\n{done}");
    function(s, "select_whole", shape, all, &body);
    // Widths of elements.
    if n * 16 <= 128 && w < 16 {
        for op in ["zext", "sext"] {
            let bits = n * 16;
            let body =
                format!("  %q = {op} V %x to <N x i16>\n  %r = bitcast <N x i16> %q to i{bits}\n");
            function(s, op, shape, bits, &body);
        }
    }
    if w > 8 {
        let bits = n * 8;
        let body =
            format!("  %q = trunc V %x to <N x i8>\n  %r = bitcast <N x i8> %q to i{bits}\n");
        function(s, "trunc", shape, bits, &body);
        let body = "  %q = trunc V %x to <N x i1>\n  %r = bitcast <N x i1> %q to iN\n";
        function(s, "truth", shape, n, body);
    }
    // Undefined elements and vectors, of which nothing is asked but that they have no more bits than their type.
    let undefined = list(w, n, |i| ["undef", "poison"][i as usize % 2].into());
    let body = format!(
        "  %u = freeze V {undefined}\n  %v = or V %u, {}\n  %q = and V %v, %x\n{done}",
        list(w, n, |_| if w == 1 { "true".into() } else { "-1".into() })
    );
    function(s, "undefined", shape, all, &body);
}

fn moves(s: &mut Suite, shape @ (w, n): (u32, u32)) {
    let all = w * n;
    let done = format!("  %r = bitcast V %q to i{all}\n");
    for i in (0..n).step_by((n as usize - 1).max(1)) {
        let body = format!("  %r = extractelement V %x, i32 {i}\n");
        function(s, &format!("extract{i}"), shape, w, &body);
        let body = format!(
            "  %e = extractelement V %y, i64 {}\n  %q = insertelement V %x, iW %e, i32 {i}\n{done}",
            n / 2
        );
        function(s, &format!("insert{i}"), shape, all, &body);
    }
    let at = "  %i = urem i32 %c, N\n";
    let body = format!("{at}  %r = extractelement V %x, i32 %i\n");
    function(s, "extract", shape, w, &body);
    let body = format!(
        "{at}  %e = extractelement V %y, i32 0\n  %q = insertelement V %x, iW %e, i32 %i\n{done}"
    );
    function(s, "insert", shape, all, &body);
    // From nothing, element by element.
    let mut body = String::from("  %v0 = insertelement V poison, iW 0, i32 0\n");
    for i in 0..n {
        let _ = writeln!(
            body,
            "  %e{i} = extractelement V %y, i32 {}\n  %v{} = insertelement V %v{i}, iW %e{i}, i32 {i}",
            n - 1 - i,
            i + 1
        );
    }
    let body = format!("{body}  %q = xor V %v{n}, %x\n{done}");
    function(s, "made", shape, all, &body);
    for name in ["reverse", "first", "second", "mixed"] {
        let mask = list(32, n, |i| {
            let at = match name {
                "reverse" => n - 1 - i,
                "first" => 0,
                "second" => 2 * n - 1,
                _ if i % 2 == 0 => i,
                _ => n + i,
            };
            at.to_string()
        });
        let body = format!("  %q = shufflevector V %x, V %y, <N x i32> {mask}\n{done}");
        function(s, &format!("shuffle_{name}"), shape, all, &body);
    }
    let body = format!("  %q = shufflevector V %y, V poison, <N x i32> zeroinitializer\n{done}");
    function(s, "shuffle_zero", shape, all, &body);
    // Another number of elements, some of which nobody asks for.
    let body = "  %h = shufflevector V %x, V %y, <4 x i32> <i32 0, i32 undef, i32 1, i32 poison>\n  \
                %q = shufflevector <4 x iW> %h, <4 x iW> poison, <2 x i32> <i32 2, i32 0>\n  %f = extractelement <2 x iW> %q, i32 0\n  \
                %g = extractelement <2 x iW> %q, i32 1\n  %r = xor iW %f, %g\n";
    function(s, "resized", shape, w, body);
    // Through a call, a phi, a struct.
    let (t, name) = (format!("<{n} x i{w}>"), format!("{n}_{w}"));
    let _ = writeln!(
        s.ir,
        "define {t} @swap_{name}(i1 %c, {t} %x, {t} %y) noinline {{\n  br i1 %c, label %one, label %two\none:\n  br label %end\ntwo:\n  br label %end\n\
         end:\n  %p = phi {t} [ %x, %one ], [ %y, %two ]\n  %q = phi {t} [ zeroinitializer, %one ], [ %x, %two ]\n  %r = sub {t} %p, %q\n  ret {t} %r\n}}"
    );
    let body =
        format!("  %t = trunc i32 %c to i1\n  %q = call V @swap_{name}(i1 %t, V %x, V %y)\n{done}");
    function(s, "call", shape, all, &body);
    if w > 1 {
        let body = format!(
            "  %p = insertvalue {{ i8, V }} undef, V %y, 1\n  %q = extractvalue {{ i8, V }} %p, 1\n{done}"
        );
        function(s, "member", shape, all, &body);
    }
    // Other elements of the same bits.
    for (width, count) in [(8, all / 8), (16, all / 16), (32, all / 32)] {
        if width * count == all && w > 1 {
            let body = format!(
                "  %o = bitcast V %x to <{count} x i{width}>\n  %z = add <{count} x i{width}> %o, %o\n  %q = bitcast <{count} x i{width}> %z to V\n{done}"
            );
            function(s, &format!("recast_{width}"), shape, all, &body);
        }
    }
}

fn memory(s: &mut Suite, shape @ (w, n): (u32, u32)) {
    if w == 1 {
        return;
    }
    let all = w * n;
    let done = format!("  %r = bitcast V %q to i{all}\n");
    // What is behind the last element stays.
    let body = "  %m = alloca [64 x i8], align 16\n  call void @llvm.memset.p0.i32(ptr %m, i8 85, i32 33, i1 false)\n  store V %x, ptr %m\n  \
                %e = getelementptr iW, ptr %m, i32 N\n  %f = load i8, ptr %e\n  %g = getelementptr { V, i8 }, ptr %m, i32 0, i32 1\n  %h = load i8, ptr %g\n  \
                %r = add i8 %f, %h\n";
    if n > 1 {
        function(s, "behind", shape, 8, body);
    }
    s.declared
        .insert("declare void @llvm.memset.p0.i32(ptr, i8, i32, i1)".into());
    let body = format!(
        "  %m = alloca [3 x i128]\n  %p = getelementptr i8, ptr %m, i32 1\n  store V %x, ptr %p, align 1\n  %q = load V, ptr %p, align 1\n{done}"
    );
    function(s, "unaligned", shape, all, &body);
    let name = format!("{n}_{w}");
    let _ = writeln!(
        s.ir,
        "@vectors_{name} = internal global {{ i8, <{n} x i{w}>, i8 }} {{ i8 1, <{n} x i{w}> {}, i8 2 }}\n\
         @zeros_{name} = internal constant [2 x <{n} x i{w}>] [<{n} x i{w}> zeroinitializer, <{n} x i{w}> {}]",
        list(w, n, |i| (i + 3).to_string()),
        list(w, n, |i| (i as i32 - 2).to_string())
    );
    let body = format!(
        "  %g = load V, ptr getelementptr ({{ i8, V, i8 }}, ptr @vectors_{name}, i32 0, i32 1)\n  \
         %h = load V, ptr getelementptr ([2 x V], ptr @zeros_{name}, i32 0, i32 1)\n  %k = xor V %g, %h\n  %q = xor V %k, %x\n{done}"
    );
    function(s, "global", shape, all, &body);
    let body = format!(
        "  %e = getelementptr {{ i8, V, i8 }}, ptr @vectors_{name}, i32 0, i32 2\n  %r = load i8, ptr %e\n"
    );
    function(s, "after", shape, 8, &body);
}

fn intrinsics(s: &mut Suite, shape @ (w, n): (u32, u32)) {
    let all = w * n;
    let done = format!("  %r = bitcast V %q to i{all}\n");
    let v = format!("v{n}i{w}");
    let t = format!("<{n} x i{w}>");
    for op in ["umin", "umax", "smin", "smax", "uadd.sat", "ssub.sat"] {
        s.declared
            .insert(format!("declare {t} @llvm.{op}.{v}({t}, {t})"));
        let body = format!("  %q = call V @llvm.{op}.{v}(V %x, V %y)\n{done}");
        function(s, &op.replace('.', "_"), shape, all, &body);
    }
    for (op, more) in [
        ("ctpop", ""),
        ("bswap", ""),
        ("bitreverse", ""),
        ("ctlz", ", i1 false"),
        ("abs", ", i1 false"),
    ] {
        if op == "bswap" && w < 16 {
            continue;
        }
        let flag = if more.is_empty() { "" } else { ", i1" };
        s.declared
            .insert(format!("declare {t} @llvm.{op}.{v}({t}{flag})"));
        let body = format!("  %q = call V @llvm.{op}.{v}(V %x{more})\n{done}");
        function(s, op, shape, all, &body);
    }
    s.declared
        .insert(format!("declare {t} @llvm.fshl.{v}({t}, {t}, {t})"));
    let body = format!("  %q = call V @llvm.fshl.{v}(V %x, V %y, V %y)\n{done}");
    function(s, "fshl", shape, all, &body);
    for op in [
        "add", "mul", "and", "or", "xor", "umin", "umax", "smin", "smax",
    ] {
        s.declared
            .insert(format!("declare i{w} @llvm.vector.reduce.{op}.{v}({t})"));
        let body = format!("  %r = call iW @llvm.vector.reduce.{op}.{v}(V %x)\n");
        function(s, &format!("reduce_{op}"), shape, w, &body);
    }
}

/// Numbers that are made of integers, so that none is a NaN.
fn floats(s: &mut Suite, float: &str, shape @ (w, n): (u32, u32)) {
    let all = w * n;
    let f = format!("<{n} x {float}>");
    let v = format!("v{n}f{w}");
    let made = format!(
        "  %f = sitofp V %x to {f}\n  %o = or V %y, {}\n  %g = uitofp V %o to {f}\n",
        list(w, n, |_| "1".into())
    );
    let done = format!("  %r = bitcast {f} %q to i{all}\n");
    let name = |what: &str| format!("{what}_{float}");
    for op in ["fadd", "fsub", "fmul", "fdiv"] {
        let body = format!("{made}  %q = {op} {f} %f, %g\n{done}");
        function(s, &name(op), shape, all, &body);
    }
    let body = format!("{made}  %q = fneg {f} %f\n{done}");
    function(s, &name("fneg"), shape, all, &body);
    for pred in ["olt", "une", "uge"] {
        let body =
            format!("{made}  %t = fcmp {pred} {f} %f, %g\n  %r = bitcast <N x i1> %t to iN\n");
        function(s, &name(&format!("fcmp_{pred}")), shape, n, &body);
    }
    for op in ["fabs", "sqrt"] {
        s.declared
            .insert(format!("declare {f} @llvm.{op}.{v}({f})"));
        let from = if op == "sqrt" { "%g" } else { "%f" };
        let body = format!("{made}  %q = call {f} @llvm.{op}.{v}({f} {from})\n{done}");
        function(s, &name(op), shape, all, &body);
    }
    for (op, start) in [("fadd", "0.0"), ("fmul", "1.0")] {
        s.declared.insert(format!(
            "declare {float} @llvm.vector.reduce.{op}.{v}({float}, {f})"
        ));
        let body = format!(
            "{made}  %q = call {float} @llvm.vector.reduce.{op}.{v}({float} {start}, {f} %g)\n  %r = bitcast {float} %q to iW\n"
        );
        function(s, &name(&format!("reduce_{op}")), shape, w, &body);
    }
    // The rounding of a product is all that is left of it, unless what is behind the reduction becomes one with it.
    if n == 1 {
        let body = format!(
            "{made}  %h = extractelement {f} %f, i32 0\n  %k = extractelement {f} %g, i32 0\n  %m = alloca {float}\n  \
             store volatile {float} %h, ptr %m\n  %l = load volatile {float}, ptr %m\n  \
             %p = call {float} @llvm.vector.reduce.fmul.{v}({float} %l, {f} %g)\n  %t = fmul {float} %h, %k\n  \
             %q = fsub {float} %p, %t\n  %r = bitcast {float} %q to iW\n"
        );
        function(s, &name("reduce_fmul_fsub"), shape, w, &body);
    }
    for op in ["fmin", "fmax"] {
        s.declared
            .insert(format!("declare {float} @llvm.vector.reduce.{op}.{v}({f})"));
        let body = format!(
            "{made}  %q = call {float} @llvm.vector.reduce.{op}.{v}({f} %f)\n  %r = bitcast {float} %q to iW\n"
        );
        function(s, &name(&format!("reduce_{op}")), shape, w, &body);
    }
    // Halved, so that it fits into a signed number too.
    let half = list(w, n, |_| "1".into());
    let halves = format!("<{}>", vec![format!("{float} 0.5"); n as usize].join(", "));
    let body = format!(
        "  %h = lshr V %x, {half}\n  %f = sitofp V %h to {f}\n  %k = fmul {f} %f, {halves}\n  %q = fptosi {f} %k to V\n  \
         %r = bitcast V %q to i{all}\n"
    );
    function(s, &name("fptosi"), shape, all, &body);
}

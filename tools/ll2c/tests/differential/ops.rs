// SPDX-License-Identifier: GPL-2.0-only
//! Every opcode and intrinsic at every width: the IR is generated, one function each.

use crate::toolchain::{LITTLE, Reference};
use std::fmt::Write;

pub const WIDTHS: &[u32] = &[
    1, 2, 7, 8, 13, 16, 24, 31, 32, 33, 40, 48, 63, 64, 65, 80, 96, 100, 127, 128,
];

/// IR functions and the table of them for the driver.
#[derive(Default)]
pub struct Suite {
    pub ir: String,
    /// Pieces of `ir` that LLVM gets wrong for mips, and other instructions for the same.
    known_wrong: Vec<(String, String)>,
    pub declared: std::collections::BTreeSet<String>,
    table: String,
    externs: String,
    pub count: usize,
    /// Functions with names that start so are left out.
    pub left_out: &'static [&'static str],
}

impl Suite {
    /// A function whose operands `%a %b %c` have `widths` and whose body ends by storing to `%out`.
    pub fn function(&mut self, name: &str, widths: [u32; 3], body: &str) {
        if self.left_out.iter().any(|start| name.starts_with(start)) {
            return;
        }
        let _ = writeln!(self.ir, "define void @{name}(ptr %io) {{");
        for (i, (&w, n)) in widths.iter().zip(["a", "b", "c"]).enumerate() {
            if w == 0 {
                continue;
            }
            let _ = writeln!(
                self.ir,
                "  %p{n} = getelementptr inbounds i8, ptr %io, i32 {}",
                i * 16
            );
            if w == 128 {
                let _ = writeln!(self.ir, "  %{n} = load i128, ptr %p{n}, align 8");
            } else {
                let _ = writeln!(
                    self.ir,
                    "  %w{n} = load i128, ptr %p{n}, align 8\n  %{n} = trunc i128 %w{n} to i{w}"
                );
            }
        }
        let _ = writeln!(
            self.ir,
            "  %out = getelementptr inbounds i8, ptr %io, i32 48\n{body}  ret void\n}}\n"
        );
        let _ = writeln!(self.externs, "extern void {name}(struct io *);");
        let _ = writeln!(
            self.table,
            "\t{{ \"{name}\", {name}, {{ {}, {}, {} }} }},",
            widths[0], widths[1], widths[2]
        );
        self.count += 1;
    }

    /// Has the reference compile `right` where the subjects get `piece`, which LLVM compiles wrongly for mips.
    pub fn known_wrong(&mut self, piece: &str, right: &str) {
        self.known_wrong.push((piece.into(), right.into()));
    }

    /// The driver with the table.
    pub fn driver(&self) -> String {
        format!(
            "{}\n{}\nconst struct test tests[] = {{\n{}\t{{ 0 }}\n}};\n",
            include_str!("c/driver.c"),
            self.externs,
            self.table
        )
    }

    /// The module for the reference.
    pub fn reference(&self, r: Reference) -> String {
        let text = self.module(r.layout);
        let text = self
            .known_wrong
            .iter()
            .fold(text, |text, (piece, right)| text.replace(piece, right));
        // The little-endian subject has i64 at multiples of 4, the reference at multiples of 8: one function asks for offsets.
        match r {
            LITTLE => text.replace("[3 x { i8, i64 }]", "[3 x { i8, [2 x i32] }]"),
            _ => text,
        }
    }

    pub fn module(&self, layout: &str) -> String {
        let declared = self
            .declared
            .iter()
            .fold(String::new(), |s, d| s + d + "\n");
        format!(
            "target datalayout = \"{layout}\"\n\n{}\n{declared}",
            self.ir
        )
    }
}

/// Stores `%r`, an iN, as 16 bytes at `%out` + offset.
pub fn put(width: u32, value: &str, offset: u32) -> String {
    let mut text = String::new();
    let id = value.trim_start_matches('%');
    let wide = if width == 128 {
        value.to_owned()
    } else {
        let _ = writeln!(text, "  %z{id}{offset} = zext i{width} {value} to i128");
        format!("%z{id}{offset}")
    };
    let _ = writeln!(
        text,
        "  %o{id}{offset} = getelementptr inbounds i8, ptr %out, i32 {offset}"
    );
    let _ = writeln!(text, "  store i128 {wide}, ptr %o{id}{offset}, align 8");
    text
}

/// A shift amount below the width.
fn amount(w: u32) -> String {
    if w == 1 {
        "  %n = xor i1 %b, %b\n".into()
    } else {
        format!("  %n = urem i{w} %b, {w}\n")
    }
}

/// A divisor that is neither 0 nor, with the dividend, the overflowing case.
fn divisor(w: u32) -> String {
    format!(
        "  %z = icmp eq i{w} %b, 0\n  %b1 = select i1 %z, i{w} 1, i{w} %b\n  %m = icmp eq i{w} %b1, -1\n  %min = icmp eq i{w} %a, {}\n  \
         %bad = and i1 %m, %min\n  %n = select i1 %bad, i{w} {}, i{w} %b1\n",
        if w == 1 {
            "true".into()
        } else {
            format!("-{}", 1u128 << (w - 1))
        },
        if w == 1 { "true" } else { "1" }
    )
}

pub fn arithmetic(s: &mut Suite) {
    for &w in WIDTHS {
        for op in ["add", "sub", "mul", "and", "or", "xor"] {
            s.function(
                &format!("{op}_{w}"),
                [w, w, 0],
                &format!("  %r = {op} i{w} %a, %b\n{}", put(w, "%r", 0)),
            );
        }
        for op in ["shl", "lshr", "ashr"] {
            s.function(
                &format!("{op}_{w}"),
                [w, w, 0],
                &format!("{}  %r = {op} i{w} %a, %n\n{}", amount(w), put(w, "%r", 0)),
            );
        }
        for op in ["udiv", "urem"] {
            let body = format!(
                "  %z = icmp eq i{w} %b, 0\n  %n = select i1 %z, i{w} {}, i{w} %b\n",
                if w == 1 { "true" } else { "1" }
            );
            s.function(
                &format!("{op}_{w}"),
                [w, w, 0],
                &format!("{body}  %r = {op} i{w} %a, %n\n{}", put(w, "%r", 0)),
            );
        }
        if w > 1 {
            for op in ["sdiv", "srem"] {
                s.function(
                    &format!("{op}_{w}"),
                    [w, w, 0],
                    &format!("{}  %r = {op} i{w} %a, %n\n{}", divisor(w), put(w, "%r", 0)),
                );
            }
        }
        for pred in [
            "eq", "ne", "ugt", "uge", "ult", "ule", "sgt", "sge", "slt", "sle",
        ] {
            let body = format!(
                "  %r = icmp {pred} i{w} %a, %b\n  %s = select i1 %r, i{w} %a, i{w} %b\n{}{}",
                put(1, "%r", 0),
                put(w, "%s", 16)
            );
            s.function(&format!("icmp_{pred}_{w}"), [w, w, 0], &body);
        }
        // An amount of the width or more is poison, but not undefined: what is not used must not do harm.
        let body = format!(
            "  %x = shl i{w} %a, %b\n  %y = ashr i{w} %a, %b\n  %f = freeze i{w} %x\n  %ok = icmp ult i{w} %b, {}\n  %u = select i1 %ok, i{w} %x, i{w} 0\n  \
             %v = select i1 %ok, i{w} %y, i{w} 0\n{}{}",
            if w == 1 {
                "1".into()
            } else {
                w.min((1 << w.min(20)) - 1).to_string()
            },
            put(w, "%u", 0),
            put(w, "%v", 16)
        );
        s.function(&format!("poison_shift_{w}"), [w, w, 0], &body);
        let sw = format!(
            "  switch i{w} %a, label %d [ i{w} 0, label %x\n i{w} 1, label %y\n {} ]\nx:\n  br label %j\ny:\n  br label %j\nzz:\n  br label %j\nd:\n  br label %j\n\
             j:\n  %r = phi i32 [ 10, %x ], [ 20, %y ], [ 30, %zz ], [ 40, %d ]\n{}",
            if w >= 7 {
                format!("i{w} -1, label %zz\n i{w} {w}, label %x",)
            } else {
                String::new()
            },
            put(32, "%r", 0)
        );
        let sw = if w >= 7 {
            sw
        } else {
            sw.replace("zz:\n  br label %j\n", "")
                .replace(", [ 30, %zz ]", "")
        };
        let sw = if w == 1 {
            sw.replace("i1 0,", "i1 false,")
                .replace("i1 1,", "i1 true,")
        } else {
            sw
        };
        s.function(&format!("switch_{w}"), [w, 0, 0], &sw);
    }
}

pub fn conversions(s: &mut Suite) {
    for &from in WIDTHS {
        for &to in WIDTHS {
            if to < from {
                s.function(
                    &format!("trunc_{from}_{to}"),
                    [from, 0, 0],
                    &format!("  %r = trunc i{from} %a to i{to}\n{}", put(to, "%r", 0)),
                );
            } else if to > from {
                for op in ["zext", "sext"] {
                    s.function(
                        &format!("{op}_{from}_{to}"),
                        [from, 0, 0],
                        &format!("  %r = {op} i{from} %a to i{to}\n{}", put(to, "%r", 0)),
                    );
                }
            }
        }
        let body = format!(
            "  %p = inttoptr i{from} %a to ptr\n  %r = ptrtoint ptr %p to i{from}\n  %k = icmp ugt ptr %p, inttoptr (i32 4096 to ptr)\n{}{}",
            put(from, "%r", 0),
            put(1, "%k", 16)
        );
        s.function(&format!("ptr_{from}"), [from, 0, 0], &body);
    }
}

pub fn intrinsics(s: &mut Suite) {
    let declare = |s: &mut Suite, text: String| {
        s.declared.insert(format!("declare {text}"));
    };
    for &w in WIDTHS {
        for op in [
            "umin", "umax", "smin", "smax", "uadd.sat", "usub.sat", "sadd.sat", "ssub.sat",
        ] {
            declare(s, format!("i{w} @llvm.{op}.i{w}(i{w}, i{w})"));
            let body = format!(
                "  %r = call i{w} @llvm.{op}.i{w}(i{w} %a, i{w} %b)\n{}",
                put(w, "%r", 0)
            );
            s.function(&format!("{}_{w}", op.replace('.', "_")), [w, w, 0], &body);
        }
        for op in ["ushl", "sshl"] {
            declare(s, format!("i{w} @llvm.{op}.sat.i{w}(i{w}, i{w})"));
            let body = format!(
                "  %m = urem i{w} %b, {}\n  %r = call i{w} @llvm.{op}.sat.i{w}(i{w} %a, i{w} %m)\n{}",
                if w == 1 { "-1".into() } else { w.to_string() },
                put(w, "%r", 0)
            );
            s.function(&format!("{op}_sat_{w}"), [w, w, 0], &body);
        }
        for op in ["uadd", "usub", "umul", "sadd", "ssub", "smul"] {
            declare(
                s,
                format!("{{ i{w}, i1 }} @llvm.{op}.with.overflow.i{w}(i{w}, i{w})"),
            );
            let body = format!(
                "  %p = call {{ i{w}, i1 }} @llvm.{op}.with.overflow.i{w}(i{w} %a, i{w} %b)\n  %r = extractvalue {{ i{w}, i1 }} %p, 0\n  \
                 %o = extractvalue {{ i{w}, i1 }} %p, 1\n{}{}",
                put(w, "%r", 0),
                put(1, "%o", 16)
            );
            s.function(&format!("{op}_overflow_{w}"), [w, w, 0], &body);
        }
        for op in ["ucmp", "scmp"] {
            declare(s, format!("i8 @llvm.{op}.i8.i{w}(i{w}, i{w})"));
            let body = format!(
                "  %r = call i8 @llvm.{op}.i8.i{w}(i{w} %a, i{w} %b)\n{}",
                put(8, "%r", 0)
            );
            s.function(&format!("{op}_{w}"), [w, w, 0], &body);
        }
        for op in ["ctpop", "bitreverse"] {
            declare(s, format!("i{w} @llvm.{op}.i{w}(i{w})"));
            let body = format!(
                "  %r = call i{w} @llvm.{op}.i{w}(i{w} %a)\n{}",
                put(w, "%r", 0)
            );
            s.function(&format!("{op}_{w}"), [w, 0, 0], &body);
        }
        if w % 16 == 0 {
            declare(s, format!("i{w} @llvm.bswap.i{w}(i{w})"));
            s.function(
                &format!("bswap_{w}"),
                [w, 0, 0],
                &format!(
                    "  %r = call i{w} @llvm.bswap.i{w}(i{w} %a)\n{}",
                    put(w, "%r", 0)
                ),
            );
        }
        for op in ["ctlz", "cttz", "abs"] {
            declare(s, format!("i{w} @llvm.{op}.i{w}(i{w}, i1)"));
            let body = format!(
                "  %r = call i{w} @llvm.{op}.i{w}(i{w} %a, i1 false)\n{}",
                put(w, "%r", 0)
            );
            s.function(&format!("{op}_{w}"), [w, 0, 0], &body);
        }
        for op in ["fshl", "fshr"] {
            declare(s, format!("i{w} @llvm.{op}.i{w}(i{w}, i{w}, i{w})"));
            let body = format!(
                "  %r = call i{w} @llvm.{op}.i{w}(i{w} %a, i{w} %b, i{w} %c)\n{}",
                put(w, "%r", 0)
            );
            s.function(&format!("{op}_{w}"), [w, w, w], &body);
            let body = format!(
                "  %r = call i{w} @llvm.{op}.i{w}(i{w} %a, i{w} %a, i{w} %b)\n{}",
                put(w, "%r", 0)
            );
            s.function(&format!("rotate_{op}_{w}"), [w, w, 0], &body);
        }
    }
}

/// Loads and stores at every width and alignment, what they leave in memory, and addresses computed from every width.
pub fn memory(s: &mut Suite) {
    for &w in WIDTHS {
        for align in [1u32, 2, 4, 8] {
            for volatile in ["", "volatile "] {
                let v = if volatile.is_empty() { "" } else { "v" };
                let at = if align == 8 { 0 } else { align };
                let body = format!(
                    "  %q = getelementptr inbounds i8, ptr %out, i32 {at}\n  store {volatile}i{w} %a, ptr %q, align {align}\n  \
                     %r = load {volatile}i{w}, ptr %q, align {align}\n  %x = xor i{w} %r, %a\n  %y = add i{w} %x, %b\n  \
                     %e = getelementptr inbounds i8, ptr %out, i32 31\n  %same = icmp eq i{w} %y, %b\n  %t = zext i1 %same to i8\n  store i8 %t, ptr %e, align 1\n"
                );
                s.function(&format!("store{v}_{w}_{align}"), [w, w, 0], &body);
            }
        }
        // Every bit of the bytes that belong to the value must be used, and no other: only whole bytes are defined.
        if w % 8 == 0 {
            for align in [1u32, 2, 4] {
                let body = format!(
                    "  %q = getelementptr i8, ptr %io, i32 {align}\n  %r = load i{w}, ptr %q, align {align}\n{}",
                    put(w, "%r", 0)
                );
                s.function(&format!("load_{w}_{align}"), [128, 128, 0], &body);
            }
        }
        if w >= 7 {
            let body = format!(
                "  %m = and i{w} %a, 15\n  %q = getelementptr inbounds {{ i8, [16 x i8] }}, ptr %io, i32 0, i32 1, i{w} %m\n  %r = load i8, ptr %q, align 1\n  \
                 %neg = sub i{w} 0, %m\n  %e = getelementptr i8, ptr %out, i32 31\n  %g = getelementptr i8, ptr %e, i{w} %neg\n  store i8 %r, ptr %g, align 1\n"
            );
            s.function(&format!("gep_{w}"), [w, 128, 0], &body);
            let body = format!(
                "  %q = getelementptr {{ i16, [3 x {{ i8, i64 }}], i32 }}, ptr null, i{w} %a, i32 1, i{w} %b, i32 1\n  %r = ptrtoint ptr %q to i32\n{}",
                put(32, "%r", 0)
            );
            s.function(&format!("gep_wrap_{w}"), [w, w, 0], &body);
            // Backwards by constants, alone and behind an index.
            for inbounds in ["", "inbounds "] {
                let body = format!(
                    "  %m = and i{w} %b, 7\n  %end = getelementptr {inbounds}i8, ptr %out, i32 16\n  %q = getelementptr {inbounds}i16, ptr %end, i64 -3\n  \
                     store i16 -2, ptr %q, align 2\n  %s = getelementptr {inbounds}[16 x i8], ptr %end, i{w} 0, i{w} %m\n  \
                     %t = getelementptr {inbounds}{{ i32, [4 x i8] }}, ptr %s, i32 -1, i32 1, i32 -2\n  store i8 1, ptr %t, align 1\n"
                );
                let name = if inbounds.is_empty() {
                    "back"
                } else {
                    "back_inside"
                };
                s.function(&format!("gep_{name}_{w}"), [0, w, 0], &body);
            }
        }
        let agg = format!("{{ i8, {{ i{w}, i1 }}, [2 x i16] }}");
        let body = format!(
            "  %t = trunc i{w2} %b to i1\n  %s0 = insertvalue {agg} poison, i8 7, 0\n  %s1 = insertvalue {agg} %s0, i{w} %a, 1, 0\n  \
             %s2 = insertvalue {agg} %s1, i1 %t, 1, 1\n  %s3 = insertvalue {agg} %s2, i16 9, 2, 1\n  %c0 = icmp ult i{w2} %b, 5\n  \
             %s4 = select i1 %c0, {agg} %s3, {agg} zeroinitializer\n  %in = extractvalue {agg} %s4, 1\n  %r = extractvalue {{ i{w}, i1 }} %in, 0\n  \
             %u = extractvalue {{ i{w}, i1 }} %in, 1\n  %h = extractvalue {agg} %s4, 2, 1\n  %h2 = zext i1 %u to i16\n  %h3 = add i16 %h, %h2\n{}{}",
            put(w, "%r", 0),
            put(16, "%h3", 16),
            w2 = w.max(7)
        );
        s.function(&format!("aggregate_{w}"), [w, w.max(7), 0], &body);
    }
}

/// Floating point, through its bits; a result that is not a number is only told apart from numbers.
pub fn floats(s: &mut Suite) {
    for (ty, w) in [("float", 32u32), ("double", 64)] {
        let load = format!("  %x = bitcast i{w} %a to {ty}\n  %y = bitcast i{w} %b to {ty}\n");
        let store = format!(
            "  %nan = fcmp uno {ty} %r, %r\n  %bits = bitcast {ty} %r to i{w}\n  %res = select i1 %nan, i{w} 1234, i{w} %bits\n{}",
            put(w, "%res", 0)
        );
        for op in ["fadd", "fsub", "fmul", "fdiv", "frem"] {
            s.function(
                &format!("{op}_{w}"),
                [w, w, 0],
                &format!("{load}  %r = {op} {ty} %x, %y\n{store}"),
            );
        }
        // Both are rounded: a machine that can do them at once must not.
        for (name, op) in [("mul_add", "fadd"), ("mul_sub", "fsub")] {
            for (order, a, b) in [("", "%p", "%z"), ("_turned", "%z", "%p")] {
                let body = format!(
                    "{load}  %z = bitcast i{w} %c to {ty}\n  %p = fmul {ty} %x, %y\n  %r = {op} {ty} {a}, {b}\n{store}"
                );
                s.function(&format!("{name}{order}_{w}"), [w, w, w], &body);
            }
        }
        // The rounding of the product is all that is left of it.
        let body = format!(
            "{load}  %p = fmul {ty} %x, %y\n  %q = fmul {ty} %y, %x\n  %r = fsub {ty} %p, %q\n{store}"
        );
        s.function(&format!("mul_mul_sub_{w}"), [w, w, 0], &body);
        s.function(
            &format!("fneg_{w}"),
            [w, 0, 0],
            &format!("  %x = bitcast i{w} %a to {ty}\n  %r = fneg {ty} %x\n{store}"),
        );
        for pred in [
            "false", "oeq", "ogt", "oge", "olt", "ole", "one", "ord", "ueq", "ugt", "uge", "ult",
            "ule", "une", "uno", "true",
        ] {
            s.function(
                &format!("fcmp_{pred}_{w}"),
                [w, w, 0],
                &format!("{load}  %r = fcmp {pred} {ty} %x, %y\n{}", put(1, "%r", 0)),
            );
        }
        let f = if w == 32 { "f32" } else { "f64" };
        for op in [
            "fabs",
            "sqrt",
            "floor",
            "ceil",
            "trunc",
            "rint",
            "nearbyint",
            "round",
        ] {
            s.declared
                .insert(format!("declare {ty} @llvm.{op}.{f}({ty})"));
            s.function(&format!("{op}_{w}"), [w, 0, 0], &format!("  %x = bitcast i{w} %a to {ty}\n  %r = call {ty} @llvm.{op}.{f}({ty} %x)\n{store}"));
        }
        for op in ["copysign", "minnum", "maxnum"] {
            s.declared
                .insert(format!("declare {ty} @llvm.{op}.{f}({ty}, {ty})"));
            if op != "copysign" {
                // mips' libm takes what LLVM takes for quiet NaNs for signalling ones.
                let less = if op == "minnum" { "olt" } else { "ogt" };
                s.ir += &format!(
                    "define {ty} @ref_{op}_{w}({ty} %x, {ty} %y) {{\n  %nx = fcmp uno {ty} %x, %x\n  %ny = fcmp uno {ty} %y, %y\n  \
                     %l = fcmp {less} {ty} %x, %y\n  %m = select i1 %l, {ty} %x, {ty} %y\n  %n = select i1 %ny, {ty} %x, {ty} %m\n  \
                     %r = select i1 %nx, {ty} %y, {ty} %n\n  ret {ty} %r\n}}\n"
                );
                s.known_wrong(
                    &format!("call {ty} @llvm.{op}.{f}({ty} %x, {ty} %y)"),
                    &format!("call {ty} @ref_{op}_{w}({ty} %x, {ty} %y)"),
                );
            }
            // Of +0 and -0, minnum may return either.
            let store = if op == "copysign" {
                store.clone()
            } else {
                store
                    .replacen("  %nan", "  %zero = fcmp oeq {ty} %r, 0.0\n  %nan", 1)
                    .replace("{ty}", ty)
            };
            let store = if op == "copysign" {
                store
            } else {
                store
                    .replace(
                        "%res = select i1 %nan, ",
                        &format!(
                            "%nz = select i1 %zero, i{w} 0, i{w} %bits\n  %res = select i1 %nan, "
                        ),
                    )
                    .replace(
                        &format!("i{w} 1234, i{w} %bits"),
                        &format!("i{w} 1234, i{w} %nz"),
                    )
            };
            s.function(
                &format!("{op}_{w}"),
                [w, w, 0],
                &if op == "copysign" {
                    format!("{load}  %r = call {ty} @llvm.{op}.{f}({ty} %x, {ty} %y)\n{store}")
                } else {
                    // Of a signalling NaN, C libraries make what they like; a sum is never one.
                    format!(
                        "{load}  %xq = fadd {ty} %x, 0.0\n  %yq = fadd {ty} %y, 0.0\n  \
                         %r = call {ty} @llvm.{op}.{f}({ty} %xq, {ty} %yq)\n{store}"
                    )
                },
            );
        }
        for to in [1u32, 8, 16, 24, 32, 48, 64] {
            for op in ["fptoui", "fptosi"] {
                s.declared
                    .insert(format!("declare i{to} @llvm.{op}.sat.i{to}.{f}({ty})"));
                let body = format!(
                    "  %x = bitcast i{w} %a to {ty}\n  %r = call i{to} @llvm.{op}.sat.i{to}.{f}({ty} %x)\n{}",
                    put(to, "%r", 0)
                );
                s.function(&format!("{op}_sat_{w}_{to}"), [w, 0, 0], &body);
            }
            for op in ["uitofp", "sitofp"] {
                s.function(
                    &format!("{op}_{to}_{w}"),
                    [to, 0, 0],
                    &format!("  %r = {op} i{to} %a to {ty}\n{store}"),
                );
                // There and back: in range by construction.
                let back = if op == "uitofp" { "fptoui" } else { "fptosi" };
                if to < w && !(w == 32 && to > 16) {
                    let body = format!(
                        "  %f = {op} i{to} %a to {ty}\n  %r = {back} {ty} %f to i{to}\n{}",
                        put(to, "%r", 0)
                    );
                    s.function(&format!("{op}_back_{to}_{w}"), [to, 0, 0], &body);
                }
            }
        }
    }
    let body = format!(
        "  %x = bitcast i32 %a to float\n  %d = fpext float %x to double\n  %e = fmul double %d, 0x3FF8000000000000\n  %r = fptrunc double %e to float\n  \
         %nan = fcmp uno float %r, %r\n  %bits = bitcast float %r to i32\n  %res = select i1 %nan, i32 1234, i32 %bits\n{}",
        put(32, "%res", 0)
    );
    s.function("fpext_fptrunc", [32, 0, 0], &body);
}

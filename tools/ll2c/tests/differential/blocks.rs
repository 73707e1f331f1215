// SPDX-License-Identifier: GPL-2.0-only
//! Branches, copies and fills, the stack, and intrinsics that only pass a value on.

use crate::ops::{Suite, WIDTHS, put};
use std::fmt::Write;

pub fn build(s: &mut Suite) {
    switches(s);
    copies(s);
    stack(s);
    passed_on(s);
}

/// One case more than there are values that are tried, some with the same target; of wide numbers, cases that differ in the upper half
/// only.
fn switches(s: &mut Suite) {
    for &w in WIDTHS.iter().filter(|&&w| w >= 3) {
        let high = 1u128 << (w - 1);
        let mut cases = vec![0, 1, 2, 3, high, high | 1];
        if w > 64 {
            cases.push(1 << 64);
        }
        cases.sort_unstable();
        cases.dedup();
        let (mut list, mut blocks, mut phi) = (String::new(), String::new(), String::new());
        for (i, case) in cases.iter().enumerate() {
            // The last one goes where the first one goes.
            let to = i % (cases.len() - 1);
            let _ = writeln!(list, "    i{w} {case}, label %c{to}");
            if to == i {
                let _ = writeln!(blocks, "c{i}:\n  br label %end");
                let _ = write!(phi, "[ {}, %c{i} ], ", i + 10);
            }
        }
        // Of the operand, what leaves most values equal to one of the cases.
        let body = format!(
            "  %k = and i{w} %a, {}\n  switch i{w} %k, label %none [\n{list}  ]\n{blocks}none:\n  br label %end\nend:\n  %r = phi i32 {phi}[ 99, %none ]\n{}",
            (high | 3 | if w > 64 { 1 << 64 } else { 0 }) as i128,
            put(32, "%r", 0)
        );
        s.function(&format!("switch_{w}"), [w, 0, 0], &body);
    }
}

/// Of 0 to 15 bytes, with lengths of two widths, aligned or not, volatile or not, overlapping both ways.
fn copies(s: &mut Suite) {
    for n in [32u32, 64] {
        for volatile in [false, true] {
            let v = if volatile { "_volatile" } else { "" };
            let length = format!("  %n = and i{n} %b, 15\n");
            for (op, align) in [("memcpy", 1), ("memcpy", 8), ("memmove", 1), ("memmove", 4)] {
                s.declared.insert(format!(
                    "declare void @llvm.{op}.p0.p0.i{n}(ptr, ptr, i{n}, i1)"
                ));
                s.function(
                    &format!("{op}{v}_{align}_{n}"),
                    [128, n, 0],
                    &format!("{length}  call void @llvm.{op}.p0.p0.i{n}(ptr align {align} %out, ptr align {align} %io, i{n} %n, i1 {volatile})\n"),
                );
            }
            for (name, to, from) in [("up", 3, 0), ("down", 0, 5)] {
                let body = format!(
                    "{length}{}  %to = getelementptr inbounds i8, ptr %out, i32 {to}\n  %from = getelementptr inbounds i8, ptr %out, i32 {from}\n  \
                     call void @llvm.memmove.p0.p0.i{n}(ptr %to, ptr %from, i{n} %n, i1 {volatile})\n",
                    put(128, "%a", 0)
                );
                s.function(&format!("memmove{v}_{name}_{n}"), [128, n, 0], &body);
            }
            s.declared.insert(format!(
                "declare void @llvm.memset.p0.i{n}(ptr, i8, i{n}, i1)"
            ));
            s.function(
                &format!("memset{v}_{n}"),
                [8, n, 0],
                &format!("{length}  %to = getelementptr inbounds i8, ptr %out, i32 1\n  call void @llvm.memset.p0.i{n}(ptr %to, i8 %a, i{n} %n, i1 {volatile})\n"),
            );
            // A length of 0 says nothing of the pointers.
            let nothing = format!(
                "  %z = icmp ult i{n} %b, 16\n  %n = select i1 %z, i{n} %b, i{n} 0\n  %k = icmp eq i{n} %n, 0\n  %to = select i1 %k, ptr null, ptr %out\n  \
                 call void @llvm.memcpy.p0.p0.i{n}(ptr %to, ptr %io, i{n} %n, i1 {volatile})\n  %t = icmp eq ptr %to, null\n  %e = zext i1 %t to i8\n  \
                 %end = getelementptr inbounds i8, ptr %out, i32 31\n  store i8 %e, ptr %end, align 1\n"
            );
            s.function(&format!("memcpy_nothing{v}_{n}"), [128, n, 0], &nothing);
        }
    }
}

/// Fixed and dynamic allocas, in the entry block and in a loop, at alignments up to 64.
fn stack(s: &mut Suite) {
    s.declared.insert("declare ptr @llvm.stacksave.p0()".into());
    s.declared
        .insert("declare void @llvm.stackrestore.p0(ptr)".into());
    s.declared
        .insert("declare void @llvm.lifetime.start.p0(i64, ptr)".into());
    s.declared
        .insert("declare void @llvm.lifetime.end.p0(i64, ptr)".into());
    for align in [1, 2, 4, 8, 16, 64] {
        let body = format!(
            "  %x = alloca [3 x i64], align {align}\n  call void @llvm.lifetime.start.p0(i64 24, ptr %x)\n  %q = getelementptr inbounds i8, ptr %x, i32 8\n  \
             store i64 %a, ptr %q, align 1\n  %r = load i64, ptr %q, align 1\n  %m = ptrtoint ptr %x to i32\n  %o = and i32 %m, {}\n{}{}  \
             call void @llvm.lifetime.end.p0(i64 24, ptr %x)\n",
            align - 1,
            put(64, "%r", 0),
            put(32, "%o", 16)
        );
        s.function(&format!("alloca_{align}"), [64, 0, 0], &body);
        let body = format!(
            "  %k = and i32 %b, 7\n  br label %l\nl:\n  %i = phi i32 [ 0, %0 ], [ %j, %l ]\n  %sum = phi i64 [ 0, %0 ], [ %more, %l ]\n  %save = call ptr @llvm.stacksave.p0()\n  \
             %n = add i32 %i, 1\n  %x = alloca i64, i32 %n, align {align}\n  %q = getelementptr inbounds i64, ptr %x, i32 %i\n  store i64 %a, ptr %q, align 1\n  \
             %v = load i64, ptr %q, align 1\n  %w = shl i64 %v, 1\n  %m = ptrtoint ptr %x to i32\n  %o = and i32 %m, {}\n  %oo = zext i32 %o to i64\n  %t = add i64 %w, %oo\n  \
             %more = xor i64 %sum, %t\n  call void @llvm.stackrestore.p0(ptr %save)\n  %j = add i32 %i, 1\n  %c = icmp ugt i32 %j, %k\n  br i1 %c, label %e, label %l\ne:\n{}",
            align - 1,
            put(64, "%more", 0)
        );
        s.function(&format!("alloca_loop_{align}"), [64, 32, 0], &body);
    }
}

/// `freeze` of what is defined, of what is not (twice the same), and hints.
fn passed_on(s: &mut Suite) {
    for &w in WIDTHS {
        s.declared
            .insert(format!("declare i{w} @llvm.expect.i{w}(i{w}, i{w})"));
        s.declared
            .insert(format!("declare i1 @llvm.is.constant.i{w}(i{w})"));
        let body = format!(
            "  %f = freeze i{w} %a\n  %u = freeze i{w} undef\n  %z = xor i{w} %u, %u\n  %g = add i{w} %f, %z\n  %r = call i{w} @llvm.expect.i{w}(i{w} %g, i{w} 0)\n  \
             %k = call i1 @llvm.is.constant.i{w}(i{w} %a)\n{}{}",
            put(w, "%r", 0),
            put(1, "%k", 16)
        );
        s.function(&format!("freeze_{w}"), [w, 0, 0], &body);
        // Over-wide counts say so: the flag that zero or the smallest number is poison changes nothing else.
        for op in ["ctlz", "cttz"] {
            s.declared
                .insert(format!("declare i{w} @llvm.{op}.i{w}(i{w}, i1)"));
            let body = format!(
                "  %n = or i{w} %a, {}\n  %r = call i{w} @llvm.{op}.i{w}(i{w} %n, i1 true)\n{}",
                if w == 1 { "true" } else { "1" },
                put(w, "%r", 0)
            );
            s.function(&format!("{op}_not_zero_{w}"), [w, 0, 0], &body);
        }
    }
    s.declared
        .insert("declare ptr @llvm.ptrmask.p0.i32(ptr, i32)".into());
    let body = format!(
        "  %p = inttoptr i32 %a to ptr\n  %q = call ptr @llvm.ptrmask.p0.i32(ptr %p, i32 %b)\n  %r = ptrtoint ptr %q to i32\n{}",
        put(32, "%r", 0)
    );
    s.function("ptrmask", [32, 32, 0], &body);
}

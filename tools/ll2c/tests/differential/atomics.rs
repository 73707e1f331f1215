// SPDX-License-Identifier: GPL-2.0-only
//! Atomic accesses of every size, operation and ordering: what they return and what they leave in memory and around it.

use crate::ops::{Suite, put};

const WIDTHS: [u32; 3] = [8, 16, 32];
const ORDERINGS: [&str; 5] = ["monotonic", "acquire", "release", "acq_rel", "seq_cst"];
const OPERATIONS: [&str; 11] = [
    "xchg", "add", "sub", "and", "nand", "or", "xor", "max", "min", "umax", "umin",
];

/// What `ll2c_cmpxchg_*` are in a program without other threads: for the subjects whose atomics call a library.
pub const LIBRARY: &str = "
#define CMPXCHG(T, n) T ll2c_cmpxchg_##n(volatile T *p, T expected, T new) \\
{ T seen = *p; if (seen == expected) *p = new; return seen; }
CMPXCHG(unsigned char, 8)
CMPXCHG(unsigned short, 16)
CMPXCHG(unsigned, 32)
";

/// The cell is the second aligned place in `%out`, so that both neighbours are seen; the result goes to the second half.
fn cell(width: u32) -> String {
    let bytes = width / 8;
    format!(
        "  store i64 -1, ptr %out, align 8\n  %q = getelementptr inbounds i8, ptr %out, i32 {bytes}\n  store i{width} %a, ptr %q, align {bytes}\n"
    )
}

pub fn build(s: &mut Suite) {
    for w in WIDTHS {
        let (cell, align) = (cell(w), w / 8);
        for order in ["unordered", "monotonic", "acquire", "seq_cst"] {
            for volatile in ["", "volatile "] {
                let v = volatile.trim();
                s.function(
                    &format!("load{v}_{order}_{w}"),
                    [w, 0, 0],
                    &format!("{cell}  %r = load atomic {volatile}i{w}, ptr %q {order}, align {align}\n{}", put(w, "%r", 16)),
                );
            }
        }
        for order in ["unordered", "monotonic", "release", "seq_cst"] {
            s.function(
                &format!("store_{order}_{w}"),
                [w, w, 0],
                &format!("{cell}  store atomic i{w} %b, ptr %q {order}, align {align}\n"),
            );
        }
        for order in ORDERINGS {
            for (op, pred) in [("max", "sgt"), ("min", "slt")] {
                // In LLVM 19 for mips the greater one of 0 and -1 is -1.
                if w < 32 {
                    s.known_wrong(
                        &format!("  %r = atomicrmw {op} ptr %q, i{w} %b {order}\n"),
                        &format!(
                            "  %r = load i{w}, ptr %q, align {align}\n  %old = icmp {pred} i{w} %r, %b\n  %new = select i1 %old, i{w} %r, i{w} %b\n  store i{w} %new, ptr %q, align {align}\n"
                        ),
                    );
                }
            }
            for op in OPERATIONS {
                s.function(
                    &format!("{op}_{order}_{w}"),
                    [w, w, 0],
                    &format!(
                        "{cell}  %r = atomicrmw {op} ptr %q, i{w} %b {order}\n{}",
                        put(w, "%r", 16)
                    ),
                );
                // Nobody reads what was there: the operation must still happen.
                if order == "monotonic" {
                    s.function(
                        &format!("{op}_unread_{w}"),
                        [w, w, 0],
                        &format!("{cell}  %r = atomicrmw {op} ptr %q, i{w} %b {order}\n"),
                    );
                }
            }
            for failure in ["monotonic", "acquire", "seq_cst"] {
                let body = format!(
                    "{cell}  %p = cmpxchg ptr %q, i{w} %b, i{w} %c {order} {failure}\n  %r = extractvalue {{ i{w}, i1 }} %p, 0\n  \
                     %ok = extractvalue {{ i{w}, i1 }} %p, 1\n  %n = zext i{w} %r to i128\n  %k = zext i1 %ok to i128\n  %s = shl i128 %k, 64\n  %both = or i128 %n, %s\n{}",
                    put(128, "%both", 16)
                );
                s.function(&format!("cmpxchg_{order}_{failure}_{w}"), [w, w, w], &body);
            }
        }
        // A weak exchange may fail for no reason: try until it does not.
        let weak = format!(
            "{cell}  br label %try\ntry:\n  %seen = load atomic i{w}, ptr %q monotonic, align {align}\n  %p = cmpxchg weak volatile ptr %q, i{w} %seen, i{w} %b acq_rel monotonic\n  \
             %ok = extractvalue {{ i{w}, i1 }} %p, 1\n  br i1 %ok, label %done, label %try\ndone:\n{}",
            put(w, "%seen", 16)
        );
        s.function(&format!("cmpxchg_weak_{w}"), [w, w, 0], &weak);
    }
    let pointer = format!(
        "{}  %x = inttoptr i32 %a to ptr\n  %y = inttoptr i32 %b to ptr\n  %z = inttoptr i32 %c to ptr\n  %p = cmpxchg ptr %q, ptr %y, ptr %z seq_cst seq_cst\n  \
         %o = extractvalue {{ ptr, i1 }} %p, 0\n  %w = atomicrmw xchg ptr %q, ptr %x acq_rel\n  store atomic ptr %w, ptr %q release, align 4\n  \
         %l = load atomic ptr, ptr %q acquire, align 4\n  %n = ptrtoint ptr %o to i64\n  %m = ptrtoint ptr %l to i64\n  %mn = mul i64 %m, 3\n  %r = add i64 %n, %mn\n{}",
        cell(32),
        put(64, "%r", 16)
    );
    s.function("pointers", [32, 32, 32], &pointer);
    for order in ["acquire", "release", "acq_rel", "seq_cst"] {
        let body = format!(
            "  store i8 1, ptr %out, align 1\n  fence {order}\n  fence syncscope(\"singlethread\") {order}\n  %r = load i8, ptr %out, align 1\n{}",
            put(8, "%r", 16)
        );
        s.function(&format!("fence_{order}"), [0, 0, 0], &body);
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! Random programs. A seed is a program: the same on every machine, for ever.
//!
//! A function computes on its operands in straight lines, branches, switches and loops with rotating phis, of addresses too,
//! keeps values in memory, calls functions made before it (by value, by pointer, with struct results) and stores a digest of all
//! it has. It never divides by zero, never shifts too far, never reads what was not written: its result is defined. Where it
//! computes with floating-point numbers, it keeps their bits, but for NaNs, whose bits are the machine's.

mod floats;
mod flow;

use crate::ops::{Suite, put};
use std::fmt::Write;

/// xorshift64*
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 32) % n
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }
}

const WIDTHS: &[u32] = &[
    1, 5, 8, 8, 16, 16, 24, 32, 32, 32, 32, 33, 48, 64, 64, 64, 65, 100, 128, 128,
];
/// Widths that fill whole bytes: what is stored can be loaded as another.
const STORED: &[u32] = &[8, 16, 24, 32, 48, 64, 128];

#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// `iA f(iB, iC)`
    Scalar,
    /// `{ iA, iB } f(iC, ptr)`
    Pair,
    /// `void f(ptr sret([16 x i8]), iA)`
    Sret,
    /// `iA f(ptr byval([12 x i8]), i8 signext)`
    Byval,
}

struct Helper {
    name: String,
    style: Style,
    widths: [u32; 3],
}

struct Gen {
    rng: Rng,
    text: String,
    next: u32,
    /// Values that can be used here.
    pool: Vec<(String, u32)>,
    declared: Vec<String>,
    /// Whether it computes with floating-point numbers.
    floats: bool,
}

impl Gen {
    fn name(&mut self) -> String {
        self.next += 1;
        format!("%x{}", self.next)
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "  {text}");
    }

    fn def(&mut self, width: u32, text: &str) -> String {
        let name = self.name();
        self.line(&format!("{name} = {text}"));
        self.pool.push((name.clone(), width));
        name
    }

    fn literal(&mut self, w: u32) -> String {
        if w == 1 {
            return if self.rng.below(2) == 0 {
                "false"
            } else {
                "true"
            }
            .into();
        }
        let n = match self.rng.below(5) {
            0 => 0,
            1 => 1,
            2 => u128::MAX,
            3 => 1 << (w - 1),
            _ => u128::from(self.rng.next()) << 64 | u128::from(self.rng.next()),
        };
        let n = if w == 128 { n } else { n & ((1 << w) - 1) };
        // Negative half the time, as the printer writes it.
        if n >> (w - 1) & 1 == 1 && w < 128 {
            format!("-{}", (1u128 << w) - n)
        } else {
            n.to_string()
        }
    }

    /// A value of width `w`: one that exists, a constant, or one cut or extended to fit.
    fn value(&mut self, w: u32) -> String {
        let fitting: Vec<usize> = (0..self.pool.len())
            .filter(|&i| self.pool[i].1 == w)
            .collect();
        if !fitting.is_empty() && self.rng.below(4) != 0 {
            let i = self.rng.pick(&fitting);
            return self.pool[i].0.clone();
        }
        if self.rng.below(4) == 0 || self.pool.is_empty() {
            return self.literal(w);
        }
        let i = self.rng.below(self.pool.len() as u64) as usize;
        let (v, from) = self.pool[i].clone();
        match from.cmp(&w) {
            std::cmp::Ordering::Equal => v,
            std::cmp::Ordering::Less => {
                let op = self.rng.pick(&["zext", "sext"]);
                self.def(w, &format!("{op} i{from} {v} to i{w}"))
            }
            std::cmp::Ordering::Greater => self.def(w, &format!("trunc i{from} {v} to i{w}")),
        }
    }

    fn local(&mut self, text: &str) -> String {
        let name = self.name();
        self.line(&format!("{name} = {text}"));
        name
    }

    fn declare(&mut self, text: String) {
        self.declared.push(format!("declare {text}"));
    }

    fn step(&mut self, helpers: &[Helper]) {
        if self.floats && self.rng.below(3) == 0 {
            return self.float_step();
        }
        let w = self.rng.pick(WIDTHS);
        let (a, b) = (self.value(w), self.value(w));
        match self.rng.below(25) {
            0..=4 => {
                let op = self.rng.pick(&["add", "sub", "mul", "and", "or", "xor"]);
                self.def(w, &format!("{op} i{w} {a}, {b}"));
            }
            5 | 6 if w > 1 => {
                let op = self.rng.pick(&["shl", "lshr", "ashr"]);
                let n = self.local(&format!(
                    "urem i{w} {b}, {}",
                    w.min((1u128 << w.min(8)) as u32 - 1)
                ));
                self.def(w, &format!("{op} i{w} {a}, {n}"));
            }
            7 | 8 if w > 1 => {
                let op = self.rng.pick(&["udiv", "urem", "sdiv", "srem"]);
                let d = self.local(&format!("or i{w} {b}, 1"));
                // Half the dividend: the least number by -1 is undefined.
                let n = self.local(&format!("lshr i{w} {a}, 1"));
                self.def(w, &format!("{op} i{w} {n}, {d}"));
            }
            9 | 10 => {
                let pred = self.rng.pick(&[
                    "eq", "ne", "ugt", "uge", "ult", "ule", "sgt", "sge", "slt", "sle",
                ]);
                self.def(1, &format!("icmp {pred} i{w} {a}, {b}"));
            }
            11 => {
                let c = self.value(1);
                self.def(w, &format!("select i1 {c}, i{w} {a}, i{w} {b}"));
            }
            12 => {
                let op = self
                    .rng
                    .pick(&["umin", "umax", "smin", "smax", "uadd.sat", "ssub.sat"]);
                self.declare(format!("i{w} @llvm.{op}.i{w}(i{w}, i{w})"));
                self.def(w, &format!("call i{w} @llvm.{op}.i{w}(i{w} {a}, i{w} {b})"));
            }
            13 => {
                let op = self
                    .rng
                    .pick(&["uadd", "usub", "umul", "sadd", "ssub", "smul"]);
                self.declare(format!(
                    "{{ i{w}, i1 }} @llvm.{op}.with.overflow.i{w}(i{w}, i{w})"
                ));
                let p = self.local(&format!(
                    "call {{ i{w}, i1 }} @llvm.{op}.with.overflow.i{w}(i{w} {a}, i{w} {b})"
                ));
                self.def(w, &format!("extractvalue {{ i{w}, i1 }} {p}, 0"));
                self.def(1, &format!("extractvalue {{ i{w}, i1 }} {p}, 1"));
            }
            14 => {
                let op = self.rng.pick(&["fshl", "fshr"]);
                let c = self.value(w);
                self.declare(format!("i{w} @llvm.{op}.i{w}(i{w}, i{w}, i{w})"));
                self.def(
                    w,
                    &format!("call i{w} @llvm.{op}.i{w}(i{w} {a}, i{w} {b}, i{w} {c})"),
                );
            }
            15 => {
                self.def(w, &format!("freeze i{w} {a}"));
            }
            16 | 17 => {
                // Into the function's memory, at any alignment, and perhaps through a variable index.
                let w = self.rng.pick(STORED);
                let (v, index) = (self.value(w), self.value(32));
                let m = self.local(&format!("and i32 {index}, 47"));
                let p = self.local(&format!(
                    "getelementptr inbounds [64 x i8], ptr %mem, i32 0, i32 {m}"
                ));
                let volatile = self.rng.pick(&["", "", "volatile "]);
                self.line(&format!("store {volatile}i{w} {v}, ptr {p}, align 1"));
            }
            18 | 19 => {
                let w = self.rng.pick(STORED);
                let align = self.rng.pick(&[1u64, 2, 4, 8]);
                let at = self.rng.below(48 / align) * align;
                let p = self.local(&format!("getelementptr inbounds i8, ptr %mem, i32 {at}"));
                self.def(w, &format!("load i{w}, ptr {p}, align {align}"));
            }
            20 if !helpers.is_empty() => self.call(helpers),
            21 | 22 => self.aggregate(w, &a),
            23 => {
                // Undefined, but of its width: how wide it is must not be seen.
                let what = self.rng.pick(&["undef", "poison"]);
                let f = self.local(&format!("freeze i{w} {what}"));
                let s = self.local(&format!("insertvalue {{ i{w}, i32 }} {what}, i32 7, 1"));
                let s = self.local(&format!("freeze {{ i{w}, i32 }} {s}"));
                let g = self.local(&format!("extractvalue {{ i{w}, i32 }} {s}, 0"));
                for v in [f, g] {
                    let wide = if w == 128 {
                        v
                    } else {
                        self.local(&format!("zext i{w} {v} to i128"))
                    };
                    let over = self.local(&format!("lshr i128 {wide}, {}", w.min(127)));
                    let one = self.local(&format!("and i128 {over}, {}", u8::from(w < 128)));
                    self.def(128, &format!("add i128 {one}, 0"));
                }
            }
            _ => {
                let op = self.rng.pick(&["memmove", "memset"]);
                let (from, to, n) = (self.rng.below(32), self.rng.below(32), self.rng.below(32));
                let p = self.local(&format!("getelementptr inbounds i8, ptr %mem, i32 {to}"));
                if op == "memset" {
                    let c = self.value(8);
                    self.declare("void @llvm.memset.p0.i32(ptr, i8, i32, i1)".into());
                    self.line(&format!(
                        "call void @llvm.memset.p0.i32(ptr {p}, i8 {c}, i32 {n}, i1 false)"
                    ));
                } else {
                    let q = self.local(&format!("getelementptr inbounds i8, ptr %mem, i32 {from}"));
                    self.declare("void @llvm.memmove.p0.p0.i32(ptr, ptr, i32, i1)".into());
                    self.line(&format!(
                        "call void @llvm.memmove.p0.p0.i32(ptr {p}, ptr {q}, i32 {n}, i1 false)"
                    ));
                }
            }
        }
    }

    /// A struct and an array in it, filled member by member, chosen, stored, loaded and taken apart.
    fn aggregate(&mut self, w: u32, a: &str) {
        let (x, y) = (self.rng.pick(WIDTHS), self.rng.pick(WIDTHS));
        let ty = self.rng.pick(&[
            "{ X, [2 x Y], W }",
            "{ W, { X, Y }, i8 }",
            "<{ i8, X, W, [1 x Y] }>",
        ]);
        let members: &[(&str, u32)] = match ty.as_bytes()[2] {
            b'X' => &[("0", x), ("1, 0", y), ("1, 1", y), ("2", w)],
            b'W' => &[("0", w), ("1, 0", x), ("1, 1", y), ("2", 8)],
            _ => &[("0", 8), ("1", x), ("2", w), ("3, 0", y)],
        };
        let ty = ty
            .replace('X', &format!("i{x}"))
            .replace('Y', &format!("i{y}"))
            .replace('W', &format!("i{w}"));
        let start = self.rng.pick(&["undef", "poison", "zeroinitializer"]);
        let mut s = start.to_owned();
        for &(path, width) in members {
            let v = if width == w {
                a.to_owned()
            } else {
                self.value(width)
            };
            s = self.local(&format!("insertvalue {ty} {s}, i{width} {v}, {path}"));
        }
        let c = self.value(1);
        let s = self.local(&format!("select i1 {c}, {ty} {s}, {ty} zeroinitializer"));
        let align = self.rng.pick(&[1, 4, 8]);
        self.line(&format!("store {ty} {s}, ptr %agg, align {align}"));
        let t = self.local(&format!("load {ty}, ptr %agg, align {align}"));
        for &(path, width) in members {
            self.def(width, &format!("extractvalue {ty} {t}, {path}"));
        }
    }

    fn call(&mut self, helpers: &[Helper]) {
        let h = &helpers[self.rng.below(helpers.len() as u64) as usize];
        let [x, y, z] = h.widths;
        let callee = if self.rng.below(3) == 0 {
            self.line(&format!(
                "store volatile ptr @{}, ptr %slot, align 4",
                h.name
            ));
            self.local("load volatile ptr, ptr %slot, align 4")
        } else {
            format!("@{}", h.name)
        };
        match h.style {
            Style::Scalar => {
                let (b, c) = (self.value(y), self.value(z));
                self.def(x, &format!("call i{x} {callee}(i{y} {b}, i{z} {c})"));
            }
            Style::Pair => {
                let c = self.value(z);
                let p = self.local(&format!(
                    "call {{ i{x}, i{y} }} {callee}(i{z} {c}, ptr %mem)"
                ));
                self.def(x, &format!("extractvalue {{ i{x}, i{y} }} {p}, 0"));
                self.def(y, &format!("extractvalue {{ i{x}, i{y} }} {p}, 1"));
            }
            Style::Sret => {
                let a = self.value(x);
                self.line(&format!(
                    "call void {callee}(ptr sret([16 x i8]) align 4 %mem, i{x} {a})"
                ));
            }
            Style::Byval => {
                let a = self.value(8);
                self.def(
                    x,
                    &format!(
                        "call i{x} {callee}(ptr byval([12 x i8]) align 4 %mem, i8 signext {a})"
                    ),
                );
            }
        }
    }

    /// The pool's latest values folded into an i128.
    fn digest(&mut self) -> String {
        let mut sum = self.local("load i128, ptr %mem, align 8");
        for (v, w) in self.pool.clone().into_iter().rev().take(24) {
            let wide = if w == 128 {
                v
            } else {
                self.local(&format!("zext i{w} {v} to i128"))
            };
            let turned = self.local(&format!("mul i128 {sum}, 1000000007"));
            sum = self.local(&format!("xor i128 {turned}, {wide}"));
        }
        sum
    }
}

fn body(
    rng: Rng,
    operands: Vec<(String, u32)>,
    helpers: &[Helper],
    segments: u32,
    floats: bool,
    suite: &mut Suite,
) -> (Gen, String) {
    let mut g = Gen {
        rng,
        text: String::new(),
        next: 0,
        pool: operands,
        declared: Vec::new(),
        floats,
    };
    g.line("%mem = alloca [64 x i8], align 8");
    g.line("%agg = alloca [96 x i8], align 8");
    g.line("%slot = alloca ptr, align 4");
    g.declare("void @llvm.memset.p0.i32(ptr, i8, i32, i1)".into());
    g.line("call void @llvm.memset.p0.i32(ptr %mem, i8 90, i32 64, i1 false)");
    for n in 0..segments {
        g.segment(helpers, n);
    }
    let digest = g.digest();
    suite.declared.extend(g.declared.drain(..));
    (g, digest)
}

/// The program of a seed: some helpers and two functions for the driver.
pub fn program(suite: &mut Suite, seed: u64, floats: bool) {
    let mut rng = Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..8 {
        rng.next();
    }
    let mut helpers: Vec<Helper> = Vec::new();
    for n in 0..4 {
        let style = [Style::Scalar, Style::Pair, Style::Sret, Style::Byval][n];
        let widths = [rng.pick(WIDTHS), rng.pick(WIDTHS), rng.pick(WIDTHS)];
        let [x, y, z] = widths;
        let name = format!("h{seed}_{n}");
        let linkage = rng.pick(&["internal ", ""]);
        let (head, operands): (String, Vec<(String, u32)>) = match style {
            Style::Scalar => (
                format!("i{x} @{name}(i{y} %a, i{z} %b)"),
                vec![("%a".into(), y), ("%b".into(), z)],
            ),
            Style::Pair => (
                format!("{{ i{x}, i{y} }} @{name}(i{z} %a, ptr %m)"),
                vec![("%a".into(), z)],
            ),
            Style::Sret => (
                format!("void @{name}(ptr sret([16 x i8]) align 4 %m, i{x} %a)"),
                vec![("%a".into(), x)],
            ),
            Style::Byval => (
                format!("i{x} @{name}(ptr byval([12 x i8]) align 4 %m, i8 signext %a)"),
                vec![("%a".into(), 8)],
            ),
        };
        let segments = 1 + rng.below(3) as u32;
        let (mut g, digest) = body(
            Rng(rng.next() | 1),
            operands,
            &helpers,
            segments,
            floats,
            suite,
        );
        let fit = |g: &mut Gen, v: &str, w: u32| {
            if w == 128 {
                v.to_owned()
            } else {
                g.local(&format!("trunc i128 {v} to i{w}"))
            }
        };
        match style {
            Style::Scalar => {
                let r = fit(&mut g, &digest, x);
                g.line(&format!("ret i{x} {r}"));
            }
            Style::Byval => {
                // What the callee does to its copy must not reach the caller.
                let word = g.local("load i32, ptr %m, align 4");
                g.line("store i32 0, ptr %m, align 4");
                let wide = g.local(&format!("zext i32 {word} to i128"));
                let sum = g.local(&format!("add i128 {digest}, {wide}"));
                let r = fit(&mut g, &sum, x);
                g.line(&format!("ret i{x} {r}"));
            }
            Style::Pair => {
                let (r, t) = (fit(&mut g, &digest, x), fit(&mut g, &digest, y));
                g.line("store i8 77, ptr %m, align 1");
                let p = g.local(&format!("insertvalue {{ i{x}, i{y} }} undef, i{x} {r}, 0"));
                let p = g.local(&format!("insertvalue {{ i{x}, i{y} }} {p}, i{y} {t}, 1"));
                g.line(&format!("ret {{ i{x}, i{y} }} {p}"));
            }
            Style::Sret => {
                g.line(&format!("store i128 {digest}, ptr %m, align 4"));
                g.line("ret void");
            }
        }
        let _ = writeln!(suite.ir, "define {linkage}{head} {{\n{}}}\n", g.text);
        helpers.push(Helper {
            name,
            style,
            widths,
        });
    }
    for n in 0..2 {
        let widths = [rng.pick(WIDTHS), rng.pick(WIDTHS), rng.pick(WIDTHS)];
        let operands = ["%a", "%b", "%c"]
            .iter()
            .zip(widths)
            .map(|(n, w)| ((*n).to_owned(), w))
            .collect();
        let segments = 2 + rng.below(5) as u32;
        let (g, digest) = body(
            Rng(rng.next() | 1),
            operands,
            &helpers,
            segments,
            floats,
            suite,
        );
        suite.function(
            &format!("random_{seed}_{n}"),
            widths,
            &format!("{}{}", g.text, put(128, &digest, 0)),
        );
    }
}

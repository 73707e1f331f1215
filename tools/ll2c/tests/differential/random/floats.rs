// SPDX-License-Identifier: GPL-2.0-only
//! What random programs do with floating-point numbers.

use super::{Gen, WIDTHS};

impl Gen {
    /// Bits of a floating-point type, and its name.
    fn float_type(&mut self) -> (u32, &'static str) {
        self.rng.pick(&[(32, "float"), (64, "double")])
    }

    /// A floating-point number: a constant, one made of an integer, or bits that may be any number or none.
    fn float(&mut self, (w, ty): (u32, &str)) -> String {
        match self.rng.below(6) {
            0 => self
                .rng
                .pick(&["1.5", "-0.0", "3.0", "-1024.0", "0.125"])
                .into(),
            1 | 2 => {
                let from = self.rng.pick(WIDTHS);
                let (v, op) = (self.value(from), self.rng.pick(&["sitofp", "uitofp"]));
                self.local(&format!("{op} i{from} {v} to {ty}"))
            }
            _ => {
                let v = self.value(w);
                self.local(&format!("bitcast i{w} {v} to {ty}"))
            }
        }
    }

    /// The bits of a number as a value that can be used, zero if it is none.
    fn bits(&mut self, (w, ty): (u32, &str), number: &str) -> String {
        let none = self.local(&format!("fcmp uno {ty} {number}, {number}"));
        let bits = self.local(&format!("bitcast {ty} {number} to i{w}"));
        self.def(w, &format!("select i1 {none}, i{w} 0, i{w} {bits}"))
    }

    pub(super) fn float_step(&mut self) {
        let of @ (w, ty) = self.float_type();
        let (a, b) = (self.float(of), self.float(of));
        match self.rng.below(8) {
            0..=2 => {
                // A product or so, and what is done with it at once.
                let ops = ["fadd", "fsub", "fmul", "fmul", "fdiv"];
                let (op, then) = (self.rng.pick(&ops), self.rng.pick(&ops));
                let c = self.float(of);
                let t = self.local(&format!("{op} {ty} {a}, {b}"));
                let r = self.local(&format!("{then} {ty} {t}, {c}"));
                self.bits(of, &r);
            }
            3 => {
                let pred = self.rng.pick(&[
                    "oeq", "one", "olt", "ole", "ogt", "oge", "ueq", "une", "ult", "uge", "ord",
                    "uno",
                ]);
                self.def(1, &format!("fcmp {pred} {ty} {a}, {b}"));
            }
            4 => {
                let (to, op) = (
                    self.rng.pick(&[8u32, 16, 32, 64]),
                    self.rng.pick(&["fptosi", "fptoui"]),
                );
                self.declare(format!("i{to} @llvm.{op}.sat.i{to}.f{w}({ty})"));
                self.def(
                    to,
                    &format!("call i{to} @llvm.{op}.sat.i{to}.f{w}({ty} {a})"),
                );
            }
            5 => {
                let (op, to) = match w {
                    32 => ("fpext", (64, "double")),
                    _ => ("fptrunc", (32, "float")),
                };
                let r = self.local(&format!("{op} {ty} {a} to {}", to.1));
                self.bits(to, &r);
            }
            6 => {
                let c = self.value(1);
                let r = self.local(&format!("select i1 {c}, {ty} {a}, {ty} {b}"));
                let r = self.local(&format!("fneg {ty} {r}"));
                self.bits(of, &r);
            }
            _ => {
                // Through memory.
                let bits = self.bits(of, &a);
                let x = self.local(&format!("bitcast i{w} {bits} to {ty}"));
                let at = self.rng.below(6) * 8;
                let p = self.local(&format!("getelementptr inbounds i8, ptr %mem, i32 {at}"));
                self.line(&format!("store {ty} {x}, ptr {p}, align 8"));
                let y = self.local(&format!("load {ty}, ptr {p}, align 8"));
                let r = self.local(&format!("fmul {ty} {y}, {b}"));
                self.bits(of, &r);
            }
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! Where random programs go: branches, loops with rotating phis, switches.

use super::{Gen, Helper, STORED, WIDTHS};
use std::fmt::Write;

impl Gen {
    /// A place in the function's memory.
    fn address(&mut self) -> String {
        let at = self.rng.below(48);
        self.local(&format!("getelementptr inbounds i8, ptr %mem, i32 {at}"))
    }

    /// Reads and changes what is at a place.
    fn through(&mut self, place: &str) {
        let w = self.rng.pick(STORED);
        let x = self.def(w, &format!("load i{w}, ptr {place}, align 1"));
        let y = self.value(w);
        let z = self.local(&format!("sub i{w} {x}, {y}"));
        self.line(&format!("store i{w} {z}, ptr {place}, align 1"));
    }

    /// One of three values, by a switch inside a loop.
    fn turning(&mut self, w: u32, n: u32) -> String {
        let values = [self.value(w), self.value(w), self.value(w)];
        let by = self.rng.pick(&[8u32, 33, 64, 128, 128]);
        let high = 1u128 << (by - 2);
        let v = self.value(by);
        let m = self.local(&format!("and i{by} {v}, {}", high | 1));
        let _ = writeln!(
            self.text,
            "  switch i{by} {m}, label %Lf{n} [ i{by} 1, label %Lg{n}\n i{by} {}, label %Lh{n} ]\n\
             Lf{n}:\n  br label %Lv{n}\nLg{n}:\n  br label %Lv{n}\nLh{n}:\n  br label %Lv{n}\nLv{n}:",
            high | 1
        );
        let [f, g, h] = values;
        self.local(&format!(
            "phi i{w} [ {f}, %Lf{n} ], [ {g}, %Lg{n} ], [ {h}, %Lh{n} ]"
        ))
    }

    /// A stretch of code that ends where it falls through to the next.
    pub(super) fn segment(&mut self, helpers: &[Helper], n: u32) {
        match self.rng.below(4) {
            0 => {
                let c = self.value(1);
                let w = self.rng.pick(WIDTHS);
                self.line(&format!("br i1 {c}, label %Lt{n}, label %Le{n}"));
                let saved = self.pool.clone();
                let _ = writeln!(self.text, "Lt{n}:");
                (0..4).for_each(|_| self.step(helpers));
                let (a, p) = (self.value(w), self.address());
                self.line(&format!("br label %Lj{n}"));
                self.pool = saved.clone();
                let _ = writeln!(self.text, "Le{n}:");
                (0..4).for_each(|_| self.step(helpers));
                let (b, q) = (self.value(w), self.address());
                self.line(&format!("br label %Lj{n}"));
                self.pool = saved;
                let _ = writeln!(self.text, "Lj{n}:");
                self.def(w, &format!("phi i{w} [ {a}, %Lt{n} ], [ {b}, %Le{n} ]"));
                let p = self.local(&format!("phi ptr [ {p}, %Lt{n} ], [ {q}, %Le{n} ]"));
                self.through(&p);
            }
            1 => {
                // Three values that change places on every turn, one of them changing.
                let w = self.rng.pick(WIDTHS);
                let (a, b, c) = (self.value(w), self.value(w), self.value(w));
                let (p, r) = (self.address(), self.address());
                let turns = 1 + self.rng.below(7);
                self.line(&format!("br label %Lp{n}"));
                let _ = writeln!(self.text, "Lp{n}:\n  br label %Ll{n}\nLl{n}:");
                let _ = writeln!(
                    self.text,
                    "  %i{n} = phi i32 [ 0, %Lp{n} ], [ %k{n}, %Lb{n} ]"
                );
                for (v, start, next) in [("a", &a, "b"), ("b", &b, "c"), ("c", &c, "d")] {
                    let _ = writeln!(
                        self.text,
                        "  %{v}{n} = phi i{w} [ {start}, %Lp{n} ], [ %{next}{n}, %Lb{n} ]"
                    );
                }
                // Two addresses that change places.
                let _ = writeln!(
                    self.text,
                    "  %p{n} = phi ptr [ {p}, %Lp{n} ], [ %r{n}, %Lb{n} ]\n  %r{n} = phi ptr [ {r}, %Lp{n} ], [ %p{n}, %Lb{n} ]"
                );
                for v in ["a", "b", "c"] {
                    self.pool.push((format!("%{v}{n}"), w));
                }
                self.pool.push((format!("%i{n}"), 32));
                let keep = self.pool.clone();
                self.through(&format!("%p{n}"));
                (0..3).for_each(|_| self.step(helpers));
                let mixed = self.turning(w, n);
                let _ = writeln!(
                    self.text,
                    "  %d{n} = add i{w} %a{n}, {mixed}\n  %k{n} = add i32 %i{n}, 1\n  br label %Lb{n}\nLb{n}:"
                );
                let _ = writeln!(
                    self.text,
                    "  %q{n} = icmp ult i32 %k{n}, {turns}\n  br i1 %q{n}, label %Ll{n}, label %Lx{n}\nLx{n}:"
                );
                self.pool = keep;
            }
            2 => {
                let (w, rw) = (
                    self.rng.pick(&[8u32, 16, 24, 32, 64, 128]),
                    self.rng.pick(WIDTHS),
                );
                let v = self.value(w);
                let m = self.local(&format!("and i{w} {v}, 7"));
                self.line(&format!("switch i{w} {m}, label %Ld{n} [ i{w} 0, label %Ls{n}\n i{w} 3, label %Lr{n}\n i{w} 5, label %Ls{n} ]"));
                let mut arms = Vec::new();
                for arm in ["d", "s", "r"] {
                    let saved = self.pool.clone();
                    let _ = writeln!(self.text, "L{arm}{n}:");
                    (0..2).for_each(|_| self.step(helpers));
                    let r = self.value(rw);
                    self.line(&format!("br label %Ly{n}"));
                    self.pool = saved;
                    arms.push(format!("[ {r}, %L{arm}{n} ]"));
                }
                let _ = writeln!(self.text, "Ly{n}:");
                self.def(rw, &format!("phi i{rw} {}", arms.join(", ")));
            }
            _ => (0..6).for_each(|_| self.step(helpers)),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! `undef` and `poison` of odd widths in every place that takes a value.
//!
//! What such a value is, nobody may ask; but it has no more bits than its type: extended, it is at most the type's largest
//! number. A C variable that was never assigned has more. Each function sums up what it sees to find that out.

use crate::ops::{Suite, put};
use std::fmt::Write;

const WIDTHS: &[u32] = &[1, 7, 8, 13, 16, 24, 31, 33, 56, 64, 65, 96, 128];

/// A function under construction.
struct Body {
    width: u32,
    text: String,
    seen: u32,
}

impl Body {
    /// Adds 1 to the sum if `value`, an integer of `width` bits, has more bits than it may have.
    fn look(&mut self, width: u32, value: &str) {
        let n = self.seen;
        self.seen += 1;
        let (before, after) = (self.sum(n), self.sum(n + 1));
        if width == 128 {
            let _ = writeln!(self.text, "  {after} = add i32 {before}, 0");
            return;
        }
        let max = (1u128 << width) - 1;
        // Both ways that a number is widened, and a comparison that looks at it as it is.
        let _ = writeln!(
            self.text,
            "  %look_z{n} = zext i{width} {value} to i128\n  %look_g{n} = icmp ugt i128 %look_z{n}, {max}\n  %look_u{n} = zext i1 %look_g{n} to i32\n  \
             %look_s{n} = sext i{width} {value} to i128\n  %look_h{n} = icmp sgt i128 %look_s{n}, {}\n  %look_l{n} = icmp slt i128 %look_s{n}, -{}\n  \
             %look_hl{n} = or i1 %look_h{n}, %look_l{n}\n  %look_v{n} = zext i1 %look_hl{n} to i32\n  \
             %look_c{n} = icmp ult i{width} {}, {value}\n  %look_w{n} = zext i1 %look_c{n} to i32\n  \
             %look_x{n} = add i32 %look_u{n}, %look_v{n}\n  %look_y{n} = add i32 %look_x{n}, %look_w{n}\n  {after} = add i32 {before}, %look_y{n}",
            max >> 1,
            (max >> 1) + 1,
            if width == 1 {
                "true".into()
            } else {
                max.to_string()
            },
        );
    }

    fn sum(&self, n: u32) -> String {
        if n == 0 {
            "%zero".into()
        } else {
            format!("%sum{n}")
        }
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(
            self.text,
            "  {}",
            text.replace("iW", &format!("i{}", self.width))
        );
    }
}

/// Adds a function `name` for a width; `write` writes what looks at values. `iW` in a line is the width's type.
fn function(s: &mut Suite, name: &str, width: u32, write: impl FnOnce(&mut Body)) {
    let mut body = Body {
        width,
        text: String::from("  call void @dirty()\n  %zero = add i32 0, 0\n"),
        seen: 0,
    };
    write(&mut body);
    let sum = body.sum(body.seen);
    let text = format!("{}{}", body.text, put(32, &sum, 0));
    s.function(&format!("{name}_{width}"), [width, 0, 0], &text);
}

pub fn build(s: &mut Suite) {
    // Registers and the stack are full of ones.
    s.ir.push_str(
        "declare void @llvm.memset.p0.i32(ptr, i8, i32, i1)\ndefine void @dirty() noinline {\n  %m = alloca [512 x i8]\n  \
         call void @llvm.memset.p0.i32(ptr %m, i8 -1, i32 512, i1 true)\n  ret void\n}\n",
    );
    for &w in WIDTHS {
        let helpers = "define iW @pass_W(iW %x) noinline {\n  ret iW %x\n}\n\
            define iW @none_W() noinline {\n  ret iW undef\n}\n\
            define { i32, iW } @half_W(i32 %x) noinline {\n  %s = insertvalue { i32, iW } undef, i32 %x, 0\n  ret { i32, iW } %s\n}\n\
            define { i32, iW, [2 x iW] } @whole_W() noinline {\n  ret { i32, iW, [2 x iW] } undef\n}\n\
            define iW @second_W({ i32, iW } %s) noinline {\n  %x = extractvalue { i32, iW } %s, 1\n  ret iW %x\n}\n\
            @global_W = internal global { i8, iW, { iW, i8 } } { i8 7, iW undef, { iW, i8 } { iW poison, i8 9 } }\n";
        s.ir.push_str(
            &helpers
                .replace("iW", &format!("i{w}"))
                .replace('W', &w.to_string()),
        );
        // What three ways lead to is in a variable of its own, at every level of GCC's. What is above its width counts.
        let wide = if w == 128 {
            "add i128 %p, 0".to_owned()
        } else {
            format!("zext i{w} %p to i128")
        };
        s.ir += &format!(
            "define i128 @merge_{w}(i32 %c, i{w} %x, i{w} %y) noinline {{\n  switch i32 %c, label %one [ i32 0, label %none\n i32 1, label %two ]\n\
             none:\n  br label %m\none:\n  %t = add i{w} %x, %y\n  br label %m\ntwo:\n  %u = mul i{w} %y, %y\n  br label %m\nm:\n  \
             %p = phi i{w} [ undef, %none ], [ %t, %one ], [ %u, %two ]\n  %r = {wide}\n  ret i128 %r\n}}\n"
        );
        let mut body = String::from("  %high0 = add i128 0, 0\n");
        for c in 0..3 {
            let _ = writeln!(
                body,
                "  call void @dirty()\n  %m{c} = call i128 @merge_{w}(i32 {c}, i{w} %a, i{w} %a)\n  %s{c} = lshr i128 %m{c}, {}\n  \
                 %k{c} = and i128 %s{c}, {}\n  %high{} = or i128 %high{c}, %k{c}",
                w.min(127),
                if w == 128 { "0" } else { "-1" },
                c + 1
            );
        }
        let body = body + &put(128, "%high3", 0);
        s.function(&format!("merged_{w}"), [w, 0, 0], &body);
        for what in ["undef", "poison"] {
            function(s, &format!("phi_{what}"), w, |b| {
                b.line("%t = trunc i128 %p to i1\n  br i1 %t, label %x, label %y\nx:\n  br label %j\ny:\n  br label %j\nj:".replace("%p", if w == 128 { "%a" } else { "%wa" }).as_str());
                b.line(&format!("%f = phi iW [ {what}, %x ], [ %a, %y ]"));
                b.line(&format!(
                    "%k = phi {{ i32, iW }} [ {what}, %x ], [ zeroinitializer, %y ]"
                ));
                b.line(&format!(
                    "%q = phi [2 x iW] [ [iW {what}, iW 0], %x ], [ zeroinitializer, %y ]"
                ));
                b.line("%k1 = extractvalue { i32, iW } %k, 1\n  %q0 = extractvalue [2 x iW] %q, 0");
                frozen(b, what, &["%f", "%k1", "%q0"]);
            });
            function(s, &format!("insert_{what}"), w, |b| {
                b.line(&format!(
                    "%i1 = insertvalue {{ i32, iW, [2 x iW] }} {what}, i32 7, 0"
                ));
                b.line(&format!(
                    "%i2 = insertvalue {{ i32, iW, [2 x iW] }} {what}, iW %a, 2, 1"
                ));
                b.line(&format!(
                    "%i3 = insertvalue {{ i32, iW, [2 x iW] }} zeroinitializer, iW {what}, 1"
                ));
                b.line(&format!("%i4 = insertvalue {{ i32, {{ iW, i8 }} }} zeroinitializer, {{ iW, i8 }} {what}, 1"));
                b.line("%e1 = extractvalue { i32, iW, [2 x iW] } %i1, 1\n  %e2 = extractvalue { i32, iW, [2 x iW] } %i2, 2, 0");
                b.line("%e3 = extractvalue { i32, iW, [2 x iW] } %i3, 1\n  %e4 = extractvalue { i32, { iW, i8 } } %i4, 1, 0");
                frozen(b, what, &["%e1", "%e2", "%e3", "%e4"]);
            });
            function(s, &format!("select_{what}"), w, |b| {
                b.line("%c = icmp eq iW %a, 0");
                b.line(&format!(
                    "%x = select i1 %c, iW {what}, iW %a\n  %y = select i1 %c, iW %a, iW {what}"
                ));
                b.line(&format!("%k = select i1 %c, {{ i8, iW }} {what}, {{ i8, iW }} {{ i8 1, iW {what} }}\n  %k1 = extractvalue {{ i8, iW }} %k, 1"));
                frozen(b, what, &["%x", "%y", "%k1"]);
            });
            function(s, &format!("freeze_{what}"), w, |b| {
                b.line(&format!(
                    "%x = freeze iW {what}\n  %k = freeze {{ i32, iW, [2 x iW] }} {what}"
                ));
                b.line(&format!("%i = insertvalue {{ i32, iW }} {what}, i32 7, 0\n  %m = freeze {{ i32, iW }} %i\n  %m1 = extractvalue {{ i32, iW }} %m, 1"));
                b.line("%k1 = extractvalue { i32, iW, [2 x iW] } %k, 1\n  %k2 = extractvalue { i32, iW, [2 x iW] } %k, 2, 1");
                for v in ["%x", "%k1", "%k2", "%m1"] {
                    b.look(w, v);
                }
                // A switch has one answer, whatever it is asked about.
                b.line("switch iW %x, label %d [ iW 0, label %d\n iW 1, label %d ]\nd:");
            });
            function(s, &format!("calls_{what}"), w, |b| {
                b.line(&format!("%x = call iW @pass_{w}(iW {what})\n  %y = call iW @none_{w}()\n  %h = call {{ i32, iW }} @half_{w}(i32 3)"));
                b.line(&format!("%k = call {{ i32, iW, [2 x iW] }} @whole_{w}()\n  %z = call iW @second_{w}({{ i32, iW }} {what})"));
                b.line(&format!(
                    "%v = call iW @second_{w}({{ i32, iW }} {{ i32 1, iW {what} }})"
                ));
                b.line("%h1 = extractvalue { i32, iW } %h, 1\n  %k1 = extractvalue { i32, iW, [2 x iW] } %k, 1\n  %k2 = extractvalue { i32, iW, [2 x iW] } %k, 2, 0");
                frozen(b, "poison", &["%x", "%y", "%h1", "%k1", "%k2", "%z", "%v"]);
            });
            function(s, &format!("memory_{what}"), w, |b| {
                b.line(
                    "%m = alloca { i8, iW, { iW, i8 } }\n  %n = alloca iW\n  %o = alloca [3 x iW]",
                );
                b.line("%x = load iW, ptr %n\n  %k = load { i8, iW, { iW, i8 } }, ptr %m\n  %q = load [3 x iW], ptr %o");
                b.line(&format!("store iW {what}, ptr %n\n  %y = load iW, ptr %n\n  store volatile iW {what}, ptr %n\n  %v = load volatile iW, ptr %n"));
                b.line(&format!("store {{ i8, iW, {{ iW, i8 }} }} {what}, ptr %m\n  store [3 x iW] [iW 1, iW {what}, iW 0], ptr %o"));
                b.line("%k3 = load { i8, iW, { iW, i8 } }, ptr %m\n  %q3 = load [3 x iW], ptr %o");
                b.line(&format!(
                    "%g = load {{ i8, iW, {{ iW, i8 }} }}, ptr @global_{w}"
                ));
                let mut list = vec!["%x".to_owned(), "%y".into(), "%v".into()];
                for k in ["k", "k3", "g"] {
                    b.line(&format!("%{k}1 = extractvalue {{ i8, iW, {{ iW, i8 }} }} %{k}, 1\n  %{k}2 = extractvalue {{ i8, iW, {{ iW, i8 }} }} %{k}, 2, 0"));
                    list.extend([format!("%{k}1"), format!("%{k}2")]);
                }
                for k in ["q", "q3"] {
                    b.line(&format!("%{k}1 = extractvalue [3 x iW] %{k}, 1"));
                    list.push(format!("%{k}1"));
                }
                frozen(
                    b,
                    "poison",
                    &list.iter().map(String::as_str).collect::<Vec<_>>(),
                );
            });
            // Not `xor` and `or`, of which LLVM makes wider numbers' bits: all that computes.
            function(s, &format!("computed_{what}"), w, |b| {
                let mut list = Vec::new();
                for op in [
                    "add", "sub", "mul", "and", "or", "xor", "shl", "lshr", "ashr",
                ] {
                    b.line(&format!(
                        "%l_{op} = {op} iW {what}, %a\n  %r_{op} = {op} iW %a, {what}"
                    ));
                    list.extend([format!("%l_{op}"), format!("%r_{op}")]);
                }
                if w > 8 {
                    b.line(&format!("%ext = zext i8 {what} to iW"));
                    list.push("%ext".into());
                }
                if w < 100 {
                    b.line(&format!("%cut = trunc i128 {what} to iW"));
                    list.push("%cut".into());
                }
                frozen(
                    b,
                    "poison",
                    &list.iter().map(String::as_str).collect::<Vec<_>>(),
                );
            });
        }
    }
}

/// Looks at values, which are frozen first if they may be poison: of that, not even the width may be asked.
fn frozen(b: &mut Body, what: &str, values: &[&str]) {
    for value in values {
        let value = if what == "poison" {
            let name = format!("%fr{}", b.seen);
            b.line(&format!("{name} = freeze iW {value}"));
            name
        } else {
            (*value).to_owned()
        };
        b.look(b.width, &value);
    }
}

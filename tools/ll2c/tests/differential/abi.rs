// SPDX-License-Identifier: GPL-2.0-only
//! The C ABI: C and Rust call each other, directly and through pointers, with every shape of argument and result.
//!
//! For each struct, C and Rust have a function that prints what it got, changes every field and returns it; each side calls
//! the other's. What the program prints must be what it prints on mips, where LLVM knows the ABI.

use std::fmt::Write;

/// Which structs are passed.
#[derive(Debug, Clone, Copy)]
pub struct Shapes {
    /// Those with members of 64 bits, which must be aligned as the stand-in aligns them.
    pub wide: bool,
    /// Those with floating point in them, which C may pass in other registers than numbers of that size.
    pub floats: bool,
}

impl Shapes {
    /// All of them.
    pub const ALL: Shapes = Shapes {
        wide: true,
        floats: true,
    };

    fn has(self, fields: &[&str]) -> bool {
        let bytes = |t: &&str| match *t {
            "u8" | "i8" | "bool" => 1,
            "u16" | "i16" => 2,
            "u64" | "i64" | "f64" => 8,
            _ => 4,
        };
        (self.wide || fields.iter().all(|t| bytes(t) < 8))
            && (self.floats || !fields.iter().any(|t| t.starts_with('f')))
    }
}

/// Fields by their C types' short names.
fn shapes(some: Shapes) -> Vec<Vec<&'static str>> {
    let mut list: Vec<Vec<&str>> = Vec::new();
    list.extend((1..=17).map(|n| vec!["u8"; n]));
    list.extend([24, 31].map(|n| vec!["u8"; n]));
    list.extend((1..=5).map(|n| vec!["i16"; n]));
    list.extend((1..=5).map(|n| vec!["u32"; n]));
    list.extend([
        vec!["u8", "u16"],
        vec!["u8", "u32"],
        vec!["i32", "u8"],
        vec!["u16", "u8", "u16"],
        vec!["i8", "u8", "i16", "u32", "u8"],
        vec!["bool"],
        vec!["u16", "bool"],
        vec!["ptr"],
        vec!["ptr", "ptr"],
        vec!["ptr", "bool", "u16"],
        vec!["nest"],
        vec!["u8", "nest"],
        vec!["nest", "nest", "u8"],
        vec!["f32"],
        vec!["f32", "u32"],
        vec!["f32", "f32"],
    ]);
    list.extend([
        vec!["u64"],
        vec!["u64", "i64"],
        vec!["u8", "u64"],
        vec!["i64", "u8"],
        vec!["u32", "u64", "u16"],
        vec!["f64"],
        vec!["f64", "u8"],
    ]);
    list.retain(|fields| some.has(fields));
    list
}

fn c_type(t: &str) -> &'static str {
    match t {
        "u8" => "unsigned char",
        "i8" => "signed char",
        "u16" => "unsigned short",
        "i16" => "short",
        "u32" => "unsigned",
        "i32" => "int",
        "u64" => "unsigned long long",
        "i64" => "long long",
        "f32" => "float",
        "bool" => "_Bool",
        "ptr" => "char *",
        "nest" => "struct N",
        _ => "double",
    }
}

fn rust_type(t: &str) -> &str {
    match t {
        "ptr" => "*mut u8",
        "nest" => "N",
        _ => t,
    }
}

/// A field changed by the argument `a`, in C and in Rust.
fn c_change(t: &str, e: &str) -> String {
    match t {
        "bool" => format!("{e} ^= a & 1;"),
        "nest" => format!("{e}.b += a;"),
        _ => format!("{e} += a;"),
    }
}

fn rust_change(t: &str, e: &str) -> String {
    match t {
        "f32" | "f64" => format!("{e} -= {t}::from(a);"),
        "bool" => format!("{e} ^= a & 1 != 0;"),
        "ptr" => format!("{e} = {e}.wrapping_offset(-isize::from(a));"),
        "nest" => format!("{e}.b = {e}.b.wrapping_sub(a as u16);"),
        _ => format!("{e} = {e}.wrapping_sub(a as {t});"),
    }
}

/// C that prints a value as Rust does, as a number of 64 bits.
fn c_print(t: &str, e: &str) -> String {
    match t {
        "f32" | "f64" => format!("printf(\" %lld\", (long long)({e} * 16));"),
        "nest" => format!("printf(\" %d %d\", {e}.a, {e}.b);"),
        "ptr" => format!("printf(\" %u\", (unsigned){e});"),
        _ if t.starts_with('i') => format!("printf(\" %lld\", (long long){e});"),
        _ => format!("printf(\" %llu\", (unsigned long long){e});"),
    }
}

fn rust_print(t: &str, e: &str) -> String {
    match t {
        "f32" | "f64" => format!("say_part(({e} * 16.0) as i64);"),
        "nest" => format!("say_part({e}.a as i64); say_part({e}.b as i64);"),
        "ptr" => format!("say_part({e} as u32 as i64);"),
        "u64" => format!("say_unsigned({e});"),
        _ => format!("say_part({e} as i64);"),
    }
}

/// A first value for field `k`.
fn start(t: &str, i: usize, k: usize, rust: bool) -> String {
    match t {
        "f32" | "f64" => format!("{}.5", (i * 7 + k) % 100),
        "u8" => format!("{}", (i * 31 + k * 17 + 130) % 256),
        "i8" => format!("{}", (i * 31 + k * 17) % 256)
            .parse::<u8>()
            .map(|n| (n as i8).to_string())
            .unwrap_or_default(),
        "u16" => format!("{}", (i * 3001 + k * 1777 + 40000) % 65536),
        "i16" => format!("{}", -(((i * 3001 + k * 1777) % 32768) as i32)),
        "u32" => format!("{}", 4_000_000_000u32 - (i * 1_000_003 + k) as u32),
        "i32" => format!("-{}", 2_000_000_000 - i * 1_000_003 - k),
        "bool" => if rust { "true" } else { "1" }.into(),
        "ptr" if rust => format!("core::ptr::without_provenance_mut({})", 70_000 + i * 7 + k),
        "ptr" => format!("(char *){}", 70_000 + i * 7 + k),
        "nest" if rust => format!("N {{ a: {}, b: {} }}", (i + k) % 256, 60_000 + i),
        "nest" => format!("{{ {}, {} }}", (i + k) % 256, 60_000 + i),
        "u64" => format!("{}", 0xfedc_ba98_7654_3210u64 - (i * 77 + k) as u64),
        _ => format!("-{}", 0x0123_4567_89ab_cdefu64 + (i * 77 + k) as u64),
    }
}

/// A Rust and a C source.
pub fn sources(some: Shapes) -> (String, String) {
    let mut rust = String::from(
        "#![no_std]\n#![crate_type = \"lib\"]\n#![allow(improper_ctypes, improper_ctypes_definitions, dead_code)]\n",
    );
    rust.push_str(include_str!("programs/prelude.rs"));
    rust.push_str("#[inline(never)] fn say_unsigned(x: u64) { let _ = write!(Out, \" {x}\"); }\n#[inline(never)] fn say_part(x: i64) { let _ = write!(Out, \" {x}\"); }\n");
    let mut c = String::from(include_str!("programs/support.c"));
    c.push_str("struct N { unsigned char a; unsigned short b; };\n");
    rust.push_str("#[repr(C)] #[derive(Clone, Copy)] struct N { a: u8, b: u16 }\n");
    c.push_str("#define KEEP __attribute__((noinline, noclone))\n");
    let (mut externs, mut run, mut c_start) = (String::new(), String::new(), String::new());
    for (i, fields) in shapes(some).iter().enumerate() {
        let suffix = |t: &str| {
            if matches!(t, "u64") {
                "ull"
            } else if t == "i64" {
                "ll"
            } else if t == "u32" {
                "u"
            } else {
                ""
            }
        };
        let decl = |f: &dyn Fn(usize, &str) -> String| {
            fields
                .iter()
                .enumerate()
                .map(|(k, t)| f(k, t))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let _ = writeln!(
            c,
            "struct S{i} {{ {} }};",
            decl(&|k, t| format!("{} f{k};", c_type(t)))
        );
        let _ = writeln!(
            rust,
            "#[repr(C)] #[derive(Clone, Copy)] struct S{i} {{ {} }}",
            decl(&|k, t| format!("f{k}: {},", rust_type(t)))
        );
        // A sub-word and a 64-bit argument around it, so that registers and the stack are both met.
        let _ = writeln!(
            c,
            "KEEP struct S{i} c_{i}(signed char a, struct S{i} s, unsigned long long b, struct S{i} t, short d)\n{{ printf(\"C{i} %d %llu %d\", a, b, d); {} {} puts(\"\"); {} return s; }}",
            decl(&|k, t| c_print(t, &format!("s.f{k}"))),
            decl(&|k, t| c_print(t, &format!("t.f{k}"))),
            decl(&|k, t| c_change(t, &format!("s.f{k}")))
        );
        let _ = writeln!(
            c,
            "typedef struct S{i} (*F{i})(signed char, struct S{i}, unsigned long long, struct S{i}, short);"
        );
        let _ = writeln!(
            c,
            "extern struct S{i} r_{i}(signed char, struct S{i}, unsigned long long, struct S{i}, short);"
        );
        let _ = writeln!(c, "F{i} get_{i}(void) {{ return c_{i}; }}");
        let _ = writeln!(
            c,
            "KEEP void use_{i}(F{i} f)\n{{ struct S{i} s = {{ {} }}, r = f(-{}, s, 0x1122334455667788ull + {i}, s, -{i}); printf(\"use{i}\"); {} puts(\"\"); }}",
            fields
                .iter()
                .enumerate()
                .map(|(k, t)| format!("{}{}", start(t, i, k, false), suffix(t)))
                .collect::<Vec<_>>()
                .join(", "),
            i + 1,
            decl(&|k, t| c_print(t, &format!("r.f{k}")))
        );
        let _ = writeln!(c_start, "\tuse_{i}(r_{i});");
        let ty = format!("unsafe extern \"C\" fn(i8, S{i}, u64, S{i}, i16) -> S{i}");
        let _ = writeln!(
            externs,
            "    fn c_{i}(a: i8, s: S{i}, b: u64, t: S{i}, d: i16) -> S{i};\n    fn get_{i}() -> {ty};\n    fn use_{i}(f: {ty});"
        );
        let _ = writeln!(
            rust,
            "#[unsafe(no_mangle)] unsafe extern \"C\" fn r_{i}(a: i8, mut s: S{i}, b: u64, t: S{i}, d: i16) -> S{i} {{ let _ = write!(Out, \"R{i} {{a}} {{b}} {{d}}\"); {} {} say!(\"\"); {} s }}",
            decl(&|k, t| rust_print(t, &format!("s.f{k}"))),
            decl(&|k, t| rust_print(t, &format!("t.f{k}"))),
            decl(&|k, t| rust_change(t, &format!("s.f{k}")))
        );
        let init = decl(&|k, t| format!("f{k}: {},", start(t, i + 3, k, true)));
        let _ = writeln!(
            run,
            "    #[inline(never)] unsafe fn run_{i}() {{ unsafe {{ let s = opaque(S{i} {{ {init} }}); let r = c_{i}(-3, s, 1 << 60, s, -20000); {} say!(\"\"); let f = get_{i}(); let r = f(100, r, u64::MAX, s, 32767); {} say!(\"\"); use_{i}(opaque(r_{i} as {ty})); }} }} run_{i}();",
            decl(&|k, t| rust_print(t, &format!("r.f{k}"))),
            decl(&|k, t| rust_print(t, &format!("r.f{k}")))
        );
    }
    // Scalars: narrow ones of both signs, 64-bit ones at odd places, more than registers hold; variadics.
    c.push_str(
        "#include <stdarg.h>\n\
         KEEP signed char c_s8(signed char a, unsigned char b) { printf(\"%d %d\\n\", a, b); return a + b; }\n\
         KEEP unsigned char c_u8(unsigned short a, short b) { printf(\"%d %d\\n\", a, b); return a + b; }\n\
         KEEP short c_s16(int a, signed char b, long long d, unsigned char e, long long f, short g) { printf(\"%d %d %lld %d %lld %d\\n\", a, b, d, e, f, g); return g - b; }\n\
         KEEP _Bool c_bool(_Bool a, unsigned long long b) { return a == (b & 1); }\n\
         KEEP long long c_s64(unsigned char a, long long b, unsigned char d, unsigned long long e, int f, double g, float h) { printf(\"%d %lld %d %llu %d %f %f\\n\", a, b, d, e, f, g, h); return b - e; }\n\
         KEEP double c_f64(float a, double b, int d, float e) { return a * b + d * e; }\n\
         KEEP void *c_ptr(char *a, int n) { return a + n; }\n\
         KEEP long long c_va(int n, const char *kinds, ...)\n\
         { va_list ap; long long sum = n; va_start(ap, kinds); for (; *kinds; kinds++) switch (*kinds) {\n\
         case 'i': sum = sum * 31 + va_arg(ap, int); break; case 'l': sum = sum * 31 + va_arg(ap, long long); break;\n\
         case 'd': sum = sum * 31 + (long long)(va_arg(ap, double) * 4); break; case 'p': sum = sum * 31 + *va_arg(ap, char *); break; }\n\
         va_end(ap); return sum; }\n\
         extern signed char r_s8(signed char, unsigned char);\nextern short r_s16(int, signed char, long long, unsigned char, long long, short);\n\
         extern _Bool r_bool(_Bool, unsigned long long);\nextern double r_f64(float, double, int, float);\nextern void *r_ptr(char *, int);\n",
    );
    externs.push_str(
        "    fn c_s8(a: i8, b: u8) -> i8;\n    fn c_u8(a: u16, b: i16) -> u8;\n    fn c_s16(a: i32, b: i8, d: i64, e: u8, f: i64, g: i16) -> i16;\n    \
         fn c_bool(a: bool, b: u64) -> bool;\n    fn c_s64(a: u8, b: i64, d: u8, e: u64, f: i32, g: f64, h: f32) -> i64;\n    fn c_f64(a: f32, b: f64, d: i32, e: f32) -> f64;\n    \
         fn c_ptr(a: *mut u8, n: i32) -> *mut u8;\n    fn c_va(n: i32, kinds: *const u8, ...) -> i64;\n    fn c_start();\n",
    );
    rust.push_str(
        "#[unsafe(no_mangle)] extern \"C\" fn r_s8(a: i8, b: u8) -> i8 { say!(\"{a} {b}\"); a.wrapping_add(b as i8) }\n\
         #[unsafe(no_mangle)] extern \"C\" fn r_s16(a: i32, b: i8, d: i64, e: u8, f: i64, g: i16) -> i16 { say!(\"{a} {b} {d} {e} {f} {g}\"); g.wrapping_mul(i16::from(b)) }\n\
         #[unsafe(no_mangle)] extern \"C\" fn r_bool(a: bool, b: u64) -> bool { a ^ (b > 5) }\n\
         #[unsafe(no_mangle)] extern \"C\" fn r_f64(a: f32, b: f64, d: i32, e: f32) -> f64 { f64::from(a) - b * f64::from(d) + f64::from(e) }\n\
         #[unsafe(no_mangle)] extern \"C\" fn r_ptr(a: *mut u8, n: i32) -> *mut u8 { a.wrapping_offset(n as isize) }\n",
    );
    run.push_str(
        "    for (a, b) in [(0i8, 0u8), (-1, 255), (127, 128), (-128, 1)] { say!(\"{}\", c_s8(opaque(a), opaque(b))); say!(\"{}\", c_u8(opaque(b as u16 * 257), opaque(a as i16 * 200))); }\n    \
         say!(\"{}\", c_s16(opaque(-7), opaque(-8), opaque(i64::MIN), opaque(200), opaque(-1), opaque(-32768)));\n    \
         say!(\"{} {}\", c_bool(opaque(true), opaque(1 << 40 | 1)), c_bool(opaque(false), 1));\n    \
         say!(\"{}\", c_s64(opaque(255), opaque(-5), opaque(128), opaque(u64::MAX), opaque(-2), opaque(1.5), opaque(-0.25)));\n    \
         say!(\"{}\", (c_f64(opaque(1.5), opaque(-2.25), opaque(7), opaque(0.5)) * 64.0) as i64);\n    \
         let mut buf = [65u8, 66, 67]; say!(\"{}\", *c_ptr(buf.as_mut_ptr(), opaque(2)));\n    \
         say!(\"{}\", c_va(opaque(3), c\"ilidpil\".as_ptr().cast(), opaque(-1i32), opaque(1i64 << 40), opaque(5i32), opaque(2.75f64), buf.as_ptr(), opaque(i32::MIN), opaque(-9i64)));\n    \
         say!(\"{}\", c_va(opaque(3), c\"lil\".as_ptr().cast(), opaque(u64::MAX), opaque(-70000i32), opaque(1u64)));\n    c_start();\n",
    );
    // Each in a statement: in which order C evaluates arguments differs.
    let _ = writeln!(
        c,
        "void c_start(void)\n{{\n{c_start}\tchar b[4] = \"xyz\";\n\tint p = r_s8(-128, 255), q = r_s8(127, 1), r = r_s16(-1, -128, -1ll << 40, 255, 1ll << 62, 300);\n\tprintf(\"%d %d %d\\n\", p, q, r);\n\
         \tprintf(\"%d %d %f %c\\n\", r_bool(1, 6), r_bool(0, 1ull << 50), r_f64(1.5f, 2.5, -3, 0.25f), *(char *)r_ptr(b, 1));\n\tfflush(stdout);\n}}"
    );
    let _ = writeln!(
        rust,
        "unsafe extern \"C\" {{\n{externs}}}\n#[unsafe(no_mangle)] pub extern \"C\" fn run() {{ unsafe {{\n{run}}} }}"
    );
    (rust, c)
}

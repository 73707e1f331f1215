// SPDX-License-Identifier: GPL-2.0-only
//! Where things are: structs by value and their alignment, the stack, sections; and names and functions that GCC has ideas
//! of its own about.

use crate::ops::{Suite, put};

pub fn build(s: &mut Suite) {
    by_value(s);
    extended(s);
    volatile(s);
    stack(s);
    names(s);
    odd_names(s);
    aliases(s);
    constants(s);
    addresses(s);
}

/// Callees see what they were promised of the addresses of structs, called directly and through a pointer.
fn by_value(s: &mut Suite) {
    // LLVM for mips aligns no argument to more than 8.
    s.known_wrong("  %q = ptrtoint ptr %p to i32\n", "  %q = add i32 0, 0\n");
    for (size, align) in [
        (4, 1),
        (8, 8),
        (8, 16),
        (12, 4),
        (16, 16),
        (24, 16),
        (32, 16),
        (32, 32),
        (40, 32),
        (64, 64),
        (128, 128),
    ] {
        let id = format!("{size}_{align}");
        let ty = format!("[{size} x i8]");
        s.ir += &format!(
            "define i32 @bv_{id}(i32 %x, ptr byval({ty}) align {align} %p) noinline {{\n  %q = ptrtoint ptr %p to i32\n  %b = and i32 %q, {}\n  \
             %v = load i32, ptr %p, align 1\n  store i32 0, ptr %p, align 1\n  %s = shl i32 %b, 16\n  %r = add i32 %s, %v\n  %t = add i32 %r, %x\n  ret i32 %t\n}}\n\
             define void @sr_{id}(ptr sret({ty}) align {align} %o, i32 %x) noinline {{\n  %q = ptrtoint ptr %o to i32\n  %b = and i32 %q, {}\n  \
             %s = shl i32 %b, 16\n  %r = add i32 %s, %x\n  store i32 %r, ptr %o, align 1\n  ret void\n}}\n\
             @fb_{id} = global ptr @bv_{id}\n@fs_{id} = global ptr @sr_{id}\n",
            align - 1,
            align - 1
        );
        let body = format!(
            "  %m = alloca {ty}, align {align}\n  store i32 %a, ptr %m, align 1\n\
             \x20 %x = call i32 @bv_{id}(i32 %b, ptr byval({ty}) align {align} %m)\n\
             \x20 %f = load volatile ptr, ptr @fb_{id}\n  %y = call i32 %f(i32 %b, ptr byval({ty}) align {align} %m)\n\
             \x20 %o = alloca {ty}, align {align}\n  call void @sr_{id}(ptr sret({ty}) align {align} %o, i32 %b)\n  %z = load i32, ptr %o, align 1\n\
             \x20 %g = load volatile ptr, ptr @fs_{id}\n  call void %g(ptr sret({ty}) align {align} %o, i32 %a)\n  %w = load i32, ptr %o, align 1\n\
             \x20 %s1 = mul i32 %x, 31\n  %s2 = add i32 %s1, %y\n  %s3 = mul i32 %s2, 31\n  %s4 = add i32 %s3, %z\n  %s5 = mul i32 %s4, 31\n  %s6 = add i32 %s5, %w\n{}",
            put(32, "%s6", 0)
        );
        s.function(&format!("by_value_{id}"), [32, 32, 0], &body);
    }
}

/// Integers of odd widths cross calls as wider ones of the same sign: who is called through a pointer as if it had those gets
/// and gives the same.
fn extended(s: &mut Suite) {
    for (ext, to) in [("signext", "sext"), ("zeroext", "zext")] {
        for (w, wide) in [
            (1, 8),
            (7, 8),
            (7, 32),
            (13, 16),
            (13, 32),
            (24, 32),
            (31, 32),
            (33, 64),
            (63, 64),
        ] {
            let id = format!("{ext}_{w}_{wide}");
            s.ir += &format!(
                "define {ext} i{w} @ex_{id}(i{w} {ext} %x, i32 %n, i{w} {ext} %y) noinline {{\n  %t = trunc i32 %n to i1\n  %z = select i1 %t, i{w} %x, i{w} %y\n  \
                 %r = xor i{w} %z, -1\n  ret i{w} %r\n}}\n@fx_{id} = global ptr @ex_{id}\n"
            );
            // As C would: in types of 8, 16, 32 and 64 bits.
            let body = format!(
                "  %x = {to} i{w} %a to i{wide}\n  %y = {to} i{w} %b to i{wide}\n  %n = zext i7 %c to i32\n  %f = load volatile ptr, ptr @fx_{id}\n  \
                 %p = call {ext} i{wide} %f(i{wide} {ext} %x, i32 %n, i{wide} {ext} %y)\n{}",
                put(wide, "%p", 0)
            );
            s.function(&format!("call_wide_{id}"), [w, w, 7], &body);
            let body = format!(
                "  %n = zext i7 %c to i32\n  %p = call {ext} i{w} @ex_{id}(i{w} {ext} %a, i32 %n, i{w} {ext} %b)\n  %q = call {ext} i{w} @ex_{id}(i{w} {ext} %p, i32 1, i{w} {ext} 0)\n  \
                 %d = add i{w} %p, 1\n  %z = icmp eq i{w} %q, %b\n{}{}",
                put(w, "%d", 0),
                put(1, "%z", 16)
            );
            s.function(&format!("call_{id}"), [w, w, 7], &body);
        }
    }
}

/// Whole aggregates and vectors in volatile memory: all that is stored is there, and a load that nobody uses is made.
fn volatile(s: &mut Suite) {
    for (name, ty) in [
        ("pair", "<{ i32, i8 }>"),
        ("array", "[5 x i16]"),
        ("vector", "<2 x i32>"),
        ("bits", "{ i8, { i8, [3 x i8] } }"),
        ("nested", "{ i8, [2 x { i16, i24 }] }"),
    ] {
        let body = format!(
            "  store i128 %a, ptr %io, align 1\n  %t = load volatile {ty}, ptr %io, align 1\n  %u = load volatile {ty}, ptr %io, align 1\n  \
             store volatile {ty} %t, ptr %out, align 1\n  %q = getelementptr i8, ptr %out, i32 16\n  store {ty} %t, ptr %q, align 1\n"
        );
        s.function(&format!("volatile_{name}"), [128, 0, 0], &body);
    }
}

/// What an alloca in a loop takes is given back where the IR says so: 100000 times 64 KiB are more than there is.
fn stack(s: &mut Suite) {
    s.declared.insert("declare ptr @llvm.stacksave.p0()".into());
    s.declared
        .insert("declare void @llvm.stackrestore.p0(ptr)".into());
    s.ir += "define void @touch(ptr %p) noinline {\n  store volatile i8 1, ptr %p\n  ret void\n}\n";
    let body = format!(
        "  %n = and i32 %a, 65535\n  %m = add i32 %n, 1000\n  br label %l\nl:\n  %i = phi i32 [ 0, %0 ], [ %j, %l ]\n  \
         %s = call ptr @llvm.stacksave.p0()\n  %v = alloca i8, i32 %m\n  call void @touch(ptr %v)\n  call void @llvm.stackrestore.p0(ptr %s)\n  \
         %j = add i32 %i, 1\n  %c = icmp ult i32 %j, 20000\n  br i1 %c, label %l, label %x\nx:\n{}",
        put(32, "%j", 0)
    );
    s.function("stack_in_a_loop", [32, 0, 0], &body);
}

fn names(s: &mut Suite) {
    // A module's own function, whatever C's of the same name does.
    s.ir += "define i32 @isascii(i32 %c) noinline {\n  %r = add i32 %c, 42\n  ret i32 %r\n}\n\
        define i32 @ffs(i32 %c) noinline #9 {\n  %r = mul i32 %c, 3\n  ret i32 %r\n}\nattributes #9 = { \"no-builtins\" }\n\
        define internal i32 @even(i32 %n) alwaysinline {\n  %z = icmp eq i32 %n, 0\n  br i1 %z, label %one, label %more\none:\n  ret i32 1\nmore:\n  \
        %m = sub i32 %n, 1\n  %f = call i32 @odd(i32 %m)\n  ret i32 %f\n}\n\
        define internal i32 @odd(i32 %n) alwaysinline {\n  %z = icmp eq i32 %n, 0\n  br i1 %z, label %one, label %more\none:\n  ret i32 0\nmore:\n  \
        %m = sub i32 %n, 1\n  %f = call i32 @even(i32 %m)\n  ret i32 %f\n}\n";
    // Names of helpers, known to other files, beside uses of those helpers.
    s.ir += "@ll_mask32 = global i32 11\n\
        define i32 @ll_uadd_sat32(i32 %a, i32 %b) noinline {\n  %r = sub i32 %a, %b\n  ret i32 %r\n}\n\
        define i32 @ll_memcpy(i32 %n) noinline {\n  %p = alloca [4 x i8]\n  call void @llvm.memcpy.p0.p0.i32(ptr %p, ptr @ll_mask32, i32 4, i1 false)\n  \
        %x = load i32, ptr %p\n  %m = trunc i32 %n to i24\n  %s = call i24 @llvm.uadd.sat.i24(i24 %m, i24 -9)\n  %z = zext i24 %s to i32\n  \
        %r = call i32 @ll_uadd_sat32(i32 %x, i32 %z)\n  ret i32 %r\n}\n";
    for declared in [
        "declare void @llvm.memcpy.p0.p0.i32(ptr, ptr, i32, i1)",
        "declare i24 @llvm.uadd.sat.i24(i24, i24)",
    ] {
        s.declared.insert(declared.into());
    }
    for (name, argument) in [
        ("ll_memcpy", "%n"),
        ("isascii", "%a"),
        ("ffs", "%a"),
        ("even", "%n"),
        ("odd", "%n"),
    ] {
        let body = format!(
            "  %n = and i32 %a, 63\n  %r = call i32 @{name}(i32 {argument}) nobuiltin\n{}",
            put(32, "%r", 0)
        );
        s.function(&format!("call_{name}"), [32, 0, 0], &body);
    }
    for (i, name) in [
        "u32_rmw",
        "_Bool",
        "_Generic",
        "__real__",
        "__hppa__",
        "__mips__",
        "__func__",
        "__asm__",
        "__attribute__",
        "__LINE__",
        "unix",
        "mc68000",
        "true",
        "ll_f32",
        "main_",
        "t",
        "v1",
        "a0",
        "_R",
        "with space",
        "auto",
    ]
    .iter()
    .enumerate()
    {
        s.ir += &format!(
            "@\"{name}\" = internal global i32 {i}, section \".names\"\n@\"{name}.c\" = internal constant i32 {i}, section \".names\"\n"
        );
        let body = format!(
            "  %x = load volatile i32, ptr @\"{name}\"\n  %y = load i32, ptr @\"{name}.c\"\n  %r = add i32 %x, %y\n{}",
            put(32, "%r", 0)
        );
        s.function(&format!("name_{i}"), [32, 0, 0], &body);
    }
}

/// Names that other files may know and that no assembler takes without quotes.
fn odd_names(s: &mut Suite) {
    for (i, name) in [
        "two words",
        "quo\\22te",
        "back\\5Cslash",
        "\\C3\\A9t\\C3\\A9",
        "1st",
        "a-b",
    ]
    .iter()
    .enumerate()
    {
        s.ir += &format!(
            "@\"{name}\" = global i32 {i}\n@\"{name} too\" = weak hidden global i32 {i}\n\
             define i32 @\"{name} of\"(i32 %x) noinline {{\n  %r = add i32 %x, {i}\n  ret i32 %r\n}}\n"
        );
        let body = format!(
            "  %x = load volatile i32, ptr @\"{name}\"\n  %y = load volatile i32, ptr @\"{name} too\"\n  \
             %z = call i32 @\"{name} of\"(i32 %a)\n  %s = add i32 %x, %y\n  %r = add i32 %s, %z\n{}",
            put(32, "%r", 0)
        );
        s.function(&format!("odd_name_{i}"), [32, 0, 0], &body);
    }
}

/// Other names, of variables, of places inside them, of functions and of other names.
fn aliases(s: &mut Suite) {
    s.ir += "@whole = internal global [4 x i32] [i32 10, i32 20, i32 30, i32 40]\n\
        @second = alias i32, getelementptr ([4 x i32], ptr @whole, i32 0, i32 1)\n@third = alias i8, getelementptr (i8, ptr @second, i32 4)\n\
        @same = alias [4 x i32], ptr @whole\n@again = internal alias [4 x i32], ptr @same\n\
        @doubled = alias i32 (i32), ptr @double\ndefine i32 @double(i32 %x) noinline {\n  %r = add i32 %x, %x\n  ret i32 %r\n}\n";
    for (name, load) in [
        ("second", "%x = load volatile i32, ptr @second"),
        ("third", "%x = load volatile i32, ptr @third"),
        ("again", "%x = load volatile i32, ptr @again"),
        ("doubled", "%x = call i32 @doubled(i32 %a)"),
        (
            "distance",
            "%p = ptrtoint ptr @third to i32\n  %q = ptrtoint ptr @same to i32\n  %x = sub i32 %p, %q",
        ),
    ] {
        let body = format!(
            "  store volatile i32 %a, ptr @second\n  {load}\n{}",
            put(32, "%x", 0)
        );
        s.function(&format!("alias_{name}"), [32, 0, 0], &body);
    }
}

/// The bits of NaNs, quiet or not.
fn constants(s: &mut Suite) {
    for (i, bits) in [
        0x7ff4_0000_0000_0000u64,
        0xfff4_0000_0000_0000,
        0x7ff0_0000_2000_0000,
        0x7ff8_0000_0000_0000,
        0x7fff_ffff_e000_0000,
        0x36a0_0000_0000_0000,
    ]
    .iter()
    .enumerate()
    {
        s.ir += &format!("@single_{i} = internal global float {bits:#018X}\n@double_{i} = internal global double {:#018X}\n", bits | 1)
            .replace("0X", "0x");
        let double = format!("{:#018X}", bits | 1).replace("0X", "0x");
        let single = format!("{bits:#018X}").replace("0X", "0x");
        let body = format!(
            "  %x = load volatile i32, ptr @single_{i}\n  %y = load volatile i64, ptr @double_{i}\n  \
             %m = alloca i64\n  store volatile float {single}, ptr %m\n  %z = load volatile i32, ptr %m\n  \
             store volatile double {double}, ptr %m\n  %w = load volatile i64, ptr %m\n{}{}{}",
            put(32, "%x", 0),
            put(64, "%y", 16),
            "  %xz = zext i32 %z to i64\n  %xs = mul i64 %xz, 31\n  %xw = add i64 %xs, %w\n  store i64 %xw, ptr %out\n"
        );
        s.function(&format!("nan_{i}"), [32, 0, 0], &body);
    }
}

/// Addresses as numbers: with another one added, in a variable and in code, and cut to few bits.
fn addresses(s: &mut Suite) {
    s.ir += "@place = internal global [300 x i8] zeroinitializer, align 512\n\
        @tagged = internal global i32 add (i32 ptrtoint (ptr @place to i32), i32 1)\n\
        @less = internal global { i8, i32 } { i8 1, i32 sub (i32 ptrtoint (ptr getelementptr (i8, ptr @place, i32 8) to i32), i32 5) }\n";
    for (name, load) in [
        ("tagged", "%x = load volatile i32, ptr @tagged"),
        (
            "less",
            "%x = load volatile i32, ptr getelementptr ({ i8, i32 }, ptr @less, i32 0, i32 1)",
        ),
    ] {
        let body = format!(
            "  {load}\n  %p = ptrtoint ptr @place to i32\n  %d = sub i32 %x, %p\n  %r = add i32 %d, %a\n{}",
            put(32, "%r", 0)
        );
        s.function(&format!("address_{name}"), [32, 0, 0], &body);
    }
    for w in [1, 2, 7, 9] {
        let body = format!(
            "  %x = zext i{w} ptrtoint (ptr getelementptr (i8, ptr @place, i32 259) to i{w}) to i32\n  %r = add i32 %x, %a\n{}",
            put(32, "%r", 0)
        );
        s.function(&format!("address_cut_{w}"), [32, 0, 0], &body);
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! What is not supported fails, and the error says line, function and construct.

use ll2c::{Options, Subject, translate};
use std::path::Path;

const LAYOUT: &str = "target datalayout = \"E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64\"\n";

fn error(ir: &str) -> String {
    match translate(ir, &Subject::named("hppa").unwrap(), &Options::default()) {
        Ok(_) => panic!("accepted:\n{ir}"),
        Err(error) => error.to_string(),
    }
}

/// A file each, with the reason in it.
#[test]
fn files() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rejected");
    let mut count = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let ir = std::fs::read_to_string(&path).unwrap();
        let reason = ir
            .lines()
            .find_map(|l| l.strip_prefix("; rejected: "))
            .unwrap();
        let error = error(&ir);
        assert!(error.contains(reason), "{}: {error}", path.display());
        count += 1;
    }
    assert!(count > 0);
}

/// An instruction on line 11 of a file, in `f`.
#[test]
fn instructions() {
    let cases = [
        (
            "invoke void @g() to label %a unwind label %a",
            "unsupported instruction `invoke`",
        ),
        (
            "%x = landingpad { ptr, i32 } cleanup",
            "unsupported instruction `landingpad`",
        ),
        (
            "resume { ptr, i32 } undef",
            "unsupported instruction `resume`",
        ),
        (
            "callbr void asm \"\", \"\"() to label %a []",
            "unsupported instruction `callbr`",
        ),
        (
            "catchpad within none []",
            "unsupported instruction `catchpad`",
        ),
        ("%x = va_arg ptr %p, i8", "unsupported `va_arg` on type i8"),
        (
            "%x = va_arg ptr %p, { i32 }",
            "unsupported `va_arg` on type { i32 }",
        ),
        ("musttail call void @g()", "unsupported `musttail call`"),
        (
            "call void @llvm.va_start.p0(ptr %p)",
            "`va_start` in a function that is not variadic",
        ),
        (
            "%x = call i32 @llvm.not.known(i32 %n)",
            "unsupported intrinsic `llvm.not.known`",
        ),
        (
            "call void @g() returns_twice",
            "unsupported `returns_twice` of a call",
        ),
        ("call void @g() #0", "unsupported `returns_twice` of a call"),
        (
            "call void @g() not_known",
            "unsupported function attribute `not_known`",
        ),
        (
            "call void @g() [ \"kcfi\"(i32 1) ]",
            "unsupported operand bundle `kcfi`: compile without the sanitizer kcfi",
        ),
        (
            "call void @g() [ \"ptrauth\"(i32 1, i64 0) ]",
            "unsupported operand bundle `ptrauth`",
        ),
        (
            "call void @g() \"fentry-call\"=\"true\"",
            "unsupported function attribute \"fentry-call\": compile without -mfentry",
        ),
        (
            "call swiftcc void @g()",
            "unsupported calling convention `swiftcc`",
        ),
        (
            "call cc 99 void @g()",
            "unsupported calling convention `cc`",
        ),
        (
            "call void @h(ptr inreg %p)",
            "unsupported parameter attribute `inreg`",
        ),
        (
            "call void asm sideeffect \"nop\", \"\"()",
            "instructions of the stand-in",
        ),
        (
            "%x = call i32 asm \"\", \"=d\"()",
            "inline assembly \"\", \"=d\": constraint `=d`",
        ),
        (
            "%x = call { i32, i32 } asm \"\", \"=r\"()",
            "constraint `=r`",
        ),
        (
            "%x = call i32 asm \"\", \"=r,0\"(i64 0)",
            "an operand of another size",
        ),
        ("%x = call i32 asm \"\", \"=r,1\"(i32 0)", "constraint `1`"),
        (
            "%x = call i32 asm \"\", \"=r,r\"()",
            "an operand is missing",
        ),
        (
            "%x = call i32 asm \"\", \"r\"(i32 0)",
            "a result without a constraint",
        ),
        (
            "call void asm \"\", \"r\"({ i32 } zeroinitializer)",
            "an operand that fits no register",
        ),
        (
            "call void asm \"# x\\0Anop\", \"\"()",
            "instructions of the stand-in",
        ),
        (
            "call void asm sideeffect \"\", \"*m\"(ptr %p)",
            "an address without `elementtype`",
        ),
        (
            "%x = load <2 x i1>, ptr %p",
            "unsupported `load` on type <2 x i1>",
        ),
        (
            "%x = alloca [2 x <2 x i1>]",
            "unsupported <2 x i1> in memory",
        ),
        (
            "%x = bitcast i8 0 to <2 x i4>",
            "unsupported `bitcast` from i8 to <2 x i4>",
        ),
        (
            "%x = bitcast i32 0 to <2 x i32>",
            "unsupported `bitcast` from i32 to <2 x i32>",
        ),
        (
            "%x = add <2 x i32> <i32 1>, zeroinitializer",
            "a constant that is no <2 x i32>",
        ),
        (
            "%x = add <2 x i32> splat (i8 1), zeroinitializer",
            "a constant that is no <2 x i32>",
        ),
        (
            "%x = add i32 splat (i32 1), 0",
            "`splat` of what is no vector",
        ),
        (
            "%x = add <4096 x i8> zeroinitializer, zeroinitializer",
            "unsupported vector of 4096 elements",
        ),
        (
            "%x = add <0 x i8> zeroinitializer, zeroinitializer",
            "unsupported vector of 0 elements",
        ),
        (
            "%x = add <vscale x 2 x i8> zeroinitializer, zeroinitializer",
            "unsupported vector of a size that the machine chooses",
        ),
        (
            "%x = freeze <2 x { i8 }> zeroinitializer",
            "unsupported vector of { i8 }",
        ),
        (
            "%x = extractelement i32 0, i32 0",
            "elements of i32, which is no vector",
        ),
        (
            "%x = insertelement <2 x i8> zeroinitializer, i32 0, i32 0",
            "`insertelement` of a value of another type",
        ),
        (
            "%x = shufflevector <2 x i8> zeroinitializer, <2 x i8> zeroinitializer, <2 x i32> <i32 0, i32 4>",
            "`shufflevector` of an element that neither has",
        ),
        (
            "%x = shufflevector <2 x i8> zeroinitializer, <3 x i8> zeroinitializer, <2 x i32> zeroinitializer",
            "`shufflevector` of values of different types",
        ),
        (
            "%x = select <2 x i1> zeroinitializer, <3 x i8> zeroinitializer, <3 x i8> zeroinitializer",
            "`select` of as many elements as it has no conditions for",
        ),
        ("%x = add i256 0, 0", "unsupported type `i256`"),
        ("%x = fpext float 0.0 to fp128", "unsupported type `fp128`"),
        ("%x = load half, ptr %p", "unsupported type `half`"),
        (
            "%x = load ptr addrspace(1), ptr %p",
            "unsupported type `ptr addrspace`",
        ),
        (
            "%x = load atomic i128, ptr %p seq_cst, align 16",
            "unsupported `load atomic` of i128 on hppa",
        ),
        (
            "%x = load atomic i64, ptr %p seq_cst, align 4",
            "not aligned to its size",
        ),
        (
            "%x = load atomic i32, ptr %p seq_cst, align 2",
            "not aligned to its size",
        ),
        (
            "%x = load atomic i32, ptr %p syncscope(\"agent\") seq_cst, align 4",
            "unsupported `syncscope(\"agent\")`",
        ),
        (
            "%x = atomicrmw fadd ptr %p, float 0.0 seq_cst",
            "unsupported `atomicrmw fadd`",
        ),
        (
            "%x = atomicrmw add ptr %p, i24 0 seq_cst",
            "unsupported `atomicrmw` of i24",
        ),
        (
            "%x = call signext i1 @llvm.not.known(i32 %n)",
            "unsupported intrinsic",
        ),
        (
            "%x = load i32, ptr %p, align 3",
            "alignment 3 is no power of two",
        ),
        (
            "%x = alloca i32, align 4294967296",
            "unsupported alignment 4294967296",
        ),
        (
            "call void @h(ptr align 0 %p)",
            "alignment 0 is no power of two",
        ),
        (
            "%x = alloca [9223372036854775807 x i64]",
            "unsupported type of more than 4 GiB",
        ),
        (
            "%x = alloca i32, addrspace(5)",
            "unsupported `alloca` in an address space",
        ),
        (
            "store i32 not_known, ptr %p",
            "unsupported constant `not_known`",
        ),
        ("not_known", "unsupported instruction `not_known`"),
        ("fence not_known", "unsupported memory ordering `not_known`"),
        (
            "%x = not_known i32 %n",
            "unsupported instruction `not_known`",
        ),
        (
            "%x = bitcast i64 0 to { i32, i32 }",
            "unsupported `bitcast` from i64 to { i32, i32 }",
        ),
        (
            "#not_known(i32 1)",
            "expected an instruction, found `#not_known`",
        ),
    ];
    for (instruction, what) in cases {
        let ir = format!(
            "{LAYOUT}\n\ndeclare void @g()\ndeclare void @h(ptr)\ndeclare void @llvm.va_start.p0(ptr)\ndeclare i32 @llvm.not.known(i32)\n\n\
             define void @f(ptr %p, i32 %n) {{\nstart:\n  {instruction}\n  br label %a\na:\n  ret void\n}}\nattributes #0 = {{ returns_twice }}\n"
        );
        let error = error(&ir);
        assert!(
            error.starts_with("line 11: in `f`: ") && error.contains(what),
            "{instruction}: {error}"
        );
    }
}

/// What says nothing of a line, or of another one.
#[test]
fn others() {
    let cases = [
        (
            "@x = global ptr blockaddress(@f, %b)\ndefine void @f() {\na:\n  ret void\n}",
            "`@f` has no block `b` to take the address of",
        ),
        (
            "define void @f(i8 %x) {\n  switch i8 %x, label %a [ i8 -1, label %a i8 255, label %a ]\na:\n  ret void\n}",
            "`switch` with two cases 255",
        ),
        (
            "@x = alias i32, ptr @y\n@y = alias i32, ptr @x",
            "an alias of itself",
        ),
        (
            "@x = alias i32, ptr @y\n@y = external global i32",
            "unsupported alias of what is not defined here",
        ),
        (
            "@x = alias i32, getelementptr (i8, ptr @f, i32 4)\ndefine void @f() {\n  ret void\n}",
            "unsupported alias of a place inside a function",
        ),
        (
            "define ptr @f() {\n  %p = alloca [2147483648 x i8]\n  ret ptr %p\n}",
            "unsupported `alloca` of 2147483648 bytes",
        ),
        (
            "define ptr @f() {\n  br label %a\na:\n  %p = alloca i64, i32 268435456\n  ret ptr %p\n}",
            "unsupported `alloca` of 2147483648 bytes",
        ),
        (
            "define void @f(ptr %p) {\n  %x = load [2147483648 x i8], ptr %p\n  store [2147483648 x i8] %x, ptr %p\n  ret void\n}",
            "unsupported value of 2147483648 bytes",
        ),
        (
            "declare void @f(ptr byval([2147483648 x i8]))",
            "unsupported value of 2147483648 bytes",
        ),
        // The callee may be one that reads an address there.
        (
            "define i32 @f(i32 %n, ...) {\n  %l = alloca ptr\n  %x = va_arg ptr %l, i32\n  ret i32 %x\n}\n\
             define i32 @g(ptr %f, ptr %s) {\n  %x = call i32 (i32, ...) %f(i32 1, ptr byval([8 x i8]) align 4 %s)\n  ret i32 %x\n}",
            "in `g`: unsupported struct behind `...` of a call through a pointer",
        ),
        (
            "declare void @llvm.memcpy.element.unordered.atomic.p0.p0.i32(ptr, ptr, i32, i32)\ndefine void @f(ptr %p, ptr %q) {\n  \
             call void @llvm.memcpy.element.unordered.atomic.p0.p0.i32(ptr align 4 %p, ptr align 4 %q, i32 8, i32 4)\n  ret void\n}",
            "unsupported intrinsic `llvm.memcpy.element.unordered.atomic.p0.p0.i32`",
        ),
        (
            "declare void @llvm.memset.element.unordered.atomic.p0.i32(ptr, i8, i32, i32)\ndefine void @f(ptr %p) {\n  \
             call void @llvm.memset.element.unordered.atomic.p0.i32(ptr align 4 %p, i8 0, i32 8, i32 4)\n  ret void\n}",
            "unsupported intrinsic `llvm.memset.element.unordered.atomic.p0.i32`",
        ),
        (
            "@x = global i24 ptrtoint (ptr @x to i24)",
            "unsupported `ptrtoint` to i24 in an initializer",
        ),
        (
            "@x = global ptr @z\n@y = thread_local global i32 0\n@z = alias i32, ptr @y",
            "unsupported address of a thread-local variable in an initializer",
        ),
        // As the stand-in's own ABI has them: loads from where an address in the list says.
        (
            "declare void @llvm.va_start.p0(ptr)\ndefine i32 @f(i32 %n, ...) {\n  %l = alloca ptr\n  call void @llvm.va_start.p0(ptr %l)\n  \
             %a = load ptr, ptr %l\n  %b = getelementptr i8, ptr %a, i32 4\n  store ptr %b, ptr %l\n  %x = load i32, ptr %a\n  ret i32 %x\n}",
            "variable arguments that are read as the stand-in passes them",
        ),
        (
            "declare void @llvm.va_start.p0(ptr)\ndefine i32 @g(ptr %l) {\n  %x = load i32, ptr %l\n  ret i32 %x\n}\ndefine i32 @f(i32 %n, ...) {\n  \
             %l = alloca ptr\n  call void @llvm.va_start.p0(ptr %l)\n  %a = load ptr, ptr %l\n  %x = call i32 @g(ptr %a)\n  ret i32 %x\n}",
            "variable arguments that are read as the stand-in passes them",
        ),
    ];
    for (entities, what) in cases {
        let error = error(&format!("{LAYOUT}\n{entities}\n"));
        assert!(error.contains(what), "{entities}: {error}");
    }
}

/// A top-level entity on line 3.
#[test]
fn entities() {
    let cases = [
        (
            "@x = thread_local global ptr @x",
            "unsupported address of a thread-local variable in an initializer",
        ),
        (
            "@x = externally_initialized global i32 0",
            "unsupported `externally_initialized`",
        ),
        ("@x = dllexport global i32 0", "unsupported `dllexport`"),
        ("@x = addrspace(1) global i32 0", "unsupported `addrspace`"),
        (
            "@x = global i32 0, not_known",
            "unsupported attribute `not_known`",
        ),
        ("@x = ifunc void (), ptr @f", "unsupported `ifunc`"),
        (
            "@x = global <2 x i1> zeroinitializer",
            "unsupported <2 x i1> in memory",
        ),
        (
            "@x = global i32 sub (i32 ptrtoint (ptr @x to i32), i32 ptrtoint (ptr @y to i32)) @y = external global i32",
            "unsupported `sub` of addresses in an initializer",
        ),
        (
            "@llvm.global_ctors = appending global [1 x { i32, ptr }] [{ i32, ptr } { i32 1, ptr @llvm.global_ctors }]",
            "unsupported entry that is not the name of a `void ()` function",
        ),
        ("@x = alias i32, ptr @x", "an alias of itself"),
        (
            "@x = alias i32, inttoptr (i32 5 to ptr)",
            "unsupported alias of an expression",
        ),
        (
            "@x = alias i32, ptr null",
            "unsupported alias of an expression",
        ),
        (
            "@x = external global [9223372036854775807 x i64]",
            "unsupported type of more than 4 GiB: [9223372036854775807 x i64]",
        ),
        (
            "@x = global <{ [0 x i8], ptr }> <{ i8 2, ptr @x }>",
            "a constant that is no <{ [0 x i8], ptr }>",
        ),
        (
            "@x = global { i8, i32 } { i32 1, i8 5 }",
            "a constant that is no { i8, i32 }",
        ),
        (
            "@x = global [2 x i32] [i32 1, i32 2, i32 3]",
            "a constant that is no [2 x i32]",
        ),
        (
            "@x = global [4 x i32] [i32 1]",
            "a constant that is no [4 x i32]",
        ),
        (
            "@x = global [4 x i8] c\"abc\"",
            "a constant that is no [4 x i8]",
        ),
        ("@x = global i32 null", "a constant that is no i32"),
        ("@x = global void undef", "a variable of type void"),
        ("module asm \"nop\"", "unsupported `module asm`"),
        ("target not_known = \"\"", "unsupported `target not_known`"),
        (
            "define void @x() gc \"statepoint-example\" { ret void }",
            "unsupported `gc` of a function",
        ),
        (
            "define void @x() prefix i32 0 { ret void }",
            "unsupported `prefix` of a function",
        ),
        (
            "define void @x() naked { ret void }",
            "unsupported function attribute `naked`",
        ),
        (
            "define void @x() !kcfi_type !0 { ret void }",
            "in `x`: unsupported `!kcfi_type`: compile without the sanitizer kcfi",
        ),
        (
            "declare !kcfi_type !0 void @x()",
            "unsupported `!kcfi_type`: compile without the sanitizer kcfi",
        ),
        (
            "define void @x() !func_sanitize !0 { ret void }",
            "in `x`: unsupported `!func_sanitize`: compile without the sanitizer function",
        ),
        (
            "attributes #0 = { nounwind \"instrument-function-entry-inlined\"=\"_mcount\" }",
            "unsupported function attribute \"instrument-function-entry-inlined\": compile without -finstrument-functions or -pg",
        ),
        (
            "define void @x() \"patchable-function-entry\"=\"2\" { ret void }",
            "unsupported function attribute \"patchable-function-entry\": compile without -fpatchable-function-entry",
        ),
        (
            "define void @x() \"interrupt\"=\"IRQ\" { ret void }",
            "unsupported function attribute \"interrupt\": compile without __attribute__((interrupt))",
        ),
        (
            "define void @x() null_pointer_is_valid { ret void }",
            "unsupported function attribute `null_pointer_is_valid`",
        ),
        (
            "declare { <2 x i32>, <2 x i1> } @llvm.uadd.with.overflow.v2i32(<2 x i32>, <2 x i32>)",
            "unsupported <2 x i1> in memory",
        ),
        (
            "declare void @x([2 x i32])",
            "compile for a stand-in that passes `byval`",
        ),
        ("declare void @x(i32, ptr sret(i32))", "unsupported `sret`"),
        (
            "declare swiftcc void @x()",
            "unsupported calling convention `swiftcc`",
        ),
        (
            "uselistorder ptr @x, { 1, 0 }",
            "unsupported `uselistorder`",
        ),
        ("not_known", "expected a top-level entity"),
    ];
    for (entity, what) in cases {
        let error = error(&format!("{LAYOUT}\n{entity}\n"));
        assert!(
            error.starts_with("line 3: ") && error.contains(what),
            "{entity}: {error}"
        );
    }
}

/// The sanitizer kcfi looks at functions and calls: a module that has neither has nothing to be checked.
#[test]
fn kcfi_of_data_is_no_reason() {
    let ir = format!(
        "{LAYOUT}@x = global i32 1\n!llvm.module.flags = !{{!0}}\n!0 = !{{i32 4, !\"kcfi\", i32 1}}\n"
    );
    translate(&ir, &Subject::named("hppa").unwrap(), &Options::default()).unwrap();
}

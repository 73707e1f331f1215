// SPDX-License-Identifier: GPL-2.0-only
//! Runs the two sides: the reference (LLVM for mips) and a subject (ll2c and its GCC).

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The commands of this machine, perhaps through a prefix such as a script that enters a container.
pub struct Toolchain {
    prefix: Vec<String>,
    pub dir: PathBuf,
}

/// The big-endian o32 layout, which hppa shares.
pub const BE: &str = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64";
/// m68k's, as LLVM has it.
pub const M68K: &str = "E-m:e-p:32:16:32-i8:8:8-i16:16:16-i32:16:32-n8:16:32-a:0:16-S16";
/// The little-endian o32 layout.
pub const LE: &str = "e-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64";
/// A little-endian one with i64 at multiples of 4.
pub const LE4: &str = "e-m:e-p:32:32-i64:32-f64:32-n32-S64";

/// What LLVM compiles for itself: mips of one byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    pub name: &'static str,
    pub layout: &'static str,
    target: &'static str,
    gcc: &'static str,
    qemu: &'static str,
}

pub const BIG: Reference = Reference {
    name: "LLVM",
    layout: BE,
    target: "--target=mips-linux-gnu",
    gcc: "mips-linux-gnu-gcc",
    qemu: "qemu-mips",
};

pub const LITTLE: Reference = Reference {
    name: "LLVM, little-endian",
    layout: LE,
    target: "--target=mipsel-linux-gnu",
    gcc: "mipsel-linux-gnu-gcc",
    qemu: "qemu-mipsel",
};

pub struct SubjectTools {
    pub name: &'static str,
    pub page: &'static str,
    /// What ll2c is told besides.
    pub options: &'static [&'static str],
    pub gcc: &'static str,
    /// Flags of the compiler's that choose the machine.
    pub machine: &'static [&'static str],
    /// Runs a program.
    pub qemu: &'static [&'static str],
    /// How to link one.
    pub link: &'static [&'static str],
    pub layout: &'static str,
}

pub const SUBJECTS: &[SubjectTools] = &[
    // Linked dynamically: in one large file GCC 14 for hppa makes long calls that take a function's address for a descriptor's,
    // which it is not in a static program (see the README).
    SubjectTools {
        name: "hppa",
        page: "hppa",
        options: &[],
        gcc: "hppa-linux-gnu-gcc",
        machine: &[],
        qemu: &["qemu-hppa", "-L", "/usr/hppa-linux-gnu"],
        link: &[],
        layout: BE,
    },
    SubjectTools {
        name: "hppa-library",
        page: "hppa",
        options: &["--atomic-rmw", "library"],
        gcc: "hppa-linux-gnu-gcc",
        machine: &[],
        qemu: &["qemu-hppa", "-L", "/usr/hppa-linux-gnu"],
        link: &[],
        layout: BE,
    },
    // It can round a product and a sum at once, which IR does not.
    SubjectTools {
        name: "hppa-2.0",
        page: "hppa",
        options: &[],
        gcc: "hppa-linux-gnu-gcc",
        machine: &["-march=2.0"],
        qemu: &["qemu-hppa", "-L", "/usr/hppa-linux-gnu"],
        link: &[],
        layout: BE,
    },
    SubjectTools {
        name: "m68k",
        page: "m68k",
        options: &[],
        gcc: "m68k-linux-gnu-gcc",
        machine: &[],
        qemu: &["qemu-m68k"],
        link: &["-static"],
        layout: M68K,
    },
    // It has instructions that round to float and double.
    SubjectTools {
        name: "m68k-68040",
        page: "m68k",
        options: &[],
        gcc: "m68k-linux-gnu-gcc",
        machine: &["-m68040"],
        qemu: &["qemu-m68k"],
        link: &["-static"],
        layout: M68K,
    },
    SubjectTools {
        name: "sh4",
        page: "sh4",
        options: &[],
        gcc: "sh4-linux-gnu-gcc",
        machine: &[],
        qemu: &["qemu-sh4"],
        link: &["-static"],
        layout: LE4,
    },
    // Without this, GCC 14 ends with an internal error (elimination_costs_in_insn) on one program.
    SubjectTools {
        name: "sh4-no-fwprop",
        page: "sh4",
        options: &[],
        gcc: "sh4-linux-gnu-gcc",
        machine: &["-fno-forward-propagate"],
        qemu: &["qemu-sh4"],
        link: &["-static"],
        layout: LE4,
    },
];

impl SubjectTools {
    /// Whose results are its too.
    pub fn reference(&self) -> Reference {
        if self.layout.starts_with('e') {
            LITTLE
        } else {
            BIG
        }
    }

    /// Whether `LL2C_SUBJECTS` has what its name starts with, or does not say.
    pub fn is_wanted(&self) -> bool {
        std::env::var("LL2C_SUBJECTS").map_or(true, |some| {
            some.split_whitespace().any(|s| self.name.starts_with(s))
        })
    }
}

const LEVELS: &[&str] = &["-O0", "-O1", "-O2", "-O3", "-Os"];

/// The optimisation levels of both sides: all, or those in `LL2C_LEVELS`.
pub fn levels() -> Vec<&'static str> {
    match std::env::var("LL2C_LEVELS") {
        Ok(some) => LEVELS
            .iter()
            .copied()
            .filter(|l| some.split_whitespace().any(|s| s == *l))
            .collect(),
        Err(_) => LEVELS.to_vec(),
    }
}

/// Seconds after which a program hangs.
pub const LIMIT: &str = "300";

impl Toolchain {
    /// From `LL2C_TOOLCHAIN`, the prefix (empty for PATH), and `LL2C_DIR`, where commands run and files go.
    pub fn from_env() -> Self {
        let prefix = std::env::var("LL2C_TOOLCHAIN")
            .expect("set LL2C_TOOLCHAIN to the command that runs cross tools, or to nothing if they are on PATH");
        // Paths may have spaces in them: whoever fears that gives one word a line.
        let words: Vec<&str> = if prefix.contains('\n') {
            prefix.lines().collect()
        } else {
            prefix.split_whitespace().collect()
        };
        let dir = std::env::var_os("LL2C_DIR").map_or_else(
            || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("differential"),
            PathBuf::from,
        );
        std::fs::create_dir_all(&dir).expect("a folder for the tests' files");
        Self {
            prefix: words.into_iter().map(str::to_owned).collect(),
            dir,
        }
    }

    /// Runs a command; its standard output. Panics with all of its output if it fails.
    pub fn run(&self, args: &[&str]) -> String {
        self.run_env(&[], args)
    }

    pub fn run_env(&self, env: &[(&str, &str)], args: &[&str]) -> String {
        // The prefix may lead into another folder.
        let mut words: Vec<String> = self.prefix.clone();
        words.extend(["env".into(), "-C".into(), self.dir.display().to_string()]);
        words.extend(env.iter().map(|(k, v)| format!("{k}={v}")));
        words.extend(args.iter().map(|s| (*s).to_owned()));
        let out = Command::new(&words[0])
            .args(&words[1..])
            .current_dir(&self.dir)
            .output()
            .unwrap_or_else(|e| panic!("{}: {e}", words[0]));
        assert!(
            out.status.success(),
            "{} gave {}\n{}\n{}",
            words.join(" "),
            out.status,
            String::from_utf8_lossy(&out.stdout)
                .chars()
                .take(2000)
                .collect::<String>(),
            String::from_utf8_lossy(&out.stderr)
                .chars()
                .take(4000)
                .collect::<String>()
        );
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// Has ll2c make C of an IR file; the C's name. `LL2C_BIN` is another ll2c than the one that was built with these tests.
    ///
    /// # Panics
    /// It refuses.
    pub fn translate(&self, ll: &str, c: &str, page: &str, options: &[&str]) -> String {
        let ll2c =
            std::env::var_os("LL2C_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_ll2c").into());
        let out = Command::new(&ll2c)
            .args(["--subject", page, "--output", c, ll])
            .args(options)
            .current_dir(&self.dir)
            .output()
            .unwrap_or_else(|e| panic!("{}: {e}", Path::new(&ll2c).display()));
        assert!(
            out.status.success(),
            "{ll}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        c.to_owned()
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.dir.join(name), text).expect("write a test's file");
        name.to_owned()
    }

    /// What the reference prints for IR text and C text compiled together, at one level.
    pub fn reference(
        &self,
        r: Reference,
        name: &str,
        ir: &str,
        c: &str,
        level: &str,
        args: &[&str],
    ) -> String {
        let name = &format!("{name}.{}", r.qemu);
        // With LL2C_KEEP, what was printed for the same before is good enough: the tools are the same.
        let base = format!("{name}.ref{level}");
        let path = |extension: &str| self.dir.join(format!("{base}.{extension}"));
        let same = |extension: &str, text: &str| {
            std::fs::read_to_string(path(extension)).is_ok_and(|now| now == text)
        };
        if std::env::var_os("LL2C_KEEP").is_some()
            && args.is_empty()
            && same("ll", ir)
            && same("c", c)
            && let Ok(said) = std::fs::read_to_string(path("said"))
        {
            return said;
        }
        // Not beside other files of the same name.
        let _ = std::fs::remove_file(path("said"));
        let exe = self.reference_build(r, name, ir, c, level);
        let mut run = vec!["timeout", "-s", "KILL", LIMIT, r.qemu, &exe];
        run.extend(args);
        let said = self.run(&run);
        if args.is_empty() {
            self.write(&format!("{base}.said"), &said);
        }
        said
    }

    fn reference_build(&self, r: Reference, name: &str, ir: &str, c: &str, level: &str) -> String {
        let base = format!("{name}.ref{level}");
        let ll = self.write(&format!("{base}.ll"), ir);
        let drv = self.write(&format!("{base}.c"), c);
        let rt = self.write(
            &format!("{base}.rt.ll"),
            &format!(
                "target datalayout = \"{}\"\n{}",
                r.layout,
                include_str!("c/rt.ll")
            ),
        );
        let clang = |from: &str, to: &str| {
            // The fast instruction selector of mips ignores alignments below 4: its programs die of SIGBUS.
            self.run(&[
                "clang-19",
                r.target,
                "-mllvm",
                "-fast-isel=false",
                "-w",
                level,
                "-fno-vectorize",
                "-fno-slp-vectorize",
                "-c",
                from,
                "-o",
                to,
            ]);
        };
        let (o, rto, exe) = (
            format!("{base}.o"),
            format!("{base}.rt.o"),
            format!("./{base}.exe"),
        );
        clang(&ll, &o);
        clang(&rt, &rto);
        self.run(&[
            r.gcc, "-O1", "-w", "-static", &drv, &o, &rto, "-o", &exe, "-lm",
        ]);
        exe
    }

    /// What a subject prints for the same.
    pub fn subject(
        &self,
        s: &SubjectTools,
        name: &str,
        ir: &str,
        c: &str,
        level: &str,
        args: &[&str],
    ) -> String {
        let base = format!("{name}.{}{level}", s.name);
        let ll = self.write(&format!("{base}.ll"), ir);
        let options = [&["--lines", "none"], s.options].concat();
        let generated = self.translate(&ll, &format!("{base}.c"), s.page, &options);
        let drv = self.write(&format!("{base}.driver.c"), c);
        let exe = format!("./{base}.exe");
        // No -fwrapv, no -fno-strict-aliasing: the C must not need them.
        self.run(
            &[
                &[s.gcc, level, "-w"],
                s.machine,
                s.link,
                &[&drv, &generated, "-o", &exe, "-lm"],
            ]
            .concat(),
        );
        let mut run = [&["timeout", "-s", "KILL", LIMIT], s.qemu, &[&exe]].concat();
        run.extend(args);
        self.run(&run)
    }
}

/// Adds what was compared to the file `LL2C_ROWS`, if there is one: see `tools/ll2c/suites`.
pub fn row(subject: &str, levels: &str, unit: &str, right: usize, wrong: usize) {
    let Some(path) = std::env::var_os("LL2C_ROWS") else {
        return;
    };
    let mut line = String::new();
    let _ = writeln!(
        line,
        "{{\"suite\":\"own\",\"subject\":\"{subject}\",\"levels\":\"{levels}\",\"unit\":\"{unit}\",\"right\":{right},\"refused\":0,\"wrong\":{wrong},\"not_applicable\":0}}"
    );
    let mut file = std::fs::File::options()
        .append(true)
        .create(true)
        .open(path)
        .expect("LL2C_ROWS");
    file.write_all(line.as_bytes()).expect("LL2C_ROWS");
}

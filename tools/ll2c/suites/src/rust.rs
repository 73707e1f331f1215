// SPDX-License-Identifier: GPL-2.0-only
//! Rust without std, by rustc for a machine that LLVM knows and by rustc, ll2c and GCC for the subject.
//!
//! Both sides have a sysroot of their own with core and alloc in it. The reference's objects are LLVM's; the subject's are what
//! GCC makes of ll2c's C. Neither is linked by rustc.

use crate::Tools;
use crate::row::Verdict;
use crate::run::{self, COMPILE, words};
use rayon::prelude::*;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What every crate is compiled with.
pub const FLAGS: &[&str] = &[
    "-Cno-vectorize-loops",
    "-Cno-vectorize-slp",
    "-Awarnings",
    // Of the reference alone: the fast instruction selector of mips ignores alignments below 4.
    "-Cllvm-args=-fast-isel=false",
];

/// Seconds for a compiler with a large crate.
pub const LARGE: u32 = 1200;

/// Where things are.
#[derive(Debug, Clone, clap::Args)]
pub struct Places {
    /// cargo, which must run here
    #[arg(long)]
    pub cargo: PathBuf,
    /// The folder tools/ll2c/suites/crates, or a copy
    #[arg(long)]
    pub crates: PathBuf,
    /// What it depends on, by `cargo vendor`
    #[arg(long)]
    pub vendor: PathBuf,
    /// The folder tools/ll2c/suites/rust, or a copy
    #[arg(long)]
    pub support: PathBuf,
    /// The folder tools/ll2c/abi, or a copy
    #[arg(long)]
    pub abi: PathBuf,
    /// The folder tools/ll2c/tests/differential/c, or a copy
    #[arg(long)]
    pub runtime: PathBuf,
}

/// One side: the reference or the subject.
#[derive(Debug)]
pub struct Side<'a> {
    pub tools: &'a Tools,
    pub places: &'a Places,
    /// Where its files are.
    pub dir: PathBuf,
    /// rustc's target.
    pub target: String,
    /// Whether ll2c and GCC follow rustc.
    pub subject: bool,
}

/// An object file, or why there is none.
pub type Object = Result<PathBuf, Verdict>;

impl<'a> Side<'a> {
    /// The side of that name, with core and alloc.
    ///
    /// # Errors
    /// rustc fails, or a file can't be written.
    pub fn new(tools: &'a Tools, places: &'a Places, subject: bool) -> io::Result<Self> {
        let rust = tools.subject.rust.as_ref();
        let rust = rust.ok_or_else(|| io::Error::other("the subject's page has no `rust`"))?;
        let target = if subject {
            &rust.stand_in
        } else {
            &rust.reference
        };
        let side = Self {
            tools,
            places,
            dir: tools.work.join("rust").join(target),
            target: target.clone(),
            subject,
        };
        fs::create_dir_all(side.libraries())?;
        if subject {
            // rustc looks here for a target that it does not know.
            fs::copy(
                places.abi.join(format!("{target}.json")),
                side.rustlib().join("target.json"),
            )?;
        }
        let host = side
            .dir
            .join("sysroot/lib/rustlib/x86_64-unknown-linux-gnu");
        if !host.exists() {
            std::os::unix::fs::symlink("/usr/lib/rustlib/x86_64-unknown-linux-gnu", host)?;
        }
        side.sysroot()?;
        Ok(side)
    }

    fn rustlib(&self) -> PathBuf {
        self.dir.join("sysroot/lib/rustlib").join(&self.target)
    }

    fn libraries(&self) -> PathBuf {
        self.rustlib().join("lib")
    }

    /// The linker's and the runner's words.
    pub fn gcc(&self) -> (Vec<String>, Vec<String>) {
        let s = &self.tools.subject;
        if self.subject {
            (words(&[&s.gcc, &s.link], &[]), s.run.clone())
        } else {
            (s.reference.gcc.clone(), s.reference.run.clone())
        }
    }

    /// What rustc is to write besides metadata.
    fn emit(&self, stem: &str) -> String {
        if self.subject {
            format!("llvm-ir={stem}.ll")
        } else {
            format!("obj={stem}.o")
        }
    }

    /// Runs rustc on this side's sysroot.
    ///
    /// # Errors
    /// It can't be started, or fails; the error has its first complaint.
    pub fn rustc(&self, args: &[&str]) -> io::Result<()> {
        let sysroot = self.dir.join("sysroot").display().to_string();
        let mut argv = words(
            &[],
            &[
                "env",
                "RUSTC_BOOTSTRAP=1",
                "rustc",
                "--target",
                &self.target,
                "--sysroot",
                &sysroot,
            ],
        );
        argv.extend(words(&[], FLAGS));
        argv.extend(words(
            &[],
            &["-Cpanic=abort", "-Ccodegen-units=1", "-Cembed-bitcode=no"],
        ));
        argv.extend(words(&[], args));
        let ended = run::run(&self.dir, LARGE, &argv)?;
        if ended.ok() {
            return Ok(());
        }
        let error = ended.err.lines().find(|l| l.starts_with("error"));
        Err(io::Error::other(format!(
            "rustc: {}",
            error.map_or_else(|| ended.complaint(), str::to_owned)
        )))
    }

    /// core, alloc and the empty crate that rustc wants beside them. They are kept until rustc or the target changes.
    fn sysroot(&self) -> io::Result<()> {
        let version = run::run(&self.dir, COMPILE, &["rustc", "-vV"])?.out;
        let spec = fs::read_to_string(self.rustlib().join("target.json")).unwrap_or_default();
        let key = format!("rlib, no bitcode {version}{spec}{FLAGS:?}");
        let stamp = self.dir.join("stamp");
        if fs::read_to_string(&stamp).is_ok_and(|s| s == key) {
            return Ok(());
        }
        // cargo does not know that the sysroot is another one.
        match fs::remove_dir_all(self.dir.join("cargo")) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let library = library(&self.dir)?;
        let lib = self.libraries().display().to_string();
        let common = [
            "--crate-type",
            "rlib",
            "--edition",
            "2021",
            "-Copt-level=2",
            "-Zforce-unstable-if-unmarked",
        ];
        let builtins = self.dir.join("compiler_builtins.rs");
        fs::write(
            &builtins,
            "#![feature(compiler_builtins)]\n#![compiler_builtins]\n#![no_builtins]\n#![no_std]\n",
        )?;
        for (name, source) in [
            ("core", library.join("core/src/lib.rs")),
            ("compiler_builtins", builtins),
            ("alloc", library.join("alloc/src/lib.rs")),
        ] {
            let emit = format!("--emit=link={lib}/lib{name}.rlib,{}", self.emit(name));
            let source = source.display().to_string();
            self.rustc(&[&common[..], &["--crate-name", name, &emit, &source]].concat())?;
        }
        fs::write(stamp, key)
    }

    /// The object of what rustc wrote as `stem`: the reference's own, a subject's by way of ll2c and GCC at that level.
    ///
    /// # Errors
    /// A tool can't be started.
    pub fn object(&self, stem: &Path, level: &str) -> io::Result<Object> {
        if !self.subject {
            return Ok(Ok(stem.with_added_extension("o")));
        }
        let dir = stem.parent().unwrap_or(&self.dir);
        let name = stem.file_name().unwrap_or_default().to_string_lossy();
        let c = match self.tools.translate(dir, &format!("{name}.ll"))? {
            Ok(c) => c,
            Err(verdict) => return Ok(Err(verdict)),
        };
        let object = stem.with_added_extension(format!("{level}.o"));
        let argv = words(
            &[&self.tools.subject.gcc],
            &["-w", level, "-c", &c, "-o", &object.display().to_string()],
        );
        let ended = run::run(dir, LARGE, &argv)?;
        Ok(if ended.ok() {
            Ok(object)
        } else {
            Err(Verdict::Wrong(format!(
                "GCC: {name}: {}",
                ended.complaint()
            )))
        })
    }

    /// The objects of core and alloc, and of what the reference's compiler calls.
    ///
    /// # Errors
    /// There is none for one of them.
    pub fn libraries_objects(&self) -> io::Result<Vec<PathBuf>> {
        let mut objects = ["core", "alloc"]
            .par_iter()
            .map(|name| {
                self.object(&self.dir.join(name), "-O2")?
                    .map_err(|verdict| io::Error::other(format!("{name}: {verdict:?}")))
            })
            .collect::<io::Result<Vec<_>>>()?;
        if !self.subject {
            objects.push(self.division()?);
        }
        Ok(objects)
    }

    /// 128-bit division and conversions for the reference, whose libgcc lacks them.
    fn division(&self) -> io::Result<PathBuf> {
        let ir = fs::read_to_string(self.places.runtime.join("rt.ll"))?;
        fs::write(self.dir.join("division.ll"), ir)?;
        let argv = words(
            &[&["clang-19".into()], &self.tools.subject.reference.clang],
            &["-w", "-O1", "-c", "division.ll", "-o", "division.o"],
        );
        let ended = run::run(&self.dir, COMPILE, &argv)?;
        if !ended.ok() {
            return Err(io::Error::other(ended.complaint()));
        }
        Ok(self.dir.join("division.o"))
    }

    /// Links objects with the C support and runs the program.
    ///
    /// # Errors
    /// A tool can't be started.
    pub fn program(
        &self,
        name: &str,
        objects: &[&Path],
        seconds: u32,
    ) -> io::Result<Result<run::Ended, String>> {
        let (gcc, qemu) = self.gcc();
        let support = self.places.support.join("support.c").display().to_string();
        let exe = self.dir.join(format!("{name}.exe")).display().to_string();
        let mut argv = words(
            &[&gcc],
            &["-w", "-O2", "-o", &exe, &support, "-Wl,--start-group"],
        );
        argv.extend(objects.iter().map(|o| o.display().to_string()));
        argv.extend(words(&[], &["-Wl,--end-group", "-lm"]));
        let ended = run::run(&self.dir, LARGE, &argv)?;
        if !ended.ok() {
            let undefined = ended
                .err
                .lines()
                .find(|l| l.contains("undefined reference"));
            return Ok(Err(
                undefined.map_or_else(|| ended.complaint(), str::to_owned)
            ));
        }
        run::run(&self.dir, seconds, &words(&[&qemu], &[&exe])).map(Ok)
    }
}

/// The folder of Rust's own sources.
///
/// # Errors
/// rustc can't be started.
pub fn library(dir: &Path) -> io::Result<PathBuf> {
    let sysroot = run::run(dir, COMPILE, &["rustc", "--print", "sysroot"])?.out;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library"))
}

// SPDX-License-Identifier: GPL-2.0-only
//! The command line.

use clap::{Parser, ValueEnum};
use ll2c::abi::AtomicRmw;
use ll2c::meta::Inlined;
use ll2c::{Options, Subject, translate};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Translates textual LLVM IR to C for an architecture that LLVM does not know.
///
/// Exit codes: 0 translated, 1 the IR is malformed or not supported, 2 bad usage or a file that cannot be read or written.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// IR text, as `rustc --emit=llvm-ir` or `clang -S -emit-llvm` writes it; `-` is standard input
    input: PathBuf,
    /// Where the C goes; standard output if not given
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// The architecture: the name of a page that is built in, or the path of one
    #[arg(short, long, default_value = "hppa")]
    subject: String,
    /// Which source lines to write as `#line`
    #[arg(long, value_enum, default_value_t = Lines::Inlined)]
    lines: Lines,
    /// How to make atomic read-modify-write, instead of what the page says
    #[arg(long, value_enum)]
    atomic_rmw: Option<Rmw>,
    /// Say on standard error how long it took and how much memory it had at most (Linux only)
    #[arg(long)]
    stats: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Lines {
    /// The innermost line of inlined code, as LLVM's line tables have it
    Inlined,
    /// The line of the function that code was inlined into
    Caller,
    /// No `#line`
    None,
}

#[derive(Clone, Copy, ValueEnum)]
enum Rmw {
    /// With the compiler's __atomic_*
    Builtin,
    /// With functions to be linked: the page's, or ll2c_cmpxchg_{8,16,32}
    Library,
    /// An error
    Reject,
}

/// Exit code for bad usage and files.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let started = Instant::now();
    let args = Args::parse();
    match run(&args) {
        Ok(()) => {
            if args.stats {
                stats(started);
            }
            ExitCode::SUCCESS
        }
        Err((code, message)) => {
            eprintln!("ll2c: {message}");
            ExitCode::from(code)
        }
    }
}

fn stats(started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).ok();
    // Nanoseconds on a processor, which others on the machine don't change.
    let busy = read("schedstat").and_then(|s| s.split(' ').next()?.parse::<f64>().ok());
    let kib = read("status").and_then(|s| {
        let line = s.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
        line.trim_end_matches("kB").trim().parse::<u64>().ok()
    });
    eprintln!(
        "ll2c: {seconds:.3} s, {:.3} s busy, {} MiB",
        busy.unwrap_or(f64::NAN) / 1e9,
        kib.unwrap_or_default() / 1024
    );
}

fn run(args: &Args) -> Result<(), (u8, String)> {
    let usage = |m: String| (USAGE, m);
    let mut subject = subject(&args.subject).map_err(usage)?;
    match args.atomic_rmw {
        Some(Rmw::Builtin) => subject.atomic_rmw = AtomicRmw::Builtin,
        Some(Rmw::Library) => subject.atomic_rmw = AtomicRmw::Library,
        Some(Rmw::Reject) => subject.atomic_rmw = AtomicRmw::Reject,
        None => {}
    }
    let options = Options {
        lines: match args.lines {
            Lines::Inlined => Some(Inlined::Callee),
            Lines::Caller => Some(Inlined::Caller),
            Lines::None => None,
        },
    };
    let show = args.input.display();
    let text = read(&args.input).map_err(|e| usage(format!("failed to read {show}: {e}")))?;
    let c = translate(&text, &subject, &options)
        .map_err(|e| (1, format!("failed to translate {show}: {e}")))?;
    match &args.output {
        Some(path) => write_whole(path, c.as_bytes())
            .map_err(|e| usage(format!("failed to write {}: {e}", path.display()))),
        None => std::io::stdout()
            .write_all(c.as_bytes())
            .map_err(|e| usage(format!("failed to write: {e}"))),
    }
}

/// Writes a file beside `path` and renames it: who looks at `path` sees all of it or what was there before. What is no
/// ordinary file, such as /dev/null, is written to.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if path.metadata().is_ok_and(|m| !m.is_file()) {
        return std::fs::write(path, bytes);
    }
    // A link stays one.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".ll2c.")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

fn subject(name: &str) -> Result<Subject, String> {
    let path = Path::new(name);
    if path.extension().is_none() {
        return Subject::named(name).map_err(|e| e.to_string());
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("failed to read {name}: {e}"))?;
    let stem = path
        .file_stem()
        .map_or(name.into(), |s| s.to_string_lossy());
    Subject::parse(&stem, &text).map_err(|e| e.to_string())
}

fn read(path: &Path) -> std::io::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(path)
}

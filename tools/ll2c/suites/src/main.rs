// SPDX-License-Identifier: GPL-2.0-only
//! Runs programs that others wrote through ll2c, and says what came out right, what was refused, and what is wrong.
//!
//! It runs beside the compilers, in the toolchain root; `cargo xtask differential --suite` starts it there.

mod coretests;
mod cost;
mod crates;
mod row;
mod run;
mod rust;
mod subject;
mod torture;

use clap::{Parser, Subcommand};
use row::{Row, Verdict, reasons};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use subject::Subject;

#[derive(Debug, Parser)]
struct Args {
    /// The translator
    #[arg(long)]
    ll2c: PathBuf,
    /// A page of subjects/
    #[arg(long)]
    subject: PathBuf,
    /// Where files go
    #[arg(long)]
    work: PathBuf,
    /// Where the sums go, as JSON, one a line
    #[arg(long)]
    rows: PathBuf,
    #[command(subcommand)]
    suite: Suite,
}

#[derive(Debug, Subcommand)]
enum Suite {
    /// GCC's execution tests
    CTorture {
        /// The folder gcc.c-torture/execute
        #[arg(long)]
        source: PathBuf,
        /// Only each Nth test, and only at -O2
        #[arg(long, value_name = "N", default_value_t = 1)]
        every: usize,
        /// Only tests whose name contains this
        #[arg(long)]
        only: Option<String>,
    },
    /// Rust's own tests of core and alloc
    Coretests {
        #[command(flatten)]
        places: rust::Places,
        /// Only these modules, such as core::num
        #[arg(long = "only")]
        only: Vec<String>,
        /// Only the first level
        #[arg(long)]
        sample: bool,
    },
    /// Instructions that ten kernels take
    Cost {
        #[command(flatten)]
        places: rust::Places,
        /// The folder tools/ll2c/suites/cost, or a copy
        #[arg(long)]
        kernels: PathBuf,
    },
    /// Crates of the registry
    Crates {
        #[command(flatten)]
        places: rust::Places,
        /// Only these programs
        #[arg(long = "only")]
        only: Vec<String>,
        /// Only the first pair of levels
        #[arg(long)]
        sample: bool,
    },
}

/// What the suites run.
#[derive(Debug)]
pub struct Tools {
    ll2c: PathBuf,
    subject: Subject,
    work: PathBuf,
}

impl Tools {
    /// Has ll2c make C of an IR file in `dir`; the C's name, or why there is none.
    ///
    /// # Errors
    /// It can't be started.
    fn translate(&self, dir: &Path, ll: &str) -> io::Result<Result<String, Verdict>> {
        let c = format!("{}.c", ll.trim_end_matches(".ll"));
        let ll2c = self.ll2c.display().to_string();
        let argv = [
            &ll2c,
            "--lines",
            "none",
            "-s",
            &self.subject.page,
            ll,
            "-o",
            &c,
        ];
        let ended = run::run(dir, run::COMPILE, &argv)?;
        Ok(match ended.status {
            run::Status::Exit(0) => Ok(c),
            run::Status::Exit(1) => Err(Verdict::Refused(ended.complaint())),
            status => Err(Verdict::Wrong(format!(
                "ll2c: {status}: {}",
                ended.complaint()
            ))),
        })
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    match work(&args) {
        Ok(rows) if rows.iter().all(|r| r.wrong == 0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(message) => {
            eprintln!("ll2c-suites: {message}");
            ExitCode::from(2)
        }
    }
}

fn work(args: &Args) -> Result<Vec<Row>, String> {
    std::fs::create_dir_all(&args.work)
        .map_err(|e| format!("failed to create {}: {e}", args.work.display()))?;
    let tools = Tools {
        ll2c: args.ll2c.clone(),
        subject: Subject::load(&args.subject)?,
        work: args.work.clone(),
    };
    let rows = match &args.suite {
        Suite::CTorture {
            source,
            every,
            only,
        } => c_torture(&tools, source, *every, only.as_deref()),
        Suite::Cost { places, kernels } => cost::all(&tools, places, kernels),
        Suite::Coretests {
            places,
            only,
            sample,
        } => {
            let levels = if *sample { 1 } else { coretests::LEVELS.len() };
            coretests::all(&tools, places, only, &coretests::LEVELS[..levels])
        }
        Suite::Crates {
            places,
            only,
            sample,
        } => crates::all(&tools, places, only, *sample),
    }
    .map_err(|e| format!("failed to run the suite: {e}"))?;
    append(&args.rows, &rows)
        .map_err(|e| format!("failed to write {}: {e}", args.rows.display()))?;
    Ok(rows)
}

fn append(path: &Path, rows: &[Row]) -> io::Result<()> {
    let mut file = std::fs::File::options()
        .append(true)
        .create(true)
        .open(path)?;
    for row in rows {
        writeln!(file, "{}", serde_json::to_string(row)?)?;
    }
    Ok(())
}

fn c_torture(
    tools: &Tools,
    source: &Path,
    every: usize,
    only: Option<&str>,
) -> io::Result<Vec<Row>> {
    let mut tests = torture::tests(source)?;
    tests.retain(|t| only.is_none_or(|o| t.name.contains(o)));
    let tests: Vec<_> = tests.into_iter().step_by(every.max(1)).collect();
    let levels = if every > 1 {
        &[("-O2", "-O2")][..]
    } else {
        torture::LEVELS
    };
    let results = torture::all(tools, &tests, levels)?;
    let mut log = String::new();
    let mut rows = Vec::new();
    for &(clang, gcc) in levels {
        let mut row = Row {
            suite: "c-torture".into(),
            subject: tools.subject.page.clone(),
            levels: format!("clang {clang}, gcc {gcc}"),
            unit: "programs".into(),
            ..Row::default()
        };
        let here = || {
            results
                .iter()
                .filter(|((_, c, g), _)| *c == clang && *g == gcc)
        };
        let mut refused = Vec::new();
        for ((name, ..), verdict) in here() {
            row.add(verdict);
            let (word, reason) = match verdict {
                Verdict::Right => continue,
                Verdict::Refused(r) => ("refused", r),
                Verdict::Wrong(r) => ("WRONG", r),
                Verdict::NotApplicable(r) => ("not applicable", r),
            };
            if word == "refused" {
                refused.push(reason.as_str());
            }
            if word == "WRONG" {
                println!("{name} at {}: wrong: {reason}", row.levels);
            }
            log += &format!("{name}\t{}\t{word}\t{reason}\n", row.levels);
        }
        println!(
            "c-torture, {}, {}: {:.1} % of what both compilers run themselves is right",
            row.subject,
            row.levels,
            100.0 * row.share()
        );
        for (n, reason) in reasons(refused.into_iter()) {
            println!("  refused {n:4}: {reason}");
        }
        rows.push(row);
    }
    std::fs::write(tools.work.join("c-torture.log"), log)?;
    Ok(rows)
}

// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask bench`: what the matrix costs, each figure beside its limit.
//!
//! It runs the commands that users run, as processes of their own, and takes the time from outside. A figure beyond its
//! limit is marked and is no error: the machine may be slower than the one that the limits are for (2 cores).

mod heap;

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Output;
use std::time::Instant;

use comfy_table::{CellAlignment, Table, presets};
use fs_err as fs;
use serde::Serialize;
use walkdir::WalkDir;

use super::Context;
use super::scratch::Scratch;
use crate::cache::Cache;
use crate::cli;
use crate::exit::{Exit, Failure};
use crate::progress::Progress as _;

/// One measured quantity.
#[derive(Debug, Serialize)]
struct Figure {
    what: String,
    measured: f64,
    limit: f64,
    unit: &'static str,
}

/// The file of the heap that the edit is made in.
const EDITED: &str = "kernel/overlay/drivers/dma-buf/heaps/system_heap_rust/system_heap_rust.rs";

pub(super) fn bench(context: &Context, args: &cli::Bench) -> Result<Exit, Failure> {
    if let Some(cli::BenchWhat::Heap(args)) = &args.what {
        return heap::heap(context, args);
    }
    let cache =
        Cache::locate(context.global.cache.as_deref(), &context.stop).map_err(Failure::infra)?;
    let scratch = Scratch::new(context).map_err(Failure::infra)?;
    let task = context.ui.task("bench");
    let mut figures = Vec::new();

    if args.from_nothing {
        let empty = cache.folder("bench").map_err(Failure::infra)?;
        let empty = tempfile::tempdir_in(empty).map_err(Failure::infra)?;
        task.line("from nothing to verdicts");
        let took = test_all(context, &scratch, &["--cache".into(), empty.path().into()])?;
        figures.push(Figure {
            what: "from nothing to verdicts".into(),
            measured: took,
            limit: 1200.0,
            unit: "s",
        });
        let bytes = disk_usage(empty.path()).map_err(Failure::infra)?;
        figures.push(Figure {
            what: "cache after that".into(),
            measured: gigabytes(bytes),
            limit: 12.0,
            unit: "GB",
        });
    }

    task.line("warming up");
    test_all(context, &scratch, &[])?;
    task.line("nothing changed");
    let took = median(|| test_all(context, &scratch, &[]))?;
    figures.push(Figure {
        what: "nothing changed".into(),
        measured: took,
        limit: 12.0,
        unit: "s",
    });

    let mut edit = 0;
    task.line("after one edit in the heap");
    let took = median(|| {
        edit += 1;
        let path = scratch.path(EDITED);
        let text = fs::read_to_string(&path).map_err(Failure::infra)?;
        fs::write(&path, format!("{text}// Edit {edit}.\n")).map_err(Failure::infra)?;
        test_all(context, &scratch, &[])
    })?;
    figures.push(Figure {
        what: "after one edit in the heap".into(),
        measured: took,
        limit: 30.0,
        unit: "s",
    });

    task.line("guests with and without the cache model");
    figures.extend(cache_model(context, &scratch)?);

    let bytes = disk_usage(cache.root()).map_err(Failure::infra)?;
    figures.push(Figure {
        what: "cache".into(),
        measured: gigabytes(bytes),
        limit: 12.0,
        unit: "GB",
    });
    let memory = context
        .config()?
        .cells
        .values()
        .map(|c| c.qemu.memory_mib)
        .max()
        .unwrap_or(0);
    figures.push(Figure {
        what: "largest guest".into(),
        measured: f64::from(memory),
        limit: 256.0,
        unit: "MiB",
    });

    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&figures).map_err(Failure::infra)?;
        fs::write(path, json + "\n").map_err(Failure::infra)?;
    }
    println!("{}", table(&figures));
    Ok(Exit::Ok)
}

/// How much longer a guest runs when the cache model watches, in the cell where that is worst, and the model's memory, in
/// the cell where that is most; and the former when it follows the kernel's DMA API.
fn cache_model(context: &Context, scratch: &Scratch) -> Result<[Figure; 3], Failure> {
    let (cell, ratio, bytes) = slowdown(context, scratch, &[], &[])?;
    let coherency = ["--filter", "system_heap_rust_coherency.*"];
    let (by_contract, ratio_by_contract, _) =
        slowdown(context, scratch, &coherency, &["--contract"])?;
    let times = |what: String, measured| Figure {
        what,
        measured,
        limit: 2.0,
        unit: "times",
    };
    Ok([
        times(format!("with the cache model, {cell}"), ratio),
        times(format!("with --contract, {by_contract}"), ratio_by_contract),
        Figure {
            what: "the cache model's memory".into(),
            measured: mebibytes(bytes),
            limit: 1024.0,
            unit: "MiB",
        },
    ])
}

/// How much longer a guest that is told `common` runs when the cache model watches as `with` says, in the cell where that is
/// worst, and the most bytes that the model takes.
///
/// A guest without the model and one with it run one right after the other, five times: a machine's speed changes by half
/// within a minute, and both must have the same.
fn slowdown(
    context: &Context,
    scratch: &Scratch,
    common: &[&str],
    with: &[&str],
) -> Result<(String, f64, u64), Failure> {
    let mut ratios: BTreeMap<&String, Vec<f64>> = BTreeMap::new();
    let mut bytes = 0;
    let config = context.config()?;
    let words = |more: &[&str]| -> Vec<OsString> {
        common.iter().chain(more).map(OsString::from).collect()
    };
    for _ in 0..5 {
        for cell in config.named_cells(&[]).into_iter().map(|cell| &cell.name) {
            let (without, _) = boot(context, scratch, cell, &words(&["--no-vcsan"]))?;
            let (with, used) = boot(context, scratch, cell, &words(with))?;
            ratios.entry(cell).or_default().push(with / without);
            bytes = bytes.max(used);
        }
    }
    let mut worst = (String::new(), 0.0);
    for (cell, ratios) in &mut ratios {
        let ratio = middle(ratios);
        // What could not be measured is worse than anything.
        if ratio > worst.1 || ratio.is_nan() {
            worst = ((*cell).clone(), ratio);
        }
    }
    Ok((worst.0, worst.1, bytes))
}

/// Runs the suites on one cell with `more`: what the guest took, seconds, and the memory of its cache model, bytes.
fn boot(
    context: &Context,
    scratch: &Scratch,
    cell: &str,
    more: &[OsString],
) -> Result<(f64, u64), Failure> {
    let mut args: Vec<OsString> = vec![cell.into()];
    args.extend_from_slice(more);
    let (run, report) = scratch.run(context, &args)?;
    must_pass(&run, "test")?;
    let cell = report.as_ref().and_then(|report| report.cells.first());
    let took = cell.map_or(f64::NAN, |cell| cell.boot_s);
    let counts = cell.and_then(|cell| cell.vcsan.as_ref());
    Ok((took, counts.map_or(0, |counts| counts.memory_bytes)))
}

/// The median.
fn middle(all: &mut [f64]) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Runs `cargo xtask test-all` on `scratch` with `more`; returns what it took, seconds.
fn test_all(context: &Context, scratch: &Scratch, more: &[OsString]) -> Result<f64, Failure> {
    let mut args = vec!["test-all".into()];
    args.extend_from_slice(more);
    let start = Instant::now();
    let run = scratch.xtask(context, &args)?;
    let took = start.elapsed().as_secs_f64();
    must_pass(&run, "test-all")?;
    Ok(took)
}

/// What did not pass can't be measured.
fn must_pass(run: &Output, command: &str) -> Result<(), Failure> {
    if run.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&run.stdout);
    Err(Failure::infra(format!(
        "failed to measure: {command} did not pass\n{output}"
    )))
}

/// Of three.
fn median(mut measure: impl FnMut() -> Result<f64, Failure>) -> Result<f64, Failure> {
    Ok(middle(&mut [measure()?, measure()?, measure()?]))
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

/// What `dir` takes on the disk; a file with several names counts once.
fn disk_usage(dir: &Path) -> io::Result<u64> {
    let mut seen = HashSet::new();
    let mut bytes = 0;
    for entry in WalkDir::new(dir) {
        // Somebody else may be using the folder: what has gone meanwhile takes nothing.
        let Ok(data) = entry.and_then(|e| e.metadata()) else {
            continue;
        };
        if data.nlink() == 1 || seen.insert((data.dev(), data.ino())) {
            bytes += data.blocks() * 512;
        }
    }
    Ok(bytes)
}

fn table(figures: &[Figure]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["figure", "measured", "limit", ""]);
    for figure in figures {
        let over = if figure.measured.is_nan() || figure.measured > figure.limit {
            "over"
        } else {
            ""
        };
        table.add_row([
            figure.what.clone(),
            format!("{:.1} {}", figure.measured, figure.unit),
            format!("{:.0} {}", figure.limit, figure.unit),
            over.to_owned(),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

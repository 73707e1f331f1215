// SPDX-License-Identifier: GPL-2.0-only
//! The program on outputs that nobody reads, with options that don't fit.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn xtask(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(args).stdin(Stdio::null());
    command
}

#[test]
fn a_reader_that_has_gone_away_is_no_panic() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    for args in [&["list"][..], &["completions", "bash"]] {
        let run = xtask(args)
            .stdout(writer.try_clone().expect("a copy"))
            .stderr(Stdio::piped())
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success() && said.is_empty(), "{said}");
    }
    // And on standard error, with a message that nobody hears.
    let refused = xtask(&["test", "no-such-cell"])
        .stderr(writer)
        .stdout(Stdio::null())
        .status()
        .expect("it runs");
    assert_eq!(refused.code(), Some(2));
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_anything_runs() {
    let refused = xtask(&["test", "--json", "/no/such/folder/report.json", "arm-vivt"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("failed to write the report to /no/such/folder/report.json"),
        "{said}"
    );
    assert!(!said.contains("setup"), "{said}");
}

#[test]
fn a_folder_without_a_kernel_is_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (kernel, cache) = (dir.path().join("kernel"), dir.path().join("cache"));
    fs_err::create_dir(&kernel).expect("created");
    for command in [&["test", "arm-vivt"][..], &["setup"]] {
        let refused = xtask(command)
            .arg("--kernel")
            .arg(&kernel)
            .arg("--cache")
            .arg(&cache)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("failed to find a kernel tree"), "{said}");
        assert!(!said.contains("setup:"), "{said}");
        assert!(!cache.join("toolchain").exists(), "{said}");
    }
}

#[test]
fn a_command_that_is_interrupted_says_no_more_than_that() {
    let cache = tempfile::tempdir().expect("a temporary folder");
    let clean = || {
        let mut clean = xtask(&["clean", "--cache"]);
        clean.arg(cache.path());
        clean
    };
    assert!(clean().status().expect("it runs").success());
    let locks = cache.path().join("locks");
    fs_err::create_dir_all(&locks).expect("created");
    let lock = std::fs::File::create(locks.join("build.lock")).expect("created");
    lock.lock().expect("locked");
    let mut waits = clean().stderr(Stdio::piped()).spawn().expect("it runs");
    let mut said = BufReader::new(waits.stderr.take().expect("a pipe"));
    let mut line = String::new();
    said.read_line(&mut line).expect("text");
    assert!(line.contains("waiting"), "{line}");
    kill_process(Pid::from_child(&waits), Signal::INT).expect("it is asked");
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "error: interrupted\n");
    assert_eq!(waits.wait().expect("it ends").code(), Some(130));
}

#[test]
fn a_filter_for_another_set_is_refused_with_its_name() {
    let refused = xtask(&["test", "--filter", "rust_*"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("rust_* is in none of the sets"), "{said}");
    assert!(said.contains("give --set kernel-rust"), "{said}");
}

#[test]
fn a_filter_that_no_case_meets_is_refused_before_anything_runs() {
    for command in ["test", "debug"] {
        let refused = xtask(&[
            command,
            "arm-vivt",
            "--filter",
            "system_heap_rust_vmap.nothing",
        ])
        .output()
        .expect("it runs");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(
            said.contains("none is called system_heap_rust_vmap.nothing"),
            "{said}"
        );
        assert!(!said.contains("setup"), "{said}");
    }
}

#[test]
fn a_debugger_for_several_boots_is_refused() {
    let refused = xtask(&["debug", "arm-vivt", "--exporter", "all"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("give one --set or one --exporter"), "{said}");
}

#[test]
fn a_module_that_kbuild_cannot_build_is_refused_before_anything_runs() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for name in ["mod ule", "mod:ule"] {
        let module = dir.path().join(name);
        fs_err::create_dir(&module).expect("created");
        fs_err::write(module.join("Kbuild"), "obj-m += x.o\n").expect("written");
        let refused = xtask(&["test", "arm-vivt", "--module"])
            .arg(&module)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains("blanks or colons"), "{said}");
        assert!(!said.contains("setup"), "{said}");
    }
}

#[test]
fn a_run_is_debugged_as_it_ran_or_not_at_all() {
    let refused = xtask(&["debug", "last", "--architectural"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("otherwise than it ran"), "{said}");
}

// SPDX-License-Identifier: GPL-2.0-only
//! The pages of this repository, and what is said of them when they are wrong.

use super::*;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_configuration_of_this_repository_is_valid() {
    let config = Config::load(&repository().join("configs")).expect("configs/ loads");
    assert!(config.cells.values().any(|c| c.role == Role::Aliasing));
    assert!(config.cells.values().any(|c| c.role == Role::Control));
    assert!(config.sets.values().any(|s| s.by_default));
}

#[test]
fn a_cell_that_does_not_run_by_default_runs_when_it_is_named() {
    let mut config = Config::load(&repository().join("configs")).expect("configs/ loads");
    config
        .cells
        .get_mut("arm-pipt")
        .expect("it is there")
        .by_default = false;
    let names = |globs: &[GlobMatcher]| -> Vec<String> {
        let cells = config.named_cells(globs);
        cells.iter().map(|cell| cell.name.clone()).collect()
    };
    let glob = |text| globset::Glob::new(text).expect("a glob").compile_matcher();
    let by_default = names(&[]);
    assert!(!by_default.is_empty() && !by_default.contains(&"arm-pipt".into()));
    assert_eq!(names(&[glob("arm-pipt")]), ["arm-pipt"]);
    assert_eq!(
        names(&[glob("*")]),
        Vec::from_iter(config.cells.keys().cloned())
    );
}

#[test]
fn parisc_is_proven_by_the_size_of_its_data_cache() {
    let config = Config::load(&repository().join("configs")).expect("configs/ loads");
    let proof = &config.cells["parisc"].proof;
    assert!(proof.is_match(b"[    0.318115] Cache flush threshold set to 1 KiB"));
    // Without a size, the kernel patches its flushes out.
    assert!(!proof.is_match(b"[    0.318115] Cache flush threshold set to 0 KiB"));
}

#[test]
fn every_breakage_and_mutant_of_this_repository_fits_its_files() {
    let root = repository();
    let config = Config::load(&root.join("configs")).expect("configs/ loads");
    let read = |file: &Path| fs_err::read_to_string(root.join(file)).ok();
    let breakages = config.breakages.iter().map(|(name, b)| (name, &b.edits));
    let history =
        config
            .history
            .iter()
            .filter_map(|(name, bug)| match &bug.shown.as_ref().ok()?.how {
                How::InModule { edits, .. } => Some((name, edits)),
                How::OnExporter { .. } | How::InSet { .. } => None,
            });
    for (name, edits) in breakages.chain(history) {
        for edit in edits {
            let text = read(&edit.file);
            assert!(
                edit.apply(text.as_deref()).is_some(),
                "{name}: {}",
                edit.file.display()
            );
        }
    }
    // Mutants that are chosen at run time are all in one tree.
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    let none = "mutation".to_owned();
    let pages = config.mutants.iter().map(|(n, m)| (n, m.edits(n)));
    for (name, edits) in [(&none, config.mutation.clone())].into_iter().chain(pages) {
        let of_the_kernel = |edit: &&Edit| !edit.file.starts_with("linux");
        for edit in edits.iter().filter(of_the_kernel) {
            let text = texts.get(&edit.file).cloned().or_else(|| read(&edit.file));
            let text = edit.apply(text.as_deref());
            assert!(text.is_some(), "{name}: {}", edit.file.display());
            texts.extend(text.map(|text| (edit.file.clone(), text)));
        }
    }
}

#[test]
fn every_finding_of_this_repository_has_a_page_and_its_fix_exists() {
    let root = repository();
    let config = Config::load(&root.join("configs")).expect("configs/ loads");
    for finding in config.findings.values() {
        for file in std::iter::once(&finding.page).chain(&finding.fixes) {
            assert!(root.join(file).is_file(), "{}", file.display());
        }
    }
}

#[test]
fn a_near_name_is_suggested_and_a_far_one_is_not() {
    let names = ["arm-vivt", "arm-vipt", "mips-be"];
    assert_eq!(did_you_mean("arm-vivtt", names), Some("arm-vivt"));
    assert_eq!(did_you_mean("zzz", names), None);
}

/// What is said when, in a copy of `configs/`, one text of a page is another: without the folder of the copy.
fn said_of(page: &str, from: &str, to: &str) -> String {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let dir = dir.path().canonicalize().expect("it is there");
    let configs = repository().join("configs");
    for entry in walkdir::WalkDir::new(&configs) {
        let entry = entry.expect("readable");
        let to = dir.join(entry.path().strip_prefix(&configs).expect("inside"));
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(to).expect("created");
        } else {
            fs_err::copy(entry.path(), to).expect("copied");
        }
    }
    let path = dir.join(page);
    let text = fs_err::read_to_string(&path).expect("the page");
    assert!(text.contains(from), "{page} has no {from:?}");
    fs_err::write(&path, text.replacen(from, to, 1)).expect("written");
    let load = || -> Result<(), Error> {
        let config = Config::load(&dir)?;
        crate::ci::Pipeline::load(&dir, &config)?;
        crate::toolchain::Recipe::load(&dir.join("toolchain.yaml")).map(drop)
    };
    let Err(error) = load() else {
        panic!("{page} is accepted with {to}");
    };
    let all = crate::cause::chain(&error);
    all.replace(&format!("{}/", dir.display()), "")
}

/// What the last two lines of a message mark.
fn marked(said: &str) -> &str {
    let mut lines = said.lines().rev();
    let (marks, line) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let from = marks.find('^').unwrap_or(0);
    let bytes = |chars: usize| line.char_indices().nth(chars).map_or(line.len(), |c| c.0);
    &line[bytes(from)..bytes(from + marks.matches('^').count())]
}

/// Each kind of page, with a name that there isn't, a text of the wrong form, or no YAML: page, text, the text instead of it, and
/// what is marked.
#[test]
fn what_is_wrong_in_a_page_is_shown_with_its_line() {
    let cell = "cells/parisc.yaml";
    let udmabuf = "exporters/udmabuf.yaml";
    let finding = "findings/02-zeros.yaml";
    for (page, from, to, marks) in [
        (cell, "kernel: parisc", "kernel: pariscc", "pariscc"),
        (cell, "'Cache ", "'Cache ((", ""),
        (cell, ":32:4194304", ":33:4194304", "'parisc:33:4194304'"),
        (cell, ":32:4194304", ":32:4096", "'parisc:32:4096'"),
        (cell, "memory_mib: 128", "memory_mib: 0", "0"),
        (cell, "memory_mib: 128", "memory_mib: -1", "-1"),
        (cell, "cpu: PA-RISC", "cpu: PA-RISK", "PA-RISK"),
        (cell, "cpu: PA-RISC", "linear: 1:2\ncpu: PA-RISC", "1:2"),
        (cell, "role:", "rolle:", "rolle"),
        (cell, "role: ", "role: control\nrole: ", "role"),
        (cell, "role: ", "role: [", ":"),
        ("kernels/parisc.yaml", "heap, parisc]", "heap, é]", "é"),
        (
            "suites/heap.yaml",
            "filter: ",
            "filter: '[z-a]'\n#",
            "'[z-a]'",
        ),
        ("suites/heap.yaml", "expect:", "expect:\n  - other", "other"),
        (
            "suites/heap.yaml",
            "system_rust\n",
            "system_rst\n",
            "system_rst",
        ),
        (
            "suites/drivers.yaml",
            "fragments: [",
            "fragments: [é, ",
            "é",
        ),
        (udmabuf, "*_faults.vmap", "vmap", "'vmap'"),
        (udmabuf, "fragments: [", "fragments: [b, ", "b"),
        (finding, "hazards:\n      - '", "hazards: [x]\n      #", "x"),
        (finding, "exporters: [", "exporters: [udmabug, ", "udmabug"),
        (finding, "cells: [", "cells: [arm-vivtt, ", "arm-vivtt"),
        (finding, "tests: [", "tests: ['{', ", "'{'"),
        ("history/dm-snapshot.yaml", "cell: ", "cell: a", "aparisc"),
        (
            "history/arm-speculation.yaml",
            "undo: ",
            "undo: b/",
            "b/arm-speculation.patch",
        ),
        (
            "history/udmabuf-swapped-sync.yaml",
            "exporter: udmabuf",
            "exporter: udma",
            "udma",
        ),
        (
            "drivers/ring.yaml",
            "reported:",
            "reported: []\n    from:",
            "from",
        ),
        ("breakages/failing-test.yaml", "cell: ", "cell: b #", "b"),
        (
            "breakages/failing-test.yaml",
            "verdict: failed",
            "verdict: fail",
            "fail",
        ),
        (
            "mutants/no-zeros.yaml",
            "shows: [",
            "shows: ['{b', ",
            "'{b'",
        ),
        (
            "mutants/no-zeros.yaml",
            "suites: '",
            "suites: 'x",
            "'xsystem_heap_rust_contents'",
        ),
        (
            "mutants/mainline-no-zeros.yaml",
            "exporter: ",
            "exporter: b",
            "bsystem",
        ),
        ("mutation.yaml", "edits:", "edit:", "edit"),
        ("bench/heap.yaml", "rows: '*'", "rows: '['", "'['"),
        (
            "bench/heap.yaml",
            "lines: 1.0}",
            "lines: 1.1}",
            "{rows: '*', instructions: 1.0, lines: 1.1",
        ),
        (
            "bench/heap.yaml",
            "cells: [",
            "cells: [arm-vift, ",
            "arm-vift",
        ),
        ("bench/heap.yaml", "ours: ", "ours: x #", "x"),
        ("ci.yaml", "\nshards: ", "\nshards: 9", "93"),
        ("toolchain.yaml", "/usr/bin/awk: mawk", "awk: mawk", "mawk"),
        (
            "toolchain.yaml",
            "preferred: '7.3'",
            "preferred: '9'",
            "'9'",
        ),
        (
            "toolchain.yaml",
            r"'v(\d+(?:\.\d+)+)'",
            r"'v\d+'",
            r"'v\d+'",
        ),
        ("toolchain.yaml", "programs: [bc]", "programs: []", "["),
        ("toolchain.lock", "\n", "\nodd\n", "odd"),
    ] {
        let said = said_of(page, from, to);
        let (file, place) = said.split_once(':').expect("a place");
        assert!(file.ends_with(page), "{said}");
        assert!(place.starts_with(|c: char| c.is_ascii_digit()), "{said}");
        assert!(said.contains(" | "), "{said}");
        assert!(marks.is_empty() || marked(&said) == marks, "{said}");
    }
}

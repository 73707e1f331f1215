// SPDX-License-Identifier: GPL-2.0-only
//! What becomes of mutants that could not be run.

use super::*;
use crate::config::Config;
use crate::project::Project;
use crate::source::Tree;
use crate::stop::Stop;
use crate::toolchain::Toolchain;
use crate::ui::Ui;

#[test]
fn a_panic_is_an_outcome_and_the_others_have_theirs() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let project = Project::this();
    let config = Config::load(&project.configs()).expect("configs/ loads");
    let (stop, ui) = (Stop::new(), Ui::new(false));
    let session = Session {
        project: &project,
        config: &config,
        toolchain: &Toolchain::host(&stop),
        tree: &Tree::for_tests(dir.path(), &ui.task("test")),
        builds: dir.path(),
        host_crates: Mutex::default(),
        vcsan: None,
        kept: None,
        userland: None,
        disks: None,
        qemu: None,
        debug: false,
        folder: dir.path(),
        patience: 1,
        jobs: 1,
        stop: &stop,
        ui: &ui,
    };
    let plugin = Plugin {
        file: dir.path().join("plugin.so"),
        architectural: false,
        contract: false,
        count: false,
        suppress: None,
    };
    let cells = ["arm-vivt", "mips-noalias"].map(|name| &config.cells[name]);
    let all = super::super::all(&config).expect("globs");
    let mutants: Vec<Mutant> = all.into_iter().filter(Mutant::is_generated).collect();
    let mutants = &mutants[..2];
    let json = dir.path().join("mutants.json");
    let mut report = Report::new(mutants, &cells, Some(&json), Vec::new()).expect("created");
    // Nothing is there to be booted, which nobody expects.
    let boots = Boots::new(
        &session,
        &plugin,
        AllMedia::new(),
        Matters::default(),
        false,
    );
    boots.run(&cells, mutants, &mut report).expect("written");
    let lines = fs::read_to_string(json).expect("a report");
    let broken = lines.lines().filter(|line| {
        line.contains("\"outcome\":\"broken\"") && line.contains("this program panicked")
    });
    assert_eq!(broken.count(), 2 * mutants.len(), "{lines}");
    assert!(!report.is_right());
}

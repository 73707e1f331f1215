// SPDX-License-Identifier: GPL-2.0-only
//! What a run reports whatever becomes of it.

use clap::Parser as _;

use super::*;
use crate::cli::{Cli, Command};
use crate::commands::made;
use crate::stop::Stop;

/// What `line` selects goes to `look`.
fn with_selection(line: &[&str], look: impl FnOnce(&Config, &Selection<'_>)) {
    let cli = Cli::parse_from([&["xtask", "test"], line].concat());
    let Command::Test(args) = cli.command else {
        panic!("it is the command test")
    };
    let context = Context::new(cli.global, None, Stop::new()).expect("a context");
    let config = config(&context, &args).expect("configs/ loads");
    let made = made::made(&config, &args).expect("there are such sets");
    let selection = selection(&context, &config, &made, &args).expect("there are such cells");
    look(&config, &selection);
}

#[test]
fn what_kept_all_from_running_is_the_result_of_each_boot() {
    let line = ["arm-*", "--set", "drivers", "--set", "heap"];
    with_selection(&line, |config, selection| {
        let arm = config.cells.keys().filter(|name| name.starts_with("arm-"));
        let boots = 2 * arm.count();
        let failed = Failure::infra("failed to reach the mirror");
        let cells = unrun(selection, failed).expect("a report");
        assert_eq!(cells.len(), boots);
        for cell in cells {
            assert_eq!(cell.verdict, Verdict::Infra);
            assert_eq!(cell.message.as_deref(), Some("failed to reach the mirror"));
            assert!(cell.repeat.contains(&cell.set), "{}", cell.repeat);
        }
        let cells = unrun(selection, Failure::build("no compiler")).expect("a report");
        assert!(cells.iter().all(|c| c.verdict == Verdict::BuildFailed));
        let usage = unrun(selection, Failure::usage("no such folder"));
        assert_eq!(usage.expect_err("no run").exit, Exit::Usage);
    });
}

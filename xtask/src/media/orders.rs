// SPDX-License-Identifier: GPL-2.0-only
//! What the guest's first program is told: a file of its initramfs, a line each, as `kernel/guest/init.c` reads it.
//!
//! Not the kernel's command line, which some firmware cuts off without a word.

use crate::config::{Module, Set};

/// Where the file stands in the guest, without the leading slash.
pub const FILE: &str = "orders";

/// Load the modules of `set` and so run its suites; `watched` by the cache model or not.
pub fn of_suites(set: &Set, watched: bool) -> Vec<String> {
    let mut orders = set.parameters(watched);
    orders.extend(list("modules", set.modules()));
    if let Some(program) = &set.program {
        let words: Vec<&str> = program.arguments.iter().map(String::as_str).collect();
        orders.push(format!(
            "aliasheap.exec={}",
            [&[program.path().as_str()], words.as_slice()]
                .concat()
                .join(",")
        ));
    }
    if let Some(own) = &set.own {
        orders.extend(
            own.program()
                .map(|name| format!("aliasheap.exec=/bin/{name}")),
        );
        // An exporter may be there for good.
        let mut modules: Vec<&Module> = set.tests.iter().collect();
        modules.reverse();
        orders.extend(list("unload", modules.into_iter()));
    }
    orders
}

/// What a shell runs in the guest, where nobody types; without the leading slash.
pub const SCRIPT: &str = "script";

/// The guest's shell.
pub const SHELL: &str = "/bin/sh";

/// Load the exporter of `set` and start a shell: of the script, or at the console.
pub fn of_shell(set: &Set, script: bool) -> Vec<String> {
    let mut orders = set.parameters(false);
    orders.push("aliasheap.exec=/bin/busybox,--install,-s,/bin".into());
    orders.extend(list("modules", set.exporters_modules()));
    // A login shell reads /etc/profile.
    orders.push(if script {
        format!("aliasheap.exec={SHELL},-l,/{SCRIPT}")
    } else {
        format!("aliasheap.terminal=/bin/setsid,/bin/cttyhack,{SHELL},-l")
    });
    orders
}

/// The order `what` for `modules`, if there are any.
pub fn list<'a>(what: &str, modules: impl Iterator<Item = &'a Module>) -> Option<String> {
    let names: Vec<String> = modules.map(Module::file_name).collect();
    (!names.is_empty()).then(|| format!("aliasheap.{what}={}", names.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn an_exporter_is_loaded_before_its_tests_which_skip_what_it_cannot_do() {
        let config = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs");
        let config = Config::load(&config).expect("configs/ loads");
        let heap = &config.sets["heap"];
        let own = of_suites(heap, false);
        assert_eq!(
            own,
            [
                "system_heap_rust_kunit.heap=system_rust",
                "aliasheap.modules=system_heap_rust.ko,system_heap_rust_kunit.ko",
                "aliasheap.exec=/bin/processes,system_rust"
            ]
        );
        let mainline = of_suites(&heap.on(&config.exporters["system"]), true);
        assert_eq!(mainline[0], "system_heap_rust_kunit.heap=system");
        assert!(mainline[1].starts_with("system_heap_rust_kunit.skip=*_allocation.refuses_more"));
        assert_eq!(mainline[2], "system_heap_rust_kunit.vcsan=1");
        // The program is for the page's own exporter.
        assert_eq!(
            mainline[3..],
            ["aliasheap.modules=system_heap_rust_kunit.ko"]
        );
        for (script, last) in [
            (true, "aliasheap.exec=/bin/sh,-l,/script"),
            (
                false,
                "aliasheap.terminal=/bin/setsid,/bin/cttyhack,/bin/sh,-l",
            ),
        ] {
            let orders = of_shell(heap, script);
            assert_eq!(orders.last().map(String::as_str), Some(last));
            assert!(orders.contains(&"aliasheap.modules=system_heap_rust.ko".to_owned()));
        }
    }
}

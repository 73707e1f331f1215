// SPDX-License-Identifier: GPL-2.0-only
//! What became of a module out of tree: a suite made from what the guest's first program says of it.

use crate::boot::{Booted, End};
use crate::config::MODULE;
use crate::results::{Case, Suite};
use crate::verdict::Verdict;

/// The suite of a boot that was to load `modules`, such as `a.ko`, in that order, to run `program`, if there is one, and to
/// unload the modules. A step without a result has crashed.
pub fn suite(modules: &[String], program: Option<&str>, booted: &Booted) -> Suite {
    let log = String::from_utf8_lossy(&booted.log);
    // Nothing that another program prints begins like this.
    let said: Vec<&str> = log
        .lines()
        .filter_map(|line| Some(line.split_once("aliasheap: ")?.1.trim_end()))
        .collect();
    let hung = matches!(booted.end, End::Silent(_) | End::TooLong(_));
    let step = |name: String, good: &[String], bad: &[String]| {
        let failure = said
            .iter()
            .find(|line| bad.iter().any(|b| line.starts_with(b.as_str())));
        let verdict = if failure.is_some() {
            Verdict::Failed
        } else if said.iter().any(|line| good.iter().any(|g| g == line)) {
            Verdict::Passed
        } else if hung {
            Verdict::Hung
        } else {
            Verdict::Crashed
        };
        Case {
            name,
            verdict,
            message: failure.map(|line| (*line).to_owned()),
            ..Case::default()
        }
    };
    let mut cases = Vec::new();
    for module in modules {
        cases.push(step(
            format!("load {module}"),
            &[format!("loaded {module}")],
            &[format!("failed to load {module}:")],
        ));
    }
    if let Some(program) = program {
        let path = format!("/bin/{program}");
        let mut case = step(
            format!("run {program}"),
            &[format!("{path} exited with 0")],
            &[
                format!("failed to run {path}:"),
                format!("failed to finish {path}:"),
            ],
        );
        let status = format!("{path} exited with ");
        if case.verdict == Verdict::Crashed
            && let Some(line) = said.iter().find(|line| line.starts_with(&status))
        {
            case.verdict = Verdict::Failed;
            case.message = Some((*line).to_owned());
        }
        cases.push(case);
    }
    for module in modules.iter().rev() {
        let name = module.trim_end_matches(".ko").replace('-', "_");
        cases.push(step(
            format!("unload {module}"),
            &[format!("unloaded {name}")],
            &[format!("failed to unload {name}:")],
        ));
    }
    let verdict = Verdict::of_parts(cases.iter().map(|c| c.verdict));
    Suite {
        name: MODULE.into(),
        verdict: verdict.unwrap_or(Verdict::NoTests),
        cases,
        ..Suite::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn judged(log: &str, end: End) -> Vec<(String, Verdict)> {
        let booted = Booted {
            log: log.into(),
            end,
            took: Duration::ZERO,
            silence: Duration::ZERO,
        };
        let suite = suite(&["my-bus.ko".into(), "my.ko".into()], Some("try"), &booted);
        suite
            .cases
            .into_iter()
            .map(|c| (c.name, c.verdict))
            .collect()
    }

    const WHOLE: &str = "[    1.0] aliasheap: loaded my-bus.ko\r\n[    1.0] aliasheap: loaded my.ko\n\
        [    1.1] aliasheap: /bin/try exited with 0\n[    1.2] aliasheap: unloaded my\n[    1.2] aliasheap: unloaded my_bus\n";

    #[test]
    fn a_module_that_comes_and_goes_passes() {
        let cases = judged(WHOLE, End::Exited);
        let names: Vec<&str> = cases.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "load my-bus.ko",
                "load my.ko",
                "run try",
                "unload my.ko",
                "unload my-bus.ko"
            ]
        );
        assert!(
            cases.iter().all(|(_, v)| *v == Verdict::Passed),
            "{cases:?}"
        );
    }

    #[test]
    fn what_it_says_went_wrong_fails_and_what_it_does_not_say_has_crashed() {
        let log = WHOLE.replace("exited with 0", "exited with 3").replace(
            "unloaded my\n",
            "failed to unload my: Device or resource busy\n",
        );
        let verdicts: Vec<Verdict> = judged(&log, End::Exited).into_iter().map(|c| c.1).collect();
        use Verdict::{Crashed, Failed, Hung, Passed};
        assert_eq!(verdicts, [Passed, Passed, Failed, Failed, Passed]);
        let cut = &WHOLE[..WHOLE.find("[    1.1]").expect("the program")];
        let verdicts: Vec<Verdict> = judged(cut, End::Exited).into_iter().map(|c| c.1).collect();
        assert_eq!(verdicts, [Passed, Passed, Crashed, Crashed, Crashed]);
        let verdicts: Vec<Verdict> = judged(cut, End::Silent(Duration::ZERO))
            .into_iter()
            .map(|c| c.1)
            .collect();
        assert_eq!(verdicts, [Passed, Passed, Hung, Hung, Hung]);
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! The access to stop at, from what the cache model has found.

use serde_json::{Value, json};

use crate::config::Set;
use crate::results::{self, Status};
use crate::vcsan::Findings;
use crate::vcsan::findings::Hazard;

/// The hazard to stop at: the first that nobody expected, whatever else came of its case, else the first of all.
pub fn chosen<'a>(judged: &'a [results::Hazard], findings: &'a Findings) -> Option<&'a Hazard> {
    let new = judged.iter().find(|hazard| hazard.status == Status::New);
    new.map(|hazard| &hazard.seen).or(findings.hazards.first())
}

/// Whether a program in the guest has `case` (`SUITE.CASE`), and not KUnit, which alone tells gdb where a case begins.
pub fn is_of_a_program(set: &Set, case: &str) -> bool {
    let suite = case.split('.').next();
    let program = set.program.as_ref().and_then(|p| p.suite.as_deref());
    suite == program
}

/// An instruction to stop at, wherever its module is loaded.
#[derive(Debug, PartialEq, Eq)]
pub struct Access {
    /// The KUnit case in which it is wrong, if it is one.
    case: Option<String>,
    /// Module and section; none in the kernel itself.
    section: Option<(String, String)>,
    /// From there, or the address.
    offset: u64,
}

impl Access {
    /// That of `hazard`, in a guest that runs `set`; none if it has no address.
    pub fn of(hazard: &Hazard, findings: &Findings, set: &Set) -> Option<Access> {
        let pc = hexadecimal(hazard.access.pc.as_deref()?)?;
        let symbol = hazard.access.symbol.as_deref().unwrap_or_default();
        let module = symbol.strip_suffix(']').and_then(|s| s.rsplit_once('['));
        let case = hazard.test.clone();
        let case = case.filter(|case| !is_of_a_program(set, case));
        let Some((_, module)) = module else {
            return Some(Access {
                case,
                section: None,
                offset: pc,
            });
        };
        // The last time that it told where it lies.
        let line = findings.modules.iter().rev().find_map(|line| {
            let (name, sections) = line.split_once(' ')?;
            (name == module).then_some(sections)
        })?;
        let sections = line.split(' ').filter_map(|section| {
            let (name, address) = section.split_once('=')?;
            Some((hexadecimal(address)?, name))
        });
        let (start, name) = sections.filter(|(start, _)| *start <= pc).max()?;
        Some(Access {
            case,
            section: Some((module.to_owned(), name.to_owned())),
            offset: pc - start,
        })
    }

    /// As `guest.py` reads it.
    pub fn json(&self) -> Value {
        let (module, section) = self.section.clone().unzip();
        json!({"case": self.case, "module": module, "section": section, "offset": self.offset})
    }
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::project::Project;
    use crate::vcsan::findings::Party;

    fn hazard(test: &str, pc: &str, symbol: &str) -> Hazard {
        let text = format!(
            r#"{{"title":"stale read","test":"{test}","count":1,"text":"","access":{{"by":"cpu","pc":"{pc}","symbol":"{symbol}"}}}}"#
        );
        serde_json::from_str(&text).expect("a hazard")
    }

    #[test]
    fn an_access_is_found_wherever_its_module_lies() {
        let config = Config::load(&Project::this().configs()).expect("configs/ loads");
        let set = &config.sets["heap"];
        let findings = Findings {
            modules: vec![
                "m .text=0x1000".into(),
                "other .text=0x2000 .init.text=0x7000".into(),
                "m .text=0x2400 .init.text=0x9000".into(),
            ],
            ..Findings::default()
        };
        let access = |hazard| Access::of(&hazard, &findings, set);
        let found = access(hazard("s.c", "0x2410", "f [m]")).expect("an access");
        assert_eq!(found.case.as_deref(), Some("s.c"));
        assert_eq!(found.section, Some(("m".into(), ".text".into())));
        assert_eq!(found.offset, 0x10);
        let init = access(hazard("s.c", "0x9004", "f [m]")).expect("an access");
        assert_eq!(init.section, Some(("m".into(), ".init.text".into())));
        // A program's own cases are no cases of KUnit, and the kernel does not move.
        assert!(!is_of_a_program(set, "s.c"));
        assert!(is_of_a_program(set, "system_heap_rust_processes.c"));
        assert!(!is_of_a_program(&config.sets["kernel-rust"], "s.c"));
        let kernel = access(hazard(
            "system_heap_rust_processes.c",
            "0xc0001000",
            "memcpy",
        ));
        let kernel = kernel.expect("an access");
        assert_eq!(
            (kernel.case, kernel.section, kernel.offset),
            (None, None, 0xc000_1000)
        );
        assert_eq!(access(hazard("s.c", "0x10", "f [m]")), None);
        let nowhere = Hazard {
            access: Party::default(),
            ..hazard("s.c", "0x1", "f")
        };
        assert_eq!(access(nowhere), None);
    }

    #[test]
    fn what_nobody_expected_goes_before_what_was_provoked() {
        let findings = Findings {
            hazards: vec![
                hazard("s.provoked", "0x1", "f"),
                // Whether its case went on, hung or crashed.
                hazard("s.bad", "0x2", "f"),
                // Also in a case that provokes another one.
                hazard("s.provoked", "0x3", "f"),
            ],
            ..Findings::default()
        };
        let pc = |status: [Status; 3]| {
            let seen = findings.hazards.iter().cloned().zip(status);
            let judged: Vec<results::Hazard> = seen
                .map(|(seen, status)| results::Hazard {
                    status,
                    finding: None,
                    seen,
                })
                .collect();
            let found = chosen(&judged, &findings)?;
            found.access.pc.clone()
        };
        let (new, provoked) = (Status::New, Status::Provoked);
        assert_eq!(pc([provoked, new, new]).as_deref(), Some("0x2"));
        assert_eq!(pc([provoked, provoked, new]).as_deref(), Some("0x3"));
        assert_eq!(
            pc([provoked, Status::Known, provoked]).as_deref(),
            Some("0x1")
        );
        assert_eq!(chosen(&[], &Findings::default()), None);
    }
}

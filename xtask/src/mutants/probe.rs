// SPDX-License-Identifier: GPL-2.0-only
//! Whether the host's model of a CPU knows what the operations of its kernel do: a guest does each to a line and tells of a
//! device that reads and writes, and the cache model that watches it reports what goes wrong. See `kernel/mutants/rust/helpers/probe.c`.

use aliasheap_kernel::model::Maintenance;
use aliasheap_kernel::mutation;

use crate::vcsan::findings::Hazard;

/// The parameter whose change makes the guest do it.
pub const ORDER: &str = "aliasheap.write=/sys/module/helpers/parameters/probe,1";
/// What the tests of it are called, before the slash.
const TESTS: &str = "cpu";

/// What the hazards that were seen say of an operation: those that do not write back, and those that do not drop, show one.
fn seen(operation: &str, hazards: &[Hazard]) -> Maintenance {
    let is_hazard = |what: &str, title: &str| {
        let test = format!("{TESTS}/{operation}.{what}");
        let mut of_test = hazards.iter().filter(|h| h.test.as_ref() == Some(&test));
        of_test.any(|h| h.title.starts_with(title))
    };
    // What was lost before may be read once more.
    match (is_hazard("write_back", ""), is_hazard("drop", "stale read")) {
        (true, true) => Maintenance::Nothing,
        (false, true) => Maintenance::WriteBack,
        (false, false) => Maintenance::Flush,
        (true, false) => Maintenance::Discard,
    }
}

/// What the host's model of `cpu` has wrong, a line each.
pub fn contradictions(cpu: &str, hazards: &[Hazard]) -> Vec<String> {
    let Some(cpu) = mutation::cpu_of(cpu) else {
        return vec![format!("the host has no model of {cpu}")];
    };
    let operations = cpu.operations();
    // A guest that did nothing at all shows nothing either.
    let all = [("nothing", Maintenance::Nothing)]
        .into_iter()
        .chain(operations);
    all.filter_map(|(name, assumed)| {
        let seen = seen(name, hazards);
        (seen != assumed).then(|| {
            format!(
                "`{name}` is {assumed:?} in the host's model of {}, and {seen:?} in the guest",
                cpu.name
            )
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aliasheap_kernel::model::CPUS;

    fn hazard(test: &str) -> Hazard {
        Hazard {
            title: "stale read".into(),
            test: Some(test.into()),
            count: 1,
            ..Hazard::default()
        }
    }

    /// What a guest of a CPU shows that is as the host's model has it.
    fn as_assumed(cpu: &str) -> Vec<Hazard> {
        let cpu = CPUS.iter().find(|c| c.name == cpu).expect("a CPU");
        let nothing = [("nothing", Maintenance::Nothing)];
        let mut hazards = Vec::new();
        for (name, does) in nothing.into_iter().chain(cpu.operations()) {
            if matches!(does, Maintenance::Nothing | Maintenance::Discard) {
                hazards.push(hazard(&format!("cpu/{name}.write_back")));
            }
            if matches!(does, Maintenance::Nothing | Maintenance::WriteBack) {
                hazards.push(hazard(&format!("cpu/{name}.drop")));
            }
        }
        hazards
    }

    #[test]
    fn a_call_that_does_more_or_less_than_is_assumed_is_told() {
        for cpu in &CPUS {
            let right = as_assumed(cpu.name);
            assert_eq!(contradictions(cpu.name, &right), [] as [String; 0]);
            for index in 0..right.len() {
                let mut more = right.clone();
                more.remove(index);
                assert_eq!(contradictions(cpu.name, &more).len(), 1);
            }
        }
        let mut less = as_assumed("P5600");
        less.push(hazard("cpu/for_cpu.drop"));
        assert_eq!(
            contradictions("P5600", &less),
            ["`for_cpu` is Discard in the host's model of P5600, and Nothing in the guest"]
        );
    }

    #[test]
    fn a_guest_that_did_nothing_is_no_proof() {
        for cpu in &CPUS {
            let told = contradictions(cpu.name, &[]);
            assert!(
                told.iter().any(|c| c.starts_with("`nothing` is")),
                "{told:?}"
            );
        }
        assert_eq!(contradictions("6502", &[]).len(), 1);
    }
}

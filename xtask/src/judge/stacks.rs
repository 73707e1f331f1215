// SPDX-License-Identifier: GPL-2.0-only
//! Puts the stacks of a second boot into the judgement of the first one.

use super::Judgement;
use crate::results::Hazard;

/// Whether both are the same finding of two boots of the same guest.
fn same(one: &Hazard, other: &Hazard) -> bool {
    let key = |hazard: &Hazard| {
        let seen = &hazard.seen;
        let pc = |party: &crate::vcsan::findings::Party| party.pc.clone();
        let write = seen.write.as_ref().map(pc);
        let mapped = seen.mapped.as_ref().map(pc);
        let (title, test) = (seen.title.clone(), seen.test.clone());
        (title, test, pc(&seen.access), write, mapped)
    };
    key(one) == key(other)
}

impl Judgement {
    /// Takes the stacks of what `again` found too, and the text with them.
    pub fn add_stacks(&mut self, again: &Judgement) {
        for hazard in &mut self.hazards {
            let Some(found) = again.hazards.iter().find(|other| same(hazard, other)) else {
                continue;
            };
            let before = std::mem::replace(&mut hazard.seen.text, found.seen.text.clone());
            let (before, after) = (before.trim_end(), found.seen.text.trim_end());
            hazard
                .seen
                .access
                .stack
                .clone_from(&found.seen.access.stack);
            for (own, other) in [
                (&mut hazard.seen.write, &found.seen.write),
                (&mut hazard.seen.mapped, &found.seen.mapped),
            ] {
                if let (Some(own), Some(other)) = (own, other) {
                    own.stack.clone_from(&other.stack);
                }
            }
            let cases = self.suites.iter_mut().flat_map(|suite| &mut suite.cases);
            let messages = cases.map(|case| &mut case.message);
            for message in messages.chain([&mut self.message]).flatten() {
                *message = message.replace(before, after);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Case, Status, Suite};
    use crate::vcsan::findings::{self, Party};
    use crate::verdict::Verdict;

    fn judgement(pc: &str, stack: &[&str]) -> Judgement {
        let text = format!("VCSan: stale read in f\n{}", stack.concat());
        let access = Party {
            by: "cpu".into(),
            pc: Some(pc.into()),
            stack: stack.iter().map(|line| (*line).to_owned()).collect(),
            ..Party::default()
        };
        Judgement {
            verdict: Verdict::Hazard,
            cache_proof: None,
            suites: vec![Suite {
                name: "s".into(),
                cases: vec![Case {
                    name: "c".into(),
                    message: Some(format!("{}\n(seen 2 times)", text.trim_end())),
                    ..Case::default()
                }],
                ..Suite::default()
            }],
            message: None,
            oddities: Vec::new(),
            hazards: vec![Hazard {
                status: Status::New,
                finding: None,
                seen: findings::Hazard {
                    title: "stale read".into(),
                    access,
                    text,
                    ..findings::Hazard::default()
                },
            }],
        }
    }

    #[test]
    fn the_stack_of_the_same_access_is_taken() {
        let mut first = judgement("0x10", &[]);
        first.add_stacks(&judgement("0x20", &["g+0x4"]));
        assert_eq!(first, judgement("0x10", &[]));
        first.add_stacks(&judgement("0x10", &["g+0x4"]));
        assert_eq!(first, judgement("0x10", &["g+0x4"]));
    }
}

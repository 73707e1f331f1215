// SPDX-License-Identifier: GPL-2.0-only
//! Which modules have used the DMA API, themselves or through a subsystem that maps for them: of any other one silence proves
//! nothing.

use super::Watcher;
use crate::guest::{Cpu, Target};
use crate::queue::Sink;
use crate::stack;
use std::collections::BTreeSet;
use std::ops::Range;

/// The modules of a guest.
#[derive(Default)]
pub(super) struct Callers {
    /// Those that have not used it yet, and where their code is.
    others: Vec<(String, Vec<Range<u64>>)>,
    names: BTreeSet<String>,
}

impl Callers {
    /// A module has been loaded, with code in these places.
    pub(super) fn loaded(&mut self, name: &str, code: &[Range<u64>]) {
        let meets = |old: &Range<u64>| {
            code.iter()
                .any(|new| new.start < old.end && old.start < new.end)
        };
        self.others.retain(|(other, _)| other != name);
        for (_, old) in &mut self.others {
            // What was there is gone, as code of an initialisation is.
            old.retain(|range| !meets(range));
        }
        if !self.names.contains(name) {
            self.others.push((name.to_owned(), code.to_vec()));
        }
    }

    /// The DMA API is called: by whom, says the stack.
    fn called(&mut self, cpu: &impl Cpu, target: Target) {
        if self.others.is_empty() {
            return;
        }
        let addresses = stack::return_addresses(cpu, target);
        let names = &mut self.names;
        self.others.retain(|(name, code)| {
            let is_in = |pc: &u64| code.iter().any(|range| range.contains(pc));
            let has_called = addresses.iter().any(is_in);
            if has_called {
                names.insert(name.clone());
            }
            !has_called
        });
    }

    /// Those that have used it.
    pub(super) fn names(&self) -> &BTreeSet<String> {
        &self.names
    }
}

impl<S: Sink> Watcher<S> {
    /// The CPU enters a function of the DMA API.
    pub(super) fn note_callers(&mut self, cpu: &impl Cpu) {
        self.callers.called(cpu, self.target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::{Memory, Register};

    /// An ARM whose stack has one word that is not zero.
    struct Guest {
        link: u64,
        word: u32,
    }

    impl Memory for Guest {
        fn read(&self, _: u64, into: &mut [u8]) -> bool {
            into.fill(0);
            into[..4].copy_from_slice(&self.word.to_le_bytes());
            true
        }
    }

    impl Cpu for Guest {
        fn register(&self, register: Register) -> Result<u64, String> {
            match register {
                Register::General(14) => Ok(self.link),
                _ => Ok(0xc100_1000),
            }
        }
    }

    fn after(callers: &mut Callers, link: u64, word: u32) -> Vec<&str> {
        let target = Target::by_name("arm").expect("known");
        callers.called(&Guest { link, word }, target);
        callers.names().iter().map(String::as_str).collect()
    }

    const KERNEL: u64 = 0xc000_8000;

    #[test]
    fn a_module_calls_itself_or_through_others() {
        let (driver, helper) = (0xbf00_0000..0xbf00_1000, 0xbf10_0000..0xbf10_1000);
        let mut callers = Callers::default();
        callers.loaded("driver", &[driver]);
        callers.loaded("helper", &[helper]);
        assert_eq!(after(&mut callers, KERNEL, 0xbf00_1000), [""; 0]);
        // A subsystem of the kernel calls, which a driver has called.
        assert_eq!(after(&mut callers, KERNEL, 0xbf00_0104), ["driver"]);
        assert_eq!(after(&mut callers, 0xbf10_0010, 0), ["driver", "helper"]);
    }

    #[test]
    fn what_lies_where_a_module_was_is_not_that_module() {
        let mut callers = Callers::default();
        let (code, init) = (0xbf00_0000..0xbf00_1000, 0xbf00_2000..0xbf00_3000);
        callers.loaded("first", &[code, init.clone()]);
        callers.loaded("second", &[init]);
        assert_eq!(after(&mut callers, 0xbf00_2004, 0), ["second"]);
        assert_eq!(after(&mut callers, 0xbf00_0004, 0), ["first", "second"]);
        // One that is loaded again has used it before.
        let again = 0xbf00_4000..0xbf00_5000;
        callers.loaded("first", std::slice::from_ref(&again));
        assert!(callers.others.is_empty());
    }
}

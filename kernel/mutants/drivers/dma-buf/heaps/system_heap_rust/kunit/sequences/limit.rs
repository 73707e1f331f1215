// SPDX-License-Identifier: GPL-2.0

//! How much of a case is enough to show the mutant that is chosen.

use kernel::{
    bindings,
    prelude::*, //
};

/// The stage that is walked on, and after how many steps the walk ends, if the mutant's name says
/// so: `plan:EVENT:STEPS:INDEX:KIND:STAGE:STEPS`.
pub(super) fn limit() -> Option<(usize, usize)> {
    // SAFETY: The name lives for ever, and only changes while no case runs.
    let name = unsafe { CStr::from_char_ptr(bindings::mutant_name()) };
    let mut words = name.to_str().ok()?.split(':').skip(5);

    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

// SPDX-License-Identifier: GPL-2.0

//! Prints which step of the heap's plans each CPU needs, as `src/model/steps.md` has it.

fn main() {
    print!("{}", aliasheap_kernel::model::table());
}

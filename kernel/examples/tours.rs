// SPDX-License-Identifier: GPL-2.0

//! Prints the tours of the suite `sequences`: `kunit/tours.rs`.

fn main() {
    print!("{}", aliasheap_kernel::find_tours::source());
}

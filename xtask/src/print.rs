// SPDX-License-Identifier: GPL-2.0-only
//! `print!` and its kin for this crate. The standard library's panic when the reader has gone away, as `head` does, and a
//! panic in the middle of a run would take the run with it. Here nobody is left to be told, and the run goes on.

macro_rules! print {
    ($($arg:tt)*) => {{
        let _ = ::std::io::Write::write_fmt(&mut ::std::io::stdout().lock(), format_args!($($arg)*));
    }};
}

macro_rules! println {
    () => { print!("\n") };
    ($($arg:tt)*) => { print!("{}\n", format_args!($($arg)*)) };
}

macro_rules! eprintln {
    ($($arg:tt)*) => {{
        let _ = ::std::io::Write::write_fmt(
            &mut ::std::io::stderr().lock(),
            format_args!("{}\n", format_args!($($arg)*)),
        );
    }};
}

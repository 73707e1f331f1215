// SPDX-License-Identifier: GPL-2.0-only
//! The report as JSON: [`Run`] as serde writes it, and reads it back.

use std::io::{self, Write};

use crate::results::Run;

/// Writes `run` to `out`.
///
/// # Errors
/// `out` can't be written.
pub fn write(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, run)?;
    out.write_all(b"\n")
}

/// The run in `text`.
///
/// # Errors
/// `text` is no report, or one of another shape.
pub fn read(text: &[u8]) -> serde_json::Result<Run> {
    serde_json::from_slice(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;
    use crate::results::{Case, Cell, Suite};
    use crate::vcsan::Mode;
    use crate::vcsan::findings::Summary;
    use crate::verdict::Verdict;

    #[test]
    fn what_is_written_is_read_back() {
        let case = Case {
            name: "zero".into(),
            verdict: Verdict::BootFailed,
            message: Some("no\u{1b}[31m \u{fffd}".into()),
        };
        let full = Cell {
            cell: "arm-vivt".into(),
            role: Some(Role::Aliasing),
            verdict: Verdict::NotProven,
            mode: Some(Mode::Speculative),
            suites: vec![Suite {
                name: "s".into(),
                verdict: Verdict::Hung,
                cases: vec![case],
            }],
            message: Some("why".into()),
            vcsan: Some(Summary::default()),
            folder: Some("runs/1".into()),
            oddities: vec!["line 1: odd".into()],
            ..Cell::default()
        };
        let run = Run::new(vec![full, Cell::default()], 1.5);
        let mut text = Vec::new();
        write(&run, &mut text).expect("a Vec takes it");
        let again = read(&text).expect("it is a report");
        let mut second = Vec::new();
        write(&again, &mut second).expect("a Vec takes it");
        assert_eq!(
            String::from_utf8_lossy(&text),
            String::from_utf8_lossy(&second)
        );
        assert_eq!(again.cells[0].suites, run.cells[0].suites);
    }
}

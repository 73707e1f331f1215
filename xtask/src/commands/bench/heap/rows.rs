// SPDX-License-Identifier: GPL-2.0-only
//! Rows out of what the cache model has written of a guest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::config::HeapBench;
use crate::vcsan::Findings;

/// A count of both heaps.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Figure {
    pub(super) ours: u64,
    pub(super) theirs: u64,
    pub(super) limit: Option<f64>,
    /// What is allowed beyond that.
    pub(super) more: u64,
}

impl Figure {
    /// None if there is nothing on either side; endless if only the other side has nothing.
    #[expect(clippy::cast_precision_loss, reason = "counts of a few millions")]
    fn ratio(self) -> Option<f64> {
        match (self.ours, self.theirs) {
            (0, 0) => None,
            (_, 0) => Some(f64::INFINITY),
            (ours, theirs) => Some(ours as f64 / theirs as f64),
        }
    }

    fn is_over(self) -> bool {
        let less = Figure {
            ours: self.ours.saturating_sub(self.more),
            ..self
        };
        // As printed, with two digits.
        let over = |limit: f64| {
            limit.is_finite() && less.ratio().is_some_and(|ratio| ratio >= limit + 0.005)
        };
        self.limit.is_some_and(over)
    }

    /// Whether it is more than the other heap's.
    fn is_more(self) -> bool {
        self.ratio().is_some_and(|ratio| ratio >= 1.005)
    }

    /// The limit in words.
    pub(super) fn limit(self) -> String {
        match self.limit {
            None => "-".into(),
            Some(limit) if limit.is_infinite() => "none".into(),
            Some(limit) if self.more == 0 => format!("{limit:.2}"),
            Some(limit) => format!("{limit:.2}+{}", self.more),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ratio() {
            None => f.write_str("-"),
            Some(ratio) if ratio.is_infinite() => f.write_str("more"),
            Some(ratio) => write!(f, "{ratio:.2}"),
        }
    }
}

impl Figure {
    /// Those of several rows together. There is no limit on that.
    fn sum(figures: impl Iterator<Item = Figure>) -> Figure {
        let none = Figure {
            ours: 0,
            theirs: 0,
            limit: None,
            more: 0,
        };
        figures.fold(none, |sum, figure| Figure {
            ours: sum.ours + figure.ours,
            theirs: sum.theirs + figure.theirs,
            ..sum
        })
    }
}

/// Both ratios of all rows of a call in which the other heap is right; none if it is right in
/// none.
pub(super) fn of_call(rows: &[Row], call: &str) -> Option<String> {
    let right = rows
        .iter()
        .filter(|row| row.call() == call && row.wrong.is_empty());
    let right: Vec<&Row> = right.collect();
    let instructions = Figure::sum(right.iter().map(|row| row.instructions));
    let lines = Figure::sum(right.iter().map(|row| row.lines));
    (!right.is_empty()).then(|| format!("{:>4} {:>4}", instructions.to_string(), lines.to_string()))
}

/// One call in one situation.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) instructions: Figure,
    pub(super) lines: Figure,
    /// Why it may cost more than the other heap's.
    pub(super) why: Option<String>,
    /// The hazards of the other heap there.
    pub(super) wrong: BTreeSet<String>,
}

impl Row {
    /// Whether it costs more than it may. Where the other heap is wrong, nothing can be compared.
    pub(super) fn is_over(&self) -> bool {
        self.wrong.is_empty() && (self.instructions.is_over() || self.lines.is_over())
    }

    pub(super) fn remark(&self) -> String {
        if self.is_over() {
            "over".into()
        } else if self.wrong.is_empty() {
            let more = self.instructions.is_more() || self.lines.is_more();
            self.why.clone().filter(|_| more).unwrap_or_default()
        } else {
            let wrong: Vec<&str> = self.wrong.iter().map(String::as_str).collect();
            format!("mainline: {}", wrong.join(", "))
        }
    }

    /// The call that is measured, without what it is called in.
    pub(super) fn call(&self) -> &str {
        self.name.split(' ').next().unwrap_or_default()
    }

    /// Both ratios, with `*` where the other heap is wrong and `!` where one is over its limit.
    pub(super) fn ratios(&self) -> String {
        let mark = if self.is_over() {
            "!"
        } else if self.wrong.is_empty() {
            " "
        } else {
            "*"
        };
        format!(
            "{:>4} {:>4}{mark}",
            self.instructions.to_string(),
            self.lines.to_string()
        )
    }
}

/// The least of what was counted under one name.
#[derive(Debug, Clone, Copy)]
struct Least {
    instructions: u64,
    lines: u64,
}

/// The name under which a guest counts what it costs to count.
const NOTHING: &str = "nothing";

/// All rows, in the order in which the guest ran them.
///
/// # Errors
/// A fragment: our heap is wrong somewhere, or a row is there for one heap only.
pub(super) fn rows(bench: &HeapBench, cell: &str, found: &Findings) -> Result<Vec<Row>, String> {
    let ours = format!("{}: ", bench.ours);
    if let Some(hazard) = found.hazards.iter().find(|hazard| {
        let test = hazard.test.as_deref();
        test.is_none_or(|test| test.starts_with(&ours))
    }) {
        let test = hazard.test.as_deref().unwrap_or("no test");
        return Err(format!("{} in \"{test}\"", hazard.title));
    }

    let (mut least, mut order) = (BTreeMap::<(&str, &str), Least>::new(), Vec::new());
    let mut proofs = BTreeMap::new();
    for measured in &found.measured {
        if measured.name.is_empty() {
            continue;
        }
        let parts = measured.name.split_once(": ");
        let Some((heap, (row, proof))) =
            parts.and_then(|(heap, rest)| Some((heap, rest.split_once(" | ")?)))
        else {
            return Err(format!(
                "`{}` is not of the form HEAP: ROW | PROOF",
                measured.name
            ));
        };
        proofs.insert(row, proof);
        let now = Least {
            instructions: measured.instructions,
            lines: measured.lines,
        };
        let kept = least.entry((heap, row)).or_insert_with(|| {
            if !order.contains(&row) {
                order.push(row);
            }
            now
        });
        kept.instructions = kept.instructions.min(now.instructions);
        kept.lines = kept.lines.min(now.lines);
    }

    let of = |heap: &str, row: &str| {
        let missing = || format!("`{row}` was not measured on the heap {heap}");
        least.get(&(heap, row)).copied().ok_or_else(missing)
    };
    let net = |heap: &str, row: &str| -> Result<Least, String> {
        let (nothing, gross) = (of(heap, NOTHING)?, of(heap, row)?);
        Ok(Least {
            instructions: gross.instructions.saturating_sub(nothing.instructions),
            lines: gross.lines.saturating_sub(nothing.lines),
        })
    };
    let rows = order.iter().filter(|&&row| row != NOTHING).map(|&row| {
        let (ours, theirs) = (net(&bench.ours, row)?, net(&bench.theirs, row)?);
        let limit = bench.limit(row, cell);
        let test = format!("{}: {}", bench.theirs, proofs[row]);
        let hazards = found.hazards.iter();
        let wrong = hazards.filter(|hazard| hazard.test.as_deref() == Some(&test));
        Ok(Row {
            name: row.to_owned(),
            instructions: Figure {
                ours: ours.instructions,
                theirs: theirs.instructions,
                limit: limit.as_ref().map(|limit| limit.instructions),
                more: limit.as_ref().map_or(0, |limit| limit.more),
            },
            lines: Figure {
                ours: ours.lines,
                theirs: theirs.lines,
                limit: limit.as_ref().map(|limit| limit.lines),
                more: limit.as_ref().map_or(0, |limit| limit.more_lines),
            },
            why: limit.and_then(|limit| limit.why),
            wrong: wrong.map(|hazard| kind(&hazard.title).to_owned()).collect(),
        })
    });
    let rows: Vec<Row> = rows.collect::<Result<_, String>>()?;
    if rows.is_empty() {
        return Err("nothing was measured".into());
    }
    Ok(rows)
}

/// The kind of a hazard, which its title begins with.
fn kind(title: &str) -> &str {
    let kinds = [
        "stale device read",
        "stale read",
        "lost write",
        "discarded write",
    ];
    let kind = kinds.into_iter().find(|kind| title.starts_with(kind));
    kind.unwrap_or(title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::bench_for_tests;
    use crate::vcsan::findings::{Hazard, Measured};

    fn measured(name: &str, instructions: u64, lines: u64) -> Measured {
        Measured {
            name: name.into(),
            instructions,
            lines,
        }
    }

    fn found(hazard_of: Option<&str>) -> Findings {
        let hazard = hazard_of.map(|test| -> Hazard {
            let record = serde_json::json!({
                "title": "stale read in f", "test": test, "count": 1, "text": "",
            });
            serde_json::from_value(record).expect("a hazard")
        });
        Findings {
            measured: vec![
                measured("b: nothing | ", 10, 0),
                measured("", 9999, 9999),
                measured("b: begin | access", 120, 8),
                measured("b: begin | access", 110, 8),
                measured("a: nothing | ", 11, 0),
                measured("a: begin | access", 161, 4),
            ],
            hazards: hazard.into_iter().collect(),
            ..Findings::default()
        }
    }

    const LIMITS: &str = "{rows: '*', instructions: 1.0, lines: 0.5}";

    #[test]
    fn a_row_is_the_least_of_its_rounds_without_what_counting_costs() {
        let rows = rows(&bench_for_tests(LIMITS), "x", &found(None)).expect("rows");
        let [row] = rows.as_slice() else {
            panic!("{rows:?}");
        };
        assert_eq!((row.instructions.ours, row.instructions.theirs), (150, 100));
        assert_eq!((row.lines.ours, row.lines.theirs), (4, 8));
        assert!(row.is_over() && !row.lines.is_over());
        assert_eq!(row.ratios(), "1.50 0.50!");
    }

    #[test]
    fn where_the_other_heap_is_wrong_there_is_no_limit() {
        let found = found(Some("b: access"));
        let rows = rows(&bench_for_tests(LIMITS), "x", &found).expect("rows");
        assert!(!rows[0].is_over());
        assert_eq!(rows[0].remark(), "mainline: stale read");
    }

    #[test]
    fn a_call_has_the_ratios_of_the_rows_in_which_the_other_heap_is_right() {
        let row = |name: &str, ours, theirs, wrong: &str| {
            let figure = Figure::sum(
                [Figure {
                    ours,
                    theirs,
                    limit: None,
                    more: 0,
                }]
                .into_iter(),
            );
            Row {
                name: name.into(),
                instructions: figure,
                lines: Figure { ours: 0, ..figure },
                why: None,
                wrong: [wrong]
                    .iter()
                    .filter(|w| !w.is_empty())
                    .map(|w| (*w).to_owned())
                    .collect(),
            }
        };
        let rows = [
            row("begin a", 30, 10, ""),
            row("begin b", 0, 20, ""),
            row("begin c", 1000, 1, "stale read"),
            row("end c", 1, 1, "stale read"),
        ];
        assert_eq!(of_call(&rows, "begin").as_deref(), Some("1.00 0.00"));
        assert_eq!(of_call(&rows, "end"), None);
    }

    #[test]
    fn where_ours_is_wrong_nothing_counts() {
        let said = rows(&bench_for_tests(LIMITS), "x", &found(Some("a: access"))).unwrap_err();
        assert_eq!(said, "stale read in f in \"a: access\"");
    }

    #[test]
    fn a_row_of_one_heap_alone_is_an_error() {
        let mut found = found(None);
        found.measured.pop();
        let said = rows(&bench_for_tests(LIMITS), "x", &found).unwrap_err();
        assert_eq!(said, "`begin` was not measured on the heap a");
        found.measured.clear();
        let said = rows(&bench_for_tests(LIMITS), "x", &found).unwrap_err();
        assert_eq!(said, "nothing was measured");
    }

    #[test]
    fn nothing_against_something_is_over_any_limit() {
        let figure = |ours, theirs| Figure {
            ours,
            theirs,
            limit: Some(1.0),
            more: 0,
        };
        assert!(!figure(0, 0).is_over() && !figure(0, 3).is_over());
        assert!(figure(1, 0).is_over());
        assert_eq!(figure(1, 0).to_string(), "more");
        assert!(!figure(1004, 1000).is_over() && figure(1006, 1000).is_over());
        let more = Figure {
            more: 100,
            ..figure(1100, 1000)
        };
        assert!(!more.is_over() && more.is_more());
        assert_eq!(more.limit(), "1.00+100");
        let endless = Figure {
            limit: Some(f64::INFINITY),
            ..figure(1, 0)
        };
        assert!(!endless.is_over());
        assert_eq!(endless.limit(), "none");
    }
}

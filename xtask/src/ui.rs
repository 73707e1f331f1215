// SPDX-License-Identifier: GPL-2.0-only
//! Shows what is going on: one live line a task on a terminal, plain lines in a log. All of it goes to standard error.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use console::{Style, Term};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::progress::Progress;

/// Where progress goes.
#[derive(Debug)]
pub struct Ui {
    /// None in a log.
    bars: Option<MultiProgress>,
    start: Instant,
    verbose: bool,
}

impl Ui {
    /// Looks whether standard error is a terminal.
    pub fn new(verbose: bool) -> Ui {
        let bars = Term::stderr().is_term().then(MultiProgress::new);
        Ui {
            bars,
            start: Instant::now(),
            verbose,
        }
    }

    /// The time since the command began.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// A task with a line of its own, until it is dropped.
    pub fn task(&self, name: &str) -> Task<'_> {
        let bar = self.bars.as_ref().map(|bars| {
            let style =
                ProgressStyle::with_template("{spinner} {prefix:.bold} {wide_msg} {elapsed:.dim}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = bars.add(
                ProgressBar::new_spinner()
                    .with_style(style)
                    .with_prefix(name.to_owned()),
            );
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Task {
            ui: self,
            name: name.to_owned(),
            bar,
        }
    }

    /// Prints a line that stays.
    fn print(&self, text: &str) {
        match &self.bars {
            // On a terminal that has gone away there is nobody to tell.
            Some(bars) => drop(bars.println(text)),
            None => eprintln!("[{:7.1}s] {text}", self.start.elapsed().as_secs_f64()),
        }
    }
}

/// One of the things that go on at the same time.
#[derive(Debug)]
pub struct Task<'a> {
    ui: &'a Ui,
    name: String,
    bar: Option<ProgressBar>,
}

impl Task<'_> {
    /// Says something that is worth a look while it happens, but no line of a log.
    pub fn detail(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(printable(text).into_owned());
        }
    }

    /// Prints a piece of a program's output where the user asked to see it all.
    pub fn output(&self, text: &str) {
        if self.ui.verbose {
            self.line(text);
        }
    }
}

impl Progress for Task<'_> {
    fn step(&self, what: &str) {
        match &self.bar {
            Some(_) => self.detail(what),
            None => self.line(what),
        }
    }

    fn line(&self, text: &str) {
        self.ui
            .print(&format!("{}: {}", self.name, printable(text)));
    }

    fn warn(&self, text: &str) {
        let warning = Style::new()
            .for_stderr()
            .yellow()
            .bold()
            .apply_to("warning:");
        self.ui
            .print(&format!("{}: {warning} {}", self.name, printable(text)));
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Text of a guest or a compiler, without what a terminal would obey or show in another order.
pub fn printable(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(obeyed) {
        text.replace(obeyed, "·").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_made_harmless() {
        assert_eq!(
            printable("\u{1b}]0;title\u{7}\u{9b}2Jx\r"),
            "·]0;title··2Jx·"
        );
        assert_eq!(printable("a\u{202e}b"), "a·b");
        assert!(matches!(printable("a\tb\né"), Cow::Borrowed("a\tb\né")));
    }
}

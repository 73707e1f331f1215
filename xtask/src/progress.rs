// SPDX-License-Identifier: GPL-2.0-only
//! How a stage says what it does, without knowing who listens.

/// Somebody who wants to know.
pub trait Progress {
    /// What goes on now, such as "unpacking linux-source-7.3"; replaced by the next step.
    fn step(&self, what: &str);

    /// Something that stays on the screen.
    fn line(&self, text: &str);

    /// Something that the user should know, though the work goes on.
    fn warn(&self, text: &str);
}

// SPDX-License-Identifier: GPL-2.0-only
//! Writes statements, each on the source line that it comes from.

use crate::meta::{Inlined, Location, Metadata};

/// `#line` with its newline.
pub(super) fn line_directive(meta: &Metadata<'_>, location: Location) -> String {
    let name = meta
        .file_name(location.file)
        .replace('\\', "\\\\")
        .replace('"', "\\\"");
    format!("#line {} \"{name}\"\n", location.line)
}

/// The statements of a function.
pub(super) struct Emitter<'m, 'a> {
    out: String,
    meta: &'m Metadata<'a>,
    lines: Option<Inlined>,
    /// The location of the physical line that is being written.
    current: Option<Location>,
    /// What the next statement's location is.
    wanted: Option<Location>,
    /// Whether something is on the physical line.
    dirty: bool,
}

impl<'m, 'a> Emitter<'m, 'a> {
    pub(super) fn new(meta: &'m Metadata<'a>, lines: Option<Inlined>) -> Self {
        Self {
            out: String::new(),
            meta,
            lines,
            current: None,
            wanted: None,
            dirty: false,
        }
    }

    /// Says which `!dbg` node the following statements belong to; without one, they belong to where the last one did.
    pub(super) fn locate(&mut self, dbg: Option<u32>) {
        if let (Some(inlined), Some(dbg)) = (self.lines, dbg)
            && let Some(location) = self.meta.location(dbg, inlined)
        {
            self.wanted = Some(location);
        }
    }

    /// The location that a function starts at.
    pub(super) fn start(&mut self, subprogram: Option<u32>) {
        if self.lines.is_some() {
            self.wanted = subprogram.and_then(|s| self.meta.subprogram(s));
        }
    }

    fn line_break(&mut self) {
        if self.dirty {
            self.out.push('\n');
            self.dirty = false;
        }
    }

    fn position(&mut self) {
        match self.wanted {
            Some(location) => {
                // A new physical line would count as the next source line, so equal locations share one.
                if self.current != Some(location) || !self.dirty {
                    self.line_break();
                    self.out.push_str(&line_directive(self.meta, location));
                    self.current = Some(location);
                }
            }
            None => self.line_break(),
        }
    }

    /// One statement, or one line of a definition.
    pub(super) fn statement(&mut self, text: &str) {
        self.position();
        if self.dirty {
            self.out.push(' ');
        } else {
            self.out.push('\t');
        }
        self.out.push_str(text);
        self.dirty = true;
    }

    /// A label, or a brace: at the start of the line.
    pub(super) fn label(&mut self, text: &str) {
        if self.wanted.is_some() && self.dirty && self.current == self.wanted {
            self.out.push(' ');
        } else {
            self.position();
        }
        self.out.push_str(text);
        self.dirty = true;
    }

    /// The text.
    pub(super) fn finish(mut self) -> String {
        self.line_break();
        self.out
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! Debug locations. Metadata is most of a file and little of it is asked for, so nodes are read on demand.

use crate::lexer::{Lexer, Tok, unescape};
use rustc_hash::FxHashMap;
use std::cell::RefCell;

/// The metadata nodes of a module, by number.
#[derive(Debug)]
pub struct Metadata<'a> {
    src: &'a str,
    /// Where node N's line starts, plus one; 0 if there is none.
    starts: Vec<u32>,
    files: RefCell<FxHashMap<u32, Option<u32>>>,
    names: RefCell<Vec<String>>,
}

/// A source line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// For [`Metadata::file_name`].
    pub file: u32,
    /// From 1.
    pub line: u32,
}

/// Which line of code that was inlined is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Inlined {
    /// The innermost one: what LLVM's own line tables say.
    #[default]
    Callee,
    /// The line of the function that it was inlined into, so that a line always belongs to its symbol.
    Caller,
}

/// A chain of scopes or call sites longer than this is a cycle.
const MAX_CHAIN: usize = 1000;

impl<'a> Metadata<'a> {
    /// No nodes yet.
    pub fn new(src: &'a str) -> Self {
        Self {
            src,
            starts: Vec::new(),
            files: RefCell::default(),
            names: RefCell::default(),
        }
    }

    /// Notes the node whose line starts at byte `start`, with `!`.
    pub(crate) fn note_line(&mut self, start: usize) {
        let b = self.src.as_bytes();
        let mut n = 0usize;
        let mut i = start + 1;
        while let Some(c) = b.get(i).filter(|c| c.is_ascii_digit()) {
            n = n * 10 + usize::from(c - b'0');
            i += 1;
            if n > self.src.len() {
                return;
            }
        }
        if i == start + 1 {
            return; // a named node
        }
        if self.starts.len() <= n {
            self.starts.resize(n + 1, 0);
        }
        self.starts[n] = start as u32 + 1;
    }

    /// The fields of node `id` if it is a `!Kind(…)`: calls `field` with each name and value.
    fn node(&self, id: u32, mut field: impl FnMut(&'a str, Tok<'a>)) -> Option<&'a str> {
        let start = self.starts.get(id as usize)?.checked_sub(1)? as usize;
        let end = self.src[start..]
            .find('\n')
            .map_or(self.src.len(), |n| start + n);
        let mut lx = Lexer::new(&self.src[..end], start);
        let mut kind = "";
        let mut depth = 0u32;
        loop {
            match lx.next_token().ok()? {
                Tok::Meta(k) if depth == 0 => kind = k,
                Tok::Punct(b'(' | b'{') => depth += 1,
                Tok::Punct(b')' | b'}') => depth = depth.checked_sub(1)?,
                Tok::Label(name) if depth == 1 => field(name, lx.next_token().ok()?),
                Tok::End => return Some(kind),
                _ => {}
            }
        }
    }

    /// The source line of the `!DILocation` node `id`; `None` if it says none.
    pub fn location(&self, id: u32, inlined: Inlined) -> Option<Location> {
        let mut id = id;
        for _ in 0..MAX_CHAIN {
            let (mut line, mut scope, mut site) = (0, None, None);
            self.node(id, |name, value| match (name, value) {
                ("line", Tok::Num(n)) => line = n.parse().unwrap_or(0),
                ("scope", Tok::Meta(n)) => scope = n.parse().ok(),
                ("inlinedAt", Tok::Meta(n)) => site = n.parse().ok(),
                _ => {}
            })?;
            match site {
                // Line 0 means that no line of the inlined code is to blame: then the call is.
                Some(site) if inlined == Inlined::Caller || line == 0 => id = site,
                _ if line == 0 => return None,
                _ => {
                    return Some(Location {
                        file: self.file_of_scope(scope?)?,
                        line,
                    });
                }
            }
        }
        None
    }

    /// The file and line of a `!DISubprogram`.
    pub fn subprogram(&self, id: u32) -> Option<Location> {
        let mut line = 0;
        self.node(id, |name, value| {
            if let ("line", Tok::Num(n)) = (name, value) {
                line = n.parse().unwrap_or(0);
            }
        })?;
        (line != 0).then_some(Location {
            file: self.file_of_scope(id)?,
            line,
        })
    }

    fn file_of_scope(&self, scope: u32) -> Option<u32> {
        if let Some(&known) = self.files.borrow().get(&scope) {
            return known;
        }
        let mut found = None;
        self.node(scope, |name, value| {
            if let ("file", Tok::Meta(n)) = (name, value) {
                found = n.parse::<u32>().ok();
            }
        })?;
        let file = found.and_then(|f| self.intern_file(f));
        self.files.borrow_mut().insert(scope, file);
        file
    }

    fn intern_file(&self, id: u32) -> Option<u32> {
        let (mut name, mut dir) = (None, "");
        self.node(id, |field, value| match (field, value) {
            ("filename", Tok::Str(s)) => name = Some(s),
            ("directory", Tok::Str(s)) => dir = s,
            _ => {}
        })?;
        let name = name?;
        let full = if name.starts_with('/') || dir.is_empty() {
            name.to_owned()
        } else {
            format!("{dir}/{name}")
        };
        let full = String::from_utf8_lossy(&unescape(&full)).into_owned();
        let mut names = self.names.borrow_mut();
        let at = names.iter().position(|n| *n == full).unwrap_or_else(|| {
            names.push(full);
            names.len() - 1
        });
        Some(at as u32)
    }

    /// The path of a [`Location::file`].
    pub fn file_name(&self, file: u32) -> String {
        self.names
            .borrow()
            .get(file as usize)
            .cloned()
            .unwrap_or_default()
    }
}

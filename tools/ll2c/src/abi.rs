// SPDX-License-Identifier: GPL-2.0-only
//! A subject: the architecture whose C compiler reads what comes out. Each is a page in `abi/`.

use crate::error::{Error, Result};
use crate::ir::Module;
use crate::layout::DataLayout;
use serde::Deserialize;

/// How an atomic read-modify-write is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AtomicRmw {
    /// With the compiler's `__atomic_*`.
    Builtin,
    /// With a function a size that the environment provides: [`Subject::cmpxchg`].
    Library,
    /// Not at all: an error.
    Reject,
}

/// A page as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    summary: String,
    r#macro: String,
    #[serde(default)]
    macros: Vec<String>,
    layout: String,
    stand_in: Option<String>,
    atomic_load_store: Vec<u64>,
    atomic_rmw: AtomicRmw,
    cmpxchg: Option<String>,
    struct_round: u64,
}

/// An architecture's layout and ABI.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its name, for messages.
    pub name: String,
    /// What it is, in a line.
    pub summary: String,
    /// A macro that its C compiler defines.
    pub macro_name: String,
    /// Its other macros whose names C does not leave to the compiler: nothing else can be called so.
    pub macros: Vec<String>,
    /// How C is laid out there.
    pub layout: DataLayout,
    /// The rustc target specification in `abi/` whose IR fits.
    pub stand_in: Option<String>,
    /// Sizes in bytes of atomic loads and stores.
    pub atomic_load_store: Vec<u64>,
    /// How read-modify-write is made.
    pub atomic_rmw: AtomicRmw,
    /// The names, less the number of bits, of the functions that [`AtomicRmw::Library`] calls: `uN name(volatile uN *p, uN
    /// expected, uN new)`, which stores `new` if `*p` is `expected`, returns what `*p` was, and is ordered against everything.
    pub cmpxchg: String,
    /// The size of every C struct is a multiple of this.
    pub struct_round: u64,
}

/// The pages that are built in.
const PAGES: &[(&str, &str)] = &[
    ("hppa", include_str!("../abi/hppa.yaml")),
    ("hppa-kernel", include_str!("../abi/hppa-kernel.yaml")),
    ("m68k", include_str!("../abi/m68k.yaml")),
    ("sh4", include_str!("../abi/sh4.yaml")),
];

impl Subject {
    /// The names of the subjects that are built in.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PAGES.iter().map(|&(name, _)| name)
    }

    /// A subject that is built in.
    ///
    /// # Errors
    /// If there is none of that name; lists those that are.
    pub fn named(name: &str) -> Result<Self> {
        match PAGES.iter().find(|&&(n, _)| n == name) {
            Some((_, page)) => Self::parse(name, page),
            None => {
                let known = Self::names().collect::<Vec<_>>().join(", ");
                Err(Error::new(format!(
                    "no subject `{name}`; known are {known}, or give the path of a page"
                )))
            }
        }
    }

    /// A subject from the text of its page.
    ///
    /// # Errors
    /// A key that is missing, unknown or malformed, with its line.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let page: Page = serde_yaml::from_str(text)
            .map_err(|e| Error::new(format!("page of subject `{name}`: {e}")))?;
        Ok(Self {
            name: name.to_owned(),
            summary: page.summary,
            macro_name: page.r#macro,
            macros: page.macros,
            layout: DataLayout::parse(&page.layout)?,
            stand_in: page.stand_in,
            atomic_load_store: page.atomic_load_store,
            atomic_rmw: page.atomic_rmw,
            cmpxchg: page.cmpxchg.unwrap_or_else(|| "ll2c_cmpxchg_".into()),
            struct_round: page.struct_round.max(1),
        })
    }

    /// Checks that a module is laid out as the subject is.
    ///
    /// # Errors
    /// The first difference.
    pub fn check(&self, m: &Module<'_>) -> Result<()> {
        if !m.has_layout {
            return Err(Error::new("the IR has no `target datalayout`"));
        }
        let (ours, theirs) = (&self.layout, m.types.layout());
        let differs = |what: &str| {
            Err(Error::new(format!(
                "the IR's data layout differs from that of {} in {what}; compile for another stand-in",
                self.name
            )))
        };
        if ours.big_endian != theirs.big_endian {
            return differs("byte order");
        }
        if (ours.ptr_size, ours.ptr_align) != (theirs.ptr_size, theirs.ptr_align) {
            return differs("pointers");
        }
        for width in [8, 16, 32, 64] {
            if ours.int_align(width) != theirs.int_align(width) {
                return differs(&format!("the alignment of i{width}"));
            }
        }
        if (ours.float_align, ours.double_align) != (theirs.float_align, theirs.double_align) {
            return differs("the alignment of floating point");
        }
        if ours.aggregate_align != theirs.aggregate_align {
            return differs("the alignment of aggregates");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_reads() {
        for name in Subject::names() {
            let subject = Subject::named(name).unwrap();
            assert_eq!(subject.layout.ptr_size, 4, "{name}");
        }
    }

    #[test]
    fn each_part_of_a_layout_counts() {
        let subject = Subject::named("sh4").unwrap();
        let check = |layout: &str| {
            let text = format!("target datalayout = \"{layout}\"\n");
            let module = crate::parse::parse(&text).unwrap();
            subject.check(&module).map_err(|e| e.to_string())
        };
        assert!(check("e-p:32:32-i64:32-f64:32").is_ok());
        for (layout, part) in [
            ("E-p:32:32-i64:32-f64:32", "byte order"),
            ("e-p:32:16-i64:32-f64:32", "pointers"),
            ("e-p:32:32-i64:64-f64:32", "i64"),
            ("e-p:32:32-i64:32-f64:64", "floating point"),
            ("e-p:32:32-i64:32-f32:64-f64:32", "floating point"),
            ("e-p:32:32-i64:32-f64:32-a:32", "aggregates"),
        ] {
            let said = check(layout).unwrap_err();
            assert!(said.contains(part), "{layout}: {said}");
        }
    }

    #[test]
    fn unknown_keys_and_subjects_are_named() {
        assert!(
            Subject::named("vax")
                .unwrap_err()
                .to_string()
                .contains("hppa")
        );
        let page = include_str!("../abi/hppa.yaml").replace("macro:", "makro:");
        assert!(
            Subject::parse("hppa", &page)
                .unwrap_err()
                .to_string()
                .contains("makro")
        );
    }
}

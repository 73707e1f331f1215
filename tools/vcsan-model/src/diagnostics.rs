// SPDX-License-Identifier: GPL-2.0-only
//! The wording of hazards: a stable title, and lines of detail with the caller's names for sites.

use crate::event::Site;
use crate::geometry::Alias;
use crate::hazard::{Accessor, Cause, Hazard, Kind};
use core::fmt;

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StaleRead => "stale read",
            Self::StaleDeviceRead => "stale device read",
            Self::LostWrite => "lost write",
            Self::DiscardedWrite => "discarded write",
            Self::Homonym => "hit on another page's line",
        })
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Only => f.write_str("the only alias"),
            Self::Colour(colour) => write!(f, "colour {colour}"),
            Self::Virtual { page, space: 0 } => write!(f, "virtual page {page:#x}"),
            Self::Virtual { page, space } => write!(f, "virtual page {page:#x} of space {space}"),
            Self::Equivalent { page, space: 0 } => write!(f, "equivalence page {page:#x}"),
            Self::Equivalent { page, space } => {
                write!(f, "equivalence page {page:#x} of space {space:#x}")
            }
        }
    }
}

impl fmt::Display for Accessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu(alias) => write!(f, "CPU through {alias}"),
            Self::Uncached => f.write_str("CPU past the cache"),
            Self::Device => f.write_str("device"),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NONE => f.write_str("no access known"),
            _ => write!(f, "site {}", self.id()),
        }
    }
}

impl Hazard {
    /// The kind of hazard and who ran into it: no addresses, so that reports can be counted by it.
    #[must_use]
    pub fn title(&self) -> Title {
        Title(self.kind, self.accessor)
    }

    /// The hazard in full, sites printed by `site`.
    pub fn explain<F>(&self, site: F) -> Explanation<'_, F>
    where
        F: Fn(Site, &mut fmt::Formatter<'_>) -> fmt::Result,
    {
        Explanation { hazard: self, site }
    }
}

/// The stable title of a hazard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Title(Kind, Accessor);

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Kind::StaleDeviceRead, _) | (_, Accessor::Cpu(_)) => write!(f, "{}", self.0),
            (kind, Accessor::Uncached) => write!(f, "{kind}, seen past the cache"),
            (kind, Accessor::Device) => write!(f, "{kind}, seen by a device"),
        }
    }
}

/// A hazard in full.
#[derive(Clone, Copy, Debug)]
pub struct Explanation<'a, F> {
    hazard: &'a Hazard,
    site: F,
}

/// Prints a site with the caller's function.
struct Named<'a, F>(Site, &'a F);

impl<F: Fn(Site, &mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Named<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Site::NONE => write!(f, "{}", self.0),
            site => (self.1)(site, f),
        }
    }
}

impl<F: Fn(Site, &mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Explanation<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hazard, site } = self;
        let name = |s| Named(s, site);
        writeln!(f, "{}", hazard.title())?;
        writeln!(
            f,
            "  access by {}: {}, physical {:#x}, bytes {:#x} of the line",
            hazard.accessor,
            name(hazard.access),
            hazard.paddr(),
            hazard.bytes
        )?;
        if hazard.kind != Kind::Homonym {
            writeln!(f, "  should see the write: {}", name(hazard.write))?;
        }
        match hazard.cause {
            Cause::OldCopy { filled_by, .. } => {
                writeln!(
                    f,
                    "  an older copy may be in its alias since: {}",
                    name(filled_by)
                )?;
            }
            Cause::NotWrittenBack { dirty } => {
                writeln!(f, "  the value may be in a dirty line only: {dirty}")?
            }
            Cause::Overwritten { alias, dirtied_by } => {
                writeln!(
                    f,
                    "  a dirty line may have been written back over it: {alias}, dirty since: {}",
                    name(dirtied_by)
                )?;
            }
            Cause::Discarded { alias, by } => {
                writeln!(f, "  invalidated while dirty: {alias}, by: {}", name(by))?
            }
            Cause::OtherPage { paddr, filled_by } => {
                writeln!(
                    f,
                    "  the tag may hold physical {paddr:#x} since: {}",
                    name(filled_by)
                )?;
            }
        }
        write!(f, "  missing: {}", Remedy(hazard))
    }
}

/// The maintenance that would have prevented the hazard.
struct Remedy<'a>(&'a Hazard);

impl fmt::Display for Remedy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.cause, self.0.accessor) {
            (
                Cause::OldCopy {
                    dirty: Some(dirty), ..
                },
                Accessor::Cpu(own),
            ) => {
                write!(
                    f,
                    "write back {dirty} after the write, then invalidate {own}"
                )
            }
            (Cause::OldCopy { .. }, Accessor::Cpu(own)) => {
                write!(f, "invalidate {own} between the write and the access")
            }
            (Cause::OldCopy { .. }, _) => {
                f.write_str("invalidate between the write and the access")
            }
            (Cause::NotWrittenBack { dirty }, _) => {
                write!(f, "write back {dirty} between the write and the access")
            }
            (Cause::Overwritten { alias, .. }, _) => {
                write!(
                    f,
                    "write back or invalidate {alias} before the write, and no store through it from an older copy"
                )
            }
            (Cause::Discarded { alias, .. }, _) => {
                write!(f, "write back {alias} before the invalidate")
            }
            (Cause::OtherPage { .. }, _) => {
                f.write_str("flush the virtual page before it is mapped to another one")
            }
        }
    }
}

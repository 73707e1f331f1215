// SPDX-License-Identifier: GPL-2.0-only
//! What came of a mutant on a cell.

use std::fmt;

use globset::GlobSet;
use serde::Serialize;

use crate::vcsan::findings::Hazard;

use super::Mutant;
use crate::config::{Cell, Role};

/// The alias that all others share their lines with where the cache does not alias.
const DIRECT_MAP: &str = "the direct map";

/// Something that was seen while a mutant ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sighting {
    /// `suite.case`; empty outside of any.
    pub case: String,
    /// The hazard's title, or a verdict.
    pub what: String,
    /// What maintenance is missing, or the first line of a failure.
    pub missing: String,
    /// Whether the cache model reported it, and no case.
    #[serde(skip)]
    pub is_hazard: bool,
    /// The alias through which the CPU wrote the value that was not seen.
    #[serde(skip)]
    pub written: Option<String>,
}

impl Sighting {
    /// A hazard in a case.
    pub fn hazard(case: &str, hazard: &Hazard) -> Sighting {
        Sighting {
            case: case.into(),
            what: hazard.title.clone(),
            missing: hazard.missing.clone(),
            is_hazard: true,
            written: hazard.write.as_ref().and_then(|write| write.alias.clone()),
        }
    }

    /// The run says nothing of the mutant, and why.
    pub fn no_proof(why: &str) -> Sighting {
        Sighting {
            case: String::new(),
            what: "no-tests".into(),
            missing: why.into(),
            is_hazard: false,
            written: None,
        }
    }

    /// Whether it meets one of `globs`. Where the cache does not alias, the line of each alias is that of the direct map.
    fn meets(&self, globs: &GlobSet, aliases: bool) -> bool {
        let text = self.to_string();
        let of_direct_map = || {
            let text = text.replace("the vmap", DIRECT_MAP);
            globs.is_match(text.replace("the user mapping", DIRECT_MAP))
        };
        globs.is_match(&text) || !aliases && of_direct_map()
    }

    /// Whether it is a hazard as another one is, in whatever case.
    fn is_alike(&self, other: &Sighting) -> bool {
        let of = |s: &Sighting| (s.what.clone(), s.missing.clone(), s.written.clone());
        self.is_hazard && other.is_hazard && of(self) == of(other)
    }

    /// Whether it says nothing of the heap.
    fn is_no_proof(&self) -> bool {
        self.what == "no-tests" || self.what == "infra"
    }
}

impl fmt::Display for Sighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let case = self.case.strip_prefix("system_heap_rust_");
        write!(f, "{}: {}", case.unwrap_or(&self.case), self.what)?;
        if !self.missing.is_empty() {
            write!(f, "; {}", self.missing)?;
        }
        Ok(())
    }
}

/// What came of a mutant on a cell in one mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It was caught.
    Killed {
        /// By this, for one.
        by: Sighting,
    },
    /// It makes no difference on that CPU, says the host's model of it, and none was seen.
    Equivalent,
    /// It makes a difference, and nothing saw it.
    Survived,
    /// Something else was seen than what it breaks.
    OtherReason {
        /// This, for one.
        saw: Sighting,
    },
    /// It makes no difference, says the host's model, and yet something was seen.
    Unexplained {
        /// This, for one.
        saw: Sighting,
    },
    /// It could not be run.
    Broken {
        /// Why not.
        why: String,
    },
}

impl Outcome {
    /// What the sightings say of `mutant`, where `known` were there without it.
    pub fn of(
        mutant: &Mutant,
        cell: &Cell,
        matters: bool,
        sightings: &[Sighting],
        known: &[Sighting],
    ) -> Outcome {
        let new: Vec<&Sighting> = sightings.iter().filter(|s| !known.contains(s)).collect();
        if let Some(nothing) = new.iter().find(|s| s.is_no_proof()) {
            return Outcome::Broken {
                why: nothing.missing.clone(),
            };
        }
        let aliases = cell.role == Role::Aliasing;
        // Where it makes no difference, what goes wrong without it may do so in another case: which one it is may be chance.
        let is_known = |s: &Sighting| known.iter().any(|k| k.is_alike(s));
        let wrote = |s: &Sighting| {
            s.written
                .as_ref()
                .is_some_and(|w| mutant.written.contains(w))
        };
        let shows = |s: &&&Sighting| s.meets(&mutant.shows, aliases) || wrote(s);
        match (new.iter().find(shows), new.first(), matters) {
            (Some(by), _, true) => Outcome::Killed { by: (*by).clone() },
            (_, Some(_), false) => match new.iter().find(|s| !is_known(s)) {
                Some(saw) => Outcome::Unexplained {
                    saw: (*saw).clone(),
                },
                None => Outcome::Equivalent,
            },
            (None, Some(saw), true) => Outcome::OtherReason {
                saw: (*saw).clone(),
            },
            (_, None, false) => Outcome::Equivalent,
            (_, None, true) => Outcome::Survived,
        }
    }

    /// Whether it is as it should be.
    pub fn is_right(&self) -> bool {
        matches!(self, Outcome::Killed { .. } | Outcome::Equivalent)
    }

    /// In a word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Killed { .. } => "killed",
            Outcome::Equivalent => "equivalent",
            Outcome::Survived => "survived",
            Outcome::OtherReason { .. } => "other reason",
            Outcome::Unexplained { .. } => "unexplained",
            Outcome::Broken { .. } => "broken",
        }
    }

    /// What was seen, or why nothing was.
    pub fn reason(&self) -> String {
        match self {
            Outcome::Killed { by: saw }
            | Outcome::OtherReason { saw }
            | Outcome::Unexplained { saw } => saw.to_string(),
            Outcome::Broken { why } => why.clone(),
            Outcome::Equivalent => "the model of this CPU says that it makes no difference".into(),
            Outcome::Survived => "the model of this CPU says that it makes a difference".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::globs;
    use super::*;
    use crate::config::Config;

    fn mutant() -> Mutant {
        Mutant {
            name: "m".into(),
            summary: None,
            exporter: "e".into(),
            alone: false,
            all_modes: false,
            suites: vec!["*".into()],
            model: None,
            written: Vec::new(),
            shows: globs(["*vmap*"].into_iter()).expect("globs"),
            own_edits: None,
        }
    }

    fn saw(missing: &str) -> Sighting {
        Sighting {
            case: "s.c".into(),
            what: "stale read".into(),
            missing: missing.into(),
            is_hazard: true,
            written: None,
        }
    }

    #[test]
    fn a_kill_is_one_for_the_reason_that_was_seeded() {
        let (right, other) = (saw("flush the vmap"), saw("flush the user mapping"));
        let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs");
        let config = Config::load(&configs).expect("configs/ loads");
        let cell = &config.cells["arm-vivt"];
        let of = |matters, seen: &[Sighting], known: &[Sighting]| {
            Outcome::of(&mutant(), cell, matters, seen, known)
        };
        let both = [other.clone(), right.clone()];
        assert_eq!(of(true, &both, &[]), Outcome::Killed { by: right.clone() });
        let alone = std::slice::from_ref(&other);
        assert_eq!(
            of(true, alone, &[]),
            Outcome::OtherReason { saw: other.clone() }
        );
        assert_eq!(of(true, &[], &[]), Outcome::Survived);
        assert_eq!(of(false, &[], &[]), Outcome::Equivalent);
        assert_eq!(
            of(false, alone, &[]),
            Outcome::Unexplained { saw: other.clone() }
        );
        // What is there without the mutant shows nothing.
        assert_eq!(of(true, alone, alone), Outcome::Survived);
        assert!(!of(true, &[Sighting::no_proof("why")], &[]).is_right());
        // Where it makes no difference, nor does the case in which the same hazard is. Another one is new, and so is a failure.
        let elsewhere = |of: &Sighting| Sighting {
            case: "s.d".into(),
            ..of.clone()
        };
        let moved = [elsewhere(&other)];
        assert_eq!(of(false, &moved, alone), Outcome::Equivalent);
        assert!(!of(true, &moved, alone).is_right());
        assert!(!of(false, &[elsewhere(&right)], alone).is_right());
        let failed = Sighting {
            is_hazard: false,
            ..other.clone()
        };
        assert!(!of(false, &[elsewhere(&failed)], &[failed]).is_right());

        // The line of a user mapping is that of the vmap where nothing aliases.
        let of_direct_map = globs(["*the direct map*"].into_iter()).expect("globs");
        let user = saw("invalidate the user mapping");
        assert!(!user.meets(&of_direct_map, true));
        assert!(user.meets(&of_direct_map, false));
    }
}

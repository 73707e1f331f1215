// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask doctor`: all that is needed, what there is, and what to do about the difference.

use std::fmt;

use comfy_table::{Cell, Table, presets};
use serde::Serialize;

use super::prerequisites::{Host, PROGRAMS};
use super::recipe::Recipe;
use super::tools::{self, Found};
use super::{Choice, Error, Toolchain};
use crate::cache::Cache;
use crate::stop::Stop;

/// The answer of one look around.
#[derive(Debug, Serialize)]
pub struct Checkup {
    /// What was looked at, in order.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub subject: String,
    /// What is needed of it.
    pub needed: String,
    /// What there is.
    pub found: String,
    /// Whether that will do.
    pub verdict: Verdict,
    /// What to do where it won't.
    pub remedy: Option<String>,
}

/// Whether something will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It will.
    Fine,
    /// It is not there yet, and will be made when it is needed.
    Later,
    /// It won't.
    Wrong,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Fine => "fine",
            Verdict::Later => "later",
            Verdict::Wrong => "wrong",
        })
    }
}

impl Checkup {
    /// Whether nothing is wrong.
    pub fn is_fine(&self) -> bool {
        self.checks
            .iter()
            .all(|check| check.verdict != Verdict::Wrong)
    }
}

/// Looks at all that `choice` needs.
///
/// # Errors
/// The Debian root is there but can't be entered, or the cache folder can't be looked at.
pub fn look(choice: Choice, recipe: &Recipe, cache: &Cache, stop: &Stop) -> Result<Checkup, Error> {
    let mut checks = Vec::new();
    let toolchain = match choice {
        Choice::Host => Some(Toolchain::host(stop)),
        Choice::Root => {
            let made = Toolchain::made(recipe, cache, stop)?;
            checks.extend(host(&Host::this(), made.is_some()));
            checks.push(Check {
                subject: "Debian root".into(),
                needed: format!("{} by configs/toolchain.yaml", recipe.root.suite),
                found: made.as_ref().map_or("not made yet".into(), |_| {
                    cache
                        .path(Toolchain::folder(&recipe.root))
                        .display()
                        .to_string()
                }),
                verdict: if made.is_some() {
                    Verdict::Fine
                } else {
                    Verdict::Later
                },
                remedy: made.is_none().then(|| "cargo xtask setup".into()),
            });
            made
        }
    };
    let to_make = if toolchain.is_some() {
        0
    } else {
        recipe.root.space_mib
    };
    checks.push(space(cache, to_make.max(1024))?);
    if let Some(toolchain) = &toolchain {
        let archs = recipe.archs();
        checks.extend(
            recipe
                .tools_for(&archs)
                .map(|tool| tool_check(&tools::find(toolchain, tool, stop), choice)),
        );
    }
    Ok(Checkup { checks })
}

/// What `host` has for making and entering a root.
fn host(host: &Host, made: bool) -> Vec<Check> {
    let mut checks = Vec::new();
    let remedy = || host.remedy();
    for program in PROGRAMS
        .iter()
        .filter(|program| !host.root || !program.users_only)
    {
        let missing = host
            .missing
            .iter()
            .any(|missing| missing.name == program.name);
        // What only makes a root is no longer needed once it is made, and root has it installed without being asked.
        let needed = !(made && ["mmdebstrap", "newuidmap"].contains(&program.name));
        checks.push(Check {
            subject: program.name.into(),
            needed: if needed {
                "on PATH".into()
            } else {
                "only to make the root".into()
            },
            found: if missing {
                "missing".into()
            } else {
                "there".into()
            },
            verdict: match missing {
                false => Verdict::Fine,
                true if !needed || host.root => Verdict::Later,
                true => Verdict::Wrong,
            },
            remedy: if missing { remedy() } else { None },
        });
    }
    if !host.root {
        checks.push(Check {
            subject: "user namespaces".into(),
            needed: "allowed".into(),
            found: host
                .forbidden
                .map_or("allowed".into(), |(name, _)| format!("forbidden by {name}")),
            verdict: if host.forbidden.is_some() {
                Verdict::Wrong
            } else {
                Verdict::Fine
            },
            remedy: host.forbidden.and_then(|_| remedy()),
        });
        checks.push(Check {
            subject: "user numbers".into(),
            needed: "65536 in /etc/subuid and /etc/subgid".into(),
            found: if host.ranges {
                "there".into()
            } else {
                "missing".into()
            },
            verdict: if host.ranges || made {
                Verdict::Fine
            } else {
                Verdict::Wrong
            },
            remedy: if host.ranges { None } else { remedy() },
        });
    }
    checks
}

fn space(cache: &Cache, need_mib: u64) -> Result<Check, Error> {
    let free_mib = cache.free_mib()?;
    let enough = free_mib >= need_mib;
    Ok(Check {
        subject: "disk space".into(),
        needed: format!("{need_mib} MiB"),
        found: format!("{free_mib} MiB in {}", cache.root().display()),
        verdict: if enough {
            Verdict::Fine
        } else {
            Verdict::Wrong
        },
        remedy: (!enough).then(|| "make room, or give another folder with --cache DIR".into()),
    })
}

fn tool_check(finding: &tools::Finding, choice: Choice) -> Check {
    let tool = finding.tool;
    let (found, verdict) = match &finding.found {
        Found::Fine { path, version } => (
            format!("{version} {}", path.display()).trim().to_owned(),
            Verdict::Fine,
        ),
        Found::Missing => ("missing".into(), Verdict::Wrong),
        Found::Wrong { path, why } => (format!("{}: {why}", path.display()), Verdict::Wrong),
    };
    let remedy = match (verdict, choice) {
        (Verdict::Wrong, Choice::Host) => {
            Some(format!("on Debian: sudo apt-get install {}", tool.package))
        }
        (Verdict::Wrong, Choice::Root) => {
            Some("cargo xtask clean --toolchain, then cargo xtask setup".into())
        }
        _ => None,
    };
    Check {
        subject: tool.name.clone(),
        needed: tool.wanted.describe(),
        found,
        verdict,
        remedy,
    }
}

/// As a table for people. `width` in columns; as wide as it takes where there is none.
pub fn render(checkup: &Checkup, width: Option<u16>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if let Some(width) = width {
        table.set_width(width);
    }
    table.set_header(["", "needed", "found", "verdict", "remedy"]);
    for check in &checkup.checks {
        table.add_row([
            Cell::new(&check.subject),
            Cell::new(&check.needed),
            Cell::new(&check.found),
            Cell::new(check.verdict.to_string()),
            Cell::new(check.remedy.as_deref().unwrap_or_default()),
        ]);
    }
    let wrong = checkup
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Wrong)
        .count();
    let summary = match wrong {
        0 => "everything that is needed is there".to_owned(),
        1 => "1 thing is wrong".to_owned(),
        n => format!("{n} things are wrong"),
    };
    let lines: Vec<String> = table.lines().map(|l| l.trim_end().to_owned()).collect();
    format!("{}\n{summary}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(verdict: Verdict) -> Check {
        Check {
            subject: "bindgen".into(),
            needed: "0.71.1 or later".into(),
            found: "missing".into(),
            verdict,
            remedy: Some("install it".into()),
        }
    }

    #[test]
    fn what_comes_later_is_not_wrong() {
        assert!(
            Checkup {
                checks: vec![check(Verdict::Fine), check(Verdict::Later)]
            }
            .is_fine()
        );
        assert!(
            !Checkup {
                checks: vec![check(Verdict::Fine), check(Verdict::Wrong)]
            }
            .is_fine()
        );
    }

    #[test]
    fn the_table_has_every_part_and_counts_what_is_wrong() {
        let text = render(
            &Checkup {
                checks: vec![check(Verdict::Wrong)],
            },
            None,
        );
        for part in [
            "bindgen",
            "0.71.1 or later",
            "missing",
            "wrong",
            "install it",
            "1 thing is wrong",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn an_ordinary_user_needs_more_than_root() {
        let user = Host {
            root: false,
            user: "alice".into(),
            missing: vec![&PROGRAMS[4]],
            ranges: true,
            free: 100_000,
            forbidden: None,
        };
        let checks = host(&user, false);
        let newuidmap = checks
            .iter()
            .find(|check| check.subject == "newuidmap")
            .expect("a user needs it");
        assert_eq!(newuidmap.verdict, Verdict::Wrong);
        assert_eq!(
            newuidmap.remedy.as_deref(),
            Some("sudo apt-get install uidmap")
        );
        let made = host(&user, true);
        assert!(
            made.iter().all(|check| check.verdict != Verdict::Wrong),
            "{made:?}"
        );
        let root = Host {
            root: true,
            missing: vec![&PROGRAMS[0]],
            ..user
        };
        assert!(
            host(&root, false)
                .iter()
                .all(|check| check.subject != "newuidmap" && check.verdict != Verdict::Wrong)
        );
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask doctor`: all that is needed, what there is, and what to do about the difference.

use std::fmt;

use comfy_table::{Cell, Table, presets};
use serde::Serialize;

use super::command::{Failed, on_path};
use super::prerequisites::{Host, KEYRING, PROGRAMS_AND_KEYRING, try_namespace};
use super::recipe::Recipe;
use super::tools::{self, Found};
use super::{Choice, Command, Error, Packages, Toolchain, Version, libc, root};
use crate::cache::{self, Cache};
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
    pub status: Status,
    /// What to do where it won't.
    pub remedy: Option<String>,
}

/// Whether something will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It will.
    Fine,
    /// It is not there yet, and will be made when it is needed.
    Later,
    /// It should, but is not what the project was last tried with.
    Other,
    /// It won't.
    Wrong,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Status::Fine => "fine",
            Status::Later => "later",
            Status::Other => "other",
            Status::Wrong => "wrong",
        })
    }
}

impl Checkup {
    /// Whether nothing is wrong.
    pub fn is_fine(&self) -> bool {
        self.checks
            .iter()
            .all(|check| check.status != Status::Wrong)
    }
}

/// Looks at all that `choice` needs.
///
/// # Errors
/// The Debian root is there but can't be entered, or the cache folder can't be looked at.
pub fn look(choice: Choice, recipe: &Recipe, cache: &Cache, stop: &Stop) -> Result<Checkup, Error> {
    let mut checks = Vec::new();
    let here = Host::this();
    let toolchain = match choice {
        Choice::Host => Some(Toolchain::host(stop)),
        Choice::Root => {
            let made = Toolchain::made(recipe, cache, stop)?;
            checks.extend(host(&here, made.is_some()));
            // Where something is missing, it can't be tried.
            if checks.iter().all(|check| check.status != Status::Wrong) {
                checks.push(namespaces(match &made {
                    Some(made) => made.command("true").read(stop).map(drop),
                    None => try_namespace(here.root, stop),
                }));
            }
            checks.push(Check {
                subject: "Debian root".into(),
                needed: format!("{} by configs/toolchain.yaml", recipe.root.suite),
                found: made.as_ref().map_or("not made yet".into(), |_| {
                    cache
                        .path(Toolchain::folder(&recipe.root))
                        .display()
                        .to_string()
                }),
                status: if made.is_some() {
                    Status::Fine
                } else {
                    Status::Later
                },
                remedy: made.is_none().then(|| SETUP.into()),
            });
            for (name, further) in &recipe.further {
                checks.push(further_root(name, further, cache));
            }
            checks.extend(made.as_ref().and_then(|made| packages(made, recipe)));
            checks.extend(made.as_ref().and_then(|made| {
                Some(c_library(
                    libc::newest_here()?,
                    libc::newest(&made.libraries())?,
                ))
            }));
            made
        }
    };
    let root = if toolchain.is_some() {
        0
    } else {
        recipe.root.space_mib
    };
    let source = if cache
        .path("source")
        .join(recipe.source.preferred.to_string())
        .is_dir()
    {
        0
    } else {
        recipe.source.space_mib
    };
    let builds = if cache.path("build").is_dir() {
        0
    } else {
        BUILDS_MIB
    };
    checks.push(space(cache, root + source + builds + 256)?);
    checks.extend(around(&here, stop));
    if let Some(toolchain) = &toolchain {
        let archs = recipe.archs();
        checks.extend(
            recipe
                .tools_for(&archs)
                .map(|tool| tool_check(&tools::find(toolchain, tool, stop), choice, &here)),
        );
    }
    Ok(Checkup { checks })
}

/// Whether a root that few commands need has been made.
fn further_root(name: &str, recipe: &Recipe, cache: &Cache) -> Check {
    let folder = cache.path(Toolchain::folder(&recipe.root));
    let made = cache::is_made(&folder, &root::key(&recipe.root));
    Check {
        subject: format!("Debian root {name}"),
        needed: "when it is first asked for".into(),
        found: match made {
            true => folder.display().to_string(),
            false => "not made yet".into(),
        },
        status: match made {
            true => Status::Fine,
            false => Status::Later,
        },
        remedy: None,
    }
}

/// Whether the packages of the root are those that the project was last tried with.
fn packages(made: &Toolchain, recipe: &Recipe) -> Option<Check> {
    let packages = made.packages()?;
    let others = packages.differences(recipe.lock.as_ref()?);
    Some(Check {
        subject: "packages".into(),
        needed: "those of configs/toolchain.lock".into(),
        found: match &others[..] {
            [] => format!("all {}", packages.len()),
            others => others.join("\n"),
        },
        // The archive moves on, and newer ones should do; results say which they are from.
        status: if others.is_empty() {
            Status::Fine
        } else {
            Status::Other
        },
        remedy: (!others.is_empty()).then(|| {
            let old = recipe.lock.as_ref().and_then(Packages::archive);
            let old = old.map(|date| format!("; `{}` gets those", again_from(date)));
            format!("`{LOCK}` notes them{}", old.unwrap_or_default())
        }),
    })
}

/// Whether the root's QEMU can load a plugin that is linked with this machine's C library.
fn c_library(here: Version, of_root: Version) -> Check {
    let newer = here > of_root;
    Check {
        subject: "C library".into(),
        needed: format!("{of_root}, as the root's QEMU has it, or older"),
        found: here.to_string(),
        // Few interfaces are newer in a newer one. A run says whether the plugin uses one of these.
        status: if newer { Status::Other } else { Status::Fine },
        remedy: newer.then(|| C_LIBRARY.into()),
    }
}

/// The command that makes the root of the packages that the archive had at `date`.
fn again_from(date: &str) -> String {
    format!("{MAKE_AGAIN} --mirror {}", root::snapshot(date))
}

/// Whether namespaces can be made, which no file tells of where a container or a filter of system calls forbids it.
fn namespaces(tried: Result<(), Failed>) -> Check {
    let said = tried.err().map(|failed| failed.to_string());
    let last = said.as_deref().and_then(|said| said.lines().last());
    Check {
        subject: "namespaces".into(),
        needed: "can be made".into(),
        found: last.unwrap_or("they can").into(),
        status: match last {
            None => Status::Fine,
            Some(_) => Status::Wrong,
        },
        remedy: last.map(|_| NAMESPACES.into()),
    }
}

/// What is to be done where a container forbids namespaces.
const NAMESPACES: &str = "run the container as README.md says (Other hosts), or leave the root out with --toolchain host";

/// What is to be done where this machine's C library is too new for the root's QEMU.
const C_LIBRARY: &str = "if a run says that the cache model needs a newer one: use a container, as README.md says (Other hosts)";

/// What is run to get what is missing.
const SETUP: &str = "cargo xtask setup";
const LOCK: &str = "cargo xtask setup --lock";
const INSTALL: &str = "cargo xtask setup --install";
const MAKE_AGAIN: &str = "cargo xtask clean --all && cargo xtask setup";

/// What all kernels' builds and a few runs take.
const BUILDS_MIB: u64 = 2600;

/// What every run needs besides the tools of a kernel's build.
fn around(host: &Host, stop: &Stop) -> Vec<Check> {
    let git = Command::host("git").arg("--version").read(stop).ok();
    let name = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let cargo = Command::host(name).arg("--version").read(stop).ok();
    let version = |text: &Option<String>| {
        let mut words = text.iter().flat_map(|text| text.split_whitespace());
        words.find_map(|word| word.parse::<Version>().ok())
    };
    let least: Option<Version> = env!("CARGO_PKG_RUST_VERSION").parse().ok();
    let new_enough = version(&cargo) >= least;
    let check =
        |subject: &str, needed: String, found: Option<String>, fine: bool, remedy: &str| Check {
            subject: subject.into(),
            needed,
            found: found.map_or("missing".into(), |text| text.trim().to_owned()),
            status: if fine { Status::Fine } else { Status::Wrong },
            remedy: (!fine).then(|| remedy.into()),
        };
    let is_there = git.is_some();
    let arch = std::env::consts::ARCH;
    vec![
        check(
            "git",
            "to list the files of a checkout".into(),
            git,
            is_there,
            &host.install(&["git"]),
        ),
        check(
            "cargo",
            format!("{} or later", env!("CARGO_PKG_RUST_VERSION")),
            cargo,
            new_enough,
            match on_path("rustup") {
                Some(_) => "rustup update stable",
                None => "install rustup, as https://rustup.rs says",
            },
        ),
        processor(arch),
    ]
}

/// Where the project is known to run, or might.
fn processor(arch: &str) -> Check {
    Check {
        subject: "processor".into(),
        needed: "x86_64; others have not been tried".into(),
        found: arch.into(),
        status: match arch {
            "x86_64" => Status::Fine,
            _ => Status::Other,
        },
        remedy: match arch {
            "x86_64" => None,
            // By the package lists of the release; its versions are those of amd64, but for the hashes.
            "aarch64" => Some(
                "Debian trixie has all packages of configs/toolchain.yaml for arm64 too; their hashes differ from toolchain.lock"
                    .into(),
            ),
            _ => Some("Debian may lack compilers of configs/toolchain.yaml here; setup tells".into()),
        },
    }
}

/// What `host` has for making and entering a root.
fn host(host: &Host, made: bool) -> Vec<Check> {
    let mut checks = Vec::new();
    let remedy = || host.remedy();
    for program in PROGRAMS_AND_KEYRING
        .iter()
        .filter(|program| !host.root || !program.users_only)
    {
        let missing = host
            .missing
            .iter()
            .any(|missing| missing.name == program.name);
        // What only makes a root is no longer needed once it is made.
        let needed = !(made && ["mmdebstrap", "newuidmap", KEYRING].contains(&program.name));
        checks.push(Check {
            subject: program.name.into(),
            needed: if needed && program.name == KEYRING {
                "to check the archive's signatures".into()
            } else if needed {
                "on PATH".into()
            } else {
                "only to make the root".into()
            },
            found: if missing {
                "missing".into()
            } else {
                "there".into()
            },
            status: match missing {
                false => Status::Fine,
                true if !needed => Status::Later,
                true => Status::Wrong,
            },
            remedy: match missing {
                true if host.root && host.manager.starts_with("apt-get") => Some(INSTALL.into()),
                true => remedy(),
                false => None,
            },
        });
    }
    if !host.root {
        checks.push(Check {
            subject: "user namespaces".into(),
            needed: "allowed".into(),
            found: host
                .forbidden
                .map_or("allowed".into(), |(name, _)| format!("forbidden by {name}")),
            status: if host.forbidden.is_some() {
                Status::Wrong
            } else {
                Status::Fine
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
            status: if host.ranges || made {
                Status::Fine
            } else {
                Status::Wrong
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
        status: if enough { Status::Fine } else { Status::Wrong },
        remedy: (!enough).then(|| "make room, or give another folder with --cache DIR".into()),
    })
}

fn tool_check(finding: &tools::ToolStatus, choice: Choice, host: &Host) -> Check {
    let tool = finding.tool;
    let (found, status) = match &finding.found {
        Found::Fine { path, version } => (
            format!("{version} {}", path.display()).trim().to_owned(),
            Status::Fine,
        ),
        Found::Missing => ("missing".into(), Status::Wrong),
        Found::Wrong { path, why } => (format!("{}: {why}", path.display()), Status::Wrong),
    };
    let remedy = match (status, choice) {
        (Status::Wrong, Choice::Host) => Some(host.install_debians(&tool.package)),
        (Status::Wrong, Choice::Root) => Some(MAKE_AGAIN.into()),
        _ => None,
    };
    Check {
        subject: tool.name.clone(),
        needed: tool.wanted.describe(),
        found,
        status,
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
            Cell::new(check.status.to_string()),
            Cell::new(check.remedy.as_deref().unwrap_or_default()),
        ]);
    }
    let wrong = checkup
        .checks
        .iter()
        .filter(|check| check.status == Status::Wrong)
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
mod tests;

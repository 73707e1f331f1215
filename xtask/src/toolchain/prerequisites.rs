// SPDX-License-Identifier: GPL-2.0-only
//! What the host must have so that a Debian root can be made and entered.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::command::{Command, Failed, on_path};
use crate::progress::Progress;
use crate::quote::shell_words;
use crate::stop::Stop;

/// What of the host decides whether a root can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Whether this process may do everything.
    pub root: bool,
    /// The user's name, or number where it has none.
    pub user: String,
    /// Programs that are needed and not there.
    pub missing: Vec<&'static Program>,
    /// Whether the user may use a range of further user and group numbers.
    pub ranges: bool,
    /// The first number from which on nobody has a range.
    pub free: u64,
    /// How packages are installed here.
    pub manager: &'static str,
    /// What keeps an ordinary user from making namespaces, as a setting and the value that would do.
    pub forbidden: Option<(&'static str, &'static str)>,
    /// This program.
    pub program: PathBuf,
}

/// A program of the host and the Debian package that has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// The program.
    pub name: &'static str,
    /// The package.
    pub package: &'static str,
    /// Whether root does without it.
    pub users_only: bool,
}

/// The programs that make and enter a root.
pub const PROGRAMS: [Program; 6] = [
    Program {
        name: "mmdebstrap",
        package: "mmdebstrap",
        users_only: false,
    },
    Program {
        name: "unshare",
        package: "util-linux",
        users_only: false,
    },
    Program {
        name: "setpriv",
        package: "util-linux",
        users_only: false,
    },
    Program {
        name: "mount",
        package: "mount",
        users_only: false,
    },
    Program {
        name: "newuidmap",
        package: "uidmap",
        users_only: true,
    },
    // mmdebstrap leaves files out of packages by a script.
    Program {
        name: "python3",
        package: "python3",
        users_only: false,
    },
];

/// Where the archive's signatures are checked against.
pub const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// All that making and entering a root takes: [`PROGRAMS`], and the archive's keys.
pub static PROGRAMS_AND_KEYRING: [Program; 7] = {
    let [a, b, c, d, e, f] = PROGRAMS;
    let keyring = Program {
        name: KEYRING,
        package: "debian-archive-keyring",
        users_only: false,
    };
    [a, b, c, d, e, f, keyring]
};

impl Host {
    /// This one.
    pub fn this() -> Host {
        let uid = rustix::process::geteuid();
        let user = fs::read_to_string("/etc/passwd")
            .ok()
            .and_then(|text| user_name(&text, uid.as_raw()));
        let user = user.unwrap_or_else(|| uid.as_raw().to_string());
        let there = |program: &Program| match program.name.starts_with('/') {
            true => Path::new(program.name).exists(),
            false => on_path(program.name).is_some(),
        };
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let (subuid, subgid) = (read("/etc/subuid"), read("/etc/subgid"));
        let has_range = |text: &str| has_range(text, &user, uid.as_raw());
        Host {
            root: uid.is_root(),
            missing: PROGRAMS_AND_KEYRING
                .iter()
                .filter(|p| (!p.users_only || !uid.is_root()) && !there(p))
                .collect(),
            ranges: uid.is_root() || (has_range(&subuid) && has_range(&subgid)),
            free: first_free(&(subuid + "\n" + &subgid)),
            manager: manager(|program| on_path(program).is_some()),
            forbidden: if uid.is_root() {
                None
            } else {
                forbidden(|name| setting(name).filter(|_| name != APPARMOR || has_no_profile()))
            },
            program: std::env::current_exe().unwrap_or_else(|_| "xtask".into()),
            user,
        }
    }

    /// The packages that are missing, each once, as this host names them.
    pub fn packages(&self) -> Vec<&'static str> {
        let missing = self.missing.iter();
        let mut packages: Vec<_> = missing
            .map(|program| named(self.manager, program.package))
            .collect();
        packages.sort_unstable();
        packages.dedup();
        packages
    }

    /// The command that installs packages here.
    pub fn install(&self, packages: &[&str]) -> String {
        let sudo = if self.root { "" } else { "sudo " };
        format!("{sudo}{} {}", self.manager, packages.join(" "))
    }

    /// The same for packages that only Debian is known to call so.
    pub fn install_debians(&self, packages: &str) -> String {
        match self.manager.starts_with("apt-get") {
            true => self.install(&[packages]),
            false => format!("install what Debian calls {packages}"),
        }
    }

    /// The one command that makes this host fit, unless it is.
    pub fn remedy(&self) -> Option<String> {
        let sudo = if self.root { "" } else { "sudo " };
        let mut steps = Vec::new();
        if !self.missing.is_empty() {
            steps.push(self.install(&self.packages()));
        }
        if !self.ranges {
            let range = format!("{}-{}", self.free, self.free + RANGE - 1);
            steps.push(format!(
                "{sudo}usermod --add-subuids {range} --add-subgids {range} {}",
                self.user
            ));
        }
        if let Some((name, value)) = self.forbidden {
            steps.push(match name {
                APPARMOR => allow_by_profile(&self.program),
                _ => format!("{sudo}sysctl -w {name}={value}"),
            });
        }
        (!steps.is_empty()).then(|| steps.join(" && "))
    }

    /// What is missing, in words, unless nothing is.
    pub fn missing(&self) -> Option<String> {
        let mut missing: Vec<String> = self
            .missing
            .iter()
            .map(|program| format!("no {}", program.name))
            .collect();
        if !self.ranges {
            missing.push(format!(
                "no range of user numbers for {} in /etc/subuid and /etc/subgid",
                self.user
            ));
        }
        if let Some((name, _)) = self.forbidden {
            missing.push(format!("{name} forbids user namespaces"));
        }
        (!missing.is_empty()).then(|| missing.join(", "))
    }
}

/// Whether packages may be installed on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Install {
    /// Only if the user says so, on a terminal.
    #[default]
    Ask,
    /// The user has said so already.
    Yes,
}

/// Sees to it that a root can be made: as root, and with the user's consent, installs what is missing; otherwise says what to
/// do.
///
/// # Errors
/// Something is missing, or can't be installed.
pub fn ensure(may: Install, progress: &dyn Progress, stop: &Stop) -> Result<(), super::Error> {
    let mut host = Host::this();
    if host.root
        && !host.missing.is_empty()
        && on_path("apt-get").is_some()
        && (may == Install::Yes || consent(&host.packages(), progress))
    {
        install(&host.packages(), progress, stop)?;
        host = Host::this();
    }
    match (host.missing(), host.remedy()) {
        (Some(missing), Some(remedy)) => Err(super::Error::Unfit { missing, remedy }),
        _ => try_namespace(host.root, stop).map_err(|source| super::Error::Namespace { source }),
    }
}

/// Asks on the terminal, where there is one on both ends.
fn consent(packages: &[&str], progress: &dyn Progress) -> bool {
    use std::io::{IsTerminal as _, stderr, stdin};
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return false;
    }
    progress.line(&format!(
        "the Debian root is made with packages that this machine lacks: {}",
        packages.join(" ")
    ));
    progress.line("install them with apt-get? [y/N]");
    let mut answer = String::new();
    stdin().read_line(&mut answer).is_ok() && is_yes(&answer)
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

fn install(packages: &[&str], progress: &dyn Progress, stop: &Stop) -> Result<(), Failed> {
    progress.line(&format!(
        "installing {} on this machine with apt-get",
        packages.join(" ")
    ));
    let apt = || {
        Command::host("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .arg("--yes")
    };
    apt().arg("update").read(stop)?;
    apt()
        .args(["--no-install-recommends", "install"])
        .args(packages)
        .read(stop)
        .map(drop)
}

/// Makes namespaces as making a root does. Settings can forbid it that nobody here knows of, such as a container's; the kernel
/// knows.
///
/// # Errors
/// It can't.
pub fn try_namespace(root: bool, stop: &Stop) -> Result<(), Failed> {
    let user: &[&str] = if root {
        &[]
    } else {
        &["--user", "--map-root-user", "--map-auto"]
    };
    Command::host("unshare")
        .args(user)
        .args([
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "true",
        ])
        .read(stop)
        .map(drop)
}

/// The name that Debian's `package` has where `manager` installs packages.
fn named(manager: &str, package: &'static str) -> &'static str {
    match (manager.split(' ').next().unwrap_or_default(), package) {
        ("apt-get", _) => package,
        (_, "mount") => "util-linux",
        ("dnf", "uidmap") => "shadow-utils",
        (_, "uidmap") => "shadow",
        ("dnf", "debian-archive-keyring") => "debian-keyring",
        ("pacman", "python3") => "python",
        _ => package,
    }
}

/// The command that installs packages, by the program that the distribution has for it.
fn manager(has: impl Fn(&str) -> bool) -> &'static str {
    [
        ("apt-get", "apt-get install"),
        ("dnf", "dnf install"),
        ("pacman", "pacman -S"),
        ("zypper", "zypper install"),
    ]
    .into_iter()
    .find(|(program, _)| has(program))
    .map_or("apt-get install", |(_, command)| command)
}

/// The name of user `uid` in a passwd file.
fn user_name(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// How many numbers the packages' files may belong to.
const RANGE: u64 = 65536;

/// The first number beyond all ranges of subuid or subgid files, and beyond the users that a machine has of its own.
fn first_free(texts: &str) -> u64 {
    let end = |line: &str| {
        let mut numbers = line
            .split(':')
            .skip(1)
            .map(|field| field.trim().parse::<u64>().ok());
        numbers.next()??.checked_add(numbers.next()??)
    };
    texts.lines().filter_map(end).fold(100_000, u64::max)
}

/// Whether a subuid or subgid file has [`RANGE`] numbers in one range for a user, who stands there by name or number.
fn has_range(text: &str, user: &str, uid: u32) -> bool {
    text.lines().any(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        matches!(fields[..], [owner, _, count]
            if (owner == user || owner.parse() == Ok(uid)) && count.trim().parse().is_ok_and(|n: u64| n >= RANGE))
    })
}

/// Ubuntu's: user namespaces only for programs with an AppArmor profile that allows them.
const APPARMOR: &str = "kernel.apparmor_restrict_unprivileged_userns";

/// A profile by which `program`, and what it starts, may make user namespaces. Its form is that of
/// <https://gitlab.com/apparmor/apparmor/-/wikis/unprivileged_userns_restriction>.
fn profile(program: &Path) -> String {
    format!(
        "abi <abi/4.0>,\nprofile aliasheap \"{}\" flags=(unconfined) {{ userns, }}",
        program.display()
    )
}

/// The command that gives `program` its profile. To turn the setting off would allow namespaces to all programs.
fn allow_by_profile(program: &Path) -> String {
    let profile = profile(program);
    let print = shell_words(["printf", "%s\\n"].into_iter().chain(profile.lines()));
    let file = "/etc/apparmor.d/aliasheap";
    format!("{print} | sudo tee {file} && sudo apparmor_parser -r {file}")
}

/// Whether no AppArmor profile holds for this process.
fn has_no_profile() -> bool {
    let label = fs::read_to_string("/proc/self/attr/apparmor/current");
    label.is_ok_and(|label| label.trim() == "unconfined")
}

/// The kernel settings that keep ordinary users from user namespaces, the distributions' own among them.
fn forbidden(setting: impl Fn(&str) -> Option<i64>) -> Option<(&'static str, &'static str)> {
    [
        ("kernel.unprivileged_userns_clone", 0, "1"),
        (APPARMOR, 1, "0"),
        ("user.max_user_namespaces", 0, "10000"),
    ]
    .into_iter()
    .find(|(name, bad, _)| setting(name) == Some(*bad))
    .map(|(name, _, good)| (name, good))
}

fn setting(name: &str) -> Option<i64> {
    let path = Path::new("/proc/sys").join(name.replace('.', "/"));
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests;

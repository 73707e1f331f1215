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

    /// The packages that are missing, each once.
    pub fn packages(&self) -> Vec<&'static str> {
        let mut packages: Vec<_> = self.missing.iter().map(|program| program.package).collect();
        packages.sort_unstable();
        packages.dedup();
        packages
    }

    /// The one command that makes this host fit, unless it is.
    pub fn remedy(&self) -> Option<String> {
        let sudo = if self.root { "" } else { "sudo " };
        let mut steps = Vec::new();
        if !self.missing.is_empty() {
            steps.push(format!(
                "{sudo}{} {}",
                self.manager,
                self.packages().join(" ")
            ));
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
        _ => try_namespace(host.root, stop),
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

/// Settings can forbid it that nobody here knows of, such as a container's; the kernel knows.
fn try_namespace(root: bool, stop: &Stop) -> Result<(), super::Error> {
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
        .map_err(|source| super::Error::Namespace { source })
}

/// The command that installs packages, by the program that the distribution has for it. Fedora and Arch have packages of the
/// same names, but for Arch's `shadow` and `util-linux`, which are part of every installation.
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

/// The command that gives `program`, and what it starts, such a profile. To turn the setting off would allow it to all
/// programs. The profile's form is that of <https://gitlab.com/apparmor/apparmor/-/wikis/unprivileged_userns_restriction>.
fn allow_by_profile(program: &Path) -> String {
    let profile = format!(
        "profile aliasheap \"{}\" flags=(unconfined) {{ userns, }}",
        program.display()
    );
    let print = shell_words(["printf", "%s\\n", "abi <abi/4.0>,", &profile]);
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
mod tests {
    use super::*;

    fn fit() -> Host {
        Host {
            root: false,
            user: "alice".into(),
            missing: Vec::new(),
            ranges: true,
            free: 165_536,
            manager: "apt-get install",
            forbidden: None,
            program: "/home/alice/it's/target/debug/xtask".into(),
        }
    }

    #[test]
    fn a_fit_host_needs_nothing() {
        assert_eq!((fit().missing(), fit().remedy()), (None, None));
    }

    #[test]
    fn the_remedy_is_one_command() {
        let host = Host {
            missing: vec![&PROGRAMS[4], &PROGRAMS[0]],
            ranges: false,
            ..fit()
        };
        assert_eq!(
            host.remedy().as_deref(),
            Some(
                "sudo apt-get install mmdebstrap uidmap \
                 && sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 alice"
            )
        );
        let host = Host {
            root: true,
            user: "root".into(),
            missing: vec![&PROGRAMS[1], &PROGRAMS[2]],
            ..fit()
        };
        assert_eq!(host.remedy().as_deref(), Some("apt-get install util-linux"));
    }

    #[test]
    fn a_forbidding_setting_is_named_with_the_value_that_would_do() {
        let found = forbidden(|name| (name == "user.max_user_namespaces").then_some(0));
        let host = Host {
            forbidden: found,
            ..fit()
        };
        assert!(
            host.missing()
                .is_some_and(|text| text.contains("max_user_namespaces forbids"))
        );
        assert!(
            host.remedy()
                .is_some_and(|text| text.ends_with("user.max_user_namespaces=10000"))
        );
        assert_eq!(
            forbidden(|name| (name == "kernel.unprivileged_userns_clone").then_some(1)),
            None
        );
        assert_eq!(forbidden(|_| None), None);
    }

    /// A shell must print the profile that was meant, for a path that is quoted too.
    #[test]
    fn apparmor_gets_a_profile_for_this_program_alone() {
        let host = Host {
            forbidden: forbidden(|name| (name == APPARMOR).then_some(1)),
            ..fit()
        };
        let remedy = host.remedy().expect("something to do");
        assert!(!remedy.contains("sysctl"), "{remedy}");
        let (print, rest) = remedy.split_once(" | ").expect("a pipe");
        assert_eq!(
            rest,
            "sudo tee /etc/apparmor.d/aliasheap && sudo apparmor_parser -r /etc/apparmor.d/aliasheap"
        );
        let printed = duct::cmd!("sh", "-c", print).read().expect("a shell");
        assert_eq!(
            printed,
            "abi <abi/4.0>,\nprofile aliasheap \"/home/alice/it's/target/debug/xtask\" flags=(unconfined) { userns, }"
        );
    }

    #[test]
    fn ranges_are_found_by_name_or_number_and_must_be_large_enough() {
        let text = "bob:100000:65536\n1001:165536:65536\ncarol:231072:1000\n";
        assert!(has_range(text, "bob", 1000));
        assert!(has_range(text, "alice", 1001));
        assert!(!has_range(text, "carol", 1002));
        assert!(!has_range(text, "dave", 1003));
        assert!(!has_range("nonsense\n\n:::\n", "dave", 1003));
    }

    #[test]
    fn a_new_range_begins_beyond_all_others() {
        assert_eq!(first_free(""), 100_000);
        assert_eq!(
            first_free("bob:100000:65536\ncarol:231072:1000\ndave:165536:65536\n"),
            232_072
        );
        assert_eq!(
            first_free("nonsense\nbob:x:y\nbob:18446744073709551615:1\nbob:1\n"),
            100_000
        );
    }

    #[test]
    fn packages_are_installed_as_the_host_does_it() {
        assert_eq!(manager(|p| p == "apt-get"), "apt-get install");
        assert_eq!(manager(|p| p == "dnf"), "dnf install");
        assert_eq!(manager(|p| p == "pacman"), "pacman -S");
        assert_eq!(manager(|_| false), "apt-get install");
        let host = Host {
            missing: vec![&PROGRAMS[0]],
            manager: "dnf install",
            ..fit()
        };
        assert_eq!(
            host.remedy().as_deref(),
            Some("sudo dnf install mmdebstrap")
        );
    }

    #[test]
    fn only_a_clear_yes_is_one() {
        for yes in ["y\n", "Yes\n", " y "] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "why\n", "yesterday\n"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }

    #[test]
    fn the_user_has_a_name() {
        assert_eq!(
            user_name("root:x:0:0::/root:/bin/sh\nalice:x:1001:1001::/:\n", 1001).as_deref(),
            Some("alice")
        );
        assert_eq!(user_name("root:x:0:0::/root:/bin/sh\n", 1001), None);
    }
}

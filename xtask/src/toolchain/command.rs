// SPDX-License-Identifier: GPL-2.0-only
//! One external command: what it is, where it runs, how it is shown, and what is said when it fails.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::place::Place;
use crate::follow::{self, Limits, follow};
use crate::quote::shell_word;
use crate::stop::Stop;
use crate::tail;

/// How many of a failed command's last lines are kept.
const TAIL: usize = 20;

/// A command that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// It could not even be started.
    #[error("failed to start `{line}`")]
    Start {
        /// The command.
        line: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended with another status than 0.
    #[error("failed to run `{line}`: {status}{}{}", if tail.is_empty() { "" } else { "\n" }, tail)]
    Status {
        /// The command.
        line: String,
        /// The exit status or the signal.
        status: String,
        /// Its last lines.
        tail: String,
    },
    /// The user interrupted it.
    #[error("failed to finish `{line}`: interrupted")]
    Interrupted {
        /// The command.
        line: String,
    },
}

impl Failed {
    /// Whether it failed for want of room on a disk, as far as its last lines tell.
    pub fn disk_full(&self) -> bool {
        match self {
            Failed::Status { tail, .. } => says_disk_full(tail),
            Failed::Start { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            Failed::Interrupted { .. } => false,
        }
    }
}

/// Whether a tool's output says that there is no room on a disk.
pub fn says_disk_full(output: &str) -> bool {
    ["No space left on device", "Disk quota exceeded"]
        .iter()
        .any(|text| output.contains(text))
}

/// Whether a tool's output says that it, or one that it started, was killed or got no memory.
pub fn says_out_of_memory(output: &str) -> bool {
    [
        "Killed signal terminated program",
        "virtual memory exhausted",
        "out of memory allocating",
        "memory allocation of ",
        "Cannot allocate memory",
        "(signal: 9, SIGKILL",
    ]
    .iter()
    .any(|text| output.contains(text))
        || output
            .lines()
            .any(|line| line.trim_end().ends_with("] Killed"))
}

/// A command, either on the host or in the Debian root.
///
/// Its environment is not that of this process, which cargo and rustup have filled with what would change a kernel's build
/// (`RUSTUP_TOOLCHAIN`, `LD_LIBRARY_PATH`, `MAKEFLAGS`): in the root it is a fixed one, on the host it is cleaned.
///
/// It ends when the thread that started it ends, however that happens; in the root, so does all that it has started.
#[derive(Debug, Clone)]
pub struct Command {
    place: Place,
    program: OsString,
    args: Vec<OsString>,
    dir: Option<PathBuf>,
    env: BTreeMap<OsString, OsString>,
}

impl Command {
    /// `program` on the host.
    pub fn host(program: impl Into<OsString>) -> Command {
        Command::at(Place::Host, program)
    }

    /// `program` at `place`.
    pub(super) fn at(place: Place, program: impl Into<OsString>) -> Command {
        Command {
            place,
            program: program.into(),
            args: Vec::new(),
            dir: None,
            env: BTreeMap::new(),
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Command {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Command {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The folder that it runs in. In the root, it is `/tmp` unless this is called.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Command {
        self.dir = Some(dir.into());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Command {
        self.env.insert(name.into(), value.into());
        self
    }

    /// What duct runs.
    pub fn expression(&self) -> duct::Expression {
        // setpriv and unshare are of util-linux, which is everywhere that make is.
        let mut argv: Vec<OsString> = ["setpriv", "--pdeathsig", "KILL", "--"]
            .map(OsString::from)
            .into();
        let mut environment;
        match &self.place {
            Place::Host => environment = host_environment(env::vars_os()),
            Place::Namespace => {
                environment = host_environment(env::vars_os());
                argv.push("unshare".into());
                if !rustix::process::geteuid().is_root() {
                    argv.extend(["--user", "--map-current-user"].map(OsString::from));
                }
                argv.extend(
                    [
                        "--mount",
                        "--pid",
                        "--fork",
                        "--kill-child",
                        "--mount-proc",
                        "--",
                    ]
                    .map(OsString::from),
                );
            }
            Place::Inside(entrance) => {
                environment = inside_environment(env::vars_os());
                // It takes care of its own death.
                argv = entrance.argv(self.dir.as_deref()).into();
            }
        }
        argv.push(self.program.clone());
        argv.extend(self.args.iter().cloned());
        environment.extend(self.env.clone());
        let program = argv.remove(0);
        let mut expression = duct::cmd(program, argv).full_env(environment);
        if let (Place::Host | Place::Namespace, Some(dir)) = (&self.place, &self.dir) {
            expression = expression.dir(dir);
        }
        expression
    }

    /// Runs it and returns its standard output.
    ///
    /// # Errors
    /// It fails; the error has the end of its standard error.
    pub fn read(&self, stop: &Stop) -> Result<String, Failed> {
        self.read_bytes(stop)
            .map(|output| String::from_utf8_lossy(&output).into_owned())
    }

    /// The same, for output that need not be text.
    ///
    /// # Errors
    /// As [`Command::read`].
    pub fn read_bytes(&self, stop: &Stop) -> Result<Vec<u8>, Failed> {
        let mut output = Vec::new();
        let program = self.expression();
        let (end, errors) = tail::follow(&program, None, Limits::NONE, stop, |piece| {
            output.extend_from_slice(piece);
            Ok(())
        })
        .map_err(|e| self.not_started(e))?;
        self.judge(Ok(end), || {
            let lines: Vec<&str> = errors.lines().collect();
            lines[lines.len().saturating_sub(TAIL)..].join("\n")
        })?;
        Ok(output)
    }

    /// Runs it and hands every line of what it prints, on standard output and standard error, to `heard`.
    ///
    /// # Errors
    /// It fails; the error has the last lines.
    pub fn run(&self, stop: &Stop, mut heard: impl FnMut(&str)) -> Result<(), Failed> {
        let mut tail = VecDeque::new();
        let mut rest = Vec::new();
        let mut take = |line: &[u8]| {
            let line = String::from_utf8_lossy(line);
            // A carriage return starts a line anew, in a progress bar.
            let line = line.trim_end().rsplit('\r').next().unwrap_or_default();
            if !line.is_empty() {
                heard(line);
                if tail.len() == TAIL {
                    tail.pop_front();
                }
                tail.push_back(line.to_owned());
            }
        };
        let end = follow(
            &self.expression().stderr_to_stdout(),
            Limits::NONE,
            stop,
            |piece| {
                rest.extend_from_slice(piece);
                while let Some(end) = rest.iter().position(|b| *b == b'\n') {
                    take(&rest[..end]);
                    rest.drain(..=end);
                }
                Ok(())
            },
        );
        take(&rest);
        self.judge(end, || Vec::from(tail).join("\n"))
    }

    fn judge(
        &self,
        end: io::Result<follow::End>,
        tail: impl FnOnce() -> String,
    ) -> Result<(), Failed> {
        let line = self.to_string();
        match end {
            Err(e) => Err(self.not_started(e)),
            Ok(follow::End::Ended(status)) if status.success() => Ok(()),
            Ok(follow::End::Ended(status)) => Err(Failed::Status {
                line,
                status: status.to_string(),
                tail: tail(),
            }),
            Ok(follow::End::TooMuch(limit)) => Err(Failed::Status {
                line,
                status: follow::too_much(limit).to_string(),
                tail: tail(),
            }),
            // Nothing else limits it here, so only the user can have ended it.
            Ok(_) => Err(Failed::Interrupted { line }),
        }
    }

    fn not_started(&self, source: io::Error) -> Failed {
        Failed::Start {
            line: self.to_string(),
            source,
        }
    }
}

/// The command as one would type it in a shell, in the root's own terms where it runs there.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(dir) = &self.dir {
            write!(f, "cd {} && ", shell_word(dir.as_os_str()))?;
        }
        for (name, value) in &self.env {
            write!(f, "{}={} ", name.to_string_lossy(), shell_word(value))?;
        }
        write!(f, "{}", shell_word(&self.program))?;
        self.args
            .iter()
            .try_for_each(|arg| write!(f, " {}", shell_word(arg)))
    }
}

/// What a command in the root finds in its environment: the same on every host, but for the terminal and the way out.
fn inside_environment(
    host: impl Iterator<Item = (OsString, OsString)>,
) -> BTreeMap<OsString, OsString> {
    const KEPT: [&str; 7] = [
        "TERM",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
    ];
    let mut kept: BTreeMap<_, _> = host
        .filter(|(name, _)| KEPT.iter().any(|k| name == k))
        .collect();
    let fixed = [
        (
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ),
        ("HOME", "/tmp"),
        ("LC_ALL", "C.UTF-8"),
    ];
    kept.extend(fixed.map(|(name, value)| (name.into(), value.into())));
    kept
}

/// The host's environment without what steers cargo, make, the kernel's build, and git: a hook's git names its own repository.
fn host_environment(
    host: impl Iterator<Item = (OsString, OsString)>,
) -> BTreeMap<OsString, OsString> {
    const DROPPED: [&str; 16] = [
        "ARCH",
        "CARGO",
        "CC",
        "CFLAGS",
        "CROSS_COMPILE",
        "LANGUAGE",
        "LD_LIBRARY_PATH",
        "LDFLAGS",
        "MAKEFLAGS",
        "MAKELEVEL",
        "MFLAGS",
        "RUSTC",
        "RUSTC_WRAPPER",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
        "RUST_RECURSION_COUNT",
    ];
    const DROPPED_PREFIXES: [&str; 5] = ["CARGO_", "GIT_", "KBUILD_", "KCFLAGS", "LC_"];
    let drop = |name: &OsStr| {
        let name = name.to_string_lossy();
        // Where cargo and rustup keep what the user has of them.
        name != "CARGO_HOME"
            && (DROPPED.contains(&&*name)
                || DROPPED_PREFIXES
                    .iter()
                    .any(|prefix| name.starts_with(prefix)))
    };
    let mut kept: BTreeMap<_, _> = host.filter(|(name, _)| !drop(name)).collect();
    kept.insert("LC_ALL".into(), "C.UTF-8".into());
    kept
}

/// Whether a program of that name is on the host's PATH.
pub(super) fn on_path(program: &str) -> Option<PathBuf> {
    // Where administrators' programs lie, which an ordinary user's PATH on Debian leaves out.
    let path = env::var_os("PATH").unwrap_or_default();
    let path =
        env::join_paths(env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from)))
            .ok()?;
    which::which_in(program, Some(path), Path::new("/")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        Command::host("sh").args(["-c", script])
    }

    #[test]
    fn reads_standard_output_alone() {
        assert_eq!(
            sh("echo out; echo err >&2")
                .read(&Stop::new())
                .expect("it succeeds"),
            "out\n"
        );
    }

    #[test]
    fn hears_both_streams_line_by_line() {
        let mut lines = Vec::new();
        sh("echo one; echo two >&2; printf '10%%\\r20%%\\n\\nthree'")
            .run(&Stop::new(), |l| lines.push(l.to_owned()))
            .expect("it succeeds");
        assert_eq!(lines, ["one", "two", "20%", "three"]);
    }

    #[test]
    fn a_failure_has_line_status_and_last_words() {
        for failed in [
            sh("echo why >&2; exit 3")
                .read(&Stop::new())
                .expect_err("it fails"),
            sh("echo why >&2; exit 3")
                .run(&Stop::new(), |_| {})
                .expect_err("it fails"),
        ] {
            let said = failed.to_string();
            assert!(
                said.contains("sh -c 'echo why >&2; exit 3'")
                    && said.contains('3')
                    && said.ends_with("\nwhy"),
                "{said}"
            );
        }
    }

    #[test]
    fn only_the_last_lines_of_a_failure_are_kept() {
        let said = sh("seq 100; false")
            .run(&Stop::new(), |_| {})
            .expect_err("it fails")
            .to_string();
        assert!(
            said.ends_with("\n99\n100") && !said.contains("\n80\n"),
            "{said}"
        );
    }

    #[test]
    fn a_full_disk_is_recognised() {
        let failed = sh("echo 'cp: error writing x: No space left on device' >&2; exit 1")
            .read(&Stop::new());
        assert!(failed.expect_err("it fails").disk_full());
        assert!(
            !sh("exit 1")
                .read(&Stop::new())
                .expect_err("it fails")
                .disk_full()
        );
    }

    #[test]
    fn an_interruption_is_no_failure_of_the_command() {
        let stop = Stop::new();
        stop.request();
        assert!(matches!(
            sh("exec sleep 600").read(&stop),
            Err(Failed::Interrupted { .. })
        ));
    }

    #[test]
    fn what_a_killed_command_has_started_ends_with_it() {
        let place = Place::Namespace;
        if Command::at(place.clone(), "true")
            .read(&Stop::new())
            .is_err()
        {
            assert!(
                std::env::var_os("CI").is_none(),
                "this machine forbids namespaces, so nothing proves that commands end with what started them"
            );
            return;
        }
        let stop = Stop::new();
        // The shell and its child both hold the pipe that is read here: this returns when both are gone.
        let command = Command::at(place, "sh").args(["-c", "sleep 600 & echo started; sleep 600"]);
        let ended = command.run(&stop, |_| stop.request());
        assert!(
            matches!(ended, Err(Failed::Interrupted { .. })),
            "{ended:?}"
        );
    }

    #[test]
    fn is_shown_as_one_would_type_it() {
        let command = Command::host("make")
            .arg("O=/a b")
            .arg("it's")
            .arg("")
            .env("V", "1")
            .dir("/x");
        assert_eq!(
            command.to_string(),
            r#"cd /x && V=1 make 'O=/a b' "it's" ''"#
        );
    }

    #[test]
    fn what_would_change_a_build_is_not_inherited() {
        let host = || {
            [
                "RUSTUP_TOOLCHAIN",
                "MAKEFLAGS",
                "CARGO_PKG_NAME",
                "LC_TIME",
                "CARGO_HOME",
                "GIT_DIR",
                "GIT_INDEX_FILE",
                "EDITOR",
                "TERM",
                "PATH",
            ]
            .into_iter()
            .map(|name| (name.into(), "host".into()))
        };
        let names = |env: BTreeMap<OsString, OsString>| -> Vec<String> {
            env.into_keys()
                .map(|name| name.to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(
            names(host_environment(host())),
            ["CARGO_HOME", "EDITOR", "LC_ALL", "PATH", "TERM"]
        );
        assert_eq!(
            names(inside_environment(host())),
            ["HOME", "LC_ALL", "PATH", "TERM"]
        );
        assert_ne!(inside_environment(host())[OsStr::new("PATH")], "host");
    }
}

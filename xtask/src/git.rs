// SPDX-License-Identifier: GPL-2.0-only
//! Git in a work tree that may be anybody's: what its `.git` says is read, and nothing that it names is run.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use crate::stop::Stop;
use crate::toolchain::Command;

/// What git must not take from a repository: commands that list its files, hooks, and what is fetched on demand.
const FIXED: [(&str, &str); 4] = [
    // The tree may be another user's.
    ("safe.directory", "*"),
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.sshCommand", "false"),
];

/// A git that looks into the work tree at `dir` and changes nothing there; none where there is no git, or it can't read the
/// repository's settings.
pub fn reading(dir: &Path, stop: &Stop) -> Option<Command> {
    let listed = with(dir, &[])
        .args(["config", "--list", "--name-only", "-z"])
        .read_bytes(stop)
        .ok()?;
    Some(with(dir, &drivers(&listed)))
}

/// A git in `dir` with the settings of [`FIXED`], and without the commands of the filters of these names.
fn with(dir: &Path, drivers: &[Vec<u8>]) -> Command {
    let mut settings: Vec<(OsString, OsString)> = FIXED
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    for driver in drivers {
        for (variable, value) in [("clean", ""), ("process", ""), ("required", "false")] {
            let name = [b"filter.", driver.as_slice(), b".", variable.as_bytes()].concat();
            settings.push((OsString::from_vec(name), value.into()));
        }
    }
    let git = Command::host("git")
        // A repository with gaps is filled by programs that it names; older gits know the second variable only.
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "none")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_CONFIG_COUNT", settings.len().to_string());
    // Not by -c, which ends a name at its first `=`.
    let numbered = settings.into_iter().enumerate();
    numbered
        .fold(git, |git, (n, (name, value))| {
            git.env(format!("GIT_CONFIG_KEY_{n}"), name)
                .env(format!("GIT_CONFIG_VALUE_{n}"), value)
        })
        .arg("-C")
        .arg(dir)
}

/// The names of the filters among the names of settings, each of which ends with a zero byte.
fn drivers(names: &[u8]) -> Vec<Vec<u8>> {
    let driver = |name: &[u8]| {
        let inside = name.strip_prefix(b"filter.")?;
        let end = inside.iter().rposition(|byte| *byte == b'.')?;
        Some(inside[..end].to_vec())
    };
    let mut found: Vec<_> = names.split(|byte| *byte == 0).filter_map(driver).collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
pub(crate) mod tests {
    use fs_err as fs;

    use super::*;

    /// Runs git as somebody who trusts the tree at `dir`.
    pub(crate) fn git(dir: &Path, args: &[&str]) {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-C"];
        Command::host("git")
            .args(who)
            .arg(dir)
            .args(args)
            .read(&Stop::new())
            .expect("git");
    }

    /// Makes `dir` a work tree with a commit and a change, whose settings name commands that make files in `out`.
    pub(crate) fn hostile(dir: &Path, out: &Path) {
        git(dir, &["init", "--quiet"]);
        fs::write(dir.join("file"), "1").expect("written");
        fs::write(dir.join("other"), "1").expect("written");
        fs::write(dir.join("same"), "1").expect("written");
        git(dir, &["add", "file", "other", "same"]);
        git(dir, &["commit", "--quiet", "--message=one"]);
        let touch = |name: &str| format!("touch {}; cat", out.join(name).display());
        for (name, value) in [
            ("core.fsmonitor", touch("fsmonitor")),
            ("filter.a=b.clean", touch("clean")),
            ("filter.c.d.process", touch("process")),
            ("filter.c.d.required", "true".into()),
            ("core.hooksPath", dir.join(".git/own").display().to_string()),
        ] {
            git(dir, &["config", name, &value]);
        }
        let hook = dir.join(".git/own/post-index-change");
        fs::create_dir(dir.join(".git/own")).expect("created");
        fs::write(&hook, format!("#!/bin/sh\n{}", touch("hook"))).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&hook, mode).expect("made a program");
        fs::write(
            dir.join(".git/info/attributes"),
            "file filter=a=b\nother filter=c.d\n",
        )
        .expect("written");
        // Of the same size, so that git must read both.
        fs::write(dir.join("file"), "2").expect("written");
        fs::write(dir.join("other"), "2").expect("written");
        // And have news to write down, after which a hook is run.
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(dir.join("same"), "1").expect("written");
    }

    /// The names of what is in a folder.
    pub(crate) fn files(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).expect("a folder").map(|entry| {
            let name = entry.expect("a file").file_name();
            name.to_string_lossy().into_owned()
        });
        names.collect()
    }

    #[test]
    fn a_filter_s_name_may_have_any_letters() {
        let names =
            b"core.bare\0filter.a=b.clean\0filter.c.d.process\0filter.c.d.required\0filter.x\0";
        assert_eq!(drivers(names), [b"a=b".to_vec(), b"c.d".to_vec()]);
    }

    #[test]
    fn nothing_that_a_tree_names_is_run() {
        let [tree, out] = [(), ()].map(|()| tempfile::tempdir().expect("a temporary folder"));
        hostile(tree.path(), out.path());
        let status = || {
            let git = reading(tree.path(), &Stop::new()).expect("a work tree");
            git.args(["status", "--porcelain"]).read(&Stop::new())
        };
        assert_eq!(status().expect("a state"), " M file\n M other\n");
        assert_eq!(files(out.path()), Vec::<String>::new());
        // All of it is there to be run, once a filter that fails ends nothing.
        git(tree.path(), &["config", "filter.c.d.required", "false"]);
        git(tree.path(), &["status"]);
        let mut ran = files(out.path());
        ran.sort();
        assert_eq!(ran, ["clean", "fsmonitor", "hook", "process"]);
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! What commands in a root see and can do, tried in a root that is made of a few of the host's own programs.

use std::collections::BTreeMap;
use std::process::Stdio;

use super::*;

#[test]
fn the_table_has_outer_shares_first_and_escapes_names() {
    let binds = [Bind::write("/home/a/b c/d"), Bind::read("/home/a")];
    let table = table(Path::new("/r"), &binds, false);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines[lines.len() - 3..],
        [
            "tmpfs /r/home tmpfs mode=755 0 0",
            "/home/a /r/home/a none rbind,ro,X-mount.mkdir 0 0",
            r"/home/a/b\040c/d /r/home/a/b\040c/d none rbind,X-mount.mkdir 0 0",
        ]
    );
}

#[test]
fn what_would_hide_the_roots_files_is_refused() {
    for path in [
        "/",
        "/usr",
        "/usr/src/linux",
        "/tmp",
        "/var",
        "/var/lib/dpkg",
        "/dev/shm/x",
    ] {
        let refused = Bind::write(path).check();
        assert!(
            matches!(refused, Err(super::super::Error::Bind { .. })),
            "{path}"
        );
    }
    for path in ["/tmp/x", "/var/tmp", "/home/a", "/work"] {
        Bind::write(path).check().expect(path);
    }
}

/// A root of the host's shell and what it takes, with an entrance for it.
struct Fake {
    dir: tempfile::TempDir,
}

impl Fake {
    /// None where this machine forbids namespaces.
    fn new() -> Option<Fake> {
        let able = std::process::Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                "--mount",
                "--pid",
                "--fork",
                "true",
            ])
            .stderr(Stdio::null())
            .status();
        if !able.is_ok_and(|status| status.success()) {
            assert!(
                std::env::var_os("CI").is_none(),
                "this machine forbids namespaces, so nothing proves that commands are kept apart"
            );
            return None;
        }
        let fake = Fake {
            dir: tempfile::tempdir().expect("a temporary folder"),
        };
        let root = fake.dir.path().join("toolchain").join(ROOT);
        for dir in ["dev", "proc", "tmp", "etc", "usr/bin"] {
            fs::create_dir_all(root.join(dir)).expect("created");
        }
        fs::write(root.join("etc/resolv.conf"), "").expect("written");
        for dir in ["build", "source", "home"] {
            fs::create_dir(fake.dir.path().join(dir)).expect("created");
        }
        let programs = [
            "sh", "cat", "ls", "mount", "mknod", "touch", "setpriv", "unshare", "mkdir",
        ];
        for program in programs {
            let path = crate::toolchain::command::on_path(program).expect(program);
            fake.copy(&path, &Path::new("/usr/bin").join(program));
            let ldd = std::process::Command::new("ldd").arg(&path).output();
            let text = String::from_utf8(ldd.expect("ldd is there").stdout).expect("text");
            for library in text.split_whitespace().filter(|word| word.starts_with('/')) {
                fake.copy(Path::new(library), Path::new(library));
            }
        }
        std::os::unix::fs::symlink("usr/bin", root.join("bin")).expect("created");
        Some(fake)
    }

    fn copy(&self, from: &Path, to: &Path) {
        let to = inside(&self.dir.path().join("toolchain").join(ROOT), to);
        fs::create_dir_all(to.parent().expect("it has one")).expect("created");
        if !to.exists() {
            fs::copy(from, to).expect("copied");
        }
    }

    fn entrance(&self, network: Network) -> Entrance {
        let binds = [
            Bind::write(self.dir.path().join("build")),
            Bind::read(self.dir.path().join("source")),
        ];
        let folder = self.dir.path().join("toolchain");
        Entrance::open(&folder, &binds, network).expect("it opens")
    }

    /// What `script` prints on both outputs.
    fn run(&self, network: Network, script: &str) -> String {
        let entrance = self.entrance(network);
        let [enter, rest @ ..] = entrance.argv(None);
        let output = std::process::Command::new(enter)
            .args(rest)
            .args(["sh", "-c", script])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("T", self.dir.path())
            .env("ENTER", entrance.argv(None)[0].clone())
            .stdin(Stdio::null())
            .output()
            .expect("it starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    }
}

#[test]
fn what_is_shared_can_be_used() {
    let Some(fake) = Fake::new() else { return };
    fs::write(fake.dir.path().join("source/a"), "text").expect("written");
    let said = fake.run(
        Network::None,
        "cat $T/source/a && touch $T/build/b && echo >/dev/null && cat /proc/self/stat >/dev/null && touch /tmp/x && echo; \
         echo fine",
    );
    assert_eq!(said, "text\nfine\n");
    assert!(fake.dir.path().join("build/b").exists());
}

#[test]
fn a_hostile_program_gets_nowhere() {
    let Some(fake) = Fake::new() else { return };
    let victim = fake.dir.path().join("home/victim");
    fs::write(&victim, "as it was").expect("written");
    let script = fake.entrance(Network::None).argv(None)[0].clone();
    let enter = || fs::read(&script).expect("it is there");
    let before = enter();
    // Each line must fail; one that succeeds says so.
    let attempts = [
        // The tools, and the script by which the host enters them.
        "touch /usr/bin/sh",
        "touch /usr/bin/gcc",
        "touch /etc/passwd",
        "ls $T/toolchain",
        "touch $ENTER",
        "touch $T/toolchain/root/usr/bin/gcc",
        "mount -o remount,rw,bind /",
        "mount -t tmpfs tmpfs /usr",
        "unshare --user --map-root-user true",
        "unshare --mount true",
        // The host's files, and what is only to be read.
        "cat $T/home/victim",
        "touch $T/home/victim",
        "touch $T/source/x",
        "cat /proc/1/root/$T/home/victim",
        // Devices and the machine's settings.
        "mknod /dev/sda b 8 0 && cat /dev/sda",
        "mknod /tmp/mem c 1 1 && cat /tmp/mem",
        "ls /dev/tty",
        "ls /dev/mem",
        "ls /dev/kmsg",
        "ls /proc/sysrq-trigger",
        "touch /proc/sys/kernel/core_pattern",
        "ls /sys/kernel",
        // Capabilities.
        "case $(cat /proc/self/status) in *CapEff:?0000000000000000*) false;; esac",
        "case $(cat /proc/self/status) in *CapBnd:?0000000000000000*) false;; esac",
    ];
    let script: String = attempts
        .iter()
        .map(|line| format!("if ({line}) >/dev/null 2>&1; then echo 'done: {line}'; fi\n"))
        .collect();
    assert_eq!(fake.run(Network::None, &(script + "echo end")), "end\n");
    assert_eq!(fs::read_to_string(&victim).expect("there"), "as it was");
    assert_eq!(enter(), before);
    // Nothing of the host's processes is seen or left.
    let seen = fake.run(Network::None, "ls /proc");
    let processes = seen.lines().filter(|l| l.parse::<u32>().is_ok()).count();
    assert!(processes <= 2, "{seen}");
}

#[test]
fn only_what_fetches_has_a_network() {
    let Some(fake) = Fake::new() else { return };
    let of = |network| fake.run(network, "ls -l /proc/self/ns/net");
    let host = fs::read_link("/proc/self/ns/net").expect("it can be read");
    let host = host.display().to_string();
    let (inside, fetching) = (of(Network::None), of(Network::Host));
    assert!(
        inside.contains("net:[") && !inside.contains(&host),
        "{inside}"
    );
    assert!(fetching.contains(&host), "{fetching} instead of {host}");
}

#[test]
fn what_a_mount_forbids_is_kept() {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("readable");
    let of = |line: &str| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?.to_owned(), words.nth(1)?.to_owned()))
    };
    // Of those on one folder, the last one is seen.
    let mounts: BTreeMap<String, String> = mounts.lines().filter_map(of).collect();
    for (path, options) in mounts {
        if statvfs(&path).is_err() {
            continue;
        }
        let names = ["nosuid", "nodev", "noexec"];
        let set = |name: &&str| options.split(',').any(|option| option == *name);
        let expected: String = names
            .iter()
            .filter(|n| set(n))
            .map(|n| format!(",{n}"))
            .collect();
        assert_eq!(kept(Path::new(&path)), expected, "{path}");
    }
    assert_eq!(kept(Path::new("/nowhere")), "");
}

/// As where the cache folder is on a volume of a container, or a home folder on a disk of its own: what was mounted outside of
/// a user namespace can be mounted read-only in it with all that it forbids, and not otherwise.
#[test]
fn a_folder_on_a_mount_that_forbids_devices_can_be_entered() {
    let Some(fake) = Fake::new() else { return };
    let entrance = fake.entrance(Network::None);
    let [enter, options, table, network, dir] = entrance.argv(None);
    let run = |options: OsString, forbids: &str| {
        let text = fs::read_to_string(&table).expect("readable");
        let changed = fake.dir.path().join("table");
        fs::write(
            &changed,
            text.replace("rbind,ro", &format!("rbind,ro{forbids}")),
        )
        .expect("written");
        let outside =
            r#"mount --bind "$T" "$T"; mount -o remount,bind,nosuid,nodev "$T"; exec "$@""#;
        let output = std::process::Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                "--mount",
                "sh",
                "-euc",
                outside,
                "sh",
            ])
            .args([&enter, &options, changed.as_os_str(), &network, &dir])
            .args(["sh", "-c", "echo entered"])
            .env("T", fake.dir.path())
            .output()
            .expect("it starts");
        String::from_utf8_lossy(&output.stdout).trim() == "entered"
    };
    let with = |forbids: &str| {
        let mut options = options.clone();
        options.push(forbids);
        run(options, forbids)
    };
    assert!(with(",nosuid,nodev"));
    assert!(!with(""));
}

#[test]
fn an_entrance_leaves_nothing_behind() {
    let Some(fake) = Fake::new() else { return };
    fake.run(Network::None, "true");
    let names = |dir: &str| -> Vec<String> {
        let entries = fs::read_dir(fake.dir.path().join("toolchain").join(dir)).expect("readable");
        let mut names: Vec<String> = entries
            .map(|e| {
                e.expect("readable")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    };
    let left = names("");
    assert!(
        left.len() == 2 && left[0].starts_with("enter-") && left[1] == "root",
        "{left:?}"
    );
    assert!(names("root/tmp").is_empty() && names("root/dev").is_empty());
}

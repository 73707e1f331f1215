// SPDX-License-Identifier: GPL-2.0-only
//! What is needed of hosts, and what is said to do about it.

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
#[ignore = "needs AppArmor's parser, which ci/apparmor.sh fetches"]
fn apparmors_own_parser_takes_the_profile() {
    let parser = std::env::var("APPARMOR_PARSER").expect("the parser's command line");
    let parser: Vec<&str> = parser.split(' ').collect();
    let takes = |text: &str| {
        let run = duct::cmd(parser[0], &parser[1..]).stdin_bytes(text);
        let run = run.unchecked().stderr_to_stdout().stdout_capture().run();
        let run = run.expect("it can be run");
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        (run.status.success(), said)
    };
    for path in ["/home/alice/it's/target/debug/xtask", "/home/a b/é/xtask"] {
        let profile = profile(Path::new(path));
        let (taken, said) = takes(&profile);
        assert!(taken, "{said}");
        let (taken, said) = takes(&profile.replace("userns", "usernss"));
        assert!(!taken && said.contains("syntax error"), "{said}");
    }
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
    let all = |manager| Host {
        missing: PROGRAMS_AND_KEYRING.iter().collect(),
        manager,
        ..fit()
    };
    assert_eq!(
        all("dnf install").packages(),
        [
            "debian-keyring",
            "mmdebstrap",
            "python3",
            "shadow-utils",
            "util-linux"
        ]
    );
    assert_eq!(
        all("pacman -S").packages(),
        [
            "debian-archive-keyring",
            "mmdebstrap",
            "python",
            "shadow",
            "util-linux"
        ]
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

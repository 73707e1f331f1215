// SPDX-License-Identifier: GPL-2.0-only
//! What is said of hosts that lack something.

use super::*;

fn check(status: Status) -> Check {
    Check {
        subject: "bindgen".into(),
        needed: "0.71.1 or later".into(),
        found: "missing".into(),
        status,
        remedy: Some("install it".into()),
    }
}

#[test]
fn what_comes_later_is_not_wrong() {
    assert!(
        Checkup {
            checks: vec![check(Status::Fine), check(Status::Later)]
        }
        .is_fine()
    );
    assert!(
        !Checkup {
            checks: vec![check(Status::Fine), check(Status::Wrong)]
        }
        .is_fine()
    );
}

#[test]
fn the_table_has_every_part_and_counts_what_is_wrong() {
    let text = render(
        &Checkup {
            checks: vec![check(Status::Wrong)],
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
fn every_remedy_is_a_command_that_exists() {
    use clap::Parser as _;
    let mut commands = 0;
    let again = again_from("20261129T023840Z");
    for remedy in [SETUP, INSTALL, LOCK, MAKE_AGAIN, &again] {
        for command in remedy.split("&&") {
            let words: Vec<&str> = command.split_whitespace().collect();
            let ["cargo", "xtask", args @ ..] = &words[..] else {
                panic!("{command}")
            };
            let line = std::iter::once(&"cargo xtask").chain(args);
            crate::cli::Cli::try_parse_from(line).expect(command);
            commands += 1;
        }
    }
    assert_eq!(commands, 7);
}

#[test]
fn a_missing_keyring_is_wrong_until_the_root_is_made() {
    let user = Host {
        root: false,
        user: "alice".into(),
        missing: vec![&PROGRAMS_AND_KEYRING[6]],
        ranges: true,
        free: 100_000,
        manager: "apt-get install",
        forbidden: None,
        program: "xtask".into(),
    };
    let of = |made| {
        let checks = host(&user, made);
        checks
            .into_iter()
            .find(|c| c.subject == KEYRING)
            .expect("it is looked for")
    };
    let keyring = of(false);
    assert_eq!(keyring.status, Status::Wrong);
    assert_eq!(
        keyring.remedy.as_deref(),
        Some("sudo apt-get install debian-archive-keyring")
    );
    assert_eq!(of(true).status, Status::Later);
}

#[test]
fn what_is_around_is_looked_at_and_fine_where_this_was_built() {
    let checks = around(&Host::this(), &Stop::new());
    let subjects: Vec<&str> = checks.iter().map(|c| c.subject.as_str()).collect();
    assert_eq!(subjects, ["git", "cargo", "processor"]);
    let cargo = &checks[1];
    assert_eq!(cargo.status, Status::Fine, "{cargo:?}");
}

#[test]
fn an_ordinary_user_needs_more_than_root() {
    let user = Host {
        root: false,
        user: "alice".into(),
        missing: vec![&PROGRAMS_AND_KEYRING[4]],
        ranges: true,
        free: 100_000,
        manager: "apt-get install",
        forbidden: None,
        program: "xtask".into(),
    };
    let checks = host(&user, false);
    let newuidmap = checks
        .iter()
        .find(|check| check.subject == "newuidmap")
        .expect("a user needs it");
    assert_eq!(newuidmap.status, Status::Wrong);
    assert_eq!(
        newuidmap.remedy.as_deref(),
        Some("sudo apt-get install uidmap")
    );
    let made = host(&user, true);
    assert!(
        made.iter().all(|check| check.status != Status::Wrong),
        "{made:?}"
    );
    let root = Host {
        root: true,
        missing: vec![&PROGRAMS_AND_KEYRING[0]],
        ..user
    };
    let checks = host(&root, false);
    assert!(checks.iter().all(|check| check.subject != "newuidmap"));
    let mmdebstrap = checks.iter().find(|check| check.subject == "mmdebstrap");
    assert_eq!(
        mmdebstrap.map(|c| (c.status, c.remedy.as_deref())),
        Some((Status::Wrong, Some(INSTALL)))
    );
}

#[test]
fn namespaces_that_can_t_be_made_are_wrong() {
    assert_eq!(namespaces(Ok(())).status, Status::Fine);
    // A program that fails as `unshare` does in a container.
    let refused = "echo 'unshare: unshare failed: Operation not permitted' >&2; exit 1";
    let tried = Command::host("sh").args(["-c", refused]).read(&Stop::new());
    let check = namespaces(tried.map(drop));
    assert_eq!(check.status, Status::Wrong);
    assert_eq!(
        check.found,
        "unshare: unshare failed: Operation not permitted"
    );
    assert!(check.remedy.is_some());
}

#[test]
fn remedies_are_those_of_the_host() {
    let user = |manager| Host {
        root: false,
        user: "alice".into(),
        missing: Vec::new(),
        ranges: true,
        free: 100_000,
        manager,
        forbidden: None,
        program: "xtask".into(),
    };
    let recipe = Recipe::load(
        &crate::project::Project::this()
            .configs()
            .join("toolchain.yaml"),
    );
    let recipe = recipe.expect("the recipe");
    let archs = recipe.archs();
    let tool = recipe.tools_for(&archs).next().expect("a tool");
    let missing = tools::ToolStatus {
        tool,
        found: Found::Missing,
    };
    let remedy = |manager| {
        let check = tool_check(&missing, Choice::Host, &user(manager));
        check.remedy.expect("one")
    };
    let package = &tool.package;
    assert_eq!(
        remedy("apt-get install"),
        format!("sudo apt-get install {package}")
    );
    assert_eq!(
        remedy("dnf install"),
        format!("install what Debian calls {package}")
    );
    assert_eq!(processor("x86_64").remedy, None);
    let arm = processor("aarch64");
    assert_eq!(arm.status, Status::Other);
    assert!(arm.remedy.is_some_and(|text| text.contains("arm64")));
}

#[test]
fn a_c_library_that_is_newer_than_the_root_s_may_not_do() {
    let check = |here: &str, of_root: &str| {
        let [here, of_root] = [here, of_root].map(|v| v.parse().expect("a version"));
        c_library(here, of_root)
    };
    for older in ["2.36", "2.41"] {
        assert_eq!(check(older, "2.41").status, Status::Fine);
        assert_eq!(check(older, "2.41").remedy, None);
    }
    let newer = check("2.42", "2.41");
    assert_eq!(
        (newer.status, newer.found.as_str()),
        (Status::Other, "2.42")
    );
    assert!(
        newer
            .remedy
            .is_some_and(|remedy| remedy.contains("use a container"))
    );
}

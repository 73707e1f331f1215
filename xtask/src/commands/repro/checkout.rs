// SPDX-License-Identifier: GPL-2.0-only
//! Whether what was run is what would be built now.

use crate::results::Identity;
use crate::results::identity::Commit;

/// How the checkout, whose state is `now`, differs from that of the run `then`; none where nothing is known to be otherwise.
pub(super) fn differs(then: &Identity, now: Option<&Commit>) -> Option<String> {
    let then = then.project.as_ref()?;
    let with = |commit: &Commit| {
        let changes = if commit.dirty {
            " with changes that are not committed"
        } else {
            ""
        };
        format!("{}{changes}", commit.commit)
    };
    let was = format!("that run was of commit {}", with(then));
    match now {
        // Changes of before may be those that are there now.
        Some(now) if now == then => None,
        Some(now) if now.commit == then.commit => {
            Some(format!("{was}, this checkout is {}", with(now)))
        }
        Some(now) => Some(format!(
            "{was}, this checkout is {}: git checkout {}",
            with(now),
            then.commit
        )),
        None => Some(format!("{was}, this checkout is no work tree of git")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_commit_is_named_with_the_command_that_leads_to_it() {
        let commit = |commit: &str, dirty| Commit {
            commit: commit.into(),
            dirty,
        };
        let differs = |then: Option<Commit>, now: Option<Commit>| {
            let then = Identity {
                project: then,
                ..Identity::default()
            };
            super::differs(&then, now.as_ref())
        };
        let (a, b) = (commit("a", false), commit("b", true));
        assert_eq!(differs(Some(a.clone()), Some(a.clone())), None);
        assert_eq!(differs(Some(b.clone()), Some(b.clone())), None);
        assert_eq!(differs(None, Some(a.clone())), None);
        for (then, now, says) in [
            (
                &a,
                Some(&b),
                "that run was of commit a, this checkout is b with changes that are not committed: git checkout a",
            ),
            (
                &commit("a", true),
                Some(&a),
                "that run was of commit a with changes that are not committed, this checkout is a",
            ),
            (
                &a,
                None,
                "that run was of commit a, this checkout is no work tree of git",
            ),
        ] {
            let said = differs(Some(then.clone()), now.cloned());
            assert_eq!(said.as_deref(), Some(says));
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! Patches that are mailed together.

use std::path::Path;

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use super::yaml::{self, Error};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMail {
    #[serde(default)]
    patch: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    without: Option<String>,
}

/// Something that nobody has tested, or only a run of one set of suites.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Untested {
    /// In words.
    pub what: String,
    /// The set that tests it; none where none does.
    #[serde(default)]
    pub unless: Option<String>,
    /// Whether to build each patch tests it.
    #[serde(default)]
    pub unless_built: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    subject: String,
    text: String,
    not_tested: Vec<Untested>,
    patches: Vec<RawMail>,
    #[serde(default)]
    elsewhere: Vec<String>,
}

/// Where the message of a mail and its changes of existing files come from.
#[derive(Debug)]
pub enum Message {
    /// A file of `kernel/patches`.
    Patch(String),
    /// Nothing but new files, with this message.
    New {
        /// Its first line.
        subject: String,
        /// The rest.
        text: String,
    },
}

/// One mail.
#[derive(Debug)]
pub struct Mail {
    /// Its message.
    pub message: Message,
    /// Files of `kernel/overlay` that come with it.
    files: Vec<GlobMatcher>,
    /// Lines of those that hold this word come with a later mail.
    pub without: Option<String>,
}

impl Mail {
    /// Whether a file of the overlay comes with it.
    pub fn has(&self, file: &str) -> bool {
        self.files.iter().any(|glob| glob.is_match(file))
    }
}

/// A series, checked.
#[derive(Debug)]
pub struct Series {
    /// Of the cover letter.
    pub subject: String,
    /// What it is about.
    pub text: String,
    /// What was not tested.
    pub not_tested: Vec<Untested>,
    /// In order.
    pub mails: Vec<Mail>,
    elsewhere: Vec<GlobMatcher>,
}

impl Series {
    /// The sets that it names, each with its key in the page.
    pub(super) fn sets(&self) -> impl Iterator<Item = (String, &String)> {
        let untested = self.not_tested.iter().enumerate();
        untested.filter_map(|(at, untested)| {
            let set = untested.unless.as_ref()?;
            Some((format!("not_tested.{at}.unless"), set))
        })
    }

    /// Whether a file of the overlay is not part of it.
    pub fn is_elsewhere(&self, file: &str) -> bool {
        self.elsewhere.iter().any(|glob| glob.is_match(file))
    }
}

pub(super) fn load(path: &Path) -> Result<Series, Error> {
    let raw: Raw = yaml::load(path)?;
    let value = |key: &str, message: String| Error::value(path, key, message);
    let globs = |key: &str, texts: Vec<String>| {
        let glob = |(at, text): (usize, String)| {
            let glob = Glob::new(&text).map(|glob| glob.compile_matcher());
            glob.map_err(|e| value(&format!("{key}.{at}"), format!("is no glob: {e}")))
        };
        let texts = texts.into_iter().enumerate();
        texts.map(glob).collect::<Result<Vec<_>, _>>()
    };
    let mut mails = Vec::new();
    for (at, mail) in raw.patches.into_iter().enumerate() {
        let message = match (mail.patch, mail.subject) {
            (Some(patch), None) if mail.text.is_empty() => Message::Patch(patch),
            (None, Some(subject)) => Message::New {
                subject,
                text: mail.text,
            },
            _ => {
                let message = "needs either `patch`, or `subject` and `text`";
                return Err(value(&format!("patches.{at}"), message.into()));
            }
        };
        mails.push(Mail {
            message,
            files: globs(&format!("patches.{at}.files"), mail.files)?,
            without: mail.without,
        });
    }
    Ok(Series {
        subject: raw.subject,
        text: raw.text,
        not_tested: raw.not_tested,
        mails,
        elsewhere: globs("elsewhere", raw.elsewhere)?,
    })
}

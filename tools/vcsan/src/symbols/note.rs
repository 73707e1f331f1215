// SPDX-License-Identifier: GPL-2.0-only
//! What a guest tells of a module that it has loaded.

use std::str::FromStr;

/// A loaded module: `name .text=0x7f000000 .init.text=0x7f008000 …`, as in its `/sys/module/NAME/sections`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleNote {
    /// The module's name.
    pub name: String,
    /// Its sections and the virtual addresses where they are.
    pub sections: Vec<(String, u64)>,
}

/// A text that tells of no module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It has no name, or none that a module could have.
    #[error("failed to read a module's name in `{0}`")]
    Name(String),
    /// A word is no section.
    #[error("failed to read `{0}` as a section and its address: `.text=0x7f000000` is one")]
    Section(String),
}

impl FromStr for ModuleNote {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut words = text.split_ascii_whitespace();
        let name = words
            .next()
            .filter(|name| {
                name.chars()
                    .all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-'))
            })
            .ok_or_else(|| NoteError::Name(text.into()))?;
        let sections =
            words.map(|word| section(word).ok_or_else(|| NoteError::Section(word.into())));
        Ok(Self {
            name: name.into(),
            sections: sections.collect::<Result<_, _>>()?,
        })
    }
}

fn section(word: &str) -> Option<(String, u64)> {
    let (name, address) = word.split_once('=')?;
    let address = u64::from_str_radix(address.strip_prefix("0x")?, 16).ok()?;
    (!name.is_empty()).then(|| (name.into(), address))
}

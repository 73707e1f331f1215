// SPDX-License-Identifier: GPL-2.0-only
//! Which packages a Debian root was made of, each by its file's hash.
//!
//! The archive moves: a root that is made today is not the one of last month. Each root says what it was made of, that is part
//! of what its tools are known by, and `configs/toolchain.lock` says what the project was last tried with.

use std::collections::BTreeMap;
use std::fmt;

/// Packages by `name:architecture`, in the form of sha256sum: `HASH  NAME_VERSION_ARCHITECTURE.deb`, a line each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packages {
    all: BTreeMap<String, Package>,
    archive: Option<String>,
}

/// The comment that says of when the archive was that the packages are from, in the form of [`is_date`].
const ARCHIVE: &str = "# archive at ";

/// Whether a word is a moment as <https://snapshot.debian.org> writes it: `20261129T023840Z`.
pub fn is_date(word: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    word.len() == 16
        && word.is_ascii()
        && digits(&word[..8])
        && &word[8..9] == "T"
        && digits(&word[9..15])
        && word.ends_with('Z')
}

/// The line of a list that says so.
pub fn archive_line(date: &str) -> String {
    format!("{ARCHIVE}{date}\n")
}

/// One package's file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    version: String,
    /// SHA-256, in hexadecimal digits.
    hash: String,
    /// The file's name, as apt writes it.
    file: String,
}

/// A line that is none of sha256sum's about a package.
#[derive(Debug, thiserror::Error)]
#[error(
    "failed to read line {line}, `{text}`: not of the form HASH  NAME_VERSION_ARCHITECTURE.deb"
)]
pub struct Error {
    /// 1-based.
    pub line: usize,
    text: String,
}

impl Packages {
    /// Reads what sha256sum wrote; lines that begin with `#` are comments.
    ///
    /// # Errors
    /// A line has another form.
    pub fn parse(text: &str) -> Result<Packages, Error> {
        let mut packages = Packages::default();
        for (number, line) in text.lines().enumerate() {
            let date = line.strip_prefix(ARCHIVE).filter(|date| is_date(date));
            packages.archive = date.map(str::to_owned).or(packages.archive);
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let (key, package) = package(line).ok_or_else(|| Error {
                line: number + 1,
                text: line.into(),
            })?;
            packages.all.insert(key, package);
        }
        Ok(packages)
    }

    /// Of when the archive was that they are from, if that is known.
    pub fn archive(&self) -> Option<&str> {
        self.archive.as_deref()
    }

    /// The same, from an archive of that date unless they say another one.
    pub fn or_archive(mut self, date: impl FnOnce() -> Option<String>) -> Packages {
        self.archive = self.archive.or_else(date);
        self
    }

    /// Another one, other packages.
    pub fn hash(&self) -> String {
        let files = self.to_string();
        blake3::hash(files.as_bytes()).to_hex()[..16].to_owned()
    }

    /// What is other than in `lock`, a package a line.
    pub fn differences(&self, lock: &Packages) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, here) in &self.all {
            match lock.all.get(name) {
                None => lines.push(format!("{name} {} is new", here.version)),
                Some(there) if there.version != here.version => lines.push(format!(
                    "{name} {} instead of {}",
                    here.version, there.version
                )),
                Some(there) if there.hash != here.hash => {
                    lines.push(format!("{name} {} with other contents", here.version))
                }
                Some(_) => {}
            }
        }
        let gone = lock
            .all
            .iter()
            .filter(|(name, _)| !self.all.contains_key(*name));
        lines.extend(gone.map(|(name, there)| format!("{name} {} is gone", there.version)));
        lines
    }

    /// How many packages.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// As it is read, but for the archive.
impl fmt::Display for Packages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for package in self.all.values() {
            writeln!(f, "{}  {}", package.hash, package.file)?;
        }
        Ok(())
    }
}

fn package(line: &str) -> Option<(String, Package)> {
    let (hash, file) = line.split_once("  ")?;
    let digits = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    let mut parts = file.strip_suffix(".deb")?.split('_');
    let (name, version, arch) = (parts.next()?, parts.next()?, parts.next()?);
    (digits && parts.next().is_none() && !name.is_empty()).then(|| {
        let package = Package {
            // apt writes an epoch's colon as %3a.
            version: version.replace("%3a", ":"),
            hash: hash.into(),
            file: file.into(),
        };
        (format!("{name}:{arch}"), package)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(digit: char, file: &str) -> String {
        format!("{}  {file}\n", String::from(digit).repeat(64))
    }

    #[test]
    fn contents_are_written_as_they_are_read() {
        let text =
            line('a', "gcc-14_14.2.0-19_amd64.deb") + &line('b', "libc6_2%3a2.41-12_amd64.deb");
        let packages = Packages::parse(&format!("# tried\n\n{text}")).expect("of the form");
        assert_eq!(packages.to_string(), text);
        assert_eq!(packages.len(), 2);
    }

    #[test]
    fn the_archive_s_date_is_known_and_does_not_make_other_packages() {
        let text = line('a', "bc_1.07-4_amd64.deb");
        let dated = archive_line("20261129T023840Z") + &text;
        let [text, dated] = [text, dated].map(|text| Packages::parse(&text).expect("of the form"));
        assert_eq!(
            (text.archive(), dated.archive()),
            (None, Some("20261129T023840Z"))
        );
        assert_eq!(text.hash(), dated.hash());
        let other = || Some("20250101T000000Z".to_owned());
        assert_eq!(dated.or_archive(other).archive(), Some("20261129T023840Z"));
        assert_eq!(text.or_archive(other).archive(), other().as_deref());
        for odd in [
            "",
            "20261129",
            "20261129T02384Z",
            "2026112äT23840Z",
            "20261129t023840Z",
        ] {
            assert!(!is_date(odd), "{odd}");
        }
    }

    #[test]
    fn differences_are_told_by_package() {
        let lock = line('a', "bc_1.07-4_amd64.deb")
            + &line('b', "gcc-14_14.2.0-18_amd64.deb")
            + &line('c', "flex_2%3a2.6-8_amd64.deb")
            + &line('d', "make_4.4_amd64.deb");
        let here = line('a', "bc_1.07-4_amd64.deb")
            + &line('e', "gcc-14_14.2.0-19_amd64.deb")
            + &line('f', "flex_2%3a2.6-8_amd64.deb")
            + &line('0', "xz-utils_5.8_amd64.deb");
        let (lock, here) = (Packages::parse(&lock), Packages::parse(&here));
        let (lock, here) = (lock.expect("of the form"), here.expect("of the form"));
        assert_eq!(
            here.differences(&lock),
            [
                "flex:amd64 2:2.6-8 with other contents",
                "gcc-14:amd64 14.2.0-19 instead of 14.2.0-18",
                "xz-utils:amd64 5.8 is new",
                "make:amd64 4.4 is gone",
            ]
        );
        assert!(here.differences(&here).is_empty());
        assert_ne!(here.hash(), lock.hash());
    }

    #[test]
    fn what_is_no_list_of_packages_is_refused() {
        for text in [
            "abc  gcc_1_amd64.deb",
            "gcc_1_amd64.deb",
            &line('a', "gcc_1.deb"),
            &line('a', "gcc_1_2_amd64.deb"),
            &line('g', "gcc_1_amd64.deb"),
            &line('a', "gcc_1_amd64.rpm"),
        ] {
            let error = Packages::parse(&format!("# c\n{text}")).expect_err("not of the form");
            assert!(error.to_string().contains("line 2"), "{error}");
        }
    }
}

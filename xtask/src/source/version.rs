// SPDX-License-Identifier: GPL-2.0-only
//! Which kernel a tree is.

use std::fmt;

/// A kernel's version, as the top of its Makefile has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelVersion {
    version: u32,
    patchlevel: u32,
    sublevel: u32,
    extra: String,
}

impl KernelVersion {
    /// Reads it from the text of a tree's top Makefile.
    pub fn of_makefile(text: &str) -> Option<KernelVersion> {
        let value = |name: &str| {
            text.lines().find_map(|line| {
                Some(
                    line.strip_prefix(name)?
                        .trim_start()
                        .strip_prefix('=')?
                        .trim(),
                )
            })
        };
        Some(KernelVersion {
            version: value("VERSION")?.parse().ok()?,
            patchlevel: value("PATCHLEVEL")?.parse().ok()?,
            sublevel: value("SUBLEVEL")?.parse().ok()?,
            extra: value("EXTRAVERSION")?.to_owned(),
        })
    }

    /// The series, such as "7.3".
    pub fn series(&self) -> String {
        format!("{}.{}", self.version, self.patchlevel)
    }
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}.{}{}",
            self.version, self.patchlevel, self.sublevel, self.extra
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_release_and_of_a_candidate() {
        let text =
            "# SPDX\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\nNAME = Baby\n";
        let version = KernelVersion::of_makefile(text).expect("a version");
        assert_eq!(
            (version.to_string().as_str(), version.series().as_str()),
            ("7.3.4", "7.3")
        );
        let text = "VERSION = 7\nPATCHLEVEL = 4\nSUBLEVEL = 0\nEXTRAVERSION = -rc1\n";
        assert_eq!(
            KernelVersion::of_makefile(text)
                .expect("a version")
                .to_string(),
            "7.4.0-rc1"
        );
    }

    #[test]
    fn of_another_makefile() {
        assert_eq!(KernelVersion::of_makefile("all:\n\techo\n"), None);
        assert_eq!(
            KernelVersion::of_makefile(
                "VERSION = seven\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\n"
            ),
            None
        );
    }
}

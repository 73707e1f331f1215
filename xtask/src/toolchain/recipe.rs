// SPDX-License-Identifier: GPL-2.0-only
//! `configs/toolchain.yaml`: what the Debian root is made from, which kernel source is wanted, which tools are needed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex::Regex;
use serde::Deserialize;

use super::{Packages, Version};
use crate::config::yaml;

/// The whole file, checked.
#[derive(Debug)]
pub struct Recipe {
    /// How the Debian root is made.
    pub root: Root,
    /// The same for what has a root of its own, by its name; none of these themselves.
    pub further: BTreeMap<String, Recipe>,
    /// Which kernel source is taken.
    pub source: Source,
    /// What a guest has for somebody who looks around in it.
    pub userland: Userland,
    /// The tools that must be there.
    pub tools: Vec<Tool>,
    /// The package of this workspace that is the cache model for its QEMU, if it has one that can be booted with.
    pub vcsan: Option<String>,
    /// The packages of the root that the project was last tried with, of the file beside it that ends in `lock`; none for a
    /// root that no result depends on.
    pub lock: Option<Packages>,
}

/// The Debian root.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// Debian's name of the release.
    pub suite: String,
    /// Further suites of the same mirror.
    pub further: Vec<String>,
    /// Package names by what they are for.
    pub packages: BTreeMap<String, Vec<String>>,
    /// dpkg's path filters; the last that matches decides.
    #[serde(with = "yaml::singleton_map_recursive")]
    pub paths: Vec<PathFilter>,
    /// Absolute name in the root: what it points to.
    pub links: BTreeMap<PathBuf, PathBuf>,
    /// What making it takes at its fullest, in MiB.
    pub space_mib: u64,
}

/// One of dpkg's path filters, in shell patterns whose `*` also matches slashes.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum PathFilter {
    /// What matches is not unpacked.
    Exclude(String),
    /// What matches is unpacked after all.
    Include(String),
}

/// The distribution's kernel source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What the packages' names start with; the rest is the version.
    pub package: String,
    /// The version that is taken unless another is asked for.
    pub preferred: Version,
    /// The first one that can be used.
    pub oldest: Version,
    /// The first one that can't.
    pub below: Version,
    /// What unpacking it takes, in MiB.
    pub space_mib: u64,
}

/// The source package of busybox.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Userland {
    /// Its name.
    pub package: String,
    /// What fetching and unpacking it takes, in MiB.
    pub space_mib: u64,
}

/// A tool that must be there.
#[derive(Debug)]
pub struct Tool {
    /// For the reader.
    pub name: String,
    /// The architecture of the kernels that need it, as in `configs/kernels`; every one where there is none.
    pub arch: Option<String>,
    /// Programs that will do; the first that exists is taken.
    pub programs: Vec<String>,
    /// Its arguments that say what is asked below.
    pub args: Vec<String>,
    /// What must be found.
    pub wanted: Wanted,
    /// The Debian package that has it.
    pub package: String,
}

/// What is asked of a tool.
#[derive(Debug)]
pub enum Wanted {
    /// A version.
    Version {
        /// Its first capture group is the version in the tool's output.
        pattern: Regex,
        /// The first version that will do.
        min: Version,
        /// The first one that no longer does.
        below: Option<Version>,
    },
    /// A file below the folder that the tool prints.
    File(PathBuf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecipe {
    root: Root,
    further: BTreeMap<String, RawFurther>,
    source: Source,
    userland: Userland,
    tools: Vec<RawTool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFurther {
    suites: Option<Vec<String>>,
    packages: Vec<String>,
    vcsan: Option<String>,
    space_mib: u64,
    tools: Vec<RawTool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTool {
    name: String,
    arch: Option<String>,
    programs: Vec<String>,
    args: Option<Vec<String>>,
    pattern: Option<String>,
    min: Option<Version>,
    below: Option<Version>,
    holds: Option<PathBuf>,
    package: String,
}

impl Recipe {
    /// Reads the recipe from `path`.
    ///
    /// # Errors
    /// It can't be read, is not of the expected shape, or holds values that can't be used.
    pub fn load(path: &Path) -> Result<Recipe, yaml::Error> {
        let raw: RawRecipe = yaml::load(path)?;
        let value = |key: &str, message: &str| yaml::Error::value(path, key, message);
        for link in raw.root.links.keys() {
            if !link.is_absolute() {
                let key = format!("root.links.{}", link.display());
                return Err(value(&key, "must be absolute, as in the root"));
            }
        }
        let source = &raw.source;
        if source.preferred < source.oldest || source.preferred >= source.below {
            let message = "must lie between `oldest` and `below`";
            return Err(value("source.preferred", message));
        }
        let checked = |of: &str, tools: Vec<RawTool>| {
            let tools = tools.into_iter().enumerate().map(|(i, tool)| {
                tool.check()
                    .map_err(|(key, message)| value(&format!("{of}.{i}.{key}"), &message))
            });
            tools.collect::<Result<Vec<_>, _>>()
        };
        let base = raw.root.packages.get("base").cloned().unwrap_or_default();
        let mut further = BTreeMap::new();
        for (name, own) in raw.further {
            let root = Root {
                packages: BTreeMap::from([
                    ("base".to_owned(), base.clone()),
                    (name.clone(), own.packages),
                ]),
                further: own.suites.unwrap_or_default(),
                links: BTreeMap::new(),
                space_mib: own.space_mib,
                ..raw.root.clone()
            };
            let recipe = Recipe {
                root,
                further: BTreeMap::new(),
                lock: None,
                vcsan: own.vcsan,
                source: raw.source.clone(),
                userland: raw.userland.clone(),
                tools: checked(&format!("further.{name}.tools"), own.tools)?,
            };
            further.insert(name, recipe);
        }
        let tools = checked("tools", raw.tools)?;
        let lock = path.with_extension("lock");
        let text = fs_err::read_to_string(&lock)?;
        let lock = Packages::parse(&text)
            .map_err(|error| yaml::Error::line(&lock, &text, error.line, "is no package"))?;
        Ok(Recipe {
            lock: Some(lock),
            vcsan: None,
            root: raw.root,
            further,
            source: raw.source,
            userland: raw.userland,
            tools,
        })
    }

    /// The names of the roots whose QEMU can be booted with, instead of this one's.
    pub fn emulators(&self) -> impl Iterator<Item = &String> {
        let further = self.further.iter();
        further.filter_map(|(name, recipe)| recipe.vcsan.is_some().then_some(name))
    }

    /// The tools that kernels of `archs` need.
    pub fn tools_for<'a>(&'a self, archs: &'a BTreeSet<String>) -> impl Iterator<Item = &'a Tool> {
        self.tools
            .iter()
            .filter(|tool| tool.arch.as_ref().is_none_or(|arch| archs.contains(arch)))
    }

    /// The architectures that tools are listed for.
    pub fn archs(&self) -> BTreeSet<String> {
        self.tools
            .iter()
            .filter_map(|tool| tool.arch.clone())
            .collect()
    }
}

impl Root {
    /// Every package, once.
    pub fn packages(&self) -> BTreeSet<&str> {
        self.packages
            .values()
            .flatten()
            .map(String::as_str)
            .collect()
    }
}

impl RawTool {
    /// # Errors
    /// The key that can't be used, and why.
    fn check(self) -> Result<Tool, (&'static str, String)> {
        if self.programs.is_empty() {
            return Err(("programs", "must name one".into()));
        }
        let wanted = match (self.holds, self.min) {
            (Some(file), None) if self.below.is_none() && self.pattern.is_none() => {
                Wanted::File(file)
            }
            (None, Some(min)) => {
                let pattern = self.pattern.as_deref().unwrap_or(r"(\d+(?:\.\d+)+)");
                let pattern = Regex::new(pattern)
                    .map_err(|error| ("pattern", format!("is no regular expression: {error}")))?;
                if pattern.captures_len() < 2 {
                    return Err((
                        "pattern",
                        "must have a group that captures the version".into(),
                    ));
                }
                if self.below.as_ref().is_some_and(|below| *below <= min) {
                    return Err(("below", "must be later than `min`".into()));
                }
                Wanted::Version {
                    pattern,
                    min,
                    below: self.below,
                }
            }
            _ => return Err(("min", "must be there, or else `holds` alone".into())),
        };
        Ok(Tool {
            name: self.name,
            arch: self.arch,
            programs: self.programs,
            args: self.args.unwrap_or_else(|| vec!["--version".into()]),
            wanted,
            package: self.package,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    /// The project's own recipe with `from` replaced by `to`, and what is said about it.
    fn changed(from: &str, to: &str) -> String {
        let text = fs_err::read_to_string(Project::this().configs().join("toolchain.yaml"))
            .expect("the recipe");
        assert!(text.contains(from), "the recipe has no {from:?}");
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs_err::write(&file, text.replacen(from, to, 1)).expect("written");
        Recipe::load(file.path())
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn the_projects_recipe_is_fine() {
        let recipe = Recipe::load(&Project::this().configs().join("toolchain.yaml"))
            .expect("it can be used");
        assert!(recipe.root.packages().contains("rustc"));
        let arm = BTreeSet::from(["arm".to_owned()]);
        let names: Vec<_> = recipe
            .tools_for(&arm)
            .map(|tool| tool.name.as_str())
            .collect();
        assert!(
            names.contains(&"qemu arm") && names.contains(&"make") && !names.contains(&"qemu hppa"),
            "{names:?}"
        );
    }

    #[test]
    fn another_qemu_has_a_root_and_a_cache_model_of_its_own() {
        let recipe = Recipe::load(&Project::this().configs().join("toolchain.yaml"))
            .expect("it can be used");
        assert_eq!(Vec::from_iter(recipe.emulators()), ["qemu-11"]);
        let of = &recipe.further["qemu-11"];
        assert_eq!(of.vcsan.as_deref(), Some("vcsan-qemu11"));
        assert_eq!(of.root.further, ["trixie-backports"]);
        // The toolchain's own is no other one.
        assert!(recipe.vcsan.is_none() && recipe.further["disks"].root.further.is_empty());
    }

    #[test]
    fn an_unknown_key_is_named_with_a_near_one() {
        let said = changed("  suite: trixie", "  siute: trixie");
        assert!(
            said.contains("unknown field `siute`") && said.contains("did you mean `suite`?"),
            "{said}"
        );
    }

    #[test]
    fn a_version_is_read_as_it_is_written() {
        // As a number it would be 7.3.
        let version: Version = yaml::parse(Path::new("x"), "7.30").expect("a version");
        assert_eq!(version.to_string(), "7.30");
        assert!(
            changed("preferred: '7.3'", "preferred: newest")
                .contains("\"newest\" is not a version")
        );
    }

    #[test]
    fn a_preferred_source_out_of_its_range_is_refused() {
        assert!(changed("preferred: '7.3'", "preferred: '8.0'").contains("`source.preferred`"));
        assert!(changed("preferred: '7.3'", "preferred: '7.1'").contains("`source.preferred`"));
    }

    #[test]
    fn a_pattern_must_capture() {
        assert!(
            changed(r"pattern: 'version (\d+)'", r"pattern: 'version \d+'")
                .contains(".pattern` must have a group")
        );
        assert!(
            changed(r"pattern: 'version (\d+)'", r"pattern: 'version (\d+'")
                .contains(".pattern` is no regular expression")
        );
    }

    #[test]
    fn a_tool_without_a_wish_is_refused() {
        assert!(
            changed("programs: [make], min: '4.0'", "programs: [make]").contains("`tools.0.min`")
        );
    }

    #[test]
    fn a_range_that_is_empty_is_refused() {
        assert!(
            changed("min: '10.0', below: '11'", "min: '10.0', below: '10'")
                .contains(".below` must be later")
        );
    }
}

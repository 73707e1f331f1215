// SPDX-License-Identifier: GPL-2.0-only
//! The first stage: the tools that build kernels and boot them.
//!
//! They come from a Debian root in the cache folder, made once and never written to afterwards ([`Choice::Root`]), or from the
//! host ([`Choice::Host`]). Both answer to the same table of needs in `configs/toolchain.yaml`. Nobody else starts programs:
//! [`Toolchain::command`] says how it is done.

pub mod command;
pub mod doctor;
mod libc;
pub mod packages;
pub mod place;
pub mod prerequisites;
pub mod recipe;
pub mod root;
pub mod tools;
mod version;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

pub use command::{Command, Failed};
pub use packages::Packages;
pub use recipe::Recipe;
pub use version::Version;

use crate::cache::{self, Cache, Lock};
use crate::progress::Progress;
use crate::stop::Stop;
use place::{Bind, Entrance, Network, Place};
use prerequisites::{Host, Install};

/// Why there are no tools.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cache folder can't be used.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// A command failed.
    #[error(transparent)]
    Command(#[from] Failed),
    /// A folder that the root should have would hide what is in it.
    #[error("failed to show {} to the Debian root, where that is a folder of its own; give another place, such as one in a home folder", path.display())]
    Bind {
        /// The folder.
        path: PathBuf,
    },
    /// The host lacks what makes or enters a root.
    #[error(
        "failed to make the Debian root: {missing}; run `{remedy}`, or use the host's own tools with --toolchain host"
    )]
    Unfit {
        /// What is not there.
        missing: String,
        /// The one command that changes that.
        remedy: String,
    },
    /// The host has it all, but the kernel refuses.
    #[error(
        "failed to make namespaces, which a container may forbid; README.md says how to run one (Other hosts), or use the host's own tools with --toolchain host"
    )]
    Namespace {
        /// What it said.
        source: Failed,
    },
    /// mmdebstrap failed.
    #[error("failed to make the Debian root from {}; is the mirror there? another one can be given with --mirror URL", mirror.as_deref().unwrap_or("the host's mirror"))]
    Make {
        /// The mirror that was asked for.
        mirror: Option<String>,
        /// What it said.
        source: Failed,
    },
    /// A list of packages is damaged.
    #[error("failed to read {}", path.display())]
    Packages {
        /// The list.
        path: PathBuf,
        /// Where it is.
        source: packages::Error,
    },
    /// Tools are missing or won't do.
    #[error("failed to find the tools:\n  {}\n{}", complaints.join("\n  "), remedy)]
    Tools {
        /// One line a tool.
        complaints: Vec<String>,
        /// What to do.
        remedy: String,
    },
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Cache(error.into())
    }
}

/// Where tools come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Choice {
    /// A Debian root in the cache folder.
    #[default]
    Root,
    /// The host's PATH.
    Host,
}

/// What is asked of a toolchain.
#[derive(Debug)]
pub struct Request<'a> {
    /// Where it comes from.
    pub choice: Choice,
    /// What it must hold.
    pub recipe: &'a Recipe,
    /// The architectures for which kernels will be built; other ones' compilers may be missing on the host.
    pub archs: BTreeSet<String>,
    /// The Debian archive to take packages from, rather than the one that the host uses.
    pub mirror: Option<String>,
    /// Folders besides the cache folder that commands must see.
    pub binds: Vec<Bind>,
    /// Whether packages may be installed on this machine.
    pub install: Install,
}

/// Tools that are there and good enough.
#[derive(Debug)]
pub struct Toolchain {
    place: Place,
    /// Where commands run that need the network.
    fetching: Place,
    /// The folder that holds the root, and what its commands read there, for places that see less.
    reads: Option<(PathBuf, Vec<Bind>)>,
    /// What it is, for the stamps of what is made with it.
    id: String,
    /// What the root was made of.
    packages: Option<Packages>,
    stop: Stop,
    _in_use: Option<Lock>,
}

impl Toolchain {
    /// Finds the tools, making the Debian root where it is not there yet.
    ///
    /// # Errors
    /// [`Error`]; what is missing on the host is named with the command that installs it.
    pub fn prepare(
        request: &Request,
        cache: &Cache,
        progress: &dyn Progress,
        stop: &Stop,
    ) -> Result<Toolchain, Error> {
        match request.choice {
            Choice::Host => Toolchain::of_host(request, progress, stop),
            Choice::Root => Toolchain::of_root(request, cache, progress, stop),
        }
    }

    fn of_host(
        request: &Request,
        progress: &dyn Progress,
        stop: &Stop,
    ) -> Result<Toolchain, Error> {
        progress.step("looking for tools on PATH");
        let mut toolchain = Toolchain::host(stop);
        // A container may forbid it; it can be done without.
        if Command::at(Place::Namespace, "true").read(stop).is_ok() {
            toolchain.place = Place::Namespace;
        }
        let found = toolchain.check(request.recipe, &request.archs)?;
        toolchain.id = blake3::hash(found.join("\n").as_bytes()).to_hex()[..16].to_owned();
        Ok(toolchain)
    }

    fn of_root(
        request: &Request,
        cache: &Cache,
        progress: &dyn Progress,
        stop: &Stop,
    ) -> Result<Toolchain, Error> {
        let recipe = &request.recipe.root;
        let (id, name) = (root::key(recipe), Toolchain::folder(recipe));
        // Builds read trees and write to build folders, guests write to the folder of their run, ll2c's comparisons to theirs.
        // What is in a tree has other names in the source.
        let mut binds = Vec::new();
        for part in ["tree", "source"] {
            binds.push(Bind::read(cache.folder(part)?));
        }
        for part in ["build", "runs", "differential"] {
            binds.push(Bind::write(cache.folder(part)?));
        }
        binds.extend(request.binds.iter().cloned());
        // Before the root is made, which takes minutes.
        binds.iter().try_for_each(Bind::check)?;
        let downloads = [
            Bind::write(cache.folder("source")?),
            Bind::write(cache.folder("differential")?),
        ];
        let (folder, in_use) = loop {
            let folder = cache.make(&name, &id, progress, |folder| {
                prerequisites::ensure(request.install, progress, stop)?;
                cache.need("the Debian root", recipe.space_mib)?;
                root::make(folder, recipe, request.mirror.as_deref(), progress, stop)?;
                progress.step("trying the tools in the Debian root");
                let made = Toolchain::inside(Entrance::open(folder, &binds, Network::None)?, stop);
                made.check(request.recipe, &request.recipe.archs())
                    .map(drop)
            })?;
            // Kept while it is used, so that nobody removes it; somebody may have done so just now.
            let in_use = cache.lock_shared(&name, progress)?;
            if cache::is_made(&folder, &id) {
                break (folder, in_use);
            }
        };
        let mut toolchain =
            Toolchain::inside(Entrance::open(&folder, &binds, Network::None)?, stop);
        toolchain.fetching = Place::Inside(Entrance::open(&folder, &downloads, Network::Host)?);
        binds.retain(|bind| !bind.writable);
        toolchain.reads = Some((folder.clone(), binds));
        let packages = root::packages(&folder)?;
        let others = match &request.recipe.lock {
            Some(lock) => packages.differences(lock),
            None => Vec::new(),
        };
        if !others.is_empty() {
            progress.warn(&format!(
                "{} packages of the Debian root differ from configs/toolchain.lock; cargo xtask doctor lists them",
                others.len()
            ));
        }
        toolchain.id = format!("{id}-{}", packages.hash());
        toolchain.packages = Some(packages);
        toolchain._in_use = Some(in_use);
        Ok(toolchain)
    }

    /// The root by `recipe` if it has been made already, for looking around in it.
    ///
    /// # Errors
    /// It can't be entered.
    pub fn made(recipe: &Recipe, cache: &Cache, stop: &Stop) -> Result<Option<Toolchain>, Error> {
        let folder = cache.path(Toolchain::folder(&recipe.root));
        if !cache::is_made(&folder, &root::key(&recipe.root)) {
            return Ok(None);
        }
        let entrance = Entrance::open(&folder, &[], Network::None)?;
        let mut toolchain = Toolchain::inside(entrance, stop);
        toolchain.packages = Some(root::packages(&folder)?);
        Ok(Some(toolchain))
    }

    /// The same tools for commands that write to `dir` alone, and see nothing else of what others write to.
    ///
    /// # Errors
    /// The root can't be entered so.
    pub fn writing_to(&self, dir: &Path) -> Result<Toolchain, Error> {
        let place = match &self.reads {
            Some((folder, reads)) => {
                let mut binds = reads.clone();
                binds.push(Bind::write(dir));
                Place::Inside(Entrance::open(folder, &binds, Network::None)?)
            }
            None => self.place.clone(),
        };
        Ok(Toolchain {
            fetching: place.clone(),
            place,
            reads: self.reads.clone(),
            id: self.id.clone(),
            packages: self.packages.clone(),
            stop: self.stop.clone(),
            // Who lends them keeps the root.
            _in_use: None,
        })
    }

    /// The host's tools, unchecked.
    pub fn host(stop: &Stop) -> Toolchain {
        Toolchain {
            place: Place::Host,
            fetching: Place::Host,
            reads: None,
            id: String::new(),
            packages: None,
            stop: stop.clone(),
            _in_use: None,
        }
    }

    fn inside(entrance: Entrance, stop: &Stop) -> Toolchain {
        Toolchain {
            place: Place::Inside(entrance.clone()),
            fetching: Place::Inside(entrance),
            ..Toolchain::host(stop)
        }
    }

    /// Where in the cache folder the root by `recipe` lies.
    pub fn folder(recipe: &recipe::Root) -> String {
        format!("toolchain/{}", root::key(recipe))
    }

    /// Whether every tool for `archs` will do, and which versions they have.
    fn check(&self, recipe: &Recipe, archs: &BTreeSet<String>) -> Result<Vec<String>, Error> {
        let mut versions = Vec::new();
        let mut complaints = Vec::new();
        let (mut packages, mut components) = (BTreeSet::new(), BTreeSet::new());
        // Those that are not needed now belong to what these tools are, so that each choice of cells has the same.
        let all = recipe.archs();
        for tool in recipe.tools_for(&all) {
            let needed = tool.arch.as_ref().is_none_or(|arch| archs.contains(arch));
            let finding = tools::find(self, tool, &self.stop);
            match (finding.complaint(), finding.found) {
                (None, tools::Found::Fine { path, version }) => {
                    versions.push(format!("{} {version}", path.display()))
                }
                (complaint, found) if needed => {
                    let of_rustup = matches!(&found, tools::Found::Wrong { why, .. } if why.contains("/.rustup/"));
                    if of_rustup {
                        components.insert(tool.package.as_str());
                    } else {
                        packages.insert(tool.package.as_str());
                    }
                    complaints.extend(complaint);
                }
                _ => {}
            }
        }
        if complaints.is_empty() {
            return Ok(versions);
        }
        let packages = Vec::from_iter(packages).join(" ");
        let remedy = match self.place {
            Place::Host | Place::Namespace => {
                let components = Vec::from_iter(components).join(" ");
                let mut ways = Vec::new();
                if !components.is_empty() {
                    ways.push(format!("rustup component add {components}"));
                }
                if !packages.is_empty() {
                    ways.push(Host::this().install_debians(&packages));
                }
                format!("{}; or do without --toolchain host", ways.join("; "))
            }
            Place::Inside(_) => {
                format!("the distribution's {packages} no longer fit configs/toolchain.yaml")
            }
        };
        Err(Error::Tools { complaints, remedy })
    }

    /// `program`, to be run with these tools. Programs that it starts find them too.
    pub fn command(&self, program: impl Into<OsString>) -> Command {
        Command::at(self.place.clone(), program)
    }

    /// The same, where the network can be reached, and of the cache folder only what downloads go to can be seen.
    pub fn fetch_command(&self, program: impl Into<OsString>) -> Command {
        Command::at(self.fetching.clone(), program)
    }

    /// The words that stand before a program so that it is one of these tools, for processes that start their own.
    pub fn prefix(&self) -> Vec<String> {
        match &self.place {
            Place::Inside(entrance) => entrance
                .argv(None)
                .map(|word| word.to_string_lossy().into_owned())
                .to_vec(),
            Place::Host | Place::Namespace => Vec::new(),
        }
    }

    /// What these tools are, in a few letters: another text, other tools.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// By what they were chosen: the recipe of the root, or what was found on the host.
    pub fn recipe(&self) -> &str {
        self.id
            .split_once('-')
            .map_or(self.id.as_str(), |(recipe, _)| recipe)
    }

    /// The packages of the Debian root, where they come from one.
    pub fn packages(&self) -> Option<&Packages> {
        self.packages.as_ref()
    }

    /// Whether they come from the Debian root.
    pub fn is_root(&self) -> bool {
        matches!(self.place, Place::Inside(_))
    }

    /// The flag that interrupts commands.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The path by which commands find `program`.
    pub fn which(&self, program: &str) -> Option<PathBuf> {
        if !self.is_root() {
            return command::on_path(program);
        }
        ["/usr/bin", "/usr/sbin"]
            .iter()
            .map(|dir| Path::new(dir).join(program))
            .find(|path| self.outside(path).exists())
    }

    /// What `object`, which was linked on this machine, needs of its libraries and these tools' own do not have.
    ///
    /// # Errors
    /// It, or one of the libraries, can't be read.
    pub fn lacking(&self, object: &Path) -> io::Result<BTreeSet<String>> {
        match self.is_root() {
            true => libc::lacking(object, &self.libraries()),
            false => Ok(BTreeSet::new()),
        }
    }

    /// Where the libraries of these tools are for this process.
    fn libraries(&self) -> PathBuf {
        let arch = std::env::consts::ARCH;
        self.outside(&Path::new("/usr/lib").join(format!("{arch}-linux-gnu")))
    }

    /// Where something that commands see at `path`, outside the shared folders, is for this process.
    pub fn outside(&self, path: &Path) -> PathBuf {
        match &self.place {
            Place::Inside(entrance) => entrance.outside(path),
            Place::Host | Place::Namespace => path.to_owned(),
        }
    }
}

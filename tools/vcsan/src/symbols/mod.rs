// SPDX-License-Identifier: GPL-2.0-only
//! Names and source lines for a guest's addresses, from its `vmlinux` and its modules' files.
//!
//! Functions come from symbol tables; lines come from DWARF where a file has it, and are read when they are first asked
//! for. A module's file is relocatable: where its sections went, the guest's [loader](crate::loader) says.

mod lines;
mod location;
mod module;
mod table;

pub use lines::Line;
pub use location::Location;
pub use module::{Module, Section};

use lines::Lines;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{fs, io};
use table::Table;

/// Why a file has no names to give.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It can't be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file, or a folder on the way to it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no ELF file.
    #[error("failed to read {} as an ELF file", path.display())]
    Elf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: object::Error,
    },
    /// It is an ELF file of another kind.
    #[error("failed to use {}: it is not {expected}", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What was wanted.
        expected: &'static str,
    },
    /// It has no symbols.
    #[error("failed to find function symbols in {}: give the file before it was stripped", path.display())]
    Stripped {
        /// The file.
        path: PathBuf,
    },
}

/// What a symbol covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Virtual address of its first byte.
    pub address: u64,
    /// Bytes; 0 if the symbol does not tell.
    pub size: u64,
}

/// A loaded file.
#[derive(Debug)]
struct Object {
    module: Option<String>,
    table: Table,
    lines: Lines,
    /// How many modules had been loaded with this one; 0 for the kernel.
    since: u32,
    /// The same when it was loaded anew.
    until: u32,
}

impl Object {
    /// Whether its code was at an address when so many modules had been loaded.
    fn is_at(&self, pc: u64, generation: u32) -> bool {
        (self.since..self.until).contains(&generation) && self.table.covers(pc)
    }
}

/// Names of a guest.
#[derive(Debug, Default)]
pub struct Symbols {
    /// In the order in which they were loaded: a later module may lie where an earlier one's initialisation was.
    objects: Vec<Object>,
    /// How many modules have been loaded.
    generation: u32,
    /// What was said of modules without a file.
    complaints: Vec<String>,
    /// Folder of the kernel's source, once the kernel's lines have been asked for it.
    source: Option<Option<String>>,
}

impl Symbols {
    /// Knows no names at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The names of a kernel.
    ///
    /// # Errors
    ///
    /// A file that is no linked ELF file, or has been stripped of its symbols, see [`Error`].
    pub fn load(vmlinux: &Path) -> Result<Self, Error> {
        let object = Object::read(vmlinux, None)?;
        Ok(Self {
            objects: vec![object],
            ..Self::default()
        })
    }

    /// Adds a module before it runs, from its file somewhere under `dir`; without one, its code has no names. It takes the place
    /// of one of the same name.
    /// Returns where its code is.
    ///
    /// # Errors
    ///
    /// A file that is no module, see [`Error`].
    pub fn add_module(&mut self, module: &Module, dir: &Path) -> Result<Vec<Range<u64>>, Error> {
        let mut object = match find_module(&module.name, dir)? {
            Some(path) => Object::read(&path, Some(module))?,
            None => {
                let dir = dir.display();
                self.complaints.push(format!(
                    "failed to find {}.ko in {dir}: its functions have no names",
                    module.name
                ));
                Object::unknown(module)
            }
        };
        self.generation += 1;
        object.since = self.generation;
        for known in &mut self.objects {
            if known.module == object.module && known.until == u32::MAX {
                known.until = self.generation;
            }
        }
        let code = object.table.code().to_vec();
        self.objects.push(object);
        Ok(code)
    }

    /// Whether code that was executed when so many modules had been loaded was that of a module.
    #[must_use]
    pub fn is_of(&self, module: &str, pc: u64, generation: u32) -> bool {
        let object = self.object_at(pc, generation);
        object.is_some_and(|index| self.objects[index].module.as_deref() == Some(module))
    }

    /// The function around a code address, and its source lines. Files of the kernel's source are named as in its tree,
    /// others in full.
    pub fn find(&mut self, pc: u64) -> Option<Location> {
        self.find_at(pc, self.generation)
    }

    /// As [`find`](Self::find), for code that was executed when so many modules had been loaded.
    pub fn find_at(&mut self, pc: u64, generation: u32) -> Option<Location> {
        let index = self.object_at(pc, generation)?;
        let object = &mut self.objects[index];
        let function = object.table.function(pc)?;
        let mut location = Location {
            module: object.module.clone(),
            symbol: demangle(object.table.text(function.name)),
            offset: pc - function.extent.address,
            size: function.extent.size,
            lines: object.lines.find(pc),
        };
        if !location.lines.is_empty()
            && let Some(source) = self.source()
        {
            for line in &mut location.lines {
                if let Some(file) = line.file.strip_prefix(source) {
                    line.file = file.into();
                }
            }
        }
        Some(location)
    }

    /// The file that an address was in when so many modules had been loaded.
    fn object_at(&self, pc: u64, generation: u32) -> Option<usize> {
        let mut all = self.objects.iter();
        all.rposition(|object| object.is_at(pc, generation))
    }

    /// The function around a code address, as its symbol is spelt, and how far it is into it. Costs a search among
    /// symbols; [`Symbols::find`] reads line tables too.
    #[must_use]
    pub fn function(&self, pc: u64) -> Option<(&str, u64)> {
        self.function_at(pc, self.generation)
    }

    /// As [`function`](Self::function), for code that was executed when so many modules had been loaded.
    #[must_use]
    pub fn function_at(&self, pc: u64, generation: u32) -> Option<(&str, u64)> {
        let object = &self.objects[self.object_at(pc, generation)?];
        let function = object.table.function(pc)?;
        Some((
            object.table.text(function.name),
            pc - function.extent.address,
        ))
    }

    /// Folder of the kernel's source with a slash behind it, if the kernel has lines: every architecture's first C
    /// function is in `init/main.c`.
    fn source(&mut self) -> Option<&str> {
        if self.source.is_none() {
            let start = self.address_of("start_kernel");
            let kernel = self
                .objects
                .iter_mut()
                .find(|object| object.module.is_none());
            let lines = start
                .zip(kernel)
                .map(|(start, kernel)| kernel.lines.find(start.address));
            let folder = lines
                .and_then(|lines| Some(lines.last()?.file.strip_suffix("init/main.c")?.to_owned()));
            self.source = Some(folder.filter(|folder| folder.len() > 1));
        }
        self.source.as_ref()?.as_deref()
    }

    /// What the symbol of this name covers, function or data; the kernel's own before a module's.
    #[must_use]
    pub fn address_of(&self, name: &str) -> Option<Extent> {
        self.objects
            .iter()
            .find_map(|object| object.table.named(name))
    }

    /// Whether the kernel is Thumb code.
    #[must_use]
    pub fn is_thumb(&self) -> bool {
        self.objects
            .iter()
            .any(|object| object.module.is_none() && object.table.is_thumb())
    }

    /// Modules without a file, and files whose line tables turned out to be unreadable, and why.
    pub fn complaints(&self) -> impl Iterator<Item = String> {
        let lines = self.objects.iter();
        let lines = lines.filter_map(|object| object.lines.complaint());
        self.complaints.iter().cloned().chain(lines)
    }
}

impl Object {
    /// A module without a file.
    fn unknown(module: &Module) -> Self {
        let code = module.sections.iter().map(|section| section.code.clone());
        Self {
            module: Some(module.name.clone()),
            table: Table::unknown(code.collect()),
            lines: Lines::None,
            since: 0,
            until: u32::MAX,
        }
    }

    fn read(path: &Path, module: Option<&Module>) -> Result<Self, Error> {
        let data = fs::read(path).map_err(|source| Error::Read {
            path: path.into(),
            source,
        })?;
        let elf = |source| Error::Elf {
            path: path.into(),
            source,
        };
        let file = object::File::parse(&*data).map_err(elf)?;
        let relocatable = object::Object::kind(&file) == object::ObjectKind::Relocatable;
        if relocatable != module.is_some() {
            let expected = if relocatable {
                "a linked kernel (vmlinux)"
            } else {
                "a module (.ko)"
            };
            return Err(Error::Kind {
                path: path.into(),
                expected,
            });
        }
        let loaded = module.map(|module| {
            let sections = module.sections.iter();
            let address = |section: &Section| (section.name.clone(), section.code.start);
            sections.map(address).collect::<BTreeMap<_, _>>()
        });
        let table = Table::read(&file, loaded.as_ref()).map_err(elf)?;
        if table.is_empty() {
            return Err(Error::Stripped { path: path.into() });
        }
        Ok(Self {
            module: module.map(|module| module.name.clone()),
            table,
            lines: Lines::of(&file, path, loaded),
            since: 0,
            until: u32::MAX,
        })
    }
}

/// Demangled, without the hash; other names as they are.
fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// A module's file. Modules call themselves with `_` where their files may have `-`.
fn find_module(name: &str, dir: &Path) -> Result<Option<PathBuf>, Error> {
    let wanted = name.replace('-', "_");
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed = |source| Error::Read {
            path: folder.clone(),
            source,
        };
        let mut entries: Vec<_> = fs::read_dir(&folder)
            .map_err(failed)?
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        entries.sort_by_key(fs::DirEntry::path);
        for entry in entries {
            let path = entry.path();
            // A link to a folder may lead in a circle.
            if entry.file_type().map_err(failed)?.is_dir() {
                folders.push(path);
            } else if path.extension() == Some(OsStr::new("ko"))
                && path
                    .file_stem()
                    .and_then(OsStr::to_str)
                    .is_some_and(|stem| stem.replace('-', "_") == wanted)
            {
                return Ok(Some(path));
            }
        }
    }
    Ok(None)
}

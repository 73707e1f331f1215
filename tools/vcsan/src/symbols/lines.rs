// SPDX-License-Identifier: GPL-2.0-only
//! A file's line tables (DWARF), read when they are first needed.

use super::demangle;
use addr2line::Context;
use gimli::{DwarfSections, EndianArcSlice, RunTimeEndian, SectionId};
use object::{
    File, Object, ObjectKind, ObjectSection, ObjectSymbol, RelocationKind, RelocationTarget,
    Section,
};
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display, Formatter};
use std::path::{Component, Path, PathBuf};
use std::{fs, mem};

/// A line of source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The function that it is part of, if the tables say: the inlined one, where something was inlined.
    pub function: Option<String>,
    /// The file, with `.` and `..` resolved.
    pub file: String,
    /// The line, from 1 on; 0 if only the file is known.
    pub line: u32,
}

impl Display for Line {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            f.write_str(&self.file)
        } else {
            write!(f, "{}:{}", self.file, self.line)
        }
    }
}

type Reader = EndianArcSlice<RunTimeEndian>;

/// A file's line tables.
pub(super) enum Lines {
    /// It has none.
    None,
    /// Nobody has asked yet.
    Unread {
        path: PathBuf,
        /// Where a relocatable file's sections are.
        loaded: Option<BTreeMap<String, u64>>,
    },
    /// As they are used.
    Read(Box<Context<Reader>>),
    /// They are there, but can't be used.
    Unreadable { path: PathBuf, why: String },
}

impl Debug for Lines {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Unread { .. } => "unread",
            Self::Read(_) => "read",
            Self::Unreadable { .. } => "unreadable",
        })
    }
}

impl Lines {
    pub(super) fn of(file: &File<'_>, path: &Path, loaded: Option<BTreeMap<String, u64>>) -> Self {
        match file.section_by_name(".debug_line") {
            Some(_) => Self::Unread {
                path: path.into(),
                loaded,
            },
            None => Self::None,
        }
    }

    /// The lines of an address, innermost first.
    pub(super) fn find(&mut self, pc: u64) -> Vec<Line> {
        if let Self::Unread { .. } = self
            && let Self::Unread { path, loaded } = mem::replace(self, Self::None)
        {
            *self = match context(&path, loaded.as_ref()) {
                Ok(context) => Self::Read(Box::new(context)),
                Err(why) => Self::Unreadable { path, why },
            };
        }
        match self {
            // What is wrong with one function's lines says nothing of others.
            Self::Read(context) => frames(context, pc).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    pub(super) fn complaint(&self) -> Option<String> {
        match self {
            Self::Unreadable { path, why } => Some(format!(
                "failed to read the line tables of {}: {why}",
                path.display()
            )),
            _ => None,
        }
    }
}

fn frames(context: &Context<Reader>, pc: u64) -> Result<Vec<Line>, gimli::Error> {
    let mut frames = context.find_frames(pc).skip_all_loads()?;
    let mut lines = Vec::new();
    while let Some(frame) = frames.next()? {
        let Some((file, line)) = frame
            .location
            .and_then(|location| Some((location.file?, location.line.unwrap_or(0))))
        else {
            continue;
        };
        let function = frame
            .function
            .and_then(|function| Some(demangle(&function.raw_name().ok()?)));
        lines.push(Line {
            function,
            file: tidy(file),
            line,
        });
    }
    Ok(lines)
}

/// A path without `.` and `..`, as they come of a build outside the source.
fn tidy(file: &str) -> String {
    let mut path = PathBuf::new();
    for component in Path::new(file).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if path.file_name().is_some() => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path.to_string_lossy().into_owned()
}

fn context(path: &Path, loaded: Option<&BTreeMap<String, u64>>) -> Result<Context<Reader>, String> {
    let data = fs::read(path).map_err(|error| error.to_string())?;
    let file = File::parse(&*data).map_err(|error| error.to_string())?;
    let endian = if file.is_little_endian() {
        RunTimeEndian::Little
    } else {
        RunTimeEndian::Big
    };
    let sections = DwarfSections::load(|id: SectionId| match file.section_by_name(id.name()) {
        Some(section) => contents(&file, &section, loaded),
        None => Ok(Vec::new()),
    })?;
    let dwarf = sections.borrow(|data| Reader::new(data.as_slice().into(), endian));
    Context::from_dwarf(dwarf).map_err(|error| error.to_string())
}

/// A section's bytes; in a relocatable file, with their relocations applied.
fn contents(
    file: &File<'_>,
    section: &Section<'_, '_>,
    loaded: Option<&BTreeMap<String, u64>>,
) -> Result<Vec<u8>, String> {
    let name = section.name().unwrap_or_default();
    let mut data = section
        .uncompressed_data()
        .map_err(|error| format!("{name}: {error}"))?
        .into_owned();
    if file.kind() != ObjectKind::Relocatable {
        return Ok(data);
    }
    for (offset, relocation) in section.relocations() {
        let failed = |what: &str| Err(format!("{name}: {what} at {offset:#x}"));
        let width = match (relocation.kind(), relocation.size()) {
            (RelocationKind::None, _) => continue,
            (RelocationKind::Absolute, 32) => 4,
            (RelocationKind::Absolute, 64) => 8,
            _ => return failed(&format!("unknown relocation {:?}", relocation.flags())),
        };
        let RelocationTarget::Symbol(symbol) = relocation.target() else {
            return failed("relocation without a symbol");
        };
        let symbol = file
            .symbol_by_index(symbol)
            .map_err(|error| format!("{name}: {error}"))?;
        // Names of other files, as of functions that are called. They play no part in lines.
        let Some(target) = symbol.section_index() else {
            continue;
        };
        let target = file
            .section_by_index(target)
            .map_err(|error| format!("{name}: {error}"))?;
        // Sections that are not in memory, those of DWARF among them, begin at 0.
        let base = loaded
            .and_then(|loaded| loaded.get(target.name().ok()?))
            .copied()
            .unwrap_or(0);
        let Some(place) = usize::try_from(offset)
            .ok()
            .and_then(|at| data.get_mut(at..at.checked_add(width)?))
        else {
            return failed("relocation beyond the end");
        };
        let before = if relocation.has_implicit_addend() {
            number(place, file.is_little_endian())
        } else {
            0
        };
        let value = base
            .wrapping_add(symbol.address())
            .wrapping_add_signed(relocation.addend())
            .wrapping_add(before);
        store(place, value, file.is_little_endian());
    }
    Ok(data)
}

fn number(place: &[u8], little_endian: bool) -> u64 {
    let next = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    if little_endian {
        place.iter().rev().fold(0, next)
    } else {
        place.iter().fold(0, next)
    }
}

/// The low bytes of a number.
fn store(place: &mut [u8], value: u64, little_endian: bool) {
    let (bytes, width) = (value.to_le_bytes(), place.len());
    place.copy_from_slice(&bytes[..width]);
    if !little_endian {
        place.reverse();
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! A file's symbol table: functions by address, everything by name.

use super::Extent;
use object::{
    Architecture, Object, ObjectSection, ObjectSymbol, SectionFlags, SectionIndex, SymbolKind,
    SymbolSection, elf,
};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// A function, or an assembly label that may be one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function {
    pub(super) name: Name,
    pub(super) extent: Extent,
    kind: Kind,
}

/// Where a name stands among all names: a kernel has tens of thousands, which are read at the start of each boot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    start: u32,
    end: u32,
}

/// From the best to the worst name for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Function { local: bool },
    Label { local: bool },
}

/// The symbols of a file at the addresses where it is loaded.
#[derive(Debug)]
pub(super) struct Table {
    /// Executable sections.
    code: Vec<Range<u64>>,
    /// By address; no two at the same, no label within a function.
    functions: Vec<Function>,
    /// All symbols, and whether each is local.
    all: Vec<(Name, Extent, bool)>,
    /// All names.
    text: String,
    /// Most functions are Thumb code.
    thumb: bool,
}

impl Table {
    /// Of code that nothing is known of.
    pub(super) fn unknown(code: Vec<Range<u64>>) -> Self {
        Self {
            code,
            functions: Vec::new(),
            all: Vec::new(),
            text: String::new(),
            thumb: false,
        }
    }

    /// Reads a file's symbols. `loaded` says where a relocatable file's sections are; symbols of other sections are left out.
    pub(super) fn read(
        file: &object::File<'_>,
        loaded: Option<&BTreeMap<String, u64>>,
    ) -> Result<Self, object::Error> {
        // Of each section in memory: where it is moved by, and whether it is code.
        let mut sections: HashMap<SectionIndex, (u64, bool)> = HashMap::new();
        let mut code = Vec::new();
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags, .. } = section.flags() else {
                continue;
            };
            let moved = match loaded {
                Some(loaded) => loaded.get(section.name()?).copied(),
                None => Some(0),
            };
            let (Some(moved), true) = (moved, sh_flags.contains(elf::SHF_ALLOC)) else {
                continue;
            };
            let executable = sh_flags.contains(elf::SHF_EXECINSTR);
            if executable {
                let start = moved.wrapping_add(section.address());
                code.push(start..start.saturating_add(section.size()));
            }
            sections.insert(section.index(), (moved, executable));
        }

        let arm = file.architecture() == Architecture::Arm;
        let mut functions = Vec::new();
        let (mut of_arm, mut of_thumb) = (0, 0);
        let (mut all, mut text) = (Vec::new(), String::new());
        for symbol in file.symbols() {
            let name = symbol.name()?;
            if !names_something(name)
                || matches!(symbol.kind(), SymbolKind::Section | SymbolKind::File)
            {
                continue;
            }
            let (moved, executable) = match symbol.section() {
                // A linker script's own.
                SymbolSection::Absolute if loaded.is_none() && symbol.is_global() => (0, false),
                SymbolSection::Section(index) => match sections.get(&index) {
                    Some(&section) => section,
                    None => continue,
                },
                _ => continue,
            };
            let is_function = symbol.kind() == SymbolKind::Text;
            let mut address = moved.wrapping_add(symbol.address());
            if arm && is_function {
                // Bit 0 tells Thumb code.
                let of_its_kind = match address & 1 {
                    0 => &mut of_arm,
                    _ => &mut of_thumb,
                };
                *of_its_kind += 1;
                address &= !1;
            }
            let extent = Extent {
                address,
                size: symbol.size(),
            };
            let local = symbol.is_local();
            let start = text.len();
            text.push_str(name);
            // CAST: no file has names of four gigabytes.
            let name = Name {
                start: start as u32,
                end: text.len() as u32,
            };
            if executable {
                let kind = if is_function {
                    Kind::Function { local }
                } else {
                    Kind::Label { local }
                };
                functions.push(Function { name, extent, kind });
            }
            all.push((name, extent, local));
        }
        Ok(Self {
            code,
            functions: best(functions, &text),
            all,
            text,
            thumb: of_thumb > of_arm,
        })
    }

    /// Whether most functions are Thumb code.
    pub(super) fn is_thumb(&self) -> bool {
        self.thumb
    }

    pub(super) fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// Executable sections.
    pub(super) fn code(&self) -> &[Range<u64>] {
        &self.code
    }

    /// Whether an address is in the file's code.
    pub(super) fn covers(&self, pc: u64) -> bool {
        self.code.iter().any(|range| range.contains(&pc))
    }

    /// The last function that begins at or before an address, in its section.
    pub(super) fn function(&self, pc: u64) -> Option<&Function> {
        let section = self.code.iter().find(|range| range.contains(&pc))?;
        let after = self
            .functions
            .partition_point(|function| function.extent.address <= pc);
        let function = self.functions.get(after.checked_sub(1)?)?;
        section
            .contains(&function.extent.address)
            .then_some(function)
    }

    /// A name.
    pub(super) fn text(&self, name: Name) -> &str {
        text_of(&self.text, name)
    }

    /// What the symbol of this name covers: a global one's, if there is any. Looks at all of them.
    pub(super) fn named(&self, name: &str) -> Option<Extent> {
        let mut same = self.all.iter().filter(|(of, ..)| self.text(*of) == name);
        let first = same.clone().next();
        let global = same.rfind(|(.., local)| !local);
        global.or(first).map(|(_, extent, _)| *extent)
    }
}

fn text_of(text: &str, name: Name) -> &str {
    text.get(name.start as usize..name.end as usize)
        .unwrap_or_default()
}

/// Whether a name is a programmer's: not one of ARM's mapping symbols (`$a`, `$d.12`), not an assembler's own label.
fn names_something(name: &str) -> bool {
    !(name.is_empty() || name.starts_with('$') || name.starts_with(".L"))
}

/// Of names for the same address the best one, and no labels within functions.
fn best(mut functions: Vec<Function>, text: &str) -> Vec<Function> {
    functions.sort_by(|a, b| {
        let key = |function: &Function| {
            (
                function.extent.address,
                function.kind,
                std::cmp::Reverse(function.extent.size),
            )
        };
        let name = |function: &Function| text_of(text, function.name);
        key(a).cmp(&key(b)).then_with(|| name(a).cmp(name(b)))
    });
    let mut end = 0;
    let mut last = None;
    functions.retain(|function| {
        let Extent { address, size } = function.extent;
        let label = matches!(function.kind, Kind::Label { .. });
        let keep = last != Some(address) && !(label && address < end);
        if keep {
            last = Some(address);
            if !label {
                end = end.max(address.saturating_add(size));
            }
        }
        keep
    });
    functions
}

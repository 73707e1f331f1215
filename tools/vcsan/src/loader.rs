// SPDX-License-Identifier: GPL-2.0-only
//! Modules, from the kernel's own loader: where a module's code lies is known before any of it runs.
//!
//! `module_finalize(header, sections, module)` (include/linux/moduleloader.h) is the last that the loader does with the
//! headers of the module's file: by then they have the addresses of sections. Where software fills the TLB, a plugin can read
//! only what is in it. So what is missing is read as the loader goes on, which uses all of it: that function goes through
//! the headers, and those after it say in `struct module`, beside the name, how far they are.

use crate::convention::Convention;
use crate::guest::{Cpu, Memory, Target};
use crate::symbols::{Extent, Module, Section};
use std::cell::Cell;
use std::ops::Range;
use vcsan_model::geometry::PAGE_SIZE;

/// From the beginning of `struct module` to its name: a number and a `struct list_head` (include/linux/module.h).
const MODULE_NAME: u64 = 12;
/// Bytes of an `Elf32_Ehdr`, and where it has the number of sections and which of them has their names.
const HEADER_LEN: usize = 52;
const SECTIONS: usize = 48;
const NAMES: usize = 50;
/// Bytes of an `Elf32_Shdr`, and where it has its name, flags, address, and length.
const SECTION_LEN: usize = 40;
const NAME: usize = 0;
const FLAGS: usize = 8;
const ADDRESS: usize = 12;
const LENGTH: usize = 20;
/// `SHF_ALLOC | SHF_EXECINSTR`
const CODE: u32 = 2 | 4;
/// More bytes than a name has.
const MOST_NAME: usize = 1 << 12;
/// Functions of the loader that use what is to be read; compilers inline some of them.
const READERS: [&str; 4] = [
    "module_finalize",
    "load_module",
    "complete_formation",
    "mod_sysfs_setup",
];
/// Blocks of the loader for which what is missing is tried once: it takes longer than to execute them, and what is in a TLB
/// stays there for hundreds of them.
pub const EACH: usize = 8;
/// More modules than are loaded at the same time.
const MOST_LOADING: usize = 16;

/// The name of a loaded module, in its `struct module`. None if it can't be read now.
pub fn module_name(memory: &impl Memory, module: u64) -> Option<String> {
    name(memory, module + MODULE_NAME)
}

/// A string in the guest's memory.
fn name(memory: &impl Memory, at: u64) -> Option<String> {
    let mut name = Vec::new();
    while name.len() < MOST_NAME {
        let from = at + name.len() as u64;
        // The next page may not be there, and need not.
        let mut bytes = vec![0; 64.min(PAGE_SIZE - from % PAGE_SIZE) as usize];
        if !memory.read(from, &mut bytes) {
            return None;
        }
        match bytes.iter().position(|byte| *byte == 0) {
            Some(end) => {
                name.extend(&bytes[..end]);
                return Some(String::from_utf8_lossy(&name).into_owned());
            }
            None => name.extend(bytes),
        }
    }
    None
}

/// A module that is being loaded.
#[derive(Debug)]
struct Loading {
    /// Addresses of the arguments.
    header: u64,
    sections: u64,
    module: u64,
    /// Address of the sections' names, once it is known, and what is still to be read of the sections.
    names: Option<u64>,
    missing: Vec<Missing>,
    /// Sections that have code.
    code: Vec<Section>,
}

/// What is not known of a section.
#[derive(Clone, Debug)]
enum Missing {
    /// All of it: its header lies at this address.
    Header(u64),
    /// Its name, which lies at `name`.
    Name { name: u64, code: Range<u64> },
}

impl Loading {
    /// Reads what is missing. The module, once nothing is.
    fn read(&mut self, memory: &impl Memory, target: Target) -> Option<Module> {
        if self.names.is_none() {
            let mut header = [0; HEADER_LEN];
            if !memory.read(self.header, &mut header) {
                return None;
            }
            let half = |at: usize| target.half([header[at], header[at + 1]]);
            let at = |index: u16| self.sections + u64::from(index) * SECTION_LEN as u64;
            self.names = Some(Header::read(memory, target, at(half(NAMES)))?.address);
            self.missing = (0..half(SECTIONS)).map(at).map(Missing::Header).collect();
        }
        let names = self.names?;
        let memory = Readable {
            memory,
            failed: Cell::default(),
        };
        let sections = &mut self.code;
        self.missing.retain_mut(|missing| {
            if let Missing::Header(at) = *missing {
                match Header::read(&memory, target, at) {
                    None => return true,
                    Some(header) if header.flags & CODE != CODE => return false,
                    Some(header) => {
                        *missing = Missing::Name {
                            name: names + header.name,
                            code: header.address..header.address + header.len,
                        };
                    }
                }
            }
            let Missing::Name { name: at, code } = missing else {
                return true;
            };
            let Some(name) = name(&memory, *at) else {
                return true;
            };
            let code = code.clone();
            sections.push(Section { name, code });
            false
        });
        if !self.missing.is_empty() {
            return None;
        }
        let name = module_name(&memory, self.module)?;
        let mut sections = std::mem::take(&mut self.code);
        sections.sort_by_key(|section| section.code.start);
        Some(Module { name, sections })
    }

    /// What could not be read.
    fn lacks(&self) -> String {
        match (self.names, self.missing.len()) {
            (None, _) => "the header of its file".to_owned(),
            (Some(_), 0) => "its struct module".to_owned(),
            (Some(_), many) => format!("{many} of its sections"),
        }
    }
}
/// What the header of a section says.
struct Header {
    /// Offset of its name among names.
    name: u64,
    flags: u32,
    address: u64,
    len: u64,
}

impl Header {
    /// The header that lies at `at`.
    fn read(memory: &impl Memory, target: Target, at: u64) -> Option<Self> {
        let mut bytes = [0; SECTION_LEN];
        let word = |bytes: &[u8], at: usize| {
            target.word([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        memory.read(at, &mut bytes).then(|| Self {
            name: word(&bytes, NAME).into(),
            flags: word(&bytes, FLAGS),
            address: word(&bytes, ADDRESS).into(),
            len: word(&bytes, LENGTH).into(),
        })
    }
}

/// Memory of which a page that could not be read is not tried again: a module has a thousand sections on a dozen pages.
struct Readable<'a, M> {
    memory: &'a M,
    failed: Cell<[Option<u64>; 2]>,
}

impl<M: Memory> Memory for Readable<'_, M> {
    fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
        let page = vaddr / PAGE_SIZE;
        let [last, before] = self.failed.get();
        if last == Some(page) || before == Some(page) {
            return false;
        }
        let read = self.memory.read(vaddr, into);
        if !read {
            self.failed.set([Some(page), last]);
        }
        read
    }
}

/// Follows the kernel's loader.
#[derive(Debug)]
pub struct Loader {
    target: Target,
    convention: Convention,
    /// Where `module_finalize()` begins.
    finalize: u64,
    /// Code of [`READERS`].
    readers: Vec<Range<u64>>,
    /// Where `do_init_module(module)` begins, which runs the module's own first function.
    init: u64,
    /// Oldest first.
    loading: Vec<Loading>,
    /// Blocks since what is missing was tried last.
    blocks: usize,
}

impl Loader {
    /// The loader of a kernel with these symbols; none if it has none.
    #[must_use]
    pub fn new(target: Target, extent_of: impl Fn(&str) -> Option<Extent>) -> Option<Self> {
        let code = |extent: Extent| extent.address..extent.address + extent.size.max(1);
        Some(Self {
            target,
            convention: Convention::of(target.arch),
            finalize: extent_of("module_finalize")?.address,
            readers: READERS
                .into_iter()
                .filter_map(&extent_of)
                .map(code)
                .collect(),
            init: extent_of("do_init_module")?.address,
            loading: Vec::new(),
            blocks: 0,
        })
    }

    /// Whether [`arrive`](Self::arrive) is to be told of a block that begins at `pc`.
    #[must_use]
    pub fn follows(&self, pc: u64) -> bool {
        pc == self.init || self.readers.iter().any(|code| code.contains(&pc))
    }

    /// The CPU begins a block at `pc`. The module, if all of it is known now: one block of [`EACH`] looks.
    ///
    /// # Errors
    ///
    /// A fragment: a register that can't be read, a module that will run and whose headers could not be read.
    pub fn arrive(&mut self, cpu: &impl Cpu, pc: u64) -> Result<Option<Module>, String> {
        let argument = |number| self.convention.argument(cpu, number);
        if pc == self.finalize {
            let loading = Loading {
                header: argument(0)?,
                sections: argument(1)?,
                module: argument(2)?,
                names: None,
                missing: Vec::new(),
                code: Vec::new(),
            };
            self.loading.retain(|old| old.module != loading.module);
            self.loading.truncate(MOST_LOADING - 1);
            self.loading.push(loading);
            self.blocks = 0;
        }
        if pc == self.init {
            let module = argument(0)?;
            let index = self.loading.iter().position(|one| one.module == module);
            let Some(mut loading) = index.map(|index| self.loading.remove(index)) else {
                return Ok(None);
            };
            return match loading.read(cpu, self.target) {
                Some(module) => Ok(Some(module)),
                None => Err(format!(
                    "read where the code of the module at {module:#x} lies: {} can't be read, name {:?}",
                    loading.lacks(),
                    module_name(cpu, module),
                )),
            };
        }
        let looks = self.blocks.is_multiple_of(EACH);
        self.blocks += 1;
        if !looks {
            return Ok(None);
        }
        for (index, loading) in self.loading.iter_mut().enumerate() {
            if let Some(module) = loading.read(cpu, self.target) {
                self.loading.remove(index);
                return Ok(Some(module));
            }
        }
        Ok(None)
    }
}

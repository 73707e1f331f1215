// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's module loader, followed in a guest whose memory comes and goes as TLBs have it.

use std::cell::Cell;
use std::collections::HashSet;

use vcsan::guest::{Cpu, Memory, Register, Target};
use vcsan::loader::{EACH, Loader};
use vcsan::symbols::{Extent, Module, Section};

const FINALIZE: u64 = 0xc010_0000;
const LOAD: u64 = 0xc010_0200;
const INIT: u64 = 0xc010_1000;
/// Where the file's copy lies, and the module.
const FILE: u64 = 0xd000_0000;
const MODULE: u64 = 0xbf00_1000;
/// Where the headers of sections are in the file, at the end of a page, and their names.
const SECTIONS: u64 = 0x1000 - 60;
const NAMES: u64 = 0x3000 - 8;
/// Names of sections by their offsets.
const TEXT: u32 = 1;
const INIT_TEXT: u32 = 7;
const DATA: u32 = 18;
/// Bytes of each.
const LEN: u64 = 0x20;

/// A guest that loads one module.
struct Guest {
    target: Target,
    file: Vec<u8>,
    module: Vec<u8>,
    /// Pages that can be read.
    there: Option<HashSet<u64>>,
    /// Whether registers can be read.
    registers: Cell<bool>,
}

impl Guest {
    fn new(target: &str) -> Self {
        let target = Target::by_name(target).expect("a target");
        let mut file = vec![0; 0x4000];
        let mut put = |at: u64, bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            if target.big_endian {
                bytes.reverse();
            }
            file[at as usize..at as usize + bytes.len()].copy_from_slice(&bytes);
        };
        // Four sections: none, code, code of the initialisation, data, names.
        put(48, &5_u16.to_le_bytes());
        put(50, &4_u16.to_le_bytes());
        let sections = [
            (0, 0, 0),
            (TEXT, 6, 0xbf00_0000_u32),
            (INIT_TEXT, 6, 0xbf00_4000),
            (DATA, 3, 0xbf00_8000),
            (0, 0, (FILE + NAMES) as u32),
        ];
        for (section, at) in sections.into_iter().zip((SECTIONS..).step_by(40)) {
            let (name, flags, address) = section;
            put(at, &u32::to_le_bytes(name));
            put(at + 8, &u32::to_le_bytes(flags));
            put(at + 12, &u32::to_le_bytes(address));
            put(at + 20, &u32::to_le_bytes(LEN as u32));
        }
        let names = b"\0.text\0.init.text\0.data\0";
        file[NAMES as usize..NAMES as usize + names.len()].copy_from_slice(names);
        let mut module = vec![0; 0x100];
        module[12..17].copy_from_slice(b"heap\0");
        Self {
            target,
            file,
            module,
            there: None,
            registers: Cell::new(true),
        }
    }

    fn loader(&self) -> Loader {
        Loader::new(self.target, extent_of).expect("the kernel has a loader")
    }
}

fn extent_of(name: &str) -> Option<Extent> {
    let (address, size) = match name {
        "module_finalize" => (FINALIZE, 0x100),
        "load_module" => (LOAD, 0x800),
        "do_init_module" => (INIT, 0x200),
        _ => return None,
    };
    Some(Extent { address, size })
}

fn heap() -> Module {
    Module {
        name: "heap".into(),
        sections: [(".text", 0xbf00_0000), (".init.text", 0xbf00_4000)]
            .map(|(name, at)| Section {
                name: name.into(),
                code: at..at + LEN,
            })
            .into(),
    }
}

impl Memory for Guest {
    fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
        let pages = vaddr >> 12..=(vaddr + into.len() as u64 - 1) >> 12;
        if let Some(there) = &self.there
            && !pages.clone().all(|page| there.contains(&page))
        {
            return false;
        }
        [(FILE, &self.file), (MODULE, &self.module)]
            .iter()
            .any(|(base, bytes)| {
                let from = vaddr.wrapping_sub(*base) as usize;
                let found = bytes.get(from..from.wrapping_add(into.len()));
                found.map(|bytes| into.copy_from_slice(bytes)).is_some()
            })
    }
}

impl Cpu for Guest {
    fn register(&self, register: Register) -> Result<u64, String> {
        if !self.registers.get() {
            return Err("read a register".into());
        }
        let arguments: [u8; 3] = match self.target.name {
            "arm" => [0, 1, 2],
            "hppa" => [26, 25, 24],
            _ => [4, 5, 6],
        };
        let values = [FILE, FILE + SECTIONS, MODULE];
        Ok(arguments
            .iter()
            .zip(values)
            .find(|(number, _)| register == Register::General(**number))
            .map_or(0, |(_, value)| value))
    }
}

/// As [`Guest`], where a function of one argument, the module, is entered.
struct Initialises<'a>(&'a Guest);

impl Memory for Initialises<'_> {
    fn read(&self, vaddr: u64, into: &mut [u8]) -> bool {
        self.0.read(vaddr, into)
    }
}

impl Cpu for Initialises<'_> {
    fn register(&self, _: Register) -> Result<u64, String> {
        Ok(MODULE)
    }
}

#[test]
fn a_module_is_known_before_it_runs() {
    for target in ["arm", "mips", "mipsel", "hppa"] {
        let guest = Guest::new(target);
        let mut loader = guest.loader();
        assert_eq!(
            loader.arrive(&guest, FINALIZE),
            Ok(Some(heap())),
            "{target}"
        );
        // Once.
        assert_eq!(loader.arrive(&guest, FINALIZE + 0x10), Ok(None));
        assert_eq!(loader.arrive(&Initialises(&guest), INIT), Ok(None));
    }
}

#[test]
fn only_blocks_of_the_loader_are_followed() {
    let loader = Guest::new("arm").loader();
    for pc in [FINALIZE, FINALIZE + 0xfc, LOAD + 0x7fc, INIT] {
        assert!(loader.follows(pc), "{pc:#x}");
    }
    for pc in [FINALIZE - 4, FINALIZE + 0x100, LOAD + 0x800, INIT + 4] {
        assert!(!loader.follows(pc), "{pc:#x}");
    }
    assert!(Loader::new(Guest::new("arm").target, |_| None).is_none());
}

#[test]
fn what_is_in_no_tlb_is_read_when_it_is() {
    let mut guest = Guest::new("mips");
    let mut loader = guest.loader();
    let pages = [FILE, FILE + 0x1000, FILE + 0x2000, FILE + 0x3000, MODULE];
    // Never more than two at once, and the file's header with each.
    for (number, page) in pages.iter().enumerate() {
        guest.there = Some([FILE >> 12, page >> 12, pages[0] >> 12].into());
        let pc = FINALIZE + 4 * number as u64;
        for _ in 0..EACH {
            assert_eq!(loader.arrive(&guest, pc), Ok(None), "{page:#x}");
        }
    }
    // A section's header that lies in two pages needs both; names are read with their section.
    guest.there = None;
    let found = (0..EACH).find_map(|_| loader.arrive(&guest, LOAD + 0x40).expect("it is read"));
    assert_eq!(found, Some(heap()));
}

/// A look takes longer than a block, and there are hundreds of thousands of them.
#[test]
fn not_each_block_takes_a_look() {
    let mut guest = Guest::new("hppa");
    let mut loader = guest.loader();
    guest.there = Some(HashSet::new());
    assert_eq!(loader.arrive(&guest, FINALIZE), Ok(None));
    guest.there = None;
    for block in 1..EACH {
        assert_eq!(loader.arrive(&guest, LOAD), Ok(None), "{block}");
    }
    assert_eq!(loader.arrive(&guest, LOAD), Ok(Some(heap())));
}

#[test]
fn a_module_that_would_run_unknown_is_said() {
    let mut guest = Guest::new("hppa");
    let mut loader = guest.loader();
    guest.there = Some(HashSet::new());
    assert_eq!(loader.arrive(&guest, FINALIZE), Ok(None));
    let said = loader
        .arrive(&Initialises(&guest), INIT)
        .expect_err("it is not known");
    assert!(said.contains("0xbf001000"), "{said}");
    // It is said once.
    assert_eq!(loader.arrive(&Initialises(&guest), INIT), Ok(None));
}

#[test]
fn a_register_that_cannot_be_read_is_said() {
    let guest = Guest::new("arm");
    guest.registers.set(false);
    assert!(guest.loader().arrive(&guest, FINALIZE).is_err());
}

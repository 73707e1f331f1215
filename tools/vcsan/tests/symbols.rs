// SPDX-License-Identifier: GPL-2.0-only
//! Names and lines from real ELF files: a kernel and a module in small, for each machine (`symbols/build.sh` made them).

use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use vcsan::symbols::{Error, Extent, Line, Location, Module, Section, Symbols};

const ARCHES: [&str; 4] = ["arm", "mips", "mipsel", "hppa"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/symbols")
}

fn kernel(arch: &str) -> Symbols {
    Symbols::load(&fixtures().join(format!("{arch}.vmlinux"))).expect("the kernel has symbols")
}

/// A module, as [`Module`] is printed.
fn module(text: &str) -> Module {
    let mut words = text.split(' ');
    let name = words.next().expect("a name").into();
    let section = |word: &str| {
        let (name, address) = word.split_once("=0x").expect("a section and its address");
        let address = u64::from_str_radix(address, 16).expect("an address");
        Section {
            name: name.into(),
            code: address..address.saturating_add(0x1000),
        }
    };
    Module {
        name,
        sections: words.map(section).collect(),
    }
}

/// The function's name and offset.
fn place(found: Option<Location>) -> Option<(String, u64)> {
    found.map(|location| (location.symbol, location.offset))
}

/// All lines of a function's code, as chains of inlined functions.
fn lines(symbols: &mut Symbols, start: u64, bytes: u64) -> BTreeSet<Vec<(String, u32)>> {
    (start..start + bytes)
        .step_by(4)
        .map(|pc| {
            let found = symbols.find(pc).expect("the function has a name");
            let named = |line: Line| {
                assert_eq!(line.file, "demo.c");
                (line.function.unwrap_or_default(), line.line)
            };
            found.lines.into_iter().map(named).collect()
        })
        .collect()
}

fn chain(lines: &[(&str, u32)]) -> Vec<(String, u32)> {
    lines
        .iter()
        .map(|(function, line)| ((*function).into(), *line))
        .collect()
}

#[test]
fn a_kernel_of_thumb_code_is_known_as_one() {
    let arm = fixtures().join("arm.vmlinux");
    assert!(!Symbols::load(&arm).unwrap().is_thumb());
    // The same file, whose function symbols have bit 0.
    let mut bytes = fs::read(arm).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let table = object::Object::section_by_name(&file, ".symtab").unwrap();
    let (start, len) = object::ObjectSection::file_range(&table).unwrap();
    const FUNCTION: u8 = 2;
    for symbol in bytes[start as usize..(start + len) as usize].chunks_exact_mut(16) {
        if symbol[12] & 0xf == FUNCTION {
            symbol[4] |= 1;
        }
    }
    let thumb = std::env::temp_dir().join(format!("vcsan-thumb-{}", std::process::id()));
    fs::write(&thumb, bytes).unwrap();
    let symbols = Symbols::load(&thumb).unwrap();
    assert!(symbols.is_thumb());
    assert!(symbols.function(0xc000_8004).unwrap().0.ends_with("flush"));
    let found = thumb.with_extension("json");
    fs::write(&found, "{\"access\":{\"pc\":\"0xc0008004\"}}\n").unwrap();
    let says = format!("vmlinux={}", thumb.display());
    let stacks = format!("stacks={}", found.display());
    let options = ["out=/dev/null", "geometry=vipt:32:8192:4", &says, &stacks];
    let options = vcsan::config::Options::parse(options).unwrap();
    let arm = vcsan::guest::Target::by_name("arm").unwrap();
    let refused = vcsan::session::Session::new(&options, arm).err().unwrap();
    assert!(refused.contains("Thumb"), "{refused}");
    fs::remove_file(thumb).unwrap();
    fs::remove_file(found).unwrap();
}

#[test]
fn a_kernels_functions_have_names() {
    for arch in ARCHES {
        let mut symbols = kernel(arch);
        let flush = symbols.find(0xc000_8004).expect("flush is there");
        assert_eq!(
            (flush.symbol.as_str(), flush.offset, flush.size),
            ("demo::heap::flush", 4, 24),
            "{arch}"
        );
        assert_eq!(flush.module, None);
        let raw = symbols.function(0xc000_8004);
        assert_eq!(
            raw,
            Some(("_RNvNtCsbDqzXfLQacH_4demo4heap5flush", 4)),
            "{arch}"
        );
        assert_eq!(
            place(symbols.find(0xc000_0000)),
            Some(("init_module".into(), 0)),
            "{arch}"
        );
        // A label in a function is not its name; one after it is.
        assert_eq!(
            place(symbols.find(0xc000_9004)),
            Some(("flush_all".into(), 4)),
            "{arch}"
        );
        assert_eq!(
            place(symbols.find(0xc000_900b)),
            Some(("flush_end".into(), 3)),
            "{arch}"
        );
    }
}

#[test]
fn addresses_that_are_no_code_have_no_names() {
    for arch in ARCHES {
        let mut symbols = kernel(arch);
        for pc in [
            0,
            0xc000_4000,
            0xc000_7fff,
            0xc000_8030,
            0xc001_0000,
            0xffff_ffff,
            u64::MAX,
        ] {
            assert_eq!(symbols.find(pc), None, "{arch} {pc:#x}");
        }
    }
}

#[test]
fn names_have_addresses() {
    for arch in ARCHES {
        let symbols = kernel(arch);
        assert_eq!(
            symbols.address_of("counter"),
            Some(Extent {
                address: 0xc001_0000,
                size: 4
            }),
            "{arch}"
        );
        assert_eq!(
            symbols.address_of("swapper_pg_dir"),
            Some(Extent {
                address: 0xc000_4000,
                size: 0
            }),
            "{arch}"
        );
        assert_eq!(
            symbols.address_of("flush_all"),
            Some(Extent {
                address: 0xc000_9000,
                size: 8
            }),
            "{arch}"
        );
        assert_eq!(symbols.address_of("$a"), None);
        assert_eq!(symbols.address_of(""), None);
    }
}

#[test]
fn a_kernels_lines_show_what_was_inlined() {
    for arch in ARCHES {
        let mut symbols = kernel(arch);
        let found = lines(&mut symbols, 0xc000_8000, 24);
        assert!(
            found.contains(&chain(&[("touch", 8), ("demo::heap::flush", 14)])),
            "{arch}: {found:?}"
        );
        assert_eq!(symbols.complaints().count(), 0);
        // Assembly without lines.
        assert_eq!(
            symbols.find(0xc000_9000).map(|found| found.lines),
            Some(vec![])
        );
    }
}

#[test]
fn a_module_is_where_the_guest_says() {
    for arch in ARCHES {
        let mut symbols = kernel(arch);
        let loaded = module(&format!(
            "{arch} .text=0xbf000000 .init.text=0xbf004000 .bss=0xbf002000 .data=0xbf003000"
        ));
        symbols
            .add_module(&loaded, &fixtures())
            .expect("the module has symbols");
        let flush = symbols.find(0xbf00_0004).expect("flush is there");
        assert_eq!(
            (flush.symbol.as_str(), flush.offset, flush.size),
            ("demo::heap::flush", 4, 24),
            "{arch}"
        );
        assert_eq!(flush.module.as_deref(), Some(arch));
        let found = lines(&mut symbols, 0xbf00_0000, 24);
        assert!(
            found.contains(&chain(&[("touch", 8), ("demo::heap::flush", 14)])),
            "{arch}: {found:?}"
        );
        let found = lines(&mut symbols, 0xbf00_4000, 40);
        assert!(
            found.contains(&chain(&[("init_module", 20)])),
            "{arch}: {found:?}"
        );
        assert!(
            found.contains(&chain(&[("touch", 8), ("init_module", 21)])),
            "{arch}: {found:?}"
        );
        assert_eq!(
            symbols.complaints().collect::<Vec<_>>(),
            Vec::<String>::new()
        );

        // The section that the note leaves out has no address; the kernel is still there.
        assert_eq!(
            symbols
                .address_of("flush_all")
                .map(|flush_all| flush_all.address),
            Some(0xc000_9000)
        );
        assert_eq!(symbols.find(0), None);
        assert!(
            symbols
                .find(0xc000_8004)
                .is_some_and(|flush| flush.module.is_none())
        );
    }
}

#[test]
fn a_location_reads_like_the_kernels_own() {
    let mut symbols = kernel("arm");
    symbols
        .add_module(&module("arm .text=0xbf000000"), &fixtures())
        .expect("the module has symbols");
    let found = symbols.find(0xbf00_0004).map(|found| found.to_string());
    assert_eq!(
        found.as_deref(),
        Some("demo::heap::flush+0x4/0x18 [arm] demo.c:8")
    );
    let found = symbols.find(0xc000_9009).map(|found| found.to_string());
    assert_eq!(found.as_deref(), Some("flush_end+0x1"));
}

#[test]
fn files_are_named_in_full_where_the_source_is_not_known() {
    for arch in ARCHES {
        let mut symbols = Symbols::none();
        symbols
            .add_module(&module(&format!("{arch} .text=0xbf000000")), &fixtures())
            .expect("the module has symbols");
        let found = symbols.find(0xbf00_0000).expect("flush is there");
        assert_eq!(
            found.line().map(|line| line.file.as_str()),
            Some("/demo/demo.c"),
            "{arch}"
        );
    }
}

#[test]
fn the_line_shown_is_nobodys_library() {
    let line = |file: &str, line| Line {
        function: None,
        file: file.into(),
        line,
    };
    let library = line("/usr/lib/rustlib/src/rust/library/core/src/ptr/mod.rs", 7);
    let (unknown, own) = (
        line("rust/kernel/io.rs", 0),
        line("drivers/dma-buf/heap.rs", 12),
    );
    let mut location = Location {
        module: None,
        symbol: "<Vec<Arc<Pages>>>::dec_len::<u8>".into(),
        offset: 4,
        size: 0,
        lines: vec![
            library.clone(),
            unknown,
            own,
            line("drivers/dma-buf/heap.rs", 90),
        ],
    };
    assert_eq!(
        location.to_string(),
        "<Vec<…>>::dec_len::<…>+0x4 drivers/dma-buf/heap.rs:12"
    );
    location.lines = vec![library];
    assert!(location.to_string().ends_with("/ptr/mod.rs:7"));
}

#[test]
fn the_module_loaded_last_wins() {
    let mut symbols = Symbols::none();
    assert_eq!(symbols.find(0xbf00_0000), None);
    symbols
        .add_module(
            &module("arm .text=0xbf000000 .init.text=0xbf004000"),
            &fixtures(),
        )
        .expect("arm");
    // Another's code where the first one's initialisation was.
    symbols
        .add_module(&module("hppa .text=0xbf004000"), &fixtures())
        .expect("hppa");
    let name = |found: Option<Location>| found.and_then(|found| found.module).unwrap_or_default();
    assert_eq!(name(symbols.find(0xbf00_4000)), "hppa");
    // The first one again, elsewhere.
    symbols
        .add_module(&module("arm .text=0xbf008000"), &fixtures())
        .expect("arm");
    assert_eq!(symbols.find(0xbf00_0000), None);
    assert_eq!(name(symbols.find(0xbf00_8000)), "arm");
    // What ran before keeps its name: of the module that was there then.
    assert_eq!(name(symbols.find_at(0xbf00_4000, 1)), "arm");
    assert_eq!(name(symbols.find_at(0xbf00_4000, 2)), "hppa");
    assert_eq!(symbols.find_at(0xbf00_8000, 0), None);
}

#[test]
fn modules_are_found_in_folders_and_under_either_spelling() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("modules-in-folders");
    let folder = root.join("drivers/dma-buf");
    fs::create_dir_all(&folder).expect("a scratch folder");
    fs::copy(fixtures().join("mips.ko"), folder.join("my-heap_test.ko")).expect("a module's copy");
    let mut symbols = Symbols::none();
    symbols
        .add_module(&module("my_heap_test .text=0xc0000000"), &root)
        .expect("it is found");
    assert!(
        symbols
            .find(0xc000_0000)
            .is_some_and(|found| found.module.as_deref() == Some("my_heap_test"))
    );
    // Code without a file has no name, and not that of a module that was there before.
    let code = symbols.add_module(&module("heap .text=0xc0000000"), &root);
    let covered = code.expect("nothing has to be found");
    assert!(covered[0] == (0xc000_0000..0xc000_1000) && covered.len() == 1);
    assert_eq!(symbols.find(0xc000_0000), None);
    let complaints: Vec<_> = symbols.complaints().collect();
    assert!(complaints[0].starts_with("failed to find heap.ko in "));
    assert!(matches!(
        symbols.add_module(&module("heap"), &root.join("nowhere")),
        Err(Error::Read { .. })
    ));
}

#[test]
fn files_of_another_kind_are_named() {
    let of = |name: &str| Symbols::load(&fixtures().join(name)).expect_err("it is no kernel");
    assert!(
        of("arm.ko")
            .to_string()
            .ends_with("arm.ko: it is not a linked kernel (vmlinux)"),
        "{}",
        of("arm.ko")
    );
    assert!(matches!(of("demo.c"), Error::Elf { .. }));
    assert!(matches!(of("none"), Error::Read { .. }));
}

#[test]
fn a_module_is_printed_with_its_sections() {
    let text = "heap .text=0x7f000000 .init.text=0xffffffff00000000";
    assert_eq!(module(text).to_string(), text);
}

#[test]
fn they_go_where_the_plugin_goes() {
    fn sent<T: Send>() {}
    sent::<Symbols>();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn broken_files_do_not_panic(
        arch in prop::sample::select(&ARCHES[..]),
        is_module: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let extension = if is_module { "ko" } else { "vmlinux" };
        let mut data = fs::read(fixtures().join(format!("{arch}.{extension}"))).expect("the fixture is there");
        for (at, value) in changes {
            let at = at.index(data.len());
            data[at] = value;
        }
        data.truncate(cut.map_or(data.len(), |cut| cut.index(data.len())));
        let folder = tempfile();
        fs::write(folder.join("broken.ko"), data).expect("the broken file can be written");
        let symbols = if is_module {
            let mut symbols = Symbols::none();
            let added = symbols.add_module(&module("broken .text=0xc0008000 .init.text=0xc0000000"), &folder);
            added.map(|_| symbols)
        } else {
            Symbols::load(&folder.join("broken.ko"))
        };
        if let Ok(mut symbols) = symbols {
            for pc in (0xc000_8000..0xc000_8030).chain(0xc000_0000..0xc000_0040) {
                if let Some(found) = symbols.find(pc) {
                    prop_assert!(!found.to_string().is_empty());
                }
            }
        }
    }
}

/// A folder for one test's files.
fn tempfile() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken-files");
    fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

#[test]
fn initialisations_at_the_same_place_are_told_apart() {
    let init = 0xbf00_4000;
    let sections =
        |name: &str, text: u32| module(&format!("{name} .text={text:#x} .init.text={init:#x}"));
    let mut symbols = Symbols::none();
    let is_of = |symbols: &Symbols, name, generation| symbols.is_of(name, init, generation);
    for (name, text) in [("arm", 0xbf00_0000), ("mips", 0xbf00_8000)] {
        symbols
            .add_module(&sections(name, text), &fixtures())
            .expect("a module");
    }
    assert_eq!(symbols.function_at(init, 0), None);
    assert!(is_of(&symbols, "arm", 1) && !is_of(&symbols, "mips", 1));
    assert!(is_of(&symbols, "mips", 2) && !is_of(&symbols, "arm", 2));
}

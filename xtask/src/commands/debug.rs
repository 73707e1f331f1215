// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask debug CELL`: a guest that waits, and gdb that knows its kernel, its modules, and the access that matters.

use std::ffi::OsString;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use serde_json::{Value, json};

use super::repro::Found;
use super::{Context, prepare, test};
use crate::boot::{self, Console, Media, orders};
use crate::cell;
use crate::cli;
use crate::config::Suites;
use crate::debug::memory::{self, Tables};
use crate::exit::{Exit, Failure};
use crate::follow::{End, Limits, follow};
use crate::matrix;
use crate::progress::Progress as _;
use crate::repeat::Repeat;
use crate::report;
use crate::results::Run;
use crate::results::identity::Identity;
use crate::session::{Boot, Selection, Shared};
use crate::toolchain::Toolchain;
use crate::ui::Task;
use crate::vcsan::Findings;
use crate::vcsan::findings::Hazard;
use crate::verdict::Verdict;

/// What gdb runs.
const SCRIPT: &str = include_str!("../debug/guest.py");

/// What that calls.
const UNWINDERS: &str = include_str!("../debug/unwind.py");

/// In the folder of a session: where gdb connects.
const SOCKET: &str = "gdb.sock";

/// The same of QEMU, where gdb does not read its memory directly.
const BEHIND: &str = "qemu.sock";

/// How long QEMU may take until gdb can connect.
const START: Duration = Duration::from_secs(60);

/// How long gdb may take for commands that nobody watches.
const BATCH: Duration = Duration::from_secs(900);

pub(super) fn debug(context: &Context, args: &cli::Debug) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (global, test) = if config.cells.contains_key(&args.what) {
        (context.global.clone(), cli::Test::from(args))
    } else {
        of_a_run(context, args)?
    };
    let context = Context::new(global, Some(&test), context.stop.clone())?;
    session(&context, args, &test)
}

/// The settings of a boot in an earlier run.
fn of_a_run(context: &Context, args: &cli::Debug) -> Result<(cli::Global, cli::Test), Failure> {
    let runs = prepare::cache(context)?.path("runs");
    let found = Found::of(&runs, &args.what).map_err(|failure| {
        let config = context.config();
        let cells = config.map(|c| Vec::from_iter(c.cells.into_keys()).join(", "));
        Failure::usage(format!(
            "{}; a cell is one of {}",
            failure.error,
            cells.unwrap_or_default()
        ))
    })?;
    let mut chosen = found.choose().map_err(Failure::usage)?;
    if chosen.len() > 1 {
        return Err(Failure::usage(
            "failed to choose what to debug: more than one cell failed in that run; name one after a #",
        ));
    }
    let chosen = chosen.pop().expect("what is chosen is one at least");
    let mut repeat = chosen.repeat()?;
    if let Some(filter) = args.filter.as_ref().or(args.break_at.as_ref()) {
        repeat = repeat.filtered(filter.clone());
    }
    println!("{}", repeat.line());
    let Repeat { global, test } = repeat.at(&context.global);
    Ok((global, test))
}

fn session(context: &Context, args: &cli::Debug, test: &cli::Test) -> Result<Exit, Failure> {
    let config = test::config(context, test)?;
    let made = test::made(&config, test)?;
    let mut selection = test::selection(context, &config, &made, test)?;
    selection.sets.truncate(1);
    test::check_filter(&selection)?;
    let boot = selection.boots().next();
    let boot =
        boot.ok_or_else(|| Failure::usage("failed to choose a set of suites: there is none"))?;
    if let Some(why) = boot.excluded() {
        return Err(Failure::usage(format!("failed to boot that: {why}")));
    }
    let task = context.ui.task("setup");
    let debugger = prepare::debugger(context, &task)?;
    let disks = prepare::disks(context, &selection.sets)?;
    let mut prepared = prepare::prepare(context, &task)?;
    let lock = prepared.lock.take();
    drop(task);
    let plugin = test::plugin(context, &selection, &test.suites, None)
        .and_then(|plugin| {
            plugin
                .map(|p| p.publish(&prepared.run.path().join("media")))
                .transpose()
        })
        .map_err(Failure::infra)?;
    let shared = Shared {
        vcsan: plugin.as_ref(),
        disks: disks.as_ref(),
        debug: true,
        ..test::shared(context, &config, &prepared)
    };
    let (media, built) = matrix::media(&shared, boot, |set| {
        orders::of_suites(set, plugin.is_some())
    })?;
    drop(lock);
    let task = context.ui.task(&boot.cell.name);
    let mut hazard = None;
    if args.at_hazard {
        task.step("looking for the access");
        let result = cell::boot_cell(&shared, &selection, boot, &media, &built, 1);
        let folder = result.folder.clone().unwrap_or_default();
        let failed = result.suites.iter().flat_map(|suite| {
            let cases = suite.cases.iter().filter(|c| c.verdict == Verdict::Hazard);
            cases.map(move |case| format!("{}.{}", suite.name, case.name))
        });
        let failed: Vec<String> = failed.collect();
        let findings = Findings::read(&folder.join("vcsan.jsonl")).map_err(Failure::infra)?;
        let Some(found) = chosen(&findings, &failed) else {
            let run = Run::new(Identity::default(), vec![result], 0.0);
            print!("{}", report::text::render(&run));
            return Err(Failure {
                exit: Exit::Tests,
                error: "failed to stop at a hazard: the cache model reports none".into(),
            });
        };
        print!("{}", found.text);
        hazard = Some(Access::of(found, &findings, boot.set).ok_or_else(|| {
            Failure::infra("failed to stop at the hazard: its access has no address")
        })?);
    }
    let session = Session {
        shared: &shared,
        boot,
        media: &media,
        debugger: &debugger,
        folder: prepared.run.path().join("debug"),
    };
    session.run(context, args, &selection, hazard.as_ref(), task)
}

/// The hazard to stop at: the first of a case that failed by one, else the first of all.
fn chosen<'a>(findings: &'a Findings, failed: &[String]) -> Option<&'a Hazard> {
    let of_failed = findings.hazards.iter().find(|hazard| {
        let test = hazard.test.as_ref();
        test.is_some_and(|test| failed.contains(test))
    });
    of_failed.or(findings.hazards.first())
}

/// An instruction to stop at, wherever its module is loaded.
#[derive(Debug, PartialEq, Eq)]
struct Access {
    /// The KUnit case in which it is wrong, if it is one.
    case: Option<String>,
    /// Module and section; none in the kernel itself.
    section: Option<(String, String)>,
    /// From there, or the address.
    offset: u64,
}

impl Access {
    fn of(hazard: &Hazard, findings: &Findings, set: &Suites) -> Option<Access> {
        let pc = hexadecimal(hazard.access.pc.as_deref()?)?;
        let symbol = hazard.access.symbol.as_deref().unwrap_or_default();
        let module = symbol.strip_suffix(']').and_then(|s| s.rsplit_once('['));
        let suite = hazard.test.as_ref().and_then(|test| test.split('.').next());
        let program = set.program.as_ref().and_then(|p| p.suite.as_deref());
        let case = hazard.test.clone().filter(|_| suite != program);
        let Some((_, module)) = module else {
            return Some(Access {
                case,
                section: None,
                offset: pc,
            });
        };
        // The last time that it told where it lies.
        let line = findings.modules.iter().rev().find_map(|line| {
            let (name, sections) = line.split_once(' ')?;
            (name == module).then_some(sections)
        })?;
        let sections = line.split(' ').filter_map(|section| {
            let (name, address) = section.split_once('=')?;
            Some((hexadecimal(address)?, name))
        });
        let (start, name) = sections.filter(|(start, _)| *start <= pc).max()?;
        Some(Access {
            case,
            section: Some((module.to_owned(), name.to_owned())),
            offset: pc - start,
        })
    }

    fn json(&self) -> Value {
        let (module, section) = self.section.clone().unzip();
        json!({"case": self.case, "module": module, "section": section, "offset": self.offset})
    }
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// A guest and who looks into it.
struct Session<'a> {
    shared: &'a Shared<'a>,
    boot: Boot<'a>,
    media: &'a Media,
    debugger: &'a Toolchain,
    /// Its own files.
    folder: PathBuf,
}

impl Session<'_> {
    fn run(
        &self,
        context: &Context,
        args: &cli::Debug,
        selection: &Selection<'_>,
        hazard: Option<&Access>,
        task: Task<'_>,
    ) -> Result<Exit, Failure> {
        fs::create_dir_all(&self.folder).map_err(Failure::infra)?;
        let kernel = &self.shared.config.kernels[&self.boot.set.kernel(self.boot.cell)];
        let (arguments, walked) = match kernel.arch.as_str() {
            "arm" => (["r0", "r1", "r2"], false),
            "mips" => (["a0", "a1", "a2"], true),
            "parisc" => (["r26", "r25", "r24"], true),
            other => {
                return Err(Failure::usage(format!(
                    "failed to debug {}: xtask/src/debug/guest.py does not know in which registers {other} passes arguments",
                    self.boot.cell.name
                )));
            }
        };
        let symbols = self.symbols(&kernel.cross, &self.media.symbols)?;
        let mut modules = serde_json::Map::new();
        for entry in fs::read_dir(&self.media.modules).map_err(Failure::infra)? {
            let file = entry.map_err(Failure::infra)?.path();
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let copy = self.symbols(&kernel.cross, &file)?;
            modules.insert(stem.replace('-', "_"), copy.display().to_string().into());
        }
        let header = fs::read(&symbols).map_err(Failure::infra)?;
        // EI_DATA of its ELF header.
        let big_endian = header.get(5) == Some(&2);
        let tables = walked.then_some(match kernel.arch.as_str() {
            "mips" => Tables::Mips { big_endian },
            _ => Tables::Parisc,
        });
        let socket = if walked { BEHIND } else { SOCKET };
        let settings = json!({
            "arch": kernel.arch,
            "byte_order": if big_endian { "big" } else { "little" },
            "arguments": arguments,
            "symbols": symbols,
            "source": self.shared.tree.dir,
            "modules": modules,
            "break_at": args.break_at,
            "hazard": hazard.map(Access::json),
            "findings": "vcsan.jsonl",
            "commands": args.gdb_command,
            "batch": !args.gdb_command.is_empty(),
        });
        let write = |name: &str, text: String| fs::write(self.folder.join(name), text);
        write("debug.json", settings.to_string()).map_err(Failure::infra)?;
        write("guest.py", SCRIPT.to_owned()).map_err(Failure::infra)?;
        write("unwind.py", UNWINDERS.to_owned()).map_err(Failure::infra)?;

        let console = self.folder.join("console.log");
        let line = cell::command_line(selection, self.boot).map_err(Failure::infra)?;
        let cell = self.boot.cell;
        let mut qemu = boot::arguments(cell, self.media, Console::Log, &line);
        if let Some((plugin, _)) = cell::model(self.shared, self.boot.set) {
            let out = self.folder.join("vcsan.jsonl");
            let [option, mut value] =
                plugin.arguments(cell, &self.media.symbols, &self.media.modules, &out, None);
            value.push(",debugger=on");
            qemu.extend([option, value]);
        }
        let stub = format!("unix:path={socket},server=on,wait=off");
        qemu.extend(["-S".into(), "-gdb".into(), OsString::from(stub)]);
        let qemu = self
            .shared
            .toolchain
            .command(boot::program(cell))
            .args(qemu)
            .dir(&self.folder)
            .expression()
            .stdin_null()
            .stdout_path(&console)
            .stderr_path(self.folder.join("qemu.stderr"))
            // What interrupts gdb at the terminal is not for the guest.
            .before_spawn(|command| {
                command.process_group(0);
                Ok(())
            });
        let qemu = qemu.unchecked().start().map_err(Failure::infra)?;
        let guest = Guest(qemu);
        self.wait_for(&guest, socket, context)?;
        if let Some(tables) = tables {
            let top = self.swapper(&kernel.cross)?;
            self.between(tables, top).map_err(Failure::infra)?;
        }
        // The terminal is gdb's from here on.
        drop(task);
        eprintln!("the guest's console is in {}", console.display());
        let gdb = self
            .debugger
            .command("gdb-multiarch")
            .args(["-nx", "-q", "-x", "unwind.py", "-x", "guest.py"])
            .dir(&self.folder)
            .env(
                "TERM",
                std::env::var_os("TERM").unwrap_or_else(|| "dumb".into()),
            )
            .expression()
            .unchecked();
        let status = if args.gdb_command.is_empty() {
            gdb.run().map_err(Failure::infra)?.status
        } else {
            let limits = Limits {
                total: BATCH * self.shared.patience,
                ..Limits::NONE
            };
            let end = follow(&gdb.stderr_to_stdout(), limits, &context.stop, |piece| {
                print!("{}", String::from_utf8_lossy(piece));
                Ok(())
            });
            match end.map_err(Failure::infra)? {
                End::Ended(status) => status,
                End::Interrupted => return Err(Failure::interrupted()),
                other => {
                    return Err(Failure::infra(format!(
                        "failed to debug the guest: {other:?}"
                    )));
                }
            }
        };
        Ok(if status.success() {
            Exit::Ok
        } else {
            Exit::Tests
        })
    }

    /// A copy of `file` for gdb, which takes addresses of MIPS in the table of address ranges for others than those of its code.
    fn symbols(&self, cross: &str, file: &Path) -> Result<PathBuf, Failure> {
        let to = self.folder.join(file.file_name().unwrap_or_default());
        self.shared
            .toolchain
            .command(format!("{cross}objcopy"))
            .arg("--remove-section=.debug_aranges")
            .args([file, &to])
            .read(self.shared.stop)
            .map_err(Failure::infra)?;
        Ok(to)
    }

    /// Where the kernel's own page tables begin.
    fn swapper(&self, cross: &str) -> Result<u32, Failure> {
        let symbols = self
            .shared
            .toolchain
            .command(format!("{cross}nm"))
            .arg(&self.media.symbols)
            .read(self.shared.stop)
            .map_err(Failure::infra)?;
        let address = symbols.lines().find_map(|line| {
            let (address, name) = line.split_once(' ')?;
            let address = u32::from_str_radix(address, 16).ok()?;
            name.ends_with(" swapper_pg_dir").then_some(address)
        });
        address.ok_or_else(|| {
            Failure::infra("failed to debug the guest: its kernel has no swapper_pg_dir")
        })
    }

    /// Stands between gdb and QEMU, which has offered its end.
    fn between(&self, tables: Tables, top: u32) -> std::io::Result<()> {
        // The path of a socket has a hundred bytes at most, that of the folder may be longer.
        let folder = fs::File::open(&self.folder)?;
        let place = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        let qemu = UnixStream::connect(place.join(BEHIND))?;
        let listener = UnixListener::bind(place.join(SOCKET))?;
        std::thread::spawn(move || {
            let (gdb, _) = listener.accept()?;
            memory::serve(gdb, qemu, tables, top)
        });
        Ok(())
    }

    fn wait_for(&self, guest: &Guest, socket: &str, context: &Context) -> Result<(), Failure> {
        let step = Duration::from_millis(20);
        let mut waited = Duration::ZERO;
        while !self.folder.join(socket).exists() {
            let ended = guest.0.try_wait().map_err(Failure::infra)?;
            if let Some(output) = ended {
                let said = fs::read_to_string(self.folder.join("qemu.stderr"));
                return Err(Failure::infra(format!(
                    "failed to start the guest: QEMU ended with {}: {}",
                    output.status,
                    said.unwrap_or_default().trim()
                )));
            }
            if context.stop.requested() {
                return Err(Failure::interrupted());
            }
            if waited > START * self.shared.patience {
                return Err(Failure::infra(
                    "failed to start the guest: QEMU offers gdb nothing",
                ));
            }
            std::thread::sleep(step);
            waited += step;
        }
        Ok(())
    }
}

/// QEMU, which ends with this.
struct Guest(duct::Handle);

impl Drop for Guest {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::project::Project;
    use crate::vcsan::findings::Party;

    fn hazard(test: &str, pc: &str, symbol: &str) -> Hazard {
        let text = format!(
            r#"{{"title":"stale read","test":"{test}","count":1,"text":"","access":{{"by":"cpu","pc":"{pc}","symbol":"{symbol}"}}}}"#
        );
        serde_json::from_str(&text).expect("a hazard")
    }

    #[test]
    fn an_access_is_found_wherever_its_module_lies() {
        let config = Config::load(&Project::this().configs()).expect("configs/ loads");
        let set = &config.suites["heap"];
        let findings = Findings {
            modules: vec![
                "m .text=0x1000".into(),
                "other .text=0x2000 .init.text=0x7000".into(),
                "m .text=0x2400 .init.text=0x9000".into(),
            ],
            ..Findings::default()
        };
        let access = |hazard| Access::of(&hazard, &findings, set);
        let found = access(hazard("s.c", "0x2410", "f [m]")).expect("an access");
        assert_eq!(found.case.as_deref(), Some("s.c"));
        assert_eq!(found.section, Some(("m".into(), ".text".into())));
        assert_eq!(found.offset, 0x10);
        let init = access(hazard("s.c", "0x9004", "f [m]")).expect("an access");
        assert_eq!(init.section, Some(("m".into(), ".init.text".into())));
        // A program's own cases are no cases of KUnit, and the kernel does not move.
        let kernel = access(hazard(
            "system_heap_rust_processes.c",
            "0xc0001000",
            "memcpy",
        ));
        let kernel = kernel.expect("an access");
        assert_eq!(
            (kernel.case, kernel.section, kernel.offset),
            (None, None, 0xc000_1000)
        );
        assert_eq!(access(hazard("s.c", "0x10", "f [m]")), None);
        let nowhere = Hazard {
            access: Party::default(),
            ..hazard("s.c", "0x1", "f")
        };
        assert_eq!(access(nowhere), None);
    }

    #[test]
    fn what_failed_goes_before_what_was_provoked() {
        let findings = Findings {
            hazards: vec![
                hazard("s.provoked", "0x1", "f"),
                hazard("s.bad", "0x2", "f"),
            ],
            ..Findings::default()
        };
        let test = |failed: &[String]| chosen(&findings, failed).and_then(|h| h.test.clone());
        assert_eq!(test(&["s.bad".into()]).as_deref(), Some("s.bad"));
        assert_eq!(test(&[]).as_deref(), Some("s.provoked"));
        assert_eq!(chosen(&Findings::default(), &[]), None);
    }
}

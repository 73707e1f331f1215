// SPDX-License-Identifier: GPL-2.0-only
//! QEMU that waits, and gdb that knows its kernel and modules.

use std::ffi::OsString;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use serde_json::json;

use super::access::Access;
use super::memory::{self, Tables};
use crate::boot::{self, Console};
use crate::build::scripts;
use crate::cell;
use crate::config::PageTables;
use crate::exit::{Exit, Failure};
use crate::follow::{End, Limits, follow};
use crate::media::Media;
use crate::session::{Boot, Selection, Session};
use crate::toolchain::Toolchain;
use crate::ui::Task;

/// What gdb runs.
const SCRIPT: &str = include_str!("guest.py");

/// What that calls.
const UNWINDERS: &str = include_str!("unwind.py");

/// In the folder of a session: where gdb connects.
const SOCKET: &str = "gdb.sock";

/// The same of QEMU, where gdb does not read its memory directly.
const BEHIND: &str = "qemu.sock";

/// How long QEMU may take until gdb can connect.
const START: Duration = Duration::from_secs(60);

/// How long gdb may take for commands that nobody watches.
const BATCH: Duration = Duration::from_secs(900);

/// A guest and who looks into it.
#[derive(Debug)]
pub(crate) struct DebugSession<'a> {
    /// What the guest is run with.
    pub session: &'a Session<'a>,
    /// Which guest.
    pub boot: Boot<'a>,
    /// What it boots from.
    pub media: &'a Media,
    /// Where gdb is.
    pub debugger: &'a Toolchain,
    /// Its own files.
    pub folder: PathBuf,
}

impl DebugSession<'_> {
    /// Starts the guest and gdb, which stops it at `break_at`, where a case begins, or at the access of `hazard`, and runs
    /// `commands` there, or takes those of whoever sits at the terminal.
    ///
    /// # Errors
    /// One of them can't be started.
    pub fn run(
        &self,
        break_at: Option<&str>,
        commands: &[String],
        selection: &Selection<'_>,
        hazard: Option<&Access>,
        task: Task<'_>,
    ) -> Result<Exit, Failure> {
        fs::create_dir_all(&self.folder).map_err(Failure::infra)?;
        let kernel = &self.session.config.kernels[&self.boot.set.kernel(self.boot.cell)];
        let symbols = self.symbols(&kernel.cross, &self.media.symbols)?;
        let mut modules = serde_json::Map::new();
        for entry in fs::read_dir(&self.media.modules).map_err(Failure::infra)? {
            let file = entry.map_err(Failure::infra)?.path();
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let copy = self.symbols(&kernel.cross, &file)?;
            modules.insert(stem.replace('-', "_"), copy.display().to_string().into());
        }
        let scripts = match &self.media.scripts {
            Some(scripts) => Some(json!({
                "loader": scripts.join(scripts::LOADER),
                "types": self.symbols(&kernel.cross, &scripts.join(scripts::TYPES))?,
            })),
            None => None,
        };
        let header = fs::read(&symbols).map_err(Failure::infra)?;
        // EI_DATA of its ELF header.
        let big_endian = header.get(5) == Some(&2);
        let tables = kernel.debug.page_tables.map(|tables| match tables {
            PageTables::Mips => Tables::Mips { big_endian },
            PageTables::Parisc => Tables::Parisc,
        });
        let socket = if tables.is_some() { BEHIND } else { SOCKET };
        let settings = json!({
            "arch": kernel.arch,
            "byte_order": if big_endian { "big" } else { "little" },
            "arguments": kernel.debug.arguments,
            "symbols": symbols,
            "source": self.session.tree.dir,
            "modules": modules,
            "scripts": scripts,
            "break_at": break_at,
            "hazard": hazard.map(Access::json),
            "findings": "vcsan.jsonl",
            "commands": commands,
            "batch": !commands.is_empty(),
        });
        let write = |name: &str, text: String| fs::write(self.folder.join(name), text);
        write("debug.json", settings.to_string()).map_err(Failure::infra)?;
        write("guest.py", SCRIPT.to_owned()).map_err(Failure::infra)?;
        write("unwind.py", UNWINDERS.to_owned()).map_err(Failure::infra)?;

        let console = self.folder.join("console.log");
        let line = cell::command_line(selection, self.boot).map_err(Failure::infra)?;
        let cell = self.boot.cell;
        let mut qemu = boot::arguments(cell, self.media, Console::Log, &line);
        if let Some((plugin, _)) = cell::model(self.session, self.boot.set) {
            let out = self.folder.join("vcsan.jsonl");
            let [option, mut value] = plugin.arguments(
                cell,
                self.boot.set.linear(cell),
                &self.media.symbols,
                &self.media.modules,
                &out,
                None,
            );
            value.push(",debugger=on");
            qemu.extend([option, value]);
        }
        let stub = format!("unix:path={socket},server=on,wait=off");
        qemu.extend(["-S".into(), "-gdb".into(), OsString::from(stub)]);
        let qemu = self
            .session
            .emulator()
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
        self.wait_for(&guest, socket)?;
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
        let status = if commands.is_empty() {
            gdb.run().map_err(Failure::infra)?.status
        } else {
            let limits = Limits {
                total: BATCH * self.session.patience,
                ..Limits::NONE
            };
            let end = follow(
                &gdb.stderr_to_stdout(),
                limits,
                self.session.stop,
                |piece| {
                    print!("{}", String::from_utf8_lossy(piece));
                    Ok(())
                },
            );
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
        self.session
            .toolchain
            .command(format!("{cross}objcopy"))
            .arg("--remove-section=.debug_aranges")
            .args([file, &to])
            .read(self.session.stop)
            .map_err(Failure::infra)?;
        Ok(to)
    }

    /// Where the kernel's own page tables begin.
    fn swapper(&self, cross: &str) -> Result<u32, Failure> {
        let symbols = self
            .session
            .toolchain
            .command(format!("{cross}nm"))
            .arg(&self.media.symbols)
            .read(self.session.stop)
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

    fn wait_for(&self, guest: &Guest, socket: &str) -> Result<(), Failure> {
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
            if self.session.stop.requested() {
                return Err(Failure::interrupted());
            }
            if waited > START * self.session.patience {
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

// SPDX-License-Identifier: GPL-2.0-only
//! Builds what a guest is booted from: a kernel, the modules with the heap and its tests, the first program, the initramfs.
//!
//! Each kernel has one build folder, outside its tree, that is kept between runs. What was made from the same inputs is
//! not made again: a stamp says so in a millisecond, where `make` takes seconds to find that there is nothing to do.
//! Modules are built as external ones (`make M=`), so that an edit of the heap rebuilds modules and no kernel.

pub mod disks;
mod first_error;
mod host_crates;
mod kconfig;
mod own;
pub mod stamp;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use walkdir::WalkDir;

use crate::boot::{Media, initramfs, orders, uimage};
use crate::cargo;
use crate::config::{Cell, Kernel, Module, Suites};
use crate::follow::{End, Limits, follow};
use crate::progress::Progress as _;
use crate::project::Project;
use crate::stop::Stop;
use crate::toolchain::command::{says_disk_full, says_out_of_memory};
use crate::toolchain::{Failed, Toolchain};
use crate::ui::Task;

use stamp::{Inputs, Stamp, Stamped};

/// In a build folder, the kernel's symbols and line tables.
const SYMBOLS: &str = "vmlinux.symbols";

/// In a build folder, copies of what guests are booted from.
const KEPT: &str = "kept";

/// Below the folder that modules are built in, their copies for guests.
const STRIPPED: &str = "stripped";

/// Line tables, for reports that name source lines: about 5 % of the compilers' time, and the same code.
const LINES: [&str; 3] = [
    "KCFLAGS=-g1",
    "KAFLAGS=-g1",
    "KRUSTFLAGS=-Cdebuginfo=line-tables-only",
];

/// The same for modules in a debugger, which shows their variables too.
const VARIABLES: [&str; 3] = ["KCFLAGS=-g", "KAFLAGS=-g1", "KRUSTFLAGS=-Cdebuginfo=2"];

/// The same where something stands in for rustc: it knows lines, and variables only of C.
const VARIABLES_OF_C: [&str; 3] = [VARIABLES[0], LINES[1], LINES[2]];

/// Why something could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tool says that what it was given is wrong.
    #[error("failed to build {what}:\n{first_error}\nall of it is in {}", log.display())]
    Tool {
        /// Kernel, modules or guest, of which kernel.
        what: String,
        /// The first error and what explains it.
        first_error: String,
        /// The whole output.
        log: PathBuf,
    },
    /// A tool failed for want of room or memory, which says nothing of what it was given.
    #[error("failed to build {what}: {lack}; the tools' output is in {}", log.display())]
    Machine {
        /// Kernel, modules or guest, of which kernel.
        what: String,
        /// What there is not enough of, and what to do.
        lack: &'static str,
        /// The whole output.
        log: PathBuf,
    },
    /// Kconfig does not give what the fragments ask for.
    #[error(
        "failed to configure {kernel}: Kconfig dropped {}; a dependency is missing in this tree or its patches",
        dropped.join(", ")
    )]
    Kconfig {
        /// The kernel's name.
        kernel: String,
        /// The assignments that were asked for and not given.
        dropped: Vec<String>,
    },
    /// Make succeeded and left no result.
    #[error("failed to build {what}: make succeeded, but {} does not exist", missing.display())]
    Missing {
        /// Kernel, modules or guest.
        what: String,
        /// What should be there.
        missing: PathBuf,
    },
    /// The kernel tree does not have the exporter under test.
    #[error(
        "failed to test {exporter}: this kernel tree has no {}, which configs/exporters/{exporter}.yaml names",
        file.display()
    )]
    NoExporter {
        /// Its name.
        exporter: String,
        /// Its code.
        file: PathBuf,
    },
    /// A disk of the guest could not be made.
    #[error("failed to make the guest's disk {id}")]
    Disk {
        /// Its name in the set of suites.
        id: String,
        /// What the tool said.
        source: Failed,
    },
    /// What stands in for rustc could not be built.
    #[error("failed to build what stands in for rustc")]
    Rustc(#[source] cargo::Error),
    /// The user interrupted the build. The next run goes on from there.
    #[error("interrupted")]
    Interrupted,
    /// The system refused something.
    #[error("failed to {what} {}", path.display())]
    Io {
        /// Such as "write".
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Whether the thing built is at fault, rather than the machine or the tools.
    pub fn is_of_the_source(&self) -> bool {
        matches!(
            self,
            Error::Tool { .. }
                | Error::Kconfig { .. }
                | Error::Missing { .. }
                | Error::NoExporter { .. }
                | Error::Rustc(_)
        )
    }
}

/// `path`, if make has made it.
fn exists(what: &str, path: PathBuf) -> Result<PathBuf, Error> {
    if path.is_file() {
        Ok(path)
    } else {
        Err(Error::Missing {
            what: what.to_owned(),
            missing: path,
        })
    }
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

/// Builds for the guests of one kernel.
#[derive(Debug)]
pub struct Builder<'a> {
    /// What is built.
    pub kernel: &'a Kernel,
    /// The tools.
    pub toolchain: &'a Toolchain,
    /// The checkout.
    pub project: &'a Project,
    /// The kernel tree with patches and overlay in it.
    pub tree: &'a Path,
    /// What the tree was before patches and overlay, in a word that changes with it.
    pub tree_id: &'a str,
    /// The kernel's build folder.
    pub dir: &'a Path,
    /// The folders in the tree that hold modules; no kernel depends on them.
    pub module_dirs: &'a [PathBuf],
    /// Held by the one build that compiles what the others copy.
    pub host_crates: &'a Mutex<()>,
    /// A folder of the user's whose files the guest gets in `/folder`.
    pub brought: Option<&'a Path>,
    /// Whether modules are for a debugger.
    pub debug: bool,
    /// Job slots that all makes of this run share.
    pub slots: &'a jobserver::Client,
    /// The user's wish to end it all.
    pub stop: &'a Stop,
    /// Where progress is shown.
    pub task: &'a Task<'a>,
}

/// What [`Builder::build`] has made.
#[derive(Debug, Clone, Default)]
pub struct Built {
    /// The kernel's release, such as `7.3.4`; none where nothing was built.
    pub release: Option<String>,
    /// What the building took now, seconds.
    pub took_s: f64,
}

impl Builder<'_> {
    /// Makes the kernel, all modules and the guest's first program.
    ///
    /// # Errors
    /// [`Error`].
    pub fn build(&self) -> Result<Built, Error> {
        let start = Instant::now();
        fs::create_dir_all(self.dir).map_err(io_error("create", self.dir))?;
        let kernel = self.kernel()?;
        self.modules(&kernel)?;
        self.init()?;
        let release = self.dir.join("include/config/kernel.release");
        let release = fs::read_to_string(&release).map_err(io_error("read", &release))?;
        Ok(Built {
            release: Some(release.trim().to_owned()),
            took_s: start.elapsed().as_secs_f64(),
        })
    }

    /// Puts what a guest of `cell` with the modules of `set`, which is told `orders`, is booted from into `dest`, where no
    /// later build touches it.
    ///
    /// # Errors
    /// [`Error::Missing`] for a module that was not made, [`Error::Io`].
    pub fn publish(
        &self,
        cell: &Cell,
        set: &Suites,
        orders: &dyn Fn(&Suites) -> Vec<String>,
        dest: &Path,
    ) -> Result<Media, Error> {
        fs::create_dir_all(dest).map_err(io_error("create", dest))?;
        if let Some(exporter) = &set.of
            && !self.tree.join(&exporter.file).is_file()
        {
            return Err(Error::NoExporter {
                exporter: exporter.name.clone(),
                file: exporter.file.clone(),
            });
        }
        let with_modules = match &set.own {
            Some(own) => Some(set.with_own_modules(self.own_modules(&own.dir)?)),
            None => None,
        };
        let set = with_modules.as_ref().unwrap_or(set);
        let copy = |file: &Path| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let to = dest.join(format!("{}-{name}", self.kernel.name));
            // Another cell of this kernel may have it there already.
            if !to.exists() {
                let kept = self.keep(&self.dir.join(file))?;
                // Not every file system has links.
                fs::hard_link(&kept, &to)
                    .or_else(|_| fs::copy(&kept, &to).map(drop))
                    .map_err(io_error("copy to", &to))?;
            }
            Ok(to)
        };
        Ok(Media {
            image: match cell.qemu.load {
                Some(load) => self.wrap(&dest.join(format!("{}-uImage", cell.name)), load)?,
                None => copy(&self.kernel.image)?,
            },
            dtb: cell.qemu.dtb.as_deref().map(copy).transpose()?,
            initramfs: self.initramfs(set, &orders(set), dest)?,
            symbols: copy(Path::new(SYMBOLS))?,
            modules: self.copy_modules(set, dest)?,
            loaded: set.tests.iter().map(Module::file_name).collect(),
            disks: Vec::new(),
            devices: set.devices.arguments(&cell.qemu.machine),
        })
    }

    /// A copy of `file` that no build writes to: runs share it, for it is large and the same for all of them until a build
    /// makes another one.
    fn keep(&self, file: &Path) -> Result<PathBuf, Error> {
        let name = file.file_name().unwrap_or_default();
        let kept = self.dir.join(KEPT).join(name);
        // By content: times and sizes may be the same of another build.
        let hash = |path: &Path| -> io::Result<blake3::Hash> {
            let mut hasher = blake3::Hasher::new();
            hasher.update_reader(fs::File::open(path)?)?;
            Ok(hasher.finalize())
        };
        let now = hash(file).map_err(io_error("read", file))?;
        if hash(&kept).is_ok_and(|kept| kept == now) {
            return Ok(kept);
        }
        fs::create_dir_all(self.dir.join(KEPT)).map_err(io_error("create", &kept))?;
        // The old one stays where runs have it.
        let new = kept.with_added_extension("new");
        fs::copy(file, &new).map_err(io_error("copy to", &new))?;
        fs::rename(&new, &kept).map_err(io_error("rename to", &kept))?;
        Ok(kept)
    }

    /// Writes the kernel image with a header that says where it is put.
    fn wrap(&self, to: &Path, load: u32) -> Result<PathBuf, Error> {
        let image = self.dir.join(&self.kernel.image);
        let bare = fs::read(&image).map_err(io_error("read", &image))?;
        fs::write(to, uimage::wrap(&bare, load)).map_err(io_error("write", to))?;
        Ok(to.to_owned())
    }

    /// The kernel image and all that modules are built against.
    fn kernel(&self) -> Result<Stamp, Error> {
        let what = format!("kernel {}", self.kernel.name);
        let mut fragments = String::new();
        for path in &self.kernel.fragments {
            fragments += &fs::read_to_string(path).map_err(io_error("read", path))?;
        }
        let (overlay, patches) = (self.project.overlay(), self.project.patches());
        let module_dirs: Vec<PathBuf> = self
            .module_dirs
            .iter()
            .map(|dir| overlay.join(dir))
            .collect();
        // The kernel's configuration is made from the modules' Kconfig too.
        let of_the_kernel = |file: &Path| {
            file.ends_with("Kconfig") || !module_dirs.iter().any(|dir| file.starts_with(dir))
        };
        let inputs = Inputs::new()
            .text(self.tree_id)
            .text(self.toolchain.id())
            .text(&fragments)
            .text(LINES.join(" "))
            .text(format!(
                "{:?}",
                (
                    &self.kernel.arch,
                    &self.kernel.cross,
                    &self.kernel.targets,
                    &self.kernel.image
                )
            ))
            .files(&overlay, of_the_kernel)
            .map_err(io_error("read", &overlay))?
            .files(&patches, |file| {
                file.extension().is_some_and(|e| e == "patch")
            })
            .map_err(io_error("read", &patches))?;
        let inputs = match self.project.fixes() {
            Some(fixes) => inputs
                .text("fixes")
                .files(&fixes, |file| {
                    file.extension().is_some_and(|e| e == "patch")
                })
                .map_err(io_error("read", &fixes))?,
            None => inputs,
        };
        let inputs = match self.rustc()? {
            Some(rustc) => inputs.file(&rustc).map_err(io_error("read", &rustc))?,
            None => inputs,
        };
        let (stamp, stamped) = (inputs.stamp(), Stamped::new(self.dir, "kernel"));
        let image = self.dir.join(&self.kernel.image);
        if stamped.is(&stamp) && image.is_file() && self.dir.join(SYMBOLS).is_file() {
            return Ok(stamp);
        }
        stamped.forget().map_err(io_error("remove", self.dir))?;

        self.task.step("configuring the kernel");
        let merged = self.dir.join("aliasheap.config");
        fs::write(&merged, &fragments).map_err(io_error("write", &merged))?;
        let log = self.dir.join("kernel.log");
        let allconfig = format!("KCONFIG_ALLCONFIG={}", merged.display());
        self.make(&what, &log, &["allnoconfig", &allconfig])?;
        let config = self.dir.join(".config");
        let given = fs::read_to_string(&config).map_err(io_error("read", &config))?;
        let dropped = kconfig::dropped(&fragments, &given);
        if !dropped.is_empty() {
            return Err(Error::Kconfig {
                kernel: self.kernel.name.clone(),
                dropped,
            });
        }

        self.task.step("building the kernel");
        // Modules are linked by a script that no image needs.
        let targets: Vec<&str> = self
            .kernel
            .targets
            .iter()
            .map(String::as_str)
            .chain(["modules_prepare"])
            .collect();
        let mut turn = Some(
            self.host_crates
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if host_crates::share(self.dir).map_err(io_error("copy host crates to", self.dir))? {
            turn = None;
        }
        self.make_watched(&what, &log, &targets, || {
            if turn.is_some() && host_crates::made(self.dir) {
                turn = None;
            }
        })?;
        exists(&what, image)?;
        // The configuration has no modules of its own, so that all that modules can link to is in the kernel itself.
        let (symbols, exported) = (
            self.dir.join("vmlinux.symvers"),
            self.dir.join("Module.symvers"),
        );
        fs::copy(&symbols, &exported).map_err(io_error("copy", &symbols))?;
        self.symbols()?;
        stamped
            .record(&stamp)
            .map_err(io_error("write", self.dir))?;
        Ok(stamp)
    }

    /// All modules.
    fn modules(&self, kernel: &Stamp) -> Result<(), Error> {
        let what = format!("modules for {}", self.kernel.name);
        let overlay = self.project.overlay();
        for dir in self.module_dirs {
            // The overlay only adds to a tree, so a folder is the one's or the other's.
            let ours = overlay.join(dir);
            let source = if ours.exists() {
                ours
            } else {
                self.tree.join(dir)
            };
            let inputs = Inputs::new()
                .text(kernel.to_string())
                .text(self.debug_information().join(" "));
            let inputs = inputs
                .files(&source, |_| true)
                .map_err(io_error("read", &source))?;
            let out = self.module_out(dir);
            fs::create_dir_all(&out).map_err(io_error("create", &out))?;
            let (stamp, stamped) = (inputs.stamp(), Stamped::new(&out, "modules"));
            if stamped.is(&stamp) {
                continue;
            }
            stamped.forget().map_err(io_error("remove", &out))?;
            self.task.step("building the modules");
            let m = format!("M={}", self.tree.join(dir).display());
            let mo = format!("MO={}", out.display());
            let mut args = vec![m.as_str(), &mo];
            // The last of two that set the same variable counts.
            args.extend(self.debug_information());
            args.push("modules");
            self.make(&what, &self.dir.join("modules.log"), &args)?;
            self.strip(&what, &out)?;
            stamped.record(&stamp).map_err(io_error("write", &out))?;
        }
        Ok(())
    }

    /// What modules are compiled with, for those who look into them.
    fn debug_information(&self) -> [&'static str; 3] {
        match (self.debug, &self.kernel.rustc) {
            (false, _) => LINES,
            (true, None) => VARIABLES,
            (true, Some(_)) => VARIABLES_OF_C,
        }
    }

    /// Where `make M=dir` puts what it makes.
    fn module_out(&self, dir: &Path) -> PathBuf {
        let debug = if self.debug { "-debug" } else { "" };
        let modules = self.dir.join(format!("modules{debug}"));
        // A folder out of tree is known by its absolute path.
        match dir.strip_prefix("/") {
            Ok(below) => modules.join("own").join(below),
            Err(_) => modules.join(dir),
        }
    }

    /// Makes copies of the modules in `out` for guests, which need no line tables.
    fn strip(&self, what: &str, out: &Path) -> Result<(), Error> {
        let stripped = out.join(STRIPPED);
        let modules = WalkDir::new(out)
            .into_iter()
            .filter_map(Result::ok)
            .map(walkdir::DirEntry::into_path)
            .filter(|p| p.extension().is_some_and(|e| e == "ko") && !p.starts_with(&stripped));
        for module in modules {
            let copy = stripped.join(module.strip_prefix(out).unwrap_or(&module));
            let dir = copy.parent().unwrap_or(&stripped);
            fs::create_dir_all(dir).map_err(io_error("create", dir))?;
            let strip = self
                .toolchain
                .command(format!("{}strip", self.kernel.cross))
                .args(["--strip-debug".as_ref(), module.as_os_str()])
                .args(["-o".as_ref(), copy.as_os_str()])
                .expression();
            self.run(what, &self.dir.join("strip.log"), &strip)?;
        }
        Ok(())
    }

    /// The guest's first program.
    fn init(&self) -> Result<PathBuf, Error> {
        let sources = self.project.guest();
        // What guest and kernel share.
        let headers = self.project.overlay().join("include");
        let inputs = Inputs::new()
            .text(self.toolchain.id())
            .text(&self.kernel.cross)
            .files(&sources, |_| true)
            .map_err(io_error("read", &sources))?
            .files(&headers, |_| true)
            .map_err(io_error("read", &headers))?;
        // The kernel has folders of its own in its build folder, `init` among them.
        let dir = self.dir.join("guest");
        fs::create_dir_all(&dir).map_err(io_error("create", &dir))?;
        let (stamp, stamped) = (inputs.stamp(), Stamped::new(&dir, "init"));
        let out = dir.join("init");
        if stamped.is(&stamp) && out.is_file() {
            return Ok(out);
        }
        self.task.step("building the guest's first program");
        let mut files: Vec<PathBuf> = fs::read_dir(&sources)
            .and_then(|dir| dir.map(|entry| entry.map(|e| e.path())).collect())
            .map_err(io_error("read", &sources))?;
        files.retain(|f| f.extension().is_some_and(|e| e == "c"));
        files.sort();
        let mut args: Vec<String> = ["-Os", "-static", "-s", "-Wall", "-Wextra", "-Werror"]
            .map(String::from)
            .to_vec();
        args.push(format!("-I{}", headers.display()));
        args.extend(["-o".to_owned(), out.display().to_string()]);
        args.extend(files.iter().map(|f| f.display().to_string()));
        let gcc = self
            .toolchain
            .command(format!("{}gcc", self.kernel.cross))
            .args(args)
            .expression();
        self.run(
            &format!("the guest's first program for {}", self.kernel.name),
            &dir.join("init.log"),
            &gcc,
        )?;
        stamped.record(&stamp).map_err(io_error("write", &dir))?;
        Ok(out)
    }

    /// The archive that a guest unpacks as its root: the first program, its orders, and the modules of `set`.
    fn initramfs(&self, set: &Suites, orders: &[String], dest: &Path) -> Result<PathBuf, Error> {
        let read = |path: &Path| fs::read(path).map_err(io_error("read", path));
        let init = initramfs::File {
            path: "init".into(),
            mode: 0o755,
            bytes: read(&self.init()?)?,
        };
        let orders = initramfs::File {
            path: orders::FILE.into(),
            mode: 0o644,
            bytes: orders
                .iter()
                .flat_map(|order| [order, "\n"])
                .collect::<String>()
                .into(),
        };
        let mut files = vec![init, orders];
        if let Some(own) = &set.own {
            files.extend(self.own_program(own)?);
        }
        if let Some(program) = &set.program {
            // One of the user's own is absolute, and stays as it is.
            let file = self.project.guest().join("programs").join(&program.file);
            files.push(self.program(&file, program.path().trim_start_matches("/bin/"))?);
        }
        if let Some(folder) = self.brought {
            files.extend(brought(folder).map_err(io_error("copy to the guest", folder))?);
        }
        for module in set.modules() {
            let what = format!("modules for {}", self.kernel.name);
            let stripped = self.module_out(&module.dir).join(STRIPPED);
            let path = exists(&what, stripped.join(&module.file))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.push(initramfs::File {
                path: format!("lib/modules/{name}"),
                mode: 0o644,
                bytes: read(&path)?,
            });
        }
        let out = dest.join(format!("{}-{}.cpio", self.kernel.name, set.name));
        let file = fs::File::create(&out).map_err(io_error("create", &out))?;
        let mut archive = io::BufWriter::new(file);
        initramfs::write(&mut archive, &files)
            .and_then(|()| archive.flush())
            .map_err(io_error("write", &out))?;
        Ok(out)
    }

    /// Puts the modules of `set` where reports find their symbols.
    fn copy_modules(&self, set: &Suites, dest: &Path) -> Result<PathBuf, Error> {
        let dir = dest.join(format!("{}-modules", self.kernel.name));
        fs::create_dir_all(&dir).map_err(io_error("create", &dir))?;
        for module in set.modules() {
            let to = dir.join(module.file.file_name().unwrap_or_default());
            if !to.exists() {
                let from = self.module_out(&module.dir).join(&module.file);
                fs::copy(&from, &to).map_err(io_error("copy to", &to))?;
            }
        }
        Ok(dir)
    }

    /// Keeps of the kernel what names its addresses, without its code.
    fn symbols(&self) -> Result<(), Error> {
        let objcopy = self
            .toolchain
            .command(format!("{}objcopy", self.kernel.cross))
            .arg("--only-keep-debug")
            .arg(self.dir.join("vmlinux"))
            .arg(self.dir.join(SYMBOLS))
            .expression();
        let what = format!("the symbols of {}", self.kernel.name);
        self.run(&what, &self.dir.join("symbols.log"), &objcopy)
    }

    /// What stands in for rustc, if anything does, as it is now and where the tools see it.
    fn rustc(&self) -> Result<Option<PathBuf>, Error> {
        let Some(package) = &self.kernel.rustc else {
            return Ok(None);
        };
        self.task.step("building what stands in for rustc");
        let made = cargo::build_static(package, self.stop).map_err(Error::Rustc)?;
        let (new, program) = (self.dir.join(".rustc"), self.dir.join(package));
        fs::copy(&made, &new).map_err(io_error("copy to", &new))?;
        fs::rename(&new, &program).map_err(io_error("rename to", &program))?;
        Ok(Some(program))
    }

    fn make(&self, what: &str, log: &Path, args: &[&str]) -> Result<(), Error> {
        self.make_watched(what, log, args, || ())
    }

    /// Calls `said` whenever make has printed something.
    fn make_watched(
        &self,
        what: &str,
        log: &Path,
        args: &[&str],
        said: impl FnMut(),
    ) -> Result<(), Error> {
        let mut all = vec![
            "-C".to_owned(),
            self.tree.display().to_string(),
            format!("O={}", self.dir.display()),
            format!("ARCH={}", self.kernel.arch),
            format!("CROSS_COMPILE={}", self.kernel.cross),
            // So that the same inputs give the same image.
            "KBUILD_BUILD_TIMESTAMP=1970-01-01".into(),
            "KBUILD_BUILD_USER=aliasheap".into(),
            "KBUILD_BUILD_HOST=aliasheap".into(),
            "KBUILD_BUILD_VERSION=1".into(),
        ];
        all.extend(LINES.map(str::to_owned));
        if let Some(package) = &self.kernel.rustc {
            let program = self.dir.join(package).display().to_string();
            all.push(format!("RUSTC={program}"));
            all.push(format!("RUSTDOC={program} rustdoc"));
        }
        all.extend(args.iter().map(|&a| a.to_owned()));
        let slots = self.slots.clone();
        let make = self
            .toolchain
            .command("make")
            .args(all)
            .expression()
            .before_spawn(move |command| {
                slots.configure_make(command);
                Ok(())
            });
        self.run_watched(what, log, &make, said)
    }

    /// Runs a tool to its end with all of its output in `log`.
    fn run(&self, what: &str, log: &Path, tool: &duct::Expression) -> Result<(), Error> {
        self.run_watched(what, log, tool, || ())
    }

    fn run_watched(
        &self,
        what: &str,
        log: &Path,
        tool: &duct::Expression,
        mut said: impl FnMut(),
    ) -> Result<(), Error> {
        let mut file = fs::File::create(log).map_err(io_error("create", log))?;
        let mut output = Vec::new();
        let end = follow(&tool.stderr_to_stdout(), Limits::NONE, self.stop, |piece| {
            // The first error is what matters, and the log has all of it.
            output.extend_from_slice(&piece[..piece.len().min(OUTPUT - output.len())]);
            file.write_all(piece)?;
            let piece = String::from_utf8_lossy(piece);
            if let Some(line) = piece.lines().rfind(|l| !l.trim().is_empty()) {
                self.task.detail(&format!("{what}: {}", line.trim()));
            }
            self.task.output(piece.trim_end());
            said();
            Ok(())
        })
        .map_err(io_error("run a tool with its output in", log))?;
        match end {
            End::Ended(status) if status.success() => Ok(()),
            End::Interrupted => Err(Error::Interrupted),
            end => Err(failed(what, log, end, &String::from_utf8_lossy(&output))),
        }
    }
}

/// How much a guest gets of a user's folder, in bytes: half the memory of the smallest.
const BROUGHT: u64 = 64 << 20;

/// All files below `folder`, as the guest has them in `/folder`. Links are followed nowhere.
fn brought(folder: &Path) -> io::Result<Vec<initramfs::File>> {
    let (mut files, mut size) = (Vec::new(), 0);
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry?;
        let data = entry.metadata()?;
        if !data.is_file() {
            continue;
        }
        size += data.len();
        if size > BROUGHT {
            let most = BROUGHT >> 20;
            return Err(io::Error::other(format!("it holds more than {most} MiB")));
        }
        let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        files.push(initramfs::File {
            path: Path::new("folder").join(below).display().to_string(),
            mode: data.permissions().mode() & 0o777,
            bytes: fs::read(entry.path())?,
        });
    }
    Ok(files)
}

/// How much of a tool's output is looked through for its first error, in bytes.
const OUTPUT: usize = 16 << 20;

/// Why a tool failed: what it was given, or the machine.
fn failed(what: &str, log: &Path, end: End, output: &str) -> Error {
    let lack = if says_disk_full(output) {
        Some("the disk is full; make room there, or give another folder with --cache DIR")
    } else if says_out_of_memory(output) || killed(end) {
        Some("a tool was killed or got no memory; try fewer --jobs")
    } else {
        None
    };
    let (what, log) = (what.to_owned(), log.to_owned());
    match lack {
        Some(lack) => Error::Machine { what, lack, log },
        None => Error::Tool {
            what,
            first_error: first_error::first_error(output),
            log,
        },
    }
}

/// Whether nobody but the system can have ended it.
fn killed(end: End) -> bool {
    matches!(end, End::Ended(status) if status.signal() == Some(9) || status.code() == Some(137))
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;
    use crate::verdict::Verdict;

    #[test]
    fn a_folder_is_brought_as_it_is_but_not_beyond_its_bound() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("b")).expect("created");
        fs::write(at("b/run"), "x").expect("written");
        fs::set_permissions(at("b/run"), fs::Permissions::from_mode(0o750)).expect("set");
        std::os::unix::fs::symlink("/etc/passwd", at("link")).expect("linked");
        let files = brought(dir.path()).expect("readable");
        let [file] = files.as_slice() else {
            panic!("{files:?}")
        };
        assert_eq!((file.path.as_str(), file.mode), ("folder/b/run", 0o750));
        assert_eq!(file.bytes, b"x");
        let large = fs::File::create(at("large")).expect("created");
        large.set_len(BROUGHT).expect("it has holes");
        let said = brought(dir.path()).expect_err("too much").to_string();
        assert!(said.contains("more than 64 MiB"), "{said}");
    }

    #[test]
    fn the_machine_is_told_from_the_source() {
        let status = |raw| End::Ended(ExitStatus::from_raw(raw));
        for (output, end, verdict) in [
            (
                "a.c:1:1: error: no\nmake: *** Error 1",
                status(512),
                Verdict::BuildFailed,
            ),
            (
                "/tmp/x.s: Fatal error: can't write 4 bytes: No space left on device",
                status(512),
                Verdict::Infra,
            ),
            (
                "arm-linux-gnueabi-gcc: fatal error: Killed signal terminated program cc1",
                status(512),
                Verdict::Infra,
            ),
            (
                "make[3]: *** [scripts/Makefile.build:1: a.o] Killed\n",
                status(512),
                Verdict::Infra,
            ),
            (
                "cc1: out of memory allocating 65536 bytes",
                status(512),
                Verdict::Infra,
            ),
            ("", status(9), Verdict::Infra),
            (
                "a test called KilledByMe failed",
                status(512),
                Verdict::BuildFailed,
            ),
        ] {
            let error = failed("kernel x", Path::new("x.log"), end, output);
            assert_eq!(Verdict::from(&error), verdict, "{output}: {error}");
        }
    }
}

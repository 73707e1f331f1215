// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask lava CELL`: what a boot of a cell is booted from, and a job by which LAVA boots it and reads its results.
//!
//! The shape of a job is LAVA's own (`lava_common/schemas`, and its documentation of `monitors`).

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::{Value, json};

use super::{Context, named, prepare, test};
use crate::boot;
use crate::cli::{self, QEMU_DEVICE as QEMU};
use crate::config::{Cell, Kernel, Set, yaml};
use crate::exit::{Exit, Failure};
use crate::matrix;
use crate::media::{Media, orders};
use crate::progress::Progress as _;
use crate::session::Boot;

/// What LAVA may take to fetch files and to start a machine, minutes.
const BEFORE_BOOT: u32 = 10;

pub(super) fn lava(context: &Context, args: &cli::Lava) -> Result<Exit, Failure> {
    let mut config = context.config()?;
    if let Some(filter) = &args.filter {
        config.sets.values_mut().for_each(|s| s.narrow(filter));
    }
    let cell = named("cell", &args.cell, &config.cells)?;
    let set = match &args.set {
        Some(name) => Some(named("set of suites", name, &config.sets)?),
        None => config.sets.values().find(|s| s.by_default),
    };
    let set =
        set.ok_or_else(|| Failure::usage("failed to choose a set: configs/suites has no default"))?;
    let suites = set.expected(args.filter.as_deref());
    if suites.is_empty() {
        let filter = args.filter.as_deref().unwrap_or(&set.filter);
        return Err(Failure::usage(crate::config::unknown(
            "suite",
            filter,
            &set.expect,
        )));
    }
    if let Some(filter) = &args.filter {
        crate::cases::check(&context.project, &[set], filter).map_err(Failure::usage)?;
    }
    let task = context.ui.task("setup");
    let mut prepared = prepare::prepare(context, &task)?;
    let lock = prepared.lock.take();
    drop(task);
    let session = test::session(context, &config, &prepared);
    let boot = Boot { at: 0, cell, set };
    let (media, _) = matrix::media(&session, boot, |set| orders::of_suites(set, false))?;
    drop(lock);

    fs::create_dir_all(&args.to).map_err(Failure::infra)?;
    let folder = fs::canonicalize(&args.to).map_err(Failure::infra)?;
    let url = match &args.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("file://{}", folder.display()),
    };
    let filter = args.filter.as_deref().unwrap_or(&set.filter);
    let mut words = vec![format!("kunit.filter_glob={filter}")];
    words.extend(set.command_line.clone());
    let line = boot::command_line(cell, &words).map_err(Failure::infra)?;
    let job = Job {
        cell,
        set,
        suites: order(suites, set, &config.kernels[&cell.kernel]),
        device_type: &args.device_type,
        url: &url,
        files: files(&media, &folder)?,
        line: &line,
    };
    let text = yaml::print(&job.value()).map_err(Failure::infra)?;
    let path = folder.join("job.yaml");
    fs::write(&path, text).map_err(Failure::infra)?;
    let said = format!("{} is a job for {}", path.display(), args.device_type);
    context.ui.task(&cell.name).line(&said);
    Ok(Exit::Ok)
}

/// Names of files beside the job.
struct Files {
    kernel: String,
    ramdisk: String,
    dtb: Option<String>,
}

/// Copies what is booted to `folder`.
fn files(media: &Media, folder: &Path) -> Result<Files, Failure> {
    let copy = |from: &PathBuf| {
        let name = from.file_name().unwrap_or_default();
        let to = folder.join(name);
        fs::copy(from, &to).map_err(Failure::infra)?;
        Ok::<_, Failure>(name.to_string_lossy().into_owned())
    };
    Ok(Files {
        kernel: copy(&media.image)?,
        ramdisk: copy(&media.initramfs)?,
        dtb: media.dtb.as_ref().map(copy).transpose()?,
    })
}

/// The order in which `suites` run: KUnit's by name, as rustc writes the modules of a crate, then the program's. What stands in
/// for rustc has GCC behind it, which writes the last one first.
fn order<'a>(mut suites: Vec<&'a str>, set: &Set, kernel: &Kernel) -> Vec<&'a str> {
    let last = set.program.as_ref().and_then(|p| p.suite.as_deref());
    suites.sort_unstable();
    if kernel.rustc.is_some() {
        suites.reverse();
    }
    suites.sort_by_key(|suite| Some(*suite) == last);
    suites
}

struct Job<'a> {
    cell: &'a Cell,
    set: &'a Set,
    /// In the order in which they run.
    suites: Vec<&'a str>,
    device_type: &'a str,
    /// Of the folder with the files.
    url: &'a str,
    files: Files,
    line: &'a str,
}

impl Job<'_> {
    fn value(&self) -> Value {
        let (deploy, boot, context) = if self.device_type == QEMU {
            self.qemu()
        } else {
            self.board()
        };
        let minutes = u32::try_from(self.set.total_s.div_ceil(60)).unwrap_or(u32::MAX);
        json!({
            "job_name": format!("aliasheap {} {}", self.cell.name, self.set.name),
            "device_type": self.device_type,
            "visibility": "public",
            "priority": "medium",
            "timeouts": {
                "job": {"minutes": minutes + BEFORE_BOOT},
                "action": {"minutes": minutes + BEFORE_BOOT},
                "connection": {"minutes": minutes},
            },
            "context": context,
            "actions": [
                {"deploy": deploy},
                {"boot": boot},
                {"test": {"timeout": {"minutes": minutes}, "monitors": self.monitors()}},
            ],
        })
    }

    /// One for each suite. Where the guest does not get to one, LAVA waits in vain and the job is incomplete.
    fn monitors(&self) -> Vec<Value> {
        let monitor = |suite: &&str| {
            json!({
                "name": suite,
                "start": format!("# Subtest: {suite}[\r\n]"),
                "end": format!(r"\] (?:not )?ok \d+ {suite}\b"),
                "pattern": CASE,
                "fixupdict": {"ok": "pass", "not ok": "fail", "SKIP": "skip"},
            })
        };
        self.suites.iter().map(monitor).collect()
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    fn qemu(&self) -> (Value, Value, Value) {
        let qemu = &self.cell.qemu;
        let mut images = serde_json::Map::new();
        let mut image = |name: &str, argument: String, file: &str| {
            let value = json!({"image_arg": argument, "url": self.file(file)});
            images.insert(name.into(), value);
        };
        let line = self.line;
        let kernel = format!("-kernel {{kernel}} -append '{line}'");
        image("kernel", kernel, &self.files.kernel);
        image("ramdisk", "-initrd {ramdisk}".into(), &self.files.ramdisk);
        if let Some(dtb) = &self.files.dtb {
            image("dtb", "-dtb {dtb}".into(), dtb);
        }
        let mut context = json!({
            "arch": qemu.system,
            "machine": qemu.machine,
            "memory": qemu.memory_mib,
            "no_kvm": 1,
        });
        let mut more = vec!["-no-reboot".to_owned()];
        more.extend(qemu.args.iter().cloned());
        if let Some(cpu) = &qemu.cpu {
            // The device type has a place for it for ARM only.
            if qemu.system == "arm" {
                context["cpu"] = cpu.as_str().into();
            } else {
                more.extend(["-cpu".into(), cpu.clone()]);
            }
        }
        context["extra_options"] = more.into();
        (
            json!({"to": "tmpfs", "images": images}),
            json!({"method": "qemu", "media": "tmpfs"}),
            context,
        )
    }

    /// By U-Boot, which most boards in LAVA's laboratories have.
    fn board(&self) -> (Value, Value, Value) {
        let kind = match self.cell.qemu.load {
            Some(_) => "uimage",
            None => "image",
        };
        let mut deploy = json!({
            "to": "tftp",
            "kernel": {"url": self.file(&self.files.kernel), "type": kind},
            "ramdisk": {
                "url": self.file(&self.files.ramdisk),
                "header": "u-boot",
                "install_modules": false,
                "install_overlay": false,
            },
        });
        if let Some(dtb) = &self.files.dtb {
            deploy["dtb"] = json!({"url": self.file(dtb)});
        }
        // The console is the device's own.
        let words: Vec<&str> = self.line.split(' ').collect();
        let words = words.into_iter().filter(|w| !w.starts_with("console="));
        (
            deploy,
            json!({"method": "u-boot", "commands": "ramdisk"}),
            json!({"extra_kernel_args": Vec::from_iter(words).join(" ")}),
        )
    }
}

/// The line of a case, whole, with its result: `SKIP` where it says so, else the words at its beginning.
const CASE: &str = r"\] {5}(?=(?:ok \d+ \S+ # (?=SKIP))?(?P<result>SKIP|ok|not ok))(?:not )?ok \d+ (?P<test_case_id>\S+)[^\r\n]*[\r\n]";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::project::Project;

    fn job(cell: &str, device_type: &str) -> Value {
        let config = Config::load(&Project::this().configs()).expect("configs/ loads");
        let set = &config.sets["heap"];
        let files = Files {
            kernel: "kernel".into(),
            ramdisk: "cpio".into(),
            dtb: Some("dtb".into()),
        };
        let cell = &config.cells[cell];
        let job = Job {
            cell,
            set,
            suites: order(set.expected(None), set, &config.kernels[&cell.kernel]),
            device_type,
            url: "file:///t",
            files,
            line: "console=ttyS0 panic=-1",
        };
        job.value()
    }

    #[test]
    fn a_board_has_its_own_console_and_qemu_the_machine_of_the_cell() {
        let board = job("arm-vivt", "versatile");
        assert_eq!(board["context"]["extra_kernel_args"], "panic=-1");
        assert_eq!(board["actions"][0]["deploy"]["kernel"]["type"], "uimage");
        let qemu = job("mips-be", QEMU);
        assert_eq!(qemu["context"]["machine"], "malta");
        let more = qemu["context"]["extra_options"].to_string();
        assert!(more.contains(r#""-cpu","P5600""#), "{more}");
    }

    #[test]
    fn suites_are_waited_for_as_they_run_and_the_programs_last() {
        let names = |cell: &str| -> Vec<String> {
            let job = job(cell, QEMU);
            let monitors = job["actions"][2]["test"]["monitors"].as_array();
            let names = monitors.expect("monitors").iter().map(|m| &m["name"]);
            let name = |name: &Value| {
                name.as_str()
                    .expect("a name")
                    .replace("system_heap_rust_", "")
            };
            names.map(name).collect()
        };
        let arm = names("arm-vivt");
        let mut parisc = names("parisc");
        assert_eq!(arm.len(), 14);
        assert_eq!(
            (&*arm[0], &*arm[12], &*arm[13]),
            ("allocation", "vmap", "processes")
        );
        assert_eq!(
            (&*parisc[0], &*parisc[12], &*parisc[13]),
            ("vmap", "allocation", "processes")
        );
        parisc[..13].reverse();
        assert_eq!(arm, parisc);
    }
}

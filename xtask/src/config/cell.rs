// SPDX-License-Identifier: GPL-2.0-only
//! A cell: one kernel on one machine whose CPU has one kind of data cache.

use std::path::{Path, PathBuf};

use aliasheap_kernel::model::CPUS;
use aliasheap_kernel::mutation;
use regex::bytes::Regex;
use serde::Deserialize;
use vcsan_model::{Geometry, LinearMap};

use super::yaml::{self, Error};

/// What a cell is in the matrix for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Its data cache aliases: a missing maintenance step is a hazard here.
    Aliasing,
    /// Its data cache does not alias: the same suites must show nothing.
    Control,
}

/// How the CPU's data cache finds a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DCache {
    /// Virtually indexed, virtually tagged.
    Vivt,
    /// Virtually indexed, physically tagged; it aliases where a way is larger than a page.
    Vipt,
    /// Physically indexed.
    Pipt,
}

/// The QEMU machine of a cell.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Qemu {
    /// `arm` for qemu-system-arm.
    pub system: String,
    /// `-M`
    pub machine: String,
    /// `-cpu`; the machine's own default where it is not said.
    pub cpu: Option<String>,
    /// `-m`, MiB.
    pub memory_mib: u32,
    /// Physical address at which the kernel image must be put, where QEMU does not know.
    pub load: Option<u32>,
    /// `-dtb`, a path in the build folder.
    pub dtb: Option<PathBuf>,
    /// Further arguments.
    #[serde(default)]
    pub args: Vec<String>,
}

/// A guest needs no more memory than this, MiB.
const MEMORY_LIMIT_MIB: u32 = 256;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    summary: String,
    #[serde(default = "by_default")]
    by_default: bool,
    role: Role,
    kernel: String,
    dcache: DCache,
    qemu: Qemu,
    console: String,
    command_line: Option<String>,
    #[serde(default = "command_line_max")]
    command_line_max: usize,
    geometry: String,
    cpu: String,
    speculates: bool,
    linear: Option<String>,
    proof: String,
}

/// Most cells are run by whoever names none.
fn by_default() -> bool {
    true
}

/// `COMMAND_LINE_SIZE` of arm and parisc.
fn command_line_max() -> usize {
    1024
}

/// A cell, checked.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The file's stem, such as `arm-vivt`.
    pub name: String,
    /// CPU and machine in words.
    pub summary: String,
    /// Whether it runs when no cell is named.
    pub by_default: bool,
    /// Aliasing or control.
    pub role: Role,
    /// The name of its kernel in `configs/kernels`.
    pub kernel: String,
    /// The kind of its data cache.
    pub dcache: DCache,
    /// The machine.
    pub qemu: Qemu,
    /// The kernel's console device, such as `ttyAMA0`.
    pub console: String,
    /// What else this machine's kernel is told on its command line.
    pub command_line: Option<String>,
    /// More than so many bytes of command line would not reach its kernel whole.
    pub command_line_max: usize,
    /// The data cache as the cache model is told of it: `KIND:LINE:WAY:WAYS`, bytes.
    pub geometry: String,
    /// The CPU as the host's model of the caches, [`aliasheap_kernel::model`], calls it.
    pub cpu: String,
    /// Whether the CPU may fill a line of any mapped alias at any moment, with no access.
    pub speculates: bool,
    /// Where the kernel maps all memory for good, `VIRTUAL:PHYSICAL:BYTES`: what the model's speculation starts from. None where
    /// the CPU does not speculate, or where that map goes through the TLB like others.
    pub linear: Option<String>,
    /// What the kernel must print of its cache; a run without it is `not-proven`.
    pub proof: Regex,
}

pub(super) fn load(path: &Path, name: &str) -> Result<Cell, Error> {
    let raw: Raw = yaml::load(path)?;
    let value = |key: &str, message: String| Error::value(path, key, message);
    let proof = Regex::new(&raw.proof)
        .map_err(|e| value("proof", format!("is not a regular expression: {e}")))?;
    if proof.is_match(b"") {
        return Err(value(
            "proof",
            "matches an empty log, so it would prove nothing".into(),
        ));
    }
    if !(1..=MEMORY_LIMIT_MIB).contains(&raw.qemu.memory_mib) {
        return Err(value(
            "qemu.memory_mib",
            format!("must lie between 1 and {MEMORY_LIMIT_MIB}"),
        ));
    }
    if raw.role == Role::Aliasing && raw.dcache == DCache::Pipt {
        return Err(value(
            "role",
            "can't be `aliasing` where `dcache` is `pipt`".into(),
        ));
    }
    if raw.speculates && raw.dcache == DCache::Vivt {
        return Err(value(
            "speculates",
            "can't be `true` where `dcache` is `vivt`: no cache with virtual tags does that".into(),
        ));
    }
    let geometry = raw.geometry.parse::<Geometry>();
    let geometry = geometry.map_err(|e| value("geometry", format!("won't do: failed to {e}")))?;
    if geometry.aliases() != (raw.role == Role::Aliasing) {
        let message = "is not of the kind that `role` says: aliasing or not";
        return Err(value("geometry", message.into()));
    }
    if let Some(map) = &raw.linear {
        let map = map.parse::<LinearMap>();
        map.map_err(|e| value("linear", format!("won't do: failed to {e}")))?;
    }
    let Some(cpu) = mutation::cpu_of(&raw.cpu) else {
        let names: Vec<String> = CPUS.iter().map(|c| c.name.to_owned()).collect();
        let unknown = super::unknown("CPU", &raw.cpu, &names);
        return Err(value("cpu", format!("names an {unknown}")));
    };
    if cpu.speculates != raw.speculates || cpu.aliases != (raw.role == Role::Aliasing) {
        return Err(value(
            "cpu",
            format!(
                "is one that, as the host's model knows it, {} and {}",
                if cpu.aliases {
                    "aliases"
                } else {
                    "does not alias"
                },
                if cpu.speculates {
                    "speculates"
                } else {
                    "does not speculate"
                },
            ),
        ));
    }
    Ok(Cell {
        name: name.to_owned(),
        summary: raw.summary,
        by_default: raw.by_default,
        role: raw.role,
        kernel: raw.kernel,
        dcache: raw.dcache,
        qemu: raw.qemu,
        console: raw.console,
        command_line: raw.command_line,
        command_line_max: raw.command_line_max,
        geometry: raw.geometry,
        cpu: raw.cpu,
        speculates: raw.speculates,
        linear: raw.linear,
        proof,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "summary: s\nrole: aliasing\nkernel: k\ndcache: vivt\nconsole: ttyS0\ngeometry: vivt:32:4096:4\n\
        cpu: arm926\nspeculates: false\nproof: VIVT\nqemu: {system: arm, machine: versatilepb, memory_mib: 128}\n";

    fn load_text(text: &str) -> Result<Cell, Error> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("c.yaml");
        fs_err::write(&path, text).expect("the file is written");
        load(&path, "c")
    }

    #[test]
    fn a_valid_cell_loads() {
        let cell = load_text(VALID).expect("valid");
        assert_eq!((cell.kernel.as_str(), cell.by_default), ("k", true));
        let text = format!("{VALID}by_default: false\n");
        assert!(!load_text(&text).expect("valid").by_default);
    }

    #[test]
    fn a_proof_that_any_log_meets_is_refused() {
        let said = load_text(&VALID.replace("proof: VIVT", "proof: '.*'"))
            .unwrap_err()
            .to_string();
        assert!(said.contains("`proof` matches an empty log"), "{said}");
    }

    #[test]
    fn an_aliasing_cell_without_aliases_is_refused() {
        let said = load_text(&VALID.replace("dcache: vivt", "dcache: pipt"))
            .unwrap_err()
            .to_string();
        assert!(said.contains("`role`"), "{said}");
    }

    #[test]
    fn a_cpu_that_the_model_knows_otherwise_is_refused() {
        for (from, to) in [
            ("cpu: arm926", "cpu: arm1176"),
            ("cpu: arm926", "cpu: 24Kf"),
            ("cpu: arm926", "cpu: arm925"),
        ] {
            let said = load_text(&VALID.replace(from, to)).unwrap_err().to_string();
            assert!(said.contains("`cpu`"), "{said}");
        }
    }

    #[test]
    fn a_cache_with_virtual_tags_that_speculates_is_refused() {
        let said = load_text(&VALID.replace("speculates: false", "speculates: true"))
            .unwrap_err()
            .to_string();
        assert!(said.contains("`speculates`"), "{said}");
    }

    #[test]
    fn a_guest_beyond_the_memory_limit_is_refused() {
        let said = load_text(&VALID.replace("128", "512"))
            .unwrap_err()
            .to_string();
        assert!(said.contains("`qemu.memory_mib`"), "{said}");
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! The plugin's arguments: `out=FILE,geometry=KIND:…[,…]`, each `key=value`.

use std::path::PathBuf;
use vcsan_model::{Config, Geometry, LinearMap, Mode};

/// What is reported on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watch {
    /// What notes of the guest name.
    Notes,
    /// Everything.
    All,
    /// What the kernel maps for devices by the streaming DMA API, which also says when they transfer.
    Dma,
    /// A physical range.
    Range {
        /// Its first address.
        first: u64,
        /// Bytes.
        len: u64,
    },
    /// An object of the kernel, by the name of its symbol.
    Symbol(String),
}

/// Everything that the plugin is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where findings go; a text for people goes next to it.
    pub out: PathBuf,
    /// The cache. Its geometry is that of nothing in particular if that is to be found out.
    pub model: Config,
    /// `geometry=` as given, or `auto`.
    pub geometry: String,
    /// The kernel, with symbols.
    pub vmlinux: Option<PathBuf>,
    /// A folder with its modules.
    pub modules: Option<PathBuf>,
    /// What is reported on.
    pub watch: Vec<Watch>,
    /// Findings that are not to be reported.
    pub suppress: Option<PathBuf>,
    /// What an earlier run of the same guest has found: of these accesses and calls the stacks are wanted.
    pub stacks: Option<PathBuf>,
    /// QEMU's status when it ends, if something was found, or the run proves nothing.
    pub exit: Option<u8>,
    /// A debugger stops the guest, and must then find all records of what it did before.
    pub debugger: bool,
    /// Whether instructions are counted, for a guest that measures.
    pub count: bool,
}

const KNOWN: &str = "out, geometry, mode, coherent, linear, vmlinux, modules, watch, suppress, stacks, exit, debugger, count";

/// To be found out.
const AUTO: &str = "auto";
/// Until then.
const UNKNOWN: &str = "pipt:32:4096:4";

impl Options {
    /// Whether the cache's geometry is to be found out from what the kernel reads.
    #[must_use]
    pub fn finds_geometry(&self) -> bool {
        self.geometry == AUTO
    }

    /// Reads the arguments.
    ///
    /// # Errors
    ///
    /// A fragment that says what is wrong with which one.
    pub fn parse<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let (mut out, mut geometry, mut vmlinux, mut modules) = (None, None, None, None);
        let (mut mode, mut coherent, mut linear) = (Mode::Architectural, false, None);
        let (mut watch, mut suppress, mut exit) = (Vec::new(), None, None);
        let mut stacks = None;
        let mut debugger = false;
        let mut count = false;
        for argument in arguments {
            let (key, value) = argument
                .split_once('=')
                .ok_or_else(|| format!("understand {argument:?}: arguments are key=value"))?;
            match key {
                "out" => out = Some(PathBuf::from(value)),
                "geometry" => geometry = Some(value),
                "vmlinux" => vmlinux = Some(PathBuf::from(value)),
                "modules" => modules = Some(PathBuf::from(value)),
                "mode" => {
                    mode = match value {
                        "architectural" => Mode::Architectural,
                        "speculative" => Mode::Speculative,
                        _ => return Err(not_one_of(argument, "architectural or speculative")),
                    }
                }
                "coherent" => coherent = switch(argument, value)?,
                "debugger" => debugger = switch(argument, value)?,
                "linear" => {
                    let map = value.parse::<LinearMap>();
                    linear = Some(map.map_err(|e| format!("{e} ({argument})"))?);
                }
                "count" => match value {
                    "instructions" => count = true,
                    _ => return Err(not_one_of(argument, "instructions")),
                },
                "watch" => watch.push(watch_of(argument, value)?),
                "suppress" => suppress = Some(PathBuf::from(value)),
                "stacks" => stacks = Some(PathBuf::from(value)),
                "exit" => {
                    exit = match value.parse() {
                        Ok(status @ 1..) => Some(status),
                        _ => return Err(not_one_of(argument, "a status from 1 to 255")),
                    }
                }
                _ => return Err(format!("understand {argument:?}: known are {KNOWN}")),
            }
        }
        let text = geometry.unwrap_or(AUTO);
        let geometry = if text == AUTO { UNKNOWN } else { text };
        let geometry: Geometry = geometry
            .parse()
            .map_err(|e| format!("{e} (geometry={geometry})"))?;
        let mut model = Config::new(geometry);
        (model.mode, model.coherent_devices, model.linear) = (mode, coherent, linear);
        if watch.is_empty() {
            watch.push(Watch::Notes);
        }
        Ok(Self {
            out: out.ok_or("start: say out=FILE, where findings go")?,
            model,
            geometry: text.to_owned(),
            vmlinux,
            modules,
            watch,
            suppress,
            stacks,
            exit,
            debugger,
            count,
        })
    }
}

fn switch(argument: &str, value: &str) -> Result<bool, String> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(not_one_of(argument, "on or off")),
    }
}

fn not_one_of(argument: &str, values: &str) -> String {
    format!("understand {argument:?}: give {values}")
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn watch_of(argument: &str, value: &str) -> Result<Watch, String> {
    Ok(match value {
        "notes" => Watch::Notes,
        "all" => Watch::All,
        "dma" => Watch::Dma,
        _ => match value.split_once('+') {
            Some((first, len)) => match (number(first), number(len)) {
                (Some(first), Some(len)) if len != 0 => Watch::Range { first, len },
                _ => {
                    return Err(not_one_of(
                        argument,
                        "notes, dma, all, 0xADDRESS+0xLENGTH or a symbol",
                    ));
                }
            },
            None if value.starts_with(|first: char| first.is_ascii_digit()) => {
                return Err(not_one_of(argument, "a range as 0xADDRESS+0xLENGTH"));
            }
            None => Watch::Symbol(value.to_owned()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, String> {
        Options::parse(text.split(','))
    }

    #[test]
    fn a_matrix_run() {
        let options = parse(
            "out=/run/vcsan.jsonl,geometry=vipt:32:8192:4,mode=speculative,coherent=off,linear=0x80000000:0:0x8000000,vmlinux=v,modules=m",
        )
        .unwrap();
        assert_eq!(options.model.geometry, Geometry::vipt(32, 8192, 4).unwrap());
        assert_eq!(options.model.mode, Mode::Speculative);
        assert_eq!(options.model.linear.unwrap().len, 0x800_0000);
        assert_eq!(options.watch, [Watch::Notes]);
    }

    #[test]
    fn geometry_is_found_out_unless_it_is_given() {
        assert!(parse("out=o").unwrap().finds_geometry());
        assert!(parse("out=o,geometry=auto").unwrap().finds_geometry());
        for text in ["vivt:32:4096:4", "pipt:64:8192:2", "parisc:32:4194304"] {
            let given = parse(&format!("out=o,geometry={text}")).unwrap();
            assert!(!given.finds_geometry());
            assert_eq!(given.model.geometry.to_string(), text);
        }
    }

    #[test]
    fn what_to_watch() {
        let options = parse(
            "out=o,geometry=pipt:64:8192:2,coherent=on,debugger=on,watch=0x1000+0x20,watch=fb_buffer,watch=all",
        )
        .unwrap();
        let range = Watch::Range {
            first: 0x1000,
            len: 0x20,
        };
        assert_eq!(
            options.watch,
            [range, Watch::Symbol("fb_buffer".into()), Watch::All]
        );
        assert!(options.model.coherent_devices && options.debugger);
        assert_eq!(options.stacks, None);
        let again = parse("out=o,stacks=found.json").unwrap();
        assert_eq!(again.stacks, Some("found.json".into()));
    }

    #[test]
    fn errors_name_argument_and_remedy() {
        for (arguments, says) in [
            ("geometry=vivt:32:4096:4", "say out=FILE"),
            ("out=o,geometry=vivt:32", "vivt|vipt|pipt"),
            ("out=o,geometry=vivt:33:4096:4", "16, 32 or 64"),
            (
                "out=o,geometry=vivt:32:4096:4,linear=0:0",
                "VIRTUAL:PHYSICAL:LENGTH",
            ),
            (
                "out=o,geometry=pipt:64:8192:2,mode=fast",
                "architectural or speculative",
            ),
            (
                "out=o,geometry=pipt:64:8192:2,count=lines",
                "give instructions",
            ),
            (
                "out=o,geometry=pipt:64:8192:2,watch=12",
                "0xADDRESS+0xLENGTH",
            ),
            ("out=o,geometry=pipt:64:8192:2,wach=all", "known are"),
            ("out=o,geometry=pipt:64:8192:2,exit=0", "from 1 to 255"),
            ("out=o,geometry=pipt:64:8192:2,exit=256", "from 1 to 255"),
            ("out", "key=value"),
        ] {
            let error = parse(arguments).unwrap_err();
            assert!(error.contains(says), "{arguments}: {error}");
        }
    }
}

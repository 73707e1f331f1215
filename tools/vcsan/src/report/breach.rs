// SPDX-License-Identifier: GPL-2.0-only
//! What breaks the contract of the DMA API, in words.

use super::hazard::{Described, Describer};
use crate::contract::Breach;
use crate::finding::CapturedBreach;

fn cause(breach: Breach) -> &'static str {
    match breach {
        Breach::Write => {
            "the CPU's line may be written back over what the device writes, or dropped when the buffer is taken back"
        }
        Breach::Read => {
            "the line that the CPU reads may stay in the cache when the device has written"
        }
        Breach::SharedLine => {
            "the whole line is written back or invalidated: either what the device writes or what the CPU wrote may be lost"
        }
        Breach::NotSynced => {
            "nothing says when the write reaches memory: the device may read what was there before"
        }
        Breach::NotMapped => "the call maintains memory that no mapping hands to a device",
        Breach::Direction => "the maintenance is that of another direction",
        Breach::Length => {
            "some of the maintenance is missing, or is done to somebody else's memory"
        }
        Breach::Entries => "the other entries stay mapped, and are not maintained for the CPU",
        Breach::NotHandedBack => {
            "the CPU has used it since it took it: what is in its cache by that stays there when the device has written"
        }
        Breach::MappedAgain => {
            "two mappings that a device writes through are maintained for one and drop what the other one brought"
        }
        Breach::Freed => "the device goes on reading or writing what belongs to somebody else now",
        Breach::LeftBehind => "nobody will unmap it, and its device may still read or write it",
    }
}

fn missing(breach: Breach) -> &'static str {
    match breach {
        Breach::Write | Breach::Read => {
            "dma_unmap_*() or dma_sync_*_for_cpu() before the access, and dma_sync_*_for_device() after it"
        }
        Breach::SharedLine => {
            "align the buffer and its length to cache lines, as kmalloc() does to ARCH_DMA_MINALIGN, or keep it apart (____cacheline_aligned)"
        }
        Breach::NotMapped => "dma_map_*() before the call, or no call after dma_unmap_*()",
        Breach::Direction => "the direction with which the memory was mapped",
        Breach::Length => {
            "the address and the length with which the memory was mapped, or a part of them"
        }
        Breach::NotSynced => {
            "dma_sync_*_for_device() between the write and the transfer, or the write before dma_map_*()"
        }
        Breach::Entries => {
            "the number of entries that was given to dma_map_sg(), not the one that it returned"
        }
        Breach::NotHandedBack => "dma_sync_*_for_device() when the CPU is done with it",
        Breach::MappedAgain => "dma_unmap_*() before the memory is mapped again",
        Breach::Freed => "dma_unmap_*() before the memory is freed",
        Breach::LeftBehind => "dma_unmap_*() before the module is unloaded",
    }
}

impl Describer<'_> {
    /// Puts a breach of the contract into words.
    pub(super) fn describe_breach(&mut self, captured: &CapturedBreach) -> Described {
        let CapturedBreach {
            broken,
            request,
            area,
            ..
        } = captured;
        let title = broken.breach.title(*request).to_owned();
        let by = if captured.vaddr.is_some() {
            "cpu"
        } else {
            "call"
        };
        let access = self.party(by, captured.site, captured.vaddr, area.first);
        let mapping = broken
            .mapped_by
            .map(|site| self.party("call", site, None, area.first));
        let (mut access, mut mapping) = (access, mapping);
        self.add_stacks(&captured.stacks, &mut access, mapping.as_mut());
        let headline = match access.symbol.as_deref() {
            Some(function) => format!("VCSan: {title} in {function}"),
            None => format!("VCSan: {title} in unknown code"),
        };
        let mut described = Described {
            title,
            headline,
            test: captured.test.clone(),
            access,
            write: None,
            mapped: mapping,
            cause: cause(broken.breach).to_owned(),
            buffer: None,
            offset: broken
                .mapping
                .and_then(|mapping| area.first.checked_sub(mapping.first)),
            physical: format!("{:#x}", area.first),
            missing: missing(broken.breach).to_owned(),
            history: self.draw(area.first, &captured.past),
            text: String::new(),
        };
        let mut text = format!("{}\n", described.headline);
        let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<9} {value}\n"));
        if let Some(test) = &described.test {
            line("test", test);
        }
        line(
            if captured.vaddr.is_some() {
                "access"
            } else {
                "call"
            },
            &format!(
                "{} {}",
                if captured.vaddr.is_some() {
                    "the CPU at"
                } else {
                    "at"
                },
                described.access.at()
            ),
        );
        if let (Some(mapping), Some(dir), Some(mapped)) =
            (&described.mapped, broken.dir, broken.mapping)
        {
            line(
                "mapped",
                &format!(
                    "{} bytes at physical {:#x}, {}, by {}",
                    mapped.len,
                    mapped.first,
                    dir.name(),
                    mapping.at()
                ),
            );
        }
        line("because", &described.cause);
        line("missing", &described.missing);
        line(
            "memory",
            &format!("physical {:#x}, {} bytes", area.first, area.len),
        );
        text.push_str(&described.stacks());
        if let Some(history) = &described.history {
            text.push_str(&history.to_string());
        }
        described.text = text;
        described
    }
}

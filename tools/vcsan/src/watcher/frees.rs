// SPDX-License-Identifier: GPL-2.0-only
//! Memory that is freed, and modules that are unloaded, if the DMA API is followed: what is still mapped then stays so.

use super::Watcher;
use crate::contract::{Area, Caller, FreeCall, Step};
use crate::event::Command;
use crate::guest::Cpu;
use crate::loader::module_name;
use crate::queue::Sink;
use crate::sites::Origin;
use vcsan_model::geometry::PAGE_SIZE;

/// Orders of the buddy allocator are below this.
const ORDERS: u64 = 32;

/// What is known of frees.
#[derive(Default)]
pub(super) struct Frees {
    /// The call of a function that will free pages, and its stack pointer, if that was the last thing seen.
    called: Option<(u64, u64)>,
    /// A `struct page` and its page's number.
    page: Option<(u64, u64)>,
    /// Bytes from one `struct page` to the next one.
    size: Option<u64>,
}

impl Frees {
    /// A `struct page` is that of the page with this number.
    fn learn(&mut self, page: u64, number: u64) {
        let Some((other, its)) = self.page else {
            self.page = Some((page, number));
            return;
        };
        let (apart, pages) = (page.abs_diff(other), number.abs_diff(its));
        if pages != 0 && apart.is_multiple_of(pages) {
            self.size = Some(apart / pages);
        }
    }

    /// The number of the page of a `struct page`.
    fn number(&self, page: u64) -> Option<u64> {
        let ((known, number), size) = (self.page?, self.size?);
        let apart = page.cast_signed() - known.cast_signed();
        Some((number.cast_signed() + apart / size.cast_signed()).cast_unsigned())
    }
}

impl<S: Sink> Watcher<S> {
    /// The CPU enters a function that frees memory.
    pub(super) fn freed(&mut self, cpu: &impl Cpu, call: FreeCall) {
        if let Err(text) = self.try_freed(cpu, call) {
            self.fail(&text);
        }
    }

    fn try_freed(&mut self, cpu: &impl Cpu, call: FreeCall) -> Result<(), String> {
        let Some(calls) = &self.calls else {
            return Ok(());
        };
        let first = calls.argument(cpu, 0)?;
        let mut freed = None;
        let area = match call {
            FreeCall::Number => {
                if self.frees.size.is_none() {
                    let number = calls.argument(cpu, 1)?;
                    self.frees.learn(first, number);
                }
                return Ok(());
            }
            FreeCall::Caller => {
                self.frees.called = Some(calls.call(cpu)?);
                return Ok(());
            }
            FreeCall::Object | FreeCall::CacheObject => {
                let object = match call {
                    FreeCall::Object => first,
                    _ => calls.argument(cpu, 1)?,
                };
                let called = calls.call(cpu)?;
                self.frees.called = Some(called);
                freed = Some(object);
                let zero = self.translator.layout().linear(0);
                zero.filter(|_| object != 0).map(|zero| Area {
                    first: self.target.vaddr(object.wrapping_sub(zero)),
                    len: 1,
                })
            }
            FreeCall::Pages => {
                let order = calls.argument(cpu, 1)?;
                let number = self.frees.number(first).filter(|_| order < ORDERS);
                number.map(|number| Area {
                    first: number * PAGE_SIZE,
                    len: PAGE_SIZE << order,
                })
            }
        };
        let Some(area) = area else {
            return Ok(());
        };
        let called = match call {
            FreeCall::Object | FreeCall::CacheObject => self.frees.called,
            _ => self.frees.called.take(),
        };
        let (here, stack) = calls.call(cpu)?;
        // Another thread's call is not what led here.
        let near = called.filter(|(_, other)| other.abs_diff(stack) < 1 << 10);
        let pc = near.map_or(here, |(pc, _)| pc);
        let caller = Caller {
            request: None,
            list: None,
            device: 0,
            buffer: freed,
            site: self.names.lock().sites.device(pc),
        };
        self.step(Step::Freed { area }, caller);
        Ok(())
    }

    /// The CPU enters the function that unloads a module.
    pub(super) fn unloaded(&mut self, cpu: &impl Cpu) {
        let Some(calls) = &self.calls else {
            return;
        };
        let read = calls.argument(cpu, 0).and_then(|module| {
            let (pc, _) = calls.call(cpu)?;
            Ok(module_name(cpu, module).map(|name| (name, pc)))
        });
        let (name, pc) = match read {
            Ok(Some(read)) => read,
            Ok(None) => return,
            Err(text) => return self.fail(&text),
        };
        let names = &mut *self.names.lock();
        let site = names.sites.device(pc);
        let its = |origin: &Origin| names.symbols.is_of(&name, origin.pc, origin.generation);
        let calls = names.sites.of_devices().filter(|(_, origin)| its(origin));
        let calls = calls.map(|(site, _)| site).collect();
        self.queue.command(Command::Unloaded { calls, site });
    }
}

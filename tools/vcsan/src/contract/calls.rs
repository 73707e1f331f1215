// SPDX-License-Identifier: GPL-2.0-only
//! Calls of the DMA API, from the guest's registers where its functions are entered and left.
//!
//! A function has returned when the CPU is where its return address says, with the stack pointer that it was entered with.
//! That holds whoever was scheduled or interrupted in between.

use super::{Area, Caller, Direction, Request, Step};
use crate::convention::Convention;
use crate::guest::{Cpu, Register, Target};
use std::collections::HashMap;
use vcsan_model::Site;

/// Functions that may be entered and not left yet; one that never returns is forgotten in time.
const MOST_PENDING: usize = 64;
/// Bytes into a `struct scatterlist` where the address on the bus is, of 32 bits.
const DMA_ADDRESS: u64 = 12;
/// Bytes of a kernel's stack, at most: whether two frames are of one thread.
const STACK: u64 = 32 << 10;

/// A function of dma-buf's that an exporter does the work of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferCall {
    /// `dma_buf_begin_cpu_access(struct dma_buf *, …)`
    Begin,
    /// `dma_buf_end_cpu_access()`, likewise.
    End,
    /// One about a `struct dma_buf_attachment *`, which begins with its buffer.
    Attachment,
}

/// A function that frees memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeCall {
    /// `kfree(void *)`
    Object,
    /// `kmem_cache_free(struct kmem_cache *, void *)`
    CacheObject,
    /// `__free_frozen_pages(struct page *, unsigned int order, …)`, through which all others go that free pages.
    Pages,
    /// One of those.
    Caller,
    /// `get_pfnblock_migratetype(struct page *, unsigned long pfn)`, which shows which page has which `struct page`.
    Number,
}

/// A function that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// `arch_sync_dma_for_device(phys_addr_t, size_t, enum dma_data_direction)`
    ForDevice,
    /// `arch_sync_dma_for_cpu()`, with the same arguments.
    ForCpu,
    /// A function of the API about one area: device, address, bytes, direction.
    Single(Request),
    /// A function of the API about a scatterlist: device, list, entries, direction.
    List(Request),
    /// `dma_map_sgtable()`: device, `struct sg_table`, which begins with its list, direction.
    MapTable,
    /// A function of the API that calls another one for the same, or has it inlined: device, …; one that unmaps has the
    /// arguments of that one.
    Wrapper(Request),
    /// A function about registers of another device, which are no memory (`dma_map_resource()`).
    Resource(Request),
    /// `dma_alloc_pages()`: device, bytes, where the address on the bus is put, direction.
    Alloc,
    /// `dma_free_pages()`: device, bytes, `struct page`, the address on the bus.
    Release,
    /// `dma_alloc_noncontiguous()`: device, bytes, direction. Returns a `struct sg_table` of one entry.
    AllocTable,
    /// `dma_free_noncontiguous()`: device, bytes, that table.
    ReleaseTable,
    /// A function of dma-buf's.
    Buffer(BufferCall),
    /// A function that frees memory.
    Free(FreeCall),
    /// `free_module(struct module *)`
    Unload,
}

impl Hook {
    /// Its place among the functions, to be carried in a number.
    #[must_use]
    pub fn number(self) -> usize {
        let place = FUNCTIONS.iter().position(|(_, hook)| *hook == self);
        // PANIC: each hook is that of a function.
        place.unwrap_or_else(|| unreachable!())
    }

    /// The hook with a [number](Self::number).
    #[must_use]
    pub fn of_number(number: usize) -> Option<Self> {
        Some(FUNCTIONS.get(number)?.1)
    }

    fn request(self) -> Option<Request> {
        match self {
            Self::Single(request)
            | Self::List(request)
            | Self::Wrapper(request)
            | Self::Resource(request) => Some(request),
            Self::MapTable | Self::Alloc | Self::AllocTable => Some(Request::Map),
            Self::Release
            | Self::ReleaseTable
            | Self::ForDevice
            | Self::ForCpu
            | Self::Buffer(_)
            | Self::Free(_)
            | Self::Unload => None,
        }
    }
}

/// The functions by name: `arch_sync_dma_*` as include/linux/dma-map-ops.h has them, others as kernel/dma/mapping.c does.
const FUNCTIONS: [(&str, Hook); 34] = [
    ("arch_sync_dma_for_device", Hook::ForDevice),
    ("arch_sync_dma_for_cpu", Hook::ForCpu),
    ("dma_map_phys", Hook::Single(Request::Map)),
    ("dma_unmap_phys", Hook::Single(Request::Unmap)),
    (
        "__dma_sync_single_for_device",
        Hook::Single(Request::SyncForDevice),
    ),
    (
        "__dma_sync_single_for_cpu",
        Hook::Single(Request::SyncForCpu),
    ),
    ("dma_map_sg_attrs", Hook::List(Request::Map)),
    ("dma_map_sgtable", Hook::MapTable),
    ("dma_unmap_sg_attrs", Hook::List(Request::Unmap)),
    (
        "__dma_sync_sg_for_device",
        Hook::List(Request::SyncForDevice),
    ),
    ("__dma_sync_sg_for_cpu", Hook::List(Request::SyncForCpu)),
    ("dma_unmap_page_attrs", Hook::Wrapper(Request::Unmap)),
    ("dma_map_page_attrs", Hook::Wrapper(Request::Map)),
    ("dma_map_resource", Hook::Resource(Request::Map)),
    ("dma_unmap_resource", Hook::Resource(Request::Unmap)),
    ("dma_alloc_pages", Hook::Alloc),
    ("dma_free_pages", Hook::Release),
    ("dma_alloc_noncontiguous", Hook::AllocTable),
    ("dma_free_noncontiguous", Hook::ReleaseTable),
    ("dma_buf_begin_cpu_access", Hook::Buffer(BufferCall::Begin)),
    ("dma_buf_end_cpu_access", Hook::Buffer(BufferCall::End)),
    (
        "dma_buf_map_attachment",
        Hook::Buffer(BufferCall::Attachment),
    ),
    (
        "dma_buf_unmap_attachment",
        Hook::Buffer(BufferCall::Attachment),
    ),
    ("kfree", Hook::Free(FreeCall::Object)),
    ("kmem_cache_free", Hook::Free(FreeCall::CacheObject)),
    ("__free_frozen_pages", Hook::Free(FreeCall::Pages)),
    ("__free_pages", Hook::Free(FreeCall::Caller)),
    ("free_pages", Hook::Free(FreeCall::Caller)),
    ("__folio_put", Hook::Free(FreeCall::Caller)),
    ("vfree", Hook::Free(FreeCall::Caller)),
    ("kvfree", Hook::Free(FreeCall::Caller)),
    ("page_frag_free", Hook::Free(FreeCall::Caller)),
    ("get_pfnblock_migratetype", Hook::Free(FreeCall::Number)),
    ("free_module", Hook::Unload),
];

/// A function that has been entered.
#[derive(Clone, Copy, Debug)]
struct Pending {
    hook: Hook,
    returns_to: u64,
    stack: u64,
    area: Area,
    dir: Direction,
    /// It has called another function of the API.
    calls: bool,
    /// Who called the outermost function of the API, this one or one that calls it.
    caller: Caller,
    /// Of a function of dma-buf's: the buffer, as soon as that could be read.
    buffer: Option<u64>,
}

/// The guest's calls.
pub struct Calls {
    target: Target,
    convention: Convention,
    hooks: HashMap<u64, Hook>,
    /// Oldest first.
    pending: Vec<Pending>,
    /// What was mapped, and where could not be read.
    unread: u64,
}

impl Calls {
    /// Looks for the functions in a kernel's symbols.
    ///
    /// # Errors
    ///
    /// A fragment, for a kernel without those that all of the API goes through.
    pub fn new(target: Target, address_of: impl Fn(&str) -> Option<u64>) -> Result<Self, String> {
        let hooks = FUNCTIONS
            .iter()
            .filter_map(|(name, hook)| Some((address_of(name)?, *hook)))
            .collect::<HashMap<_, _>>();
        for needed in [Hook::ForDevice, Hook::ForCpu] {
            if !hooks.values().any(|hook| *hook == needed) {
                let (name, _) = FUNCTIONS[usize::from(needed == Hook::ForCpu)];
                return Err(format!(
                    "follow the DMA API: vmlinux has no function {name}; is vmlinux= given, and does the kernel have devices that do not see the cache?"
                ));
            }
        }
        Ok(Self {
            target,
            convention: Convention::of(target.arch),
            hooks,
            pending: Vec::new(),
            unread: 0,
        })
    }

    /// The function that begins at an address.
    #[must_use]
    pub fn hook(&self, pc: u64) -> Option<Hook> {
        self.hooks.get(&pc).copied()
    }

    /// Whether the kernel says which areas it maps, and not just what it maintains for that.
    #[must_use]
    pub fn sees_maps(&self) -> bool {
        [
            Hook::Single(Request::Map),
            Hook::List(Request::Map),
            Hook::MapTable,
        ]
        .iter()
        .all(|wanted| self.hooks.values().any(|hook| hook == wanted))
    }

    /// Whether a function may return to an address.
    #[must_use]
    pub fn returns_to(&self, pc: u64) -> bool {
        self.pending.iter().any(|call| call.returns_to == pc)
    }

    /// Whether a function has been entered that has not returned.
    #[must_use]
    pub fn awaits_return(&self) -> bool {
        !self.pending.is_empty()
    }

    /// How often memory was mapped of which nothing is known, as the guest's own memory could not be read.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.unread
    }

    /// An argument of the function that is entered, one of the first four.
    ///
    /// # Errors
    ///
    /// A fragment: a register that can't be read.
    pub fn argument(&self, cpu: &impl Cpu, number: usize) -> Result<u64, String> {
        self.convention.argument(cpu, number)
    }

    /// The address of the call by which the function is entered, and the stack pointer.
    ///
    /// # Errors
    ///
    /// A fragment: a register that can't be read.
    pub fn call(&self, cpu: &impl Cpu) -> Result<(u64, u64), String> {
        let general = |number: u8| -> Result<u64, String> {
            Ok(cpu.register(Register::General(number))? & 0xffff_ffff)
        };
        let returns_to = general(self.convention.return_address)? & !self.convention.flags;
        let pc = returns_to.wrapping_sub(self.convention.call);
        Ok((pc, general(self.convention.stack)?))
    }

    /// A function is entered. `site` numbers the place that a call comes from.
    ///
    /// # Errors
    ///
    /// A fragment: a register that can't be read, arguments that are none.
    pub fn enter(
        &mut self,
        cpu: &impl Cpu,
        hook: Hook,
        site: impl FnOnce(u64) -> Site,
    ) -> Result<Option<(Step, Caller)>, String> {
        let (pc, stack) = self.call(cpu)?;
        let returns_to = pc.wrapping_add(self.convention.call) & 0xffff_ffff;
        let (mut area, mut dir) = (Area { first: 0, len: 0 }, Direction::Bidirectional);
        match hook {
            Hook::ForDevice | Hook::ForCpu => {
                (area, dir) = (self.area(cpu, 0)?, self.direction(cpu, 2)?);
            }
            Hook::Single(_) | Hook::List(_) | Hook::Wrapper(Request::Unmap) => {
                (area, dir) = (self.area(cpu, 1)?, self.direction(cpu, 3)?);
            }
            // Of a list only its address is used.
            Hook::MapTable => (area, dir) = (self.area(cpu, 1)?, self.direction(cpu, 2)?),
            // Where the address will be, and how long what is there.
            Hook::Alloc => {
                let (len, to) = (self.argument(cpu, 1)?, self.argument(cpu, 2)?);
                (area, dir) = (Area { first: to, len }, self.direction(cpu, 3)?);
            }
            Hook::AllocTable => {
                (area.len, dir) = (self.argument(cpu, 1)?, self.direction(cpu, 2)?);
            }
            Hook::Release => {
                let (len, first) = (self.argument(cpu, 1)?, self.argument(cpu, 3)?);
                area = Area { first, len };
            }
            Hook::ReleaseTable => area.first = self.argument(cpu, 2)?,
            Hook::Wrapper(_) | Hook::Resource(_) => {}
            Hook::Buffer(_) => area.first = self.argument(cpu, 0)?,
            Hook::Free(_) | Hook::Unload => return Ok(None),
        }
        let own = match hook {
            Hook::Buffer(call) => self.buffer(cpu, call, area.first),
            _ => None,
        };
        let buffer = own.or_else(|| self.outer_buffer(cpu, stack));
        let device = match hook {
            Hook::ForDevice | Hook::ForCpu | Hook::Buffer(_) => 0,
            _ => self.argument(cpu, 0)?,
        };
        let outer = self.outer(hook, device, stack).map(|at| {
            let outer = &mut self.pending[at];
            outer.calls |= hook.request().is_some();
            *outer
        });
        if let (Hook::Single(_), Some(Hook::Resource(_))) = (hook, outer.map(|call| call.hook)) {
            return Ok(None);
        }
        let list = match hook {
            Hook::List(_) | Hook::MapTable | Hook::ReleaseTable => Some(area.first),
            _ => None,
        };
        let caller = match (hook, outer) {
            (Hook::Buffer(_), _) | (_, None) => Caller {
                request: hook.request(),
                list,
                device,
                buffer,
                site: site(pc),
            },
            (_, Some(outer)) => Caller {
                // What a function is called through may know less.
                list: outer.caller.list.or(list),
                buffer: outer.caller.buffer.or(buffer),
                ..outer.caller
            },
        };
        match hook {
            // While they run, the memory goes back to the page allocator.
            Hook::Release => {
                let area = Some(area);
                return Ok(Some((Step::Unmapped { area, dir }, caller)));
            }
            Hook::ReleaseTable => {
                return Ok(Some((Step::Unmapped { area: None, dir }, caller)));
            }
            _ => {}
        }
        if self.pending.len() == MOST_PENDING {
            self.pending.remove(0);
        }
        self.pending.push(Pending {
            hook,
            returns_to,
            stack,
            area,
            dir,
            calls: false,
            caller,
            buffer: own,
        });
        Ok((hook == Hook::ForCpu).then_some((Step::ForCpu { area, dir }, caller)))
    }

    /// The call that has led to one of a function of the API, or of `arch_sync_dma_*()`, if it is not the driver's own. An
    /// interrupt may come at any time: what its handler calls is not part of what was interrupted.
    fn outer(&self, hook: Hook, device: u64, stack: u64) -> Option<usize> {
        let of_api =
            |outer: &Pending| outer.stack.abs_diff(stack) < STACK && outer.hook.request().is_some();
        let at = self.pending.iter().rposition(of_api)?;
        let outer = &self.pending[at];
        let leads = match hook {
            Hook::ForDevice | Hook::ForCpu => true,
            _ => {
                let calls = matches!(
                    outer.hook,
                    Hook::Wrapper(_) | Hook::Resource(_) | Hook::MapTable
                );
                calls && outer.hook.request() == hook.request() && outer.caller.device == device
            }
        };
        leads.then_some(at)
    }

    fn area(&self, cpu: &impl Cpu, argument: usize) -> Result<Area, String> {
        Ok(Area {
            first: self.argument(cpu, argument)?,
            len: self.argument(cpu, argument + 1)?,
        })
    }

    fn direction(&self, cpu: &impl Cpu, argument: usize) -> Result<Direction, String> {
        let number = self.argument(cpu, argument)?;
        Direction::of(number).ok_or_else(|| {
            format!(
                "follow the DMA API: {number} is no direction; physical addresses of 64 bits are not supported"
            )
        })
    }

    /// The dma-buf that a function of dma-buf's is about, by its first argument.
    fn buffer(&self, cpu: &impl Cpu, call: BufferCall, argument: u64) -> Option<u64> {
        match call {
            BufferCall::Begin | BufferCall::End => Some(argument),
            // Its first member. PA-RISC's memory is visible where the TLB has it, now or a bit later.
            BufferCall::Attachment => self.pointer(cpu, argument),
        }
    }

    /// The dma-buf that a function of dma-buf's is about that has led here.
    fn outer_buffer(&mut self, cpu: &impl Cpu, stack: u64) -> Option<u64> {
        let about = |outer: &Pending| match outer.hook {
            Hook::Buffer(call) if outer.stack.abs_diff(stack) < STACK => Some(call),
            _ => None,
        };
        let index = self
            .pending
            .iter()
            .position(|outer| about(outer).is_some())?;
        let (call, argument) = (about(&self.pending[index])?, self.pending[index].area.first);
        let known = self.pending[index].buffer;
        let buffer = known.or_else(|| self.buffer(cpu, call, argument));
        self.pending[index].buffer = buffer;
        buffer
    }

    /// A block begins at `pc`: what returned there, the function that was entered last first.
    ///
    /// # Errors
    ///
    /// A register that can't be read, as a fragment.
    pub fn arrive(&mut self, cpu: &impl Cpu, pc: u64) -> Result<Vec<(Step, Caller)>, String> {
        if !self.returns_to(pc) {
            return Ok(Vec::new());
        }
        let stack = cpu.register(Register::General(self.convention.stack))? & 0xffff_ffff;
        let mut steps = Vec::new();
        let back = |call: &Pending| call.returns_to == pc && call.stack == stack;
        while let Some(index) = self.pending.iter().rposition(back) {
            let call = self.pending.remove(index);
            let Pending {
                area,
                dir,
                mut caller,
                ..
            } = call;
            if matches!(call.hook, Hook::ForDevice | Hook::ForCpu) {
                self.pass_on(&call);
            }
            // `DMA_MAPPING_ERROR`, no entry, or a negative error.
            let failed = match call.hook {
                Hook::Single(Request::Map) => self.result(cpu)? == u32::MAX,
                Hook::List(Request::Map) | Hook::Alloc | Hook::AllocTable => self.result(cpu)? == 0,
                Hook::MapTable | Hook::Buffer(BufferCall::Begin) => {
                    self.result(cpu)?.cast_signed() < 0
                }
                _ => false,
            };
            let step = match call.hook {
                Hook::ForDevice => Step::ForDevice { area, dir },
                Hook::ForCpu => Step::AtCpu { area, dir },
                Hook::Single(Request::Map) if !failed => Step::Mapped { area, dir },
                Hook::Single(Request::Map | Request::Unmap) => Step::Unmapped {
                    area: Some(area),
                    dir,
                },
                Hook::Wrapper(Request::Unmap) if !call.calls => Step::Unmapped {
                    area: Some(area),
                    dir,
                },
                Hook::List(Request::Unmap) => Step::Unmapped { area: None, dir },
                Hook::List(Request::Map) | Hook::MapTable if failed => {
                    Step::Unmapped { area: None, dir }
                }
                Hook::Alloc | Hook::AllocTable if !failed => {
                    let first = if call.hook == Hook::Alloc {
                        self.pointer(cpu, area.first)
                    } else {
                        // By its table it is freed.
                        let table = u64::from(self.result(cpu)?);
                        caller.list = Some(table);
                        let list = self.pointer(cpu, table);
                        list.and_then(|list| self.pointer(cpu, list + DMA_ADDRESS))
                    };
                    let Some(first) = first else {
                        self.unread += 1;
                        continue;
                    };
                    let area = Area { first, ..area };
                    Step::Allocated { area, dir }
                }
                // Read only now: PA-RISC's memory is visible where the TLB has it, as it has what the function just stored to.
                Hook::MapTable => match self.pointer(cpu, area.first) {
                    Some(list) => Step::Listed { list },
                    // By its list it will be unmapped: it is better not known at all.
                    None => {
                        self.unread += 1;
                        Step::Unmapped { area: None, dir }
                    }
                },
                Hook::Buffer(BufferCall::Begin) if !failed => Step::Begun,
                Hook::Buffer(BufferCall::End) => Step::Ended,
                Hook::Single(_)
                | Hook::List(_)
                | Hook::Wrapper(_)
                | Hook::Resource(_)
                | Hook::Alloc
                | Hook::AllocTable
                | Hook::Release
                | Hook::ReleaseTable
                | Hook::Buffer(_)
                | Hook::Free(_)
                | Hook::Unload => continue,
            };
            steps.push((step, caller));
        }
        Ok(steps)
    }

    /// Drivers name what they unmap by its address on the bus. What is maintained for that has a physical one.
    fn pass_on(&mut self, inner: &Pending) {
        // Not to what an interrupt has found on the same stack.
        let call = |of: &Pending| (of.caller.request, of.caller.device, of.caller.site);
        let same = |outer: &&mut Pending| {
            let has_one = matches!(outer.hook, Hook::Single(_) | Hook::Wrapper(Request::Unmap));
            has_one && outer.stack.abs_diff(inner.stack) < STACK && call(outer) == call(inner)
        };
        for outer in self.pending.iter_mut().filter(same) {
            outer.area = inner.area;
        }
    }

    fn result(&self, cpu: &impl Cpu) -> Result<u32, String> {
        // CAST: registers that hold 32-bit values.
        Ok(cpu.register(Register::General(self.convention.result))? as u32)
    }

    /// The pointer that lies at a virtual address; none if it can't be read now.
    fn pointer(&self, cpu: &impl Cpu, vaddr: u64) -> Option<u64> {
        let mut bytes = [0; 4];
        cpu.read(vaddr, &mut bytes)
            .then(|| u64::from(self.target.word(bytes)))
    }
}

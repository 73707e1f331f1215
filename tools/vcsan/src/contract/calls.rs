// SPDX-License-Identifier: GPL-2.0-only
//! Calls of the DMA API, from the guest's registers where its functions are entered and left.
//!
//! A function has returned when the CPU is where its return address says, with the stack pointer that it was entered with.
//! That holds whoever was scheduled or interrupted in between.

use super::{Area, Caller, Direction, Request, Step};
use crate::decode::Arch;
use crate::guest::{Cpu, Register, Target};
use std::collections::HashMap;
use vcsan_model::Site;

/// Functions that may be entered and not left yet; one that never returns is forgotten in time.
const MOST_PENDING: usize = 64;
/// Bytes of a kernel's stack, at most: whether two frames are of one thread.
const STACK: u64 = 32 << 10;

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
            Self::ForDevice | Self::ForCpu => None,
            Self::Single(request) | Self::List(request) => Some(request),
            Self::MapTable => Some(Request::Map),
        }
    }
}

/// The functions by name: `arch_sync_dma_*` as include/linux/dma-map-ops.h has them, others as kernel/dma/mapping.c does.
const FUNCTIONS: [(&str, Hook); 12] = [
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
    ("dma_unmap_page_attrs", Hook::Single(Request::Unmap)),
];

/// A function that has been entered.
#[derive(Clone, Copy, Debug)]
struct Pending {
    hook: Hook,
    returns_to: u64,
    stack: u64,
    area: Area,
    dir: Direction,
    /// Who called the outermost function of the API, this one or one that calls it.
    caller: Caller,
}

/// Where a calling convention has what.
struct Convention {
    arguments: [u8; 4],
    result: u8,
    return_address: u8,
    stack: u8,
    /// From the return address back to the call.
    call: u64,
}

impl Convention {
    const fn of(arch: Arch) -> Self {
        match arch {
            Arch::Arm => Self {
                arguments: [0, 1, 2, 3],
                result: 0,
                return_address: 14,
                stack: 13,
                call: 4,
            },
            Arch::Mips => Self {
                arguments: [4, 5, 6, 7],
                result: 2,
                return_address: 31,
                stack: 29,
                call: 8,
            },
            Arch::Parisc => Self {
                arguments: [26, 25, 24, 23],
                result: 28,
                return_address: 2,
                stack: 30,
                call: 8,
            },
        }
    }
}

/// The guest's calls.
pub struct Calls {
    target: Target,
    convention: Convention,
    hooks: HashMap<u64, Hook>,
    /// Oldest first.
    pending: Vec<Pending>,
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
        let general = |number: u8| -> Result<u64, String> {
            Ok(cpu.register(Register::General(number))? & 0xffff_ffff)
        };
        let Convention {
            arguments,
            return_address,
            stack,
            call,
            ..
        } = self.convention;
        // PA-RISC has a privilege level in the low bits, ARM the instruction set.
        let returns_to = general(return_address)? & !3;
        let stack = general(stack)?;
        let (area, dir) = match hook {
            Hook::ForDevice | Hook::ForCpu => (0, 2),
            Hook::Single(_) | Hook::List(_) => (1, 3),
            Hook::MapTable => (1, 2),
        };
        let number = general(arguments[dir])?;
        let dir = Direction::of(number).ok_or_else(|| {
            format!(
                "follow the DMA API: {number} is no direction; physical addresses of 64 bits are not supported"
            )
        })?;
        // Of a list only its address is used.
        let area = Area {
            first: general(arguments[area])?,
            len: general(arguments[area + 1])?,
        };
        let outer = self
            .pending
            .iter()
            .find(|outer| outer.stack.abs_diff(stack) < STACK)
            .map(|outer| outer.caller);
        let caller = match outer {
            Some(caller) => caller,
            None => Caller {
                request: hook.request(),
                list: match hook {
                    Hook::List(_) | Hook::MapTable => Some(area.first),
                    Hook::ForDevice | Hook::ForCpu | Hook::Single(_) => None,
                },
                site: site(returns_to.wrapping_sub(call)),
            },
        };
        if self.pending.len() == MOST_PENDING {
            self.pending.remove(0);
        }
        self.pending.push(Pending {
            hook,
            returns_to,
            stack,
            area,
            dir,
            caller,
        });
        Ok((hook == Hook::ForCpu).then_some((Step::ForCpu { area, dir }, caller)))
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
            let Pending { area, dir, .. } = call;
            if matches!(call.hook, Hook::ForDevice | Hook::ForCpu) {
                self.pass_on(&call);
            }
            // `DMA_MAPPING_ERROR`, no entry, or a negative error.
            let failed = match call.hook {
                Hook::Single(Request::Map) => self.result(cpu)? == u32::MAX,
                Hook::List(Request::Map) => self.result(cpu)? == 0,
                Hook::MapTable => self.result(cpu)?.cast_signed() < 0,
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
                Hook::List(Request::Unmap) => Step::Unmapped { area: None, dir },
                Hook::List(Request::Map) | Hook::MapTable if failed => {
                    Step::Unmapped { area: None, dir }
                }
                // Read only now: PA-RISC's memory is visible where the TLB has it, as it has what the function just stored to.
                Hook::MapTable => Step::Listed {
                    list: self.pointer(cpu, area.first)?,
                },
                Hook::Single(_) | Hook::List(_) => continue,
            };
            steps.push((step, call.caller));
        }
        Ok(steps)
    }

    /// Drivers name what they unmap by its address on the bus. What is maintained for that has a physical one.
    fn pass_on(&mut self, inner: &Pending) {
        let same = |outer: &&mut Pending| {
            matches!(outer.hook, Hook::Single(_)) && outer.stack.abs_diff(inner.stack) < STACK
        };
        for outer in self.pending.iter_mut().filter(same) {
            outer.area = inner.area;
        }
    }

    fn result(&self, cpu: &impl Cpu) -> Result<u32, String> {
        // CAST: registers that hold 32-bit values.
        Ok(cpu.register(Register::General(self.convention.result))? as u32)
    }

    /// The pointer that lies at a virtual address.
    fn pointer(&self, cpu: &impl Cpu, vaddr: u64) -> Result<u64, String> {
        let mut bytes = [0; 4];
        if !cpu.read(vaddr, &mut bytes) {
            return Err(format!(
                "follow the DMA API: nothing is mapped at {vaddr:#x}"
            ));
        }
        Ok(u64::from(self.target.word(bytes)))
    }
}

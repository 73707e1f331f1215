// SPDX-License-Identifier: GPL-2.0-only
//! The contract of the DMA API: the calls by which a guest's kernel maps, syncs and unmaps, on each architecture.

use Direction::{Bidirectional, FromDevice, ToDevice};
use std::cell::RefCell;
use std::collections::HashMap;
use vcsan::contract::{Area, BufferCall, Caller, Calls, Direction, Hook, Request, Step};
use vcsan::guest::{Cpu, Memory, Register, Target};
use vcsan_model::Site;

fn area(first: u64, len: u64) -> Area {
    Area { first, len }
}

/// Registers, and one word of memory for all addresses that can be read.
struct Guest {
    registers: RefCell<HashMap<u8, u64>>,
    word: Option<u32>,
    target: Target,
}

impl Memory for Guest {
    fn read(&self, _: u64, into: &mut [u8]) -> bool {
        let Some(word) = self.word else {
            return false;
        };
        into.copy_from_slice(&if self.target.big_endian {
            word.to_be_bytes()
        } else {
            word.to_le_bytes()
        });
        true
    }
}

impl Cpu for Guest {
    fn register(&self, register: Register) -> Result<u64, String> {
        match register {
            Register::General(number) => {
                Ok(self.registers.borrow().get(&number).copied().unwrap_or(0))
            }
            _ => Err("read it".into()),
        }
    }
}

/// A target, and its registers for arguments, the result, the return address and the stack.
const CONVENTIONS: [(&str, [u8; 4], u8, u8, u8); 3] = [
    ("arm", [0, 1, 2, 3], 0, 14, 13),
    ("mips", [4, 5, 6, 7], 2, 31, 29),
    ("hppa", [26, 25, 24, 23], 28, 2, 30),
];

/// Each function somewhere.
fn address_of(name: &str) -> Option<u64> {
    let sum: u64 = name
        .bytes()
        .zip(1..)
        .map(|(byte, at)| u64::from(byte) * at)
        .sum();
    Some(0x10_0000 + 0x10 * sum)
}

struct Machine {
    calls: Calls,
    guest: Guest,
    arguments: [u8; 4],
    result: u8,
    link: u8,
    stack: u8,
}

impl Machine {
    fn new(convention: (&str, [u8; 4], u8, u8, u8)) -> Self {
        let (name, arguments, result, link, stack) = convention;
        let target = Target::by_name(name).unwrap();
        Self {
            calls: Calls::new(target, address_of).unwrap(),
            guest: Guest {
                registers: RefCell::default(),
                word: Some(0xc000_2000),
                target,
            },
            arguments,
            result,
            link,
            stack,
        }
    }

    fn set(&self, register: u8, value: u64) {
        self.guest.registers.borrow_mut().insert(register, value);
    }

    fn enter(
        &mut self,
        hook: Hook,
        arguments: &[u64],
        stack: u64,
        link: u64,
    ) -> Result<Option<(Step, Caller)>, String> {
        for (register, value) in self.arguments.into_iter().zip(arguments) {
            self.set(register, *value);
        }
        self.set(self.stack, stack);
        self.set(self.link, link);
        // CAST: small numbers.
        self.calls
            .enter(&self.guest, hook, |pc| Site::new(pc as u32))
    }

    fn arrive(&mut self, pc: u64, stack: u64) -> Vec<Step> {
        self.set(self.stack, stack);
        let steps = self.calls.arrive(&self.guest, pc).unwrap();
        steps.into_iter().map(|(step, _)| step).collect()
    }
}

#[test]
fn a_map_is_followed_on_each_architecture() {
    for convention in CONVENTIONS {
        let mut machine = Machine::new(convention);
        let whole = area(0x1000, 0x40);
        let entered = machine.enter(
            Hook::Single(Request::Map),
            &[1, 0x1000, 0x40, 2],
            0x9000,
            0x500,
        );
        assert_eq!(entered, Ok(None));
        let entered = machine.enter(Hook::ForDevice, &[0x1000, 0x40, 2], 0x8f00, 0x600);
        assert_eq!(entered, Ok(None));
        assert!(machine.calls.awaits_return());
        assert_eq!(machine.arrive(0x600, 0x8e00), []);
        let dir = FromDevice;
        assert_eq!(
            machine.arrive(0x600, 0x8f00),
            [Step::ForDevice { area: whole, dir }]
        );
        machine.set(machine.result, 0x1000);
        assert_eq!(
            machine.arrive(0x500, 0x9000),
            [Step::Mapped { area: whole, dir }]
        );
        assert!(!machine.calls.awaits_return());
    }
}

#[test]
fn the_driver_is_the_caller_however_deep_the_call() {
    for convention in CONVENTIONS {
        let mut machine = Machine::new(convention);
        machine
            .enter(
                Hook::Single(Request::Unmap),
                &[1, 0x8000_1000, 0x40, 2],
                0x9000,
                0x500,
            )
            .unwrap();
        let (step, caller) = machine
            .enter(Hook::ForCpu, &[0x1000, 0x40, 2], 0x8f00, 0x600)
            .unwrap()
            .unwrap();
        let (whole, dir) = (area(0x1000, 0x40), FromDevice);
        assert_eq!(step, Step::ForCpu { area: whole, dir });
        assert_eq!(caller.request, Some(Request::Unmap));
        assert!(caller.site.id() < 0x500 && caller.site.id() >= 0x4f8);
        machine.arrive(0x600, 0x8f00);
        // The bus has other addresses, maintenance has physical ones.
        let area = Some(whole);
        assert_eq!(
            machine.arrive(0x500, 0x9000),
            [Step::Unmapped { area, dir }]
        );
    }
}

#[test]
fn a_call_within_one_of_dma_buf_is_about_that_buffer() {
    let within = |call, argument| {
        let mut machine = Machine::new(CONVENTIONS[1]);
        machine
            .enter(Hook::Buffer(call), &[argument, 0], 0x9000, 0x400)
            .unwrap();
        machine
            .enter(
                Hook::List(Request::SyncForCpu),
                &[1, 5, 1, 0],
                0x8f80,
                0x500,
            )
            .unwrap();
        let (_, caller) = machine
            .enter(Hook::ForCpu, &[0x1000, 0x40, 0], 0x8f00, 0x600)
            .unwrap()
            .unwrap();
        // The exporter calls, not the one who called dma-buf.
        assert!(caller.site.id() >= 0x4f8, "{caller:?}");
        machine.arrive(0x600, 0x8f00);
        machine.arrive(0x500, 0x8f80);
        machine.set(machine.result, 0);
        (caller.buffer, machine.arrive(0x400, 0x9000))
    };
    let buffer = Some(0xc123_0000);
    assert_eq!(
        within(BufferCall::Begin, 0xc123_0000),
        (buffer, vec![Step::Begun])
    );
    assert_eq!(
        within(BufferCall::End, 0xc123_0000),
        (buffer, vec![Step::Ended])
    );
    // The attachment's first word.
    assert_eq!(
        within(BufferCall::Attachment, 0xc456_0000),
        (Some(0xc000_2000), vec![])
    );
}

#[test]
fn another_thread_s_call_is_another_call() {
    let mut machine = Machine::new(CONVENTIONS[0]);
    machine
        .enter(
            Hook::Single(Request::Unmap),
            &[1, 0x1000, 0x40, 2],
            0x9000,
            0x500,
        )
        .unwrap();
    let (_, caller) = machine
        .enter(Hook::ForCpu, &[0x2000, 0x40, 2], 0x90_9000, 0x600)
        .unwrap()
        .unwrap();
    assert_eq!(caller.request, None);
}

#[test]
fn one_unmap_is_one_however_many_functions_it_goes_through() {
    let mut machine = Machine::new(CONVENTIONS[0]);
    let arguments = [1, 0x1000, 0x40, 1];
    // A jump at its end: both return to the driver.
    for hook in [Hook::Wrapper(Request::Unmap), Hook::Single(Request::Unmap)] {
        machine.enter(hook, &arguments, 0x9000, 0x500).unwrap();
    }
    let (area, dir) = (Some(area(0x1000, 0x40)), ToDevice);
    assert_eq!(
        machine.arrive(0x500, 0x9000),
        [Step::Unmapped { area, dir }]
    );
}

#[test]
fn an_unmap_that_has_the_inner_function_inlined_is_one() {
    let mut machine = Machine::new(CONVENTIONS[1]);
    let hook = Hook::Wrapper(Request::Unmap);
    machine
        .enter(hook, &[1, 0x8000_1000, 0x40, 2], 0x9000, 0x500)
        .unwrap();
    machine
        .enter(Hook::ForCpu, &[0x1000, 0x40, 2], 0x8f00, 0x600)
        .unwrap();
    machine.arrive(0x600, 0x8f00);
    let (area, dir) = (Some(area(0x1000, 0x40)), FromDevice);
    assert_eq!(
        machine.arrive(0x500, 0x9000),
        [Step::Unmapped { area, dir }]
    );
}

#[test]
fn registers_of_another_device_are_no_memory() {
    let mut machine = Machine::new(CONVENTIONS[1]);
    for request in [Request::Map, Request::Unmap] {
        let registers = [1, 0x1f00_0000, 0x100, 0];
        for hook in [Hook::Resource(request), Hook::Single(request)] {
            machine.enter(hook, &registers, 0x9000, 0x500).unwrap();
        }
        assert_eq!(machine.arrive(0x500, 0x9000), []);
        assert!(!machine.calls.awaits_return());
    }
}

#[test]
fn what_an_interrupt_s_handler_calls_is_a_call_of_its_own() {
    for (outer, inner) in [
        (Request::Map, Request::SyncForCpu),
        (Request::Unmap, Request::Map),
        (Request::Map, Request::Map),
    ] {
        let mut machine = Machine::new(CONVENTIONS[1]);
        let thread = [1, 0x1000, 0x1000, 1];
        machine
            .enter(Hook::Single(outer), &thread, 0x9000, 0x500)
            .unwrap();
        machine
            .enter(Hook::ForDevice, &[0x1000, 0x1000, 1], 0x8f80, 0x600)
            .unwrap();
        // The same device, on the same stack.
        let handler = [1, 0x4000, 0x40, 2];
        machine
            .enter(Hook::Single(inner), &handler, 0x8e00, 0x700)
            .unwrap();
        let (_, caller) = machine
            .enter(Hook::ForCpu, &[0x4000, 0x40, 2], 0x8d00, 0x800)
            .unwrap()
            .unwrap();
        assert_eq!(caller.request, Some(inner));
        assert!(caller.site.id() >= 0x6f8, "{caller:?}");
    }
}

#[test]
fn what_an_interrupt_s_handler_syncs_is_not_what_was_being_unmapped() {
    let mut machine = Machine::new(CONVENTIONS[1]);
    let unmapped = area(0x1000, 0x200);
    let thread = [1, 0x1000, 0x200, 1];
    machine
        .enter(Hook::Single(Request::Unmap), &thread, 0x9000, 0x500)
        .unwrap();
    machine
        .enter(Hook::ForCpu, &[0x1000, 0x200, 1], 0x8f80, 0x600)
        .unwrap();
    let taken = Step::AtCpu {
        area: unmapped,
        dir: ToDevice,
    };
    assert_eq!(machine.arrive(0x600, 0x8f80), [taken]);
    // The interrupt comes here, of the same device, on the same stack.
    let handler = [1, 0x4000, 0x40, 2];
    machine
        .enter(
            Hook::Single(Request::SyncForDevice),
            &handler,
            0x8e00,
            0x700,
        )
        .unwrap();
    machine
        .enter(Hook::ForDevice, &[0x4000, 0x40, 2], 0x8d00, 0x800)
        .unwrap();
    let synced = Step::ForDevice {
        area: area(0x4000, 0x40),
        dir: FromDevice,
    };
    assert_eq!(machine.arrive(0x800, 0x8d00), [synced]);
    assert_eq!(machine.arrive(0x700, 0x8e00), []);
    // It is over, and what it has interrupted goes on.
    let done = Step::Unmapped {
        area: Some(unmapped),
        dir: ToDevice,
    };
    assert_eq!(machine.arrive(0x500, 0x9000), [done]);
}

#[test]
fn memory_that_is_allocated_for_a_device_is_followed_on_each_architecture() {
    for convention in CONVENTIONS {
        let mut machine = Machine::new(convention);
        let dir = FromDevice;
        // The one word of memory is the address on the bus.
        let area = area(0xc000_2000, 0x2000);
        machine
            .enter(Hook::Alloc, &[1, 0x2000, 0xc000_1000, 2], 0x9000, 0x500)
            .unwrap();
        machine.set(machine.result, 0xc800_0000);
        assert_eq!(
            machine.arrive(0x500, 0x9000),
            [Step::Allocated { area, dir }]
        );
        machine
            .enter(Hook::AllocTable, &[1, 0x2000, 2], 0x9000, 0x500)
            .unwrap();
        machine.set(machine.result, 0xc123_0000);
        assert_eq!(
            machine.arrive(0x500, 0x9000),
            [Step::Allocated { area, dir }]
        );
        // Before the memory goes back to the page allocator.
        let (step, caller) = machine
            .enter(Hook::Release, &[1, 0x2000, 7, 0xc000_2000], 0x9000, 0x500)
            .unwrap()
            .unwrap();
        let dir = Bidirectional;
        assert_eq!(
            step,
            Step::Unmapped {
                area: Some(area),
                dir
            }
        );
        assert_eq!(caller.request, None);
        let (step, caller) = machine
            .enter(Hook::ReleaseTable, &[1, 0x2000, 0xc123_0000], 0x9000, 0x500)
            .unwrap()
            .unwrap();
        assert_eq!(step, Step::Unmapped { area: None, dir });
        assert_eq!(caller.list, Some(0xc123_0000));
        assert!(!machine.calls.awaits_return());
        // None left.
        for hook in [Hook::Alloc, Hook::AllocTable] {
            machine
                .enter(hook, &[1, 0x2000, 2, 2], 0x9000, 0x500)
                .unwrap();
            machine.set(machine.result, 0);
            assert_eq!(machine.arrive(0x500, 0x9000), []);
        }
    }
}

#[test]
fn what_fails_maps_nothing() {
    let mut machine = Machine::new(CONVENTIONS[0]);
    let dir = ToDevice;
    machine
        .enter(
            Hook::Single(Request::Map),
            &[1, 0x1000, 0x40, 1],
            0x9000,
            0x500,
        )
        .unwrap();
    machine.set(0, 0xffff_ffff);
    let whole = Some(area(0x1000, 0x40));
    assert_eq!(
        machine.arrive(0x500, 0x9000),
        [Step::Unmapped { area: whole, dir }]
    );
    for (hook, result) in [(Hook::List(Request::Map), 0), (Hook::MapTable, 0xffff_fff4)] {
        machine
            .enter(hook, &[1, 0x1000, 1, 1], 0x9000, 0x500)
            .unwrap();
        machine.set(0, result);
        let steps = machine.arrive(0x500, 0x9000);
        assert!(
            matches!(steps[..], [Step::Unmapped { area: None, .. }]),
            "{hook:?}"
        );
    }
}

#[test]
fn a_table_s_list_is_known_when_it_is_mapped() {
    for convention in CONVENTIONS {
        let mut machine = Machine::new(convention);
        machine
            .enter(Hook::MapTable, &[1, 0xc000_1000, 1, 0], 0x9000, 0x500)
            .unwrap();
        machine.set(machine.result, 0);
        let list = 0xc000_2000;
        assert_eq!(machine.arrive(0x500, 0x9000), [Step::Listed { list }]);
    }
}

#[test]
fn what_cannot_be_read_is_skipped_and_counted() {
    for convention in CONVENTIONS {
        let mut machine = Machine::new(convention);
        machine.guest.word = None;
        for hook in [Hook::Alloc, Hook::AllocTable] {
            machine
                .enter(hook, &[1, 0x2000, 2, 2], 0x9000, 0x500)
                .unwrap();
            machine.set(machine.result, 0xc123_0000);
            assert_eq!(machine.arrive(0x500, 0x9000), []);
        }
        assert_eq!(machine.calls.unread(), 2);
        // The list by which it will be unmapped is not known: nor is it mapped.
        machine
            .enter(Hook::MapTable, &[1, 0xc000_1000, 1, 0], 0x9000, 0x500)
            .unwrap();
        machine.set(machine.result, 0);
        let (area, dir) = (None, ToDevice);
        assert_eq!(
            machine.arrive(0x500, 0x9000),
            [Step::Unmapped { area, dir }]
        );
        assert_eq!(machine.calls.unread(), 3);
        assert!(!machine.calls.awaits_return());
    }
}

#[test]
fn thumb_code_returns_to_any_halfword() {
    let mut machine = Machine::new(CONVENTIONS[0]);
    let (whole, dir) = (area(0x1000, 0x40), ToDevice);
    for returns_to in [0x600, 0x602] {
        // Bit 0 says that it is Thumb code.
        let link = returns_to | 1;
        machine
            .enter(Hook::ForDevice, &[0x1000, 0x40, 1], 0x9000, link)
            .unwrap();
        let step = Step::ForDevice { area: whole, dir };
        assert_eq!(machine.arrive(returns_to, 0x9000), [step]);
    }
}

#[test]
fn a_privilege_level_is_no_address() {
    let mut machine = Machine::new(CONVENTIONS[2]);
    let (whole, dir) = (area(0x1000, 0x40), ToDevice);
    machine
        .enter(Hook::ForDevice, &[0x1000, 0x40, 1], 0x9000, 0x603)
        .unwrap();
    let step = Step::ForDevice { area: whole, dir };
    assert_eq!(machine.arrive(0x600, 0x9000), [step]);
}

#[test]
fn wide_physical_addresses_are_refused() {
    let mut machine = Machine::new(CONVENTIONS[0]);
    // paddr, paddr's high half, size: what stands in the direction's place is a size.
    let error = machine.enter(Hook::ForDevice, &[0x1000, 0, 0x40], 0x9000, 0x500);
    assert!(error.unwrap_err().contains("64 bits are not supported"));
}

#[test]
fn a_kernel_without_the_functions_is_refused() {
    let target = Target::by_name("arm").unwrap();
    let error = Calls::new(target, |name| {
        address_of(name).filter(|_| name != "arch_sync_dma_for_cpu")
    });
    assert!(error.err().unwrap().contains("arch_sync_dma_for_cpu"));
}

// SPDX-License-Identifier: GPL-2.0

//! A bus master that copies memory: the LSI 53C895A.
//!
//! The chip is a SCSI controller with a processor of its own, SCRIPTS, whose Memory Move
//! instruction copies from one bus address to another. QEMU emulates that too. Reference:
//! "LSI53C895A PCI to Ultra2 SCSI Controller Technical Manual", chapters 4 (registers) and 5
//! (SCRIPTS).

use kernel::{
    device::{
        self,
        Bound,
        Core, //
    },
    device_id::IdArray,
    dma::{
        Coherent,
        Device as _,
        DmaAddress,
        DmaMask, //
    },
    io::Io,
    pci,
    prelude::*,
    processor::cpu_relax,
    ptr::KnownSize,
    scatterlist::SGTable,
    sync::aref::ARef, //
};

use crate::vcsan;

/// Registers, as offsets into BAR 1.
mod regs {
    /// DMA status. Reading it acknowledges the interrupt.
    pub(super) const DSTAT: usize = 0x0c;
    /// Interrupt status and control.
    pub(super) const ISTAT: usize = 0x14;
    /// DMA SCRIPTS pointer. Writing it starts the processor.
    pub(super) const DSP: usize = 0x2c;
    /// One past the last register that is used.
    pub(super) const END: usize = 0x30;
}

/// [`regs::DSTAT`]: DMA FIFO empty.
const DSTAT_DFE: u8 = 1 << 7;
/// [`regs::DSTAT`]: SCRIPTS interrupt instruction received.
const DSTAT_SIR: u8 = 1 << 2;
/// [`regs::ISTAT`]: abort operation.
const ISTAT_ABRT: u8 = 1 << 7;
/// [`regs::ISTAT`]: software reset.
const ISTAT_SRST: u8 = 1 << 6;
/// [`regs::ISTAT`]: DMA interrupt pending.
const ISTAT_DIP: u8 = 1 << 0;

/// Memory Move instruction, without the byte count: source and destination follow.
const MOVE: u32 = 0xc000_0000;
/// The largest byte count of a [`MOVE`].
const MOVE_MAX: usize = (1 << 24) - 1;
/// Interrupt instruction, unconditional: one word, which the host may read, follows.
const INT: [u32; 2] = [0x9808_0000, 0];

/// Moves that fit in a script.
const MAX_MOVES: usize = 2048;
/// Reads of [`regs::ISTAT`] before a copy counts as hung: many times what the largest one takes.
const MAX_POLLS: usize = 1_000_000;

/// Words of a script that does all moves.
const SCRIPT_WORDS: usize = MAX_MOVES * 3 + INT.len();

kernel::sync::global_lock! {
    // SAFETY: `register` is called by the module's init before anything else here.
    unsafe(uninit) static DEVICE: Mutex<Option<ARef<pci::Device>>> = None;
}

/// The driver of the chip.
pub(crate) struct Driver;

/// Withdraws the device when the driver is unbound from it.
pub(crate) struct Published;

impl Drop for Published {
    fn drop(&mut self) {
        *DEVICE.lock() = None;
    }
}

/// The chip.
///
/// Not made by `pci_device_table!`, which would make this module an alias of the chip: user space
/// would load it on any machine that has one.
#[cfg(linux_7_2)]
const PCI_TABLE: IdArray<pci::DeviceId, (), 1> = IdArray::new([(ID, ())]);
#[cfg(not(linux_7_2))]
const PCI_TABLE: IdArray<pci::DeviceId, (), 1> = IdArray::new([(ID, &())]);

const ID: pci::DeviceId = pci::DeviceId::from_id(pci::Vendor::LSI_LOGIC, 0x0012);

/// What the bus passes to `probe` of the entry in [`PCI_TABLE`].
#[cfg(linux_7_2)]
type Info<'a> = &'a ();
#[cfg(not(linux_7_2))]
type Info<'a> = Option<&'a ()>;

impl pci::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Published;

    const ID_TABLE: pci::IdTable<Self::IdInfo> = &PCI_TABLE;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: Info<'bound>,
    ) -> impl PinInit<Self::Data<'bound>, Error> + 'bound {
        let mut device = DEVICE.lock();
        if device.is_some() {
            dev_info!(pdev, "one chip is enough, leaving this one alone\n");
            return Err(ENODEV);
        }

        pdev.enable_device_mem()?;
        pdev.set_master();
        // SAFETY: Nothing is allocated or mapped for the device before it is published.
        unsafe { pdev.dma_set_mask_and_coherent(DmaMask::new::<32>())? };
        // Whatever is longer than a move takes several.
        // SAFETY: As above.
        unsafe { pdev.dma_set_max_seg_size(u32::MAX) };

        *device = Some(pdev.into());
        Ok(Published)
    }
}

/// Prepares what [`Driver`] keeps, before it is registered.
///
/// # Safety
///
/// Must be called once, before anything else of this module.
pub(crate) unsafe fn init() {
    // SAFETY: As promised by the caller.
    unsafe { DEVICE.init() };
}

/// A range of bus addresses.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    addr: u32,
    len: usize,
}

impl Span {
    /// # Errors
    ///
    /// [`EOVERFLOW`] if the range ends above what the chip can address.
    fn new(addr: DmaAddress, len: usize) -> Result<Self> {
        let addr = narrow(addr)?;

        match usize::try_from(addr)?.checked_add(len) {
            Some(_) => Ok(Self { addr, len }),
            None => Err(EOVERFLOW),
        }
    }

    /// The bytes of this span from `offset`, at most `len` of them.
    fn part(self, offset: usize, len: usize) -> Self {
        Self {
            // CAST: The caller stays inside of the span, whose addresses fit.
            addr: self.addr + offset as u32,
            len: len.min(self.len - offset),
        }
    }
}

/// Memory as the chip sees it: the bytes of some ranges, one after the other.
pub(crate) struct View(KVec<Span>);

impl View {
    /// The `len` bytes from `offset` of `pieces`, which follow one another.
    pub(crate) fn of_coherent(
        pieces: &[Coherent<[u8]>],
        offset: usize,
        len: usize,
    ) -> Result<Self> {
        let spans = pieces
            .iter()
            .map(|piece| Span::new(bus_address(piece), piece.size()));

        Self::of_spans(spans, offset, len)
    }

    /// The `len` bytes of a mapped `table` from `offset`.
    pub(crate) fn of_table(table: &SGTable, offset: usize, len: usize) -> Result<Self> {
        let spans = table
            .iter()
            .map(|entry| Span::new(entry.dma_address(), entry.dma_len().try_into()?));
        let view = Self::of_spans(spans, offset, len)?;

        for span in &view.0 {
            vcsan::watch_bus(span.addr, span.len);
        }
        Ok(view)
    }

    /// The `len` bytes from `offset` of `all`, which follow one another.
    fn of_spans(
        all: impl Iterator<Item = Result<Span>>,
        offset: usize,
        len: usize,
    ) -> Result<Self> {
        let mut spans = KVec::new();
        let (mut skip, mut left) = (offset, len);

        for span in all {
            let span = span?;
            if left == 0 {
                break;
            }
            if skip >= span.len {
                skip -= span.len;
                continue;
            }

            let part = span.part(skip, left);
            spans.push(part, GFP_KERNEL)?;
            left -= part.len;
            skip = 0;
        }

        if left == 0 {
            Ok(Self(spans))
        } else {
            Err(EINVAL)
        }
    }

    /// Tells VCSan that no cache holds any of it.
    pub(crate) fn unwatch(&self) {
        for span in &self.0 {
            vcsan::unwatch_bus(span.addr, span.len);
        }
    }

    /// Bytes.
    fn len(&self) -> usize {
        self.0.iter().map(|span| span.len).sum()
    }

    /// The longest range from byte `offset` on.
    fn at(&self, mut offset: usize) -> Option<Span> {
        for &span in &self.0 {
            if offset < span.len {
                return Some(span.part(offset, span.len));
            }
            offset -= span.len;
        }
        None
    }
}

/// The bus address of `memory`.
fn bus_address<T: KnownSize + ?Sized>(memory: &Coherent<T>) -> DmaAddress {
    #[cfg(linux_7_2)]
    return memory.dma_handle();
    #[cfg(not(linux_7_2))]
    return memory.dma_address();
}

/// An address as the chip has it.
#[allow(
    clippy::useless_conversion,
    reason = "a `DmaAddress` has 64 bits on some machines"
)]
fn narrow(addr: DmaAddress) -> Result<u32> {
    Ok(u32::try_from(addr)?)
}

/// The chip, ready to copy.
pub(crate) struct Chip<'a> {
    dev: &'a device::Device<Bound>,
    bar: pci::Bar<'a, { regs::END }>,
    script: Coherent<[u32]>,
}

impl Chip<'_> {
    /// Runs `f` with the chip, which stays bound and is nobody else's meanwhile.
    ///
    /// All that is allocated and mapped for the chip is so before `f` runs: a change of the
    /// kernel's mappings flushes whole caches on some CPUs, and would hide from `f` what it looks
    /// for.
    ///
    /// # Errors
    ///
    /// [`ENODEV`] if there is no chip.
    pub(crate) fn with<T, E: From<Error>>(
        f: impl FnOnce(&Chip<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let device = DEVICE.lock();
        let device: &pci::Device = device.as_deref().ok_or(ENODEV)?;
        // SAFETY: The device is bound, because `Published` needs the lock that is held to go.
        let dev = unsafe { AsRef::<device::Device>::as_ref(device).as_bound() };
        let pdev: &pci::Device<Bound> = dev.try_into()?;

        let chip = Chip {
            dev,
            bar: pdev.iomap_region_sized::<{ regs::END }>(1, c"system_heap_rust_kunit")?,
            script: Coherent::zeroed_slice(dev, SCRIPT_WORDS, GFP_KERNEL)?,
        };

        chip.bar.write8(ISTAT_SRST, regs::ISTAT);
        chip.bar.write8(0, regs::ISTAT);

        f(&chip)
    }

    /// The device, to attach to buffers and to allocate for.
    pub(crate) fn dev(&self) -> &device::Device<Bound> {
        self.dev
    }

    /// Copies from `src` to `dst` and waits until that is done.
    ///
    /// No memory is allocated or freed in between, and no code that flushes a cache runs.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] if the lengths differ; [`E2BIG`] if that takes too many moves; [`ETIMEDOUT`] if
    /// the chip does not finish, [`EIO`] if it does so with an error.
    pub(crate) fn copy(&self, src: &View, dst: &View) -> Result {
        self.load(src, dst)?;

        for span in &src.0 {
            vcsan::device_reads(span.addr, span.len);
        }
        for span in &dst.0 {
            vcsan::device_writes(span.addr, span.len);
        }
        self.bar
            .write32(narrow(bus_address(&self.script))?, regs::DSP);
        self.wait()
    }

    /// Writes the script that copies `src` to `dst`.
    fn load(&self, src: &View, dst: &View) -> Result {
        let len = src.len();
        if dst.len() != len {
            return Err(EINVAL);
        }

        // SAFETY: The chip is idle, and only this method uses the memory, one call at a time as the
        // reference to the chip never leaves its thread.
        let script = unsafe { self.script.as_mut() };
        let mut words = script.iter_mut();
        let mut emit = |word: u32| -> Result {
            *words.next().ok_or(E2BIG)? = word.to_le();
            Ok(())
        };

        let mut done = 0;
        while let (Some(from), Some(to)) = (src.at(done), dst.at(done)) {
            let count = from.len.min(to.len).min(MOVE_MAX);
            // CAST: Not more than `MOVE_MAX`.
            emit(MOVE | count as u32)?;
            emit(from.addr)?;
            emit(to.addr)?;
            done += count;
        }
        for word in INT {
            emit(word)?;
        }

        Ok(())
    }

    /// Waits for the interrupt instruction at the end of the script.
    fn wait(&self) -> Result {
        for _ in 0..MAX_POLLS {
            if self.bar.read8(regs::ISTAT) & ISTAT_DIP != 0 {
                let dstat = self.bar.read8(regs::DSTAT);
                if dstat == DSTAT_DFE | DSTAT_SIR {
                    return Ok(());
                }

                dev_err!(self.dev, "copy ended with DSTAT {dstat:#x}\n");
                return Err(EIO);
            }
            cpu_relax();
        }

        self.bar.write8(ISTAT_ABRT, regs::ISTAT);
        dev_err!(self.dev, "copy does not end\n");
        Err(ETIMEDOUT)
    }
}

// SPDX-License-Identifier: GPL-2.0

//! Buffers of the heap under test, and the aliases of their pages.

use crate::{
    check::{
        ensure,
        Failed,
        Image,
        Outcome, //
    },
    sys::{
        self,
        Frame,
        UserMap, //
    },
    vcsan, //
};
use core::ops::Range;
use kernel::{
    bindings,
    page::PAGE_SIZE,
    prelude::*,
    transmute::{
        AsBytes,
        FromBytes, //
    },
};

pub(crate) use kernel::dma::DataDirection;
pub(crate) use kernel::dma_buf::{
    CpuAccess,
    DmaBuf,
    Importer,
    Mapping,
    VMap, //
};
pub(crate) use kernel::sync::aref::ARef;

/// Finds the pages of a buffer of the heap under test.
pub(crate) trait Frames {
    /// The page with the byte at `offset`. `None` if there is no such byte.
    fn frame(&self, offset: usize) -> Option<Frame>;
}

impl Frames for VMap {
    fn frame(&self, offset: usize) -> Option<Frame> {
        if offset >= self.len() {
            return None;
        }

        // SAFETY: The offset is within the mapping, which is one of the heap under test.
        unsafe { Frame::of_vmap(self.as_ptr().add(offset)) }
    }
}

/// The argument of `DMA_HEAP_IOCTL_ALLOC`: C `struct dma_heap_allocation_data`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Request {
    pub(crate) len: u64,
    pub(crate) fd: u32,
    pub(crate) fd_flags: u32,
    pub(crate) heap_flags: u64,
}

// SAFETY: There is no padding.
unsafe impl AsBytes for Request {}
// SAFETY: Any bytes are valid for the integers of which this is made.
unsafe impl FromBytes for Request {}

impl Request {
    /// What user space usually asks for.
    pub(crate) fn new(len: usize) -> Self {
        Self {
            len: len as u64,
            fd: 0,
            fd_flags: bindings::O_RDWR | bindings::O_CLOEXEC,
            heap_flags: 0,
        }
    }
}

/// The user process that a case pretends to be.
pub(crate) struct Client {
    arg: UserMap,
}

impl Client {
    pub(crate) fn new() -> Result<Self> {
        let arg = UserMap::anonymous(PAGE_SIZE)?;

        // The fault that gets the page is none of any allocation.
        arg.slice(0, 1).writer().write(&0_u8)?;
        Ok(Self { arg })
    }

    /// Allocates by the ioctl.
    pub(crate) fn request(&self, request: Request) -> Result<ARef<DmaBuf>> {
        const SIZE: usize = size_of::<Request>();

        self.arg.slice(0, SIZE).writer().write(&request)?;
        sys::allocate(self.arg.addr())?;

        let fd = self.arg.slice(0, SIZE).reader().read::<Request>()?.fd;
        // CAST: A file descriptor, which C has as an `int`.
        let fd = fd as i32;
        let buffer = DmaBuf::from_fd(fd);
        sys::close_fd(fd)?;
        buffer
    }

    /// Allocates `len` bytes.
    pub(crate) fn allocate(&self, len: usize) -> Result<ARef<DmaBuf>> {
        self.request(Request::new(len))
    }
}

/// Tries before a case gives up to get an alias of another colour.
const TRIES: usize = 16;

/// Pages that `vmap` covers, of which the alias at `addr` has another colour than the direct map.
fn other_colours(vmap: &VMap, addr: usize) -> Outcome<usize> {
    let mut count = 0;

    for offset in (0..vmap.len()).step_by(PAGE_SIZE) {
        let frame = vmap.frame(offset).ok_or(EFAULT)?;
        count += usize::from(frame.has_other_colour(addr + offset));
    }
    Ok(count)
}

/// Whether enough pages of a buffer have another colour in one alias than in the direct map.
///
/// A single page must, and so must all pages of one physically contiguous chunk. Where a buffer is
/// made of several, each finds a colour of its own, and half of all must do.
fn is_alias(vmap: &VMap, addr: usize) -> Outcome<bool> {
    let pages = vmap.len().div_ceil(PAGE_SIZE);

    Ok(2 * other_colours(vmap, addr)? >= pages)
}

/// Maps `buffer` into the kernel.
///
/// If the data cache aliases, the mapping has another colour than the direct map, or the case
/// fails.
pub(crate) fn vmap(buffer: &Importer) -> Outcome<VMap> {
    // Areas that shift the next one, by an even or by an odd number of pages, as each has a guard
    // page. They are no smaller than it, or they would go to holes where it does not fit.
    let mut spacers = KVec::new();

    for i in 0..TRIES {
        let vmap = buffer.vmap()?;

        if sys::colour_mask() == 0 || is_alias(&vmap, vmap.as_ptr().addr())? {
            vcsan::watch(&vmap);
            return Ok(vmap);
        }
        let vmap_len = vmap.len();
        drop(vmap);
        spacers.push(
            VVec::<u8>::with_capacity(vmap_len + i % 2 * PAGE_SIZE, GFP_KERNEL)?,
            GFP_KERNEL,
        )?;
    }

    Err(Failed::new(fmt!(
        "{TRIES} vmaps have the colour of the direct map, mask {:#x}",
        sys::colour_mask()
    )))
}

/// A buffer of `len` bytes that is mapped into user space too.
///
/// If the data cache aliases, that mapping has another colour than the direct map, or the case
/// fails.
pub(crate) fn allocate_with_user_map(client: &Client, len: usize) -> Outcome<(Importer, UserMap)> {
    // The address follows from the offset, so only another page has another colour.
    let mut rejected = KVec::new();

    for i in 0..TRIES {
        let buffer = Importer::new(client.allocate(len)?);
        let user = UserMap::of_buffer(buffer.dma_buf(), len, 0)?;
        let vmap = buffer.vmap()?;

        if sys::colour_mask() == 0 || is_alias(&vmap, user.addr())? {
            vcsan::watch(&vmap);
            drop(vmap);
            return Ok((buffer, user));
        }
        rejected.push(buffer, GFP_KERNEL)?;
        // Pages often come in order. One in between, now and then, moves those of the next buffer
        // to another colour, be its number odd or even.
        if i % 2 != 0 {
            rejected.push(Importer::new(client.allocate(PAGE_SIZE)?), GFP_KERNEL)?;
        }
    }

    Err(Failed::new(fmt!(
        "{TRIES} user mappings have the colour of the direct map, mask {:#x}",
        sys::colour_mask()
    )))
}

/// The pages of a buffer that has no vmap.
pub(crate) struct Pages(KVec<Frame>);

impl Pages {
    /// Those of `buffer`, which must outlive them.
    pub(crate) fn of(buffer: &Importer) -> Result<Self> {
        let vmap = buffer.vmap()?;
        let mut pages = KVec::new();

        for offset in (0..vmap.len()).step_by(PAGE_SIZE) {
            pages.push(vmap.frame(offset).ok_or(EFAULT)?, GFP_KERNEL)?;
        }
        vcsan::watch(&vmap);
        Ok(Self(pages))
    }
}

impl Frames for Pages {
    fn frame(&self, offset: usize) -> Option<Frame> {
        self.0.get(offset / PAGE_SIZE).copied()
    }
}

/// Copies from the page `frame`, by the direct map where that shows it.
///
/// # Safety
///
/// The bytes from `offset` must be within the page, which nobody else writes meanwhile.
unsafe fn copy_from(frame: Option<Frame>, offset: usize, data: &mut [u8]) -> Result {
    let page = frame.ok_or(EFAULT)?.map();
    let from = page.start().wrapping_add(offset);

    // SAFETY: As promised by the caller.
    unsafe { data.as_mut_ptr().copy_from(from, data.len()) };
    Ok(())
}

/// Copies to the page `frame`, by the direct map where that shows it.
///
/// # Safety
///
/// The bytes from `offset` must be within the page, which nobody else uses meanwhile.
unsafe fn copy_to(frame: Option<Frame>, offset: usize, data: &[u8]) -> Result {
    let page = frame.ok_or(EFAULT)?.map();
    let to = page.start().wrapping_add(offset);

    // SAFETY: As promised by the caller.
    unsafe { to.copy_from(data.as_ptr(), data.len()) };
    Ok(())
}

/// The alias of a buffer by which the CPU gets at it.
#[derive(Clone, Copy)]
pub(crate) enum Alias<'a> {
    /// The vmap.
    VMap(&'a VMap),
    /// The direct map, found through a vmap; a mapping of the moment in high memory.
    Direct(&'a VMap),
    /// The same, of a buffer without a vmap.
    Pages(&'a Pages),
    /// A mapping in user space.
    User(&'a UserMap),
}

impl Alias<'_> {
    /// Reads while the CPU owns the buffer, within one page.
    pub(crate) fn read(self, cpu: &CpuAccess<'_>, offset: usize, data: &mut [u8]) -> Result {
        match self {
            Self::VMap(vmap) => cpu.read(vmap, offset, data),
            Self::Direct(vmap) => {
                // SAFETY: The page is the buffer's while `vmap` lives, nobody else writes while
                // this thread has CPU access, and the bytes do not cross into the next page.
                unsafe { copy_from(vmap.frame(offset), offset % PAGE_SIZE, data) }
            }
            Self::Pages(pages) => {
                // SAFETY: As above, and the buffer lives while this access does.
                unsafe { copy_from(pages.frame(offset), offset % PAGE_SIZE, data) }
            }
            Self::User(user) => user.slice(offset, data.len()).reader().read_slice(data),
        }
    }

    /// Writes while the CPU owns the buffer, within one page.
    pub(crate) fn write(self, cpu: &mut CpuAccess<'_>, offset: usize, data: &[u8]) -> Result {
        match self {
            Self::VMap(vmap) => cpu.write(vmap, offset, data),
            Self::Direct(vmap) => {
                // SAFETY: As in `read`.
                unsafe { copy_to(vmap.frame(offset), offset % PAGE_SIZE, data) }
            }
            Self::Pages(pages) => {
                // SAFETY: As in `read`.
                unsafe { copy_to(pages.frame(offset), offset % PAGE_SIZE, data) }
            }
            Self::User(user) => user.slice(offset, data.len()).writer().write_slice(data),
        }
    }
}

/// Writes the bytes of `range` of `image` through `alias`, in a CPU access of its own.
pub(crate) fn cpu_write(
    buffer: &mut Importer,
    direction: DataDirection,
    alias: Alias<'_>,
    image: &Image,
    range: Range<usize>,
) -> Outcome {
    let mut cpu = buffer.begin_cpu_access(direction)?;

    image.write(range, |offset, data| alias.write(&mut cpu, offset, data))?;
    Ok(cpu.end()?)
}

/// Compares all of the buffer with `image` through `alias`, in a CPU access of its own.
#[track_caller]
pub(crate) fn cpu_check(
    buffer: &mut Importer,
    direction: DataDirection,
    alias: Alias<'_>,
    image: &Image,
    what: &str,
) -> Outcome {
    ensure!(
        buffer.dma_buf().size() == image.len(),
        "{what}: expected a buffer of {} bytes, got {}",
        image.len(),
        buffer.dma_buf().size()
    );
    let cpu = buffer.begin_cpu_access(direction)?;

    image.check(what, |offset, data| alias.read(&cpu, offset, data))?;
    Ok(cpu.end()?)
}

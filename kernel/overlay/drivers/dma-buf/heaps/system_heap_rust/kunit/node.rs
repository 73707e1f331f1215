// SPDX-License-Identifier: GPL-2.0

//! A device node by which a process gets at a device and at a user in the kernel.
//!
//! `/dev/dma_buf_test` knows one ioctl, whose argument is a [`Request`].

use crate::{
    device::Peer,
    fences::Transfer,
    heap::{
        DataDirection,
        DmaBuf,
        Importer, //
    },
    lsi::Chip,
    sequences::Link,
    sys::Frame,
    vcsan, //
};
use core::ops::Range;
use kernel::{
    fs::File,
    ioctl::_IOW,
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    sync::Mutex,
    transmute::FromBytes,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

/// What to do with a part of a buffer. C has the same in `kernel/guest/programs/buffers.h`.
#[repr(C)]
struct Request {
    /// Where the process has the data of the part, as a pointer.
    data: u64,
    /// The buffer.
    fd: i32,
    /// One of the constants below.
    what: u32,
    /// Where the part starts, in bytes.
    offset: u32,
    /// Bytes of the part.
    len: u32,
}

// SAFETY: Any bytes are valid for the integers of which this is made.
unsafe impl FromBytes for Request {}

/// A device reads: it is mapped for the chip, copied, and unmapped.
const DEVICE_READS: u32 = 0;
/// A device writes, in the same way.
const DEVICE_WRITES: u32 = 1;
/// The kernel reads through its vmap, in an access.
const KERNEL_READS: u32 = 2;
/// The kernel writes, in the same way.
const KERNEL_WRITES: u32 = 3;
/// A transfer that writes begins: the buffer gets a fence. There is one at a time.
const TRANSFER_BEGINS: u32 = 4;
/// It ends.
const TRANSFER_ENDS: u32 = 5;
/// The pages that the process has at `data`, as far as it has them by now, are watched.
const WATCH: u32 = 6;

const TRANSFER: u32 = _IOW::<Request>(b'h' as u32, 1);

/// The node, once somebody has opened it.
#[pin_data]
pub(crate) struct Node {
    #[pin]
    transfer: Mutex<Option<Transfer<'static>>>,
}

pub(crate) const OPTIONS: MiscDeviceOptions = MiscDeviceOptions {
    name: c"dma_buf_test",
};

#[vtable]
impl MiscDevice for Node {
    type Ptr = Pin<KBox<Self>>;

    fn open(_file: &File, _misc: &MiscDeviceRegistration<Self>) -> Result<Pin<KBox<Self>>> {
        KBox::pin_init(
            pin_init!(Node {
                transfer <- new_mutex!(None),
            }),
            GFP_KERNEL,
        )
    }

    fn ioctl(node: Pin<&Self>, _file: &File, cmd: u32, arg: usize) -> Result<isize> {
        if cmd != TRANSFER {
            return Err(ENOTTY);
        }
        let arg = UserSlice::new(UserPtr::from_addr(arg), size_of::<Request>());
        let request = arg.reader().read::<Request>()?;
        let start = request.offset as usize;
        let end = start.checked_add(request.len as usize).ok_or(EINVAL)?;
        let addr = request.data.try_into()?;
        let data = UserSlice::new(UserPtr::from_addr(addr), request.len as usize);

        let buffer = Importer::new(DmaBuf::from_fd(request.fd)?);
        if start >= end || end > buffer.dma_buf().size() {
            return Err(EINVAL);
        }
        match request.what {
            DEVICE_READS | DEVICE_WRITES => {
                device(&buffer, start..end, data, request.what == DEVICE_WRITES)?
            }
            KERNEL_READS | KERNEL_WRITES => {
                kernel(buffer, start..end, data, request.what == KERNEL_WRITES)?
            }
            TRANSFER_BEGINS => {
                *node.transfer.lock() = Some(Transfer::endless(buffer.dma_buf(), true)?);
            }
            TRANSFER_ENDS => *node.transfer.lock() = None,
            WATCH => (0..request.len as usize)
                .step_by(PAGE_SIZE)
                .filter_map(|offset| Frame::of_user(addr.wrapping_add(offset)))
                .for_each(vcsan::watch_page),
            _ => return Err(EINVAL),
        }
        Ok(0)
    }
}

fn device(buffer: &Importer, range: Range<usize>, data: UserSlice, writes: bool) -> Result {
    Chip::with(|chip| {
        let peer = Peer::new(chip, range.len())?;
        let all = peer.view(0..range.len())?;
        let mut link = Link::new(buffer, chip)?;
        let mut bytes = KVVec::from_elem(0_u8, range.len(), GFP_KERNEL)?;

        if writes {
            data.reader().read_slice(&mut bytes)?;
            peer.put(&bytes)?;
            link.map(DataDirection::FromDevice)?;
            chip.copy(&all, &link.view(&range)?)
        } else {
            link.map(DataDirection::ToDevice)?;
            chip.copy(&link.view(&range)?, &all)?;
            peer.get(&mut bytes)?;
            data.writer().write_slice(&bytes)
        }
    })
}

fn kernel(mut buffer: Importer, range: Range<usize>, data: UserSlice, writes: bool) -> Result {
    let vmap = buffer.vmap()?;
    let mut bytes = KVVec::from_elem(0_u8, range.len(), GFP_KERNEL)?;

    if writes {
        data.reader().read_slice(&mut bytes)?;
        let mut cpu = buffer.begin_cpu_access(DataDirection::Bidirectional)?;
        cpu.write(&vmap, range.start, &bytes)?;
        cpu.end()
    } else {
        let cpu = buffer.begin_cpu_access(DataDirection::FromDevice)?;
        cpu.read(&vmap, range.start, &mut bytes)?;
        cpu.end()?;
        data.writer().write_slice(&bytes)
    }
}

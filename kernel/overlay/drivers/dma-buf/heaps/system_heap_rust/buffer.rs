// SPDX-License-Identifier: GPL-2.0

//! A buffer of the heap, and the executor of what [`ownership`](crate::ownership) plans for it.

use crate::ownership::{
    Direction,
    Event,
    Mappings,
    Op,
    Ownership,
    Plan, //
};
use kernel::{
    dma::DataDirection,
    dma_buf::{
        DmaBuf,
        Exporter,
        MapRequest,
        UserArea, //
    },
    mm::vmap::Vmap,
    new_mutex,
    page::Chunks,
    prelude::*,
    scatterlist::MappedPages,
    sync::{
        Arc,
        Mutex, //
    }, //
};

/// A buffer.
///
/// `state` is locked inside the buffer's reservation lock, and the `i_mmap` lock of the buffer's file
/// inside of it.
#[pin_data]
pub(crate) struct Buffer {
    chunks: Arc<Chunks>,
    #[pin]
    state: Mutex<State>,
}

struct State {
    ownership: Ownership,
    /// What is mapped for devices, as `ownership` counts it.
    mappings: KVec<Arc<MappedPages>>,
    /// The vmap, if there is one. The dma-buf core counts its users.
    vmap: Option<Arc<Vmap>>,
}

impl Buffer {
    /// Creates a buffer of pages that hold zeros, which have been written back.
    pub(crate) fn new(chunks: Arc<Chunks>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            chunks,
            state <- new_mutex!(State {
                ownership: Ownership::new(),
                mappings: KVec::new(),
                vmap: None,
            }),
        })
    }
}

impl State {
    /// Does what `plan` says, and `transfer` where it says to map or to unmap.
    fn execute(&self, buf: &DmaBuf, plan: &Plan, transfer: impl FnOnce() -> Result) -> Result {
        let mut transfer = Some(transfer);

        for op in plan.ops() {
            match op {
                Op::WriteBackVmap => {
                    if let Some(vmap) = &self.vmap {
                        vmap.write_back();
                    }
                }
                Op::InvalidateVmap => {
                    if let Some(vmap) = &self.vmap {
                        vmap.invalidate();
                    }
                }
                Op::FlushUser => buf.flush_user_mappings(),
                Op::SyncForDevice(which) => self.mappings(which).for_each(|m| m.sync_for_device()),
                Op::SyncForCpu(which) => self.mappings(which).for_each(|m| m.sync_for_cpu()),
                Op::Map | Op::Unmap => {
                    if let Some(transfer) = transfer.take() {
                        transfer()?;
                    }
                }
            }
        }
        Ok(())
    }

    fn mappings(&self, which: Mappings) -> impl Iterator<Item = &Arc<MappedPages>> {
        self.mappings.iter().filter(move |mapping| match which {
            Mappings::All => true,
            Mappings::Written => mapping.direction() != DataDirection::ToDevice,
        })
    }

    /// Does an event that neither maps nor unmaps anything.
    fn access(&mut self, buf: &DmaBuf, event: Event) -> Result {
        let (next, plan) = self.ownership.next(event);

        self.execute(buf, &plan, || Ok(()))?;
        self.ownership = next;
        Ok(())
    }
}

impl Exporter for Buffer {
    fn map(&self, buf: &DmaBuf, request: MapRequest<'_>) -> Result<Arc<MappedPages>> {
        let dir = direction(request.direction())?;
        let mut state = self.state.lock();
        let (next, plan) = state.ownership.next(Event::Map(dir));
        let mut mapping = None;

        // After this nothing can fail once the pages are mapped.
        state.mappings.reserve(1, GFP_KERNEL)?;
        state.execute(buf, &plan, || {
            mapping = Some(request.map(self.chunks.clone(), data_direction(dir.mapped_as()))?);
            Ok(())
        })?;

        let mapping = mapping.ok_or(EINVAL)?;
        state.mappings.push(mapping.clone(), GFP_KERNEL)?;
        state.ownership = next;
        Ok(mapping)
    }

    fn unmap(&self, buf: &DmaBuf, mapping: &Arc<MappedPages>) {
        let mut state = self.state.lock();
        let mut position = state.mappings.iter();
        let Some(index) = position.position(|other| Arc::ptr_eq(other, mapping)) else {
            return;
        };
        let Ok(dir) = direction(mapping.direction()) else {
            return;
        };
        let (next, plan) = state.ownership.next(Event::Unmap(dir));

        // Nothing of this can fail.
        let _ = state.execute(buf, &plan, || {
            mapping.unmap();
            Ok(())
        });
        let _ = state.mappings.remove(index);
        state.ownership = next;
    }

    fn begin_cpu_access(&self, buf: &DmaBuf, _dir: DataDirection) -> Result {
        self.state.lock().access(buf, Event::Begin)
    }

    fn end_cpu_access(&self, buf: &DmaBuf, dir: DataDirection) -> Result {
        let dir = direction(dir)?;

        self.state.lock().access(buf, Event::End(dir))
    }

    fn mmap<'a>(&'a self, area: UserArea<'a>) -> Result {
        area.map(&self.chunks)
    }

    fn vmap(&self, _buf: &DmaBuf) -> Result<Arc<Vmap>> {
        let mut state = self.state.lock();
        let vmap = Arc::new(Vmap::new(self.chunks.clone())?, GFP_KERNEL)?;

        state.vmap = Some(vmap.clone());
        Ok(vmap)
    }

    fn vunmap(&self, _buf: &DmaBuf) {
        self.state.lock().vmap = None;
    }
}

fn direction(dir: DataDirection) -> Result<Direction> {
    match dir {
        DataDirection::ToDevice => Ok(Direction::ToDevice),
        DataDirection::FromDevice => Ok(Direction::FromDevice),
        DataDirection::Bidirectional => Ok(Direction::Bidirectional),
        DataDirection::None => Err(EINVAL),
    }
}

fn data_direction(dir: Direction) -> DataDirection {
    match dir {
        Direction::ToDevice => DataDirection::ToDevice,
        Direction::FromDevice => DataDirection::FromDevice,
        Direction::Bidirectional => DataDirection::Bidirectional,
    }
}

// SPDX-License-Identifier: GPL-2.0

//! A buffer of the heap, and the executor of what [`ownership`](crate::ownership) plans for it.

use crate::ownership::{
    Direction,
    Event,
    Op,
    Ownership,
    Plan, //
};
use core::cell::Cell;
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
/// `state` is locked inside the buffer's reservation lock, and the `i_mmap` lock of the buffer's
/// file inside of it.
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
    /// The last one that was unmapped. Who maps and unmaps in turn, as V4L2 does for each frame,
    /// allocates nothing but the first time.
    spare: Option<Arc<MappedPages>>,
    /// The one that is being unmapped. What is done for that is done by it alone: a device of
    /// another one, which the CPU has taken the buffer from, does not get it back.
    leaving: Option<Arc<MappedPages>>,
    /// The vmap, if there is one. The dma-buf core counts its users.
    vmap: Option<Arc<Vmap>>,
    /// The last step that did anything, of the plan that is being carried out.
    last: Cell<Option<Op>>,
}

impl Buffer {
    /// Creates a buffer of pages that hold zeros, which have been written back.
    pub(crate) fn new(chunks: Arc<Chunks>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            chunks,
            state <- new_mutex!(State {
                ownership: Ownership::new(),
                mappings: KVec::new(),
                spare: None,
                leaving: None,
                vmap: None,
                last: Cell::new(None),
            }),
        })
    }
}

impl State {
    /// The state after `event`, and what has to be done for it.
    fn plan(&self, event: Event) -> (Ownership, Plan) {
        self.last.set(None);
        self.ownership.next(event)
    }

    /// Does one step of a plan, other than to map and to unmap.
    fn execute(&self, buf: &DmaBuf, op: Op) -> Result {
        let last = self.last.replace(Some(op));
        if op.is_done_by(last, Vmap::WRITE_BACK_DROPS) {
            return Ok(());
        }
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
            Op::FlushUser => {
                if !buf.flush_user_mappings() {
                    self.last.set(last);
                }
            }
            Op::WriteBackDirectMap => self.written().try_for_each(|m| m.write_back())?,
            Op::SyncForDevice => self.mappings.iter().for_each(|m| m.sync_for_device()),
            Op::SyncForDeviceUnwritten => {
                self.written().for_each(|m| m.sync_for_device_unwritten())
            }
            Op::SyncForCpu => self.written().for_each(|m| m.sync_for_cpu()),
            Op::Map | Op::Unmap => {}
        }
        Ok(())
    }

    /// Does one step of a plan that has to be carried out to its end.
    ///
    /// If dirty lines can't be written back alone, the buffer is handed to its devices, which
    /// writes them back too. That overwrites a bounce buffer; else the next step would drop the
    /// lines.
    fn execute_anyway(&self, buf: &DmaBuf, op: Op) {
        if self.execute(buf, op).is_err() {
            self.written().for_each(|m| m.sync_for_device());
        }
    }

    /// The mappings through which a device may write, or the one of them that is being unmapped.
    fn written(&self) -> impl Iterator<Item = &Arc<MappedPages>> {
        let leaving = self.leaving.as_ref();

        self.mappings
            .iter()
            .filter(move |mapping| leaving.is_none_or(|leaving| Arc::ptr_eq(leaving, mapping)))
            .filter(|mapping| mapping.direction() != DataDirection::ToDevice)
    }
}

impl Exporter for Buffer {
    fn map(&self, buf: &DmaBuf, request: MapRequest<'_>) -> Result<Arc<MappedPages>> {
        let dir = direction(request.direction())?;
        let mut state = self.state.lock();
        let (next, plan) = state.plan(Event::Map(dir));

        // Reserve now, so that nothing can fail after mapping, which is the last step.
        state.mappings.reserve(1, GFP_KERNEL)?;
        for op in plan.ops() {
            state.execute(buf, op)?;
        }

        let dir = data_direction(dir.mapped_as());
        let mapping = match state.spare.take() {
            Some(spare) => request.map_again(spare, dir)?,
            None => request.map(self.chunks.clone(), dir)?,
        };
        state.mappings.push(mapping.clone(), GFP_KERNEL)?;
        state.ownership = next;
        Ok(mapping)
    }

    fn unmap(&self, buf: &DmaBuf, mapping: &Arc<MappedPages>) {
        let mut state = self.state.lock();
        let mut position = state.mappings.iter();
        let found = position.position(|other| Arc::ptr_eq(other, mapping));
        let (Some(index), Ok(dir)) = (found, direction(mapping.direction())) else {
            pr_warn!("a mapping of another buffer is unmapped\n");
            return;
        };
        let (next, plan) = state.plan(Event::Unmap(dir));

        state.leaving = Some(mapping.clone());
        for op in plan.ops() {
            match op {
                Op::Unmap => mapping.unmap(),
                op => state.execute_anyway(buf, op),
            }
        }
        state.leaving = None;
        state.spare = state.mappings.remove(index).ok();
        state.ownership = next;
    }

    fn detach(&self, _buf: &DmaBuf) {
        // It has a reference to a device.
        self.state.lock().spare = None;
    }

    fn begin_cpu_access(&self, buf: &DmaBuf, dir: DataDirection) -> Result {
        let mut state = self.state.lock();
        let (next, plan) = state.plan(Event::Begin(direction(dir)?));

        for op in plan.ops() {
            state.execute(buf, op)?;
        }
        state.ownership = next;
        Ok(())
    }

    fn end_cpu_access(&self, buf: &DmaBuf, dir: DataDirection) -> Result {
        let mut state = self.state.lock();
        let (next, plan) = state.plan(Event::End(direction(dir)?));

        for op in plan.ops() {
            state.execute_anyway(buf, op);
        }
        state.ownership = next;
        Ok(())
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

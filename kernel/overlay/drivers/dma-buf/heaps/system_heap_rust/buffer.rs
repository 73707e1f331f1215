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
    new_spinlock,
    page::{
        self,
        Chunks, //
    },
    prelude::*,
    scatterlist::MappedPages,
    sync::{
        Arc,
        Mutex,
        SpinLock, //
    }, //
};

/// A buffer.
///
/// `state` is locked inside the buffer's reservation lock, and the `i_mmap` lock of the buffer's
/// file and `turn` inside of it.
#[pin_data]
pub(crate) struct Buffer {
    chunks: Arc<Chunks>,
    /// Whether a vmap and user mappings need any maintenance on this CPU.
    aliases: bool,
    #[pin]
    turn: SpinLock<Turn>,
    #[pin]
    state: Mutex<State>,
}

/// Whose turn it is. An event that needs no maintenance changes this, and takes no other lock.
struct Turn {
    ownership: Ownership,
    /// Whether there is a vmap.
    vmap: bool,
    /// Whether a plan is being carried out, by who has locked the buffer's state. Until that ends,
    /// `ownership` stays as it was before.
    changing: bool,
}

/// What plans are carried out on. Who does that has it locked.
struct State {
    /// What is mapped for devices, as the buffer's ownership counts it.
    mappings: KVec<Arc<MappedPages>>,
    /// The last one that was unmapped. Who maps and unmaps in turn, as V4L2 does for each frame,
    /// allocates nothing but the first time.
    spare: Option<Arc<MappedPages>>,
    /// The index of the one that is being unmapped. What is done for that is done by it alone: a
    /// device of another one, which the CPU has taken the buffer from, does not get it back.
    leaving: Option<usize>,
    /// The vmap, if there is one. The dma-buf core counts its users.
    vmap: Option<Arc<Vmap>>,
    /// The last step that did anything, of the plan that is being carried out.
    last: Cell<Option<Op>>,
}

/// A plan that is being carried out. If it is dropped, the event has not happened.
struct Change<'a> {
    turn: &'a SpinLock<Turn>,
    /// What the buffer's ownership is when this is dropped.
    ownership: Ownership,
    /// What it is after the event.
    next: Ownership,
}

impl Change<'_> {
    /// The plan was carried out.
    #[inline(always)]
    fn finish(mut self) {
        self.ownership = self.next;
    }
}

impl Drop for Change<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let mut turn = self.turn.lock();

        turn.ownership = self.ownership;
        turn.changing = false;
    }
}

impl Buffer {
    /// Creates a buffer of pages that hold zeros, which have been written back.
    pub(crate) fn new(chunks: Arc<Chunks>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            chunks,
            aliases: page::dcache_is_aliasing(),
            turn <- new_spinlock!(Turn {
                ownership: Ownership::new(),
                vmap: false,
                changing: false,
            }),
            state <- new_mutex!(State {
                mappings: KVec::new(),
                spare: None,
                leaving: None,
                vmap: None,
                last: Cell::new(None),
            }),
        })
    }

    /// The state after `event`, and what has to be done for it.
    #[inline(always)]
    fn next(&self, turn: &Turn, buf: &DmaBuf, event: Event) -> (Ownership, Plan) {
        let (next, plan) = turn.ownership.next(event);

        (next, self.needed(turn, buf, plan))
    }

    /// What is left of a plan without the steps that would do nothing on this CPU, or for aliases
    /// that the buffer has not.
    #[inline(always)]
    fn needed(&self, turn: &Turn, buf: &DmaBuf, mut plan: Plan) -> Plan {
        if MappedPages::SYNC_FOR_CPU_DROPS {
            plan = plan.without(&[Op::SyncForDeviceUnwritten]);
        }
        if !self.aliases || !turn.vmap {
            plan = plan.without(Op::OF_VMAP);
        }
        if plan.has(Op::FlushUser) && !(self.aliases && buf.has_user_mappings()) {
            plan = plan.without(&[Op::FlushUser]);
        }
        plan
    }

    /// Counts an event, if nothing has to be done for it and nobody carries out a plan.
    #[inline(always)]
    fn count(&self, buf: &DmaBuf, event: Event) -> bool {
        let mut turn = self.turn.lock();
        let (next, plan) = self.next(&turn, buf, event);

        if turn.changing || !plan.is_empty() {
            return false;
        }
        turn.ownership = next;
        true
    }

    /// Starts to carry out what has to be done for an event. `state` is the buffer's.
    #[inline(always)]
    fn start(&self, state: &State, buf: &DmaBuf, event: Event) -> (Change<'_>, Plan) {
        let mut turn = self.turn.lock();
        let (next, plan) = self.next(&turn, buf, event);

        turn.changing = true;
        state.last.set(None);
        let change = Change {
            turn: &self.turn,
            ownership: turn.ownership,
            next,
        };
        (change, plan)
    }
}

impl State {
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
            Op::WriteBackDirectMap => {
                // SAFETY: The state is locked, and nobody unmaps without that.
                self.written().try_for_each(|m| unsafe { m.write_back() })?
            }
            Op::SyncForDevice => {
                self.mappings
                    .iter()
                    // SAFETY: As above.
                    .for_each(|m| unsafe { m.sync_for_device() })
            }
            Op::SyncForDeviceUnwritten => {
                self.written()
                    // SAFETY: As above.
                    .for_each(|m| unsafe { m.sync_for_device_unwritten() })
            }
            Op::SyncForCpu => {
                // SAFETY: As above.
                self.written().for_each(|m| unsafe { m.sync_for_cpu() })
            }
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
            // SAFETY: As in `execute`.
            self.written().for_each(|m| unsafe { m.sync_for_device() });
        }
    }

    /// The mappings through which a device may write, or the one of them that is being unmapped.
    fn written(&self) -> impl Iterator<Item = &Arc<MappedPages>> {
        let mappings = match self.leaving {
            Some(index) => &self.mappings[index..][..1],
            None => &self.mappings[..],
        };

        mappings
            .iter()
            .filter(|mapping| mapping.direction() != DataDirection::ToDevice)
    }
}

impl Exporter for Buffer {
    fn map(&self, buf: &DmaBuf, request: MapRequest<'_>) -> Result<Arc<MappedPages>> {
        let dir = direction(request.direction())?;
        let mut state = self.state.lock();
        let (change, plan) = self.start(&state, buf, Event::Map(dir));

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
        change.finish();
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
        let (change, plan) = self.start(&state, buf, Event::Unmap(dir));

        state.leaving = Some(index);
        for op in plan.ops() {
            match op {
                Op::Unmap => mapping.unmap(),
                op => state.execute_anyway(buf, op),
            }
        }
        state.leaving = None;
        // The order of those that are left makes no difference.
        let last = state.mappings.len() - 1;
        state.mappings.swap(index, last);
        state.spare = state.mappings.pop();
        change.finish();
    }

    fn detach(&self, _buf: &DmaBuf) {
        // It has a reference to a device.
        self.state.lock().spare = None;
    }

    fn begin_cpu_access(&self, buf: &DmaBuf, dir: DataDirection) -> Result {
        let event = Event::Begin(direction(dir)?);
        if self.count(buf, event) {
            return Ok(());
        }
        let state = self.state.lock();
        let (change, plan) = self.start(&state, buf, event);

        for op in plan.ops() {
            state.execute(buf, op)?;
        }
        change.finish();
        Ok(())
    }

    fn end_cpu_access(&self, buf: &DmaBuf, dir: DataDirection) -> Result {
        let event = Event::End(direction(dir)?);
        if self.count(buf, event) {
            return Ok(());
        }
        let state = self.state.lock();
        let (change, plan) = self.start(&state, buf, event);

        for op in plan.ops() {
            state.execute_anyway(buf, op);
        }
        change.finish();
        Ok(())
    }

    fn mmap<'a>(&'a self, area: UserArea<'a>) -> Result {
        area.map(&self.chunks)
    }

    fn vmap(&self, _buf: &DmaBuf) -> Result<Arc<Vmap>> {
        let mut state = self.state.lock();
        let vmap = Arc::new(Vmap::new(self.chunks.clone())?, GFP_KERNEL)?;

        state.vmap = Some(vmap.clone());
        self.turn.lock().vmap = true;
        Ok(vmap)
    }

    fn vunmap(&self, _buf: &DmaBuf) {
        let mut state = self.state.lock();

        self.turn.lock().vmap = false;
        state.vmap = None;
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

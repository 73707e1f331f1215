// SPDX-License-Identifier: GPL-2.0

//! Does the plans of [`ownership`](crate::ownership) wrong, as the mutant asks that is chosen.

use super::State;
use crate::ownership::{
    Event,
    Op,
    Plan, //
};
use kernel::{
    bindings,
    dma::DataDirection,
    dma_buf::DmaBuf,
    page::PAGE_SIZE,
    prelude::*,
    scatterlist::MappedPages,
    sync::Arc, //
};

pub(crate) mod plan;

use plan::{
    Kind,
    Mutation, //
};

/// The mutation that is chosen, if it is about this plan for this event.
fn chosen(event: Option<Event>, plan: &Plan) -> Option<Mutation<'static>> {
    // SAFETY: The name lives for ever, and only changes while no case runs.
    let name = unsafe { CStr::from_char_ptr(bindings::mutant_name()) };

    let event = event?;

    Mutation::parse(name.to_str().ok()?).filter(|mutation| mutation.is_of(event, plan.ops()))
}

/// The steps of `plan`, in the order in which they are done, and how.
pub(super) fn steps(plan: &Plan) -> impl Iterator<Item = (Op, Option<Kind>)> + '_ {
    let mutation = chosen(plan.event, plan);

    (0..Plan::MAX).filter_map(move |index| {
        let (index, how) = match &mutation {
            Some(mutation) => mutation.instead(index)?,
            None => (index, None),
        };
        Some((plan.ops().nth(index)?, how))
    })
}

/// Does a step other than to map and to unmap, wrong if `how` says so.
pub(super) fn execute(state: &State, buf: &DmaBuf, op: Op, how: Option<Kind>) -> Result {
    let _done = start(how);
    let all = |m: &Arc<MappedPages>| m.clone();

    // What is done in part leaves the next step all that it has to do.
    state.last.set(state.last.get().filter(|_| how.is_none()));
    match (op, how) {
        (_, None | Some(Kind::WrongDirection)) if !is_of_vmap(op) => state.execute(buf, op),
        (_, None) => state.execute(buf, op),
        (Op::WriteBackVmap, Some(Kind::WrongDirection)) => state.execute(buf, Op::InvalidateVmap),
        (Op::InvalidateVmap, Some(Kind::WrongDirection)) => state.execute(buf, Op::WriteBackVmap),
        (Op::WriteBackVmap | Op::InvalidateVmap, Some(how)) => {
            part_of_vmap(state, op, how);
            Ok(())
        }
        (Op::FlushUser, Some(how)) => {
            let len = if how == Kind::Page { PAGE_SIZE } else { 0 };
            // SAFETY: The buffer is valid.
            unsafe { bindings::mutant_flush_user(buf.as_raw(), len) };
            Ok(())
        }
        (Op::SyncForDevice, Some(how)) => {
            part_of_mappings(state.mappings.iter().map(all), op, how)
        }
        (_, Some(how)) => part_of_mappings(state.written().map(all), op, how),
    }
}

fn is_of_vmap(op: Op) -> bool {
    matches!(op, Op::WriteBackVmap | Op::InvalidateVmap)
}

/// The first line, page or chunk of the vmap.
fn part_of_vmap(state: &State, op: Op, how: Kind) {
    let Some(vmap) = &state.vmap else {
        return;
    };
    let len = match how {
        Kind::Line => 4,
        Kind::Page => PAGE_SIZE,
        _ => state.first_chunk,
    } as c_int;

    // SAFETY: The vmap has at least as much.
    unsafe {
        if op == Op::WriteBackVmap {
            bindings::flush_kernel_vmap_range(vmap.as_ptr(), len)
        } else {
            bindings::invalidate_kernel_vmap_range(vmap.as_ptr(), len)
        }
    }
}

/// The first mapping, or of each the first line, page or chunk.
fn part_of_mappings(
    mut mappings: impl Iterator<Item = Arc<MappedPages>>,
    op: Op,
    how: Kind,
) -> Result {
    if how == Kind::Mapping {
        let Some(first) = mappings.next() else {
            return Ok(());
        };
        // SAFETY: The state is locked, and nobody unmaps without that.
        unsafe {
            match op {
                Op::WriteBackDirectMap => first.write_back()?,
                Op::SyncForDevice => first.sync_for_device(),
                Op::SyncForDeviceUnwritten => first.sync_for_device_unwritten(),
                _ => first.sync_for_cpu(),
            }
        }
        return Ok(());
    }
    let len = match how {
        Kind::Line => 4,
        Kind::Page => PAGE_SIZE,
        _ => 0,
    };
    for mapping in mappings {
        let dir = match op {
            Op::WriteBackDirectMap => DataDirection::ToDevice,
            Op::SyncForDeviceUnwritten => DataDirection::FromDevice,
            _ => mapping.direction(),
        };
        // SAFETY: The mapping is there while the state is locked.
        unsafe {
            bindings::mutant_sync(
                mapping.mutant_device(),
                mapping.as_raw(),
                dir.into(),
                op == Op::SyncForCpu,
                len,
            )
        };
    }
    Ok(())
}

/// Turns the directions of what follows, if `how` asks for that, until the result is dropped.
pub(super) fn start(how: Option<Kind>) -> Done {
    // SAFETY: No requirements.
    unsafe { bindings::mutant_flip(how == Some(Kind::WrongDirection)) };
    Done
}

/// Undoes what a step has set.
pub(super) struct Done;

impl Drop for Done {
    fn drop(&mut self) {
        // SAFETY: No requirements.
        unsafe { bindings::mutant_flip(false) };
    }
}

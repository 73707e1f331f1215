// SPDX-License-Identifier: GPL-2.0-only
//! Two steps of work on several threads: each build makes some boots ready, which run as soon as a thread is free.
//!
//! Knows nothing of kernels and guests. A step that panics is reported like one that failed, and the others go on.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What is to be done, step by step.
pub trait Work: Sync {
    /// Makes boots ready.
    type Build: Send + Sync;
    /// Gives one result.
    type Boot: Send;
    /// What came of a boot.
    type Done: Send;

    /// The boots that `build` made ready, or the results of those that it could not.
    fn build(&self, build: &Self::Build) -> Result<Vec<Self::Boot>, Vec<Self::Done>>;
    /// What came of `boot`.
    fn boot(&self, boot: &Self::Boot) -> Self::Done;
    /// The results of the boots of a build that panicked, and why it did.
    fn build_lost(&self, build: &Self::Build, why: &str) -> Vec<Self::Done>;
    /// The result of a boot that panicked, and why it did.
    fn boot_lost(&self, boot: &Self::Boot, why: &str) -> Self::Done;
    /// Called once, when no build is left.
    fn built(&self);
}

struct Queue<W: Work> {
    builds: VecDeque<W::Build>,
    boots: VecDeque<W::Boot>,
    building: usize,
    done: Vec<W::Done>,
}

enum Next<W: Work> {
    Build(W::Build),
    Boot(W::Boot),
}

/// Does `builds`, in this order, and all boots that they make ready, on `threads` threads. The results are in the order in
/// which they came.
pub fn run<W: Work>(work: &W, threads: usize, builds: Vec<W::Build>) -> Vec<W::Done> {
    if builds.is_empty() {
        work.built();
        return Vec::new();
    }
    let queue = Mutex::new(Queue::<W> {
        builds: builds.into(),
        boots: VecDeque::new(),
        building: 0,
        done: Vec::new(),
    });
    let changed = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(next) = next(&queue, &changed) {
                    match next {
                        Next::Build(build) => {
                            let made = attempt(|| work.build(&build))
                                .unwrap_or_else(|why| Err(work.build_lost(&build, &why)));
                            let mut queue = lock(&queue);
                            queue.building -= 1;
                            match made {
                                Ok(boots) => queue.boots.extend(boots),
                                Err(done) => queue.done.extend(done),
                            }
                            let last = queue.building == 0 && queue.builds.is_empty();
                            drop(queue);
                            if last {
                                work.built();
                            }
                        }
                        Next::Boot(boot) => {
                            let done = attempt(|| work.boot(&boot))
                                .unwrap_or_else(|why| work.boot_lost(&boot, &why));
                            lock(&queue).done.push(done);
                        }
                    }
                    changed.notify_all();
                }
            });
        }
    });
    let queue = queue.into_inner().unwrap_or_else(PoisonError::into_inner);
    queue.done
}

/// Waits for something to do; none when nothing is left and nothing can come. Boots go first, so that what a build made is
/// shown early.
fn next<W: Work>(queue: &Mutex<Queue<W>>, changed: &Condvar) -> Option<Next<W>> {
    let mut queue = lock(queue);
    loop {
        if let Some(boot) = queue.boots.pop_front() {
            return Some(Next::Boot(boot));
        }
        if let Some(build) = queue.builds.pop_front() {
            queue.building += 1;
            return Some(Next::Build(build));
        }
        if queue.building == 0 {
            return None;
        }
        queue = changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

fn lock<W: Work>(queue: &Mutex<Queue<W>>) -> MutexGuard<'_, Queue<W>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `work` returns, or what it said when it panicked.
pub(crate) fn attempt<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| said(&*panic))
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!(
        "this program panicked: {}",
        text.unwrap_or("it did not say why")
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Build `n` makes `n` boots ready, or fails if it is odd; boots and builds of certain numbers panic.
    #[derive(Default)]
    struct Numbers {
        panics: Vec<usize>,
        built: AtomicUsize,
        building: AtomicUsize,
    }

    impl Work for Numbers {
        type Build = usize;
        type Boot = (usize, usize);
        type Done = String;

        fn build(&self, build: &usize) -> Result<Vec<(usize, usize)>, Vec<String>> {
            self.building.fetch_add(1, Ordering::SeqCst);
            assert!(!self.panics.contains(build), "build {build}");
            if build % 2 == 1 {
                return Err(vec![format!("no build {build}")]);
            }
            Ok((0..*build).map(|boot| (*build, boot)).collect())
        }
        fn boot(&self, (build, boot): &(usize, usize)) -> String {
            assert!(
                !self.panics.contains(&(build * 10 + boot)),
                "boot {build}.{boot}"
            );
            format!("{build}.{boot}")
        }
        fn build_lost(&self, build: &usize, why: &str) -> Vec<String> {
            vec![format!("lost {build}: {why}")]
        }
        fn boot_lost(&self, (build, boot): &(usize, usize), why: &str) -> String {
            format!("lost {build}.{boot}: {why}")
        }
        fn built(&self) {
            self.built.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn done(work: &Numbers, threads: usize, builds: &[usize]) -> Vec<String> {
        let mut done = run(work, threads, builds.to_vec());
        done.sort();
        done
    }

    #[test]
    fn everything_is_done_once_on_any_number_of_threads() {
        for threads in [0, 1, 2, 7] {
            let work = Numbers::default();
            assert_eq!(
                done(&work, threads, &[2, 3, 4, 0]),
                ["2.0", "2.1", "4.0", "4.1", "4.2", "4.3", "no build 3"]
            );
            assert_eq!(work.built.load(Ordering::SeqCst), 1);
            assert_eq!(work.building.load(Ordering::SeqCst), 4);
        }
    }

    #[test]
    fn without_a_build_nothing_is_left_to_wait_for() {
        let work = Numbers::default();
        assert!(done(&work, 2, &[]).is_empty());
        assert_eq!(work.built.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_panic_is_a_result_and_the_others_go_on() {
        for threads in [1, 3] {
            let work = Numbers {
                panics: vec![6, 21],
                ..Numbers::default()
            };
            assert_eq!(
                done(&work, threads, &[6, 2, 3]),
                [
                    "2.0",
                    "lost 2.1: this program panicked: boot 2.1",
                    "lost 6: this program panicked: build 6",
                    "no build 3",
                ]
            );
            assert_eq!(work.built.load(Ordering::SeqCst), 1);
        }
    }

    #[test]
    fn one_thread_shows_what_a_build_made_before_it_builds_on() {
        let order = run(&Numbers::default(), 1, vec![2, 3]);
        assert_eq!(order, ["2.0", "2.1", "no build 3"]);
    }
}

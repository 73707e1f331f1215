// SPDX-License-Identifier: GPL-2.0-only
//! Collections, beside those of alloc: what one holds the other must hold too.
#![no_std]
extern crate alloc;
use alloc::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::hash::{BuildHasherDefault, Hasher};
use itertools::Itertools;
use pre::*;

/// FNV-1a
#[derive(Default)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3);
        }
    }
    fn finish(&self) -> u64 {
        self.0 ^ 0xcbf2_9ce4_8422_2325
    }
}

type Build = BuildHasherDefault<Fnv>;

#[no_mangle]
pub extern "C" fn run() {
    let mut rng = Rng(6);
    let mut hash: hashbrown::HashMap<u32, String, Build> = hashbrown::HashMap::default();
    let mut index: indexmap::IndexMap<u32, String, Build> = indexmap::IndexMap::default();
    let mut tree: BTreeMap<u32, String> = BTreeMap::new();
    for n in 0..1200 {
        let key = rng.below(300) as u32;
        if rng.below(3) == 0 {
            let (a, b, c) = (hash.remove(&key), index.shift_remove(&key), tree.remove(&key));
            if a != b || b != c {
                say!("removals differ: {a:?} {b:?} {c:?}");
            }
        } else {
            let text = (key * 7 + n).to_string();
            hash.insert(key, text.clone());
            index.insert(key, text.clone());
            tree.insert(key, text);
        }
        if n % 100 == 0 {
            let sorted: Vec<_> = hash.iter().sorted().collect();
            say!("{n} {} {} {}", hash.len(), index.len(), sorted.into_iter().eq(tree.iter()));
        }
    }
    say!("{:?}", index.iter().take(40).collect::<Vec<_>>());
    say!("{:?}", tree.range(50..90).map(|(k, v)| (*k, v.len())).collect::<Vec<_>>());
    let mut small: smallvec::SmallVec<[u16; 6]> = smallvec::SmallVec::new();
    let mut array: arrayvec::ArrayVec<u16, 40> = arrayvec::ArrayVec::new();
    let mut deque = VecDeque::new();
    let mut heap = BinaryHeap::new();
    for n in 0..40u16 {
        let x = rng.next() as u16;
        small.insert(usize::from(n) / 2, x);
        array.push(x);
        if n % 3 == 0 { deque.push_front(x) } else { deque.push_back(x) }
        heap.push((x % 97, n));
        say!("{} {} {:?} {:?} {:?}", small.len(), small.spilled(), array.last(), deque.back(), heap.peek());
    }
    small.sort_unstable();
    array.sort();
    say!("{} {:?}", small[..] == array[..], deque);
    say!("{:?}", core::iter::from_fn(|| heap.pop()).collect::<Vec<_>>());
    let mut list: Vec<(u8, i64)> = (0..500).map(|_| (rng.next() as u8 % 9, rng.next() as i64 >> 40)).collect();
    list.sort_by_key(|p| p.0);
    say!("{:?}", list.iter().take(30).collect::<Vec<_>>());
    list.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    say!("{:?}", list.iter().step_by(25).collect::<Vec<_>>());
    say!("{:?}", list.iter().map(|p| p.0).counts_by_key());
    say!("{:?}", (1..6).combinations(3).map(|c| c.iter().sum::<i32>()).collect::<Vec<_>>());
    say!("{:?}", (1..5).permutations(2).map(|c| c[0] * c[1]).collect::<Vec<_>>());
    say!("{:?}", list.iter().map(|p| p.1).tuple_windows().filter(|(a, b)| a == b).count());
    let set: BTreeSet<i64> = list.iter().map(|p| p.1 % 50).collect();
    say!("{:?} {}", set, list.iter().map(|p| p.1).minmax().into_option().is_some());
}

trait Counts {
    fn counts_by_key(self) -> BTreeMap<u8, usize>;
}

impl<I: Iterator<Item = u8>> Counts for I {
    fn counts_by_key(self) -> BTreeMap<u8, usize> {
        let mut map = BTreeMap::new();
        for k in self {
            *map.entry(k).or_default() += 1;
        }
        map
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! Compiled for its IR, never run.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub static COUNT: AtomicUsize = AtomicUsize::new(0);

pub trait Shape {
    fn area(&self) -> f64;
    fn name(&self) -> &'static str {
        "shape"
    }
}

pub struct Circle(pub f64);
pub struct Rectangle {
    pub w: f32,
    pub h: f32,
}

impl Shape for Circle {
    fn area(&self) -> f64 {
        self.0 * self.0 * std::f64::consts::PI
    }
}

impl Shape for Rectangle {
    fn area(&self) -> f64 {
        f64::from(self.w * self.h)
    }
    fn name(&self) -> &'static str {
        "rectangle"
    }
}

pub fn describe(shapes: &[Box<dyn Shape>]) -> String {
    let mut text = String::new();
    for (i, s) in shapes.iter().enumerate() {
        COUNT.fetch_add(1, Ordering::AcqRel);
        let _ = write!(text, "{i:>4}: {} {:.3}", s.name(), s.area());
    }
    text
}

pub fn words(text: &str) -> BTreeMap<String, u32> {
    let mut map = BTreeMap::new();
    for word in text.split_whitespace() {
        *map.entry(word.to_lowercase()).or_default() += 1;
    }
    map
}

pub fn numbers(mut list: Vec<u64>) -> Option<u128> {
    list.sort_unstable();
    list.dedup();
    list.iter().try_fold(1u128, |product, &n| {
        product
            .checked_mul(u128::from(n.rotate_left(3) ^ n.swap_bytes()))
            .map(|p| p.saturating_add(u128::from(n.leading_zeros())))
    })
}

pub fn shared(n: Arc<Mutex<Vec<u8>>>, flag: &AtomicU16) -> usize {
    let mut bytes = n.lock().unwrap_or_else(|e| e.into_inner());
    if flag
        .compare_exchange(0, 1, Ordering::SeqCst, Ordering::Relaxed)
        .is_ok()
    {
        bytes.extend_from_slice(b"first");
    }
    bytes.retain(|b| b.is_ascii_alphabetic());
    bytes.len()
}

pub enum Tree {
    Leaf(i16),
    Node(Box<Tree>, Box<Tree>),
}

pub fn depth(tree: &Tree) -> (usize, i64) {
    match tree {
        Tree::Leaf(n) => (1, i64::from(*n)),
        Tree::Node(a, b) => {
            let ((da, sa), (db, sb)) = (depth(a), depth(b));
            (da.max(db) + 1, sa.wrapping_sub(sb))
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! The caches of the machines that are really watched: configs/cells.

#![allow(dead_code, reason = "each test needs other parts")]

use std::collections::BTreeMap;
use std::path::Path;
use vcsan_model::geometry::Geometry;

/// What a cell's `geometry:` says.
pub struct Cell {
    /// `vivt`, `vipt`, `pipt` or `parisc`.
    pub kind: String,
    /// Bytes of a line, of a way, and ways; of `parisc` line and distance of equivalence.
    pub numbers: Vec<u32>,
    pub geometry: Geometry,
}

/// All different ones, by what they say.
pub fn all() -> BTreeMap<String, Cell> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/cells");
    let mut cells = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("the project's cells") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(path).expect("a cell");
        let said = text.lines().find_map(|line| line.strip_prefix("geometry:"));
        let said = said.expect("a geometry").trim().trim_matches('\'');
        let (kind, numbers) = said.split_once(':').expect("a kind and numbers");
        let numbers: Vec<u32> = numbers
            .split(':')
            .map(|number| number.parse().expect("a number"))
            .collect();
        let geometry = match (kind, &*numbers) {
            ("vivt", &[line, way, ways]) => Geometry::vivt(line, way, ways, false),
            ("vipt", &[line, way, ways]) => Geometry::vipt(line, way, ways),
            ("pipt", &[line, way, ways]) => Geometry::pipt(line, way, ways),
            ("parisc", &[line, equivalence]) => Geometry::parisc(line, equivalence.into(), 0),
            _ => panic!("a geometry like {said} is not known here"),
        };
        let cell = Cell {
            kind: kind.to_owned(),
            numbers,
            geometry: geometry.expect("a real cache"),
        };
        cells.insert(said.to_owned(), cell);
    }
    assert!(cells.len() >= 4, "too few cells to be all of them");
    cells
}

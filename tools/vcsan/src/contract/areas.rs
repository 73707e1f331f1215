// SPDX-License-Identifier: GPL-2.0-only
//! Sets of bytes of physical memory.

use super::Area;

/// Bytes, as areas that neither meet nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Areas(Vec<Area>);

impl Areas {
    /// Adds all bytes of an area.
    pub fn add(&mut self, mut area: Area) {
        self.0.retain(|known| {
            let apart = known.end() < area.first || area.end() < known.first;
            if !apart {
                let first = area.first.min(known.first);
                area = Area {
                    first,
                    len: area.end().max(known.end()) - first,
                };
            }
            apart
        });
        self.0.push(area);
    }

    /// Removes all bytes of an area.
    pub fn remove(&mut self, area: Area) {
        let known = std::mem::take(&mut self.0);
        self.0 = known
            .into_iter()
            .flat_map(|known| outside(known, area))
            .collect();
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all bytes of an area are in it.
    #[must_use]
    pub fn contains(&self, area: Area) -> bool {
        self.0.iter().any(|known| known.contains(area))
    }

    /// Whether any byte of an area is.
    #[must_use]
    pub fn meets(&self, area: Area) -> bool {
        self.0.iter().any(|known| known.meets(area))
    }

    /// The parts of an area that are not in it.
    #[must_use]
    pub fn missing_of(&self, area: Area) -> Self {
        let mut missing = Self(vec![area]);
        for known in &self.0 {
            missing.remove(*known);
        }
        missing
    }

    /// Its areas.
    pub fn iter(&self) -> impl Iterator<Item = Area> {
        self.0.iter().copied()
    }
}

/// What of an area lies outside of another one.
pub fn outside(area: Area, other: Area) -> impl Iterator<Item = Area> {
    let parts = [
        (area.first, other.first.min(area.end())),
        (other.end().max(area.first), area.end()),
    ];
    parts
        .into_iter()
        .filter(|(first, end)| first < end)
        .map(|(first, end)| Area {
            first,
            len: end - first,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(first: u64, len: u64) -> Area {
        Area { first, len }
    }

    #[test]
    fn areas_merge_and_split() {
        let mut areas = Areas::default();
        areas.add(area(0, 4));
        areas.add(area(8, 4));
        assert!(!areas.contains(area(0, 12)) && areas.meets(area(2, 8)));
        areas.add(area(4, 4));
        assert_eq!(areas.iter().collect::<Vec<_>>(), [area(0, 12)]);
        areas.remove(area(2, 4));
        assert_eq!(areas.iter().collect::<Vec<_>>(), [area(0, 2), area(6, 6)]);
        let missing = areas.missing_of(area(1, 7));
        assert_eq!(missing.iter().collect::<Vec<_>>(), [area(2, 4)]);
        assert!(areas.missing_of(area(7, 2)).iter().next().is_none());
    }
}

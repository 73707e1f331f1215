// SPDX-License-Identifier: GPL-2.0-only
//! Groups with the sites of their accesses, and the word that stands for one.

use super::Group;
use crate::sites::Sites;
use vcsan_model::Site;

/// What nearly all accesses of a group need to know of it, in one word: there are tens of thousands of groups, and to fetch
/// what is known of one from memory takes longer than all the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedGroup(pub u64);

impl PackedGroup {
    const NUMBER: (u32, u32) = (0, 18);
    const OWN: (u32, u32) = (18, 5);
    const COUNT: (u32, u32) = (23, 7);
    const LOW: (u32, u32) = (30, 11);
    /// Whether all are words side by side that have consecutive sites. If so, the site of the one at the lowest address is
    /// [`Self::LAST`]; if not, the bytes from there to the end of the highest one.
    const WORDS: (u32, u32) = (41, 1);
    const LAST: (u32, u32) = (42, 22);

    /// Puts values into fields; none if one is too large for its field.
    fn new(fields: &[((u32, u32), u64)]) -> Option<Self> {
        fields
            .iter()
            .try_fold(Self(0), |packed, &((at, width), value)| {
                (value >> width == 0).then_some(Self(packed.0 | value << at))
            })
    }

    #[inline(always)]
    fn get(self, (at, width): (u32, u32)) -> u64 {
        self.0 >> at & ((1 << width) - 1)
    }

    /// The group's number.
    #[must_use]
    pub fn number(self) -> usize {
        self.get(Self::NUMBER) as usize
    }

    /// How many accesses the first instruction makes.
    #[inline(always)]
    #[must_use]
    pub fn own(self) -> u32 {
        self.get(Self::OWN) as u32
    }

    /// How many accesses there are.
    #[inline(always)]
    #[must_use]
    pub fn count(self) -> u32 {
        self.get(Self::COUNT) as u32
    }

    /// Bytes from the lowest address to the first access's.
    #[inline(always)]
    #[must_use]
    pub fn below(self) -> u64 {
        self.get(Self::LOW)
    }

    /// The site of the access to the lowest address, if all are words side by side that have consecutive sites.
    #[inline(always)]
    #[must_use]
    pub fn words(self) -> Option<Site> {
        // CAST: 22 bits.
        let site = Site::new(self.get(Self::LAST) as u32);
        (self.get(Self::WORDS) == 1).then_some(site)
    }

    /// Bytes from the lowest address to the end of the highest one's.
    #[inline(always)]
    #[must_use]
    pub fn bytes(self) -> u32 {
        if self.get(Self::WORDS) == 1 {
            4 * self.count()
        } else {
            self.get(Self::LAST) as u32
        }
    }
}

/// One access of a group.
#[derive(Clone, Copy, Debug)]
pub struct SitedAccess {
    /// Bytes from the first access's address.
    pub distance: i64,
    /// Its length in bytes.
    pub bytes: u32,
    /// Where it came from.
    pub site: Site,
}

/// A [`Group`] with sites.
#[derive(Debug)]
pub struct SitedGroup {
    /// In a word, if it fits.
    pub packed: Option<PackedGroup>,
    /// Stores, not loads.
    pub store: bool,
    /// The one that is made first.
    pub first: SitedAccess,
    /// By address, if they are words side by side, else in order.
    pub all: Box<[SitedAccess]>,
}

impl SitedGroup {
    /// A group's accesses, with new sites where it needs them. `pc` is the address of an instruction, by its index in the
    /// block.
    pub(crate) fn new(
        group: &Group,
        number: usize,
        sites: &mut Sites,
        pc: impl Fn(u16) -> u64,
    ) -> Self {
        let mut members = group.members.clone();
        members.sort_by_key(|member| member.distance);
        let words = members.iter().all(|member| member.bytes == 4)
            && members.is_sorted_by(|one, next| next.distance - one.distance == 4);
        if !words {
            members.clone_from(&group.members);
        }
        let pcs = members.iter().map(|member| pc(member.index));
        let sites: Vec<Site> = if words {
            let first = sites.consecutive(pcs).id();
            (first..).take(members.len()).map(Site::new).collect()
        } else {
            pcs.map(|pc| sites.instruction(pc)).collect()
        };
        let accesses = members.iter().zip(sites).map(|(member, site)| SitedAccess {
            distance: i64::from(member.distance),
            bytes: u32::from(member.bytes),
            site,
        });
        let all: Box<[SitedAccess]> = accesses.collect();
        let ends = all
            .iter()
            .map(|access| access.distance + i64::from(access.bytes));
        let low = all.iter().map(|access| access.distance).min();
        // The first one's distance is 0.
        let (low, high) = (low.unwrap_or(0), ends.max().unwrap_or(0));
        let first = all.iter().find(|access| access.distance == 0);
        let last = match words {
            true => u64::from(all[0].site.id()),
            // CAST: groups are narrow.
            false => (high - low) as u64,
        };
        Self {
            packed: PackedGroup::new(&[
                (PackedGroup::NUMBER, number as u64),
                (PackedGroup::OWN, u64::from(group.own)),
                (PackedGroup::COUNT, all.len() as u64),
                (PackedGroup::LOW, low.unsigned_abs()),
                (PackedGroup::WORDS, u64::from(words)),
                (PackedGroup::LAST, last),
            ]),
            store: group.store,
            first: first.copied().unwrap_or(all[0]),
            all,
        }
    }

    /// Bytes in use, roughly.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.all)
    }
}

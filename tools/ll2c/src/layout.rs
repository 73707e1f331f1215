// SPDX-License-Identifier: GPL-2.0-only
//! Sizes, alignments and offsets, from a `target datalayout` string.
//!
//! Rules: LLVM Language Reference, "Data Layout".

use crate::error::{Error, Result};
use crate::ir::{Type, TypeId, Types};

/// What a layout string says. Sizes and alignments are in bytes here, in bits in the string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataLayout {
    /// Most significant byte first.
    pub big_endian: bool,
    /// The size of a pointer.
    pub ptr_size: u64,
    /// The alignment of a pointer.
    pub ptr_align: u64,
    /// Width in bits and alignment of each integer type that is named, ascending.
    ints: Vec<(u32, u64)>,
    /// The alignment of `float`.
    pub float_align: u64,
    /// The alignment of `double`.
    pub double_align: u64,
    /// The least alignment of a struct or an array.
    pub aggregate_align: u64,
    /// Width in bits and alignment of vectors that are named; others are aligned to their size.
    vectors: Vec<(u64, u64)>,
}

impl Default for DataLayout {
    fn default() -> Self {
        Self {
            big_endian: false,
            ptr_size: 8,
            ptr_align: 8,
            ints: vec![(1, 1), (8, 1), (16, 2), (32, 4), (64, 4)],
            float_align: 4,
            double_align: 8,
            aggregate_align: 1,
            vectors: vec![(64, 8), (128, 16)],
        }
    }
}

/// Rounds up to a multiple, if there is one.
pub fn round_up(n: u64, align: u64) -> u64 {
    n.checked_next_multiple_of(align).unwrap_or(u64::MAX)
}

impl DataLayout {
    /// Reads a layout string.
    ///
    /// # Errors
    /// A part that is malformed or that is not known.
    pub fn parse(text: &str) -> Result<Self> {
        let mut dl = Self::default();
        for part in text.split('-').filter(|p| !p.is_empty()) {
            let bad = || Error::new(format!("data layout `{text}`: cannot read `{part}`"));
            let rest = part.get(1..).ok_or_else(bad)?;
            let mut numbers = rest.split(':').map(|n| n.parse::<u64>());
            match part.as_bytes()[0] {
                b'E' => dl.big_endian = true,
                b'e' => dl.big_endian = false,
                b'p' => {
                    let mut fields = part.split(':');
                    if !matches!(fields.next(), Some("p" | "p0")) {
                        continue; // another address space: its pointers are rejected where they are used
                    }
                    let mut bits = fields.map(|n| n.parse::<u64>().map_err(|_| bad()));
                    dl.ptr_size = bits.next().ok_or_else(bad)?? / 8;
                    dl.ptr_align = bits.next().ok_or_else(bad)?? / 8;
                }
                kind @ (b'i' | b'f' | b'v') => {
                    let width = numbers.next().and_then(|n| n.ok()).ok_or_else(bad)?;
                    let align = numbers.next().and_then(|n| n.ok()).ok_or_else(bad)? / 8;
                    match (kind, width) {
                        (b'i', _) => {
                            let width = width as u32;
                            dl.ints.retain(|&(w, _)| w != width);
                            dl.ints.push((width, align.max(1)));
                            dl.ints.sort_unstable();
                        }
                        (b'v', _) => {
                            dl.vectors.retain(|&(w, _)| w != width);
                            dl.vectors.push((width, align.max(1)));
                        }
                        (_, 32) => dl.float_align = align,
                        (_, 64) => dl.double_align = align,
                        _ => {}
                    }
                }
                b'a' => {
                    let align = part
                        .split(':')
                        .nth(1)
                        .and_then(|n| n.parse::<u64>().ok())
                        .ok_or_else(bad)?;
                    dl.aggregate_align = (align / 8).max(1);
                }
                // Mangling, native widths, stack alignment, function pointers and globals bear on nothing here.
                b'm' | b'n' | b'S' | b'F' | b'G' | b'P' | b'A' => {}
                _ => return Err(bad()),
            }
        }
        Ok(dl)
    }

    /// The alignment of an integer of `width` bits.
    pub fn int_align(&self, width: u32) -> u64 {
        // The exact width, else the next larger one, else the largest.
        self.ints
            .iter()
            .find(|&&(w, _)| w >= width)
            .or(self.ints.last())
            .map_or(1, |&(_, a)| a)
    }

    /// Size and alignment of a type whose members are in `types` already.
    pub(crate) fn measure(&self, types: &Types, ty: &Type) -> Measure {
        let of = |size, align| Measure {
            size,
            align,
            narrow: false,
            odd: false,
            spread: false,
        };
        match ty {
            Type::Void | Type::Metadata | Type::Opaque => of(0, 1),
            Type::Int(n) => {
                let align = self.int_align(*n);
                Measure {
                    narrow: !matches!(n, 32 | 64 | 128),
                    odd: !is_full(*n),
                    spread: !is_full(*n) && *n > 8,
                    ..of(round_up(u64::from(n.div_ceil(8)), align), align)
                }
            }
            Type::Ptr => of(self.ptr_size, self.ptr_align),
            Type::Float => of(4, self.float_align),
            Type::Double => of(round_up(8, self.double_align), self.double_align),
            Type::Array(n, e) => {
                let e = types.measure(*e);
                Measure {
                    size: n.saturating_mul(e.size),
                    ..e
                }
            }
            Type::Vector(n, e) => {
                let bits = n.saturating_mul(types.bits(*e));
                let bytes = bits.div_ceil(8);
                let named = self.vectors.iter().find(|&&(width, _)| width == bits);
                let align = named.map_or_else(
                    || bytes.checked_next_power_of_two().unwrap_or(1),
                    |&(_, align)| align,
                );
                Measure {
                    size: round_up(bytes, align),
                    align,
                    ..types.measure(*e)
                }
            }
            Type::Struct { fields, packed } => {
                let least = if *packed { 1 } else { self.aggregate_align };
                let mut whole = of(0, least);
                for m in fields.iter().map(|&f| types.measure(f)) {
                    let align = if *packed { 1 } else { m.align };
                    whole.size = round_up(whole.size, align).saturating_add(m.size);
                    whole.align = whole.align.max(align);
                    whole.narrow |= m.narrow;
                    whole.odd |= m.odd;
                    whole.spread |= m.spread;
                }
                whole.size = round_up(whole.size, whole.align);
                whole
            }
        }
    }
}

/// What is to be known of a type, computed once from its members' measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// The distance between two neighbours in an array, in bytes; [`u64::MAX`] where it is too large to count.
    pub size: u64,
    /// The ABI alignment in bytes.
    pub align: u64,
    /// Whether an integer is in it that a C variable may hold with more bits than its type has.
    pub narrow: bool,
    /// Whether an integer is in it that does not fill its C type.
    pub odd: bool,
    /// Whether an integer is in it that takes fewer bytes in memory than its C type has.
    pub spread: bool,
}

impl Types {
    /// The bytes that a store of the type writes.
    pub fn store_size(&self, ty: TypeId) -> u64 {
        match self.get(ty) {
            Type::Int(n) => u64::from(n.div_ceil(8)),
            Type::Vector(n, e) => n.saturating_mul(self.bits(*e)).div_ceil(8),
            _ => self.size(ty),
        }
    }

    /// The bits of a number, a pointer or a vector of them, without padding.
    pub fn bits(&self, ty: TypeId) -> u64 {
        match self.get(ty) {
            Type::Int(n) => u64::from(*n),
            Type::Float => 32,
            Type::Double => 64,
            Type::Vector(n, e) => n.saturating_mul(self.bits(*e)),
            _ => self.size(ty).saturating_mul(8),
        }
    }

    /// Whether a vector lies in memory as an array of its elements does; others are packed by bits.
    pub fn is_plain_vector(&self, ty: TypeId) -> bool {
        self.lanes(ty)
            .is_none_or(|(_, e)| self.int_width(e).is_none_or(is_full))
    }

    /// The distance between two neighbours of the type in an array.
    pub fn size(&self, ty: TypeId) -> u64 {
        self.measure(ty).size
    }

    /// The ABI alignment of a type.
    pub fn align(&self, ty: TypeId) -> u64 {
        self.measure(ty).align
    }

    /// The offset of each field of a struct.
    pub fn offsets(&self, fields: &[TypeId], packed: bool) -> Vec<u64> {
        let mut end = 0u64;
        fields
            .iter()
            .map(|&f| {
                let start = round_up(end, if packed { 1 } else { self.align(f) });
                end = start.saturating_add(self.size(f));
                start
            })
            .collect()
    }
}

/// Whether an integer of so many bits fills its C type.
pub fn is_full(width: u32) -> bool {
    matches!(width, 8 | 16 | 32 | 64 | 128)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIPS: &str = "E-m:m-p:32:32-i8:8:32-i16:16:32-i64:64-n32-S64";
    const M68K: &str = "E-m:e-p:32:16:32-i8:8:8-i16:16:16-i32:16:32-n8:16:32-a:0:16-S16";

    #[test]
    fn odd_widths_round_up_to_their_alignment() {
        let mut types = Types::default();
        types.lay_out(DataLayout::parse(MIPS).unwrap());
        for (width, size, align, store) in [
            (1, 1, 1, 1),
            (24, 4, 4, 3),
            (33, 8, 8, 5),
            (48, 8, 8, 6),
            (65, 16, 8, 9),
            (128, 16, 8, 16),
        ] {
            let ty = types.intern(Type::Int(width));
            assert_eq!(
                (types.size(ty), types.align(ty), types.store_size(ty)),
                (size, align, store),
                "i{width}"
            );
        }
    }

    #[test]
    fn struct_offsets_follow_the_layout_string() {
        let mut types = Types::default();
        let (i8t, i64t) = (Types::I8, types.intern(Type::Int(64)));
        let fields = vec![i8t, i64t, i8t];
        let st = types.intern(Type::Struct {
            fields: fields.clone(),
            packed: false,
        });
        types.lay_out(DataLayout::parse(MIPS).unwrap());
        assert_eq!(types.offsets(&fields, false), [0, 8, 16]);
        assert_eq!(types.size(st), 24);
        assert_eq!(types.offsets(&fields, true), [0, 1, 9]);
        types.lay_out(DataLayout::parse(M68K).unwrap());
        assert_eq!(types.align(Types::I32), 2);
        assert_eq!(types.layout().ptr_align, 2);
    }

    #[test]
    fn a_type_that_is_too_large_to_count_is_as_large_as_can_be() {
        let mut types = Types::default();
        let mut ty = types.intern(Type::Int(64));
        for _ in 0..3 {
            ty = types.intern(Type::Array(1 << 40, ty));
        }
        assert_eq!(types.size(ty), u64::MAX);
        let pair = types.intern(Type::Struct {
            fields: vec![ty, ty],
            packed: false,
        });
        assert_eq!(types.size(pair), u64::MAX);
    }

    #[test]
    fn a_malformed_layout_is_named() {
        let err = DataLayout::parse("E-q:1").unwrap_err();
        assert!(err.to_string().contains("`q:1`"), "{err}");
    }
}

// SPDX-License-Identifier: GPL-2.0-only
//! Conditions of Thumb-2 instructions: they stand in an IT instruction up to four instructions earlier.

/// The IT block in which a decoder of consecutive Thumb instructions is.
///
/// ITSTATE of ARM DDI 0406C, A2.5.2: the condition of the next instruction in bits 7 to 4, a mask below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItBlock(u8);

impl ItBlock {
    /// Takes the next instruction, two or four bytes in little-endian order, and returns its condition if it is not
    /// "always".
    pub fn step(&mut self, bytes: &[u8]) -> Option<u8> {
        let condition = (self.0 != 0)
            .then_some(self.0 >> 4)
            .filter(|&condition| condition < 14);
        self.0 = match *bytes {
            [mask_and_condition, 0xbf] if mask_and_condition & 0xf != 0 => mask_and_condition,
            _ if self.0 & 0x7 == 0 => 0,
            _ => self.0 & 0xe0 | self.0 << 1 & 0x1f,
        };
        condition
    }
}

#[cfg(test)]
mod tests {
    use super::ItBlock;

    #[test]
    fn conditions_follow_an_it_instruction() {
        // itet ne; mcrne; mcreq; mcrne; mcr
        let mcr = [0x07, 0xee, 0x3e, 0x0f];
        let mut block = ItBlock::default();
        let conditions = [&[0x16, 0xbf][..], &mcr, &mcr, &mcr, &mcr].map(|insn| block.step(insn));
        assert_eq!(conditions, [None, Some(1), Some(0), Some(1), None]);
    }

    #[test]
    fn hints_open_no_block() {
        let mut block = ItBlock::default();
        assert_eq!(
            [&[0x00, 0xbf][..], &[0x00, 0xbf]].map(|nop| block.step(nop)),
            [None, None]
        );
    }
}

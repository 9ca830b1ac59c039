//! Bytes that are taken from the front, and numbers in LEB128.

use super::super::Rule;

/// What is left of some bytes.
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Everything that is left; nothing is left then.
    pub(super) fn rest(&mut self) -> &'b [u8] {
        std::mem::take(&mut self.bytes)
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'b [u8], Rule> {
        let (taken, rest) = self.bytes.split_at_checked(n).ok_or(Rule::Truncated)?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Rule> {
        let (first, rest) = self.bytes.split_first().ok_or(Rule::Truncated)?;
        self.bytes = rest;
        Ok(*first)
    }

    /// An unsigned number of at most 64 bits.
    pub(super) fn unsigned(&mut self) -> Result<u64, Rule> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7f);
            let shifted = low << shift;
            if shifted >> shift != low {
                return Err(Rule::Truncated);
            }
            value |= shifted;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Rule::Truncated)
    }

    /// A signed number of at most 64 bits.
    pub(super) fn signed(&mut self) -> Result<i64, Rule> {
        let mut value = 0_i128;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            value |= i128::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if byte & 0x40 != 0 {
                    value -= 1_i128 << (shift + 7);
                }
                return i64::try_from(value).map_err(|_| Rule::Truncated);
            }
        }
        Err(Rule::Truncated)
    }

    /// A count that may not exceed `max`.
    pub(super) fn at_most(&mut self, max: u64) -> Result<usize, Rule> {
        let count = self.unsigned()?;
        if count > max {
            return Err(Rule::ChangeTooLarge);
        }
        usize::try_from(count).map_err(|_| Rule::ChangeTooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_their_edges() {
        for (bytes, unsigned, signed) in [
            (vec![0x00], Some(0), Some(0)),
            (vec![0x7f], Some(127), Some(-1)),
            (vec![0x3f], Some(63), Some(63)),
            (vec![0x40], Some(64), Some(-64)),
            (vec![0x80, 0x01], Some(128), Some(128)),
            (vec![0x80], None, None),
            (vec![], None, None),
            ([vec![0xff; 9], vec![0x01]].concat(), Some(u64::MAX), None),
            ([vec![0xff; 9], vec![0x02]].concat(), None, None),
            ([vec![0xff; 9], vec![0x00]].concat(), Some(u64::MAX >> 1), Some(i64::MAX)),
            ([vec![0x80; 9], vec![0x7f]].concat(), None, Some(i64::MIN)),
            (vec![0xff; 11], None, None),
        ] {
            assert_eq!(Reader::new(&bytes).unsigned().ok(), unsigned, "{bytes:?}");
            assert_eq!(Reader::new(&bytes).signed().ok(), signed, "{bytes:?}");
        }
    }
}

//! Integers of any size: as much of them as exact conversion between decimal and binary needs.

use std::cmp::Ordering;

/// The greatest power of ten in a limb, and its exponent.
const LIMB_TEN: u64 = 10u64.pow(LIMB_TEN_EXPONENT);
const LIMB_TEN_EXPONENT: u32 = 19;

/// A natural number: limbs, the least significant first, without zeros at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Big(Vec<u64>);

impl Big {
    /// A small number.
    pub fn new(value: u64) -> Self {
        let mut big = Self(vec![value]);
        big.trim();
        big
    }

    /// The number with these decimal digits. There are only digits.
    pub fn from_decimal(digits: &[u8]) -> Self {
        let mut big = Self(Vec::with_capacity(
            digits.len() / LIMB_TEN_EXPONENT as usize + 1,
        ));
        for chunk in digits.chunks(LIMB_TEN_EXPONENT as usize) {
            let value = chunk
                .iter()
                .fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
            big.multiply_add(10u64.pow(chunk.len() as u32), value);
        }
        big
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// The number, if it is small.
    pub fn to_u64(&self) -> Option<u64> {
        match self.0[..] {
            [] => Some(0),
            [value] => Some(value),
            _ => None,
        }
    }

    /// The number of bits from the highest one down.
    pub fn bit_len(&self) -> i64 {
        self.0.last().map_or(0, |last| {
            64 * self.0.len() as i64 - i64::from(last.leading_zeros())
        })
    }

    /// Multiplies by `factor` and adds `summand`.
    pub fn multiply_add(&mut self, factor: u64, summand: u64) {
        let mut carry = summand;
        for limb in &mut self.0 {
            let product = u128::from(*limb) * u128::from(factor) + u128::from(carry);
            *limb = product as u64;
            carry = (product >> 64) as u64;
        }
        if carry > 0 {
            self.0.push(carry);
        }
    }

    /// Multiplies by ten to the power of `exponent`.
    pub fn multiply_ten(&mut self, exponent: u64) {
        for _ in 0..exponent / u64::from(LIMB_TEN_EXPONENT) {
            self.multiply_add(LIMB_TEN, 0);
        }
        self.multiply_add(
            10u64.pow((exponent % u64::from(LIMB_TEN_EXPONENT)) as u32),
            0,
        );
    }

    /// Multiplies by two to the power of `bits`.
    pub fn shift_left(&mut self, bits: u64) {
        if !bits.is_multiple_of(64) {
            self.multiply_add(1 << (bits % 64), 0);
        }
        self.0
            .splice(..0, std::iter::repeat_n(0, (bits / 64) as usize));
        self.trim();
    }

    /// Subtracts a number that is not greater.
    pub fn subtract(&mut self, other: &Big) {
        let mut borrow = false;
        for (at, limb) in self.0.iter_mut().enumerate() {
            let (difference, below) = limb.overflowing_sub(other.0.get(at).copied().unwrap_or(0));
            let (difference, below_again) = difference.overflowing_sub(u64::from(borrow));
            *limb = difference;
            borrow = below || below_again;
        }
        debug_assert!(!borrow);
        self.trim();
    }

    /// The decimal digits.
    pub fn into_decimal(mut self) -> String {
        let mut groups = Vec::new();
        while !self.is_zero() {
            let mut remainder = 0;
            for limb in self.0.iter_mut().rev() {
                let dividend = u128::from(remainder) << 64 | u128::from(*limb);
                *limb = (dividend / u128::from(LIMB_TEN)) as u64;
                remainder = (dividend % u128::from(LIMB_TEN)) as u64;
            }
            groups.push(remainder);
            self.trim();
        }
        let mut digits = groups.pop().unwrap_or(0).to_string();
        digits.extend(groups.iter().rev().map(|group| format!("{group:019}")));
        digits
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

impl PartialOrd for Big {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Big {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_len = self.0.len().cmp(&other.0.len());
        by_len.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

#[cfg(test)]
mod tests {
    use super::Big;

    #[test]
    fn decimal_digits_come_out_as_they_went_in() {
        for digits in [
            "0",
            "7",
            "18446744073709551616",
            "340282366920938463463374607431768211457",
        ] {
            assert_eq!(Big::from_decimal(digits.as_bytes()).into_decimal(), digits);
        }
        let mut big = Big::new(3);
        big.multiply_ten(40);
        assert_eq!(big.clone().into_decimal(), format!("3{}", "0".repeat(40)));
        big.subtract(&Big::new(1));
        assert_eq!(big.into_decimal(), format!("2{}", "9".repeat(40)));
        let mut big = Big::new(5);
        big.shift_left(130);
        assert_eq!(big.bit_len(), 133);
        assert_eq!(
            big.into_decimal(),
            "6805647338418769269267492148635364229120"
        );
    }
}

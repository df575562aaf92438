//! Floating-point numbers, digit for digit as the reference server prints them.
//!
//! Clients compare scores as text and snapshots store them as text, so "the shortest digits that read back to the
//! same number" is not enough: it must be the *same* choice among those digits, and the same choice between
//! plain and scientific form. The reference uses Grisu2 (Florian Loitsch, "Printing Floating-Point Numbers Quickly
//! and Accurately with Integers", PLDI 2010), which misses the shortest form for about one number in a thousand; and
//! it prints integers up to 2^62 as integers.

/// The longest text: sign, 17 digits, point, `e-324`.
pub const TEXT_LEN_MAX: usize = 32;

/// Room for one number as text.
#[derive(Debug, Clone, Copy)]
pub struct Buffer {
    bytes: [u8; TEXT_LEN_MAX],
}

impl Default for Buffer {
    fn default() -> Self {
        Self::new()
    }
}

impl Buffer {
    /// An empty buffer.
    pub fn new() -> Self {
        Buffer {
            bytes: [0; TEXT_LEN_MAX],
        }
    }

    /// Prints `value`: `3`, `3.5`, `1e+25`, `-0`, `inf`, `-inf`, `nan`.
    pub fn format(&mut self, value: f64) -> &[u8] {
        const INTEGER_MAX: f64 = (i64::MAX / 2) as f64;
        if (-INTEGER_MAX..=INTEGER_MAX).contains(&value) && value.trunc() == value && value != 0.0 {
            let mut digits = itoa::Buffer::new();
            let text = digits.format(value as i64).as_bytes();
            self.bytes[..text.len()].copy_from_slice(text);
            return &self.bytes[..text.len()];
        }
        self.format_short(value)
    }

    /// As [`Buffer::format`], but integers that end in many zeros are short as well: `1e+15`.
    pub fn format_short(&mut self, value: f64) -> &[u8] {
        if value.is_nan() {
            return b"nan";
        }
        if value.is_infinite() {
            return if value < 0.0 { b"-inf" } else { b"inf" };
        }
        if value == 0.0 {
            return if value.is_sign_negative() {
                b"-0"
            } else {
                b"0"
            };
        }
        let mut text = Text {
            bytes: &mut self.bytes,
            len: 0,
        };
        if value < 0.0 {
            text.push(b'-');
        }
        Decimal::of(value.abs()).write(&mut text, value < 0.0);
        let len = text.len;
        &self.bytes[..len]
    }
}

struct Text<'a> {
    bytes: &'a mut [u8; TEXT_LEN_MAX],
    len: usize,
}

impl Text<'_> {
    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn extend(&mut self, text: &[u8]) {
        self.bytes[self.len..self.len + text.len()].copy_from_slice(text);
        self.len += text.len();
    }

    fn zeros(&mut self, count: usize) {
        for _ in 0..count {
            self.push(b'0');
        }
    }
}

/// `digits * 10^exponent`.
struct Decimal {
    digits: [u8; 18],
    len: usize,
    exponent: i32,
}

impl Decimal {
    fn write(&self, text: &mut Text<'_>, negative: bool) {
        let digits = &self.digits[..self.len];
        let len = self.len as i32;
        let leading_exponent = self.exponent + len - 1;
        if self.exponent >= 0 && leading_exponent < len + 7 {
            text.extend(digits);
            text.zeros(self.exponent as usize);
        } else if self.exponent < 0 && (self.exponent > -7 || leading_exponent.abs() < 4) {
            let point = len + self.exponent;
            if point <= 0 {
                text.extend(b"0.");
                text.zeros(-point as usize);
                text.extend(digits);
            } else {
                let (whole, fraction) = digits.split_at(point as usize);
                text.extend(whole);
                text.push(b'.');
                text.extend(fraction);
            }
        } else {
            // The reference's buffer has room for 18 digits less the sign, and drops what is beyond.
            let digits = &digits[..digits.len().min(18 - usize::from(negative))];
            text.push(digits[0]);
            if digits.len() > 1 {
                text.push(b'.');
                text.extend(&digits[1..]);
            }
            text.push(b'e');
            text.push(if leading_exponent < 0 { b'-' } else { b'+' });
            text.extend(
                itoa::Buffer::new()
                    .format(leading_exponent.unsigned_abs())
                    .as_bytes(),
            );
        }
    }

    /// Grisu2: digits of a number within the interval that rounds to `value`, which is positive and finite.
    fn of(value: f64) -> Decimal {
        let exact = Float::of(value);
        let (lower, upper) = exact.boundaries();
        let (power, decimal_exponent) = cached_power(upper.exponent);
        let scaled = exact.normalized().times(power);
        let mut upper = upper.times(power);
        let mut lower = lower.times(power);
        // Each product may be off by one in its last place; stay inside.
        lower.fraction += 1;
        upper.fraction -= 1;
        let mut decimal = Decimal {
            digits: [0; 18],
            len: 0,
            exponent: -decimal_exponent,
        };
        decimal.generate(scaled, lower, upper);
        decimal
    }

    /// Takes digits off `upper` until what is left lies within the interval, then steps the last one towards the value.
    fn generate(&mut self, scaled: Float, lower: Float, upper: Float) {
        let width = upper.fraction - lower.fraction;
        let distance = upper.fraction - scaled.fraction;
        let shift = -upper.exponent;
        let one = 1u64 << shift;
        let mut whole = upper.fraction >> shift;
        let mut fraction = upper.fraction & (one - 1);

        let mut unit: u64 = 1_000_000_000;
        for place in (0..10).rev() {
            self.push_significant(whole / unit);
            whole %= unit;
            let rest = (whole << shift) + fraction;
            if rest <= width {
                self.exponent += place;
                self.round(width, rest, unit << shift, distance);
                return;
            }
            unit /= 10;
        }

        let mut width = width;
        let mut scale: u64 = 1;
        loop {
            fraction *= 10;
            width *= 10;
            scale = scale.wrapping_mul(10);
            self.exponent -= 1;
            self.push_significant(fraction >> shift);
            fraction &= one - 1;
            if fraction < width {
                self.round(width, fraction, one, distance.wrapping_mul(scale));
                return;
            }
        }
    }

    fn push_significant(&mut self, digit: u64) {
        if digit != 0 || self.len > 0 {
            self.digits[self.len] = b'0' + digit as u8;
            self.len += 1;
        }
    }

    fn round(&mut self, width: u64, mut rest: u64, unit: u64, distance: u64) {
        while rest < distance
            && width - rest >= unit
            && (rest + unit < distance || distance - rest > rest + unit - distance)
        {
            self.digits[self.len - 1] -= 1;
            rest += unit;
        }
    }
}

/// `fraction * 2^exponent`: the paper's "do-it-yourself floating point".
#[derive(Clone, Copy)]
struct Float {
    fraction: u64,
    exponent: i32,
}

const HIDDEN_BIT: u64 = 1 << 52;
const EXPONENT_BIAS: i32 = 1023 + 52;

impl Float {
    fn of(value: f64) -> Float {
        let bits = value.to_bits();
        let fraction = bits & (HIDDEN_BIT - 1);
        match (bits >> 52) as i32 {
            0 => Float {
                fraction,
                exponent: 1 - EXPONENT_BIAS,
            },
            biased => Float {
                fraction: fraction | HIDDEN_BIT,
                exponent: biased - EXPONENT_BIAS,
            },
        }
    }

    fn normalized(self) -> Float {
        let shift = self.fraction.leading_zeros();
        Float {
            fraction: self.fraction << shift,
            exponent: self.exponent - shift as i32,
        }
    }

    /// Halfway to the neighbours below and above, both with the exponent of the normalized upper one.
    fn boundaries(self) -> (Float, Float) {
        let upper = Float {
            fraction: (self.fraction << 1) + 1,
            exponent: self.exponent - 1,
        }
        .normalized();
        // Below a power of two the neighbour is only half as far.
        let closer = if self.fraction == HIDDEN_BIT { 2 } else { 1 };
        let lower_exponent = self.exponent - closer;
        let lower = ((self.fraction << closer) - 1) << (lower_exponent - upper.exponent);
        (
            Float {
                fraction: lower,
                exponent: upper.exponent,
            },
            upper,
        )
    }

    fn times(self, other: Float) -> Float {
        let product = u128::from(self.fraction) * u128::from(other.fraction) + (1 << 63);
        Float {
            fraction: (product >> 64) as u64,
            exponent: self.exponent + other.exponent + 64,
        }
    }
}

const POWERS_FIRST: i32 = -348;
const POWERS_STEP: i32 = 8;

/// A power of ten that brings a number of that binary exponent between 2^-60 and 2^-32, and its decimal exponent.
fn cached_power(exponent: i32) -> (Float, i32) {
    // Several powers may do; which one is taken decides the last digit now and then, so the reference's first
    // guess matters.
    const LOG10_2: f64 = 0.301_029_995_663_981_14;
    let guess = (-f64::from(exponent + POWERS.len() as i32) * LOG10_2) as i32;
    let mut index = (guess - POWERS_FIRST) / POWERS_STEP;
    loop {
        let (fraction, binary) = POWERS[index as usize];
        match exponent + binary + 64 {
            ..-60 => index += 1,
            -31.. => index -= 1,
            _ => {
                let power = Float {
                    fraction,
                    exponent: binary,
                };
                return (power, POWERS_FIRST + index * POWERS_STEP);
            }
        }
    }
}

/// 10^-348, 10^-340, ... 10^340, rounded to 64 bits.
#[rustfmt::skip]
static POWERS: [(u64, i32); 87] = [
    (0xfa8fd5a0081c0288, -1220), (0xbaaee17fa23ebf76, -1193), (0x8b16fb203055ac76, -1166),
    (0xcf42894a5dce35ea, -1140), (0x9a6bb0aa55653b2d, -1113), (0xe61acf033d1a45df, -1087),
    (0xab70fe17c79ac6ca, -1060), (0xff77b1fcbebcdc4f, -1034), (0xbe5691ef416bd60c, -1007),
    (0x8dd01fad907ffc3c, -980), (0xd3515c2831559a83, -954), (0x9d71ac8fada6c9b5, -927),
    (0xea9c227723ee8bcb, -901), (0xaecc49914078536d, -874), (0x823c12795db6ce57, -847),
    (0xc21094364dfb5637, -821), (0x9096ea6f3848984f, -794), (0xd77485cb25823ac7, -768),
    (0xa086cfcd97bf97f4, -741), (0xef340a98172aace5, -715), (0xb23867fb2a35b28e, -688),
    (0x84c8d4dfd2c63f3b, -661), (0xc5dd44271ad3cdba, -635), (0x936b9fcebb25c996, -608),
    (0xdbac6c247d62a584, -582), (0xa3ab66580d5fdaf6, -555), (0xf3e2f893dec3f126, -529),
    (0xb5b5ada8aaff80b8, -502), (0x87625f056c7c4a8b, -475), (0xc9bcff6034c13053, -449),
    (0x964e858c91ba2655, -422), (0xdff9772470297ebd, -396), (0xa6dfbd9fb8e5b88f, -369),
    (0xf8a95fcf88747d94, -343), (0xb94470938fa89bcf, -316), (0x8a08f0f8bf0f156b, -289),
    (0xcdb02555653131b6, -263), (0x993fe2c6d07b7fac, -236), (0xe45c10c42a2b3b06, -210),
    (0xaa242499697392d3, -183), (0xfd87b5f28300ca0e, -157), (0xbce5086492111aeb, -130),
    (0x8cbccc096f5088cc, -103), (0xd1b71758e219652c, -77), (0x9c40000000000000, -50),
    (0xe8d4a51000000000, -24), (0xad78ebc5ac620000, 3), (0x813f3978f8940984, 30),
    (0xc097ce7bc90715b3, 56), (0x8f7e32ce7bea5c70, 83), (0xd5d238a4abe98068, 109),
    (0x9f4f2726179a2245, 136), (0xed63a231d4c4fb27, 162), (0xb0de65388cc8ada8, 189),
    (0x83c7088e1aab65db, 216), (0xc45d1df942711d9a, 242), (0x924d692ca61be758, 269),
    (0xda01ee641a708dea, 295), (0xa26da3999aef774a, 322), (0xf209787bb47d6b85, 348),
    (0xb454e4a179dd1877, 375), (0x865b86925b9bc5c2, 402), (0xc83553c5c8965d3d, 428),
    (0x952ab45cfa97a0b3, 455), (0xde469fbd99a05fe3, 481), (0xa59bc234db398c25, 508),
    (0xf6c69a72a3989f5c, 534), (0xb7dcbf5354e9bece, 561), (0x88fcf317f22241e2, 588),
    (0xcc20ce9bd35c78a5, 614), (0x98165af37b2153df, 641), (0xe2a0b5dc971f303a, 667),
    (0xa8d9d1535ce3b396, 694), (0xfb9b7cd9a4a7443c, 720), (0xbb764c4ca7a44410, 747),
    (0x8bab8eefb6409c1a, 774), (0xd01fef10a657842c, 800), (0x9b10a4e5e9913129, 827),
    (0xe7109bfba19c0c9d, 853), (0xac2820d9623bf429, 880), (0x80444b5e7aa7cf85, 907),
    (0xbf21e44003acdd2d, 933), (0x8e679c2f5e44ff8f, 960), (0xd433179d9c8cb841, 986),
    (0x9e19db92b4e31ba9, 1013), (0xeb96bf6ebadf77d9, 1039), (0xaf87023b9bf0ee6b, 1066),

];

#[cfg(test)]
#[path = "double_tests.rs"]
mod tests;

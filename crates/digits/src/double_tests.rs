//! Doubles and their digits, as the reference server prints them.

use super::Buffer;

/// What the reference server answered to ZADD and ZSCORE; 1e23 shows that it does not always find the shortest.
#[test]
#[allow(clippy::excessive_precision, reason = "the numbers as they were sent")]
fn as_the_reference_prints() {
    let table: &[(f64, &str)] = &[
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-17.0, "-17"),
        (3.5, "3.5"),
        (0.1, "0.1"),
        (1e15, "1000000000000000"),
        (1e18, "1000000000000000000"),
        (0.1, "0.1"),
        (-0.25, "-0.25"),
        (1e21, "1e+21"),
        (1e22, "1e+22"),
        (123456789012345678.0, "123456789012345680"),
        (4611686018427387904.0, "4611686018427387904"),
        (4611686018427387905.0, "4611686018427387904"),
        (9223372036854775807.0, "9223372036854776000"),
        (-9223372036854775808.0, "-9223372036854776000"),
        (1e17, "100000000000000000"),
        (1.5e300, "1.5e+300"),
        (1e-5, "0.00001"),
        (1e-7, "1e-7"),
        (0.0001, "0.0001"),
        (1.0000001e-7, "1.0000001e-7"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (5e-324, "5e-324"),
        (2.2250738585072014e-308, "2.2250738585072014e-308"),
        (0.30000000000000004, "0.30000000000000004"),
        (123456.789, "123456.789"),
        (1e23, "99999999999999990000000"),
        (9007199254740993.0, "9007199254740992"),
        (-1e-10, "-1e-10"),
        (1.5e-9, "1.5e-9"),
        (100000000000000000000.5, "1e+20"),
        (5e-7, "5e-7"),
        (12345678901234567890123.0, "12345678901234568000000"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
    ];
    for &(value, text) in table {
        assert_eq!(String::from_utf8_lossy(Buffer::new().format(value)), text);
    }
}

#[test]
fn reads_back_to_the_same_number() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for round in 0..200_000u64 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let value = match round % 3 {
            0 => f64::from_bits(state),
            1 => (state % 1_000_000) as f64 / 1000.0,
            _ => state as f64 / 65_536.0,
        };
        if value.is_nan() {
            continue;
        }
        let mut buffer = Buffer::new();
        let text = std::str::from_utf8(buffer.format(value)).unwrap();
        assert_eq!(
            text.parse::<f64>().unwrap().to_bits(),
            value.to_bits(),
            "{text}"
        );
    }
}

#[test]
fn integers_may_be_short_too() {
    for (value, text) in [
        (1e15, "1e+15"),
        (-1e18, "-1e+18"),
        (12345670000000.0, "12345670000000"),
        (4611686018427387904.0, "4611686018427388000"),
        (12.0, "12"),
        (-0.0, "-0"),
        (f64::INFINITY, "inf"),
    ] {
        assert_eq!(
            Buffer::new().format_short(value),
            text.as_bytes(),
            "{value}"
        );
    }
}

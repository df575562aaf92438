use super::Buffer;

/// What the reference server answered to ZADD and ZSCORE.
#[test]
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

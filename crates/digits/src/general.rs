//! A fixed number of significant digits, as C's `%.17g` prints them.

/// Significant digits: enough to tell any two doubles apart.
const DIGITS: i32 = 17;

/// Prints a number that is not NaN as C's `%.17g` does: 17 significant digits, without zeros at the end, in scientific
/// form where the exponent is below -4 or above 16; `inf` and `-inf`.
pub fn general_17(value: f64) -> String {
    if value.is_infinite() {
        return if value < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let scientific = format!("{value:.*e}", DIGITS as usize - 1);
    let (digits, exponent) = scientific
        .split_once('e')
        .expect("the scientific form has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    if (-4..DIGITS).contains(&exponent) {
        let decimals = (DIGITS - 1 - exponent) as usize;
        let plain = format!("{value:.decimals$}");
        return without_zeros(&plain).to_owned();
    }
    let (sign, magnitude) = if exponent < 0 {
        ('-', -exponent)
    } else {
        ('+', exponent)
    };
    format!("{}e{sign}{magnitude:02}", without_zeros(digits))
}

/// A number without the zeros behind its point, and without the point if nothing is left behind it.
fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_c_prints() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1, "0.10000000000000001"),
            (0.2, "0.20000000000000001"),
            (1.5e300, "1.5000000000000001e+300"),
            (123456789.125, "123456789.125"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1e-4, "0.0001"),
            (1e-5, "1.0000000000000001e-05"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            // halfway between two: to the even digit
            (1.0 / 33554432.0, "2.9802322387695312e-08"),
            (9007199254740992.0, "9007199254740992"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(general_17(value), text);
        }
    }
}

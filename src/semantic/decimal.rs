//! Exact numbers with nine digits after the point: thresholds, weights and bounds, as warehouses compare them.

use std::fmt;

/// Billionths: what a warehouse's decimal holds of a number that is at most [`Decimal::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i128);

/// How many digits stand after the point.
const DIGITS: i64 = 9;

/// One, in billionths.
const ONE: i128 = 1_000_000_000;

impl Decimal {
    /// The largest, on either side of zero: far below what a warehouse's decimal holds, so that sums fit too.
    pub const MAX: Decimal = Decimal(1_000_000_000_000_000_000 * ONE);

    /// Nothing.
    pub const ZERO: Decimal = Decimal(0);

    /// Returns a whole number; none: it is too large.
    pub fn whole(number: i128) -> Option<Self> {
        number.checked_mul(ONE).map(Self).filter(|decimal| decimal.fits())
    }

    /// Reads a number as TOML writes it: `0.7`, `1_000.5`, `5e-1`; none: it has more digits after the point than are
    /// held, or is too large, or no number.
    pub fn parse(written: &str) -> Option<Self> {
        let text: String = written.trim().chars().filter(|each| *each != '_').collect();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(&text)),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        // Where the point stands among the digits, and what of them is more than zeros.
        let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
        let significant = digits.trim_end_matches('0');
        if significant.trim_start_matches('0').is_empty() {
            return Some(Self::ZERO);
        }
        let missing = point + DIGITS - i64::try_from(significant.len()).ok()?;
        // A digit lies behind the last one that is held, or the first one lies far before the point.
        let padding = usize::try_from(missing).ok().filter(|zeros| *zeros < 64)?;
        let number: i128 = format!("{significant}{}", "0".repeat(padding)).parse().ok()?;
        Some(Self(if negative { -number } else { number })).filter(|decimal| decimal.fits())
    }

    fn fits(self) -> bool {
        self.0.unsigned_abs() <= Self::MAX.0.unsigned_abs()
    }

    /// Returns it, where it is a whole number of 64 bits.
    pub fn as_int(self) -> Option<i64> {
        (self.0 % ONE == 0).then(|| i64::try_from(self.0 / ONE).ok()).flatten()
    }

    /// Returns the nearest float.
    pub fn to_float(self) -> f64 {
        self.to_string().parse().expect("digits and a point are a number")
    }

    /// Tells whether it is above zero.
    pub fn is_positive(self) -> bool {
        self.0 > 0
    }
}

impl std::iter::Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::ZERO, |total, number| Self(total.0.saturating_add(number.0)))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, sign) = (self.0.unsigned_abs(), if self.0 < 0 { "-" } else { "" });
        let (whole, fraction) = (number / ONE.unsigned_abs(), number % ONE.unsigned_abs());
        let fraction = format!("{fraction:09}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            fraction => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    fn read(written: &str) -> Option<String> {
        Decimal::parse(written).map(|decimal| decimal.to_string())
    }

    #[test]
    fn what_is_written_is_what_is_meant() {
        for (written, exact) in [
            ("0.7", "0.7"),
            ("+1_000.50", "1000.5"),
            ("-0.1", "-0.1"),
            ("5e-1", "0.5"),
            ("1.5E3", "1500"),
            ("0e400", "0"),
            ("0.0000000000", "0"),
            ("0.000000001", "0.000000001"),
            ("1e18", "1000000000000000000"),
            ("123456789012345678.987654321", "123456789012345678.987654321"),
        ] {
            assert_eq!(read(written).as_deref(), Some(exact), "{written}");
        }
    }

    #[test]
    fn what_is_not_held_is_refused() {
        for written in
            ["0.0000000001", "1e-10", "1e-320", "1e19", "1e38", "1e400", "1000000000000000000.1", "inf", "nan", ""]
        {
            assert_eq!(read(written), None, "{written}");
        }
    }

    #[test]
    fn whole_numbers_stay_whole() {
        assert_eq!(Decimal::whole(9_007_199_254_740_993).and_then(Decimal::as_int), Some(9_007_199_254_740_993));
        assert_eq!(Decimal::whole(i128::from(i64::MAX)), None);
        assert_eq!(Decimal::parse("1.5").and_then(Decimal::as_int), None);
        assert!((Decimal::parse("0.1").unwrap().to_float() - 0.1).abs() < f64::EPSILON);
    }
}

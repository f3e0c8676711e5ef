//! One expected value against one actual value.

use jiff::tz::TimeZone;

use crate::warehouse::Value;

/// Two floats closer than this, relative to the larger, are equal.
const TOLERANCE: f64 = 1e-9;

/// Below this, floats are as good as zero to [`TOLERANCE`].
const SMALL: f64 = 1e-6;

/// Tells whether a value is the one that was expected.
///
/// Whole numbers are compared exactly, floats nearly, times as moments in UTC however they are written; text that was
/// expected of another type, as all values of a CSV file are, is read as that type.
pub(super) fn equal(expected: &serde_json::Value, actual: &Value) -> bool {
    match expected {
        serde_json::Value::Null => matches!(actual, Value::Null),
        serde_json::Value::Bool(expected) => matches!(actual, Value::Bool(actual) if actual == expected),
        serde_json::Value::Number(expected) => number(&expected.to_string(), actual),
        serde_json::Value::String(expected) => text(expected, actual),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => match actual {
            Value::Text(actual) => {
                serde_json::from_str(actual).is_ok_and(|actual: serde_json::Value| actual == *expected)
            }
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Decimal(_)
            | Value::Date(_)
            | Value::Timestamp(_) => false,
        },
    }
}

fn text(expected: &str, actual: &Value) -> bool {
    match actual {
        Value::Null => false,
        Value::Bool(actual) => expected.trim().parse() == Ok(*actual),
        Value::Int(_) | Value::Float(_) | Value::Decimal(_) => number(expected.trim(), actual),
        Value::Text(actual) => actual == expected,
        Value::Date(actual) | Value::Timestamp(actual) => match (moment(expected), moment(actual)) {
            (Some(expected), Some(actual)) => expected == actual,
            // Infinities, and what is no time at all.
            _ => actual == expected,
        },
    }
}

fn number(expected: &str, actual: &Value) -> bool {
    match actual {
        Value::Int(actual) => digits(expected) == digits(&actual.to_string()) && digits(expected).is_some(),
        Value::Decimal(actual) => digits(expected) == digits(actual) && digits(expected).is_some(),
        Value::Float(actual) => expected.parse().is_ok_and(|expected: f64| close(expected, *actual)),
        Value::Null | Value::Bool(_) | Value::Text(_) | Value::Date(_) | Value::Timestamp(_) => false,
    }
}

fn close(left: f64, right: f64) -> bool {
    // Infinities are equal to themselves; nan is what was expected where nan was.
    #[expect(clippy::float_cmp, reason = "the exact case comes first")]
    let same = left == right || left.is_nan() && right.is_nan();
    same || (left - right).abs() <= TOLERANCE * left.abs().max(right.abs()).max(SMALL)
}

/// Returns a number's sign, whole digits and fraction without the zeros that say nothing: `01.50` and `1.5` are one.
fn digits(text: &str) -> Option<(bool, String, String)> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let plain = |text: &str| text.chars().all(|character| character.is_ascii_digit());
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if unsigned.is_empty() || unsigned == "." {
        return None;
    }
    if !plain(whole) || !plain(fraction) {
        // With an exponent: through a float, which prints none.
        let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
        return digits(&value.to_string());
    }
    let (whole, fraction) = (whole.trim_start_matches('0').to_owned(), fraction.trim_end_matches('0').to_owned());
    Some((negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction))
}

/// Reads a moment in any of its spellings; without a zone it is in UTC, without a time it is midnight.
fn moment(text: &str) -> Option<jiff::Timestamp> {
    let text = text.trim();
    let civil = || text.parse::<jiff::civil::DateTime>().ok();
    let day = || text.parse::<jiff::civil::Date>().ok().map(jiff::civil::DateTime::from);
    text.parse().ok().or_else(|| civil().or_else(day)?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(expected: &serde_json::Value, actual: &Value, is_equal: bool) {
        assert_eq!(equal(expected, actual), is_equal, "{expected} against {actual:?}");
    }

    #[test]
    fn null_is_null_only() {
        check(&json!(null), &Value::Null, true);
        check(&json!(null), &Value::Int(0), false);
        check(&json!(0), &Value::Null, false);
        check(&json!(""), &Value::Null, false);
        check(&json!(false), &Value::Null, false);
    }

    #[test]
    fn whole_numbers_are_compared_exactly() {
        check(&json!(9_007_199_254_740_993_i64), &Value::Int(9_007_199_254_740_993), true);
        check(&json!(9_007_199_254_740_992_i64), &Value::Int(9_007_199_254_740_993), false);
        check(&json!(2.0), &Value::Int(2), true);
        check(&json!(2.5), &Value::Int(2), false);
        check(&json!(true), &Value::Int(1), false);
    }

    #[test]
    fn floats_are_compared_nearly() {
        check(&json!(0.3), &Value::Float(0.1 + 0.2), true);
        check(&json!(0.333_333_333_3), &Value::Float(1.0 / 3.0), true);
        check(&json!(0.333), &Value::Float(1.0 / 3.0), false);
        check(&json!(0), &Value::Float(1e-17), true);
        check(&json!(1e-5), &Value::Float(1.1e-5), false);
        check(&json!(1), &Value::Float(1.0), true);
    }

    #[test]
    fn decimals_are_compared_by_their_digits() {
        check(&json!(1.5), &Value::Decimal("1.50".to_owned()), true);
        check(&json!("001.5"), &Value::Decimal("1.50".to_owned()), true);
        check(&json!(0), &Value::Decimal("-0.00".to_owned()), true);
        check(&json!("170141183460469231731687303715884105727"), &Value::Decimal(i128::MAX.to_string()), true);
        check(&json!("170141183460469231731687303715884105726"), &Value::Decimal(i128::MAX.to_string()), false);
        check(&json!("one"), &Value::Decimal("1".to_owned()), false);
    }

    #[test]
    fn text_is_read_as_what_is_compared_with_it() {
        check(&json!("3"), &Value::Int(3), true);
        check(&json!("0.30000000000000004"), &Value::Float(0.3), true);
        check(&json!("true"), &Value::Bool(true), true);
        check(&json!("yes"), &Value::Bool(true), false);
        check(&json!("a "), &Value::Text("a".to_owned()), false);
        check(&json!(3), &Value::Text("3".to_owned()), false);
    }

    #[test]
    fn times_are_moments_in_utc() {
        let actual = Value::Timestamp("2026-01-31T12:00:00.000000Z".to_owned());
        for spelling in
            ["2026-01-31T12:00:00Z", "2026-01-31 12:00:00", "2026-01-31T14:00:00+02:00", "2026-01-31T12:00:00.0Z"]
        {
            check(&json!(spelling), &actual, true);
        }
        check(&json!("2026-01-31"), &actual, false);
        check(&json!("2026-01-31"), &Value::Timestamp("2026-01-31T00:00:00.000000Z".to_owned()), true);
        check(&json!("2026-01-31T00:00:00Z"), &Value::Date("2026-01-31".to_owned()), true);
        check(&json!("2026-01-30"), &Value::Date("2026-01-31".to_owned()), false);
        check(&json!("infinity"), &Value::Timestamp("infinity".to_owned()), true);
    }

    #[test]
    fn documents_are_compared_as_documents() {
        check(&json!({"a": 1, "b": [2]}), &Value::Text("{\"b\":[2], \"a\":1}".to_owned()), true);
        check(&json!([1, 2]), &Value::Text("[2, 1]".to_owned()), false);
    }
}

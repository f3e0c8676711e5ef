//! Elapsed times as they are written: `14d`, `36h`, `1w 2d`.

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day of 24 hours.
pub const DAY: i64 = 24 * HOUR;
/// Microseconds in a week.
pub const WEEK: i64 = 7 * DAY;

/// What a duration looks like, for messages.
pub const FORM: &str = "whole numbers with a unit of `w`, `d`, `h`, `m` or `s`, as in `14d`, `36h` or `1w 2d`";

/// Writes a length of time as it is written in TOML.
pub fn written(microseconds: i64) -> String {
    const UNITS: &[(i64, &str)] = &[(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")];
    UNITS.iter().find(|(length, _)| microseconds % length == 0).map_or_else(
        || format!("{microseconds} microseconds"),
        |(length, unit)| format!("{}{unit}", microseconds / length),
    )
}

/// Returns the microseconds of a duration: whole numbers, each with its unit; none when it is written differently, or
/// longer than 64 bits can hold.
pub fn duration(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: i64 = rest[..digits].parse().ok()?;
        let mut after = rest[digits..].chars();
        let unit = match after.next()? {
            's' => SECOND,
            'm' => MINUTE,
            'h' => HOUR,
            'd' => DAY,
            'w' => WEEK,
            _ => return None,
        };
        total = total.checked_add(count.checked_mul(unit)?)?;
        rest = after.as_str();
        // Parts follow each other directly or after blanks, and a letter never follows a unit.
        rest = rest.trim_start();
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use crate::semantic::duration::{DAY, HOUR, SECOND, WEEK, duration};

    #[test]
    fn parts_add_up() {
        assert_eq!(duration("14d"), Some(14 * DAY));
        assert_eq!(duration(" 1w 2d "), Some(WEEK + 2 * DAY));
        assert_eq!(duration("1d12h"), Some(DAY + 12 * HOUR));
        assert_eq!(duration("0s"), Some(0));
        assert_eq!(duration("90m"), Some(90 * 60 * SECOND));
    }

    #[test]
    fn anything_else_is_none() {
        for text in ["", " ", "14", "d", "14 d", "-1d", "1.5d", "1D", "14days", "1mo", "1d,", "١d", "1d é"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn overflow_is_none() {
        assert_eq!(duration("106751991d"), Some(106_751_991 * DAY));
        for text in ["106751992d", "9223372036854775807s", "99999999999999999999s", "106751991d 24h"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}

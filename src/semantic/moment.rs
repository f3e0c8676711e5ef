//! Moments as they are written, and as SQL's literals hold them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZoneDatabase};

/// What a moment looks like, for messages.
pub const FORM: &str = "a date (`2026-03-01`) or a time with its offset (`2026-03-01T09:30:00Z`)";

/// The last day whose moments are taken: the days after it are not whole in the clocks of every place.
const LAST: Date = jiff::civil::date(9999, 12, 29);

/// The largest offset from UTC that there is, in seconds.
pub const LARGEST_OFFSET: i32 = 18 * 60 * 60;

/// Returns the moment: a time of RFC 3339 with an offset, or a date, which is its midnight in UTC; or says why it is none.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let date = text.get(..DATE.len()).and_then(|date| date.parse::<Date>().ok());
    if let Some(date) = date
        && (date.year() < 1 || date > LAST)
    {
        return Err(format!("it does not lie between 0001-01-01 and {LAST}: no calendar of a warehouse is longer"));
    }
    let form = || format!("write {FORM}");
    match date {
        Some(date) if text.len() == DATE.len() => {
            Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|error| error.to_string())
        }
        Some(_) if offset(text).is_some_and(|seconds| seconds.abs() > LARGEST_OFFSET) => {
            Err("its offset is larger than 18 hours, and no place has one".to_owned())
        }
        Some(_) => text.parse().map_err(|_| form()),
        None => Err(form()),
    }
}

/// The first moment that the calendar of every warehouse has.
pub const FIRST: &str = "0001-01-01 00:00:00.000000";

/// How a date is written.
const DATE: &str = "2026-03-01";

/// Returns the seconds of an offset in hours and minutes at the end of a time.
pub fn offset(time: &str) -> Option<i32> {
    let at = time.rfind(['+', '-']).filter(|at| *at > DATE.len())?;
    let mut parts = time[at + 1..].splitn(2, ':');
    let digits = parts.next()?;
    let (hours, minutes) = match (parts.next(), digits.len()) {
        (Some(minutes), _) => (digits, minutes.get(..2)?),
        (None, 4) => digits.split_at_checked(2)?,
        (None, _) => (digits, "0"),
    };
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    Some(if time[at..].starts_with('-') { -seconds } else { seconds })
}

/// Returns the moment as `YYYY-MM-DD HH:MM:SS.ffffff` in UTC.
pub fn literal(moment: Timestamp) -> String {
    Offset::UTC.to_datetime(moment).strftime("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// Reads what [`literal`] writes.
fn clock(text: &str) -> Option<DateTime> {
    DateTime::strptime("%Y-%m-%d %H:%M:%S%.f", text).ok()
}

/// Returns the microseconds from the beginning of 1970 to a moment, as [`literal`] writes it.
pub fn microseconds(text: &str) -> Option<i64> {
    Some(Offset::UTC.to_timestamp(clock(text)?).ok()?.as_microsecond())
}

/// Returns what a clock shows so many days after a moment, as [`literal`] writes it, in a zone of the list that is built
/// in: its day, and day and time; none outside of the calendar.
pub fn local(text: &str, timezone: &str, days: i64) -> Option<(String, String)> {
    let moment = Offset::UTC.to_timestamp(clock(text)?).ok()?;
    let zone = TimeZoneDatabase::bundled().get(timezone).ok()?;
    let shown = zone.to_datetime(moment).checked_add(jiff::SignedDuration::from_hours(24 * days)).ok()?;
    let format = |format: &str| shown.strftime(format).to_string();
    (shown.year() > 0).then(|| (format("%Y-%m-%d"), format("%Y-%m-%d %H:%M:%S%.6f")))
}

/// Returns the moment so many microseconds before another, both as [`literal`] writes them; none before year 1.
pub fn before(text: &str, microseconds: i64) -> Option<String> {
    let clock = clock(text)?;
    let earlier = clock.checked_sub(jiff::SignedDuration::from_micros(microseconds)).ok()?;
    (earlier.year() > 0).then(|| earlier.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_with_an_offset_or_a_date() {
        for (text, instant) in [
            ("2026-03-01", "2026-03-01T00:00:00Z"),
            ("2026-03-01T09:30:00Z", "2026-03-01T09:30:00Z"),
            ("2026-03-01T09:30:00.25+02:00", "2026-03-01T07:30:00.25Z"),
        ] {
            assert_eq!(moment(text).unwrap().to_string(), instant);
        }
        for text in ["", "now", "2026-13-01", "2026-03-01T09:30:00", "20260301", "1767225600"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_no_warehouse_can_hold_is_told_why() {
        for text in ["9999-12-31", "9999-12-31T23:59:59Z", "0000-01-01", "0000-06-01T00:00:00Z"] {
            assert!(moment(text).unwrap_err().contains("0001-01-01 and 9999-12-29"), "{text}");
        }
        for text in ["2026-03-01T00:00:00+25:00", "2026-03-01T00:00:00-18:01", "2026-03-01T00:00:00+1900"] {
            assert!(moment(text).unwrap_err().contains("18 hours"), "{text}");
        }
        for text in ["9999-12-29", "0001-01-01", "2026-03-01T00:00:00+18:00", "2026-03-01T00:00:00-12"] {
            assert!(moment(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_moment_lies_before_another() {
        let day = 86_400_000_000;
        assert_eq!(before("2026-03-01 00:00:00.250000", day).as_deref(), Some("2026-02-28 00:00:00.250000"));
        assert_eq!(before("2026-03-01 00:00:00.000000", 3_000 * 365 * day), None);
    }

    #[test]
    fn a_clock_shows_a_moment_in_a_zone() {
        let shown = |day: &str, time: &str| Some((day.to_owned(), time.to_owned()));
        let text = "2026-03-01 23:30:00.250000";
        assert_eq!(local(text, "UTC", 0), shown("2026-03-01", "2026-03-01 23:30:00.250000"));
        assert_eq!(local(text, "Europe/Berlin", 1), shown("2026-03-03", "2026-03-03 00:30:00.250000"));
        assert_eq!(local(text, "America/New_York", -1), shown("2026-02-28", "2026-02-28 18:30:00.250000"));
        assert_eq!(local("9999-12-31 00:00:00.000000", "UTC", 2), None);
        assert_eq!(microseconds("1970-01-01 00:00:01.000002"), Some(1_000_002));
    }

    #[test]
    fn a_literal_has_microseconds() {
        assert_eq!(literal(moment("2026-03-01T09:30:00.25+02:00").unwrap()), "2026-03-01 07:30:00.250000");
    }
}

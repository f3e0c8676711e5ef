//! Rows that a run as of an earlier moment would count, and that the warehouse deletes by its own clock.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::Analysis;
use crate::application::Obstacle;
use crate::plan::layout::layout;
use crate::plan::node::{NodeId, Raw};
use crate::semantic::model::PartitionBy;
use crate::target::Target;

/// Refuses a run as of `as_of`, at work `now`, in whose relations rows are missing that count: what it would tell is wrong.
pub fn refuse(
    analysis: &Analysis,
    target: &Target,
    part: &[NodeId],
    as_of: Timestamp,
    now: Timestamp,
) -> Result<(), Obstacle> {
    if !target.dialect.expires() {
        return Ok(());
    }
    for node in part.iter().map(|id| analysis.plan.node(*id)) {
        let layout = layout(&analysis.model, node);
        let (Some(Raw::Source(index)), Some((_, by)), Some(days)) =
            (node.reads, layout.partition, layout.expiration_days)
        else {
            continue;
        };
        let source = analysis.model.source(index);
        let kept = source.retain.and_then(|age| oldest(as_of, age)).is_none_or(|row| is_kept(row, by, days, now));
        if !kept {
            let name = &source.meta.name;
            return Err(Obstacle::new(format!(
                "as of {as_of}, rows of `source.{name}` count that {} deletes: it has `expire = true`, which goes by the \
                 clock there",
                target.dialect.name()
            ))
            .help("run as of the present, or take `expire` out of the source"));
        }
    }
    Ok(())
}

/// Returns the time of the oldest row that counts, `age` microseconds before `as_of`.
fn oldest(as_of: Timestamp, age: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(as_of.as_microsecond().checked_sub(age)?).ok()
}

/// Tells whether the part that `row` lies in is still there `days` days after it began.
fn is_kept(row: Timestamp, by: PartitionBy, days: i64, now: Timestamp) -> bool {
    let day = |moment: Timestamp| moment.to_zoned(TimeZone::UTC).date();
    let begins = match by {
        PartitionBy::Day => day(row),
        PartitionBy::Month => day(row).first_of_month(),
    };
    let since = |date: Date| date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp().as_second());
    // What is before the calendar of this machine is gone for long.
    since(begins).is_ok_and(|second| now.as_second() < second.saturating_add(days.saturating_mul(24 * 60 * 60)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_there_for_so_many_days_after_it_began() {
        let moment = |text: &str| text.parse::<Timestamp>().unwrap();
        // 30 days are kept, and the part of the day on which the oldest row lies: 31.
        let row = oldest(moment("2026-03-31T12:00:00Z"), 30 * 24 * 60 * 60 * 1_000_000).unwrap();
        assert_eq!(row, moment("2026-03-01T12:00:00Z"));
        assert!(is_kept(row, PartitionBy::Day, 31, moment("2026-03-31T23:59:59Z")));
        assert!(!is_kept(row, PartitionBy::Day, 31, moment("2026-04-01T00:00:00Z")));
        // The month of March began on its first day.
        let row = moment("2026-03-20T12:00:00Z");
        assert!(is_kept(row, PartitionBy::Month, 61, moment("2026-04-30T23:59:59Z")));
        assert!(!is_kept(row, PartitionBy::Month, 61, moment("2026-05-01T00:00:00Z")));
    }
}

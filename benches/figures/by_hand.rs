//! SQL that is written by hand: one statement a milestone, as people write it, and what the rows of a view have to be.

use crate::data::Data;
use crate::projects::{Milestone, Of};

const AS_OF: &str = "TIMESTAMP '2026-07-01'";

/// The least that a statement of its own does for a milestone that counts plain events: when each user reached it, and
/// nothing else, no count, no id of the event, no table that others read.
pub(crate) fn statement(data: &Data, milestone: &Milestone, table: &str) -> String {
    let Of::Events(event) = milestone.of else { panic!("it counts events") };
    let Milestone { within, at_least, .. } = milestone;
    let (users, events) = (data.users(), data.events());
    format!(
        "CREATE OR REPLACE TABLE {table} AS SELECT u.user_id, min(n.timestamp) AS reached_at FROM {users} u
         LEFT JOIN (SELECT user_id, timestamp, row_number() OVER (PARTITION BY user_id ORDER BY timestamp) AS k
           FROM (SELECT e.user_id, e.timestamp FROM {events} e JOIN {users} s USING (user_id)
             WHERE e.event_name = 'event_{event}' AND e.timestamp >= s.created_at AND e.timestamp < {AS_OF}
               AND e.timestamp < s.created_at + INTERVAL {within} DAY)) n ON n.user_id = u.user_id AND n.k = {at_least}
         GROUP BY ALL"
    )
}

/// What [`statement`] made, or what a milestone's view says: how many rows, how many of them reached, and when, added up.
pub(crate) fn of_the_rows(relation: &str) -> String {
    format!("SELECT count(*)::VARCHAR, count(reached_at)::VARCHAR, sum(epoch_us(reached_at))::VARCHAR FROM {relation}")
}

/// The same of a milestone's view, and by which events it was reached.
pub(crate) fn of_the_view_with_ids(number: usize) -> String {
    format!("{DIGEST} FROM milepost.milestone_m{number}")
}

const DIGEST: &str = "SELECT count(*)::VARCHAR, count(reached_at)::VARCHAR, sum(epoch_us(reached_at))::VARCHAR, \
                      bit_xor(hash(coalesce(reached_id, '')))::VARCHAR";

/// What [`of_the_view_with_ids`] has to be, read from the rows that the data was made from.
pub(crate) fn expected(data: &Data, milestones: &[Milestone], number: usize) -> String {
    let users = data.users();
    let reached = reached(data, milestones, number, None);
    format!(
        "{DIGEST} FROM (SELECT reached.met_at AS reached_at, reached.id AS reached_id FROM {users} u
         LEFT JOIN ({reached}) reached USING (user_id))"
    )
}

/// Returns a query of the users who reached a milestone: `user_id`, `met_at`, `id`, later than a reach of another query.
fn reached(data: &Data, milestones: &[Milestone], number: usize, later_than: Option<&str>) -> String {
    let Milestone { of, at_least, within, plan, from, after } = &milestones[number];
    let of_part = |part: &usize| reached(data, milestones, *part, None);
    let parts = match of {
        Of::All(parts) | Of::Any(parts) => parts.iter().map(of_part).collect::<Vec<_>>().join(" UNION ALL "),
        Of::Sequence(parts) => {
            // The last step is what reaches it.
            let mut steps = parts.iter();
            let first = steps.next().map(of_part).unwrap_or_default();
            return steps.fold(first, |before, step| reached(data, milestones, *step, Some(&before)));
        }
        Of::Events(event) | Of::Distinct(event) | Of::Sum(event) => {
            let anchor = match from {
                Some(from) => reached(data, milestones, *from, None),
                None => format!("SELECT user_id, created_at AS met_at FROM {}", data.users()),
            };
            let before = after.map(|after| reached(data, milestones, after, None));
            let before = before.as_deref().or(later_than);
            let join = before.map_or(String::new(), |before| {
                format!("JOIN ({before}) p ON p.user_id = e.user_id AND (e.timestamp, e.event_id) > (p.met_at, p.id)")
            });
            let plan = plan.map_or(String::new(), |plan| format!("AND e.plan = '{plan}'"));
            let columns = if matches!(of, Of::Events(_)) { "" } else { ", e.feature, e.amount" };
            format!(
                "SELECT e.user_id, e.timestamp AS met_at, e.event_id AS id {columns} FROM {} e JOIN ({anchor}) a USING (user_id) {join}
                 WHERE e.event_name = 'event_{event}' AND e.timestamp < {AS_OF} AND e.timestamp >= a.met_at
                   AND e.timestamp < a.met_at + INTERVAL {within} DAY {plan}",
                data.clean()
            )
        }
    };
    let counted = match of {
        Of::Distinct(_) => format!(
            "SELECT *, CASE WHEN row_number() OVER (PARTITION BY user_id, feature ORDER BY met_at, id) = 1 THEN 1 ELSE 0 END AS n
             FROM ({parts})"
        ),
        Of::Sum(_) => format!("SELECT *, amount AS n FROM ({parts})"),
        Of::Events(_) | Of::All(_) | Of::Any(_) | Of::Sequence(_) => format!("SELECT *, 1 AS n FROM ({parts})"),
    };
    format!(
        "SELECT user_id, met_at, id FROM (
           SELECT *, sum(n) OVER (PARTITION BY user_id ORDER BY met_at, id ROWS UNBOUNDED PRECEDING) AS total FROM ({counted}))
         WHERE total >= {at_least}
         QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY met_at, id) = 1"
    )
}

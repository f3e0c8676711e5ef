//! The lines of a run: one when a node starts, one when it ends, one at the end.
//!
//! Nothing is printed here. Each method returns the line to print, or nothing where this line is not wanted, so
//! that the caller can hold a lock for exactly one line.

use std::time::Duration;

use crate::report::diagnostics::visible as shown;
use crate::report::table::grouped;
use crate::report::width::visible;

/// Which lines are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Failures only: nobody watches, or asked for quiet.
    Failures,
    /// Every start and every end.
    All,
}

/// How a node ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was made; how many rows it has, where that is known.
    Ok {
        /// The rows, where they were counted.
        rows: Option<u64>,
    },
    /// A test held.
    Pass,
    /// A test did not hold, and why.
    Fail(String),
    /// The warehouse refused it, in its words.
    Error(String),
    /// It was not tried, and why: `kpi_activation_rate failed`.
    Skip(String),
    /// What is there is what it would have made.
    Unchanged,
}

/// The state of one run.
#[derive(Debug)]
pub struct Progress {
    total: usize,
    started: usize,
    finished: usize,
    detail: Detail,
    colors: bool,
    counts: Counts,
}

/// How many nodes ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Made, or held.
    pub pass: usize,
    /// Refused, or did not hold.
    pub error: usize,
    /// Not tried.
    pub skip: usize,
    /// There already.
    pub unchanged: usize,
}

impl Progress {
    /// Begins a run of `total` nodes.
    pub fn new(total: usize, detail: Detail, colors: bool) -> Self {
        Self { total, started: 0, finished: 0, detail, colors, counts: Counts::default() }
    }

    /// Counts a start, and returns its line.
    pub fn started(&mut self, node: &str) -> Option<String> {
        self.started += 1;
        match self.detail {
            Detail::Failures => None,
            Detail::All => Some(format!("{} START  {node}", self.place(self.started))),
        }
    }

    /// Returns the line of a node that is tried again, and why.
    pub fn retried(&self, node: &str, reason: &str) -> Option<String> {
        let line =
            || format!("{} {}  {node}  [{}]", self.place(self.started), self.paint("RETRY", YELLOW), visible(reason));
        (self.detail == Detail::All).then(line)
    }

    /// Counts an end, and returns its line.
    pub fn finished(&mut self, node: &str, status: &Status, elapsed: Duration) -> Option<String> {
        self.finished += 1;
        let seconds = seconds(elapsed);
        let (word, color, remark, reason) = match status {
            Status::Ok { rows } => {
                self.counts.pass += 1;
                let rows = rows.map_or_else(String::new, |rows| {
                    format!("{} {} ", grouped(rows), if rows == 1 { "row" } else { "rows" })
                });
                ("OK", GREEN, format!("{rows}in {seconds}"), None)
            }
            Status::Pass => {
                self.counts.pass += 1;
                ("PASS", GREEN, format!("in {seconds}"), None)
            }
            Status::Fail(reason) => {
                self.counts.error += 1;
                ("FAIL", RED, format!("in {seconds}"), Some(reason))
            }
            Status::Error(reason) => {
                self.counts.error += 1;
                ("ERROR", RED, format!("in {seconds}"), Some(reason))
            }
            Status::Skip(reason) => {
                self.counts.skip += 1;
                ("SKIP", YELLOW, reason.clone(), None)
            }
            Status::Unchanged => {
                // The last line counts them.
                self.counts.unchanged += 1;
                return None;
            }
        };
        if self.detail == Detail::Failures && reason.is_none() {
            return None;
        }
        // The word's column is padded outside the color, so that both forms align.
        let padding = " ".repeat(5_usize.saturating_sub(word.len()));
        let mut line =
            format!("{} {}{padding}  {node}  [{remark}]", self.place(self.finished), self.paint(word, color));
        for reason in reason.iter().flat_map(|reason| reason.trim_end().lines()) {
            line.push_str("\n    ");
            line.push_str(&shown(reason));
        }
        Some(line)
    }

    /// Returns the last line: `PASS=22 ERROR=1 SKIP=1 TOTAL=24 in 3.41s`.
    pub fn summary(&self, elapsed: Duration) -> Option<String> {
        if self.detail == Detail::Failures && self.counts.error == 0 {
            return None;
        }
        let Counts { pass, error, skip, unchanged } = self.counts;
        let part = |name: &str, number: usize, color: &str| {
            let text = format!("{name}={number}");
            if number > 0 { self.paint(&text, color) } else { text }
        };
        let unchanged_part = if unchanged > 0 { format!("NO-OP={unchanged} ") } else { String::new() };
        Some(format!(
            "{} {} {} {unchanged_part}TOTAL={} in {}",
            part("PASS", pass, GREEN),
            part("ERROR", error, RED),
            part("SKIP", skip, YELLOW),
            pass + error + skip + unchanged,
            seconds(elapsed)
        ))
    }

    /// Returns how many nodes ended how, so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn place(&self, number: usize) -> String {
        let digits = self.total.to_string().len();
        format!("{number:>digits$} of {}", self.total)
    }

    fn paint(&self, text: &str, color: &str) -> String {
        if self.colors { format!("{color}{text}{RESET}") } else { text.to_owned() }
    }
}

const GREEN: &str = "\u{1b}[32m";
const RED: &str = "\u{1b}[31m";
const YELLOW: &str = "\u{1b}[33m";
const RESET: &str = "\u{1b}[0m";

fn seconds(elapsed: Duration) -> String {
    format!("{:.2}s", elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn run(detail: Detail, statuses: &[(&str, Status)]) -> String {
        let mut progress = Progress::new(24, detail, false);
        let mut lines = Vec::new();
        for (node, status) in statuses {
            lines.extend(progress.started(node));
            lines.extend(progress.finished(node, status, Duration::from_millis(120)));
        }
        lines.extend(progress.summary(Duration::from_millis(3_412)));
        lines.join("\n")
    }

    fn statuses() -> Vec<(&'static str, Status)> {
        vec![
            ("entity_user", Status::Ok { rows: Some(1_234) }),
            ("milestone_shared", Status::Ok { rows: None }),
            ("kpi_activation_rate", Status::Error("Binder Error: no column \"x\"\nLINE 3: x\n".to_owned())),
            ("kpi", Status::Skip("kpi_activation_rate failed".to_owned())),
            ("test.window", Status::Fail("row 1: `count` is 2, expected 1".to_owned())),
            ("test.ties", Status::Pass),
        ]
    }

    #[test]
    fn somebody_who_watches_sees_every_start_and_end() {
        assert_snapshot!(run(Detail::All, &statuses()), @r#"
         1 of 24 START  entity_user
         1 of 24 OK     entity_user  [1,234 rows in 0.12s]
         2 of 24 START  milestone_shared
         2 of 24 OK     milestone_shared  [in 0.12s]
         3 of 24 START  kpi_activation_rate
         3 of 24 ERROR  kpi_activation_rate  [in 0.12s]
            Binder Error: no column "x"
            LINE 3: x
         4 of 24 START  kpi
         4 of 24 SKIP   kpi  [kpi_activation_rate failed]
         5 of 24 START  test.window
         5 of 24 FAIL   test.window  [in 0.12s]
            row 1: `count` is 2, expected 1
         6 of 24 START  test.ties
         6 of 24 PASS   test.ties  [in 0.12s]
        PASS=3 ERROR=2 SKIP=1 TOTAL=6 in 3.41s
        "#);
    }

    #[test]
    fn where_nobody_watches_only_failures_are_shown() {
        assert_snapshot!(run(Detail::Failures, &statuses()), @r#"
         3 of 24 ERROR  kpi_activation_rate  [in 0.12s]
            Binder Error: no column "x"
            LINE 3: x
         5 of 24 FAIL   test.window  [in 0.12s]
            row 1: `count` is 2, expected 1
        PASS=3 ERROR=2 SKIP=1 TOTAL=6 in 3.41s
        "#);
        assert_eq!(run(Detail::Failures, &statuses()[..2]), "");
    }

    #[test]
    fn colors_mark_the_word_only() {
        let mut progress = Progress::new(1, Detail::All, true);
        let line = progress.finished("kpi", &Status::Pass, Duration::ZERO).unwrap();
        assert_eq!(line, "1 of 1 \u{1b}[32mPASS\u{1b}[0m   kpi  [in 0.00s]");
    }
}

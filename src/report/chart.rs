//! A KPI over its periods, as bars of a terminal.

use crate::report::table::{grouped, percentage, short_number};
use crate::report::width::{pad_left, pad_right, visible, width};

/// The bars of one KPI.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// What is drawn: `activation_rate by week`.
    pub title: String,
    /// The bars, in the order in which they are drawn. Bars of one segment stand together under its name.
    pub bars: Vec<Bar>,
    /// Whether values are shares that people read as percentages.
    pub is_share: bool,
}

/// One period of one segment.
#[derive(Clone, Debug)]
pub struct Bar {
    /// The segment, or none for the total.
    pub segment: Option<String>,
    /// The period, as it is shown: `2026-01-05`.
    pub period: String,
    /// The value; none where it is null.
    pub value: Option<f64>,
    /// How many the value is made of.
    pub n: u64,
    /// How many more will count once their window has closed. With any, the period is not over: its bar is light.
    pub immature: u64,
}

/// The bar's share of a line that is wider than needed: longer bars are no easier to compare.
const LONGEST_BAR: usize = 60;
/// Below this a bar says nothing; the line may then be wider than the terminal.
const SHORTEST_BAR: usize = 8;
/// Digits after the point of a value.
const DIGITS: usize = 4;

impl Chart {
    /// Draws the chart in lines of `columns` columns. All segments share one scale.
    pub fn to_text(&self, columns: usize) -> String {
        let rows: Vec<Row> = self.bars.iter().map(|bar| Row::new(bar, self.is_share)).collect();
        let widest = |part: fn(&Row) -> &str| rows.iter().map(|row| width(part(row))).max().unwrap_or(0);
        let (period, value, n, note) =
            (widest(|row| &row.period), widest(|row| &row.value), widest(|row| &row.n), widest(|row| &row.note));
        let fixed = 2 + period + 2 + 2 + value + 2 + n + if note > 0 { 2 + note } else { 0 };
        let longest = columns.saturating_sub(fixed).clamp(SHORTEST_BAR, LONGEST_BAR);
        let greatest = self.bars.iter().filter_map(|bar| bar.value).map(f64::abs).fold(0.0, f64::max);

        let mut text = format!("{}\n", visible(&self.title));
        let mut segment = None;
        for (bar, row) in self.bars.iter().zip(&rows) {
            if bar.segment != segment {
                segment.clone_from(&bar.segment);
                text.push_str(&segment.as_deref().map_or_else(|| "total".to_owned(), visible));
                text.push('\n');
            }
            let drawn = blocks(bar, greatest, longest);
            let line = format!(
                "  {}  {}  {}  {}  {}",
                pad_right(&row.period, period),
                pad_right(&drawn, longest),
                pad_left(&row.value, value),
                pad_left(&row.n, n),
                row.note
            );
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// The texts of one line.
struct Row {
    period: String,
    value: String,
    n: String,
    note: String,
}

impl Row {
    fn new(bar: &Bar, is_share: bool) -> Self {
        let shown = |value| if is_share { percentage(value) } else { short_number(value, DIGITS) };
        Self {
            period: visible(&bar.period),
            value: bar.value.map_or_else(|| "–".to_owned(), shown),
            n: format!("n={}", grouped(bar.n)),
            note: if bar.immature > 0 { format!("({} immature)", grouped(bar.immature)) } else { String::new() },
        }
    }
}

/// Draws a bar in eighths of a column; a light one where the period is not over. Its length is that of the number
/// without its sign, which the value beside it shows.
fn blocks(bar: &Bar, greatest: f64, longest: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let Some(value) = bar.value.filter(|value| value.is_finite() && *value != 0.0) else { return String::new() };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a terminal's width: positive and small"
    )]
    let eighths = ((value.abs() / greatest * (longest * 8) as f64).round() as usize).clamp(1, longest * 8);
    if bar.immature > 0 {
        return "░".repeat(eighths.div_ceil(8));
    }
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn bar(segment: Option<&str>, period: &str, value: Option<f64>, n: u64, immature: u64) -> Bar {
        Bar { segment: segment.map(str::to_owned), period: period.to_owned(), value, n, immature }
    }

    #[test]
    fn a_bar_is_as_long_as_its_value_and_light_while_its_period_is_open() {
        let chart = Chart {
            title: "activation_rate by week".to_owned(),
            bars: vec![
                bar(None, "2026-01-05", Some(0.4), 120, 0),
                bar(None, "2026-01-12", Some(1.0 / 3.0), 1_088, 0),
                bar(None, "2026-01-19", None, 0, 0),
                bar(None, "2026-01-26", Some(0.001), 90, 0),
                bar(None, "2026-02-02", Some(0.1), 14, 60),
                bar(None, "2026-02-09", Some(0.0), 3, 71),
            ],
            is_share: true,
        };
        assert_snapshot!(chart.to_text(64), @r"
        activation_rate by week
          2026-01-05  █████████████████     40 %    n=120
          2026-01-12  ██████████████▏    33.33 %  n=1,088
          2026-01-19                           –      n=0
          2026-01-26  ▏                    0.1 %     n=90
          2026-02-02  ░░░░░                 10 %     n=14  (60 immature)
          2026-02-09                         0 %      n=3  (71 immature)
        ");
    }

    #[test]
    fn segments_share_one_scale_and_signs_are_shown_by_the_value() {
        let chart = Chart {
            title: "net_new_mrr by month".to_owned(),
            bars: vec![
                bar(None, "2026-01", Some(200.0), 12, 0),
                bar(None, "2026-02", Some(-100.0), 9, 0),
                bar(Some("free"), "2026-01", Some(50.0), 4, 0),
                bar(Some("\u{1b}team"), "2026-01", Some(150.0), 8, 0),
            ],
            is_share: false,
        };
        assert_snapshot!(chart.to_text(50), @r"
        net_new_mrr by month
          2026-01  ███████████████████████████   200  n=12
          2026-02  █████████████▌               -100   n=9
        free
          2026-01  ██████▊                        50   n=4
        \u{1b}team
          2026-01  ████████████████████▎         150   n=8
        ");
    }

    #[test]
    fn nothing_and_a_narrow_terminal_can_be_drawn() {
        assert_eq!(
            Chart { title: "k by week".to_owned(), bars: Vec::new(), is_share: false }.to_text(80),
            "k by week\n"
        );
        let chart = Chart { title: "k".to_owned(), bars: vec![bar(None, "all", Some(0.0), 0, 0)], is_share: false };
        assert_snapshot!(chart.to_text(0), @r"
        k
          all            0  n=0
        ");
    }
}

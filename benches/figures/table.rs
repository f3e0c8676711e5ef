//! The table that is printed, a row at a time: what was measured, against what, and whether that is what is to be reached.

use std::fmt;

/// Prints the head of the table.
pub(crate) fn head() {
    println!("| what | measured | against | ratio | to reach | |\n| --- | ---: | --- | ---: | ---: | --- |");
}

/// Prints a row that says what others are measured against.
pub(crate) fn base(what: &str, seconds: f64) {
    line(what, &cpu(seconds), "", "", "", "");
}

/// Prints a row of CPU seconds that may be at most so many times as many as others.
pub(crate) fn at_most(what: &str, seconds: f64, (other, others): (&str, f64), times: f64) {
    let ratio = seconds / others;
    line(
        what,
        &cpu(seconds),
        &format!("{other}: {others:.2}"),
        &number(ratio),
        &times.to_string(),
        verdict(ratio <= times),
    );
}

/// Prints a row of CPU seconds that shall be so many times less than others.
pub(crate) fn less(what: &str, seconds: f64, (other, others): (&str, f64), times: f64) {
    let ratio = others / seconds;
    let (ratio, is_reached) = (format!("1/{}", number(ratio)), ratio >= times);
    line(what, &cpu(seconds), &format!("{other}: {others:.1}"), &ratio, &format!("1/{times}"), verdict(is_reached));
}

/// Prints a row of an amount that has a bound of its own; whether it is reached cannot always be told.
pub(crate) fn amount(what: &str, measured: &str, against: &str, bound: &str, is_reached: Option<bool>) {
    line(what, measured, against, "", bound, is_reached.map_or("", verdict));
}

/// Prints a row for what was not measured, and why.
pub(crate) fn not_measured(what: &str, bound: &str, why: &str) {
    line(what, "not measured", why, "", bound, "");
}

/// Writes CPU seconds.
pub(crate) fn cpu(seconds: f64) -> String {
    format!("{seconds:.2} CPU s")
}

/// Writes bytes as millions of them.
pub(crate) fn megabytes(bytes: f64) -> String {
    format!("{:.0} MB", bytes / 1e6)
}

/// Writes a whole number with commas.
pub(crate) fn grouped(number: u64) -> String {
    let (before, digits) = (number / 1000, number % 1000);
    if before == 0 { digits.to_string() } else { format!("{},{digits:03}", grouped(before)) }
}

fn number(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") }
}

fn verdict(is_reached: bool) -> &'static str {
    if is_reached { "reached" } else { "**not reached**" }
}

fn line(what: impl fmt::Display, measured: &str, against: &str, ratio: &str, reach: &str, verdict: &str) {
    println!("| {what} | {measured} | {against} | {ratio} | {reach} | {verdict} |");
}

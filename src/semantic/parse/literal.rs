//! Constants: numbers, strings, dates, timestamps, durations.

use jiff::civil;
use jiff::tz::TimeZone;
use sqlparser::ast as sql;

use crate::diagnostic::Diagnostic;
use crate::semantic::duration::{self, duration};
use crate::semantic::expr::{Expr, ExprKind, Literal, Type};
use crate::semantic::moment;
use crate::semantic::parse::lower::Lower;
use crate::source::Span;

impl Lower<'_> {
    /// Lowers a constant; `negative` when a sign stands before it.
    pub(super) fn value(&mut self, value: &sql::Value, negative: bool, span: Span) -> Option<Expr> {
        let (literal, ty) = match value {
            sql::Value::Null => (Literal::Null, Type::Null),
            sql::Value::Boolean(value) => (Literal::Bool(*value), Type::Bool),
            sql::Value::Number(digits, false) => {
                let signed = if negative { format!("-{digits}") } else { digits.clone() };
                match number(&signed) {
                    Some(literal @ Literal::Int(_)) => (literal, Type::Int),
                    Some(literal) => (literal, Type::Float),
                    None => return self.bad_literal(&format!("`{signed}` is not a number of 64 bits"), span, None),
                }
            }
            sql::Value::SingleQuotedString(string) if string.contains('\0') => {
                return self.bad_literal("a string holds the character NUL, which not all warehouses can", span, None);
            }
            sql::Value::SingleQuotedString(string) => (Literal::String(string.clone()), Type::String),
            sql::Value::Placeholder(_) => {
                return self.refuse("a placeholder", span, Some("write the value itself"));
            }
            _ => {
                let help = "a string is written in single quotes, `'it''s'`, and a number in decimal digits";
                return self.refuse("this kind of literal", span, Some(help));
            }
        };
        Some(Expr { kind: ExprKind::Literal(literal), ty, span })
    }

    /// Lowers `date '…'` and `timestamp '…'`.
    pub(super) fn typed_string(&mut self, typed: &sql::TypedString, span: Span) -> Option<Expr> {
        let sql::Value::SingleQuotedString(written) = &typed.value.value else {
            return self.refuse("this kind of literal", span, Some("write `date '2026-01-31'`"));
        };
        let (literal, ty) = match &typed.data_type {
            sql::DataType::Date => (date(written).map(Literal::Date), Type::Date),
            sql::DataType::Timestamp(None, sql::TimezoneInfo::None) => {
                (timestamp(written).map(Literal::Timestamp), Type::Timestamp)
            }
            other => {
                let help = format!("write `timestamp '{written}'`");
                return self.refuse(&format!("a literal of type `{other}`"), span, Some(&help));
            }
        };
        if let Some(literal) = literal {
            return Some(Expr { kind: ExprKind::Literal(literal), ty, span });
        }
        let form = if ty == Type::Date {
            "a date is written `date '2026-01-31'`"
        } else {
            "a timestamp is written `timestamp '2026-01-31 10:00:00'`, in UTC or with an offset (`+02:00`, `Z`)"
        };
        self.bad_literal(&format!("`{written}` is not a {ty}"), span, Some(form))
    }

    /// Lowers `duration '…'`, which reaches here as a call.
    pub(super) fn duration(&mut self, written: &str, span: Span) -> Option<Expr> {
        if let Some(microseconds) = duration(written) {
            return Some(Expr { kind: ExprKind::Literal(Literal::Duration(microseconds)), ty: Type::Duration, span });
        }
        let message = format!("`{written}` is not a duration");
        let help = format!("a duration is {}", duration::FORM);
        self.diagnostics.push(Diagnostic::error("bad-duration", message).at(span, "").help(help));
        None
    }

    /// Lowers `interval '14' day`, `interval 14 day` and `interval '14 days'`.
    pub(super) fn interval(&mut self, interval: &sql::Interval, span: Span) -> Option<Expr> {
        let amount = match interval.value.as_ref() {
            sql::Expr::Value(value) => match &value.value {
                sql::Value::Number(digits, _) => Some(digits.as_str()),
                sql::Value::SingleQuotedString(string) => Some(string.as_str()),
                _ => None,
            },
            _ => None,
        };
        let Some(amount) = amount else {
            let help = "a duration times an int is a duration: `days * duration '1d'`";
            return self.refuse("an interval of a computed length", span, Some(help));
        };
        let plain = interval.last_field.is_none()
            && interval.leading_precision.is_none()
            && interval.fractional_seconds_precision.is_none();
        let written = match &interval.leading_field {
            Some(field) if plain => format!("{amount} {}", field.to_string().to_lowercase()),
            Some(_) => String::new(),
            None => amount.to_owned(),
        };
        let words: Vec<&str> = written.split_whitespace().collect();
        let mut microseconds = Some(0_i64);
        for pair in words.chunks(2) {
            let unit = pair.get(1).map_or("", |unit| unit.trim_end_matches('s'));
            if matches!(unit.to_lowercase().as_str(), "month" | "mon" | "quarter" | "year") {
                let message = format!("an interval of {unit}s has no fixed length");
                self.diagnostics
                    .push(Diagnostic::error("bad-duration", message).at(span, "").help("write `add_months(time, 1)`"));
                return None;
            }
            let unit = match unit.to_lowercase().as_str() {
                "second" | "sec" => Some(duration::SECOND),
                "minute" | "min" => Some(duration::MINUTE),
                "hour" => Some(duration::HOUR),
                "day" => Some(duration::DAY),
                "week" => Some(duration::WEEK),
                _ => None,
            };
            microseconds = (|| {
                let count: i64 = pair[0].parse().ok()?;
                microseconds?.checked_add(count.checked_mul(unit?)?)
            })();
        }
        match microseconds {
            Some(microseconds) if !words.is_empty() => {
                Some(Expr { kind: ExprKind::Literal(Literal::Duration(microseconds)), ty: Type::Duration, span })
            }
            _ => {
                let help = "write `duration '14d'`, or an interval of whole weeks, days, hours, minutes or seconds: `interval '14' day`";
                let message = "an interval cannot be read as a duration";
                self.diagnostics.push(Diagnostic::error("bad-duration", message).at(span, "").help(help));
                None
            }
        }
    }

    fn bad_literal(&mut self, message: &str, span: Span, help: Option<&str>) -> Option<Expr> {
        let mut diagnostic = Diagnostic::error("bad-literal", message).at(span, "");
        if let Some(help) = help {
            diagnostic = diagnostic.help(help);
        }
        self.diagnostics.push(diagnostic);
        None
    }
}

/// Returns a date as the midnight that begins it, written out when it is a constant.
pub(super) fn midnight(date: Expr) -> Expr {
    let span = date.span;
    let kind = match date.kind {
        ExprKind::Literal(Literal::Date(day)) => {
            ExprKind::Literal(Literal::Timestamp(format!("{day} 00:00:00.000000")))
        }
        _ => ExprKind::Call("timestamp".to_owned(), vec![date]),
    };
    Expr { kind, ty: Type::Timestamp, span }
}

/// Reads a date in the form `2026-01-31`, and gives it in that form.
fn date(written: &str) -> Option<String> {
    let date: civil::Date = written.parse().ok()?;
    (date.year() >= 1 && date.to_string() == written).then(|| written.to_owned())
}

/// Reads an instant, in UTC unless an offset says otherwise, and gives it as `2026-01-31 10:00:00.000000` in UTC.
fn timestamp(written: &str) -> Option<String> {
    let written = written.trim();
    // A zone's name, whose rules change, is no constant; and digits alone are no date.
    if written.contains('[') || written.get(4..5) != Some("-") {
        return None;
    }
    if moment::offset(written).is_some_and(|seconds| seconds.abs() > moment::LARGEST_OFFSET) {
        return None;
    }
    // An offset first: the civil form would read over it.
    let civil = match written.parse::<jiff::Timestamp>() {
        Ok(instant) => TimeZone::UTC.to_datetime(instant),
        Err(_) if written.ends_with(['Z', 'z']) || written.get(10..)?.contains(['+', '-']) => return None,
        Err(_) => written.parse::<civil::DateTime>().ok()?,
    };
    if civil.year() < 1 || civil.subsec_nanosecond() % 1000 != 0 {
        return None;
    }
    Some(format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second(),
        civil.subsec_nanosecond() / 1000
    ))
}

fn number(digits: &str) -> Option<Literal> {
    if let Ok(value) = digits.parse() {
        return Some(Literal::Int(value));
    }
    let is_int = digits.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
    let value: f64 = digits.parse().ok()?;
    (!is_int && value.is_finite()).then_some(Literal::Float(value))
}

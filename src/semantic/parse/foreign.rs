//! What other SQL has and this language has not: how it is called there, and what to write here.

use sqlparser::ast as sql;

use crate::semantic::expr::BinaryOperator;
use crate::semantic::parse::operator::Operator;

/// Functions of warehouses, and what to write instead.
const FUNCTIONS: &[(&[&str], &str)] = &[
    (
        &["datediff", "date_diff", "timestamp_diff", "timestampdiff", "datetime_diff", "age"],
        "write `days_between(start, end)`, `weeks_between`, `months_between`, `hours_between`, or `end - start` for the elapsed time",
    ),
    (
        &["dateadd", "date_add", "timestamp_add", "timestampadd", "date_sub", "timestamp_sub", "to_days"],
        "write `time + duration '14d'`, `add_days(day, 14)` or `add_months(day, 1)`",
    ),
    (&["trunc", "timestamp_trunc", "datetime_trunc", "time_slice", "time_bucket"], "write `date_trunc(week, time)`"),
    (&["ifnull", "nvl", "isnull"], "write `coalesce(a, b)`"),
    (&["zeroifnull"], "write `coalesce(x, 0)`"),
    (&["nullifzero"], "write `nullif(x, 0)`"),
    (&["nvl2"], "write `if(x is not null, a, b)`"),
    (&["iff", "decode"], "write `if(condition, a, b)` or `case when … then … else … end`"),
    (&["safe_divide", "div0", "div0null", "ieee_divide"], "write `a / b`: it is null where `b` is zero"),
    (&["div"], "write `integer_divide(a, b)`"),
    (&["mod", "fmod"], "write `a % b`"),
    (
        &["now", "current_timestamp", "getdate", "sysdate", "systimestamp", "localtimestamp", "current_datetime"],
        "write `as_of`: the instant that a run looks from, so that its results can be had again",
    ),
    (
        &["current_date", "today", "curdate"],
        "write `date(as_of)`: the day that a run looks from, so that its results can be had again",
    ),
    (&["to_date", "try_to_date", "parse_date", "strptime"], "write `date(x)` for text such as `2026-01-31`"),
    (
        &[
            "to_timestamp",
            "to_timestamp_ntz",
            "to_timestamp_tz",
            "try_to_timestamp",
            "parse_timestamp",
            "datetime",
            "timestamptz",
        ],
        "write `timestamp(x)` for text such as `2026-01-31 10:00:00`, or for a date",
    ),
    (
        &["date_part", "datepart", "extract"],
        "write `year(x)`, `quarter(x)`, `month(x)`, `day(x)`, `day_of_week(x)` or `hour_of_day(x)`",
    ),
    (&["hour"], "write `hour_of_day(time)`, or `hours(duration)`"),
    (
        &["dayofweek", "weekday", "isodow", "dow", "dayofweekiso", "dayofweek_iso"],
        "write `day_of_week(x)`: Monday is 1",
    ),
    (&["dayofmonth"], "write `day(x)`"),
    (
        &["epoch", "epoch_ms", "epoch_us", "unix_seconds", "unix_millis", "unix_micros"],
        "subtract times, and take `seconds(end - start)`",
    ),
    (
        &["to_char", "strftime", "format_date", "format_timestamp", "date_format"],
        "a date is shown by the report: group by `date_trunc(month, time)`",
    ),
    (&["concat", "concat_ws", "format"], "write `a || b`"),
    (&["substr", "mid", "left"], "write `substring(x, start, length)`; the first character is 1"),
    (&["right"], "write `ends_with(x, suffix)` to compare, or `substring(x, start)`"),
    (&["startswith"], "write `starts_with(x, prefix)`"),
    (&["endswith"], "write `ends_with(x, suffix)`"),
    (&["strpos", "instr", "position", "charindex", "locate"], "write `contains(x, part)`"),
    (&["len", "char_length", "character_length"], "write `length(x)`"),
    (&["lcase"], "write `lower(x)`"),
    (&["ucase"], "write `upper(x)`"),
    (&["ltrim", "rtrim", "btrim"], "write `trim(x)`"),
    (&["split"], "write `split_part(x, ',', 1)`"),
    (&["regexp_contains", "regexp_like", "regexp_match", "rlike"], "write `regexp_matches(x, 'pattern')`"),
    (
        &["regexp_extract", "regexp_substr", "regexp_replace"],
        "write `split_part(x, '@', 2)`, `replace` or `regexp_matches(x, 'pattern')`",
    ),
    (&["ceiling"], "write `ceil(x)`"),
    (&["pow"], "write `power(x, y)`"),
    (&["log", "log10", "log2"], "write `ln(x)`, or `ln(x) / ln(10)`"),
    (&["to_number", "try_to_number", "to_double", "to_decimal"], "write `int(x)`, `float(x)` or `decimal(x)`"),
    (&["to_varchar", "str", "text", "varchar"], "write `string(x)`"),
    (&["integer", "bigint", "int64"], "write `int(x)`"),
    (&["double", "float64", "real"], "write `float(x)`"),
    (&["numeric"], "write `decimal(x)`"),
    (&["boolean"], "write `bool(x)`"),
    (&["sha2", "sha256_hex"], "write `sha256(x)`"),
    (&["hash", "farm_fingerprint", "murmur_hash"], "write `bucket(x, 100)` or `md5(x)`"),
    (
        &["json_value", "json_extract", "json_extract_string", "json_extract_scalar", "get_path", "get", "parse_json"],
        "declare the property in the `properties` of its source, and write `properties.name`",
    ),
    (
        &["row_number", "rank", "dense_rank", "lag", "lead", "first_value", "last_value", "ntile"],
        "a milestone counts rows in their order: `at_least`, `after`, `sequence`",
    ),
    (&["any", "some", "all"], "write `x in (…)`"),
    (
        &["rand", "random", "uniform", "uuid", "gen_random_uuid"],
        "results must be the same each time: write `bucket(user_id, 100)`",
    ),
];

/// Returns what to write instead of a function of some warehouse.
pub(super) fn function(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    FUNCTIONS.iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, help)| *help)
}

/// Returns the operator of the language that is written like that.
pub(super) fn portable(operator: &sql::BinaryOperator) -> Option<Operator> {
    Some(Operator::Same(match operator {
        sql::BinaryOperator::Or => BinaryOperator::Or,
        sql::BinaryOperator::And => BinaryOperator::And,
        sql::BinaryOperator::Eq => BinaryOperator::Equal,
        sql::BinaryOperator::NotEq => BinaryOperator::NotEqual,
        sql::BinaryOperator::Lt => BinaryOperator::Less,
        sql::BinaryOperator::LtEq => BinaryOperator::LessOrEqual,
        sql::BinaryOperator::Gt => BinaryOperator::Greater,
        sql::BinaryOperator::GtEq => BinaryOperator::GreaterOrEqual,
        sql::BinaryOperator::Plus => BinaryOperator::Add,
        sql::BinaryOperator::Minus => BinaryOperator::Subtract,
        sql::BinaryOperator::Multiply => BinaryOperator::Multiply,
        sql::BinaryOperator::StringConcat => BinaryOperator::Concatenate,
        sql::BinaryOperator::Divide => return Some(Operator::Divide),
        sql::BinaryOperator::Modulo => return Some(Operator::Modulo),
        _ => return None,
    }))
}

/// Returns what to write instead of an operator of some warehouse.
pub(super) fn operator(operator: &sql::BinaryOperator) -> Option<&'static str> {
    match operator {
        sql::BinaryOperator::PGRegexMatch
        | sql::BinaryOperator::PGRegexIMatch
        | sql::BinaryOperator::PGRegexNotMatch
        | sql::BinaryOperator::PGRegexNotIMatch
        | sql::BinaryOperator::Regexp => Some("write `regexp_matches(x, 'pattern')`"),
        sql::BinaryOperator::PGLikeMatch | sql::BinaryOperator::PGNotLikeMatch | sql::BinaryOperator::Glob => {
            Some("write `x like 'pattern'`, `contains`, `starts_with` or `ends_with`")
        }
        sql::BinaryOperator::PGILikeMatch | sql::BinaryOperator::PGNotILikeMatch => {
            Some("write `lower(x) like 'pattern'`")
        }
        sql::BinaryOperator::Spaceship => Some("write `a = b`, and `a is null` for nulls"),
        sql::BinaryOperator::DuckIntegerDivide | sql::BinaryOperator::MyIntegerDivide => {
            Some("write `integer_divide(a, b)`")
        }
        sql::BinaryOperator::BitwiseXor | sql::BinaryOperator::PGExp => Some("write `power(x, y)`"),
        sql::BinaryOperator::BitwiseOr => Some("strings are joined by `||`, conditions by `or`"),
        sql::BinaryOperator::BitwiseAnd => Some("conditions are joined by `and`"),
        sql::BinaryOperator::Xor => Some("write `a <> b`"),
        sql::BinaryOperator::Arrow | sql::BinaryOperator::LongArrow => Some(PROPERTIES),
        _ => None,
    }
}

const PROPERTIES: &str = "declare the property in the `properties` of its source, and write `properties.name`";

/// Names a form that is not in the language, and says what to write instead.
pub(super) fn form(syntax: &sql::Expr, source: &str) -> (String, Option<String>) {
    let plain = |what: &str, help: &str| (what.to_owned(), Some(help.to_owned()));
    match syntax {
        sql::Expr::Subquery(_) | sql::Expr::InSubquery { .. } | sql::Expr::Exists { .. } => {
            plain("a subquery", "name what it selects as a milestone or a source, and use that")
        }
        sql::Expr::Cast { data_type, kind, .. } => {
            let what = if *kind == sql::CastKind::DoubleColon { "a cast by `::`" } else { "`cast`" };
            let name = data_type.to_string().to_lowercase();
            let base = name.split(['(', ' ']).next().unwrap_or(&name);
            let function = match base {
                "int" | "integer" | "bigint" | "smallint" | "tinyint" | "int64" | "int8" | "int4" => "int",
                "float" | "double" | "real" | "float64" | "float8" | "float4" => "float",
                "decimal" | "numeric" | "number" | "bignumeric" => "decimal",
                "bool" | "boolean" => "bool",
                "date" => "date",
                "timestamp" | "datetime" | "timestamptz" | "timestamp_ntz" => "timestamp",
                "string" | "varchar" | "text" | "char" => "string",
                _ => return (what.to_owned(), None),
            };
            (what.to_owned(), Some(format!("write `{function}(x)`: null where it cannot be")))
        }
        sql::Expr::Extract { field, .. } => {
            let help = match field.to_string().to_lowercase().as_str() {
                "year" => "write `year(x)`",
                "quarter" => "write `quarter(x)`",
                "month" => "write `month(x)`",
                "day" => "write `day(x)`",
                "hour" => "write `hour_of_day(x)`",
                "dow" | "dayofweek" | "isodow" => "write `day_of_week(x)`: Monday is 1",
                "epoch" => "subtract times, and take `seconds(end - start)`",
                _ => "write `year(x)`, `month(x)`, `day(x)`, `day_of_week(x)` or `hour_of_day(x)`",
            };
            plain("`extract`", help)
        }
        sql::Expr::ILike { .. } => plain("`ilike`", "write `lower(x) like 'pattern'`"),
        sql::Expr::RLike { regexp: true, .. } => plain("`regexp`", "write `regexp_matches(x, 'pattern')`"),
        sql::Expr::RLike { .. } => plain("`rlike`", "write `regexp_matches(x, 'pattern')`"),
        sql::Expr::SimilarTo { .. } => plain("`similar to`", "write `regexp_matches(x, 'pattern')`"),
        sql::Expr::AtTimeZone { .. } => plain(
            "`at time zone`",
            "all times are in UTC: the `timezone` of a source says what its zoneless times are in",
        ),
        sql::Expr::IsDistinctFrom(..) => {
            plain("`is distinct from`", "write `coalesce(a <> b, a is not null or b is not null)`")
        }
        sql::Expr::IsNotDistinctFrom(..) => {
            plain("`is not distinct from`", "write `coalesce(a = b, a is null and b is null)`")
        }
        sql::Expr::IsUnknown(_) => plain("`is unknown`", "write `x is null`"),
        sql::Expr::IsNotUnknown(_) => plain("`is not unknown`", "write `x is not null`"),
        sql::Expr::Collate { .. } => plain("`collate`", "strings compare byte by byte; write `lower(x)`"),
        sql::Expr::JsonAccess { .. } | sql::Expr::CompoundFieldAccess { .. } => {
            plain(&format!("`{source}`"), PROPERTIES)
        }
        sql::Expr::Tuple(_) => plain("a list of values", "a list belongs after `in`: `x in (1, 2)`"),
        sql::Expr::Prefixed { .. } => plain("this kind of literal", "a string is written in single quotes: `'it''s'`"),
        _ => (format!("`{source}`"), None),
    }
}

/// Returns the operand of a form that is refused, so that its mistakes are reported as well.
pub(super) fn operand(syntax: &sql::Expr) -> Option<&sql::Expr> {
    match syntax {
        sql::Expr::Cast { expr, .. }
        | sql::Expr::Extract { expr, .. }
        | sql::Expr::ILike { expr, .. }
        | sql::Expr::RLike { expr, .. }
        | sql::Expr::SimilarTo { expr, .. }
        | sql::Expr::InSubquery { expr, .. }
        | sql::Expr::AtTimeZone { timestamp: expr, .. }
        | sql::Expr::Collate { expr, .. }
        | sql::Expr::IsUnknown(expr)
        | sql::Expr::IsNotUnknown(expr) => Some(expr),
        _ => None,
    }
}

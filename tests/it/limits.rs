//! What is too large: numbers that have no place in their type, and expressions whose SQL has no end.

use std::path::PathBuf;

use milepost::diagnostic::Diagnostics;
use milepost::render::dialect::Dialect;
use milepost::render::expr;
use milepost::semantic::parse;
use milepost::source::{Sources, Span, Text};

use crate::functions::{Columns, answers, dialects, executed, parses, print, printed, read};

#[test]
fn arithmetic_is_exact_or_null() {
    let over = |text: &str, dialect: &str| printed(text, Dialect::named(dialect).unwrap()).replace(['"', '`'], "");
    for (text, duckdb, bigquery, snowflake) in [
        (
            "a_int * a_int - 1",
            "TRY(a_int * a_int - 1)",
            "SAFE_SUBTRACT(SAFE_MULTIPLY(a_int, a_int), 1)",
            "CASE WHEN a_int * a_int - 1 BETWEEN -9223372036854775808 AND 9223372036854775807 THEN a_int * a_int - 1 END",
        ),
        (
            "-a_int",
            "TRY(-a_int)",
            "SAFE_NEGATE(a_int)",
            "CASE WHEN -a_int BETWEEN -9223372036854775808 AND 9223372036854775807 THEN -a_int END",
        ),
        ("a_decimal + a_int", "TRY(a_decimal + a_int)", "SAFE_ADD(a_decimal, a_int)", "a_decimal + a_int"),
        // What cannot leave 64 bits needs nothing.
        (
            "8 * length(a_string) - 1",
            "8 * LENGTH(a_string) - 1",
            "8 * LENGTH(a_string) - 1",
            "8 * LENGTH(a_string) - 1",
        ),
        // Constants are of 32 bits somewhere, and a choice among them is.
        (
            "2000000000 + 2000000000",
            "CAST(2000000000 AS BIGINT) + 2000000000",
            "2000000000 + 2000000000",
            "2000000000 + 2000000000",
        ),
        (
            "int(a_bool) * 3",
            "TRY(CAST(CASE WHEN a_bool THEN 1 WHEN NOT a_bool THEN 0 END AS BIGINT) * 3)",
            "SAFE_MULTIPLY(CASE WHEN a_bool THEN 1 WHEN NOT a_bool THEN 0 END, 3)",
            "CASE WHEN CASE WHEN a_bool THEN 1 WHEN NOT a_bool THEN 0 END * 3 BETWEEN -9223372036854775808 AND \
             9223372036854775807 THEN CASE WHEN a_bool THEN 1 WHEN NOT a_bool THEN 0 END * 3 END",
        ),
        ("a_float * 2", "a_float * 2", "a_float * 2", "a_float * 2"),
    ] {
        assert_eq!(over(text, "duckdb"), duckdb, "{text}");
        assert_eq!(over(text, "bigquery"), bigquery, "{text}");
        assert_eq!(over(text, "snowflake"), snowflake, "{text}");
    }
    for (text, expected) in [
        ("9223372036854775807 + 1", None),
        ("4611686018427387904 * 2", None),
        ("-9223372036854775808 - 1", None),
        ("-(-9223372036854775808)", None),
        ("9223372036854775807 + 1 - 1", None),
        ("coalesce(9223372036854775807 + 1, 0) + 1", Some("1")),
        ("2147483647 + 1", Some("2147483648")),
        ("(case when true then 2 end) * 2000000000 * 3", Some("12000000000")),
        ("int(true) * 2000000000 + 2000000000", Some("4000000000")),
        ("duration '1s' * 3000", Some("3000000000")),
        ("duration '100000d' * 1000000", None),
        ("floor(float('1e300'))", None),
        ("round(float('-1e19'))", None),
        ("ceil(float('9.3e18'))", None),
        ("string(date(timestamp '9999-01-01 00:00:00' + 106000000 * duration '1d'))", None),
        ("add_days(date '2026-01-01', 4611686018427387904)", None),
        ("add_months(timestamp '2026-01-01 00:00:00', 12000000)", None),
    ] {
        answers(&format!("SELECT {}", printed(text, executed())), expected);
    }
}

/// What functions of two whole numbers give at the ends of 64 bits, of columns and of constants: what is right, or null where
/// that has no place.
#[test]
fn whole_numbers_are_divided_at_the_ends_of_64_bits() {
    let numbers = [
        i64::MIN,
        i64::MIN + 1,
        -4_611_686_018_427_387_904,
        -3,
        -2,
        -1,
        0,
        1,
        2,
        3,
        4_611_686_018_427_387_904,
        i64::MAX - 1,
        i64::MAX,
    ];
    let written = |number: i64| if number < 0 { format!("(-{})", number.unsigned_abs()) } else { number.to_string() };
    let mut expected = Vec::new();
    let mut constants = Vec::new();
    let mut rows = Vec::new();
    for left in numbers {
        for right in numbers {
            let (wide, by) = (i128::from(left), i128::from(right));
            let floored =
                wide.checked_div(by).map(|quotient| quotient - i128::from(wide % by != 0 && (wide < 0) != (by < 0)));
            let shown = |number: Option<i128>| {
                number
                    .and_then(|number| i64::try_from(number).ok())
                    .map_or_else(|| "null".to_owned(), |number| number.to_string())
            };
            expected.push(format!(
                "{left} {right}: {} {} {}",
                shown(wide.checked_rem(by)),
                shown(floored),
                shown(Some(wide.abs()))
            ));
            let (left, right) = (written(left), written(right));
            constants.push([
                format!("{left} % {right}"),
                format!("integer_divide({left}, {right})"),
                format!("abs({left})"),
            ]);
            let literal = |number: &str| printed(number, executed());
            rows.push(format!(
                "({}, CAST({} AS BIGINT), CAST({} AS BIGINT))",
                rows.len(),
                literal(&left),
                literal(&right)
            ));
        }
    }
    let columns = ["a_int % b_int", "integer_divide(a_int, b_int)", "abs(a_int)"];
    let columns = columns.map(|text| {
        printed(&text.replace("b_int", "length(a_string)"), executed()).replace("LENGTH(\"a_string\")", "\"b_int\"")
    });
    let cell = |sql: &str| format!("COALESCE(CAST({sql} AS VARCHAR), 'null')");
    let line = |values: &[String]| values.iter().map(|value| cell(value)).collect::<Vec<_>>().join(" || ' ' || ");
    let of_columns = format!(
        "SELECT STRING_AGG(\"a_int\" || ' ' || \"b_int\" || ': ' || {}, '\n' ORDER BY place) FROM (VALUES {}) AS these (place, \"a_int\", \"b_int\")",
        line(&columns),
        rows.join(", ")
    );
    answers(&of_columns, Some(&expected.join("\n")));
    for (expected, texts) in expected.iter().zip(constants) {
        let sql = format!("SELECT {}", line(&texts.clone().map(|text| printed(&text, executed()))));
        answers(&sql, expected.split_once(": ").map(|(_, values)| values));
    }
}

/// A chain of one operator is one level, however long it is written: it means what it says on every warehouse, whose SQL of it
/// is not deep either.
#[test]
fn a_long_chain_is_no_deep_one() {
    let chain = |operand: &str, operator: &str, length: usize| vec![operand; length].join(operator);
    let list: Vec<String> = (0..5000).map(|number| format!("'{number}'")).collect();
    for text in [
        chain("a_bool", " or ", 2500),
        chain("a_bool", " and ", 2500),
        chain("a_string = 'x'", " or ", 1200),
        chain("a_string", " || ", 2500),
        format!("coalesce({}, false)", chain("a_bool", " or ", 2400)),
        format!("{}{}{}", "(".repeat(90), chain("a_bool", " and ", 2400), ")".repeat(90)),
        chain(&format!("({})", chain("a_bool", " and ", 40)), " or ", 40),
        chain("a_int", " + ", 300),
        chain("a_float", " - ", 300),
        chain("a_int", " * ", 300),
        format!("a_string in ({})", list.join(", ")),
    ] {
        for dialect in dialects() {
            let sql = print(&read(&text), dialect)
                .unwrap_or_else(|refused| panic!("{}: {}: {refused:?}", dialect.name(), &text[..100]));
            parses(&format!("SELECT {sql} FROM t WHERE {sql} IS NOT NULL"), dialect);
        }
    }
    for (text, expected) in [
        (format!("{} or true", chain("false", " or ", 2000)), "true"),
        (chain("true", " and ", 2000), "true"),
        (
            format!(
                "coalesce({} and null, {} or null) is null",
                chain("true", " and ", 500),
                chain("false", " or ", 500)
            ),
            "true",
        ),
        (format!("length({})", chain("'ab'", " || ", 1000)), "2000"),
        (chain("1", " + ", 300), "300"),
        // From left to right: two steps of it are null in any other order.
        (format!("9223372036854775807 - {}", chain("1", " + 1 - ", 100)), "9223372036854775806"),
        (chain("1", " - ", 300), "-298"),
    ] {
        answers(&format!("SELECT {}", printed(&text, executed())), Some(expected));
    }
}

/// What is nested as deep as the language takes it is printed and parses, or is refused as too deep or too large, and
/// never costs more than it is long.
#[test]
fn what_is_nested_is_printed_or_refused() {
    let nested = |levels: usize, before: &str, inside: &str, after: &str| {
        format!("{}{inside}{}", before.repeat(levels), after.repeat(levels))
    };
    for (before, inside, after, levels) in [
        ("lower(", "a_string", ")", 90),
        ("case when a_bool then ", "a_int", " end", 90),
        ("not (", "a_bool", ")", 45),
        ("(1 - ", "a_float", ")", 45),
        ("(1 - ", "a_int", ")", 45),
        ("greatest(", "a_int", ", 2)", 90),
        ("least(3, ", "a_int", ")", 90),
        ("coalesce(", "a_int", ", 2)", 90),
        ("round(", "a_float", " / 2)", 5),
        ("(", "a_int", " / 3)", 45),
    ] {
        let text = nested(levels, before, inside, after);
        for dialect in dialects() {
            let sql = print(&read(&text), dialect)
                .unwrap_or_else(|refused| panic!("{}: {text}: {refused:?}", dialect.name()));
            parses(&format!("SELECT {sql} FROM t"), dialect);
        }
    }
    for (before, inside, after) in [
        ("power(", "a_int", ", 2)"),
        ("round(", "a_float", " / 2)"),
        ("integer_divide(", "a_int", ", 2)"),
        ("integer_divide(2, ", "a_int", ")"),
        ("greatest(length(string(", "a_int", ")), 2)"),
        ("lower(string(timestamp(", "a_string", ")))"),
        ("if(a_bool, timestamp(string(", "a_timestamp", ")), a_timestamp)"),
    ] {
        for levels in [2, 8, 20, 30] {
            let text = nested(levels, before, inside, after);
            let mut sources = Sources::default();
            let source = sources.add(PathBuf::from("test"), text.clone());
            let span = Span { source, start: 0, end: text.len() };
            let mut diagnostics = Diagnostics::default();
            let text = Text::new(text.clone(), span, &text);
            let Some(expr) = parse::expression(&text, &Columns, None, &mut diagnostics) else { continue };
            for dialect in dialects() {
                match print(&expr, dialect) {
                    Ok(sql) => parses(&format!("SELECT {sql} FROM t"), dialect),
                    Err(expr::Refused::TooDeep(_) | expr::Refused::TooLarge(_)) => assert!(levels > 2, "{text:?}"),
                    Err(refused) => panic!("{refused:?}"),
                }
            }
        }
    }
}

//! The 25 traps between the warehouses, one test each: what is printed for all of them, and the number where it decides.
//!
//! Where the numbers come from: what is printed was run on `DuckDB` 1.5 and 2.0, and what is printed for `BigQuery` on
//! Google's reference implementation of its language.

use include_dir::{Dir, include_dir};
use milepost::render::access;
use milepost::render::dialect::{self, Dialect};
use milepost::render::expr;
use milepost::render::holes::Fragment;
use milepost::semantic::expr::{AggregateFunction, Type};

use crate::cases;
use crate::functions::{aggregated, answers, dialects, executed, parses, printed};

static TEMPLATES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates");
static DIALECTS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/dialects");

/// Asserts what an expression prints as, on each dialect in the order of their names.
fn prints(expression: &str, expected: [&str; 3]) {
    each(&|dialect| printed(expression, dialect), expected);
}

/// Asserts what `print` makes, on each dialect in the order of their names.
fn each(print: &dyn Fn(&Dialect) -> String, expected: [&str; 3]) {
    let names = ["bigquery", "duckdb", "snowflake"];
    for (name, expected) in names.into_iter().zip(expected) {
        let sql = print(Dialect::named(name).unwrap());
        parses(&format!("SELECT {sql} FROM t"), Dialect::named(name).unwrap());
        // Names are quoted everywhere, and not what is of interest here.
        assert_eq!(sql.replace(['`', '"'], ""), expected, "{name}");
    }
}

/// Asserts the value of an expression.
fn gives(expression: &str, expected: Option<&str>) {
    answers(&format!("SELECT {}", printed(expression, executed())), expected);
}

/// The code of each template, by its name: without comments.
fn templates() -> Vec<(String, String)> {
    let mut templates = Vec::new();
    for file in TEMPLATES.files().filter(|file| file.path().extension().is_some_and(|extension| extension == "sql")) {
        let mut code = String::new();
        let mut rest = file.contents_utf8().unwrap();
        while let Some((before, after)) = rest.split_once("{#") {
            code.push_str(before);
            rest = after.split_once("#}").unwrap().1;
        }
        code.push_str(rest);
        templates.push((file.path().display().to_string(), code));
    }
    assert!(!templates.is_empty());
    templates
}

/// Asserts that no template and no dialect's file has any of these words in its code.
fn nowhere(words: &[&str]) {
    let files = DIALECTS.files().filter(|file| file.path().extension().is_some_and(|extension| extension == "toml"));
    let entries = files.map(|file| {
        let lines = file.contents_utf8().unwrap().lines().filter(|line| !line.starts_with('#'));
        (file.path().display().to_string(), lines.collect::<Vec<_>>().join("\n"))
    });
    for (name, code) in templates().into_iter().chain(entries) {
        for word in words {
            assert!(!code.contains(word), "{name} has {word}");
        }
    }
}

/// The inside of each `OVER (…)` of the templates.
fn windows() -> Vec<(String, String)> {
    let mut windows = Vec::new();
    for (name, code) in templates() {
        for (at, _) in code.match_indices("OVER (") {
            let mut depth = 0;
            let inside = code[at + 5..].char_indices().find_map(|(offset, character)| {
                depth += i32::from(character == '(') - i32::from(character == ')');
                (depth == 0).then(|| &code[at + 6..at + 5 + offset])
            });
            windows.push((name.clone(), inside.unwrap().to_owned()));
        }
    }
    assert!(!windows.is_empty());
    windows
}

#[test]
fn trap_01_elapsed_time_is_no_count_of_boundaries() {
    prints(
        "a_timestamp - timestamp '2026-01-01 00:00:00' < duration '14d'",
        [
            "TIMESTAMP_DIFF(a_timestamp, TIMESTAMP '2026-01-01 00:00:00+00', MICROSECOND) < 1209600000000",
            "EPOCH_US(a_timestamp) - EPOCH_US(TIMESTAMP '2026-01-01 00:00:00') < 1209600000000",
            "DATEDIFF('microsecond', CAST('2026-01-01 00:00:00' AS TIMESTAMP_NTZ(6)), a_timestamp) < 1209600000000",
        ],
    );
    gives("hours_between(timestamp '2026-01-01 23:45:00', timestamp '2026-01-02 00:30:00')", Some("0"));
    gives("days_between(timestamp '2026-01-01 23:45:00', timestamp '2026-01-02 00:30:00')", Some("1"));
}

#[test]
fn trap_02_weeks_between_are_mondays() {
    prints(
        "weeks_between(a_date, a_date)",
        [
            "DATE_DIFF(a_date, a_date, ISOWEEK)",
            "DATE_DIFF('day', DATE_TRUNC('week', a_date), DATE_TRUNC('week', a_date)) // 7",
            "CAST((DATEDIFF('day', a_date, a_date) + DAYOFWEEKISO(a_date) - DAYOFWEEKISO(a_date)) / 7 AS NUMBER(38, 0))",
        ],
    );
    // From a Sunday to the Monday after it.
    gives("weeks_between(date '2026-01-04', date '2026-01-05')", Some("1"));
    gives("weeks_between(date '2026-01-05', date '2026-01-11')", Some("0"));
}

#[test]
fn trap_03_a_week_starts_on_monday() {
    prints(
        "date_trunc(week, a_timestamp)",
        [
            "DATE_TRUNC(DATE(a_timestamp, 'UTC'), ISOWEEK)",
            "CAST(DATE_TRUNC('week', a_timestamp) AS DATE)",
            "DATEADD('day', 1 - DAYOFWEEKISO(a_timestamp), CAST(a_timestamp AS DATE))",
        ],
    );
    gives("date_trunc(week, timestamp '2026-01-04 23:59:59')", Some("2025-12-29"));
}

#[test]
fn trap_04_windows_say_where_nulls_go() {
    // `NULLS LAST` is refused in a window of BigQuery: a key that can be null is preceded by whether it is.
    for (name, window) in windows() {
        assert!(!window.contains("NULLS"), "{name}: {window}");
    }
    for (name, code) in templates() {
        let keys = code.matches("IS NULL THEN 1 ELSE 0 END,").count();
        if code.contains("identified.{{ name | ident }} IS NULL") {
            assert!(keys > 0, "{name}");
        }
    }
    let ordered = "SELECT STRING_AGG(x, ',' ORDER BY n) FROM (SELECT x, ROW_NUMBER() OVER (ORDER BY \
                   CASE WHEN x IS NULL THEN 1 ELSE 0 END, x) AS n FROM (VALUES ('b'), (NULL), ('a')) AS t (x))";
    answers(ordered, Some("a,b"));
}

#[test]
fn trap_05_no_window_leaves_ties_to_chance() {
    // Every numbering of rows goes by more than one key, so that equal times are told apart.
    for (name, window) in windows() {
        let Some((_, order)) = window.split_once("ORDER BY") else { continue };
        // Equal values need not be told apart where only values are asked for.
        let alone = order.contains("ranked.{{ \"numerator\" | ident }}");
        assert!(order.contains(',') || alone, "{name}: {window}");
    }
}

#[test]
fn trap_06_no_default_frame_decides() {
    // FIRST_VALUE and LAST_VALUE have one default frame here and another there.
    for (name, code) in templates() {
        for function in ["FIRST_VALUE(", "LAST_VALUE(", "NTH_VALUE("] {
            for (at, _) in code.match_indices(function) {
                let end = code[at..].find(" AS ").map_or(code.len(), |end| at + end);
                assert!(code[at..end].contains("ROWS BETWEEN"), "{name}: {}", &code[at..end]);
            }
        }
    }
    // A running aggregate without a frame counts ties at once.
    for (name, code) in templates() {
        for (at, _) in code.match_indices("OVER (") {
            let function = code[..at].trim_end().rsplit(['\n', ',']).next().unwrap_or_default();
            let window = &code[at..at + code[at..].find(" AS ").unwrap_or(code.len() - at)];
            if function.contains("SUM(") && window.contains("ORDER BY") {
                assert!(window.contains("ROWS BETWEEN"), "{name}: {window}");
            }
        }
    }
}

#[test]
fn trap_07_ratios_are_floats() {
    prints(
        "a_int / 7",
        [
            "CAST(a_int AS FLOAT64) / NULLIF(CAST(7 AS FLOAT64), 0)",
            "CAST(a_int AS DOUBLE) / NULLIF(CAST(7 AS DOUBLE), 0)",
            "CAST(a_int AS FLOAT) / NULLIF(CAST(7 AS FLOAT), 0)",
        ],
    );
    gives("2 / 7", Some("0.2857142857142857"));
    gives("7 / 2", Some("3.5"));
}

#[test]
fn trap_08_over_zero_is_null() {
    gives("1 / 0", None);
    gives("0 / 0", None);
    gives("1.5 / 0", None);
    gives("integer_divide(1, 0)", None);
    gives("1 % 0", None);
    gives("ln(0)", None);
    gives("sqrt(-1)", None);
}

#[test]
fn trap_09_the_greatest_of_an_unknown_is_unknown() {
    prints(
        "greatest(a_int, 3)",
        [
            "GREATEST(a_int, 3)",
            "CASE WHEN a_int IS NOT NULL AND 3 IS NOT NULL THEN GREATEST(a_int, 3) END",
            "GREATEST(a_int, 3)",
        ],
    );
    gives("greatest(1, null, 3)", None);
    gives("least(1, null, 3)", None);
    gives("greatest(1, 3, 2)", Some("3"));
}

#[test]
fn trap_10_a_conditional_count_of_nothing_is_zero() {
    let count = |dialect: &Dialect| aggregated(AggregateFunction::Count, None, Some("a_bool"), dialect);
    each(&count, ["COUNT(CASE WHEN a_bool THEN 1 END)"; 3]);
    each(
        &|dialect| aggregated(AggregateFunction::CountDistinct, Some("a_string"), Some("a_bool"), dialect),
        ["COUNT(DISTINCT CASE WHEN a_bool THEN a_string END)"; 3],
    );
    let count = count(executed());
    let rows = format!("SELECT {count} AS n FROM (SELECT TRUE AS a_bool) WHERE FALSE");
    answers(&rows, Some("0"));
    nowhere(&["FILTER (", "COUNTIF(", "COUNT_IF("]);
}

#[test]
fn trap_11_percentiles_lie_between_values() {
    nowhere(&["PERCENTILE_CONT", "QUANTILE"]);
    let case = cases::all().iter().find(|case| case.name() == "kind_time_to").unwrap();
    // A share, and what a number x is made whole by.
    let on_snowflake = "CASE WHEN ABS(x) < 9223372036854775807 THEN CAST(TO(x) AS NUMBER(38, 0)) END";
    let forms = [
        ("bigquery", "0.9", "SAFE_CAST(TO(x) AS INT64)"),
        ("duckdb", "0.9e0", "TRY_CAST(TO(x) AS BIGINT)"),
        ("snowflake", "CAST(0.9 AS FLOAT)", on_snowflake),
    ];
    // The value that lies at a whole place, and what is printed for a percentile.
    let at = |place: String| format!("MAX(CASE WHEN ranks.rank_from_zero = {place} THEN ranks.numerator END)");
    let value = |whole: &str| {
        let whole = |to: &str, value: &str| whole.replace('x', value).replace("TO", to);
        let (lower, upper) = (at(whole("FLOOR", "ranks.position")), at(whole("CEIL", "ranks.position")));
        let part = format!("MAX(ranks.position) - {}", whole("FLOOR", "MAX(ranks.position)"));
        format!("{lower} + ({part}) * ({upper} - {lower})")
    };
    for (dialect, share, whole) in forms {
        let statements = case.compiled(Dialect::named(dialect).unwrap()).unwrap().iter();
        let all: String = statements.map(|made| made.sql().replace(['`', '"'], "")).collect();
        let printed = |relation: &str, column: &str| {
            let (_, rest) = all.split_once(&format!("days_p90__member_{relation} AS (")).unwrap();
            rest.split_once(&format!(" AS {column}")).unwrap().0.lines().last().unwrap().trim().to_owned()
        };
        let group = "PARTITION BY ranked.period, ranked.segment_by, ranked.segment";
        let rank = format!("ROW_NUMBER() OVER ({group} ORDER BY ranked.numerator) - 1");
        assert_eq!(printed("ranks", "rank_from_zero"), rank, "{dialect}");
        assert_eq!(printed("ranks", "position"), format!("{share} * (COUNT(*) OVER ({group}) - 1)"), "{dialect}");
        assert_eq!(printed("values", "numerator"), value(whole), "{dialect}");
    }
    let value = value(forms[1].2);
    let percentile = |share: f64, values: &str| {
        format!(
            "SELECT {value} AS p FROM (SELECT x AS numerator, ROW_NUMBER() OVER (ORDER BY x) - 1 AS rank_from_zero, \
             {share:?} * (COUNT(*) OVER () - 1) AS position FROM (VALUES {values}) AS t (x) WHERE x IS NOT NULL) AS ranks"
        )
    };
    answers(&percentile(0.5, "(1.1e0), (2.2e0), (NULL)"), Some("1.6500000000000001"));
    answers(&percentile(0.9, "(1), (4), (10)"), Some("8.8"));
}

#[test]
fn trap_12_no_distinct_count_has_two_arguments() {
    for (name, code) in templates() {
        for (at, _) in code.match_indices("COUNT(DISTINCT ") {
            let inside = code[at..].split(')').next().unwrap();
            assert!(!inside.contains(','), "{name}: {inside}");
        }
    }
}

#[test]
fn trap_13_nothing_is_approximate() {
    nowhere(&["APPROX", "HLL", "QUANTILE_DISC", "USING SAMPLE", "TABLESAMPLE", "RANDOM()", "RAND()"]);
}

#[test]
fn trap_14_no_aggregate_picks_the_row_of_a_maximum() {
    nowhere(&["ARG_MAX", "ARG_MIN", "MAX_BY", "MIN_BY", "ANY_VALUE", "FIRST(", "LAST("]);
}

#[test]
fn trap_15_an_offset_in_text_is_converted() {
    let utc = "timestamp('2026-01-31 10:00:00+02:00')";
    gives(utc, Some("2026-01-31 08:00:00"));
    gives("timestamp('2026-01-31T10:00:00.5Z')", Some("2026-01-31 10:00:00.5"));
    gives("timestamp('2026-01-31 10:00:00-0530')", Some("2026-01-31 15:30:00"));
    // The session of this test is not in UTC.
    gives("timestamp('2026-01-31 10:00:00')", Some("2026-01-31 10:00:00"));
    // Digits would be seconds, milliseconds or microseconds, by their number.
    gives("timestamp('1769853600')", None);
    // A cast alone would take other forms, and the session's zone: the case `odd_texts` has a hundred texts.
    for name in Dialect::names() {
        let sql = printed("timestamp(a_string)", Dialect::named(name).unwrap());
        assert!(sql.contains("[0-9]{4}-[0-9]{2}-[0-9]{2}"), "{name}: {sql}");
    }
}

#[test]
fn trap_16_no_session_zone_decides_the_day() {
    prints("date(a_timestamp)", ["DATE(a_timestamp, 'UTC')", "CAST(a_timestamp AS DATE)", "CAST(a_timestamp AS DATE)"]);
    prints(
        "hour_of_day(a_timestamp)",
        [
            "EXTRACT(HOUR FROM a_timestamp AT TIME ZONE 'UTC')",
            "EXTRACT(HOUR FROM a_timestamp)",
            "EXTRACT(HOUR FROM a_timestamp)",
        ],
    );
    // `value` runs in New York, where these are the day before.
    gives("date(timestamp '2026-01-31 03:00:00')", Some("2026-01-31"));
    let column = Fragment::atom("v");
    let sql = access::normalize(executed(), &column, Type::Timestamp, "UTC").unwrap().sql;
    let zoned = format!("SELECT {sql} AS x FROM (SELECT TIMESTAMPTZ '2026-01-31 03:00:00+00' AS v)");
    answers(&zoned, Some("2026-01-31 03:00:00"));
}

#[test]
fn trap_17_months_are_added_to_the_anchor_and_clamped() {
    prints(
        "add_months(a_timestamp, 2)",
        [
            "TIMESTAMP(SAFE.DATETIME_ADD(DATETIME(a_timestamp, 'UTC'), INTERVAL 2 MONTH), 'UTC')",
            "TRY(CAST(a_timestamp + TO_MONTHS(CAST(2 AS INTEGER)) AS TIMESTAMP))",
            "DATEADD('month', 2, a_timestamp)",
        ],
    );
    gives("add_months(date '2026-01-31', 1)", Some("2026-02-28"));
    gives("add_months(date '2026-01-31', 2)", Some("2026-03-31"));
    gives("months_between(date '2026-01-31', date '2026-03-01')", Some("2"));
}

#[test]
fn trap_18_groups_are_named_by_their_place() {
    for (name, code) in templates() {
        for (at, _) in code.match_indices("GROUP BY ") {
            let keys = code[at + 9..].lines().next().unwrap();
            assert!(keys.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | ' ')), "{name}: GROUP BY {keys}");
        }
    }
}

#[test]
fn trap_19_neither_null_nor_a_container_is_a_value() {
    let property = |dialect: &Dialect| {
        access::property_of(dialect, &Fragment::atom("d"), &["a b", "c"], Type::String, "UTC").unwrap().sql
    };
    let [bigquery, duckdb, snowflake] =
        ["bigquery", "duckdb", "snowflake"].map(|name| property(Dialect::named(name).unwrap()));
    assert_eq!(bigquery, "JSON_VALUE(d, '$.\"a b\".\"c\"')");
    assert_eq!(duckdb, "TRY(JSON_EXTRACT_STRING(JSON_VALUE(d, '$.\"a b\".\"c\"'), '$'))");
    assert_eq!(
        snowflake,
        "CASE WHEN TYPEOF(GET_PATH(d, '[\"a b\"][\"c\"]')) NOT IN ('OBJECT', 'ARRAY', 'NULL_VALUE') THEN CAST(GET_PATH(d, '[\"a b\"][\"c\"]') AS VARCHAR) END"
    );
    for (document, expected) in [
        (r#"{"a b": {"c": "x"}}"#, Some("x")),
        (r#"{"a b": {"c": null}}"#, None),
        (r#"{"a b": {"c": [1]}}"#, None),
        (r#"{"a b": {"c": {"d": 1}}}"#, None),
        (r#"{"a b": {}}"#, None),
        ("{}", None),
    ] {
        let sql = format!("SELECT {duckdb} AS x FROM (SELECT CAST('{document}' AS JSON) AS d)");
        answers(&sql, expected);
    }
}

#[test]
fn trap_20_a_number_in_text_is_read_one_way() {
    gives("int('3.7')", None);
    gives("int('3.0')", Some("3"));
    gives("int('1_000')", None);
    gives("float('1_000')", None);
    gives("float('1.5e3')", Some("1500.0"));
    gives("bool('1')", None);
    gives("bool('yes')", None);
    gives("bool('TRUE')", Some("true"));
}

#[test]
fn trap_21_a_half_goes_up() {
    prints(
        "round(a_float)",
        [
            "SAFE_CAST(FLOOR(CAST(a_float AS FLOAT64) + 0.5) AS INT64)",
            "TRY_CAST(FLOOR(CAST(a_float AS DOUBLE) + 0.5) AS BIGINT)",
            "CASE WHEN ABS(a_float) < 9223372036854775807 THEN CAST(FLOOR(CAST(a_float AS FLOAT) + 0.5) AS NUMBER(38, 0)) END",
        ],
    );
    for (number, expected) in [("2.5", "3"), ("3.5", "4"), ("-2.5", "-2"), ("0.5", "1")] {
        gives(&format!("round({number})"), Some(expected));
    }
    // A cast would go to the even one, and ROUND is not the same everywhere.
    nowhere(&["ROUND("]);
}

#[test]
fn trap_22_strings_and_names_are_escaped_as_each_warehouse_reads_them() {
    let filter = "a_string = 'C:\\new''s \"x\"'";
    let names = ["bigquery", "duckdb", "snowflake"];
    let [bigquery, duckdb, snowflake] = names.map(|name| printed(filter, Dialect::named(name).unwrap()));
    assert_eq!(bigquery, r#"`a_string` = 'C:\\new\'s "x"'"#);
    assert_eq!(duckdb, r#""a_string" = 'C:\new''s "x"'"#);
    assert_eq!(snowflake, r#""a_string" = 'C:\\new''s "x"'"#);
    gives("'C:\\new' = 'C:' || '\\' || 'new'", Some("true"));
    // In a pattern a backslash would be an escape on one of them: the language refuses it, and this prints it.
    let pattern = [("text", dialect::Argument::Word("C:\\%".to_owned()))];
    let patterns =
        names.map(|name| Dialect::named(name).unwrap().expression("literals", "pattern", &pattern).unwrap().sql);
    assert_eq!(patterns, [r"'C:\\\\%'", r"'C:\%'", r"'C:\\%'"]);
}

#[test]
fn trap_23_not_a_number_is_null() {
    gives("float('nan')", None);
    gives("float('Infinity')", None);
    gives("float('1e400')", None);
    gives("exp(1000)", None);
    for dialect in dialects() {
        let sql = access::normalize(dialect, &Fragment::atom("v"), Type::Float, "UTC").unwrap().sql;
        parses(&format!("SELECT {sql} FROM t"), dialect);
        // False for NaN wherever NaN is the largest number, and wherever it compares with nothing.
        let name = dialect.name();
        assert!(
            sql.contains("< 1e308 THEN"),
            "dialects/{name}.toml: source.normalize gives a float as it is stored only where it is `< 1e308`: {sql}"
        );
    }
    let sql = access::normalize(executed(), &Fragment::atom("v"), Type::Float, "UTC").unwrap().sql;
    answers(&format!("SELECT {sql} AS x FROM (SELECT CAST('nan' AS DOUBLE) AS v)"), None);
}

#[test]
fn trap_24_what_is_not_there_is_null() {
    prints(
        "split_part(a_string, '@', 2)",
        [
            "NULLIF(SPLIT(a_string, '@')[SAFE_OFFSET(1)], '')",
            "NULLIF(SPLIT_PART(a_string, '@', 2), '')",
            "NULLIF(SPLIT_PART(a_string, '@', 2), '')",
        ],
    );
    prints(
        "regexp_matches(a_string, '[0-9]+')",
        [
            "REGEXP_CONTAINS(a_string, '[0-9]+')",
            "REGEXP_MATCHES(a_string, '[0-9]+')",
            "REGEXP_INSTR(a_string, '[0-9]+') > 0",
        ],
    );
    gives("split_part('a', '@', 2)", None);
    gives("regexp_matches('user-42', '[0-9]+')", Some("true"));
    gives("replace('a-b-c', '-', '_')", Some("a_b_c"));
}

#[test]
fn trap_25_buckets_come_of_one_hash() {
    prints(
        "bucket(a_string, 1000)",
        [
            "MOD(CAST('0x' || SUBSTR(TO_HEX(MD5(a_string)), 1, 15) AS INT64), 1000)",
            "MOD(CAST('0x' || SUBSTR(MD5(a_string), 1, 15) AS BIGINT), 1000)",
            "MOD(TO_NUMBER(SUBSTR(MD5(a_string), 1, 15), 'XXXXXXXXXXXXXXX'), 1000)",
        ],
    );
    for (key, expected) in [("abc", "27"), ("u1", "96"), ("user-42", "92")] {
        gives(&format!("bucket('{key}', 1000)"), Some(expected));
    }
}

#[test]
fn sums_of_integers_stay_integers() {
    let sum = expr::aggregate(
        executed(),
        AggregateFunction::Sum,
        Some((Fragment::atom("x"), Some(Type::Int))),
        None,
        Some(Type::Int),
    );
    let sql = format!("SELECT TYPEOF({}) AS t FROM (VALUES (CAST(1 AS BIGINT))) AS t (x)", sum.unwrap().sql);
    answers(&sql, Some("BIGINT"));
}

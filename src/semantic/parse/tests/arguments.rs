//! Arguments, literals and aggregates that are not what they should be; and what is too deep.

use crate::semantic::expr::Type;
use crate::semantic::parse::tests::{check, compare, outcome};

#[test]
fn arguments() {
    check(
        "lower(value)",
        "
        wrong-argument-types: `lower` does not take (float); it is `lower(value: string) -> string`
          lower(value)
          value float
    ",
    );
    check(
        "lower(name, name)",
        "
        wrong-argument-types: `lower` does not take (string, string); it is `lower(value: string) -> string`
          lower(name, name)
          name string
          name string
    ",
    );
    check(
        "lower()",
        "
        wrong-argument-types: `lower` does not take (); it is `lower(value: string) -> string`
          lower()
    ",
    );
    check("date_trunc(weak, time)", "
        wrong-argument-types: `date_trunc` needs one of the words `day`, `week`, `month`, `quarter`, `year`, `hour`, `minute` and `second` here
          weak
          = write `week`
    ");
    check("date_trunc(hour, day)", "
        wrong-argument-types: `date_trunc` does not take (hour, date); it is `date_trunc(unit: day|week|month|quarter|year, value: date) -> date` or `date_trunc(unit: day|week|month|quarter|year, value: timestamp) -> date` or `date_trunc(unit: hour|minute|second, value: timestamp) -> timestamp`
          date_trunc(hour, day)
          day date
    ");
    check("date_trunc(value + 1, day)", "
        wrong-argument-types: `date_trunc` needs one of the words `day`, `week`, `month`, `quarter`, `year`, `hour`, `minute` and `second` here
          value + 1
    ");
    check("days_between(day, time)", "
        wrong-argument-types: `days_between` does not take (date, timestamp); it is `days_between(start: date, end: date) -> int` or `days_between(start: timestamp, end: timestamp) -> int`
          days_between(day, time)
          day date
          time timestamp
          = make both of one type: `date(time)` is the day of a timestamp, `timestamp(day)` the midnight that begins a day
    ");
    check("string(value) = '1'", "
        wrong-argument-types: `string` does not take (float); it is `string(value: int) -> string` or `string(value: decimal) -> string` or `string(value: bool) -> string` or `string(value: date) -> string`
          string(value)
          value float
          = floats and timestamps have no text that all warehouses agree on: use `floor(x)`, `round(x)` or `date(x)` first
    ");
    check("int(value) = 1", "
        wrong-argument-types: `int` does not take (float); it is `int(value: string) -> int` or `int(value: bool) -> int`
          int(value)
          value float
          = a number becomes whole by `floor(x)`, `round(x)` or `ceil(x)`
    ");
    check("substring(name, 0, 2)", "
        wrong-argument-types: `substring` does not take (string, int, int); it is `substring(value: string, start: positive) -> string` or `substring(value: string, start: positive, length: positive) -> string`
          substring(name, 0, 2)
          name string
          0 int
          2 int
    ");
    check("regexp_matches(name, name)", "
        wrong-argument-types: `regexp_matches` does not take (string, string); it is `regexp_matches(value: string, pattern: pattern) -> bool`
          regexp_matches(name, name)
          name string
          name string
    ");
    check(
        "coalesce(name)",
        "
        wrong-argument-types: `coalesce` does not take (string); it is `coalesce(values: any...) -> any`
          coalesce(name)
          name string
          = all values must be of one type; `string(x)`, `float(x)` and the like make them so
    ",
    );
    check(
        "coalesce(name, 1)",
        "
        wrong-argument-types: `coalesce` does not take (string, int); it is `coalesce(values: any...) -> any`
          coalesce(name, 1)
          name string
          1 int
          = all values must be of one type; `string(x)`, `float(x)` and the like make them so
    ",
    );
    check("split_part(name, ',', count_seen)", "
        wrong-argument-types: `split_part` does not take (string, string, int); it is `split_part(value: string, separator: string, position: positive) -> string`
          split_part(name, ',', count_seen)
          name string
          ',' string
          count_seen int
    ");
}

#[test]
fn literals() {
    check(
        "date '2026-02-30' < day",
        "
        bad-literal: `2026-02-30` is not a date
          date '2026-02-30'
          = a date is written `date '2026-01-31'`
    ",
    );
    check(
        "date '20260130' < day",
        "
        bad-literal: `20260130` is not a date
          date '20260130'
          = a date is written `date '2026-01-31'`
    ",
    );
    check(
        "timestamp '2026-01-01 25:00:00' < time",
        "
        bad-literal: `2026-01-01 25:00:00` is not a timestamp
          timestamp '2026-01-01 25:00:00'
          = a timestamp is written `timestamp '2026-01-31 10:00:00'`, in UTC or with an offset (`+02:00`, `Z`)
    ",
    );
    check(
        "timestamp '2026-01-01 00:00:00 Europe/Berlin' < time",
        "
        bad-literal: `2026-01-01 00:00:00 Europe/Berlin` is not a timestamp
          timestamp '2026-01-01 00:00:00 Europe/Berlin'
          = a timestamp is written `timestamp '2026-01-31 10:00:00'`, in UTC or with an offset (`+02:00`, `Z`)
    ",
    );
    check(
        "timestamp '2026-01-01 00:00:00.1234567' < time",
        "
        bad-literal: `2026-01-01 00:00:00.1234567` is not a timestamp
          timestamp '2026-01-01 00:00:00.1234567'
          = a timestamp is written `timestamp '2026-01-31 10:00:00'`, in UTC or with an offset (`+02:00`, `Z`)
    ",
    );
    check(
        "timestamp '2026-01-01T00:00:00[Europe/Berlin]' < time",
        "
        bad-literal: `2026-01-01T00:00:00[Europe/Berlin]` is not a timestamp
          timestamp '2026-01-01T00:00:00[Europe/Berlin]'
          = a timestamp is written `timestamp '2026-01-31 10:00:00'`, in UTC or with an offset (`+02:00`, `Z`)
    ",
    );
    check(
        "time - as_of > duration '14 days'",
        "
        bad-duration: `14 days` is not a duration
          duration '14 days'
          = a duration is whole numbers with a unit of `w`, `d`, `h`, `m` or `s`, as in `14d`, `36h` or `1w 2d`
    ",
    );
    check(
        "time - as_of > duration '999999999w'",
        "
        bad-duration: `999999999w` is not a duration
          duration '999999999w'
          = a duration is whole numbers with a unit of `w`, `d`, `h`, `m` or `s`, as in `14d`, `36h` or `1w 2d`
    ",
    );
    check(
        "time + interval '1' month > as_of",
        "
        bad-duration: an interval of months has no fixed length
          interval '1' month
          = write `add_months(time, 1)`
    ",
    );
    check(
        "time + interval '2 years' > as_of",
        "
        bad-duration: an interval of years has no fixed length
          interval '2 years'
          = write `add_months(time, 1)`
    ",
    );
    check(
        "time + interval 'soon' > as_of",
        "
        bad-duration: an interval cannot be read as a duration
          interval 'soon'
          = write `duration '14d'`, or an interval of whole weeks, days, hours, minutes or seconds: `interval '14' day`
    ",
    );
    check(
        "time + interval '1.5 days' > as_of",
        "
        bad-duration: an interval cannot be read as a duration
          interval '1.5 days'
          = write `duration '14d'`, or an interval of whole weeks, days, hours, minutes or seconds: `interval '14' day`
    ",
    );
    check(
        "count_seen = 9223372036854775808",
        "
        bad-literal: `9223372036854775808` is not a number of 64 bits
          9223372036854775808
    ",
    );
    check(
        "value = 1e999",
        "
        bad-literal: `1e999` is not a number of 64 bits
          1e999
    ",
    );
    check(
        "datetime '2026-01-01 00:00:00' < time",
        "
        not-portable: a literal of type `DATETIME` is not in the language
          datetime '2026-01-01 00:00:00' has no meaning that all warehouses share
          = write `timestamp '2026-01-01 00:00:00'`
    ",
    );
    check(
        "name like user.plan",
        "
        non-literal-pattern: the pattern of `like` is not a literal string
          user.plan only a literal is a pattern
          = write `contains`, `starts_with` or `ends_with`: they take any string
    ",
    );
    check(
        "name like 'a\\_b'",
        r"
        bad-pattern: a backslash in the pattern of `like` means something else on each warehouse
          'a\_b'
          = write `contains`, `starts_with` or `ends_with`: nothing is special in their strings
    ",
    );
}

#[test]
fn aggregates() {
    check(
        "count() > 1 and sum(nmae) filter (where paid) > 2 and percentile_cont(0.5) within group (order by value) > 3",
        "
        aggregate-not-allowed: the aggregate `count` is not allowed in an expression
          count this is asked of each row of source `events`
          = keys count: `at_least` of a milestone, `kind = \"count\"` of a KPI; and `where` says what counts
        aggregate-not-allowed: the aggregate `sum` is not allowed in an expression
          sum this is asked of each row of source `events`
          = keys add up: `sum` of a milestone, `kind = \"sum\"` and `value` of a KPI; and `where` says what counts
        aggregate-not-allowed: the aggregate `percentile_cont` is not allowed in an expression
          percentile_cont this is asked of each row of source `events`
          = a KPI of `kind = \"time_to\"` takes `statistic = \"median\"` or a percentile such as `\"p90\"`
    ",
    );
}

#[test]
fn depth() {
    let nested = |depth: usize| format!("{}paid{}", "(".repeat(depth), ")".repeat(depth));
    for (input, expect) in [
        (nested(1000), "expression-too-deep"),
        ("not ".repeat(1000) + "paid", "expression-too-deep"),
        ("- ".repeat(300) + "value", "expression-too-deep"),
        (vec!["value"; 402].join(" + "), "expression-too-deep"),
        (vec!["paid"; 100_000].join(" or "), "expression-too-large"),
        ("lower(".repeat(500) + "name" + &")".repeat(500), "expression-too-deep"),
        ("case when ".repeat(400), "expression-too-deep"),
        (
            format!("{}value{} = 1", "case ".repeat(16), " when 1 then 2 when 2 then 1 end".repeat(16)),
            "expression-too-large",
        ),
        (format!("{}value{} = 1", "int(".repeat(16), " between 1 and 2)".repeat(16)), "expression-too-large"),
        ("(".repeat(100_000), "expression-too-large"),
    ] {
        let found = outcome(&input, None);
        assert!(found.starts_with(expect), "{}: {found}", &input[..20]);
    }
    for (operator, operand) in [("or", "paid"), ("and", "paid"), ("||", "name"), ("+", "value"), ("-", "value")] {
        let found = outcome(&vec![operand; 300].join(&format!(" {operator} ")), None);
        assert!(found.starts_with('('), "{operator}: {found}");
    }
    let found = outcome(&format!("{}{}{}", "(".repeat(90), vec!["paid"; 2400].join(" or "), ")".repeat(90)), None);
    assert!(found.starts_with("(Or") && found.ends_with(": bool"));
    // Where it is written, each mistake is told once, however the chain is put together.
    let mistaken = format!("{} or nmae or {} or value", vec!["paid"; 40].join(" or "), vec!["paid"; 40].join(" or "));
    compare(
        &outcome(&mistaken, None),
        "
        unknown-column: no column `nmae` in source `events`
          nmae not a column of source `events`
          = a column with a similar name exists: `name`
        wrong-operand-types: `or` needs a condition, and this is a float
          value float
          = compare it, as in `x > 0`
    ",
    );
    let list = format!("count_seen in ({})", (0..5000).map(|n| n.to_string()).collect::<Vec<_>>().join(", "));
    assert!(outcome(&list, None).ends_with(": bool"));
}

#[test]
fn the_expected_type() {
    compare(
        &outcome("name", Some(Type::Bool)),
        "
        wrong-type: the expression is a string where a bool is expected
          name string
          = compare it, as in `x = 'pro'`
    ",
    );
    compare(
        &outcome("value", Some(Type::Bool)),
        "
        wrong-type: the expression is a float where a bool is expected
          value float
          = compare it, as in `x > 0`
    ",
    );
    compare(&outcome("count_seen", Some(Type::Float)), "count_seen : int");
    compare(&outcome("null", Some(Type::Bool)), "null : null");
}

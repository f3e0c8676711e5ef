//! What the language has.

use crate::semantic::parse::tests::check;

#[test]
fn operators() {
    check("1 + 2 * 3 - 4 = -3", "(Equal (Subtract (Add 1 (Multiply 2 3)) 4) -3) : bool");
    check("not paid or paid and name <> 'x'", r#"(Or (not paid) (And paid (NotEqual name "x"))) : bool"#);
    check("-value + +1", "(Add (negate value) 1) : float");
    check("value / 0 < count_seen % 2", "(Less (divide value 0) (modulo count_seen 2)) : bool");
    check("name || '-' || user.plan", r#"(Concatenate (Concatenate name "-") user.plan) : string"#);
    check("-9223372036854775808", "-9223372036854775808 : int");
    check("mrr * 2 + value", "(Add (Multiply mrr 2) value) : float");
    check("null + 1", "(Add null 1) : int");
}

#[test]
fn tests_of_values() {
    check("count_seen between 1 and 3", "(And (GreaterOrEqual count_seen 1) (LessOrEqual count_seen 3)) : bool");
    check(
        "day not between date '2026-01-01' and time",
        "(not (And (GreaterOrEqual day <2026-01-01>) (LessOrEqual (timestamp day) time))) : bool",
    );
    check("name in ('a', 'it''s', user.plan)", r#"(in name ["a" "it's" user.plan]) : bool"#);
    check(
        "day not in (date '2026-01-01', timestamp '2026-01-01 10:00:00')",
        "(not-in (timestamp day) [<2026-01-01 00:00:00.000000> <2026-01-01 10:00:00.000000>]) : bool",
    );
    check("name like 'a%' and name not like '_'", r#"(And (like name "a%") (not-like name "_")) : bool"#);
    check("name is null or value is not null", "(Or (null? name) (not-null value)) : bool");
    check("paid is true and paid is not true", "(And (coalesce paid false) (not (coalesce paid false))) : bool");
    check("paid is false or paid is not false", "(Or (not (coalesce paid true)) (coalesce paid true)) : bool");
}

#[test]
fn choices() {
    check(
        "case when paid then 1 when value > 2 then 2.5 else mrr end",
        "(case paid 1 | (Greater value 2) 2.5 else mrr) : float",
    );
    check(
        "case name when 'a' then 1 when 'b' then null end",
        r#"(case (Equal name "a") 1 | (Equal name "b") null) : int"#,
    );
    check("if(paid, name, null)", "(if paid name null) : string");
    check("coalesce(null, count_seen, 2.5)", "(coalesce null count_seen 2.5) : float");
}

#[test]
fn literals() {
    check("date '2026-01-31'", "<2026-01-31> : date");
    check("timestamp '2026-01-31'", "<2026-01-31 00:00:00.000000> : timestamp");
    check("timestamp '2026-01-31T10:00:00.5Z'", "<2026-01-31 10:00:00.500000> : timestamp");
    check("timestamp '2026-01-31 00:30:00+02:00'", "<2026-01-30 22:30:00.000000> : timestamp");
    check("duration '1w 2d'", "777600000000us : duration");
    check(
        "interval '14' day + interval '2 hours' - interval 3 minute",
        "(Subtract (Add 1209600000000us 7200000000us) 180000000us) : duration",
    );
    check("1e3 + .5", "(Add 1000.0 0.5) : float");
    check("'größe ''x'''", r#""größe 'x'" : string"#);
}

#[test]
fn times() {
    check("time - as_of", "(duration_between as_of time) : duration");
    check(
        "time + duration '1d' * 3 > as_of - (time - as_of)",
        "(Greater (add_duration time (Multiply 86400000000us 3)) (add_duration as_of (negate (duration_between as_of time)))) : bool",
    );
    check("duration '1d' + time", "(add_duration time 86400000000us) : timestamp");
    check(
        "day < time and time >= date '2026-01-31'",
        "(And (Less (timestamp day) time) (GreaterOrEqual time <2026-01-31 00:00:00.000000>)) : bool",
    );
    check("(time - as_of) / duration '1d'", "(divide (duration_between as_of time) 86400000000us) : float");
    check(
        "date_trunc(week, time) = date_trunc('month', day)",
        r#"(Equal (date_trunc "week" time) (date_trunc "month" day)) : bool"#,
    );
    check("date_trunc(HOUR, time)", r#"(date_trunc "hour" time) : timestamp"#);
}

#[test]
fn names() {
    check(
        "\"My Column\" = 'x' or properties.größe > 1",
        r#"(Or (Equal My Column "x") (Greater properties.größe 1)) : bool"#,
    );
    check("user . plan || name = `name`", "(Equal (Concatenate user.plan name) name) : bool");
    check("LOWER(user.plan) = 'free'", r#"(Equal (lower user.plan) "free") : bool"#);
    check("time > as_of -- a comment\n and /* another */ paid", "(And (Greater time as_of) paid) : bool");
}

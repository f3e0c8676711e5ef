//! Forms of SQL that the language has not, and what it says then.

use crate::semantic::parse::tests::check;

#[test]
fn forms_of_warehouses() {
    check(
        "nmae::int = 1 and cast(value as bigint) = 1",
        "
        unknown-column: no column `nmae` in source `events`
          nmae not a column of source `events`
          = a column with a similar name exists: `name`
        not-portable: a cast by `::` is not in the language
          nmae::int has no meaning that all warehouses share
          = write `int(x)`: null where it cannot be
        not-portable: `cast` is not in the language
          cast(value as bigint) has no meaning that all warehouses share
          = write `int(x)`: null where it cannot be
    ",
    );
    check(
        "try_cast(name as varchar(3)) = 'x'",
        "
        not-portable: `cast` is not in the language
          try_cast(name as varchar(3)) has no meaning that all warehouses share
          = write `string(x)`: null where it cannot be
    ",
    );
    check(
        "extract(dow from time) = 1",
        "
        not-portable: `extract` is not in the language
          extract(dow from time) has no meaning that all warehouses share
          = write `day_of_week(x)`: Monday is 1
    ",
    );
    check(
        "name ilike 'a%' or name ~ 'x' or name similar to 'y'",
        "
        not-portable: `ilike` is not in the language
          name ilike 'a%' has no meaning that all warehouses share
          = write `lower(x) like 'pattern'`
        not-portable: the operator `~` is not in the language
          name ~ 'x' has no meaning that all warehouses share
          = write `regexp_matches(x, 'pattern')`
        not-portable: `similar to` is not in the language
          name similar to 'y' has no meaning that all warehouses share
          = write `regexp_matches(x, 'pattern')`
    ",
    );
    check(
        "name like 'a!%' escape '!'",
        "
        not-portable: `escape` is not in the language
          name like 'a!%' has no meaning that all warehouses share
          = write `contains`, `starts_with` or `ends_with`
    ",
    );
    check(
        "name in (select name from users where x > 1 group by 1)",
        "
        not-portable: a subquery is not in the language
          name in (select name from users where x > 1 group by 1) has no meaning that all warehouses share
          = name what it selects as a milestone or a source, and use that
    ",
    );
    check(
        "(select max(x) from t) > 1 and exists (select 1)",
        "
        not-portable: a subquery is not in the language
          (select max(x) from t) has no meaning that all warehouses share
          = name what it selects as a milestone or a source, and use that
        not-portable: a subquery is not in the language
          exists (select 1) has no meaning that all warehouses share
          = name what it selects as a milestone or a source, and use that
    ",
    );
    check(
        "row_number() over (partition by name order by time desc) = 1",
        "
        not-portable: a window function is not in the language
          over (partition by name order by time desc) has no meaning that all warehouses share
          = a KPI or a milestone says over which rows: `at_least`, `after`, `cohort`
    ",
    );
    check(
        "sum(value) over () > 1",
        "
        not-portable: a window function is not in the language
          over () has no meaning that all warehouses share
          = a KPI or a milestone says over which rows: `at_least`, `after`, `cohort`
    ",
    );
    check(
        "time at time zone 'Europe/Berlin' > as_of",
        "
        not-portable: `at time zone` is not in the language
          time at time zone 'Europe/Berlin' has no meaning that all warehouses share
          = all times are in UTC: the `timezone` of a source says what its zoneless times are in
    ",
    );
    check(
        "name is distinct from 'x'",
        "
        not-portable: `is distinct from` is not in the language
          name is distinct from 'x' has no meaning that all warehouses share
          = write `coalesce(a <> b, a is not null or b is not null)`
    ",
    );
    check(
        "name -> 'x' = 'y' and name[1] = 'z' and name:x = 'u'",
        "
        not-portable: the operator `->` is not in the language
          name -> 'x' has no meaning that all warehouses share
          = declare the property in the `properties` of its source, and write `properties.name`
        not-portable: `name[1]` is not in the language
          name[1] has no meaning that all warehouses share
          = declare the property in the `properties` of its source, and write `properties.name`
        not-portable: `name:x` is not in the language
          name:x has no meaning that all warehouses share
          = declare the property in the `properties` of its source, and write `properties.name`
    ",
    );
    check(
        "name = $1 or name = E'x' or name = X'ff'",
        "
        not-portable: a placeholder is not in the language
          $1 has no meaning that all warehouses share
          = write the value itself
        not-portable: this kind of literal is not in the language
          E'x' has no meaning that all warehouses share
          = a string is written in single quotes, `'it''s'`, and a number in decimal digits
        not-portable: this kind of literal is not in the language
          X'ff' has no meaning that all warehouses share
          = a string is written in single quotes, `'it''s'`, and a number in decimal digits
    ",
    );
    check(
        "(name, day) = (1, 2)",
        "
        not-portable: a list of values is not in the language
          (name, day) has no meaning that all warehouses share
          = a list belongs after `in`: `x in (1, 2)`
        not-portable: a list of values is not in the language
          (1, 2) has no meaning that all warehouses share
          = a list belongs after `in`: `x in (1, 2)`
    ",
    );
    check(
        "name collate nocase = 'x'",
        "
        not-portable: `collate` is not in the language
          name collate nocase has no meaning that all warehouses share
          = strings compare byte by byte; write `lower(x)`
    ",
    );
    check(
        "count_seen & 1 = 1 or count_seen ^ 2 = 4",
        "
        not-portable: the operator `&` is not in the language
          count_seen & 1 has no meaning that all warehouses share
          = conditions are joined by `and`
        not-portable: the operator `^` is not in the language
          count_seen ^ 2 has no meaning that all warehouses share
          = write `power(x, y)`
    ",
    );
    check(
        "lower(name) filter (where paid)",
        "
        not-portable: `filter` is not in the language
          filter (where paid) has no meaning that all warehouses share
          = write `case when … then … end`
    ",
    );
    check(
        "lower(distinct name)",
        "
        not-portable: `distinct` in a call is not in the language
          lower(distinct name) has no meaning that all warehouses share
    ",
    );
    check(
        "lower(x => name)",
        "
        not-portable: this form of an argument is not in the language
          lower(x => name) has no meaning that all warehouses share
    ",
    );
    check(
        "name = any (1)",
        "
        unknown-function: no function `any` in the language
          any not a function
          = write `x in (…)`
    ",
    );
    check(
        "struct(1, 2) = array[1] or map {1: 2} = 3",
        "
        syntax-error-in-expression: the expression ends before `{`
          { this does not belong to it
    ",
    );
    check(
        "trim(both from name) = 'x'",
        "
        syntax-error-in-expression: `)` is expected, not `from`
          from here
    ",
    );
    check(
        "count_seen << 1 = 2 or count_seen # 1 = 2",
        "
        syntax-error-in-expression: an operator is not in the language
          # here
    ",
    );
    check(
        "name regexp 'x'",
        "
        not-portable: `regexp` is not in the language
          name regexp 'x' has no meaning that all warehouses share
          = write `regexp_matches(x, 'pattern')`
    ",
    );
    check(
        "a.b.c(name) = 1 and \"lower\"(name) = 'x'",
        r#"
        unknown-function: no function `a.b.c` in the language
          a.b.c not a function
        unknown-function: no function `"lower"` in the language
          "lower" not a function
          = a function with a similar name exists: `lower(value: string) -> string`
    "#,
    );
}

//! What cannot be read, and names that nothing has.

use crate::semantic::parse::tests::check;

#[test]
fn syntax() {
    check(
        "",
        "
        empty-expression: an expression is empty
          ''''''
    ",
    );
    check(
        "  -- nothing\n",
        "
        empty-expression: an expression is empty
          '''  -- nothing
          '''
    ",
    );
    check(
        "name = ",
        "
        syntax-error-in-expression: the expression ends where an expression is expected
          = here
    ",
    );
    check(
        "name = 'x",
        "
        syntax-error-in-expression: the expression cannot be read: unterminated string literal
          ' from here on
    ",
    );
    check(
        "(name = 'x'",
        "
        syntax-error-in-expression: the expression ends where `)` is expected
          'x' here
    ",
    );
    check(
        "name = 'x')",
        "
        syntax-error-in-expression: the expression ends before `)`
          ) this does not belong to it
    ",
    );
    check(
        "name 'x'",
        "
        syntax-error-in-expression: the expression ends before `'x'`
          'x' this does not belong to it
          = the literals with a word before them are `date '…'`, `timestamp '…'`, `duration '…'` and `interval '…'`
    ",
    );
    check(
        "paid; paid",
        "
        syntax-error-in-expression: the expression ends before `;`
          ; this does not belong to it
          = an expression has no semicolon
    ",
    );
    check(
        "paid, paid",
        "
        syntax-error-in-expression: the expression ends before `,`
          , this does not belong to it
          = one expression is expected, not a list
    ",
    );
    check(
        "paid as p",
        "
        syntax-error-in-expression: the expression ends before `as`
          as this does not belong to it
          = an expression has no name of its own
    ",
    );
    check(
        "größe +\n  * 2",
        "
        syntax-error-in-expression: an expression is expected, not `*`
          * here
    ",
    );
    check(
        "case when paid then 1",
        "
        syntax-error-in-expression: the expression ends before `when`
          when this does not belong to it
          = a `case` ends with `end`
    ",
    );
    check(
        "name in ()",
        "
        syntax-error-in-expression: an expression is expected, not `)`
          ) here
    ",
    );
    check(
        "name in ('a' 'b')",
        "
        syntax-error-in-expression: `)` is expected, not `'b'`
          'b' here
    ",
    );
    check(
        "count_seen = 1_000",
        "
        syntax-error-in-expression: the expression ends before `_000`
          _000 this does not belong to it
    ",
    );
    check(
        "{{ name }} = 'x'",
        "
        syntax-error-in-expression: a name is expected, not `{`
          { here
    ",
    );
    check(
        "select name from events",
        "
        syntax-error-in-expression: the expression ends before `name`
          name this does not belong to it
    ",
    );
    check(
        "lower(name",
        "
        syntax-error-in-expression: the expression ends where `)` is expected
          name here
    ",
    );
    check(
        "paid\n  and and paid",
        "
        syntax-error-in-expression: an expression is expected before `and`
          and joins two conditions
    ",
    );
    check(
        "or paid",
        "
        syntax-error-in-expression: an expression is expected before `or`
          or joins two conditions
    ",
    );
}

#[test]
fn names() {
    check(
        "nmae = 'x' and user.plam = 'y'",
        "
        unknown-column: no column `nmae` in source `events`
          nmae not a column of source `events`
          = a column with a similar name exists: `name`
        unknown-column: no column `user.plam` in source `events`
          user.plam not a column of source `events`
          = a column with a similar name exists: `user.plan`
    ",
    );
    check(
        "country = 'de'",
        "
        unknown-column: no column `country` in source `events`
          country not a column of source `events`
    ",
    );
    check(
        "name = \"x\"",
        r#"
        unknown-column: no column `x` in source `events`
          "x" not a column of source `events`
          = double quotes are for names; a string is `'x'`
    "#,
    );
    check(
        "upper > 3",
        "
        unknown-column: no column `upper` in source `events`
          upper not a column of source `events`
          = a function of that name exists: `upper(…)`
    ",
    );
    check(
        "größe = 1 and\n  namé = 'é'",
        "
        unknown-column: no column `größe` in source `events`
          größe not a column of source `events`
          = write `properties.größe`
        unknown-column: no column `namé` in source `events`
          namé not a column of source `events`
          = a column with a similar name exists: `name`
    ",
    );
    check(
        "lowr(name) = 'x'",
        "
        unknown-function: no function `lowr` in the language
          lowr not a function
          = a function with a similar name exists: `lower(value: string) -> string`
    ",
    );
    check(
        "frobnicate(1, nmae)",
        "
        unknown-function: no function `frobnicate` in the language
          frobnicate not a function
        unknown-column: no column `nmae` in source `events`
          nmae not a column of source `events`
          = a column with a similar name exists: `name`
    ",
    );
    check(
        "flor(value)",
        "
        unknown-function: no function `flor` in the language
          flor not a function
          = a function with a similar name exists: `floor(value: number) -> int`
    ",
    );
    check(
        "my.lower(name)",
        "
        unknown-function: no function `my.lower` in the language
          my.lower not a function
    ",
    );
}

#[test]
fn names_of_warehouses() {
    check("datediff('day', time, as_of) > 14", "
        unknown-function: no function `datediff` in the language
          datediff not a function
          = write `days_between(start, end)`, `weeks_between`, `months_between`, `hours_between`, or `end - start` for the elapsed time
    ");
    check(
        "ifnull(name, 'x') = iff(paid, 'x', 'y')",
        "
        unknown-function: no function `ifnull` in the language
          ifnull not a function
          = write `coalesce(a, b)`
        unknown-function: no function `iff` in the language
          iff not a function
          = write `if(condition, a, b)` or `case when … then … else … end`
    ",
    );
    check(
        "time < now() and day < current_date",
        "
        unknown-function: no function `now` in the language
          now not a function
          = write `as_of`: the instant that a run looks from, so that its results can be had again
        not-portable: `current_date` is not in the language
          current_date
          = write `date(as_of)`: the day that a run looks from, so that its results can be had again
    ",
    );
    check(
        "dateadd(day, 1, time) > as_of",
        "
        unknown-function: no function `dateadd` in the language
          dateadd not a function
          = write `time + duration '14d'`, `add_days(day, 14)` or `add_months(day, 1)`
    ",
    );
    check(
        "count_if(paid)",
        "
        aggregate-not-allowed: the aggregate `count_if` is not allowed in an expression
          count_if this is asked of each row of source `events`
          = keys count: `at_least` of a milestone, `kind = \"count\"` of a KPI; and `where` says what counts
    ",
    );
    check(
        "json_extract_string(name, '$.x')",
        "
        unknown-function: no function `json_extract_string` in the language
          json_extract_string not a function
          = declare the property in the `properties` of its source, and write `properties.name`
    ",
    );
}

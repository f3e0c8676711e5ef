//! Operands that do not go with their operator.

use crate::semantic::parse::tests::check;

#[test]
fn operands() {
    check(
        "name = 3",
        "
        wrong-operand-types: `=` does not go with a string and an int
          name = 3
          name string
          3 int
          = quote the number, or convert the string: `int(x)`
    ",
    );
    check(
        "name > value",
        "
        wrong-operand-types: `>` does not go with a string and a float
          name > value
          name string
          value float
          = `float(x)` makes a float of it
    ",
    );
    check(
        "value = '3'",
        "
        wrong-operand-types: `=` does not go with a float and a string
          value = '3'
          value float
          '3' string
          = a number has no quotes: `3`
    ",
    );
    check(
        "time > '2026-01-01'",
        "
        wrong-operand-types: `>` does not go with a timestamp and a string
          time > '2026-01-01'
          time timestamp
          '2026-01-01' string
          = write `timestamp '2026-01-01'`
    ",
    );
    check(
        "paid = 'true'",
        "
        wrong-operand-types: `=` does not go with a bool and a string
          paid = 'true'
          paid bool
          'true' string
          = a bool has no quotes: `true`
    ",
    );
    check(
        "paid > true",
        "
        wrong-operand-types: `>` does not go with a bool and a bool
          paid > true
          paid bool
          true bool
          = compare truths by `=`, or write them as conditions: `a and not b`
    ",
    );
    check(
        "name and value",
        "
        wrong-operand-types: `and` needs a condition, and this is a string
          name string
          = compare it, as in `x = 'pro'`
        wrong-operand-types: `and` needs a condition, and this is a float
          value float
          = compare it, as in `x > 0`
    ",
    );
    check(
        "not value",
        "
        wrong-operand-types: `not` needs a condition, and this is a float
          value float
          = compare it, as in `x > 0`
    ",
    );
    check(
        "-name",
        "
        wrong-operand-types: `-` needs a number, and this is a string
          name string
          = `float(x)` makes a float of it
    ",
    );
    check(
        "name + 'x'",
        "
        wrong-operand-types: `+` does not go with a string and a string
          name + 'x'
          name string
          'x' string
          = strings are joined by `||`
    ",
    );
    check(
        "name || value",
        "
        wrong-operand-types: `||` does not go with a string and a float
          name || value
          name string
          value float
    ",
    );
    check(
        "name || count_seen",
        "
        wrong-operand-types: `||` does not go with a string and an int
          name || count_seen
          name string
          count_seen int
          = `string(x)` makes a string of it
    ",
    );
    check(
        "day - day",
        "
        wrong-operand-types: `-` does not go with a date and a date
          day - day
          day date
          day date
          = count the days: `days_between(start, end)`
    ",
    );
    check(
        "day + duration '1d'",
        "
        wrong-operand-types: `+` does not go with a date and a duration
          day + duration '1d'
          day date
          duration '1d' duration
          = write `add_days(day, 14)`, or `timestamp(day) + duration '14d'`
    ",
    );
    check(
        "time + 1",
        "
        wrong-operand-types: `+` does not go with a timestamp and an int
          time + 1
          time timestamp
          1 int
          = write `time + duration '14d'`
    ",
    );
    check(
        "time - day",
        "
        wrong-operand-types: `-` does not go with a timestamp and a date
          time - day
          time timestamp
          day date
          = make both of one type: `timestamp(day)` is the midnight that begins a day
    ",
    );
    check(
        "value % 2",
        "
        wrong-operand-types: `%` does not go with a float and an int
          value % 2
          value float
          2 int
          = `%` is for ints: `floor(x)` and `round(x)` are whole
    ",
    );
    check(
        "(time - as_of) > 14",
        "
        wrong-operand-types: `>` does not go with a duration and an int
          (time - as_of) > 14
          time - as_of duration
          14 int
          = a duration is written `duration '14d'`
    ",
    );
    check(
        "(time - as_of) * 1.5",
        "
        wrong-operand-types: `*` does not go with a duration and a float
          (time - as_of) * 1.5
          time - as_of duration
          1.5 float
          = `days(x)`, `hours(x)` and `seconds(x)` make a number of a duration
    ",
    );
    check(
        "value like 'x'",
        "
        wrong-operand-types: `like` is for strings, and this is a float
          value float
    ",
    );
    check(
        "case when paid then 1 else 'x' end",
        "
        wrong-operand-types: `case` gives a string here and an int there
          'x' string
          1 int
    ",
    );
    check(
        "case name when 1 then 2 end",
        "
        wrong-operand-types: `=` does not go with a string and an int
          1
          name string
          1 int
          = quote the number, or convert the string: `int(x)`
    ",
    );
    check(
        "count_seen in (1, 'a', null)",
        "
        wrong-operand-types: `=` does not go with an int and a string
          count_seen in (1, 'a', null)
          count_seen int
          'a' string
          = `int(x)` makes an int of it
        null-in-list: a null in the list of `in` leaves the answer open
          null equal to nothing
          = leave it out, and ask `x is null` beside it
    ",
    );
    check(
        "paid is true and value is true",
        "
        wrong-operand-types: `is true` needs a condition, and this is a float
          value float
          = compare it, as in `x > 0`
    ",
    );
    check(
        "value between 'a' and 2",
        "
        wrong-operand-types: `>=` does not go with a float and a string
          value between 'a' and 2
          value float
          'a' string
          = `float(x)` makes a float of it
    ",
    );
}

#[test]
fn nulls() {
    check(
        "name = null",
        "
        null-comparison: a comparison with null is never true
          null equal to nothing
          = write `x is null`
    ",
    );
    check(
        "null <> name",
        "
        null-comparison: a comparison with null is never true
          null equal to nothing
          = write `x is not null`
    ",
    );
    check(
        "name not in ('a', null)",
        "
        null-in-list: a null in the list of `in` leaves the answer open
          null equal to nothing
          = leave it out, and ask `x is null` beside it
    ",
    );
}

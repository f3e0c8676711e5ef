//! The templates' engine: only SQL prints, names and strings are quoted, and statements take each dialect's form.

use std::collections::BTreeMap;

use milepost::render::dialect::{self, Dialect};
use milepost::render::engine::{self, Sql};
use milepost::render::holes;
use proptest::prelude::*;
use serde_json::json;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::functions::{answers, dialects, executed, parses};

fn rendered(text: &str, context: serde_json::Value, dialect: &'static Dialect) -> String {
    engine::render_text(text, context, dialect).unwrap_or_else(|error| panic!("{}: {error}\n{text}", dialect.name()))
}

fn refused(text: &str) -> String {
    engine::render_text(text, json!({ "name": "x; DROP TABLE t", "half": 0.5, "flag": true }), executed())
        .unwrap_err()
        .to_string()
}

#[test]
fn only_sql_prints() {
    let message = refused("SELECT\n  {{ name }}");
    assert_eq!(
        message,
        "\"x; DROP TABLE t\" is a string, not SQL; write `| ident`, `| table`, `| literal` or `| comment` (in text:2)"
    );
    assert!(refused("SELECT {{ half }}").contains("`| literal`"));
    assert!(refused("SELECT {{ flag }}").contains("`| literal`"));
    assert!(refused("SELECT {{ nothing }}").contains("undefined"));
    refused("SELECT {{ nothing | ident }}");
    refused("SELECT {{ 1 if nothing }}");
    assert!(refused("SELECT {{ name | upper }}").contains("not SQL"));
    assert!(refused("SELECT {{ name ~ '' }}").contains("not SQL"));
    assert!(refused("SELECT {{ (name | ident) ~ name }}").contains("not SQL"));
    assert!(refused("SELECT {{ [name] | join(', ') }}").contains("not SQL"));
    assert!(refused("SELECT {{ name | safe }}").contains("words and commas"));
    assert!(refused("SELECT {{ '--' | safe }}").contains("words and commas"));
    assert!(refused("{% macro m() %}{{ name }}{% endmacro %}SELECT {{ m() }}").contains("not SQL"));
    assert!(refused("{% set m %}{{ name }}{% endset %}SELECT {{ m }}").contains("not SQL"));
    assert!(refused("SELECT {{ divide(name, 2) }}").contains("not SQL"));
    assert!(refused("SELECT {{ divide(1) }}").contains("`divide` takes (left: number"));
}

#[test]
fn sql_prints_as_it_is() {
    #[derive(serde::Serialize)]
    struct Context {
        condition: Sql,
        parts: Vec<Sql>,
        count: i64,
    }
    let context = Context {
        condition: Sql("a > 'x'".to_owned()),
        parts: vec![Sql("a".to_owned()), Sql("b".to_owned())],
        count: -3,
    };
    let text = "{% macro m(x) %}({{ x }}){% endmacro %}SELECT {{ parts | join(', ') }} WHERE {{ m(condition) }} LIMIT {{ count }}";
    assert_eq!(engine::render_text(text, context, executed()).unwrap(), "SELECT a, b WHERE (a > 'x') LIMIT -3");
}

#[test]
fn functions_are_called_by_name_whatever_the_warehouse() {
    let text = "SELECT {{ divide('a' | ident, ('b' | ident) ) }}, \
                {{ duration_between('s' | ident, 'e' | ident) }}, \
                {{ add_duration('s' | ident, 604800000000) }}, \
                {{ date_trunc('week', timestamp('2026-01-31 00:00:00.000000')) }}, \
                {{ starts_with('p' | ident, 'te' | literal) }}, \
                {{ concatenate('p' | ident, '/' | literal, 'q' | ident) }}, \
                {{ coalesce('x' | ident, 0) }}, \
                {{ timestamp('2026-01-31 00:00:00.000000') }}, \
                CAST(NULL AS {{ type('float') }}) FROM t";
    let sql: Vec<_> = dialects().into_iter().map(|dialect| (dialect, rendered(text, json!({}), dialect))).collect();
    for (dialect, sql) in &sql {
        parses(sql, dialect);
    }
    let executed = &sql.iter().find(|(dialect, _)| dialect.name() == executed().name()).unwrap().1;
    assert_eq!(
        *executed,
        "SELECT CAST(\"a\" AS DOUBLE) / NULLIF(CAST(\"b\" AS DOUBLE), 0), EPOCH_US(\"e\") - EPOCH_US(\"s\"), \
         TRY(\"s\" + TO_MICROSECONDS(604800000000)), CAST(DATE_TRUNC('week', TIMESTAMP '2026-01-31 00:00:00') AS DATE), \
         STARTS_WITH(\"p\", 'te'), \"p\" || '/' || \"q\", COALESCE(\"x\", 0), \
         TIMESTAMP '2026-01-31 00:00:00', CAST(NULL AS DOUBLE) FROM t"
    );
}

#[test]
fn a_type_that_decides_must_be_known() {
    let message = dialects()
        .into_iter()
        .find_map(|dialect| engine::render_text("SELECT {{ add_months('s' | ident, 1) }}", json!({}), dialect).err())
        .unwrap()
        .to_string();
    assert!(message.contains("depends on a type"), "{message}");
}

#[test]
fn statements_take_the_form_of_the_dialect() {
    let name = "proj.raw events.t";
    let plain = json!({ "name": name, "cluster": [] });
    let laid_out = json!({
        "name": name, "partition": "at", "by": "month", "cluster": ["odd name", "entity"], "expiration_days": 400,
    });
    let mark = json!({ "text": "made by milepost; as_of=2026-03-01T00:00:00Z; spec=0a", "spec": "0a", "as_of": "2026-03-01T00:00:00.5Z" });
    let marked = json!({ "name": name, "cluster": [], "mark": mark });
    for dialect in dialects() {
        let quote = dialect.identifier("x").unwrap().chars().next().unwrap();
        let quoted = format!("{quote}proj{quote}.{quote}raw events{quote}.{quote}t{quote}");
        parses(&rendered("{{ create_schema('proj.ds') }}", json!({}), dialect), dialect);
        for kind in ["TABLE", "VIEW"] {
            let words = [("kind", kind), ("name", quoted.as_str())].map(|(key, text)| (key, text.into()));
            parses(&dialect.shape("statements", "drop_relation", &BTreeMap::from(words)).unwrap(), dialect);
        }
        // A dialect whose warehouse drops a schema with all that is in it says so in place of a statement.
        match dialect.shape("statements", "drop_schema", &BTreeMap::from([("name", quoted.as_str().into())])) {
            Ok(sql) => {
                assert!(sql.ends_with(" RESTRICT"), "{sql}");
                parses(&sql, dialect);
            }
            Err(failure) => assert!(failure.to_string().contains("drop it yourself"), "{failure}"),
        }
        let first_rows = rendered("{{ first_rows(10) }}", json!({}), dialect);
        for table in [&plain, &laid_out, &marked] {
            let create = rendered("{{ create_table(table) }}", json!({ "table": table }), dialect);
            parses(&format!("{create}\nSELECT 1 AS x\n{first_rows}"), dialect);
            assert!(create.contains(&quoted), "{create}");
        }
        let view = rendered("{{ create_view(view) }}", json!({ "view": { "name": name } }), dialect);
        parses(&format!("{view}\nSELECT 1 AS x"), dialect);
        let marked = rendered("{{ create_view(view) }}", json!({ "view": { "name": name, "mark": mark } }), dialect);
        parses(&format!("{marked}\nSELECT 1 AS x"), dialect);
        assert!(view.contains(&quoted), "{view}");
    }
}

#[derive(serde::Serialize)]
struct Constants {
    rows: Vec<Vec<Sql>>,
}

#[test]
fn constants_are_a_relation_everywhere() {
    let text = "SELECT SUM({{ 'weight' | ident }}) AS w FROM {{ constants('rows', ['milestone', 'weight'], rows) }}";
    let bare = "SELECT w.x FROM {{ constants('w', ['x'], [['it''s' | literal], [none | literal]]) }}";
    for dialect in dialects() {
        let cells = rendered("{{ \"it's\" | literal }}|{{ 0.5 | literal }}|{{ 2 | literal }}", json!({}), dialect);
        let cells: Vec<_> = cells.split('|').map(|cell| Sql(cell.to_owned())).collect();
        let rows = vec![vec![cells[0].clone(), cells[1].clone()], vec![cells[0].clone(), cells[2].clone()]];
        let sql = engine::render_text(text, Constants { rows }, dialect).unwrap();
        parses(&sql, dialect);
        parses(&rendered(bare, json!({}), dialect), dialect);
        if dialect.name() == executed().name() {
            answers(&sql, Some("2.5"));
        }
    }
    assert!(refused("SELECT * FROM {{ constants('r', ['a'], []) }}").contains("no rows"));
    assert!(refused("SELECT * FROM {{ constants('r', ['a', 'b'], [[1]]) }}").contains("1 cells for 2 columns"));
}

#[test]
fn output_is_tidy_and_strings_keep_their_lines() {
    let text = "-- {{ title | comment }}\nSELECT   \n{% for column in columns %}\n  {{ column | ident }}{{ ',' | safe if not loop.last }}\n{% endfor %}\n\n\nFROM t\nWHERE x = {{ text | literal }}\n";
    let context = json!({ "title": "one\nDROP TABLE t; -- \u{2028}two", "columns": ["a", "b"], "text": "a  \n\n\nb " });
    assert_eq!(
        rendered(text, context, executed()),
        "-- one DROP TABLE t; --  two\nSELECT\n  \"a\",\n  \"b\"\nFROM t\nWHERE x = 'a  \n\n\nb '"
    );
}

#[test]
fn names_that_cannot_be_written_are_refused() {
    assert!(refused("SELECT {{ '' | ident }}").contains("empty"));
    assert!(refused("SELECT {{ 'a..b' | table }}").contains("empty"));
    for dialect in dialects() {
        assert!(dialect.identifier("a\u{0}").is_err());
        assert!(dialect.string("a\u{0}").is_err());
    }
}

/// Strings that are made to break out of their quotes.
fn nasty() -> impl Strategy<Value = String> {
    const PARTS: &[&str] = &[
        "\\", "'", "\"", "`", "\n", "\r", "\t", "$$", "--", "/*", ";", "é", "😀", "a", " ", "\u{1}", "%", "{{",
        "\\u0041", "OR 1=1",
    ];
    prop::collection::vec(prop::sample::select(PARTS), 0..8).prop_map(|parts| parts.concat())
}

#[cfg(feature = "duckdb")]
thread_local! {
    /// Opened once: most of a case's time would go there.
    static CONNECTION: duckdb::Connection = duckdb::Connection::open_in_memory().unwrap();
}

proptest! {
    #[test]
    fn a_literal_is_one_string_of_that_value(text in nasty()) {
        for dialect in dialects() {
            let sql = dialect.string(&text).unwrap();
            let grammar = dialect.grammar();
            let tokens = Tokenizer::new(&*grammar, &sql).tokenize().unwrap();
            prop_assert_eq!(tokens.len(), 1, "{}: {}", dialect.name(), sql);
            // The tokenizer does not know `\x01`.
            if !text.contains('\u{1}') {
                prop_assert_eq!(&tokens[0], &Token::SingleQuotedString(text.clone()), "{}: {}", dialect.name(), sql);
            }
        }
        #[cfg(feature = "duckdb")]
        {
            let query = format!("SELECT {}", executed().string(&text).unwrap());
            let back: String = CONNECTION.with(|connection| connection.query_row(&query, [], |row| row.get(0)).unwrap());
            prop_assert_eq!(back, text);
        }
    }

    #[test]
    fn tidying_leaves_strings_and_names_alone(text in nasty()) {
        for dialect in dialects() {
            let string = dialect.string(&text).unwrap();
            let name = dialect.identifier(&text).unwrap_or_else(|_| "x".to_owned());
            let sql = format!("SELECT {string} AS {name}\nFROM t\nWHERE {name} = {string}");
            prop_assert_eq!(holes::tidy(&sql.replace("\nFROM", "  \n  \nFROM"), &*dialect.grammar()).unwrap(), sql);
        }
    }

    #[test]
    fn a_name_is_one_identifier_of_that_name(text in nasty()) {
        for dialect in dialects() {
            let Ok(sql) = dialect.identifier(&text) else { continue };
            let grammar = dialect.grammar();
            let tokens = Tokenizer::new(&*grammar, &sql).tokenize().unwrap();
            prop_assert_eq!(tokens.len(), 1, "{}: {}", dialect.name(), sql);
            let Token::Word(word) = &tokens[0] else { panic!("{}: {sql}", dialect.name()) };
            prop_assert_eq!(&word.value, &text);
        }
        #[cfg(feature = "duckdb")]
        if let Ok(name) = executed().identifier(&text) {
            let names = CONNECTION.with(|connection| {
                let mut statement = connection.prepare(&format!("SELECT 1 AS {name}")).unwrap();
                statement.execute([]).unwrap();
                statement.column_names()
            });
            prop_assert_eq!(names, vec![text]);
        }
    }

    #[test]
    fn a_comment_stays_one_line(text in "\\PC*|[a-z\\n\\r\u{85}\u{2028}-]{0,20}") {
        let sql = rendered("-- {{ text | comment }}\nSELECT 1", json!({ "text": text }), executed());
        prop_assert_eq!(sql.lines().count(), 2);
    }
}

/// Makes a portable file that has one function.
fn portable_of_abs(sql: &str) -> String {
    let whole = include_str!("../../dialects/portable.toml");
    let statements = &whole[whole.find("[statements]").unwrap()..whole.find("# Arithmetic").unwrap()];
    format!("[functions.abs]\nsql = \"{sql}\"\n{statements}")
}

#[test]
fn a_dialect_file_with_a_mistake_says_which() {
    let portable = portable_of_abs("ABS({{ value }})");
    let good = include_str!("../../dialects/duckdb.toml");
    let good = &good[..good.find("# Functions").unwrap()];
    let read = |text: &str| Dialect::read("mine", text, &portable).map(|_| ());
    assert_eq!(read(good), Ok(()));
    for (from, to, expected) in [
        (
            "parser = \"duckdb\"",
            "parser = \"postgress\"",
            "dialects/mine.toml: `postgress` is no grammar that the parser knows",
        ),
        ("support = \"executed\"", "support = \"hoped\"", "unknown variant `hoped`"),
        ("bool = \"BOOLEAN\"", "", "dialects/mine.toml: `types` does not name `bool`"),
        ("bool = \"BOOLEAN\"", "bool = \"BOOLEAN\"\nmoney = \"MONEY\"", "dialects/mine.toml: `money` is no type"),
        (
            "escapes = { \"'\" = \"''\" }",
            "escapes = {}",
            "dialects/mine.toml: `strings` neither escapes nor refuses its own quote",
        ),
        ("min.sql = ", "minimum.sql = ", "dialects/mine.toml: `aggregates.min` is missing"),
        (
            "min.sql = ",
            "mode.sql = \"MODE({{ value }})\"\nmin.sql = ",
            "dialects/mine.toml: nothing uses `aggregates.mode`",
        ),
        ("min.sql = \"MIN({{ value }})\"", "min.sql = \"MIN({{ value\"", "dialects/mine.toml: `aggregates.min`: "),
        (
            "min.sql = \"MIN({{ value }})\"",
            "min = {}",
            "dialects/mine.toml: `aggregates.min` says neither `sql` nor `unsupported`",
        ),
        (
            "[statements]\n",
            "[functions.absolute]\nsql = \"x\"\n[statements]\n",
            "`functions.absolute` overrides nothing",
        ),
        ("[statements]\n", "[nonsense]\n[statements]\n", "unknown field `nonsense`"),
        ("[types]", "[types", "dialects/mine.toml: TOML parse error"),
    ] {
        assert!(good.contains(from), "{from}");
        let error = read(&good.replacen(from, to, 1)).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    assert!(Dialect::read("mine", good, "[functions").unwrap_err().contains("dialects/portable.toml"));
}

#[test]
fn names_are_folded_where_the_file_says_so() {
    let file = include_str!("../../dialects/duckdb.toml").replacen("refused =", "fold = \"upper\"\nrefused =", 1);
    let portable = include_str!("../../dialects/portable.toml");
    let dialect = Dialect::read("mine", &file, portable).unwrap();
    assert_eq!(dialect.table("raw.Events").unwrap(), "\"RAW\".\"EVENTS\"");
    assert_eq!(dialect.string("raw").unwrap(), "'raw'");
}

#[test]
fn an_entry_that_does_not_parse_says_which() {
    let portable = portable_of_abs("ABS({{ value }}");
    let good = include_str!("../../dialects/duckdb.toml");
    let dialect = Dialect::read("mine", &good[..good.find("# Functions").unwrap()], &portable).unwrap();
    let failure = dialect.expression("functions", "abs", &[("value", dialect::Argument::Number(1))]).unwrap_err();
    assert!(failure.to_string().starts_with("dialects/mine.toml: functions.abs: `ABS(1` does not parse"), "{failure}");
}

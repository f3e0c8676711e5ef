//! Templates -> statements: `minijinja`, strict, and only SQL prints.
//!
//! A plain string is refused where it would be printed: a name goes through `| ident` or `| table`, a value through
//! `| literal`, a remark through `| comment`, and what is SQL already comes as [`Sql`]. The portable functions and
//! the statements of the dialect's file are called by name, so that a template never names a warehouse.

use std::collections::BTreeMap;
use std::fmt;

use include_dir::{Dir, include_dir};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, Serde};
use minijinja::{AutoEscape, Environment, Error, State, UndefinedBehavior, Value};
use serde::{Serialize, Serializer};

use crate::render::dialect::{Argument, Dialect};
use crate::render::expr::{self, binary};
use crate::render::holes::{self, Fragment};
use crate::semantic::expr::{BinaryOperator, Literal, Type};
use crate::semantic::library::{Accepts, Function, Gives, Library, Signature};

mod value;

use self::value::{constant, explain, expression, failure, fragment, mistake, named, print, refusal, safe, ty, words};

/// The directory `templates`, as it was when the program was built.
static TEMPLATES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// Names the template of `templates` where a dialect has its own of the same name, which extends it.
const PORTABLE: &str = "portable/";

/// Begins the name of a template whose text follows: those are compiled once, as the files are.
const INLINE: &str = "inline:";

/// SQL, in a template's context: the one kind of text that prints as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sql(pub String);

impl Serialize for Sql {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::from_safe_string(self.0.clone()).serialize(serializer)
    }
}

/// Why a template did not become SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The warehouse cannot write a name or a string that the template was given.
    Name(String),
    /// The template, or a dialect's file, is wrong.
    Template(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Name(reason) | Fault::Template(reason) => formatter.write_str(reason),
        }
    }
}

/// Renders `templates/<template>`, or the dialect's own, to tidy SQL.
pub fn render(template: &str, context: impl Serialize, dialect: &'static Dialect) -> Result<String, Fault> {
    tidy(environment(dialect).get_template(template).and_then(|template| template.render(Serde(context))), dialect)
}

/// Renders the text of a template.
pub fn render_text(text: &str, context: impl Serialize, dialect: &'static Dialect) -> Result<String, Fault> {
    let name = format!("{INLINE}{text}");
    tidy(environment(dialect).get_template(&name).and_then(|template| template.render(Serde(context))), dialect)
}

fn tidy(text: Result<String, Error>, dialect: &Dialect) -> Result<String, Fault> {
    holes::tidy(&text.map_err(|error| explain(&error))?, &*dialect.grammar()).map_err(Fault::Template)
}

fn environment(dialect: &'static Dialect) -> &'static Environment<'static> {
    dialect.opened.get_or_init(|| open(dialect))
}

fn open(dialect: &'static Dialect) -> Environment<'static> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    environment.set_syntax(syntax.build().expect("the default delimiters"));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // With it what a macro or a `set` block captures is SQL: each part of it was printed by the formatter.
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("sql".into()));
    environment.set_formatter(print);
    environment.set_loader(|name| {
        if let Some(text) = name.strip_prefix(INLINE) {
            return Ok(Some(text.to_owned()));
        }
        let file = TEMPLATES.get_file(name.strip_prefix(PORTABLE).unwrap_or(name));
        Ok(file.and_then(include_dir::File::contents_utf8).map(str::to_owned))
    });
    for (name, text) in dialect.templates() {
        environment.add_template(name, text).expect("a test renders the dialects' own templates");
    }
    filters(&mut environment, dialect);
    for function in Library::builtin().functions() {
        environment
            .add_function(function.name.clone(), move |arguments: Rest<Value>| call(function, &arguments, dialect));
    }
    texts(&mut environment, dialect);
    types(&mut environment, dialect);
    statements(&mut environment, dialect);
    environment
}

fn filters(environment: &mut Environment<'static>, dialect: &'static Dialect) {
    environment.add_filter("ident", move |name: &str| safe(dialect.identifier(name).map_err(refusal)));
    environment.add_filter("table", move |name: &str| safe(dialect.table(name).map_err(refusal)));
    environment.add_filter("literal", move |value: Value| constant(&value, dialect));
    environment.add_filter("comment", |text: &str| {
        let line: String = text
            .chars()
            .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
            .collect();
        Value::from_safe_string(line)
    });
    // The engine's own would let any text through: these take what a template's author writes between names.
    environment.add_filter("safe", |text: &str| words(text));
    // A template's own punctuation, where it is wanted: `{{ "," | when(not loop.last) }}`.
    environment.add_filter("when", |text: &str, wanted: Value| words(if wanted.is_true() { text } else { "" }));
    // The items are SQL, each checked as if it were printed.
    environment.add_filter("join", |state: &mut State, values: Value, between: &str| {
        let mut joined = String::new();
        for (position, value) in values.try_iter()?.enumerate() {
            if position > 0 {
                joined.push_str(words(between)?.as_str().unwrap_or_default());
            }
            joined.push_str(&state.format(value)?);
        }
        Ok::<_, Error>(Value::from_safe_string(joined))
    });
}

fn texts(environment: &mut Environment<'static>, dialect: &'static Dialect) {
    environment.add_function("concatenate", move |values: Rest<Value>| {
        let mut values = values.iter().map(|value| fragment(value, dialect));
        let first = values.next().ok_or_else(|| mistake("`concatenate` takes strings".to_owned()))??;
        let whole = values
            .try_fold(first, |left, right| Ok::<_, Error>(binary(BinaryOperator::Concatenate, &left, &right?)))?;
        expression(whole, Some(Type::String))
    });
}

fn types(environment: &mut Environment<'static>, dialect: &'static Dialect) {
    environment.add_function("type", move |name: &str| {
        Ok::<_, Error>(Value::from_safe_string(dialect.type_name(named(name)?).to_owned()))
    });
}

/// Returns the mark of a relation; none where it has none.
fn mark_of(relation: &Value) -> Result<Value, Error> {
    let mark = relation.get_attr("mark")?;
    Ok(if mark.is_undefined() { Value::from(()) } else { mark })
}

fn statements(environment: &mut Environment<'static>, dialect: &'static Dialect) {
    // A table comes with how its rows lie, which not every warehouse can be told.
    environment.add_function("create_table", move |table: Value| {
        let text = |key: &str| Ok::<_, Error>(table.get_attr(key)?.as_str().unwrap_or_default().to_owned());
        let column = |name: &str| dialect.identifier(name).map_err(refusal);
        let partition = match text("partition")?.as_str() {
            "" => String::new(),
            name => column(name)?,
        };
        let cluster = table.get_attr("cluster")?;
        let cluster: Vec<String> =
            cluster.try_iter()?.map(|name| column(name.as_str().unwrap_or_default())).collect::<Result<_, _>>()?;
        let context = BTreeMap::from([
            ("name", Value::from(dialect.table(&text("name")?).map_err(refusal)?)),
            ("partition", Value::from(partition)),
            ("by", Value::from(text("by")?)),
            ("expiration_days", Value::from(table.get_attr("expiration_days")?.as_i64())),
            ("cluster", Value::from(cluster)),
            ("mark", mark_of(&table)?),
        ]);
        safe(dialect.shape("statements", "create_table", &context).map_err(failure))
    });
    environment.add_function("create_view", move |view: Value| {
        let name = view.get_attr("name")?.as_str().unwrap_or_default().to_owned();
        let context =
            BTreeMap::from([("name", Value::from(dialect.table(&name).map_err(refusal)?)), ("mark", mark_of(&view)?)]);
        safe(dialect.shape("statements", "create_view", &context).map_err(failure))
    });
    environment.add_function("create_schema", move |name: &str| {
        let context = BTreeMap::from([("name", Value::from(dialect.table(name).map_err(refusal)?))]);
        safe(dialect.shape("statements", "create_schema", &context).map_err(failure))
    });
    environment.add_function("order_rows", move |columns: Vec<String>| {
        let columns: Vec<_> =
            columns.iter().map(|column| dialect.identifier(column)).collect::<Result<_, _>>().map_err(refusal)?;
        let context = BTreeMap::from([("columns", Value::from(columns))]);
        safe(dialect.shape("statements", "order_rows", &context).map_err(failure))
    });
    environment.add_function("first_rows", move |count: i64| {
        safe(
            dialect
                .shape("statements", "first_rows", &BTreeMap::from([("count", Value::from(count))]))
                .map_err(failure),
        )
    });
    environment.add_function("constants", move |name: &str, columns: Vec<String>, rows: Vec<Value>| {
        if rows.is_empty() {
            return Err(mistake(format!("the constants `{name}` have no rows, so that nothing tells their types")));
        }
        let columns: Vec<_> =
            columns.iter().map(|column| dialect.identifier(column)).collect::<Result<_, _>>().map_err(refusal)?;
        let mut table = Vec::new();
        for row in rows {
            let cells: Vec<String> =
                row.try_iter()?.map(|cell| Ok(fragment(&cell, dialect)?.sql)).collect::<Result<_, Error>>()?;
            if cells.len() != columns.len() {
                return Err(mistake(format!(
                    "a row of the constants `{name}` has {} cells for {} columns",
                    cells.len(),
                    columns.len()
                )));
            }
            table.push(cells);
        }
        let context = BTreeMap::from([
            ("name", Value::from(dialect.identifier(name).map_err(refusal)?)),
            ("columns", Value::from(columns)),
            ("rows", Value::from(Serde(table))),
            ("indent", Value::from("")),
        ]);
        safe(dialect.shape("statements", "constants", &context).map_err(failure))
    });
}

/// Calls a portable function with what a template gives it.
///
/// SQL in a context has no type, so that more than one signature may fit: then all of them must print the same.
fn call(function: &Function, arguments: &[Value], dialect: &Dialect) -> Result<Value, Error> {
    // A constant: `timestamp("2026-01-31 00:00:00")`.
    if let ("timestamp" | "date", [text]) = (function.name.as_str(), arguments)
        && let (Some(text), false) = (text.as_str(), text.is_safe())
    {
        let ty = named(&function.name)?;
        let literal =
            if ty == Type::Date { Literal::Date(text.to_owned()) } else { Literal::Timestamp(text.to_owned()) };
        return expression(expr::literal(&literal, dialect).map_err(failure)?, Some(ty));
    }
    let mut printed: Option<(Fragment, Option<Type>)> = None;
    for signature in &function.signatures {
        let Some((named, result)) = fit(signature, arguments, dialect)? else { continue };
        let sql = dialect.expression("functions", &function.name, &named).map_err(failure)?;
        printed = match printed {
            None => Some((sql, result)),
            Some((before, ty)) if before == sql => Some((sql, if ty == result { ty } else { None })),
            Some(_) => {
                let name = &function.name;
                return Err(mistake(format!("`{name}` depends on a type that is not known here")));
            }
        };
    }
    let (sql, ty) = printed.ok_or_else(|| {
        let signatures: Vec<_> = function.signatures.iter().map(ToString::to_string).collect();
        mistake(format!("`{}` takes {}", function.name, signatures.join(" or ")))
    })?;
    expression(sql, ty)
}

type Named<'s> = Vec<(&'s str, Argument)>;

/// Returns the arguments under the names of a signature's parameters, and the result's type, where they fit it.
fn fit<'s>(
    signature: &'s Signature,
    arguments: &[Value],
    dialect: &Dialect,
) -> Result<Option<(Named<'s>, Option<Type>)>, Error> {
    let mut named: Named<'s> = Vec::new();
    let mut rest = Vec::new();
    let mut common = None;
    let variadic = signature.parameters.last().is_some_and(|parameter| parameter.variadic);
    if arguments.len() < signature.parameters.len() + usize::from(variadic) {
        return Ok(None);
    }
    for (position, value) in arguments.iter().enumerate() {
        let last = signature.parameters.last().filter(|parameter| parameter.variadic);
        let Some(parameter) = signature.parameters.get(position).or(last) else { return Ok(None) };
        let word = value.as_str().filter(|_| !value.is_safe());
        let ty = ty(value);
        let argument = match &parameter.accepts {
            Accepts::Words(words) => match word {
                Some(word) if words.iter().any(|known| known == word) => Argument::Word(word.to_owned()),
                _ => return Ok(None),
            },
            Accepts::Positive => match value.as_i64() {
                Some(number) if number > 0 => Argument::Number(number),
                _ => return Ok(None),
            },
            Accepts::Pattern => match word {
                Some(word) => Argument::Sql(Fragment::atom(dialect.string(word).map_err(refusal)?), Some(Type::String)),
                None => Argument::Sql(fragment(value, dialect)?, Some(Type::String)),
            },
            Accepts::Type(wanted) => {
                // A duration is written as its microseconds.
                let microseconds = *wanted == Type::Duration && value.is_integer();
                if ty.is_some_and(|ty| !ty.fits(*wanted)) && !microseconds {
                    return Ok(None);
                }
                Argument::Sql(fragment(value, dialect)?, ty.or(Some(*wanted)))
            }
            Accepts::Number => {
                if ty.is_some_and(|ty| !ty.is_number()) {
                    return Ok(None);
                }
                common = common.or(ty);
                Argument::Sql(fragment(value, dialect)?, ty.or(Some(Type::Float)))
            }
            Accepts::Any => {
                common = common.or(ty);
                Argument::Sql(fragment(value, dialect)?, ty)
            }
        };
        if parameter.variadic {
            rest.push(argument);
        } else {
            named.push((&parameter.name, argument));
        }
    }
    if let Some(last) = signature.parameters.last().filter(|parameter| parameter.variadic) {
        named.push((&last.name, Argument::List(rest)));
    }
    let result = match signature.gives {
        Gives::Type(ty) => Some(ty),
        Gives::Common => common,
    };
    Ok(Some((named, result)))
}

//! The warehouses' differences, read from `dialects/*.toml` and checked: what SQL prints as on each of them.
//!
//! An entry of a dialect is SQL with holes. `minijinja` decides its shape, from the types of the arguments and from
//! words such as a unit; [`holes`] fills it. See `dialects/README.md`.

mod argument;
mod billed;
mod columns;
mod dbt;
mod options;
mod quoting;
mod templates;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use include_dir::{Dir, include_dir};
use indexmap::IndexMap;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Deserialize;
use sqlparser::dialect::{Dialect as Grammar, dialect_from_str};

pub use self::argument::Argument;
pub use self::dbt::Dbt;
pub use self::options::{Choice, Options};
use crate::plan::billed::Rates;
use crate::render::dialect::billed::Billed;
use crate::render::dialect::columns::Columns;
use crate::render::dialect::quoting::Quoting;
use crate::render::holes::{self, Fragment};
use crate::semantic::expr::Type;

/// The directory `dialects`, as it was when the program was built.
static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/dialects");

/// The file that every dialect is merged over.
const PORTABLE: &str = "portable";

/// What a dialect must say, besides the functions: the sections and the entries in them.
const REQUIRED: &[(&str, &[&str])] = &[
    ("arithmetic", &["add", "subtract", "multiply", "negate", "whole", "wide"]),
    ("literals", &["float", "date", "timestamp", "pattern"]),
    ("aggregates", &["count", "count_distinct", "sum", "average", "min", "max"]),
    ("source", &["path", "document", "text", "string", "from_text", "normalize", "instant", "moment", "file"]),
    (
        "statements",
        &[
            "create_schema",
            "drop_schema",
            "drop_relation",
            "create_table",
            "create_view",
            "mark",
            "first_rows",
            "constants",
            "order_rows",
            "group_rows",
            "order_window",
            "running_frame",
        ],
    ),
];

/// The types that a dialect names.
const TYPES: &[Type] =
    &[Type::Bool, Type::Int, Type::Float, Type::Decimal, Type::String, Type::Date, Type::Timestamp, Type::Duration];

/// What a dialect must name the types of that a raw column may have: the key or id of something, the name of an event, a
/// document, instants, clocks without a zone, and what is compared with a value of the language as it is.
const STORED: &[&str] =
    &["key", "name", "document", "instant", "clock", "bool", "int", "float", "decimal", "string", "date", "timestamp"];

/// What `types` calls a column of JSON, which expressions have no type for.
const DOCUMENT: &str = "document";

/// One warehouse's SQL.
#[derive(Debug)]
pub struct Dialect {
    name: String,
    parser: String,
    support: Support,
    qualified_by: Vec<Qualifier>,
    shadowed: bool,
    columns: Columns,
    identifiers: Quoting,
    /// What a target may choose, and what this one has chosen.
    choices: Vec<Choice>,
    options: Options,
    /// Whether parts of a table are deleted by the warehouse's own clock.
    expires: bool,
    /// How it bills, where it does by bytes that are read.
    billed: Option<Rates>,
    /// What dbt's adapter of it is told.
    dbt: Dbt,
    strings: Arc<Quoting>,
    types: Arc<BTreeMap<String, String>>,
    stored: BTreeMap<String, Vec<String>>,
    /// By `section.name`: why a warehouse does not have it, where it does not.
    entries: BTreeMap<String, Option<String>>,
    /// The entries' shapes, by the same names.
    shapes: Environment<'static>,
    gaps: Vec<Gap>,
    /// The templates that it has of its own, by the names of those that they stand for.
    templates: BTreeMap<String, String>,
    /// All templates, as they print here: see [`engine`](crate::render::engine).
    pub(in crate::render) opened: OnceLock<Environment<'static>>,
}

/// How far a dialect is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Support {
    /// Its SQL is executed by the tests.
    Executed,
    /// Its SQL is executed by the tests on what stands in for the warehouse.
    StoodIn,
    /// Its SQL is parsed by the tests.
    Parsed,
}

/// A key of a target whose value stands before the names of its relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Qualifier {
    /// The cloud project.
    Project,
    /// The database, where it is not a file.
    Database,
    /// The schema.
    Schema,
}

/// Why an entry did not become SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The warehouse does not have it, in the words of the dialect's file.
    Unsupported(String),
    /// The warehouse cannot write a name or a string of the project.
    Name(String),
    /// A dialect's file, or the one who called, is wrong.
    Mistake(String),
}

/// A construct that a warehouse takes and the parser of its grammar does not know.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The text that the parser refuses.
    pub text: String,
    /// What is parsed in its place.
    pub parsed_as: String,
    /// Where the warehouse documents it.
    pub url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    parser: String,
    support: Support,
    names: Names,
    #[serde(default)]
    columns: Columns,
    identifiers: Quoting,
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    expires: bool,
    billed: Option<Billed>,
    dbt: Dbt,
    strings: Quoting,
    types: BTreeMap<String, String>,
    #[serde(default)]
    functions: IndexMap<String, Entry>,
    arithmetic: IndexMap<String, Entry>,
    literals: IndexMap<String, Entry>,
    aggregates: IndexMap<String, Entry>,
    source: IndexMap<String, Entry>,
    stored: BTreeMap<String, Vec<String>>,
    statements: IndexMap<String, Entry>,
    #[serde(default)]
    gaps: Vec<Gap>,
}

/// How relations are named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    /// What stands before a relation's own name, the outermost first.
    qualified_by: Vec<Qualifier>,
    /// Whether the first part of a name is taken for what is called so within the statement, if something is.
    #[serde(default)]
    shadowed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sql: Option<String>,
    unsupported: Option<String>,
}

/// What a dialect needs of the portable file; the rest of it is the language's.
#[derive(Deserialize)]
struct Portable {
    functions: IndexMap<String, PortableFunction>,
    #[serde(default)]
    statements: IndexMap<String, Entry>,
}

#[derive(Deserialize)]
struct PortableFunction {
    sql: String,
}

static DIALECTS: LazyLock<Vec<Dialect>> =
    LazyLock::new(|| embedded().expect("the dialects that are built in load: the tests load them too"));

/// Reads the dialects that are built in, in the order of their names.
pub fn embedded() -> Result<Vec<Dialect>, String> {
    read_all(Options::default())
}

fn read_all(options: Options) -> Result<Vec<Dialect>, String> {
    let text = |stem: &str| FILES.get_file(format!("{stem}.toml")).and_then(include_dir::File::contents_utf8);
    let portable = text(PORTABLE).ok_or("there is no `portable.toml`")?;
    let mut names: Vec<&str> = FILES
        .files()
        .filter_map(|file| file.path().to_str()?.strip_suffix(".toml"))
        .filter(|name| *name != PORTABLE)
        .collect();
    names.sort_unstable();
    names.into_iter().map(|name| Dialect::read_as(name, text(name).unwrap_or_default(), portable, options)).collect()
}

impl Dialect {
    /// Returns the dialect of that name.
    pub fn named(name: &str) -> Option<&'static Dialect> {
        DIALECTS.iter().find(|dialect| dialect.name == name)
    }

    /// Returns the names of all dialects.
    pub fn names() -> Vec<&'static str> {
        DIALECTS.iter().map(|dialect| dialect.name.as_str()).collect()
    }

    /// Tells whether parts of a table are deleted by the warehouse's own clock.
    pub fn expires(&self) -> bool {
        self.expires
    }

    /// Reads a dialect's file, over the portable one.
    pub fn read(name: &str, text: &str, portable: &str) -> Result<Self, String> {
        Self::read_as(name, text, portable, Options::default())
    }

    fn read_as(name: &str, text: &str, portable: &str, options: Options) -> Result<Self, String> {
        let wrong = |reason: String| format!("dialects/{name}.toml: {}", reason.trim_end());
        let portable: Portable = toml::from_str(portable)
            .map_err(|error| format!("dialects/{PORTABLE}.toml: {}", error.to_string().trim_end()))?;
        let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if dialect_from_str(&file.parser).is_none() {
            return Err(wrong(format!("`{}` is no grammar that the parser knows", file.parser)));
        }
        for (what, quoting) in [("identifiers", &file.identifiers), ("strings", &file.strings)] {
            if !quoting.escapes.contains_key(&quoting.quote) && !quoting.refused.contains(quoting.quote) {
                return Err(wrong(format!("`{what}` neither escapes nor refuses its own quote")));
            }
        }
        let types: Vec<&str> = TYPES.iter().map(|ty| ty.name()).chain([DOCUMENT]).collect();
        if let Some(name) = types.iter().find(|name| !file.types.contains_key(**name)) {
            return Err(wrong(format!("`types` does not name `{name}`")));
        }
        if let Some(name) = file.types.keys().find(|name| !types.contains(&name.as_str())) {
            return Err(wrong(format!("`{name}` is no type")));
        }
        if let Some(what) = STORED.iter().find(|what| !file.stored.contains_key(**what)) {
            return Err(wrong(format!("`stored` does not say which types hold `{what}`")));
        }
        if let Some(name) = file.functions.keys().find(|name| !portable.functions.contains_key(*name)) {
            return Err(wrong(format!("`functions.{name}` overrides nothing: there is no such portable function")));
        }
        let billed = file.billed.map(|own| own.rates()).transpose().map_err(wrong)?;
        let mut dialect = Self {
            name: name.to_owned(),
            parser: file.parser,
            support: file.support,
            qualified_by: file.names.qualified_by,
            shadowed: file.names.shadowed,
            columns: file.columns,
            identifiers: file.identifiers,
            choices: file.choices,
            options,
            expires: file.expires,
            billed,
            dbt: file.dbt,
            strings: Arc::new(file.strings),
            types: Arc::new(file.types),
            stored: file.stored,
            entries: BTreeMap::new(),
            shapes: Environment::new(),
            gaps: file.gaps,
            templates: templates::own(name),
            opened: OnceLock::new(),
        };
        dialect.open_shapes();
        for (function, portable) in portable.functions {
            let entry = file.functions.get(&function);
            let sql = entry.and_then(|entry| entry.sql.clone()).unwrap_or(portable.sql);
            let unsupported = entry.and_then(|entry| entry.unsupported.clone());
            dialect.add("functions", &function, Some(sql), unsupported).map_err(wrong)?;
        }
        // Of functions the dialect's own come first, and so of what else is portable.
        let mut statements = portable.statements;
        statements.extend(file.statements);
        let sections = [
            ("arithmetic", file.arithmetic),
            ("literals", file.literals),
            ("aggregates", file.aggregates),
            ("source", file.source),
            ("statements", statements),
        ];
        for (section, entries) in sections {
            let required = REQUIRED.iter().find(|(name, _)| *name == section).map_or(&[][..], |(_, names)| names);
            if let Some(missing) = required.iter().find(|name| !entries.contains_key(**name)) {
                return Err(wrong(format!("`{section}.{missing}` is missing")));
            }
            for (name, entry) in entries {
                if !required.contains(&name.as_str()) {
                    return Err(wrong(format!("nothing uses `{section}.{name}`")));
                }
                dialect.add(section, &name, entry.sql, entry.unsupported).map_err(wrong)?;
            }
        }
        Ok(dialect)
    }

    /// Returns its name: the stem of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells how far it is tested.
    pub fn support(&self) -> Support {
        self.support
    }

    /// Returns how it bills, where it does by bytes that are read.
    pub fn billed(&self) -> Option<&Rates> {
        self.billed.as_ref()
    }

    /// Returns what dbt's adapter of it is told.
    pub fn dbt(&self) -> &Dbt {
        &self.dbt
    }

    /// Returns the keys of a target whose values stand before the names of its relations, the outermost first.
    pub fn qualified_by(&self) -> &[Qualifier] {
        &self.qualified_by
    }

    /// Tells whether the first part of a name is taken for what is called so within the statement, if something is.
    pub fn shadows(&self) -> bool {
        self.shadowed
    }

    /// Returns what the parser must be told.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Makes the parser's dialect.
    pub fn grammar(&self) -> Box<dyn Grammar> {
        dialect_from_str(&self.parser).expect("`read` found the grammar")
    }

    /// Returns the warehouse's name of a type.
    pub fn type_name(&self, ty: Type) -> &str {
        // The literal null has every type; text is the one that all of them cast from.
        let ty = if ty == Type::Null { Type::String } else { ty };
        &self.types[ty.name()]
    }

    /// Returns the warehouse's name of the type of a JSON column.
    pub fn document_type(&self) -> &str {
        &self.types[DOCUMENT]
    }

    /// Returns the types of raw columns that hold something, as `[stored]` has it; columns, for those that no table lists.
    pub fn stored(&self, what: &str) -> &[String] {
        self.stored.get(what).map_or(&[], Vec::as_slice)
    }

    /// Quotes a string.
    pub fn string(&self, value: &str) -> Result<String, String> {
        self.strings.quote("string", value)
    }

    /// Returns why the warehouse does not have an entry, where it does not.
    pub fn unsupported(&self, section: &str, name: &str) -> Option<&str> {
        self.entries.get(&format!("{section}.{name}"))?.as_deref()
    }

    /// Prints an entry that is an expression.
    pub fn expression(&self, section: &str, name: &str, arguments: &[(&str, Argument)]) -> Result<Fragment, Failure> {
        let mut fragments = Vec::new();
        let context: BTreeMap<&str, Value> =
            arguments.iter().map(|(name, argument)| (*name, argument.open(&mut fragments))).collect();
        let text = self.shape(section, name, &context)?;
        holes::fill(&text, &*self.grammar(), &fragments)
            .map_err(|reason| Failure::Mistake(format!("dialects/{}.toml: {section}.{name}: {reason}", self.name)))
    }

    /// Prints an entry that is no expression, such as the head of a statement; its context is SQL already.
    pub fn shape(&self, section: &str, name: &str, context: &BTreeMap<&str, Value>) -> Result<String, Failure> {
        let key = format!("{section}.{name}");
        match self.entries.get(&key) {
            None => return Err(Failure::Mistake(format!("there is no `{key}`"))),
            Some(Some(reason)) => return Err(Failure::Unsupported(reason.clone())),
            Some(None) => {}
        }
        self.shapes
            .get_template(&key)
            .and_then(|template| template.render(context))
            .map(|text| text.trim().to_owned())
            .map_err(|error| match error.source().and_then(|source| source.downcast_ref()) {
                Some(CannotName(reason)) => Failure::Name(reason.clone()),
                None => Failure::Mistake(format!("dialects/{}.toml: {key}: {error}", self.name)),
            })
    }

    fn open_shapes(&mut self) {
        self.shapes.set_undefined_behavior(UndefinedBehavior::Strict);
        self.shapes.add_global("time_travel", self.options.time_travel);
        let types = self.types.clone();
        self.shapes.add_function("type", move |name: &str| {
            types.get(name).cloned().ok_or_else(|| mistake(format!("`{name}` is no type")))
        });
        // What the warehouse cannot name though it has the function.
        self.shapes.add_function("refuse", |reason: String| {
            Err::<Value, _>(mistake("a name is refused".to_owned()).with_source(CannotName(reason)))
        });
        let strings = self.strings.clone();
        self.shapes.add_filter("literal", move |text: &str| strings.quote("string", text).map_err(mistake));
    }

    fn add(
        &mut self,
        section: &str,
        name: &str,
        sql: Option<String>,
        unsupported: Option<String>,
    ) -> Result<(), String> {
        let key = format!("{section}.{name}");
        match (sql, &unsupported) {
            (_, Some(_)) => {}
            (None, None) => return Err(format!("`{key}` says neither `sql` nor `unsupported`")),
            (Some(sql), None) => self.shapes.add_template_owned(key.clone(), sql).map_err(|error| {
                format!("`{key}`: {}", error.detail().map_or_else(|| error.to_string(), str::to_owned))
            })?,
        }
        self.entries.insert(key, unsupported);
        Ok(())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unsupported(reason) | Failure::Name(reason) | Failure::Mistake(reason) => f.write_str(reason),
        }
    }
}

/// What a shape says of a name that its warehouse cannot write.
#[derive(Debug)]
struct CannotName(String);

impl fmt::Display for CannotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CannotName {}

fn mistake(reason: String) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, reason)
}

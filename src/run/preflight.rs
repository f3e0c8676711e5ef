//! Looks, before anything is written, whether all that a run reads is there: tables, files and columns.

use std::collections::BTreeMap;

use crate::warehouse::files::{Files, Format, Found, Names};
use crate::warehouse::{Column, ErrorKind, Family, Warehouse};

/// What a definition reads.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// The definition, as people call it: `source.events`.
    pub definition: String,
    /// SQL text that may follow `FROM`: a table, or a function that reads files.
    pub relation: String,
    /// The files, where the relation reads such.
    pub files: Option<Files>,
    /// The columns that are read of it.
    pub columns: Vec<RequiredColumn>,
}

/// A column that a definition reads.
#[derive(Clone, Debug)]
pub struct RequiredColumn {
    /// Its name.
    pub name: String,
    /// The portable type that the project gives it, where it gives one: `timestamp`.
    pub ty: Option<String>,
    /// What to write where it is of a type that is no such, by the types that the warehouse gives it.
    pub instead: Vec<(Vec<String>, String)>,
    /// What its type must be one of, where not every type will do.
    pub stored: Option<Stored>,
}

/// The types that a column may have for what is made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// What it is taken for, with an article: `a key`.
    pub what: String,
    /// The types, as the warehouse spells them, without what stands in parentheses; `NUMBER(…,0)` is one without digits
    /// behind the point.
    pub types: Vec<String>,
    /// What to write instead, by types that are something else.
    pub instead: Vec<(Vec<String>, String)>,
    /// What to do about any other type.
    pub help: String,
}

impl Stored {
    /// Tells whether one of `types` is that of a column.
    pub fn is_of(types: &[String], found: &str) -> bool {
        let found = found.to_uppercase();
        let whole = found.as_str();
        // What holds several of them is another type.
        let (plain, digits) = match whole.split_once('(') {
            Some((plain, rest)) => (plain, rest.strip_suffix(')')),
            None => (whole, None),
        };
        let is_list = found.ends_with(']');
        let is_whole = digits.is_some_and(|digits| digits.split_once(',').is_none_or(|(_, scale)| scale.trim() == "0"));
        types.iter().any(|ty| {
            let ty = ty.to_uppercase();
            ty == whole
                || (!is_list && ty == plain)
                || (is_whole && ty.strip_suffix("(…,0)").is_some_and(|ty| ty == plain))
        })
    }
}

/// Something that is missing, or is not what the project takes it for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The definition.
    pub definition: String,
    /// What it reads.
    pub relation: String,
    /// What is wrong.
    pub what: What,
    /// Names that are there and look like the one that is not, the nearest first.
    pub nearest: Vec<String>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The table or file is not there.
    NoRelation,
    /// The table or file is there or not, but cannot be looked at.
    Unreadable {
        /// The warehouse's words.
        message: String,
    },
    /// The table is there under a name whose letters are of other cases.
    Spelled {
        /// Its name there.
        found: String,
    },
    /// A file cannot be read, or is not what its path seems to mean.
    BadFile {
        /// Which file, and why.
        message: String,
    },
    /// The column is not there.
    NoColumn {
        /// Its name.
        name: String,
    },
    /// No column is there of which it is certain that it is the one.
    NotTheColumn {
        /// Its name.
        name: String,
        /// What is there, as the end of the sentence.
        instead: String,
    },
    /// The column is there, and no value of its type is of the type that the project gives it.
    WrongType {
        /// Its name.
        name: String,
        /// The type that the project gives it.
        expected: String,
        /// The type that the warehouse gives it.
        found: String,
        /// What to do about it, where that can be told.
        help: Option<String>,
    },
}

impl std::fmt::Display for Problem {
    /// Writes one line that makes sense alone.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { definition, relation, what, nearest } = self;
        match what {
            What::NoRelation => write!(formatter, "`{definition}` reads {relation}, which is not there")?,
            What::Unreadable { message } => {
                write!(formatter, "`{definition}` reads {relation}, which cannot be read: {message}")?;
            }
            What::Spelled { found } => {
                write!(formatter, "`{definition}` reads {relation}, which is called `{found}` there; write it so")?;
            }
            What::BadFile { message } => write!(formatter, "`{definition}` cannot be read: {message}")?,
            What::NoColumn { name } => {
                write!(
                    formatter,
                    "`{definition}` reads the column `{name}` of {relation}, which has none of that name"
                )?;
            }
            What::NotTheColumn { name, instead } => {
                write!(formatter, "`{definition}` reads the column `{name}` of {relation}, {instead}")?;
            }
            What::WrongType { name, expected, found, help } => {
                write!(
                    formatter,
                    "`{definition}` takes the column `{name}` of {relation} for {expected}; it is {found}"
                )?;
                if let Some(help) = help {
                    write!(formatter, ": {help}")?;
                }
            }
        }
        if !nearest.is_empty() {
            let names: Vec<_> = nearest.iter().map(|name| format!("`{name}`")).collect();
            write!(formatter, "; similar names: {}", names.join(", "))?;
        }
        Ok(())
    }
}

/// Returns everything that is missing, in the order of the requirements; nothing is written.
///
/// Names are exact in case, whether the warehouse tells such apart or not.
pub fn preflight(warehouse: &dyn Warehouse, requirements: &[Requirement]) -> Vec<Problem> {
    // Several definitions may read one relation, which is looked at once.
    let mut looked_at: BTreeMap<&str, Result<Found, crate::warehouse::Error>> = BTreeMap::new();
    let mut relations: Option<Vec<String>> = None;
    let mut problems = Vec::new();
    for requirement in requirements {
        let relation = requirement.relation.as_str();
        let found = looked_at.entry(relation).or_insert_with(|| match &requirement.files {
            Some(files) => warehouse.look_at(relation, files),
            None => warehouse.columns(relation).map(|columns| Found { columns, ..Found::default() }),
        });
        let problem = |what, nearest| Problem {
            definition: requirement.definition.clone(),
            relation: requirement.files.as_ref().map_or(relation.to_owned(), |files| format!("`{}`", files.path)),
            what,
            nearest,
        };
        match found {
            Ok(found) => {
                let files = requirement.files.as_ref();
                if let Some(message) = files.and_then(|files| other_delimiter(files, found)) {
                    problems.push(problem(What::BadFile { message }, Vec::new()));
                    continue;
                }
                let wrongs = requirement.columns.iter().filter_map(|column| {
                    let name = files.and_then(|files| wrong_name(&column.name, files, found));
                    let wrong = match files {
                        Some(_) if name.is_some() || found.is_empty => name,
                        Some(_) | None => wrong(column, &found.columns),
                    };
                    wrong.map(|(what, nearest)| problem(what, nearest))
                });
                problems.extend(wrongs);
            }
            Err(error) if error.kind == ErrorKind::Missing => {
                let names = relations.get_or_insert_with(|| warehouse.relations().unwrap_or_default());
                // Where files are read, no table's name is meant.
                let nearest =
                    if requirement.files.is_some() { Vec::new() } else { nearest(&plain(relation), names.iter()) };
                problems.push(match spelled(&plain(relation), &nearest) {
                    Some(found) => problem(What::Spelled { found }, Vec::new()),
                    None => problem(What::NoRelation, nearest),
                });
            }
            Err(error) => {
                let message = error.message.clone();
                let what =
                    if requirement.files.is_some() { What::BadFile { message } } else { What::Unreadable { message } };
                problems.push(problem(what, Vec::new()));
            }
        }
    }
    problems
}

/// Returns the one of `names` that differs from `wanted` in case only; `wanted` may have a database before it.
fn spelled(wanted: &str, names: &[String]) -> Option<String> {
    let tail = |name: &str| {
        let (wanted, name) = (wanted.to_lowercase(), name.to_lowercase());
        wanted == name || wanted.ends_with(&format!(".{name}"))
    };
    let mut found = names.iter().filter(|name| tail(name) && !wanted.ends_with(name.as_str()));
    found.next().filter(|_| found.next().is_none()).cloned()
}

/// Returns what is wrong with a column.
fn wrong(required: &RequiredColumn, columns: &[Column]) -> Option<(What, Vec<String>)> {
    let name = required.name.clone();
    let Some(found) = columns.iter().find(|column| column.name == name) else {
        return Some(absent(name, columns.iter().map(|column| &column.name)));
    };
    mistyped(required, found).map(|what| (what, Vec::new()))
}

/// Returns what is wrong with the type of a column that is there.
pub fn mistyped(required: &RequiredColumn, found: &Column) -> Option<What> {
    let name = required.name.clone();
    if let Some(stored) = required.stored.as_ref().filter(|stored| !Stored::is_of(&stored.types, &found.ty)) {
        let instead = stored.instead.iter().find(|(types, _)| Stored::is_of(types, &found.ty));
        let help = instead.map_or(&stored.help, |(_, instead)| instead);
        let help = (!help.is_empty()).then(|| help.clone());
        return Some(What::WrongType { name, expected: stored.what.clone(), found: found.ty.clone(), help });
    }
    match &required.ty {
        Some(ty) if !may_be(ty, found.family) => {
            let instead = required.instead.iter().find(|(types, _)| Stored::is_of(types, &found.ty));
            let is_text = ty == "string";
            let help = instead.map(|(_, instead)| instead.clone());
            let help = help.or_else(|| is_text.then(|| "a float has no text of its own".to_owned()));
            Some(What::WrongType { name, expected: ty.clone(), found: found.ty.clone(), help })
        }
        Some(_) | None => None,
    }
}

/// Says that no column has a name, and which have one that is like it.
fn absent<'name>(name: String, names: impl Iterator<Item = &'name String> + Clone) -> (What, Vec<String>) {
    if let Some(other) = names.clone().find(|other| other.eq_ignore_ascii_case(&name)) {
        let instead = format!("which has `{other}`: names are exact in case");
        return (What::NotTheColumn { name, instead }, Vec::new());
    }
    let nearest = nearest(&name, names);
    (What::NoColumn { name }, nearest)
}

/// Returns what is wrong with a name in files; the relation does not show it, where the warehouse gives columns of one
/// name others.
fn wrong_name(name: &str, files: &Files, found: &Found) -> Option<(What, Vec<String>)> {
    if found.is_empty || files.folders.iter().any(|folder| folder == name) {
        return None;
    }
    let not = |instead: String| Some((What::NotTheColumn { name: name.to_owned(), instead }, Vec::new()));
    let all = || found.names.iter().flat_map(|file| &file.names);
    if !all().any(|other| other == name) {
        let blank = |file: &&Names| file.names.iter().any(|other| other.trim() == name);
        if let Some(file) = found.names.iter().find(blank) {
            return not(format!("which is written with a blank beside it in the header of `{}`", file.file));
        }
        return Some(absent(name.to_owned(), all()));
    }
    match files.format {
        Format::Csv(_) if name.trim() != name => {
            return not("whose blanks the warehouse takes off: name it without them in the file".to_owned());
        }
        Format::Csv(_) | Format::Parquet => {}
        // Keys that differ in case are told apart.
        Format::Json => return None,
    }
    let others = all().find(|other| *other != name && other.eq_ignore_ascii_case(name));
    if let Some(other) = others {
        return not(format!("which has `{other}` too: names that differ in case only cannot be told apart"));
    }
    let twice = found.names.iter().find(|file| file.names.iter().filter(|other| *other == name).count() > 1);
    twice.and_then(|file| not(format!("which stands twice in the header of `{}`", file.file)))
}

/// Says which delimiter a file has, where its header is one name with another delimiter in it, and is read as several.
fn other_delimiter(files: &Files, found: &Found) -> Option<String> {
    let Format::Csv(csv) = &files.format else { return None };
    let [Names { file, names }, ..] = found.names.as_slice() else { return None };
    let [name] = names.as_slice() else { return None };
    if files.columns.contains(name) {
        return None;
    }
    let other = [';', '\t', '|', ','].into_iter().find(|other| *other != csv.delimiter && name.contains(*other))?;
    let written = if other == '\t' { "\\t".to_owned() } else { other.to_string() };
    let remedy = format!("write `csv = {{ delimiter = \"{written}\" }}`");
    Some(format!("`{file}`: its header is one name with `{written}` in it; {remedy}"))
}

/// Tells whether a column of a family may hold values of a portable type.
///
/// Text may hold anything, for files spell their types only now and then; so only what cannot be is refused.
fn may_be(ty: &str, family: Family) -> bool {
    let number = matches!(family, Family::Int | Family::Float | Family::Decimal);
    let text = matches!(family, Family::Text | Family::Json | Family::Other);
    match ty {
        "bool" => text || matches!(family, Family::Bool | Family::Int),
        "int" | "float" | "decimal" => text || number,
        "date" | "timestamp" => text || matches!(family, Family::Date | Family::Timestamp),
        // The text of a float is another one on each warehouse.
        "string" => family != Family::Float,
        "json" => text,
        // Everything has a text, and a type that is new here is let through.
        _ => true,
    }
}

/// Returns a qualified name without its quotes.
fn plain(relation: &str) -> String {
    relation.replace(['"', '`'], "")
}

/// Returns up to three names that look like `name`, the nearest first.
pub(crate) fn nearest<'name>(name: &str, names: impl Iterator<Item = &'name String>) -> Vec<String> {
    let wanted = name.to_lowercase();
    let length = wanted.chars().count();
    let most = |name: &str| (name.chars().count().max(length) / 3).max(1);
    let mut scored: Vec<_> = names
        // No name is nearer than the two are of one length, and data may hold very long ones.
        .filter(|name| name.chars().count().abs_diff(length) <= most(name))
        .map(|name| (strsim::damerau_levenshtein(&wanted, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= most(name))
        .collect();
    scored.sort();
    scored.into_iter().take(3).map(|(_, name)| name.clone()).collect()
}

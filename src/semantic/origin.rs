//! `table`, `path`, `csv`, `folders` -> [`Origin`]: where the rows of a source or an entity come from.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::document::{OneOrMany, Spanned};
use crate::project::tables::source::{self, CsvTable};
use crate::project::{Definition, Project};
use crate::semantic::dbt;
use crate::semantic::files::{Csv, Encoding, Files, Format};
use crate::semantic::model::Origin;
use crate::source::Text;

/// The keys of a definition that say where its rows come from.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'t> {
    /// `table`.
    pub table: Option<&'t Spanned<String>>,
    /// `path`.
    pub path: Option<&'t Spanned<String>>,
    /// `csv`.
    pub csv: Option<&'t Spanned<CsvTable>>,
    /// `folders`.
    pub folders: Option<&'t Spanned<Vec<Spanned<String>>>>,
}

/// Reads where rows come from; none where neither a table nor a file is named.
pub fn origin<T>(
    project: &Project,
    definition: &Definition<T>,
    keys: Keys<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Origin> {
    let csv = keys.csv.map(|written| csv(definition, written.get(), diagnostics));
    let folders = folders(definition, keys.folders, diagnostics);
    let misplaced = |key: &str, whose: &str, written, help: &str| {
        Diagnostic::error("misplaced-key", format!("`{key}` belongs to {whose}")).at(written, "").help(help.to_owned())
    };
    let format = keys.path.and_then(|path| file(&project.text(definition, path), project, diagnostics));
    let is_csv = format.as_ref().is_none_or(|(_, format)| *format == Format::Csv);
    if let Some(written) = keys.csv.filter(|_| keys.path.is_none() || !is_csv) {
        let place = definition.place(written);
        diagnostics.push(misplaced("csv", "a CSV file", place, "it says how the file is written that `path` names"));
    }
    if let Some(written) = keys.folders.filter(|_| keys.path.is_none()) {
        let place = definition.place(written);
        diagnostics.push(misplaced("folders", "files", place, "it says which folders of `path` are columns"));
    }
    let span = definition.place(keys.path.or(keys.table)?);
    let table = keys.table.and_then(|table| table_name(&project.text(definition, table), project, diagnostics));
    let files = format.map(|(path, format)| Files { path, format, csv: csv.unwrap_or_default(), folders });
    Some(Origin { table, files, span })
}

fn table_name(text: &Text, project: &Project, diagnostics: &mut Diagnostics) -> Option<String> {
    let name = project.expand(text, diagnostics)?;
    if let Some(name) = name.strip_prefix(dbt::PREFIX) {
        return dbt::table(project, name, text, diagnostics);
    }
    if name.split('.').any(str::is_empty) {
        diagnostics.push(
            Diagnostic::error("bad-table-name", format!("`{name}` does not name a table"))
                .at(text.span, "")
                .help("write the parts of its name with dots between them: `schema.table`"),
        );
        return None;
    }
    Some(name)
}

fn file(text: &Text, project: &Project, diagnostics: &mut Diagnostics) -> Option<(String, Format)> {
    let path = project.expand(text, diagnostics)?;
    let lower = path.to_ascii_lowercase();
    let stem = lower.strip_suffix(".gz").unwrap_or(&lower);
    let formats = [
        (".csv", Format::Csv),
        (".json", Format::Json),
        (".jsonl", Format::Json),
        (".ndjson", Format::Json),
        (".parquet", Format::Parquet),
    ];
    let format = formats.iter().find(|(ending, _)| stem.ends_with(ending)).map(|(_, format)| *format);
    if format.is_none() {
        diagnostics.push(
            Diagnostic::error("unknown-file-format", format!("`{path}` is not a file that can be read"))
                .at(text.span, "")
                .help("files end in .parquet, .csv, .json, .jsonl or .ndjson; a glob ends in one of them too"),
        );
    }
    Some((path, format?))
}

fn folders<T>(
    definition: &Definition<T>,
    written: Option<&Spanned<Vec<Spanned<String>>>>,
    diagnostics: &mut Diagnostics,
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in written.into_iter().flat_map(Spanned::get) {
        if name.get().is_empty() || name.get().contains(['/', '=']) {
            diagnostics.push(
                Diagnostic::error("bad-folder", format!("`{}` is no column of a folder", name.get()))
                    .at(definition.place(name), "")
                    .help("write what stands before the `=`: `folders = [\"day\"]` for `day=2026-01-31/`"),
            );
        } else if !names.contains(name.get()) {
            names.push(name.get().clone());
        }
    }
    names
}

fn csv<T>(definition: &Definition<T>, table: &CsvTable, diagnostics: &mut Diagnostics) -> Csv {
    let standard = Csv::default();
    let mut character = |key: &str, written: &Spanned<String>, may_be_none: bool| {
        let mut characters = written.get().chars();
        let found = (characters.next(), characters.next());
        let fault = match found {
            (None, _) if may_be_none => return Some(None),
            (Some('\n' | '\r'), None) => "ends of lines end rows",
            (Some(one), None) if one.is_ascii() && one != '\0' => return Some(Some(one)),
            _ => "one character of ASCII is expected",
        };
        diagnostics.push(
            Diagnostic::error("bad-csv-character", format!("`{key}` cannot be {:?}", written.get()))
                .at(definition.place(written), fault)
                .help("write one character, such as `\";\"`, `\"\\t\"`, `\"'\"` or `\"\\\\\"`"),
        );
        None
    };
    let mut optional = |key: &str, written: Option<&Spanned<String>>| {
        written.and_then(|written| character(key, written, key != "delimiter"))
    };
    let delimiter = optional("delimiter", table.delimiter.as_ref()).flatten().unwrap_or(standard.delimiter);
    let quote = optional("quote", table.quote.as_ref()).unwrap_or(standard.quote);
    // Where nothing is quoted, nothing is escaped.
    let escape = optional("escape", table.escape.as_ref()).flatten().or(quote).filter(|_| quote.is_some());
    let comment = optional("comment", table.comment.as_ref()).flatten();
    let roles = [
        ("delimiter", Some(delimiter), table.delimiter.as_ref()),
        ("quote", quote, table.quote.as_ref()),
        ("escape", escape.filter(|_| table.escape.is_some() && escape != quote), table.escape.as_ref()),
        ("comment", comment, table.comment.as_ref()),
    ];
    for (index, (key, own, written)) in roles.iter().enumerate() {
        let first = roles[..index].iter().find(|(_, other, _)| own.is_some() && other == own);
        let place = first.and_then(|(_, _, other)| written.or(*other));
        if let (Some((other, _, _)), Some(place), Some(own)) = (first, place, own) {
            diagnostics.push(
                Diagnostic::error("bad-csv-character", format!("`{own}` cannot be `{other}` and `{key}` both"))
                    .at(definition.place(place), "")
                    .help("each of them needs a character of its own"),
            );
        }
    }
    let written: Vec<Spanned<String>> = match &table.null {
        None => Vec::new(),
        Some(null) => match null.get() {
            OneOrMany::One(text) => vec![null.with(text.clone())],
            OneOrMany::Many(texts) => texts.clone(),
        },
    };
    for text in &written {
        let special = text.get().chars().find(|character| roles.iter().any(|(_, own, _)| *own == Some(*character)));
        if let Some(special) = special.or_else(|| text.get().chars().find(|character| matches!(character, '\n' | '\r')))
        {
            diagnostics.push(
                Diagnostic::error("bad-csv-character", format!("`null` cannot be {:?}", text.get()))
                    .at(definition.place(text), format!("`{}` has another meaning in the file", special.escape_debug()))
                    .help("it may hold neither the delimiter nor a quote, an escape or a comment"),
            );
        }
    }
    let encoding = match table.encoding.as_ref().map(Spanned::get) {
        None | Some(source::Encoding::Utf8) => Encoding::Utf8,
        Some(source::Encoding::Utf16) => Encoding::Utf16,
        Some(source::Encoding::Latin1) => Encoding::Latin1,
    };
    let skip = table.skip.as_ref().map_or(0, |skip| *skip.get());
    // The empty field is none of them: it always stands for no value.
    let null = written.iter().map(|text| text.get().clone()).filter(|text| !text.is_empty()).collect();
    Csv { delimiter, quote, escape, comment, skip, null, encoding }
}

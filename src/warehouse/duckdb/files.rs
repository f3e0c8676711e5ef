//! Files that are read: which they are, what names they hold, and what is wrong with them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use duckdb::Connection;

use crate::warehouse::files::{Csv, Files, Format, Found, Names};
use crate::warehouse::{Error, ErrorKind, Value};

use super::packed::{Fault, look_through, open};
use super::root::{Root, escaped};
use super::session::describe;
use super::{csv, folders, json, text};

/// How many objects are looked at first, in the hope that all keys are among theirs.
const FIRST_OBJECTS: usize = 20_000;

/// Looks at the files that `relation` reads.
pub(super) fn look_at(connection: &Connection, root: &Root, relation: &str, files: &Files) -> Result<Found, Error> {
    // Of names that differ in case only one would be read for the other.
    if let Some((one, other)) = twins(files.columns.iter().chain(&files.folders).map(String::as_str)) {
        let message = format!("`{one}` and `{other}` differ in case only, and cannot both be read of one file");
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    let paths = paths(connection, root, &files.path)?;
    folders::are_there(&paths, &files.folders)?;
    if !files.folders.is_empty() {
        folders::are_not_above(root.folder(), &[&files.columns[..], &files.folders[..]].concat())?;
    }
    let (names, is_empty) = match &files.format {
        Format::Csv(csv) => {
            look_through(root.folder(), &paths, |open| {
                let may_have = csv::may_have_blanks_beside_quotes(open()?, csv)?;
                if may_have { csv::fault(open()?, csv) } else { Ok(None) }
            })?;
            (headers(connection, root, &paths, csv)?, false)
        }
        Format::Json => {
            look_through(root.folder(), &paths, |open| json::fault(open()?))?;
            keys(connection, root, files)?
        }
        Format::Parquet => (schemas(connection, root, &files.path)?, false),
    };
    let described = describe(connection, &root.sql(&format!("SELECT * FROM {relation}")));
    let columns = described.map_err(|error| match &files.format {
        Format::Csv(csv) => first_fault(root, &paths, csv).unwrap_or_else(|| in_our_words(error, root)),
        Format::Json | Format::Parquet => in_our_words(error, root),
    })?;
    Ok(Found { columns, names, is_empty })
}

fn twins<'name>(names: impl Iterator<Item = &'name str>) -> Option<(&'name str, &'name str)> {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if let Some(other) = seen.iter().find(|other| **other != name && other.eq_ignore_ascii_case(name)) {
            return Some((other, name));
        }
        seen.push(name);
    }
    None
}

/// Returns the files of a path: those that are here are files, and the path does not mean others too.
pub(super) fn paths(connection: &Connection, root: &Root, path: &str) -> Result<Vec<String>, Error> {
    let missing = |message: String| Error::new(ErrorKind::Missing, message);
    let fault = |message: String| Error::new(ErrorKind::UserSql, message);
    let sql = format!("SELECT file FROM GLOB({}) ORDER BY 1", text::literal(&root.path(path)));
    let mut statement = connection.prepare(&sql)?;
    let found: duckdb::Result<Vec<String>> =
        statement.query_map([], |row| row.get(0)).and_then(|rows| rows.collect::<duckdb::Result<_>>());
    let found = found.map_err(Error::from).map_err(|error| {
        if error.message.contains("Invalid unicode") {
            return fault(format!("a file or folder where `{path}` is looked for has a name that is not UTF-8"));
        }
        error
    })?;
    let found: Vec<String> = found.into_iter().map(|file| root.named(file)).collect();
    if path.contains("://") {
        return if found.is_empty() { Err(missing(format!("there is no file `{path}`"))) } else { Ok(found) };
    }
    let is_pattern = |text: &str| text.contains(['*', '?', '[']);
    let here = root.folder().join(path);
    match fs::metadata(&here) {
        Ok(metadata) if metadata.is_dir() => {
            let ending = path.rsplit('.').next().unwrap_or_default();
            return Err(fault(format!("`{path}` is a folder: write `{path}/*.{ending}` for the files in it")));
        }
        Ok(metadata) if !metadata.is_file() => return Err(fault(format!("`{path}` is not a regular file"))),
        Ok(_) | Err(_) => {}
    }
    // What is named exactly as a pattern is written is meant, and is not what the pattern reads.
    for literal in Path::new(path).ancestors().filter(|part| is_pattern(&part.to_string_lossy())) {
        let Ok(real) = fs::canonicalize(root.folder().join(literal)) else { continue };
        let others =
            found.iter().filter(|file| !fs::canonicalize(root.folder().join(file)).is_ok_and(|f| f.starts_with(&real)));
        let other = match others.min() {
            Some(other) => format!("reads `{other}`"),
            None if found.is_empty() => "matches nothing".to_owned(),
            None => continue,
        };
        let whole = literal.to_string_lossy();
        let rest = path.strip_prefix(&*whole).unwrap_or_default();
        return Err(fault(format!(
            "`{whole}` is there, but as a pattern `{path}` {other}: write `{}{rest}`",
            escaped(&whole)
        )));
    }
    if found.is_empty() {
        return Err(missing(format!("there is no file `{path}`")));
    }
    for file in &found {
        let metadata = fs::metadata(root.folder().join(file)).map_err(|error| missing(format!("`{file}`: {error}")))?;
        if !metadata.is_file() {
            return Err(fault(format!("`{file}` is not a regular file")));
        }
    }
    Ok(found)
}

/// Returns the names in the header of each file.
fn headers(connection: &Connection, root: &Root, paths: &[String], csv: &Csv) -> Result<Vec<Names>, Error> {
    let character = |character: Option<char>| text::literal(&character.map(String::from).unwrap_or_default());
    let options = format!(
        "delim = {}, quote = {}, escape = {}, comment = {}, skip = {}, encoding = {}, header = FALSE, \
         all_varchar = TRUE, hive_partitioning = FALSE",
        character(Some(csv.delimiter)),
        character(csv.quote),
        character(csv.escape),
        character(csv.comment),
        csv.skip,
        text::literal(&csv.encoding),
    );
    let mut all = Vec::new();
    for path in paths {
        // It has been found: nothing in it is a pattern. In an address a `?` begins what is asked for.
        let name = if path.contains("://") { path.clone() } else { root.path(&escaped(path)) };
        let sql = format!("SELECT * FROM READ_CSV({}, {options}) LIMIT 1", text::literal(&name));
        let names = first_row(connection, &sql).map_err(|error| {
            let no_header = || is_over(root, path, csv).then(|| Fault { line: None, what: no_header(csv) }.told(path));
            let fault = || first_fault(root, std::slice::from_ref(path), csv);
            no_header().or_else(fault).unwrap_or_else(|| in_our_words(error, root))
        })?;
        all.push(Names { file: path.clone(), names });
    }
    if all.iter().all(|file| file.names.iter().all(String::is_empty)) {
        let path = paths.first().map(String::as_str).unwrap_or_default();
        let what = if csv.skip == 0 { "it is empty: it has no header".to_owned() } else { no_header(csv) };
        return Err(Fault { line: None, what }.told(path));
    }
    Ok(all)
}

fn no_header(csv: &Csv) -> String {
    format!("there is no header below the first {} lines, or a quote in them is not closed", csv.skip)
}

/// Tells whether a file that lies here has no more lines than are skipped.
fn is_over(root: &Root, path: &str, csv: &Csv) -> bool {
    let Ok(file) = open(&root.folder().join(path)) else { return false };
    csv.skip > 0 && file.split(b'\n').take(usize::from(csv.skip) + 1).count() <= usize::from(csv.skip)
}

fn first_row(connection: &Connection, sql: &str) -> Result<Vec<String>, Error> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(Vec::new()) };
    let width = row.as_ref().column_count();
    let cells = (0..width).map(|index| {
        let value = text::value(row.get_ref(index)?);
        Ok(if let Value::Text(name) = value { name } else { String::new() })
    });
    cells.collect()
}

/// Returns the keys of the objects, all that are read among them if they are anywhere, and whether there is no object.
fn keys(connection: &Connection, root: &Root, files: &Files) -> Result<(Vec<Names>, bool), Error> {
    let objects = format!("READ_JSON_OBJECTS({}, hive_partitioning = FALSE)", text::literal(&root.path(&files.path)));
    let keys_of = |from: &str| -> Result<Vec<String>, Error> {
        let sql = format!("SELECT DISTINCT UNNEST(JSON_KEYS(json)) AS key FROM {from} ORDER BY key");
        let mut statement = connection.prepare(&sql)?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?)
    };
    let ours = |error| in_our_words(error, root);
    let mut names = keys_of(&format!("(SELECT json FROM {objects} LIMIT {FIRST_OBJECTS})")).map_err(ours)?;
    let mut is_empty = false;
    if files.columns.iter().any(|column| !names.contains(column) && !files.folders.contains(column)) {
        names = keys_of(&objects).map_err(ours)?;
        is_empty = names.is_empty()
            && connection.query_row(&format!("SELECT COUNT(*) = 0 FROM {objects}"), [], |row| row.get(0))?;
    }
    Ok((vec![Names { file: files.path.clone(), names }], is_empty))
}

/// Returns the names of the columns of each Parquet file.
fn schemas(connection: &Connection, root: &Root, path: &str) -> Result<Vec<Names>, Error> {
    let sql = format!(
        "SELECT file_name, name, COALESCE(num_children, 0) FROM PARQUET_SCHEMA({})",
        text::literal(&root.path(path))
    );
    let rows = (|| {
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect::<duckdb::Result<Vec<(String, String, i64)>>>()
    })();
    let rows = rows.map_err(|error| in_our_words(error.into(), root))?;
    let mut all: Vec<Names> = Vec::new();
    // Each row is followed by its children: how many rows are still to come below the columns.
    let mut below = 0;
    for (file, name, children) in rows {
        let file = root.named(file);
        match all.last_mut().filter(|names| names.file == file) {
            None => {
                all.push(Names { file, names: Vec::new() });
                below = 0;
            }
            Some(_) if below > 0 => below += children - 1,
            Some(names) => {
                names.names.push(name);
                below = children;
            }
        }
    }
    Ok(all)
}

/// Returns the first fault of the files that is found by reading them.
fn first_fault(root: &Root, paths: &[String], csv: &Csv) -> Option<Error> {
    paths.iter().find_map(|path| {
        let fault = csv::fault(open(&root.folder().join(path)).ok()?, csv).ok()??;
        Some(fault.told(path))
    })
}

/// Says what DuckDB says of a file, without its advice about options that nobody can set; other errors are left alone.
pub(super) fn in_our_words(error: Error, root: &Root) -> Error {
    let error = root.told(error);
    let Some(message) = error.message.split_once("Error: ").map(|(_, message)| message) else { return error };
    let quoted = |after: &str| Some(message.split_once(after)?.1.split('"').next()?.to_owned());
    if message.contains("File is not utf-16 encoded") {
        let file = message.split("READ_CSV('").nth(1).and_then(|rest| rest.split('\'').next());
        let what = "it is not the UTF-16 that DuckDB reads, which has no characters of four bytes: write it in UTF-8"
            .to_owned();
        return Fault { line: None, what }.told(file.unwrap_or("the file"));
    }
    if message.contains("CSV Error on Line") || message.contains("CSV Parser") || message.contains("sniffing file") {
        let (options, path) = options(message);
        let path = path.or_else(|| quoted("sniffing file \"")).unwrap_or_default();
        if !path.is_empty()
            && let Some(error) = first_fault(root, std::slice::from_ref(&path), &options)
        {
            return error;
        }
        let what = if message.contains("Maximum line size") {
            "a row is longer than 2 MB".to_owned()
        } else if message.contains("Invalid unicode") {
            "it is not UTF-8, or not in the `encoding` that `csv` names".to_owned()
        } else if let Some((_, counts)) = message.split_once("Expected Number of Columns: ") {
            let counts: Vec<&str> = counts.lines().next().unwrap_or_default().split(" Found: ").collect();
            format!("it has {} fields, and the header has {}", counts.get(1).unwrap_or(&"other"), counts[0])
        } else {
            "it is no CSV as `csv` says: its rows differ in length, line ends are mixed, or a quote is not closed"
                .to_owned()
        };
        let line = message.split_once("CSV Error on Line: ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
        let line = line.filter(|_| !message.contains("Maximum line size"));
        let path = if path.is_empty() { "the file".to_owned() } else { path };
        return Fault { line, what }.told(&path);
    }
    let file = quoted("in file \"").or_else(|| quoted("reading file \"")).unwrap_or_default();
    let line = |message: &str| {
        let (_, rest) = message.split_once("in line ")?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let what = if message.contains("has duplicate key") {
        format!("an object has the key `{}` twice", quoted("duplicate key \"").unwrap_or_default())
    } else if message.contains("Expected OBJECT, but got ") {
        "a row is not an object".to_owned()
    } else if message.starts_with("Malformed JSON") {
        let reason = message.lines().next().and_then(|first| first.rsplit_once(": ")).map_or("", |(_, reason)| reason);
        format!("it is not JSON: {}", reason.trim_end_matches(['.', ' ']))
    } else if message.contains("\"maximum_object_size\"") {
        "an object is larger than 16 MB".to_owned()
    } else if message.contains("No magic bytes found") || message.contains("too small to be a Parquet file") {
        let file = message.split('\'').nth(1).unwrap_or_default().to_owned();
        return Fault { line: None, what: "it is not a Parquet file".to_owned() }.told(&file);
    } else if let Some((_, file)) = message.split_once("Input is not a GZIP stream: ") {
        let file = file.lines().next().unwrap_or_default();
        return Fault { line: None, what: "it is not packed by gzip".to_owned() }.told(file);
    } else if message.starts_with("Hive partition mismatch") {
        let file = message.split('"').nth(3).unwrap_or_default().to_owned();
        let what = "it lies below other folders `name=value` than the files before it".to_owned();
        return Fault { line: None, what }.told(&file);
    } else {
        return error;
    };
    let line: Option<u64> = line(message);
    let line = if message.starts_with("Malformed JSON") {
        line.and_then(|line| malformed(&root.folder().join(&file), line))
    } else {
        line
    };
    Fault { line, what }.told(&file)
}

/// Returns the line that is no JSON: the one that is named, or the one before, as DuckDB counts in more ways than one.
fn malformed(path: &Path, named: u64) -> Option<u64> {
    let lines = BufReader::new(fs::File::open(path).ok()?).lines();
    let near = lines.map_while(Result::ok).zip(1..).skip(usize::try_from(named.saturating_sub(2)).ok()?).take(2);
    let is_json = |line: &str| line.trim().is_empty() || serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
    near.filter(|(line, _)| !is_json(line)).map(|(_, number)| number).next()
}

/// Returns how DuckDB read a CSV file, and which it was, as its error lists them.
fn options(message: &str) -> (Csv, Option<String>) {
    let value = |name: &str| {
        let line = message.lines().find_map(|line| line.strip_prefix("  ")?.strip_prefix(name)?.strip_prefix(" = "))?;
        Some(line.rsplit_once(" (").map_or(line, |(value, _)| value))
    };
    let character = |name: &str| match value(name) {
        None | Some("(empty)" | "" | "\\0") => None,
        Some("\\t") => Some('\t'),
        Some(text) => text.chars().next(),
    };
    let file = message.lines().find_map(|line| line.strip_prefix("  file = ")).filter(|file| !file.is_empty());
    let csv = Csv {
        delimiter: character("delimiter").unwrap_or(','),
        quote: character("quote"),
        escape: character("escape"),
        comment: character("comment"),
        skip: value("skip_rows").and_then(|text| text.parse().ok()).unwrap_or(0),
        encoding: value("encoding").unwrap_or("utf-8").to_owned(),
    };
    (csv, file.map(str::to_owned))
}

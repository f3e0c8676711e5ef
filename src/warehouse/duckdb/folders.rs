//! Folders that are columns: whether every file lies below one of each name.
//!
//! DuckDB tells names of folders apart by no capitals, takes the first of two of one name, and takes a folder with a second
//! `=` for none.

use std::path::Path;

use crate::warehouse::{Error, ErrorKind};

use super::packed::Fault;

/// Refuses the first file that does not lie below exactly one folder `name=…` for each of the names, which are exact in case
/// as the names of columns are.
pub(super) fn are_there(paths: &[String], names: &[String]) -> Result<(), Error> {
    let fault = |path: &str| names.iter().find_map(|name| fault(path, name));
    match paths.iter().find_map(|path| Some((path, fault(path)?))) {
        Some((path, what)) => Err(Fault { line: None, what }.told(path)),
        None => Ok(()),
    }
}

/// Refuses files of a project that itself lies below a folder called like one of the columns: DuckDB reads folders of the
/// whole path, and the first of one name.
pub(super) fn are_not_above(root: &Path, columns: &[String]) -> Result<(), Error> {
    let folders = root.iter().filter_map(|folder| folder.to_str()?.split_once('='));
    for (name, value) in folders {
        if columns.iter().any(|column| column.to_lowercase() == name.to_lowercase()) {
            let what = format!(
                "the project lies below the folder `{name}={value}`, which DuckDB takes for the column `{name}`, whatever \
                 `folders` names: move it elsewhere"
            );
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
    }
    Ok(())
}

/// Says what is wrong with the folders of a file that are called by a name.
fn fault(path: &str, name: &str) -> Option<String> {
    let (folders, _) = path.rsplit_once('/').unwrap_or_default();
    let folders = folders.split('/').filter_map(|folder| Some((folder, folder.split_once('=')?)));
    let folders: Vec<(&str, (&str, &str))> =
        folders.filter(|(_, (other, _))| other.to_lowercase() == name.to_lowercase()).collect();
    match folders.as_slice() {
        [] => Some(format!("it lies below no folder `{name}=…`, which `folders` names")),
        [(folder, (other, _))] if *other != name => {
            Some(format!("it lies below `{folder}`, and `folders` names `{name}`: names are exact in case"))
        }
        [(folder, (_, value))] if value.contains('=') => {
            Some(format!("it lies below `{folder}`: in the value of a folder `=` is written `%3D`"))
        }
        [(folder, (_, value))] if std::str::from_utf8(&decoded(value)).is_err() => {
            Some(format!("it lies below `{folder}`: the characters that `%` stands for there are no UTF-8"))
        }
        [_] => None,
        [(one, _), (other, _), ..] => {
            Some(format!("it lies below `{one}` and `{other}`, which would be one column: only one may have that name"))
        }
    }
}

/// Returns what the name of a folder stands for: `%` and two digits are a byte, as DuckDB reads them.
fn decoded(value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_may_not_lie_below_a_folder_that_is_called_like_a_column() {
        let columns = ["day".to_owned(), "plan".to_owned()];
        for (root, expected) in
            [("/a/b/proj", true), ("/a/x=1/proj", true), ("/a/Plan=b/proj", false), ("/day=/p", false)]
        {
            assert_eq!(are_not_above(Path::new(root), &columns).is_ok(), expected, "{root}");
        }
    }

    #[test]
    fn a_file_lies_below_one_folder_of_each_name() {
        let told = |path: &str| {
            let told = are_there(&[path.to_owned()], &["day".to_owned(), "ort".to_owned()]);
            told.map_or_else(|error| error.message, |()| "nothing".to_owned())
        };
        for (path, expected) in [
            ("data/day=1/ort=b/e.csv", "nothing"),
            ("s3://bucket/ort=/x/day=NULL/e.csv", "nothing"),
            ("data/day=1/e.csv", "it lies below no folder `ort=…`, which `folders` names"),
            ("data/day=1/ort=b.csv", "it lies below no folder `ort=…`, which `folders` names"),
            ("data/Day=1/ort=b/e.csv", "it lies below `Day=1`, and `folders` names `day`: names are exact in case"),
            ("data/day=1/day=2/ort=b/e.csv", "it lies below `day=1` and `day=2`, which would be one column"),
            ("data/day=1/DAY=2/ort=b/e.csv", "it lies below `day=1` and `DAY=2`, which would be one column"),
            (
                "data/day=%FF/ort=b/e.csv",
                "it lies below `day=%FF`: the characters that `%` stands for there are no UTF-8",
            ),
            ("data/day=caf%C3/ort=%A9/e.csv", "it lies below `day=caf%C3`: the characters"),
            ("data/day=%c3%a9%/ort=%zz%4/e.csv", "nothing"),
            ("data/day=1/ort=a=b/e.csv", "it lies below `ort=a=b`: in the value of a folder `=` is written `%3D`"),
        ] {
            assert!(told(path).contains(expected), "{path}: {}", told(path));
        }
    }
}

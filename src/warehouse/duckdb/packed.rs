//! Files of text, packed or not, which are read to their ends: what DuckDB takes for what it is not, and whether they are whole.
//!
//! DuckDB reads as much of a gzip file as there is, and looks neither at its length nor at its checksum (RFC 1952, 2.3.1): a
//! file that was cut short by a broken transfer would be a file with fewer rows.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::warehouse::{Error, ErrorKind};

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The line, from 1; none where it is the file as a whole.
    pub(super) line: Option<u64>,
    /// What is wrong, in a sentence that follows the place.
    pub(super) what: String,
}

impl Fault {
    /// Says it of a file.
    pub(super) fn told(&self, path: &str) -> Error {
        let place = self.line.map(|line| format!(", line {line}")).unwrap_or_default();
        Error::new(ErrorKind::UserSql, format!("`{path}`{place}: {}", self.what))
    }
}

/// The text of a file.
pub(super) type Text = Box<dyn BufRead>;

/// A file that is called packed, and is not.
#[derive(Debug)]
struct NotPacked;

impl std::error::Error for NotPacked {}

impl fmt::Display for NotPacked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is not packed by gzip")
    }
}

/// Opens a file of text, and unpacks it where its name says that it is packed.
pub(super) fn open(path: &Path) -> io::Result<Text> {
    let file = BufReader::with_capacity(1 << 16, File::open(path)?);
    if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz")) {
        return Ok(Box::new(file));
    }
    let decoder = MultiGzDecoder::new(file);
    if decoder.header().is_none() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, NotPacked));
    }
    Ok(Box::new(BufReader::new(decoder)))
}

/// Reads the files among `paths` that lie here to their ends, by `look`, which may open each more than once. Refuses the first
/// with a fault, and the first that is damaged or cut short.
pub(super) fn look_through(
    root: &Path,
    paths: &[String],
    look: impl Fn(&dyn Fn() -> io::Result<Text>) -> io::Result<Option<Fault>>,
) -> Result<(), Error> {
    for path in paths.iter().filter(|path| !path.contains("://")) {
        match look(&|| open(&root.join(path))) {
            Ok(None) => {}
            Ok(Some(fault)) => return Err(fault.told(path)),
            Err(error) if matches!(error.get_ref(), Some(inner) if inner.is::<NotPacked>()) => {
                return Err(Fault { line: None, what: error.to_string() }.told(path));
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(Error::new(ErrorKind::Permission, format!("`{path}`: it must not be read: {error}")));
            }
            Err(error) => {
                let message = format!("`{path}`: it is damaged or cut short: {error}");
                return Err(Error::new(ErrorKind::UserSql, message));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn a_file_that_is_cut_short_or_damaged_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        for number in 0..20_000 {
            writeln!(encoder, "{number},u{},a,2026-01-01,x", number % 77).unwrap();
        }
        let whole = encoder.finish().unwrap();
        let of = |bytes: &[u8]| {
            fs::write(folder.path().join("e.csv.gz"), bytes).unwrap();
            look_through(folder.path(), &["e.csv.gz".to_owned()], |open| {
                io::copy(&mut open()?, &mut io::sink()).map(|_| None)
            })
        };
        assert_eq!(of(&whole), Ok(()));
        assert_eq!(of(&[&whole[..], &whole[..]].concat()), Ok(()));
        for cut in [1, 8, 500, 9_000] {
            assert!(of(&whole[..whole.len() - cut]).is_err(), "{cut} bytes are missing");
        }
        let mut sum = whole.clone();
        let at = sum.len() - 6;
        sum[at] ^= 1;
        let error = of(&sum).unwrap_err();
        assert!(error.message.starts_with("`e.csv.gz`: it is damaged or cut short"), "{error}");
    }
}

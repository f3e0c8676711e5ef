//! Packed files: whether they are whole.
//!
//! DuckDB reads as much of a gzip file as there is, and looks neither at its length nor at its checksum (RFC 1952, 2.3.1): a
//! file that was cut short by a broken transfer would be a file with fewer rows.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::warehouse::{Error, ErrorKind};

/// Reads the packed files among `paths` to their ends, and refuses the first that is damaged or cut short.
pub(super) fn are_whole(root: &Path, paths: &[String]) -> Result<(), Error> {
    let is_packed =
        |path: &&String| Path::new(path).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    for path in paths.iter().filter(is_packed).filter(|path| !path.contains("://")) {
        let read = File::open(root.join(path)).and_then(|file| {
            let mut decoder = MultiGzDecoder::new(BufReader::new(file));
            // What is not packed at all DuckDB refuses by itself.
            if decoder.header().is_none() { Ok(0) } else { io::copy(&mut decoder, &mut io::sink()) }
        });
        if let Err(error) = read {
            let message = format!("`{path}`: it is damaged or cut short: {error}");
            return Err(Error::new(ErrorKind::UserSql, message));
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
            are_whole(folder.path(), &["e.csv.gz".to_owned()])
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

//! `--var NAME=VALUE`: what variables of the project are, for one command. No value is repeated in a message: any may be a
//! secret.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::cli::outcome::Failure;
use crate::project::is_variable;

/// How a variable is given.
const FLAG: &str = "--var";

/// Reads what was given. `arguments` is the whole command line: what stands before a command's name and again behind it
/// would be lost.
pub(super) fn read(given: &[String], arguments: &[OsString]) -> Result<BTreeMap<String, String>, Failure> {
    let written = arguments.iter().take_while(|argument| *argument != "--").filter(|argument| {
        let argument = argument.to_string_lossy();
        argument == FLAG || argument.strip_prefix(FLAG).is_some_and(|rest| rest.starts_with('='))
    });
    if written.count() > given.len() {
        return Err(Failure::new("`--var` stands before the name of the command and behind it")
            .help("write all of them behind it: `milepost build --var A=1 --var B=2`"));
    }
    let mut variables = BTreeMap::new();
    for (index, text) in given.iter().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            Failure::new(format!("variable {} of {} has no `=`", index + 1, given.len()))
                .help("write `--var NAME=VALUE`, or a line `NAME=VALUE` of `MILEPOST_VAR`")
        })?;
        if !is_variable(name) {
            let what = format!("what stands before `=` in variable {} of {} is no name", index + 1, given.len());
            return Err(Failure::new(what).help("a name has letters, digits and `_`: `--var NAME=VALUE`"));
        }
        if value.is_empty() {
            return Err(Failure::new(format!("variable `{name}` is given no value"))
                .help("a variable that is set to nothing counts as not set: leave it out for its default"));
        }
        if variables.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::new(format!("variable `{name}` is given twice")).help("give it once"));
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_of(given: &[&str]) -> Result<BTreeMap<String, String>, String> {
        let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
        read(&given, &[]).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn a_value_is_all_behind_the_first_equals_sign() {
        let found = read_of(&["A=1", "", "_b2=x=y "]).unwrap();
        assert_eq!(found, BTreeMap::from([("A", "1"), ("_b2", "x=y ")].map(|(a, b)| (a.to_owned(), b.to_owned()))));
    }

    #[test]
    fn what_is_no_variable_is_refused_and_not_repeated() {
        for given in [["zebra", "A=1"], ["=zebra", "A=1"], ["ze-bra=1", "A=1"], ["A=", "B=1"], ["A=zebra", "A=1"]] {
            let refused = read_of(&given).unwrap_err();
            assert!(!refused.contains("zebra") && !refused.contains("ze-bra"), "{refused}");
        }
    }
}

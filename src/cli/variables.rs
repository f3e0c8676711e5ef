//! `--var NAME=VALUE`: what variables of the project are, for one command. No value is repeated in a message: any may be a
//! secret.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::cli::outcome::Failure;
use crate::project::is_variable;

/// How a variable is given.
const FLAG: &str = "--var";

/// The environment's variable, of which each line is one.
pub(super) const ENVIRONMENT: &str = "MILEPOST_VAR";

/// Reads what was given: by flags, and besides by the lines of the environment's variable; where both give one, the flag counts.
/// `given` are the flags, or what the environment's variable holds where there are none. `arguments` is the whole command line:
/// what stands before a command's name and again behind it would be lost.
pub(super) fn read(
    given: &[String],
    arguments: &[OsString],
    environment: Option<&str>,
) -> Result<BTreeMap<String, String>, Failure> {
    let written = arguments.iter().take_while(|argument| *argument != "--").filter(|argument| {
        let argument = argument.to_string_lossy();
        argument == FLAG || argument.strip_prefix(FLAG).is_some_and(|rest| rest.starts_with('='))
    });
    let count = written.count();
    let lines = || environment.into_iter().flat_map(str::lines).filter(|line| !line.trim().is_empty());
    if count == 0 {
        return each(&lines().collect::<Vec<_>>());
    }
    if count > given.len() {
        return Err(Failure::new("`--var` stands before the name of the command and behind it")
            .help("write all of them behind it: `milepost build --var A=1 --var B=2`"));
    }
    let mut variables = each(&lines().collect::<Vec<_>>())?;
    variables.extend(each(&given.iter().map(String::as_str).collect::<Vec<_>>())?);
    Ok(variables)
}

/// Reads variables that are given in one way, each once.
fn each(given: &[&str]) -> Result<BTreeMap<String, String>, Failure> {
    let mut variables = BTreeMap::new();
    for (index, text) in given.iter().enumerate() {
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

    /// Reads flags, and the environment's variable.
    fn read_of(flags: &[&str], environment: &str) -> Result<BTreeMap<String, String>, String> {
        let given: Vec<String> = flags.iter().map(|text| (*text).to_owned()).collect();
        let arguments: Vec<OsString> = flags.iter().flat_map(|text| [FLAG.into(), (*text).into()]).collect();
        read(&given, &arguments, Some(environment)).map_err(|failure| format!("{failure:?}"))
    }

    fn variables(known: &[(&str, &str)]) -> BTreeMap<String, String> {
        known.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_value_is_all_behind_the_first_equals_sign() {
        let expected = variables(&[("A", "1"), ("_b2", "x=y ")]);
        assert_eq!(read_of(&["A=1", "_b2=x=y "], ""), Ok(expected.clone()));
        assert_eq!(read_of(&[], "A=1\n\n_b2=x=y "), Ok(expected));
        // A flag is one variable, whatever is in it.
        assert_eq!(read_of(&["A=1\nB=2"], ""), Ok(variables(&[("A", "1\nB=2")])));
    }

    #[test]
    fn flags_come_before_the_environment_and_take_nothing_else_from_it() {
        let expected = variables(&[("A", "1"), ("B", "2"), ("C", "3")]);
        assert_eq!(read_of(&["A=1", "C=3"], "B=2\nA=9"), Ok(expected));
    }

    #[test]
    fn what_is_no_variable_is_refused_and_not_repeated() {
        for given in [["zebra", "A=1"], ["=zebra", "A=1"], ["ze-bra=1", "A=1"], ["A=", "B=1"], ["A=zebra", "A=1"]] {
            let (flags, lines) = (read_of(&given, ""), read_of(&[], &given.join("\n")));
            for refused in [flags.unwrap_err(), lines.unwrap_err()] {
                assert!(!refused.contains("zebra") && !refused.contains("ze-bra"), "{refused}");
            }
        }
    }
}

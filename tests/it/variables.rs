//! `--var`: before the environment, which is before the default; and what it refuses.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::cli::milepost;

const PROJECT: &str = "[project]\nname = \"odd\"\n\n[target.dev]\ndialect = \"duckdb\"\nschema = \"dev_${DEVELOPER:-nobody}\"\n\n\
    [target.prod]\ndialect = \"snowflake\"\ndatabase = \"A\"\n[target.prod.settings]\npassword = \"${SNOWFLAKE_PASSWORD}\"\n";

const MODELS: &str = "[source.events]\ntable = \"${RAW:-raw}.events\"\nentity = \"user_id\"\nname = \"name\"\ntime = \"at\"\n\n\
    [entity.user]\ntable = \"raw.users\"\nkey = \"user_id\"\nstart = \"at\"\n\n[kpi.signups]\nkind = \"count\"\nof = \"user\"\n\
    grain = \"day\"\n";

/// Names and values.
type Pairs<'p> = &'p [(&'p str, &'p str)];

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("models")).unwrap();
    fs::write(folder.path().join("project.toml"), PROJECT).unwrap();
    fs::write(folder.path().join("models/all.toml"), MODELS).unwrap();
    folder
}

/// Compiles, and returns how that ended and all that was printed.
fn compile(folder: &Path, environment: Pairs<'_>, arguments: &[&str]) -> (Option<i32>, String) {
    let all: Vec<&str> =
        ["compile", "--target", "dev", "--as-of", "2026-01-01"].iter().chain(arguments).copied().collect();
    let mut command = milepost(&all);
    let Output { status, stdout, stderr } =
        command.current_dir(folder).envs(environment.iter().copied()).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// Returns the schema for which was compiled.
fn schema(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("target/compiled/duckdb/moment.sql"));
    let text = text.or_else(|_| fs::read_to_string(folder.join("target/compiled/duckdb/dev/moment.sql"))).unwrap();
    text.split('"').find(|part| part.starts_with("dev_")).unwrap().to_owned()
}

#[test]
fn the_flag_is_before_the_environment_and_that_before_the_default() {
    let folder = project();
    let cases: [(Pairs<'_>, &[&str], &str); 5] = [
        (&[], &[], "dev_nobody"),
        (&[("DEVELOPER", "ada")], &[], "dev_ada"),
        (&[("DEVELOPER", "ada")], &["--var", "DEVELOPER=ben"], "dev_ben"),
        (&[("DEVELOPER", "ada"), ("MILEPOST_VAR", "DEVELOPER=cid\nRAW=other\n")], &[], "dev_cid"),
        (&[("MILEPOST_VAR", "DEVELOPER=cid")], &["--var=DEVELOPER=dan", "--var=RAW=other"], "dev_dan"),
    ];
    for (environment, arguments, expected) in cases {
        let (code, printed) = compile(folder.path(), environment, arguments);
        assert_eq!(code, Some(0), "{printed}");
        assert_eq!(schema(folder.path()), expected, "{environment:?} {arguments:?}");
    }
}

#[test]
fn what_the_project_does_not_read_is_refused() {
    let folder = project();
    let refused = |arguments: &[&str]| {
        let (code, printed) = compile(folder.path(), &[], arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {printed}");
        assert!(!printed.contains("zebra"), "{printed}");
        printed
    };
    let printed = refused(&["--var", "DEVELOPR=zebra"]);
    assert!(printed.contains("error[unknown-variable]: the project reads no variable `DEVELOPR`"), "{printed}");
    assert!(printed.contains("it reads one with a similar name: `DEVELOPER`"), "{printed}");
    assert!(refused(&["--var", "QUITE_ANOTHER=zebra"]).contains("it reads `DEVELOPER`, `RAW`"));
    assert!(refused(&["--var", "RAW=a", "--var", "RAW=zebra"]).contains("variable `RAW` is given twice"));
    assert!(refused(&["--var", "zebra"]).contains("variable 1 of 1 has no `=`"));
    assert!(refused(&["--var", "RAW="]).contains("variable `RAW` is given no value"));
    // One of another target is one that is read, and what is given for it is nowhere.
    let (code, printed) = compile(folder.path(), &[], &["--var", "SNOWFLAKE_PASSWORD=zebra"]);
    assert_eq!((code, printed.contains("zebra")), (Some(0), false), "{printed}");
}

#[test]
fn one_before_the_name_of_the_command_and_one_behind_it_are_not_halved() {
    let folder = project();
    let output =
        milepost(&["--var", "RAW=a", "check", "--var", "DEVELOPER=b"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("before the name of the command and behind it"));
    let output = milepost(&["--var", "RAW=a", "check", "--target", "dev"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

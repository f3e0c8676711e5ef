//! Runs the real program: the help of every command, and how commands end.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use insta::assert_snapshot;

/// A command that sees nothing of the environment of whoever runs the tests.
pub(crate) fn milepost(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_milepost"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("MILEPOST_") || matches!(&*name, "NO_COLOR" | "CLICOLOR" | "CLICOLOR_FORCE") {
            command.env_remove(&*name);
        }
    }
    command.env("COLUMNS", "100").args(arguments);
    command
}

/// Runs a command in `folder`, and returns all that is seen of it.
fn seen(folder: &Path, arguments: &[&str]) -> String {
    shown(&milepost(arguments).current_dir(folder).output().unwrap())
}

/// Returns all that is seen of an output.
pub(crate) fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut shown = format!("exit code: {}\n", output.status.code().expect("ended by itself"));
    for (name, stream) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !stream.is_empty() {
            shown.extend(["----- ", name, "\n", &text(stream)]);
        }
    }
    shown
}

/// Returns the names of all commands, as the help lists them.
fn commands() -> Vec<String> {
    let help = String::from_utf8(milepost(&["--help"]).output().unwrap().stdout).unwrap();
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_help_of_every_command_says_what_it_does() {
    let folder = tempfile::tempdir().unwrap();
    assert_snapshot!("help", seen(folder.path(), &["--help"]));
    assert_snapshot!("help_short", seen(folder.path(), &["-h"]));
    for command in commands() {
        let help = seen(folder.path(), &[&command, "--help"]);
        assert!(help.contains("\nExamples:\n  milepost "), "`{command} --help` has no examples");
        // The flags of every command are in the help of the whole; here, what is the command's own.
        let own: String = sections(&help).filter(|section| !is_global(section)).collect();
        assert_snapshot!(format!("help_{command}"), own);
    }
}

/// Splits a help where a section begins: at a line that starts in the first column and ends with a colon.
fn sections(help: &str) -> impl Iterator<Item = String> {
    let mut sections = vec![String::new()];
    for line in help.lines() {
        if line.ends_with(':') && !line.starts_with(' ') {
            sections.push(String::new());
        }
        let section = sections.last_mut().expect("there is a first one");
        section.push_str(line.trim_end());
        section.push('\n');
    }
    sections.into_iter()
}

fn is_global(section: &str) -> bool {
    ["Project:", "Running:", "Output:"].iter().any(|heading| section.starts_with(heading))
}

#[test]
fn usage_that_is_wrong_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    assert_snapshot!(seen(folder.path(), &["complie"]), @r"
    exit code: 2
    ----- stderr
    error: unrecognized subcommand 'complie'

      tip: some similar subcommands exist: 'completions', 'compile'

    Usage: milepost [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    assert_snapshot!(seen(folder.path(), &["run", "--as-of", "yesterday"]), @r"
    exit code: 2
    ----- stderr
    error: invalid value 'yesterday' for '--as-of <TIME>': write a date (`2026-03-01`) or a time with its offset (`2026-03-01T09:30:00Z`)

    For more information, try '--help'.
    ");
    assert_snapshot!(seen(folder.path(), &["init", "--name", "Acme Growth"]), @r"
    exit code: 2
    ----- stderr
    error: invalid value 'Acme Growth' for '--name <NAME>': a name starts with a small letter and holds small letters, digits and `_`, 48 at most

    For more information, try '--help'.
    ");
}

#[test]
fn a_project_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    assert_snapshot!(seen(folder.path(), &["init", "growth", "--name", "acme"]), @r"
    exit code: 0
    ----- stderr
    wrote the project `acme` to `growth`:
      project.toml
      models/sources.toml
      models/activation.toml
      tests/activation.toml
      data/users.csv
      data/events.csv
      milepost.schema.json
      .gitignore

    Next:
      cd growth
      milepost check                  say what is wrong, if anything is
      milepost build                  test the definitions, then measure
      milepost show activation_rate   print what was measured
    ");
    assert_snapshot!(seen(folder.path(), &["init", "growth"]), @r"
    exit code: 2
    ----- stderr
    error: `growth/project.toml` is there already: nothing was written
     |
     = help: name another folder: `milepost init DIR`
    ");
    assert_snapshot!(seen(folder.path(), &["--quiet", "init", "other"]), @r"exit code: 0");
}

/// Runs lines of a POSIX shell in `folder`, and returns what they print.
#[cfg(unix)]
fn shell(folder: &Path, lines: &str) -> String {
    let output = Command::new("sh").args(["-c", lines]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{lines}: {}", shown(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(unix)]
#[test]
fn the_way_into_a_new_project_can_be_pasted() {
    for name in ["growth", "My-Project 2", "it's", "-P", "a/b c", "$HOME `x`", "~", "größe", "a\nb", "*"] {
        let folder = tempfile::tempdir().unwrap();
        let output = milepost(&["init", "--name", "acme", "--", name]).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let (_, next) = said.split_once("\nNext:\n").unwrap();
        let (go, _) = next.split_once("\n  milepost check ").unwrap();
        assert_eq!(
            shell(folder.path(), &format!("{go}\ncat project.toml")).matches("name = \"acme\"").count(),
            1,
            "{go}"
        );
    }
}

#[test]
fn a_target_folder_is_removed_and_another_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("target/compiled")).unwrap();
    fs::write(root.join("target/compiled/kpi.sql"), "SELECT 1;\n").unwrap();
    fs::write(
        root.join("target/manifest.json"),
        r#"{"metadata": {"milepost_version": "0.1.0"}, "files": ["compiled/kpi.sql"]}"#,
    )
    .unwrap();
    fs::create_dir_all(root.join("data")).unwrap();
    fs::write(root.join("data/events.csv"), "user_id\n").unwrap();
    assert_snapshot!(seen(root, &["clean"]), @r"
    exit code: 0
    ----- stderr
    removed `target`
    ");
    assert_snapshot!(seen(root, &["clean"]), @r"
    exit code: 0
    ----- stderr
    `target` does not exist: nothing to remove
    ");
    assert_snapshot!(seen(root, &["clean", "--target-path", "data"]), @r"
    exit code: 2
    ----- stderr
    error: nothing is removed of `data`: milepost wrote nothing in it
     |
     = help: name the folder that milepost writes to with `--target-path`, or remove this one yourself
    ");
    assert!(root.join("data/events.csv").exists());
}

#[test]
fn a_flag_is_read_from_the_environment_and_wins_over_it() {
    let folder = tempfile::tempdir().unwrap();
    let clean = |arguments: &[&str]| {
        let mut command = milepost(arguments);
        command.env("MILEPOST_TARGET_PATH", "build").env("MILEPOST_QUIET", "0").current_dir(folder.path());
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    assert_eq!(clean(&["clean"]), "`build` does not exist: nothing to remove\n");
    assert_eq!(clean(&["clean", "--target-path", "out"]), "`out` does not exist: nothing to remove\n");
}

#[test]
fn a_variable_that_is_set_to_nothing_is_not_set() {
    let folder = tempfile::tempdir().unwrap();
    let all = ["PROJECT_DIR", "TARGET", "TARGET_PATH", "AS_OF", "THREADS", "FAIL_FAST", "OUTPUT", "QUIET", "VERBOSE"];
    let mut command = milepost(&["clean"]);
    for name in all.into_iter().chain(["NO_COLOR", "SELECT", "EXCLUDE", "SHORT", "DIR"]) {
        command.env(format!("MILEPOST_{name}"), "");
    }
    let output = command.current_dir(folder.path()).output().unwrap();
    assert_eq!(shown(&output), "exit code: 0\n----- stderr\n`target` does not exist: nothing to remove\n");
}

#[test]
fn the_schema_of_a_project_in_a_variable_is_nothing_to_the_manual() {
    let output = milepost(&["man"]).env("MILEPOST_SCHEMA", "raw").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
}

#[test]
fn what_would_move_the_cursor_of_a_terminal_is_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("models")).unwrap();
    fs::write(root.join("project.toml"), "[project]\nname = \"odd\"\n").unwrap();
    let definitions = "[kpi.a]\nkind = \"x\\u001B[31m\\u009B2J\\u202E\\nerror: b\"\n# \u{9b}2J \u{202e}\n";
    let name = if cfg!(windows) { "a.toml" } else { "a\u{1b}[31m\u{9b}\n.toml" };
    fs::write(root.join("models").join(name), definitions).unwrap();
    for arguments in [&["check"][..], &["check", "--short"]] {
        let output = milepost(arguments).current_dir(root).output().unwrap();
        let seen = shown(&output);
        assert_eq!(output.status.code(), Some(1), "{seen}");
        let controls: String = seen.chars().filter(|c| c.is_control() && *c != '\n').collect();
        assert_eq!(controls, "", "{seen}");
        if arguments.contains(&"--short") {
            assert_eq!(seen.lines().count(), 3, "{seen}");
            assert!(!seen.contains('\u{202e}'), "{seen}");
        }
    }
}

#[test]
fn color_is_for_terminals_and_for_who_asks() {
    let folder = tempfile::tempdir().unwrap();
    let colored = |variables: &[(&str, &str)], arguments: &[&str]| {
        let output = milepost(arguments).envs(variables.iter().copied()).current_dir(folder.path()).output().unwrap();
        output.stderr.contains(&b'\x1b')
    };
    fs::create_dir(folder.path().join("target")).unwrap();
    fs::write(folder.path().join("target/notes.txt"), "").unwrap();
    for refused in [&["clean"][..], &["clean", "--nope"]] {
        assert!(!colored(&[], refused));
        assert!(colored(&[("CLICOLOR_FORCE", "1")], refused));
        assert!(!colored(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], refused));
        assert!(!colored(&[("CLICOLOR_FORCE", "1")], &[&["--no-color"], refused].concat()));
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut child = milepost(&["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().expect("piped");
    stdout.read_exact(&mut [0]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(shown(&output), "exit code: 0\n");
}

#[cfg(feature = "duckdb")]
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_printed_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for arguments in [&["init", "--name", "acme"][..], &["build", "--as-of", "2026-03-01"]] {
        assert!(milepost(arguments).current_dir(root).output().unwrap().status.success());
    }
    let printing: &[&[&str]] = &[
        &["--help"],
        &["-h"],
        &["--version"],
        &["man"],
        &["man", "--schema"],
        &["completions", "bash"],
        &["ls"],
        &["check", "--output", "json"],
        &["compile", "--select", "activation_rate"],
        &["explain"],
        &["lineage", "kpi.activation_rate"],
        &["explain", "--estimate"],
        &["show", "activation_rate"],
        &["show", "activation_rate", "--output", "csv"],
        &["debug"],
        &["run", "--output", "json"],
        &["build"],
        &["test", "--output", "json"],
        &["verify", "--output", "json"],
    ];
    let mut help: Vec<Vec<String>> = commands().into_iter().map(|name| vec![name, "--help".to_owned()]).collect();
    help.extend(printing.iter().map(|arguments| arguments.iter().map(|word| (*word).to_owned()).collect()));
    for arguments in &help {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = |stdout: Stdio| milepost(&arguments).current_dir(root).stdout(stdout).output().unwrap();
        // Each of them prints something, and nothing else is wrong with it.
        let printed = run(Stdio::piped());
        assert!(printed.status.success() && !printed.stdout.is_empty(), "{arguments:?}: {}", shown(&printed));
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = run(full.into());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains("error: writing to standard output: "), "{arguments:?}: {said}");
    }
}

#[test]
fn the_manual_and_the_schema_are_printed_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let stdout = |arguments: &[&str]| {
        let output = milepost(arguments).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(stdout(&["man"]).contains(".TH milepost 1"));
    let schema: serde_json::Value = serde_json::from_str(&stdout(&["man", "--schema"])).unwrap();
    assert!(schema.pointer("/properties/kpi").is_some());
    stdout(&["man", "--dir", "pages"]);
    for command in commands() {
        let page = fs::read_to_string(folder.path().join(format!("pages/milepost-{command}.1"))).unwrap();
        assert!(page.contains(&format!("milepost\\-{command}")), "{command}");
    }
}

#[test]
fn the_exit_codes_are_said_in_one_way() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for (code, meaning) in milepost::cli::outcome::EXIT_CODES {
        assert!(
            readme.contains(&format!("| {code} | {meaning} |")),
            "README.md does not say `{code}` as the help does"
        );
    }
}

//! Files as people and programs write them, read by the real program: nothing of them is guessed, and what cannot be read
//! is told with its place, before anything is written.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A project of its own, and the program in its folder.
struct Project {
    folder: TempDir,
    root: PathBuf,
}

impl Project {
    fn new() -> Self {
        Self::named("project")
    }

    /// Makes a project in a folder of that name.
    fn named(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join(name);
        let project = Self { folder, root };
        project.write(
            "project.toml",
            "[project]\nname = \"acme\"\nas_of = \"2026-02-01\"\n\n\
             [target.dev]\ndialect = \"duckdb\"\ndatabase = \"acme.duckdb\"\n",
        );
        project
    }

    fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Adds facts from files, and a KPI that counts them by `note`.
    fn facts(&self, name: &str, keys: &str) {
        let text = format!(
            "[source.{name}]\nkind = \"facts\"\nkey = \"id\"\n{keys}\ncolumns = {{ note = \"string\" }}\n\n\
             [kpi.{name}_rows]\nkind = \"count\"\nof = \"{name}\"\ngrain = \"all\"\nby = [\"note\"]\n",
        );
        self.write(&format!("models/{name}.toml"), text);
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_milepost"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MILEPOST_")) {
            command.env_remove(name);
        }
        command.current_dir(&self.root).args(arguments).output().unwrap()
    }

    /// Runs a command that succeeds, and returns what it printed to standard output.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes everything, which must fail, and returns what is said.
    fn fails(&self) -> String {
        let output = self.run(&["run", "-q"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        said
    }

    /// Returns how many rows a source has by their notes: `note: rows`, one a line.
    fn notes(&self, source: &str) -> String {
        let rows = self.done(&["show", &format!("{source}_rows"), "--segments", "--output", "json"]);
        let rows: serde_json::Value = serde_json::from_str(&rows).unwrap();
        let line = |row: &serde_json::Value| {
            let segment = row["segment"].as_str().map_or("all".to_owned(), |segment| format!("{segment:?}"));
            format!("{segment}: {}", row["n"])
        };
        let mut lines: Vec<String> = rows.as_array().unwrap().iter().map(line).collect();
        lines.sort();
        lines.join("\n")
    }
}

#[test]
fn no_sample_decides_how_a_csv_file_is_written() {
    let project = Project::new();
    // More rows than DuckDB looks at before it decides.
    let mut rows = String::from("id,note\n");
    for row in 0..30_000 {
        let _ = writeln!(rows, "{row},x");
    }
    project.write("late.csv", format!("{rows}\"q1\",\"a, b\"\n\"q2\",\"two\nlines, \"\"quoted\"\"\"\n"));
    project.facts("late", "path = \"late.csv\"");
    // Of numbers but for every second row, of which `#` would make more numbers; and of texts in single quotes.
    let rows = (0..60).fold("id,note\n".to_owned(), |rows, row| {
        rows + &format!("{}{row},'q'\n", if row % 2 == 0 { "#" } else { "" })
    });
    project.write("hash.csv", rows);
    project.facts("hash", "path = \"hash.csv\"");
    project.write("semicolons.csv", "id,note,a;b;c\n1;2,x;y,\n2;3,x;y,\n");
    project.facts("semicolons", "path = \"semicolons.csv\"");
    project.done(&["run", "-q"]);
    insta::assert_snapshot!(project.notes("late"), @r#"
    "a, b": 1
    "two\nlines, \"quoted\"": 1
    "x": 30000
    all: 30002
    "#);
    insta::assert_snapshot!(project.notes("hash"), @r#"
    "'q'": 60
    all: 60
    "#);
    insta::assert_snapshot!(project.notes("semicolons"), @r#"
    "x;y": 2
    all: 2
    "#);
}

#[test]
fn a_key_is_there_that_is_in_any_object() {
    let project = Project::new();
    let mut rows = String::new();
    for row in 0..21_000 {
        let _ = writeln!(rows, "{{\"id\": {row}}}");
    }
    project.write("late.ndjson", rows + "{\"id\": \"last\", \"note\": \"late\"}\n");
    project.facts("late", "path = \"late.ndjson\"");
    // So many keys of one type that DuckDB would take them for a map.
    let rows =
        (0..300).fold(String::new(), |rows, row| rows + &format!("{{\"id\": 1{row}, \"note\": 7, \"k{row}\": 1}}\n"));
    project.write("wide.ndjson", rows);
    project.facts("wide", "path = \"wide.ndjson\"");
    project.done(&["run", "-q"]);
    insta::assert_snapshot!(project.notes("late"), @r#"
    "(none)": 21000
    "late": 1
    all: 21001
    "#);
    insta::assert_snapshot!(project.notes("wide"), @r#"
    "7": 300
    all: 300
    "#);
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_in_our_words() {
    let project = Project::new();
    let files: &[(&str, Vec<u8>)] = &[
        ("a01_long_row.csv", b"id,note\n1,x\n2,y,z\n".to_vec()),
        ("a02_short_row.csv", b"id,note\n1,x\n2\n".to_vec()),
        ("a03_title.csv", b"Our export\n\nid,note\n1,x\n".to_vec()),
        ("a04_line_ends.csv", b"id,note\r\n1,x\n".to_vec()),
        ("a05_latin.csv", b"id,note\n1,caf\xe9\n".to_vec()),
        ("a06_utf16.csv", b"\xff\xfei\0d\0,\0n\0o\0t\0e\0\n\0".to_vec()),
        ("a07_open_quote.csv", b"id,note\n1,\"x\n2,y\n".to_vec()),
        ("a08_escape.csv", b"id,note\n1,\"a \\\"b\\\" c\"\n".to_vec()),
        ("a09_empty.csv", Vec::new()),
        ("a10_semicolons.csv", b"id;note\n1;x\n".to_vec()),
        ("a11_tabs.csv", b"id\tnote\n1\tx\n".to_vec()),
        ("a12_blanks.csv", b"id, note\n1, x\n".to_vec()),
        ("a13_case.csv", b"ID,note\n1,x\n".to_vec()),
        ("a14_both_cases.csv", b"id,note,Note\n1,x,y\n".to_vec()),
        ("a15_twice.csv", b"id,note,note\n1,x,y\n".to_vec()),
        ("a16_unlike.csv", b"id,notes\n1,x\n".to_vec()),
        ("a17_packed.csv.gz", b"id,note\n1,x\n".to_vec()),
        ("a18_blank_before.csv", b"id,note\n1,x\n2, \"y\"\n".to_vec()),
        ("a19_blank_behind.csv", b"id,note\n1,x\n\"2\" ,y\n".to_vec()),
        ("b1_syntax.ndjson", b"{\"id\": 1, \"note\": 2}\n{\"id\": 1, \"note\"}\n".to_vec()),
        ("b2_not_a_number.ndjson", b"{\"id\": 1, \"note\": 2}\n{\"id\": 2, \"other\": NaN}\n".to_vec()),
        ("b3_null.json", b"[\n  {\"id\": 1, \"note\": 2},\n  null\n]\n".to_vec()),
        ("b5_twice.ndjson", b"{\"id\": 1, \"note\": 2}\n{\"id\": 2, \"other\": 1, \"other\": 1}\n".to_vec()),
        ("b6_lists.ndjson", b"{\"id\": 1, \"note\": 2}\n[{\"id\": 2}]\n".to_vec()),
        ("b4_no_key.ndjson", b"{\"id\": 1, \"Note\": 2}\n{\"id\": 2}\n".to_vec()),
        ("c1_no_parquet.parquet", b"PAR1, or so".to_vec()),
        ("d1_folder.csv/part.csv", b"id,note\n1,x\n".to_vec()),
    ];
    for (file, bytes) in files {
        project.write(file, bytes);
        let path = file.split('/').next().unwrap();
        project.facts(path.split('.').next().unwrap(), &format!("path = \"{path}\""));
    }
    project.facts("d2_nothing", "path = \"none/*.csv\"");
    let said = project.fails();
    insta::assert_snapshot!(said);
}

#[test]
fn what_a_run_finds_late_is_told_in_our_words_too() {
    let mut rows = String::from("id,note\n");
    for row in 0..30_000 {
        let _ = writeln!(rows, "{row},x");
    }
    let objects = (0..30_000).fold(String::new(), |text, row| text + &format!("{{\"id\": {row}, \"note\": 1}}\n"));
    let files: [(&str, Vec<u8>); 6] = [
        ("a_row.csv", format!("{rows}1,2,3\n").into()),
        ("b_end.csv", format!("{rows}1,2\r\n").into()),
        ("c_quote.csv", format!("{rows}1,\"\n").into()),
        ("d_bytes.csv", [rows.as_bytes(), b"1,\xe9\n"].concat()),
        ("e_twice.ndjson", format!("{objects}{{\"id\": 1, \"id\": 2}}\n").into()),
        ("f_five.json", b"[{\"id\": 1, \"note\": 2}, 5]".into()),
    ];
    let mut about = Vec::new();
    // CSV is found when rows are counted, or by the statements that read the columns; JSON before anything is written.
    for files in [&files[..3], &files[3..4], &files[4..]] {
        let project = Project::new();
        for (file, bytes) in files {
            project.write(file, bytes);
            project.facts(file.split('.').next().unwrap(), &format!("path = \"{file}\""));
        }
        let said = project.fails();
        let named = |line: &&str| line.contains("line 3000") || line.contains("f_five.json");
        about.extend(said.lines().filter(named).map(|line| line.trim().to_owned()));
        assert!(!said.contains("Possible") && !said.contains("strict_mode") && !said.contains("auto_detect"), "{said}");
    }
    about.sort_unstable();
    insta::assert_snapshot!(about.join("\n"));
}

#[test]
fn packed_files_and_those_in_other_encodings_are_looked_through() {
    let packed = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let project = Project::new();
    project.write("a.csv.gz", packed("id,note\n1,x\n2, \"y\"\n"));
    project.facts("a", "path = \"a.csv.gz\"");
    project.write("b.ndjson.gz", packed("{\"id\": 1, \"note\": 2}\n\n{\"id\": 2, \"note\": NaN}\n"));
    project.facts("b", "path = \"b.ndjson.gz\"");
    project.write("c.csv", b"id,note\n\xe9,x\n2, \"y\"\n");
    project.facts("c", "path = \"c.csv\"\ncsv = { encoding = \"latin-1\" }");
    insta::assert_snapshot!(project.fails(), @r"
    error: `source.a` cannot be read: `a.csv.gz`, line 3: a blank stands before a quote: it belongs to the field, and would be lost; write the file without it
    error: `source.b` cannot be read: `b.ndjson.gz`, line 3: it is not JSON: expected value
    error: `source.c` cannot be read: `c.csv`, line 3: a blank stands before a quote: it belongs to the field, and would be lost; write the file without it
    ");
}

#[test]
fn the_value_of_a_folder_follows_from_its_name_alone() {
    let project = Project::new();
    for (row, value) in ["NULL", "null", "__HIVE_DEFAULT_PARTITION__", "", "a%20b", "a+b", "%4eULL", "caf%C3%A9", "%zz"]
        .iter()
        .enumerate()
    {
        project.write(&format!("data/note={value}/e.csv"), format!("id\n{row}\n"));
    }
    project.facts("log", "path = \"data/*/e.csv\"\nfolders = [\"note\"]");
    project.done(&["run", "-q"]);
    insta::assert_snapshot!(project.notes("log"), @r#"
    "": 1
    "%zz": 1
    "(none)": 3
    "NULL": 1
    "a b": 1
    "a+b": 1
    "café": 1
    all: 9
    "#);
    // What is called otherwise is another folder.
    project.write("data/NOTE=1/e.csv", "id\nx\n");
    insta::assert_snapshot!(project.fails(), @"error: `source.log` cannot be read: `data/NOTE=1/e.csv`: it lies below `NOTE=1`, and `folders` names `note`: names are exact in case");
    fs::remove_dir_all(project.root.join("data/NOTE=1")).unwrap();
    project.write("data/other=1/e.csv", "id\nx\n");
    insta::assert_snapshot!(project.fails(), @"error: `source.log` cannot be read: `data/other=1/e.csv`: it lies below no folder `note=…`, which `folders` names");
}

#[test]
fn what_would_fail_in_the_middle_of_a_run_is_told_before_it() {
    let project = Project::new();
    project.write("a/note=%FF/e.csv", "id\n1\n");
    project.facts("a", "path = \"a/*/e.csv\"\nfolders = [\"note\"]");
    project.write("b.csv", "id,note\n1,x\n");
    project.facts("b", "path = \"b.csv\"\ncsv = { skip = 2 }");
    // A face is four bytes in UTF-16 too.
    let utf_16 = "id,note\n1,\u{1f600}\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    project.write("c.csv", utf_16);
    project.facts("c", "path = \"c.csv\"\ncsv = { encoding = \"utf-16\" }");
    // What is no column is not decoded.
    project.write("d/note=x/other=%FF/e.csv", "id\n1\n");
    project.facts("d", "path = \"d/**/e.csv\"\nfolders = [\"note\"]");
    project.write("e/note=x/other=1/e.csv", "id\n1\n");
    project.write("e/note=y/e.csv", "id\n1\n");
    project.facts("e", "path = \"e/**/e.csv\"\nfolders = [\"note\"]");
    insta::assert_snapshot!(project.fails(), @r"
    error: `source.a` cannot be read: `a/note=%FF/e.csv`: it lies below `note=%FF`: the characters that `%` stands for there are no UTF-8
    error: `source.b` cannot be read: `b.csv`: there is no header below the first 2 lines, or a quote in them is not closed
    error: `source.c` cannot be read: `c.csv`: it is not the UTF-16 that DuckDB reads, which has no characters of four bytes: write it in UTF-8
    error: `source.e` cannot be read: `e/note=y/e.csv`: it lies below other folders `name=value` than the files before it
    ");
}

#[cfg(target_os = "linux")]
#[test]
fn names_of_files_that_are_no_text_are_told_as_such() {
    use std::os::unix::ffi::OsStrExt as _;
    let project = Project::new();
    project.write("data/a/e.csv", "id,note\n1,x\n");
    fs::rename(project.root.join("data/a"), project.root.join("data").join(std::ffi::OsStr::from_bytes(b"\xff")))
        .unwrap();
    project.facts("log", "path = \"data/*/e.csv\"");
    insta::assert_snapshot!(project.fails(), @"error: `source.log` cannot be read: a file or folder where `data/*/e.csv` is looked for has a name that is not UTF-8");
}

#[test]
fn a_path_means_what_is_there_or_is_refused() {
    let project = Project::new();
    for folder in ["b[o]", "bo", "c [old]", "q?", "qa"] {
        project.write(&format!("{folder}/e.csv"), format!("id,note\n1,{folder}\n"));
    }
    // Read as patterns these would read other files than those that have the names.
    project.facts("a1", "path = \"b[o]/e.csv\"");
    project.facts("a2", "path = \"b[o]/*.csv\"");
    project.facts("a3", "path = \"q?/e.csv\"");
    project.facts("a4", "path = \"c [old]/*.csv\"");
    insta::assert_snapshot!(project.fails(), @r"
    error: `source.a1` cannot be read: `b[o]/e.csv` is there, but as a pattern `b[o]/e.csv` reads `bo/e.csv`: write `b[[]o]/e.csv`
    error: `source.a2` cannot be read: `b[o]` is there, but as a pattern `b[o]/*.csv` reads `bo/e.csv`: write `b[[]o]/*.csv`
    error: `source.a3` cannot be read: `q?/e.csv` is there, but as a pattern `q?/e.csv` reads `qa/e.csv`: write `q[?]/e.csv`
    error: `source.a4` cannot be read: `c [old]` is there, but as a pattern `c [old]/*.csv` matches nothing: write `c [[]old]/*.csv`
    ");
    project.facts("a1", "path = \"b[[]o]/e.csv\"");
    project.facts("a2", "path = \"b[[]o]/*.csv\"");
    project.facts("a3", "path = \"q[?]/e.csv\"");
    project.facts("a4", "path = \"c [old]/e.csv\"");
    project.done(&["run", "-q"]);
    let notes: Vec<String> = ["a1", "a2", "a3", "a4"].iter().map(|source| project.notes(source)).collect();
    insta::assert_snapshot!(notes.join("\n"), @r#"
    "b[o]": 1
    all: 1
    "b[o]": 1
    all: 1
    "q?": 1
    all: 1
    "c [old]": 1
    all: 1
    "#);
}

#[test]
fn a_project_may_lie_in_a_folder_of_any_name() {
    for name in ["a?b", "c,d", "it's \"it\"", "e[f]*", "g;h %41"] {
        let project = Project::named(name);
        project.write("data/x.csv", "id,note\n1,x\n");
        project.write("data/y.csv", "id,note\n2,x\n");
        project.facts("log", "path = \"data/*.csv\"");
        if name.contains('?') {
            // DuckDB does not keep a database there; one that lies elsewhere does.
            let said = project.run(&["run", "-q"]);
            assert!(String::from_utf8_lossy(&said.stderr).contains("has a `?` in its path"), "{said:?}");
            let text = fs::read_to_string(project.root.join("project.toml")).unwrap();
            let database = project.folder.path().join("acme.duckdb").display().to_string();
            project.write("project.toml", text.replace("acme.duckdb", &database));
        }
        project.done(&["run", "-q"]);
        assert_eq!(project.notes("log"), "\"x\": 2\nall: 2", "{name}");
        // From elsewhere too.
        let elsewhere = Command::new(env!("CARGO_BIN_EXE_milepost"))
            .current_dir(project.folder.path())
            .args(["run", "-q", "--project-dir"])
            .arg(&project.root)
            .output()
            .unwrap();
        assert_eq!(elsewhere.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&elsewhere.stderr));
    }
}

#[test]
fn a_path_begins_at_the_project_wherever_the_program_is() {
    let project = Project::new();
    project.write("data/x.csv", "id,note\n1,ours\n");
    project.write("data/x.ndjson", "{\"id\": 1, \"note\": \"ours\"}\n");
    project.write("note=ours/x.csv", "id\n1\n");
    project.facts("plain", "path = \"data/x.csv\"");
    project.facts("pattern", "path = \"data/*.csv\"");
    project.facts("objects", "path = \"data/x.ndjson\"");
    project.facts("folders", "path = \"note=*/x.csv\"\nfolders = [\"note\"]");
    // Files of the same names, where the program is called.
    for (file, text) in [
        ("data/x.csv", "id,note\n1,theirs\n2,theirs\n"),
        ("data/x.ndjson", "{\"id\": 1, \"note\": \"theirs\"}\n"),
        ("note=theirs/x.csv", "id\n1\n"),
    ] {
        let path = project.folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let elsewhere = |command: &str| {
        Command::new(env!("CARGO_BIN_EXE_milepost"))
            .current_dir(project.folder.path())
            .args([command, "-q", "--project-dir", "project"])
            .output()
            .unwrap()
    };
    let made = elsewhere("run");
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    for source in ["plain", "pattern", "objects", "folders"] {
        assert_eq!(project.notes(source), "\"ours\": 1\nall: 1", "{source}");
    }
    // No place on this machine is in what is compiled or said.
    let compiled = project.root.join("target/compiled/duckdb/facts_plain.sql");
    assert!(fs::read_to_string(compiled).unwrap().contains("'data/x.csv'"));
    fs::remove_file(project.root.join("data/x.csv")).unwrap();
    project.write("data/x.ndjson", "{\"id\": 1, \"note\": }\n");
    let said = String::from_utf8(elsewhere("run").stderr).unwrap();
    insta::assert_snapshot!(said, @r"
    error: `source.objects` cannot be read: `data/x.ndjson`, line 1: it is not JSON: expected value
    error: `source.pattern` reads `data/*.csv`, which is not there
    error: `source.plain` reads `data/x.csv`, which is not there
    ");
}

#[test]
fn a_folder_above_the_project_is_no_column() {
    let project = Project::named("Note=above/project");
    project.write("data/note=ours/x.csv", "id\n1\n");
    project.facts("log", "path = \"data/*/x.csv\"\nfolders = [\"note\"]");
    insta::assert_snapshot!(project.fails(), @"error: `source.log` cannot be read: the project lies below the folder `Note=above`, which DuckDB takes for the column `Note`, whatever `folders` names: move it elsewhere");
}

#[cfg(unix)]
#[test]
fn what_has_no_end_is_not_read() {
    let fifo = |path: PathBuf| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let project = Project::new();
    fifo(project.root.join("pipe.csv"));
    fifo(project.root.join("pipe.ndjson"));
    project.facts("a", "path = \"pipe.csv\"");
    project.facts("b", "path = \"pipe.ndjson\"");
    std::os::unix::fs::symlink("/dev/zero", project.root.join("zero.csv")).unwrap();
    project.facts("c", "path = \"zero.csv\"");
    insta::assert_snapshot!(project.fails(), @r"
    error: `source.a` cannot be read: `pipe.csv` is not a regular file
    error: `source.b` cannot be read: `pipe.ndjson` is not a regular file
    error: `source.c` cannot be read: `zero.csv` is not a regular file
    ");
    let estimated = project.run(&["explain", "--estimate"]);
    assert!(String::from_utf8_lossy(&estimated.stderr).contains("`pipe.csv` is not a regular file"));

    let project = Project::new();
    project.write("x.csv", "id,note\n1,x\n");
    project.facts("a", "path = \"x.csv\"");
    fifo(project.root.join("acme.duckdb"));
    let output = project.run(&["run", "-q"]);
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"error: target `dev`: the database `acme.duckdb` is not a regular file");
    fs::remove_file(project.root.join("acme.duckdb")).unwrap();
    fs::create_dir(project.root.join("acme.duckdb")).unwrap();
    let output = project.run(&["run", "-q"]);
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"error: target `dev`: the database `acme.duckdb` is a folder");

    for make in [fifo as fn(PathBuf), |path| std::os::unix::fs::symlink("/dev/zero", path).unwrap()] {
        let project = Project::new();
        fs::remove_file(project.root.join("project.toml")).unwrap();
        make(project.root.join("project.toml"));
        let said = String::from_utf8(project.run(&["check"]).stderr).unwrap();
        assert!(said.contains("reading `project.toml`: it is not a regular file"), "{said}");
    }
}

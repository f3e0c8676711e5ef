//! Holds the dependencies to `deny.toml`, without a tool that a clone would first have to compile.
//!
//! `cargo deny check` reads the same file and knows more (advisories, yanked versions); `.ci/run` calls it where it is
//! installed. Licences, sources and banned crates are what a change to Cargo.toml breaks, so those are tests.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
    sources: Registries,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Registries {
    allow_registry: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

fn rules() -> Rules {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
    toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// Everything that is compiled on this platform, which is what the build has downloaded already.
fn packages() -> Vec<Package> {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).unwrap();
    metadata.packages
}

/// Tells whether a license expression can be met with the allowed licenses alone.
///
/// `OR` binds weaker than `AND`, an older `/` is an `OR`, and an exception (`WITH`) only permits more.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = any(&words, &mut at, allowed);
    assert_eq!(at, words.len(), "`{expression}` is no license expression that this test reads");
    met
}

fn any(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = all(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= all(words, at, allowed);
    }
    met
}

fn all(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allowed);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let word = words[*at];
    *at += 1;
    if word == "(" {
        let met = any(words, at, allowed);
        *at += 1;
        return met;
    }
    if words.get(*at) == Some(&"WITH") {
        *at += 2;
    }
    allowed.contains(word)
}

#[test]
fn license_expressions_are_read_as_they_are_meant() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for met in
        ["MIT", "GPL-3.0 OR MIT", "MIT/GPL-3.0", "MIT AND ISC", "(GPL-3.0 OR ISC) AND MIT", "MIT WITH X OR GPL-3.0"]
    {
        assert!(is_met(met, &allowed), "{met}");
    }
    for unmet in ["GPL-3.0", "GPL-3.0 AND MIT", "(GPL-3.0 OR MIT) AND BSD-3-Clause", "GPL-3.0 WITH MIT"] {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}

#[test]
fn every_dependency_is_one_that_deny_toml_allows() {
    let rules = rules();
    let mut faults = Vec::new();
    for Package { name, version, license, source } in packages() {
        if name == env!("CARGO_PKG_NAME") {
            continue;
        }
        match license {
            Some(license) if is_met(&license, &rules.licenses.allow) => {}
            license => faults.push(format!("{name} {version}: its license is {license:?}")),
        }
        let registries = &rules.sources.allow_registry;
        if !source.as_deref().is_some_and(|source| registries.iter().any(|registry| source.ends_with(registry))) {
            faults.push(format!("{name} {version}: it comes from {source:?}"));
        }
        if let Some(ban) = rules.bans.deny.iter().find(|ban| ban.name == name) {
            faults.push(format!("{name} {version}: {}", ban.reason));
        }
    }
    assert!(faults.is_empty(), "{}\ndeny.toml says what may be depended on", faults.join("\n"));
}

#[test]
fn the_tests_are_built_with_the_dependencies_of_the_program() {
    let features = |edges: &str| -> BTreeSet<String> {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--locked", "--edges", edges, "--prefix", "none", "--format", "{p} [{f}]"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
    };
    let (program, tests) = (features("normal,build"), features("normal,build,dev"));
    let twice: Vec<&String> = program.difference(&tests).collect();
    assert!(
        twice.is_empty(),
        "`cargo test` would compile these again, with the features that the tests' dependencies ask for, and all that \
         stands on them: {twice:?}\nask for the same features in [dependencies]"
    );
}

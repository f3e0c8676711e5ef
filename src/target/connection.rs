//! How to connect to a target: its settings, checked when it is read, and put together when it is connected to.
//!
//! Compiling needs no credentials, so that a variable of the environment is looked up only where a connection is made.

use std::path::Path;
use std::time::Duration;

use indexmap::IndexMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::document::Spanned;
use crate::project::names::nearest;
use crate::project::read::list;
use crate::project::tables::settings::TargetTable;
use crate::project::{Definition, Project, is_variable};
use crate::semantic::duration;
use crate::source::Text;
use crate::target::Target;
use crate::warehouse::{self, Driver};

/// Returns the settings as they are written, by name; what the driver does not take is reported, and so is a secret that
/// stands in the file.
pub(super) fn settings(
    project: &Project,
    target: &Definition<TargetTable>,
    diagnostics: &mut Diagnostics,
) -> IndexMap<String, Text> {
    let known = Driver::named(target.body.dialect.get()).and_then(|driver| driver.settings);
    let mut settings = IndexMap::new();
    for (name, value) in &target.body.settings {
        let text = project.text(target, value);
        if let Some(known) = known {
            let Some(setting) = known.iter().find(|setting| setting.name == name.get()) else {
                let dialect = target.body.dialect.get();
                let names: Vec<&str> = known.iter().map(|setting| setting.name).collect();
                let diagnostic = Diagnostic::error("unknown-setting", format!("no setting `{}`", name.get()))
                    .at(target.place(name), format!("not one of {dialect}'s"));
                diagnostics.push(match nearest(name.get(), names.iter().copied()) {
                    Some(near) => diagnostic.help(format!("a setting with a similar name exists: `{near}`")),
                    None => diagnostic.help(format!("the settings are {}", list(&names))),
                });
                continue;
            };
            refuse_secret(setting.name, setting.secret, target, value, diagnostics);
        } else {
            refuse_secret(name.get(), looks_secret(name.get()), target, value, diagnostics);
        }
        settings.insert(name.get().clone(), text);
    }
    settings
}

/// Tells whether a setting that only the engine knows holds a secret, by the last word of its name.
fn looks_secret(name: &str) -> bool {
    let last = name.rsplit('_').next().unwrap_or(name);
    ["password", "passphrase", "secret", "token", "key"].contains(&last.to_lowercase().as_str())
}

/// Reports a secret that is written out, in whole or in part: whoever reads the project would read it.
fn refuse_secret(
    name: &str,
    is_secret: bool,
    target: &Definition<TargetTable>,
    value: &Spanned<String>,
    diagnostics: &mut Diagnostics,
) {
    let variable = value.get().strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    if !is_secret || variable.is_some_and(is_variable) {
        return;
    }
    let (message, label) = if value.get().contains("${") {
        (
            format!("`{name}` is more than the name of a variable"),
            "only `${NAME}` is no secret: no default, no text beside it",
        )
    } else {
        (format!("`{name}` is written into the project"), "whoever reads the project reads it")
    };
    let variable = format!("{}_{name}", target.body.dialect.get()).to_uppercase();
    diagnostics.push(
        Diagnostic::error("secret-in-project", message)
            .at(target.place(value), label)
            .help(format!("write `{name} = \"${{{variable}}}\"`, and set that variable where it runs")),
    );
}

/// Returns how long a statement may take.
pub(super) fn statement_timeout(target: &Definition<TargetTable>, diagnostics: &mut Diagnostics) -> Option<Duration> {
    let written = target.body.statement_timeout.as_ref()?;
    let found = duration::duration(written.get()).and_then(|microseconds| u64::try_from(microseconds).ok());
    let found = found.filter(|microseconds| *microseconds > 0);
    if found.is_none() {
        diagnostics.push(
            Diagnostic::error("bad-duration", format!("`{}` is not a time that a statement may take", written.get()))
                .at(target.place(written), "")
                .help(format!("write {}", duration::FORM)),
        );
    }
    found.map(Duration::from_micros)
}

impl Target {
    /// Returns what its driver needs to connect: here the environment's variables are looked up.
    pub fn connection(
        &self,
        project: &Project,
        root: &Path,
        diagnostics: &mut Diagnostics,
    ) -> Option<warehouse::Target> {
        let mut settings = IndexMap::new();
        let mut is_whole = true;
        for (name, text) in &self.settings {
            match project.expand(text, diagnostics) {
                Some(value) => {
                    settings.insert(name.clone(), value);
                }
                None => is_whole = false,
            }
        }
        settings.extend(self.places.clone());
        settings.insert("schema".to_owned(), self.schema.clone());
        if self.dialect.options().in_capitals {
            settings.insert("names".to_owned(), "upper".to_owned());
        }
        let labels = [
            ("application", "milepost"),
            ("project", project.settings.body.name.get()),
            ("target", self.name.as_str()),
        ];
        is_whole.then(|| warehouse::Target {
            name: self.name.clone(),
            driver: self.dialect.name().to_owned(),
            root: root.to_path_buf(),
            settings,
            statement_timeout: self.statement_timeout,
            labels: labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_lowercase())).collect(),
        })
    }
}

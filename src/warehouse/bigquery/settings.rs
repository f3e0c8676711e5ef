//! A target's settings, as this driver understands them.

use std::path::PathBuf;
use std::time::Duration;

use crate::warehouse::{Error, ErrorKind, Target};

/// What a target says.
#[derive(Clone)]
pub(super) struct Settings {
    /// The name of the target, for messages.
    pub(super) target: String,
    /// The project of the tables; empty where the target leaves it to the credentials.
    pub(super) project: String,
    /// The project that runs and pays for jobs; empty as `project` is.
    pub(super) job_project: String,
    /// The dataset that is written to; empty where none is named.
    pub(super) dataset: String,
    /// Where jobs run; empty where the service decides by what a statement reads.
    pub(super) location: String,
    /// The bytes that a statement may bill.
    pub(super) maximum_bytes_billed: Option<i64>,
    /// Whether jobs may wait for idle resources.
    pub(super) is_batch: bool,
    /// Where the service is, if not at its own address.
    pub(super) endpoint: Option<String>,
    /// The file with credentials.
    pub(super) credentials_path: Option<PathBuf>,
    /// How long a statement may take.
    pub(super) timeout: Option<Duration>,
    /// What jobs are marked with, legal as it is.
    pub(super) labels: Vec<(String, String)>,
}

impl Settings {
    /// Reads a target; nothing is opened.
    pub(super) fn of(target: &Target) -> Result<Self, Error> {
        let text = |name: &str| target.settings.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let bad = |name: &str, wanted: &str| {
            let message = format!("target `{}`: the setting `{name}` is not {wanted}", target.name);
            Error::new(ErrorKind::UserSql, message)
        };
        // The dataset may be qualified; the project may itself have a dot in it, as in `example.com:project`.
        let schema = text("schema").unwrap_or_default().replace('`', "");
        let (qualifier, dataset) = match schema.rsplit_once('.') {
            Some((project, dataset)) => (Some(project.to_owned()), dataset.to_owned()),
            None => (None, schema),
        };
        let project = text("project").map(str::to_owned).or(qualifier).unwrap_or_default();
        if text("job_project").is_some() && project.is_empty() {
            // A name without a project is read by the project that makes the view that it stands in.
            let message = format!(
                "target `{}` has a `job_project` and no `project`: say which project the tables are in",
                target.name
            );
            return Err(Error::new(ErrorKind::UserSql, message));
        }
        let maximum_bytes_billed = match text("maximum_bytes_billed") {
            None => None,
            Some(digits) => match digits.replace('_', "").parse::<i64>() {
                Ok(bytes) if bytes > 0 => Some(bytes),
                Ok(_) | Err(_) => return Err(bad("maximum_bytes_billed", "a number of bytes: `10000000000`")),
            },
        };
        let is_batch = match text("priority").map(str::to_lowercase).as_deref() {
            None | Some("interactive") => false,
            Some("batch") => true,
            Some(_) => return Err(bad("priority", "`interactive` or `batch`")),
        };
        let endpoint = text("endpoint").map(|endpoint| endpoint.trim_end_matches('/').to_owned());
        if let Some(endpoint) = &endpoint {
            let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
            if host.is_none_or(|host| host.is_empty() || host.contains(['@', ' ', '?', '#'])) {
                return Err(bad("endpoint", "an address: `https://…`, with neither user nor parameters"));
            }
        }
        let labels = target.labels.iter().map(|(name, value)| (label_key(name), label(value))).collect();
        Ok(Self {
            target: target.name.clone(),
            job_project: text("job_project").map_or_else(|| project.clone(), str::to_owned),
            project,
            dataset,
            location: text("location").unwrap_or_default().to_owned(),
            maximum_bytes_billed,
            is_batch,
            endpoint,
            credentials_path: text("credentials_path").map(|path| target.root.join(path)),
            timeout: target.statement_timeout,
            labels,
        })
    }
}

/// What a label may be long.
const LABEL: usize = 63;

/// Makes a label's value legal: lower case, digits, `_` and `-`, at most 63 characters.
pub(super) fn label(text: &str) -> String {
    let is_legal =
        |character: &char| character.is_lowercase() || character.is_ascii_digit() || "_-".contains(*character);
    let lower = text.chars().flat_map(char::to_lowercase);
    lower.map(|character| if is_legal(&character) { character } else { '_' }).take(LABEL).collect()
}

/// Makes a label's name legal, which begins with a letter besides.
fn label_key(text: &str) -> String {
    let key = label(text);
    if key.starts_with(char::is_lowercase) { key } else { label(&format!("l{key}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(settings: &[(&str, &str)]) -> Target {
        Target {
            name: "prod".to_owned(),
            driver: "bigquery".to_owned(),
            root: PathBuf::from("/root of the project"),
            settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            statement_timeout: None,
            labels: [("Team/Name".to_owned(), "Growth & Co".to_owned()), ("1st".to_owned(), "x".repeat(80))].into(),
        }
    }

    #[test]
    fn a_qualified_dataset_names_the_project() {
        let read = |settings: &[(&str, &str)]| {
            let settings = Settings::of(&target(settings)).unwrap();
            (settings.project, settings.job_project, settings.dataset)
        };
        let three = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(read(&[("schema", "p.d")]), three("p", "p", "d"));
        assert_eq!(read(&[("schema", "`example.com:p.d`")]), three("example.com:p", "example.com:p", "d"));
        assert_eq!(read(&[("schema", "d"), ("project", "p"), ("job_project", "j")]), three("p", "j", "d"));
        assert_eq!(read(&[("schema", "d")]), three("", "", "d"));
    }

    #[test]
    fn who_pays_is_no_project_of_the_tables() {
        let error = Settings::of(&target(&[("schema", "d"), ("job_project", "j")])).err().unwrap();
        let message = "target `prod` has a `job_project` and no `project`: say which project the tables are in";
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::UserSql, message));
    }

    #[test]
    fn what_is_no_number_no_priority_and_no_address_is_said_to_be_none() {
        let refused = |name: &str, value: &str| {
            let error = Settings::of(&target(&[(name, value)])).err().unwrap();
            assert_eq!(error.kind, ErrorKind::UserSql);
            assert!(error.message.starts_with(&format!("target `prod`: the setting `{name}` is not ")), "{error}");
            assert!(!error.message.contains(value), "{error}");
        };
        refused("maximum_bytes_billed", "10GB");
        refused("maximum_bytes_billed", "-17");
        refused("maximum_bytes_billed", "99999999999999999999");
        refused("priority", "urgent");
        refused("endpoint", "localhost:9050");
        refused("endpoint", "https://user:hunter2@example.com");
        let settings = Settings::of(&target(&[("maximum_bytes_billed", "1_000"), ("priority", "BATCH")])).unwrap();
        assert_eq!((settings.maximum_bytes_billed, settings.is_batch), (Some(1000), true));
    }

    #[test]
    fn labels_are_made_legal() {
        let labels = Settings::of(&target(&[])).unwrap().labels;
        let long = "x".repeat(63);
        assert_eq!(labels[0], ("team_name".to_owned(), "growth___co".to_owned()));
        assert_eq!(labels[1], ("l1st".to_owned(), long));
        assert_eq!(label("Ünïcode-Ok"), "ünïcode-ok");
    }
}

//! Names of tables and datasets: SQL text and its parts.

/// A table that the service can be asked for by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableName {
    /// The project; none where the name leaves it out.
    pub(super) project: Option<String>,
    pub(super) dataset: String,
    pub(super) table: String,
}

/// Reads the name of a table: `d.t`, `p.d.t`, with backticks around each part or around several.
///
/// None where the text is no such name: a function, a query, a view of the catalog, a name that stands for many tables.
pub(super) fn table(relation: &str) -> Option<TableName> {
    let mut parts = parts(relation)?;
    if parts.iter().any(|part| part.eq_ignore_ascii_case("INFORMATION_SCHEMA") || part.ends_with('*')) {
        return None;
    }
    let table = parts.pop()?;
    let dataset = parts.pop()?;
    // A project may have a dot in it.
    let project = (!parts.is_empty()).then(|| parts.join("."));
    (!table.contains(['$', '@'])).then_some(TableName { project, dataset, table })
}

/// Reads the name of a dataset, with the project where it has one; none where the text is no such name.
pub(super) fn dataset(schema: &str) -> Option<(Option<String>, String)> {
    let mut parts = parts(schema)?;
    let dataset = parts.pop()?;
    Some(((!parts.is_empty()).then(|| parts.join(".")), dataset))
}

/// Returns the parts of a name between dots, those inside of backticks included; none where it is more than a name.
fn parts(text: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for character in text.trim().chars() {
        match character {
            '`' => quoted = !quoted,
            '.' => parts.push(String::new()),
            _ if quoted || character.is_alphanumeric() || "_-:$@*".contains(character) => {
                parts.last_mut().expect("there is one from the beginning").push(character);
            }
            _ => return None,
        }
    }
    let is_name = !quoted && parts.iter().all(|part| !part.is_empty());
    is_name.then_some(parts)
}

/// Quotes a name, or several with dots between them.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_however_they_are_quoted() {
        let name = |project: Option<&str>, dataset: &str, name: &str| {
            Some(TableName { project: project.map(str::to_owned), dataset: dataset.to_owned(), table: name.to_owned() })
        };
        assert_eq!(table("raw.events"), name(None, "raw", "events"));
        assert_eq!(table("`raw`.`odd name`"), name(None, "raw", "odd name"));
        assert_eq!(table("my-project.raw.events"), name(Some("my-project"), "raw", "events"));
        assert_eq!(table("`my-project.raw.events`"), name(Some("my-project"), "raw", "events"));
        assert_eq!(table("`example.com:p`.`raw`.`events`"), name(Some("example.com:p"), "raw", "events"));
        for other in [
            "events",
            "`raw.events_*`",
            "raw.INFORMATION_SCHEMA.TABLES",
            "UNNEST([1, 2])",
            "(SELECT 1)",
            "raw.`events",
            "raw..events",
            "raw.events$20260101",
            "raw.events AS e",
        ] {
            assert_eq!(table(other), None, "{other}");
        }
    }

    #[test]
    fn a_dataset_may_name_its_project() {
        assert_eq!(dataset("`ds`"), Some((None, "ds".to_owned())));
        assert_eq!(dataset("`example.com:p`.`ds`"), Some((Some("example.com:p".to_owned()), "ds".to_owned())));
        assert_eq!(dataset("`ds"), None);
    }

    #[test]
    fn a_backtick_does_not_end_a_quoted_name() {
        assert_eq!(quoted("a`b\\"), "`a\\`b\\\\`");
    }
}

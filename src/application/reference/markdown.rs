//! Pieces of Markdown.

/// Returns a text as a cell of a table: in one line, with its bars escaped.
pub(super) fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// Returns a row of a table.
pub(super) fn row<S: AsRef<str>>(cells: &[S]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text.as_ref())).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Returns the head of a table.
pub(super) fn head(names: &[&str]) -> String {
    let line = vec!["---"; names.len()];
    row(names) + &row(&line)
}

/// Returns a fenced block.
pub(super) fn block(language: &str, text: &str) -> String {
    format!("```{language}\n{}\n```\n", text.trim_matches('\n'))
}

/// Returns code within a line.
pub(super) fn code(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

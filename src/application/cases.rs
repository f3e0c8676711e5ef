//! Which unit tests of a project are meant.

use std::collections::BTreeSet;

use crate::Analysis;
use crate::application::Obstacle;
use crate::application::selection::{Node, Selection};
use crate::application::workspace::Workspace;
use crate::language::{Id, Table};
use crate::suite::case::{self, Case};

/// Returns the unit tests that are selected and not excluded: by their own names, or by those of the definitions whose rows
/// they expect.
pub fn cases(workspace: &mut Workspace, selection: &Selection) -> Result<Vec<Case>, Obstacle> {
    let Analysis { project, model, plan } = &workspace.analysis;
    let mut cases = case::resolve(project, model, plan, &mut workspace.diagnostics);
    workspace.stop_on_errors()?;
    if !selection.is_everything() {
        let (selected, excluded) = (workspace.selected(selection)?, workspace.excluded(selection)?);
        let tests = workspace.nodes().into_iter().filter(|node| node.id.table == Table::Test);
        let is_among = |node: &Node, named: &BTreeSet<Id>| {
            named.contains(&node.id) || node.depends_on.iter().any(|definition| named.contains(definition))
        };
        let is_wanted = |node: &Node| is_among(node, &selected) && !is_among(node, &excluded);
        let wanted: BTreeSet<String> = tests.filter(is_wanted).map(|node| node.id.name).collect();
        cases.retain(|case| wanted.contains(&case.name));
    }
    Ok(cases)
}

//! Which source of events a milestone counts.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Definition;
use crate::project::document::OneOrMany;
use crate::project::read::list;
use crate::project::tables::milestone::MilestoneTable;
use crate::semantic::milestones::Cx;
use crate::semantic::model::{EventName, Model, SourceIndex, SourceRows};

impl Cx<'_> {
    /// Returns the source that is named, or else the one that the events are in.
    pub(super) fn source(
        &self,
        definition: &Definition<MilestoneTable>,
        model: &Model,
        diagnostics: &mut Diagnostics,
    ) -> Option<SourceIndex> {
        let table = &definition.body;
        let is_events = |index: SourceIndex| matches!(model.source(index).rows, SourceRows::Events { .. });
        if let Some(name) = &table.source {
            let index = self.sources.find(name.get(), definition.place(name), diagnostics)?;
            if !is_events(index) {
                diagnostics.push(
                    Diagnostic::error("not-events", format!("source `{}` holds facts, not events", name.get()))
                        .at(definition.place(name), "")
                        .at(model.source(index).meta.span, "declared here")
                        .help(
                            "declare a second source over the same table, with `kind = \"events\"`, `event` and `time`",
                        ),
                );
                return None;
            }
            return Some(index);
        }
        // A source that has mistakes of its own may be the one that is meant.
        if self.sources.found.values().any(|(index, _)| index.is_none()) {
            return None;
        }
        let events: Vec<SourceIndex> = (0..model.sources.len()).map(SourceIndex).filter(|i| is_events(*i)).collect();
        let candidates = match events.as_slice() {
            [_] => events,
            several => holding(&listed(table), several, model),
        };
        match candidates.as_slice() {
            [only] => Some(*only),
            [] => {
                diagnostics.push(
                    Diagnostic::error("no-source", "the project has no source of events")
                        .at(definition.span, "counts events")
                        .help("declare one: `[source.events]` with its `table`, `id`, `entity`, `name` and `time`"),
                );
                None
            }
            several => {
                let names: Vec<&str> = several.iter().map(|index| model.source(*index).meta.name.as_str()).collect();
                diagnostics.push(
                    Diagnostic::error(
                        "ambiguous-source",
                        format!("milestone `{}` does not say whose events it counts", definition.name),
                    )
                    .at(definition.span, "has no `source`")
                    .help(format!("name one by `source`: events are in {}", list(&names))),
                );
                None
            }
        }
    }
}

/// Returns the names of the events that count; none where every event does.
fn listed(table: &MilestoneTable) -> Vec<&str> {
    let names: Vec<&str> = match table.event.as_ref().map(crate::project::document::Spanned::get) {
        None => Vec::new(),
        Some(OneOrMany::One(one)) => vec![one.as_str()],
        Some(OneOrMany::Many(many)) => many.iter().map(|each| each.get().as_str()).collect(),
    };
    if names.contains(&"*") { Vec::new() } else { names }
}

/// Returns the sources that the events could be in: tables of one kind of event that say so, or else the logs.
///
/// Where they are spread over several, all of those are returned, and none is the one.
fn holding(names: &[&str], sources: &[SourceIndex], model: &Model) -> Vec<SourceIndex> {
    let constant = |index: SourceIndex| match &model.source(index).rows {
        SourceRows::Events { name: EventName::Constant(name), .. } => Some(name.as_str()),
        SourceRows::Events { name: EventName::Column(_), .. } | SourceRows::Facts => None,
    };
    let tables: Vec<SourceIndex> =
        sources.iter().copied().filter(|index| constant(*index).is_some_and(|name| names.contains(&name))).collect();
    let logs: Vec<SourceIndex> = sources.iter().copied().filter(|index| constant(*index).is_none()).collect();
    let in_no_table = |name: &&str| !tables.iter().any(|index| constant(*index) == Some(*name));
    if tables.is_empty() {
        return if logs.is_empty() { sources.to_vec() } else { logs };
    }
    if names.iter().any(in_no_table) { [tables, logs].concat() } else { tables }
}

//! Which source of events a milestone counts.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Definition;
use crate::project::document::OneOrMany;
use crate::project::read::list;
use crate::project::tables::milestone::MilestoneTable;
use crate::semantic::milestones::Cx;
use crate::semantic::model::{EventName, Model, SourceIndex, SourceRows};

impl Cx<'_> {
    /// Returns the source that is named, or else the only one that the events can be in.
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
                let metas: Vec<_> = several.iter().map(|index| &model.source(*index).meta).collect();
                let names: Vec<&str> = metas.iter().map(|meta| meta.name.as_str()).collect();
                let mut diagnostic = Diagnostic::error(
                    "ambiguous-source",
                    format!("milestone `{}` does not say whose events it counts", definition.name),
                )
                .at(definition.span, "has no `source`");
                for meta in metas {
                    diagnostic = diagnostic.at(meta.span, "they may be in this one, or …");
                }
                let help = format!("name one by `source`: events are in {}", list(&names));
                diagnostics.push(diagnostic.help(help));
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

/// Returns the sources that could hold some of the events: logs, which hold any, and tables of one kind of event that is
/// one of them. Where none could, all are returned.
fn holding(names: &[&str], sources: &[SourceIndex], model: &Model) -> Vec<SourceIndex> {
    let could = |index: &SourceIndex| match &model.source(*index).rows {
        SourceRows::Events { name: EventName::Constant(only), .. } => {
            names.is_empty() || names.contains(&only.as_str())
        }
        SourceRows::Events { name: EventName::Column(_), .. } => true,
        SourceRows::Facts { .. } => false,
    };
    let found: Vec<SourceIndex> = sources.iter().copied().filter(could).collect();
    if found.is_empty() { sources.to_vec() } else { found }
}

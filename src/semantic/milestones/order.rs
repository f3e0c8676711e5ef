//! The order in which milestones can be resolved: each after those that it is made from.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::document::Spanned;
use crate::project::tables::milestone::MilestoneTable;
use crate::project::{Definition, Project};
use crate::semantic::milestones::Cx;
use crate::semantic::values::circle;
use crate::source::Span;

/// Returns the names that a milestone is made from, with their places.
fn references(definition: &Definition<MilestoneTable>) -> Vec<(&Spanned<String>, Span)> {
    let table = &definition.body;
    let mut references: Vec<&Spanned<String>> = Vec::new();
    references.extend(table.from.as_ref().filter(|from| from.get() != "start"));
    references.extend(&table.after);
    references.extend(&table.members);
    for parts in [&table.all_of, &table.any_of, &table.sequence, &table.none_of].into_iter().flatten() {
        references.extend(parts.get());
    }
    if let Some(at_least_of) = &table.at_least_of {
        references.extend(&at_least_of.get().of);
    }
    references.into_iter().map(|reference| (reference, definition.place(reference))).collect()
}

/// Orders milestones so that each comes after those that it is made from, and reports cycles; those in one are left out.
pub(super) fn in_order<'c>(
    project: &'c Project,
    cx: &Cx<'c>,
    diagnostics: &mut Diagnostics,
) -> Vec<&'c Definition<MilestoneTable>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        Open,
        Done,
        Cyclic,
    }
    let mut marks: BTreeMap<&str, Mark> = BTreeMap::new();
    let mut order = Vec::new();
    for root in &project.tables.milestones {
        // A walk in depth with its own stack: chains may be long.
        let mut stack = vec![(root, references(root), 0)];
        if marks.contains_key(root.name.as_str()) {
            continue;
        }
        marks.insert(&root.name, Mark::Open);
        while let Some((definition, inputs, next)) = stack.pop() {
            if let Some((reference, span)) = inputs.get(next).copied() {
                stack.push((definition, inputs, next + 1));
                let Some(input) = cx.by_name.get(reference.get().as_str()).copied() else { continue };
                match marks.get(input.name.as_str()) {
                    Some(Mark::Open) => {
                        let from = stack.iter().position(|(each, _, _)| each.name == input.name).unwrap_or(0);
                        let path: Vec<&str> = stack[from..].iter().map(|(each, _, _)| each.name.as_str()).collect();
                        for name in &path {
                            marks.insert(cx.by_name[name].name.as_str(), Mark::Cyclic);
                        }
                        let message = match path.as_slice() {
                            [own] => format!("milestone `{own}` depends on itself"),
                            path => format!("milestones depend on each other: {}", circle(path)),
                        };
                        diagnostics.push(
                            Diagnostic::error("milestone-cycle", message)
                                .at(span, "closes the circle")
                                .at(input.span, "which begins here"),
                        );
                    }
                    Some(Mark::Done | Mark::Cyclic) => {}
                    None => {
                        marks.insert(&input.name, Mark::Open);
                        stack.push((input, references(input), 0));
                    }
                }
            } else if marks.get(definition.name.as_str()) != Some(&Mark::Cyclic) {
                marks.insert(&definition.name, Mark::Done);
                order.push(definition);
            }
        }
    }
    order
}

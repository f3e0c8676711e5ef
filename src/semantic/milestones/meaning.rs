//! A milestone as a definition: what it is made of, and what it means.

use crate::semantic::definitions::{Defined, add_milestone};
use crate::semantic::meaning::{Lines, event_names, milestone_name, milestone_names};
use crate::semantic::model::{Anchor, DefinitionId, Meta, Milestone, Model, Occurrences, Progress};

impl Defined for Milestone {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn is_hidden(&self) -> bool {
        self.hidden
    }

    fn made_of(&self, model: &Model) -> Vec<DefinitionId> {
        let mut made_of = vec![self.entity.into()];
        if let Occurrences::Events { source, .. } = &self.occurrences {
            made_of.push((*source).into());
            made_of.extend(model.source(*source).entity().into_iter().map(|(actor, _)| DefinitionId::from(*actor)));
        }
        self.inputs().into_iter().for_each(|input| add_milestone(model, input, &mut made_of));
        made_of
    }

    fn meaning(&self, model: &Model) -> String {
        let Milestone {
            meta: _,
            hidden: _,
            again: _,
            entity,
            anchor,
            after,
            within,
            // They follow from the rest.
            horizon: _,
            from_start: _,
            depth: _,
            applies_to,
            occurrences,
            progress,
            at_least,
            weight,
            tier,
            gating,
        } = self;
        let mut lines = Lines::default();
        lines.add("entity", model.entity(*entity).meta.name.clone());
        lines.add(
            "from",
            match anchor {
                Anchor::Start => None,
                Anchor::Reach(index) => Some(milestone_name(model, *index)),
            },
        );
        lines.add("after", after.map(|index| milestone_name(model, index)));
        lines.add("within", within.map(|within| within.to_string()));
        lines.expr("for", applies_to.as_ref());
        match occurrences {
            Occurrences::Events { source, names, condition, subject } => {
                lines.add("events", format!("{} {}", model.source(*source).meta.name, event_names(names)));
                lines.expr("where", condition.as_ref()).expr("subject", subject.as_ref())
            }
            Occurrences::Reaches(parts) => lines.add("reaches", milestone_names(model, parts)),
            Occurrences::Members(member) => lines.add("members", milestone_name(model, *member)),
            Occurrences::Absence(parts) => lines.add("absence", milestone_names(model, parts)),
        };
        match progress {
            Progress::Count => lines.flag("count", true),
            Progress::Distinct(value) => lines.expr("distinct", Some(value)),
            Progress::Sum(value) => lines.expr("sum", Some(value)),
        };
        lines.add("at_least", at_least.to_string()).add("weight", weight.map(|weight| weight.to_string()));
        lines.add("tier", tier.clone()).flag("gating", *gating);
        lines.end()
    }
}

//! What a definition means, as a text that is the same wherever and however the definition is written.
//!
//! It names other definitions, and leaves out what is for people: titles, descriptions, owners, tags, comments, the
//! order of keys, files. Two definitions with one meaning compute the same. Each struct is taken apart field by field, so that
//! one with a new field does not compile until it is said whether that is meaning.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::plan::streams::signature;
use crate::semantic::expr::Expr;
use crate::semantic::files::{Csv, Files};
use crate::semantic::model::{
    Anchor, Column, Entity, EventName, Kpi, KpiValue, Measure, MeasureRelation, Milestone, MilestoneIndex, Model,
    Occurrences, Origin, Progress, Properties, Score, Source, SourceRows,
};

/// Returns the meaning of the definition of that kind and name; none where there is none.
pub fn of(model: &Model, kind: &str, name: &str) -> Option<String> {
    let cx = Cx { model };
    match kind {
        "source" => model.sources.iter().find(|own| own.meta.name == name).map(|own| cx.source(own)),
        "entity" => model.entities.iter().find(|own| own.meta.name == name).map(|own| cx.entity(own)),
        "milestone" => model.milestones.iter().find(|own| own.meta.name == name).map(|own| cx.milestone(own)),
        "kpi" => model.kpis.iter().find(|own| own.meta.name == name).map(|own| cx.kpi(own)),
        "score" => model.scores.iter().find(|own| own.meta.name == name).map(|own| cx.score(own)),
        _ => None,
    }
}

struct Cx<'m> {
    model: &'m Model,
}

/// Writes `name: value` lines; what is absent writes nothing, so that a key that comes to the language changes no hash.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: impl Into<Option<String>>) -> &mut Self {
        if let Some(value) = value.into() {
            let _ = writeln!(self.0, "{name}: {value}");
        }
        self
    }

    fn expr(&mut self, name: &str, expr: Option<&Expr>) -> &mut Self {
        self.add(name, expr.map(signature))
    }

    fn flag(&mut self, name: &str, is_set: bool) -> &mut Self {
        self.add(name, is_set.then(String::new))
    }

    fn columns(&mut self, columns: &[Column]) -> &mut Self {
        let mut sorted: Vec<&Column> = columns.iter().collect();
        sorted.sort_by(|left, right| left.name.cmp(&right.name));
        for Column { name, column, ty, span: _ } in sorted {
            self.add("column", format!("{name:?} {column:?} {ty}"));
        }
        self
    }

    fn origin(&mut self, Origin { table, files, span: _ }: &Origin) -> &mut Self {
        self.add("table", table.as_ref().map(|table| format!("{table:?}")));
        let Some(Files { path, format, csv, folders }) = files else { return self };
        self.add("file", format!("{path:?} {}", format.name()));
        self.add("csv", (*csv != Csv::default()).then(|| format!("{csv:?}")));
        self.add("folders", (!folders.is_empty()).then(|| format!("{folders:?}")))
    }
}

impl Cx<'_> {
    fn milestone_name(&self, index: MilestoneIndex) -> String {
        let milestone = self.model.milestone(index);
        // A step has a made-up name, so that its own meaning stands in its place.
        if milestone.hidden { format!("[{}]", self.milestone(milestone)) } else { milestone.meta.name.clone() }
    }

    fn milestone_names(&self, indexes: &[MilestoneIndex]) -> String {
        indexes.iter().map(|index| self.milestone_name(*index)).collect::<Vec<_>>().join(" ")
    }

    fn source(&self, own: &Source) -> String {
        let Source {
            meta: _,
            origin,
            rows,
            key,
            entity,
            time,
            time_type,
            timezone,
            columns,
            deduplicate,
            retain,
            // How rows are kept, and for how long by the warehouse's clock: `layout`.
            expire: _,
            partition: _,
            scan,
            condition,
            // Only what is warned about.
            any_event_names: _,
            places: _,
        } = own;
        let mut lines = Lines::default();
        lines.origin(origin).add("key", key.clone()).add("time", time.clone());
        lines.add("timezone", timezone.clone()).flag("deduplicate", *deduplicate);
        lines.add("time_type", time_type.map(|ty| ty.name().to_owned())).expr("scan", scan.as_ref());
        let entity =
            entity.as_ref().map(|(entity, column)| format!("{} {column:?}", self.model.entity(*entity).meta.name));
        lines.add("entity", entity).columns(columns).expr("where", condition.as_ref());
        lines.add("retain", retain.map(|age| age.to_string()));
        match rows {
            SourceRows::Facts => lines.flag("facts", true),
            SourceRows::Events { name, properties, aliases } => {
                lines.add(
                    "name",
                    match name {
                        EventName::Column(column) => format!("column {column:?}"),
                        EventName::Constant(name) => format!("constant {name:?}"),
                    },
                );
                if let Some(Properties { column, stored, types, span: _ }) = properties {
                    lines.add("properties", format!("{column:?} {stored:?}"));
                    let mut types: Vec<_> = types.iter().collect();
                    types.sort();
                    for (path, ty) in types {
                        lines.add("property", format!("{:?} {ty}", path.to_string()));
                    }
                }
                let mut aliases: Vec<_> = aliases.iter().collect();
                aliases.sort();
                for (name, others) in aliases {
                    lines.add("alias", format!("{name:?} {others:?}"));
                }
                &mut lines
            }
        };
        lines.0
    }

    fn entity(&self, own: &Entity) -> String {
        let Entity {
            meta: _,
            origin,
            key,
            start,
            start_type,
            timezone,
            attributes,
            parent,
            members,
            condition,
            places: _,
        } = own;
        let mut lines = Lines::default();
        if let Some(origin) = origin {
            lines.origin(origin);
        }
        lines.add("key", key.clone()).add("start", start.clone()).add("timezone", timezone.clone());
        lines.add("start_type", start_type.map(|ty| ty.name().to_owned()));
        let parent =
            parent.as_ref().map(|(parent, column)| format!("{} {column:?}", self.model.entity(*parent).meta.name));
        let members: BTreeSet<&str> =
            members.iter().map(|member| self.model.entity(*member).meta.name.as_str()).collect();
        lines.add("members", (!members.is_empty()).then(|| format!("{members:?}")));
        lines.add("parent", parent).columns(attributes).expr("where", condition.as_ref());
        lines.0
    }

    fn milestone(&self, own: &Milestone) -> String {
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
        } = own;
        let mut lines = Lines::default();
        lines.add("entity", self.model.entity(*entity).meta.name.clone());
        lines.add(
            "from",
            match anchor {
                Anchor::Start => None,
                Anchor::Reach(index) => Some(self.milestone_name(*index)),
            },
        );
        lines.add("after", after.map(|index| self.milestone_name(index)));
        lines.add("within", within.map(|within| within.to_string()));
        lines.expr("for", applies_to.as_ref());
        match occurrences {
            Occurrences::Events { source, names, condition, subject } => {
                let mut names = names.clone();
                if let Some(names) = &mut names {
                    names.sort();
                }
                lines.add("events", format!("{} {names:?}", self.model.source(*source).meta.name));
                lines.expr("where", condition.as_ref()).expr("subject", subject.as_ref())
            }
            Occurrences::Reaches(parts) => lines.add("reaches", self.milestone_names(parts)),
            Occurrences::Members(member) => lines.add("members", self.milestone_name(*member)),
            Occurrences::Absence(parts) => lines.add("absence", self.milestone_names(parts)),
        };
        match progress {
            Progress::Count => lines.flag("count", true),
            Progress::Distinct(value) => lines.expr("distinct", Some(value)),
            Progress::Sum(value) => lines.expr("sum", Some(value)),
        };
        lines.add("at_least", at_least.to_string()).add("weight", weight.map(|weight| weight.to_string()));
        lines.add("tier", tier.clone()).flag("gating", *gating);
        lines.0
    }

    fn kpi(&self, own: &Kpi) -> String {
        // What it is called and counted in, and what it should be, is for people.
        let Kpi {
            meta: _,
            kind: _,
            unit: _,
            direction: _,
            target: _,
            grain,
            by_cohort,
            // What they are is in the measures.
            dimensions: _,
            breakdowns,
            include_immature,
            value,
        } = own;
        let mut lines = Lines::default();
        lines.add("grain", format!("{grain:?}")).flag("cohort", *by_cohort);
        let by: Vec<&str> = breakdowns.iter().map(|own| own.name.as_str()).collect();
        lines.add("by", by.join(" ")).flag("include_immature", *include_immature);
        match value {
            KpiValue::Measures { numerator, denominator } => {
                lines.add("numerator", self.measure(numerator));
                lines.add("denominator", denominator.as_ref().map(|measure| self.measure(measure)));
            }
            KpiValue::Statistic(measure) => {
                lines.add("statistic", self.measure(measure));
            }
            // The inputs are those that it names.
            KpiValue::Formula { value, inputs: _ } => {
                lines.expr("formula", Some(value));
            }
        }
        lines.0
    }

    fn measure(&self, own: &Measure) -> String {
        let Measure { relation, function, argument, members, filter, time, dimensions, waits, mature_only } = own;
        let mut lines = Lines::default();
        lines.add(
            "of",
            match relation {
                MeasureRelation::Entity(entity) => format!("entity {}", self.model.entity(*entity).meta.name),
                MeasureRelation::Milestone { of, population } => {
                    let population = population.map(|index| self.milestone_name(index));
                    format!("milestone {} {}", self.milestone_name(*of), population.unwrap_or_default())
                }
                MeasureRelation::Events(source, names) => {
                    let mut names = names.clone();
                    if let Some(names) = &mut names {
                        names.sort();
                    }
                    format!("events {} {names:?}", self.model.source(*source).meta.name)
                }
                MeasureRelation::Facts(source) => format!("facts {}", self.model.source(*source).meta.name),
            },
        );
        lines.add("function", format!("{function:?}"));
        lines.expr("value", argument.as_ref()).expr("members", members.as_ref()).expr("where", filter.as_ref());
        lines.expr("time", time.as_ref()).flag("mature_only", *mature_only).flag("waits", *waits);
        for dimension in dimensions {
            lines.expr("dimension", Some(dimension));
        }
        lines.0
    }

    fn score(&self, own: &Score) -> String {
        let Score { meta: _, entity, terms, bands } = own;
        let mut lines = Lines::default();
        lines.add("entity", self.model.entity(*entity).meta.name.clone());
        let mut terms: Vec<String> =
            terms.iter().map(|(index, weight)| format!("{} {weight}", self.milestone_name(*index))).collect();
        terms.sort();
        for term in terms {
            lines.add("term", term);
        }
        for (band, bound) in bands {
            lines.add("band", format!("{band:?} {bound}"));
        }
        lines.0
    }
}

/// Returns how the warehouse is to keep the rows of the definition of that kind and name, which is no part of their meaning;
/// nothing where it says nothing.
pub fn layout(model: &Model, kind: &str, name: &str) -> String {
    let mut lines = Lines::default();
    if let Some(source) = model.sources.iter().find(|own| kind == "source" && own.meta.name == name) {
        lines.add("partition", source.partition.map(|by| by.name().to_owned())).flag("expire", source.expire);
    }
    lines.0
}

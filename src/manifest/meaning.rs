//! What a definition means, as a text that is the same wherever and however the definition is written.
//!
//! It names other definitions, and leaves out what is for people: titles, descriptions, owners, tags, comments, the
//! order of keys, files. Two definitions with one meaning compute the same.

use std::fmt::Write as _;

use crate::plan::streams::signature;
use crate::semantic::expr::Expr;
use crate::semantic::files::Csv;
use crate::semantic::model::{
    Anchor, Column, Entity, EventName, Kpi, KpiValue, Measure, MeasureRelation, Milestone, MilestoneIndex, Model,
    Occurrences, Origin, Progress, Score, Source, SourceRows,
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
        for column in sorted {
            self.add("column", format!("{:?} {:?} {}", column.name, column.column, column.ty));
        }
        self
    }

    fn origin(&mut self, origin: &Origin) -> &mut Self {
        self.add("table", origin.table.as_ref().map(|table| format!("{table:?}")));
        let Some(files) = &origin.files else { return self };
        self.add("file", format!("{:?} {}", files.path, files.format.name()));
        self.add("csv", (files.csv != Csv::default()).then(|| format!("{:?}", files.csv)));
        self.add("folders", (!files.folders.is_empty()).then(|| format!("{:?}", files.folders)))
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
        let mut lines = Lines::default();
        lines.origin(&own.origin).add("key", own.key.clone()).add("time", own.time.clone());
        lines.add("timezone", own.timezone.clone()).flag("deduplicate", own.deduplicate);
        lines.add("time_type", own.time_type.map(|ty| ty.name().to_owned())).expr("scan", own.scan.as_ref());
        let entity =
            own.entity.as_ref().map(|(entity, column)| format!("{} {column:?}", self.model.entity(*entity).meta.name));
        lines.add("entity", entity).columns(&own.columns).expr("where", own.condition.as_ref());
        match &own.rows {
            SourceRows::Facts => lines.flag("facts", true),
            SourceRows::Events { name, properties, aliases } => {
                lines.add(
                    "name",
                    match name {
                        EventName::Column(column) => format!("column {column:?}"),
                        EventName::Constant(name) => format!("constant {name:?}"),
                    },
                );
                if let Some(properties) = properties {
                    lines.add("properties", format!("{:?} {:?}", properties.column, properties.stored));
                    let mut types: Vec<_> = properties.types.iter().collect();
                    types.sort();
                    for (path, ty) in types {
                        lines.add("property", format!("{path:?} {ty}"));
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
        let mut lines = Lines::default();
        if let Some(origin) = &own.origin {
            lines.origin(origin);
        }
        lines.add("key", own.key.clone()).add("start", own.start.clone()).add("timezone", own.timezone.clone());
        lines.add("start_type", own.start_type.map(|ty| ty.name().to_owned()));
        let parent =
            own.parent.as_ref().map(|(parent, column)| format!("{} {column:?}", self.model.entity(*parent).meta.name));
        lines.add("parent", parent).columns(&own.attributes).expr("where", own.condition.as_ref());
        lines.0
    }

    fn milestone(&self, own: &Milestone) -> String {
        let mut lines = Lines::default();
        lines.add("entity", self.model.entity(own.entity).meta.name.clone());
        lines.add(
            "from",
            match own.anchor {
                Anchor::Start => None,
                Anchor::Reach(index) => Some(self.milestone_name(index)),
            },
        );
        lines.add("after", own.after.map(|index| self.milestone_name(index)));
        lines.add("within", own.within.map(|within| within.to_string()));
        lines.expr("for", own.applies_to.as_ref());
        match &own.occurrences {
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
        match &own.progress {
            Progress::Count => lines.flag("count", true),
            Progress::Distinct(value) => lines.expr("distinct", Some(value)),
            Progress::Sum(value) => lines.expr("sum", Some(value)),
        };
        lines.add("at_least", own.at_least.to_string()).add("weight", own.weight.map(|weight| weight.to_string()));
        lines.add("tier", own.tier.clone()).flag("gating", own.gating);
        lines.0
    }

    fn kpi(&self, own: &Kpi) -> String {
        let mut lines = Lines::default();
        lines.add("grain", format!("{:?}", own.grain)).flag("cohort", own.by_cohort);
        lines.add("by", own.dimensions.join(" ")).flag("include_immature", own.include_immature);
        match &own.value {
            KpiValue::Measures { numerator, denominator } => {
                lines.add("numerator", self.measure(numerator));
                lines.add("denominator", denominator.as_ref().map(|measure| self.measure(measure)));
            }
            KpiValue::Statistic(measure) => {
                lines.add("statistic", self.measure(measure));
            }
            KpiValue::Formula { value, .. } => {
                lines.expr("formula", Some(value));
            }
        }
        lines.0
    }

    fn measure(&self, own: &Measure) -> String {
        let mut lines = Lines::default();
        lines.add(
            "of",
            match &own.relation {
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
        lines.add("function", format!("{:?}", own.function));
        lines.expr("value", own.argument.as_ref()).expr("where", own.filter.as_ref());
        lines.expr("time", own.time.as_ref()).flag("mature_only", own.mature_only);
        for dimension in &own.dimensions {
            lines.expr("dimension", Some(dimension));
        }
        lines.0
    }

    fn score(&self, own: &Score) -> String {
        let mut lines = Lines::default();
        lines.add("entity", self.model.entity(own.entity).meta.name.clone());
        let mut terms: Vec<String> =
            own.terms.iter().map(|(index, weight)| format!("{} {weight}", self.milestone_name(*index))).collect();
        terms.sort();
        for term in terms {
            lines.add("term", term);
        }
        for (band, bound) in &own.bands {
            lines.add("band", format!("{band:?} {bound}"));
        }
        lines.0
    }
}

//! The measure that kinds are made of: what is counted, and how its rows fall into buckets and segments.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::Diagnostic;
use crate::language::Table;
use crate::project::document::{OneOrMany, Spanned};
use crate::project::names::nearest;
use crate::project::read::list;
use crate::semantic::expr::{AggregateFunction, BinaryOperator, Expr, ExprKind, Type};
use crate::semantic::kinds::Cx;
use crate::semantic::milestones::{check_event_name, compared_by, empty_list};
use crate::semantic::model::{
    EntityIndex, EventNames, Measure, MeasureRelation, MilestoneIndex, SourceIndex, SourceRows,
};
use crate::semantic::name::{EventRole, FactRole, Name, Path, ReachColumn};
use crate::semantic::parse::Scope as _;
use crate::semantic::scopes::Names;
use crate::semantic::{names_in, parse, settled, sources, values};
use crate::source::Span;

/// How rows become a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Rows, or rows where `value` is not null.
    Count,
    /// Different values of `value`.
    CountDistinct,
    /// The sum of `value`.
    Sum,
    /// The mean of `value`.
    Average,
    /// The smallest `value`.
    Min,
    /// The largest `value`.
    Max,
}

/// `{ of = …, aggregate = …, value = …, where = …, event = … }`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasureTable {
    /// What is counted: an entity, a milestone or a source.
    pub of: Spanned<String>,
    /// How; `count` if absent.
    pub aggregate: Option<Spanned<Aggregation>>,
    /// What is aggregated, as an expression.
    pub value: Option<Spanned<String>>,
    /// The rows that count, as an expression.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
    /// The events that count, where a source of events is counted; all if absent.
    pub event: Option<Spanned<OneOrMany>>,
}

impl Aggregation {
    fn function(self) -> AggregateFunction {
        match self {
            Aggregation::Count => AggregateFunction::Count,
            Aggregation::CountDistinct => AggregateFunction::CountDistinct,
            Aggregation::Sum => AggregateFunction::Sum,
            Aggregation::Average => AggregateFunction::Average,
            Aggregation::Min => AggregateFunction::Min,
            Aggregation::Max => AggregateFunction::Max,
        }
    }
}

/// Makes a column of a canonical name.
pub fn column(name: Name, ty: Type, span: Span) -> Expr {
    Expr { kind: ExprKind::Column(name), ty, span }
}

/// Joins two conditions that must both hold.
pub fn and(left: Option<Expr>, right: Option<Expr>) -> Option<Expr> {
    match (left, right) {
        (Some(left), Some(right)) => {
            let span = left.span;
            let kind = ExprKind::Binary(BinaryOperator::And, Box::new(left), Box::new(right));
            Some(Expr { kind, ty: Type::Bool, span })
        }
        (one, other) => one.or(other),
    }
}

/// `reached`, of a milestone's rows.
pub fn reached(span: Span) -> Expr {
    column(Name::Reach(ReachColumn::Reached), Type::Bool, span)
}

impl Cx<'_> {
    /// Makes a measure of a table.
    pub fn measure(&mut self, table: &MeasureTable) -> Option<Measure> {
        let aggregation = table.aggregate.as_ref().map_or(Aggregation::Count, |aggregate| *aggregate.get());
        let (event, condition) = (table.event.as_ref(), table.condition.as_ref());
        let mut measure = self.rows(&table.of, event, condition, table.value.as_ref(), None)?;
        measure.function = aggregation.function();
        measure.filter = self.reaches(&measure, &table.of);
        let span = table.aggregate.as_ref().map_or(self.place(&table.of), |aggregate| self.place(aggregate));
        match (&measure.argument, aggregation) {
            (None, Aggregation::Count) | (Some(_), Aggregation::Count | Aggregation::CountDistinct) => {}
            (Some(value), Aggregation::Sum | Aggregation::Average | Aggregation::Min | Aggregation::Max) => {
                if !value.is_number() {
                    let message = format!("a number is aggregated, and this is {}", value.ty.with_article());
                    let diagnostic = Diagnostic::error("wrong-type", message).at(value.span, value.ty.name());
                    self.report(diagnostic);
                    return None;
                }
            }
            (None, _) => {
                self.report(
                    Diagnostic::error(
                        "missing-key",
                        format!("the aggregate of [kpi.{}] needs a key `value`", self.definition.name),
                    )
                    .at(span, "`value` is missing")
                    .help("`value` is the expression that is aggregated"),
                );
                return None;
            }
        }
        Some(measure)
    }

    /// Makes the measure that counts the rows of something, or the values of an expression over them, with what every
    /// measure has.
    pub fn rows(
        &mut self,
        of: &Spanned<String>,
        event: Option<&Spanned<OneOrMany>>,
        condition: Option<&Spanned<String>>,
        value: Option<&Spanned<String>>,
        population: Option<MilestoneIndex>,
    ) -> Option<Measure> {
        let mut relation = self.relation(of, population)?;
        let events = event.map(|event| self.events(&mut relation, event));
        let scope = self.scope(&relation);
        let mut expression = |written: Option<&Spanned<String>>, expected| match written {
            Some(written) => parse::expression(&self.text(written), &scope, expected, self.diagnostics).map(Some),
            None => Some(None),
        };
        let (filter, argument) = (expression(condition, Some(Type::Bool)), expression(value, None));
        let (time, dimensions) = (self.time(&relation, of), self.dimensions(&relation));
        if events.is_some_and(|events| events.is_none()) {
            return None;
        }
        let (filter, argument, time, dimensions) = (filter?, argument?, time?, dimensions?);
        if let MeasureRelation::Events(source, _) = &relation {
            for expr in filter.iter().chain(&argument) {
                names_in::check_aliases(self.model.source(*source), expr, self.diagnostics);
            }
        }
        if let MeasureRelation::Events(_, names) = &mut relation {
            *names = names_in::narrowed(names.clone(), filter.as_ref(), self.diagnostics);
        }
        let is_milestone = matches!(relation, MeasureRelation::Milestone { .. });
        let by_reach = !self.buckets().are_cohorts() && time.is_some();
        let moves = |expr: &Expr| is_milestone && settled::moves(expr, by_reach);
        // What was reached in a week of the calendar stays reached: only cohorts have to ripen, and what is read of a row
        // besides.
        let waits = is_milestone
            && (self.buckets().are_cohorts()
                || by_reach && filter.iter().chain(&argument).chain(&dimensions).any(moves));
        let mature_only =
            is_milestone && self.buckets().are_cohorts() && !self.definition.body.include_immature.unwrap_or(false);
        // Who is not a member now, and may be one later, is one that does not count.
        let (members, filter) = if filter.as_ref().is_some_and(moves) { (None, filter) } else { (filter, None) };
        let function = AggregateFunction::Count;
        let measure = Measure { relation, function, argument, members, filter, time, dimensions, waits, mature_only };
        compared_by(self.model, &measure, self.diagnostics);
        Some(measure)
    }

    /// Returns the filter of a measure that is taken over what was reached, where it is taken over a milestone.
    pub fn reaches(&self, measure: &Measure, of: &Spanned<String>) -> Option<Expr> {
        let filter = measure.filter.clone();
        match measure.relation {
            MeasureRelation::Milestone { .. } => and(Some(reached(self.place(of))), filter),
            MeasureRelation::Entity(_) | MeasureRelation::Events(..) | MeasureRelation::Facts(_) => filter,
        }
    }

    fn relation(&mut self, of: &Spanned<String>, population: Option<MilestoneIndex>) -> Option<MeasureRelation> {
        let name = of.get().as_str();
        let span = self.place(of);
        let entity = self.known.entities.found.get(name);
        let milestone = self.known.milestones.found.get(name);
        let source = self.known.sources.found.get(name);
        let mut found: Vec<(Table, Span)> = Vec::new();
        found.extend(entity.map(|(_, span)| (Table::Entity, *span)));
        found.extend(milestone.map(|(_, span)| (Table::Milestone, *span)));
        found.extend(source.map(|(_, span)| (Table::Source, *span)));
        if let [(first, first_span), (second, second_span), ..] = found.as_slice() {
            let diagnostic = Diagnostic::error(
                "ambiguous-name",
                format!("`{name}` names {} and {}", first.with_article(), second.with_article()),
            )
            .at(span, "")
            .at(*first_span, format!("the {first}"))
            .at(*second_span, format!("the {second}"))
            .help("give one of them another name");
            self.report(diagnostic);
            return None;
        }
        if let Some((index, _)) = milestone {
            return index.map(|of| MeasureRelation::Milestone { of, population });
        }
        if let Some((index, _)) = entity {
            return index.map(MeasureRelation::Entity);
        }
        if let Some((index, _)) = source {
            return index.map(|index| match self.model.source(index).rows {
                SourceRows::Events { .. } => MeasureRelation::Events(index, EventNames::All),
                SourceRows::Facts { .. } => MeasureRelation::Facts(index),
            });
        }
        let candidates = [
            self.known.entities.found.keys().collect::<Vec<_>>(),
            self.known.milestones.found.keys().collect(),
            self.known.sources.found.keys().collect(),
        ]
        .concat();
        let mut diagnostic = Diagnostic::error("unknown-name", format!("no entity, milestone or source `{name}`"))
            .at(span, "not defined");
        if let Some(near) = nearest(name, candidates.iter().map(|name| name.as_str())) {
            diagnostic = diagnostic.help(format!("something with a similar name exists: `{near}`"));
        }
        self.report(diagnostic);
        None
    }

    fn events(&mut self, relation: &mut MeasureRelation, event: &Spanned<OneOrMany>) -> Option<()> {
        let span = self.place(event);
        let MeasureRelation::Events(source, names) = relation else {
            self.report(
                Diagnostic::error("misplaced-key", "`event` belongs to a source of events")
                    .at(span, "")
                    .help("name the source of events by `of`"),
            );
            return None;
        };
        let listed: Vec<(String, Span)> = match event.get() {
            OneOrMany::One(one) => vec![(one.clone(), span)],
            OneOrMany::Many(many) => many.iter().map(|each| (each.get().clone(), self.place(each))).collect(),
        };
        if listed.iter().any(|(name, _)| name == "*") {
            return Some(());
        }
        if listed.is_empty() {
            empty_list(span, self.diagnostics);
        }
        for (name, span) in &listed {
            check_event_name(self.model, *source, name, *span, self.diagnostics);
        }
        *names = EventNames::of(listed.into_iter().map(|(name, _)| name))?;
        Some(())
    }

    /// Returns what the columns of a relation are called.
    pub fn scope(&self, relation: &MeasureRelation) -> Names {
        match relation {
            MeasureRelation::Entity(entity) => Names::entity(self.model, *entity),
            MeasureRelation::Milestone { of, .. } => {
                let milestone = self.model.milestone(*of);
                Names::milestone(self.model, &milestone.meta.name, milestone.meta.span, milestone.entity)
            }
            MeasureRelation::Events(source, _) | MeasureRelation::Facts(source) => {
                let names = sources::row_names(self.model, *source);
                match self.linked(*source) {
                    Some(entity) => names.with_entity(self.model, entity),
                    None => names,
                }
            }
        }
    }

    fn linked(&self, source: SourceIndex) -> Option<EntityIndex> {
        self.model.source(source).entity().map(|(entity, _)| *entity)
    }

    fn entity_start(&self, entity: EntityIndex, span: Span) -> Expr {
        column(Name::start_of(&self.model.entity(entity).meta.name), Type::Timestamp, span)
    }

    /// Returns the time by which rows fall into buckets; none where all time is one bucket.
    #[expect(clippy::option_option, reason = "the outer one is whether it could be told")]
    fn time(&mut self, relation: &MeasureRelation, of: &Spanned<String>) -> Option<Option<Expr>> {
        let span = self.place(of);
        if self.buckets().period().is_none() {
            return Some(None);
        }
        let by_cohort = self.buckets().are_cohorts();
        let time = match relation {
            MeasureRelation::Entity(entity) => self.entity_start(*entity, span),
            MeasureRelation::Milestone { population, .. } => {
                let name = match (by_cohort, population) {
                    (true, Some(_)) => Name::PopulationReachedAt,
                    (true, None) => Name::Reach(ReachColumn::AnchorAt),
                    (false, _) => Name::Reach(ReachColumn::ReachedAt),
                };
                column(name, Type::Timestamp, span)
            }
            MeasureRelation::Events(source, _) | MeasureRelation::Facts(source) => {
                let declared = self.model.source(*source);
                let events = matches!(relation, MeasureRelation::Events(..));
                match (by_cohort, self.linked(*source), events || declared.time().is_some()) {
                    (true, Some(entity), _) => self.entity_start(entity, span),
                    (true, None, _) => {
                        let declared_at = declared.meta.span;
                        self.report(
                            Diagnostic::error("no-cohort", format!("the rows of `{}` belong to nobody", of.get()))
                                .at(span, "has no cohort")
                                .at(declared_at, "has no `entity`")
                                .help("name the column with the entity's key by `entity`, or use `grain`"),
                        );
                        return None;
                    }
                    (false, _, true) => {
                        let name = if events { Name::Event(EventRole::Time) } else { Name::Fact(FactRole::Time) };
                        column(name, Type::Timestamp, span)
                    }
                    (false, _, false) => {
                        let declared_at = declared.meta.span;
                        self.report(
                            Diagnostic::error("no-time", format!("the rows of `{}` have no time", of.get()))
                                .at(span, "cannot fall into buckets")
                                .at(declared_at, "has no `time`")
                                .help("name the column with the time by `time`"),
                        );
                        return None;
                    }
                }
            }
        };
        Some(Some(time))
    }

    /// Resolves the KPI's dimensions over a relation.
    fn dimensions(&mut self, relation: &MeasureRelation) -> Option<Vec<Expr>> {
        let mut scope = self.scope(relation);
        if let MeasureRelation::Events(source, _) | MeasureRelation::Facts(source) = relation
            && let Some(entity) = self.linked(*source)
        {
            scope = scope.or_entity(self.model, entity);
        }
        let mut whole = true;
        let mut dimensions = Vec::new();
        for (written, range) in self.definition.body.dimensions() {
            let span = self.definition.place_of(range);
            let path = Path::parse(written);
            let parts: Vec<&str> = path.iter().flat_map(Path::parts).map(String::as_str).collect();
            if let Some((name, ty)) = scope.column(&parts) {
                if let Some(diagnostic) = parse::ambiguous(&scope, &parts, span) {
                    self.report(diagnostic);
                    whole = false;
                }
                let column = Expr { kind: ExprKind::Column(name), ty, span };
                whole &= values::tells_apart(
                    &column,
                    "take a whole number or a decimal, as which a column may be declared",
                    self.diagnostics,
                );
                dimensions.push(column);
                continue;
            }
            let mut diagnostic = Diagnostic::error(
                "unknown-dimension",
                format!("{} has no column `{}` to break it down by", scope.subject(), written),
            )
            .at(span, "not a column of it");
            if let Some(declared) = scope.declared_at(written) {
                diagnostic = diagnostic.at(declared, "its columns are declared here");
            }
            diagnostic = match parse::suggestion(&scope, &parts) {
                Some(help) => diagnostic.help(help),
                None => diagnostic.help(format!("its columns are {}", list(&scope.own()))),
            };
            self.report(diagnostic);
            whole = false;
        }
        whole.then_some(dimensions)
    }
}

//! The sides of a KPI: rows of one relation, and what is aggregated of each.

use crate::plan::naming;
use crate::plan::relational::scalar::{
    self, Scalar, all, any, call, case, cast, coalesce, equal, is_in, is_known, is_null, not,
};
use crate::plan::relational::{Draft, Query, RelationId, Rows};
use crate::plan::relations::windows::has_begun_within;
use crate::plan::relations::{Cx, Scope, milestone};
use crate::plan::streams::signature;
use crate::semantic::expr::{AggregateFunction, BinaryOperator, Expr, ExprKind, Type};
use crate::semantic::model::{Anchor, EntityIndex, EventNames, Kpi, Measure, MeasureRelation, MilestoneIndex};
use crate::semantic::name::{Name, ReachColumn};
use crate::semantic::settled;

/// What a measure is of a KPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Above the line, or all there is.
    Numerator,
    /// Below the line.
    Denominator,
}

impl Role {
    /// Returns the name of its column.
    pub(super) fn name(self) -> &'static str {
        match self {
            Role::Numerator => "numerator",
            Role::Denominator => "denominator",
        }
    }
}

/// Rows of one relation, with what is aggregated of each.
pub(super) struct Side<'m> {
    pub(super) name: &'static str,
    pub(super) measure: &'m Measure,
    pub(super) roles: Vec<(Role, &'m Measure)>,
    /// The milestones of the other side whose windows the rows wait for: both sides are over the same members.
    pub(super) waits_for: Vec<MilestoneIndex>,
    /// Whether its rows are only those that bring something, which say nothing of who else there is.
    only_counted: bool,
}

/// The relation that a measure is taken over.
struct Over {
    relation: RelationId,
    /// What its rows are called.
    alias: &'static str,
    /// The column with the key of the entity.
    key: String,
}

impl<'m> Side<'m> {
    pub(super) fn new(name: &'static str, measure: &'m Measure, roles: Vec<(Role, &'m Measure)>) -> Self {
        Self { name, measure, roles, waits_for: Vec::new(), only_counted: false }
    }

    /// Divides a side where what is counted above the line is a choice of those below it by whether they reached something:
    /// who is below is the same for all milestones of one window, and who is above is few.
    pub(super) fn apart(&self) -> Vec<Side<'m>> {
        let own = |roles: &[(Role, &'m Measure)], name, only_counted| Side {
            name,
            measure: self.measure,
            roles: roles.to_vec(),
            waits_for: self.waits_for.clone(),
            only_counted,
        };
        if let [numerator @ (_, over), denominator @ (_, under)] = self.roles.as_slice() {
            let members = |measure: &Measure| measure.members.as_ref().map(signature);
            let are_same = members(over) == members(under);
            if over.function.is_zero_of_nothing()
                && are_same
                && over.filter.as_ref().is_some_and(reads_reach)
                && !under.exprs().any(reads_reach)
            {
                return vec![own(&[*denominator], self.name, false), own(&[*numerator], "counted", true)];
            }
        }
        vec![own(&self.roles, self.name, self.only_counted)]
    }

    /// Tells whether a measure is one of this side.
    pub(super) fn has(&self, role: Role) -> bool {
        self.roles.iter().any(|(known, _)| *known == role)
    }

    /// Tells whether its rows are only those that bring something.
    pub(super) fn only_counted(&self) -> bool {
        self.only_counted
    }

    /// Tells whether who did not reach the milestone brings nothing and says nothing.
    fn only_reached(&self) -> bool {
        let is_reached = |filter: &Expr| matches!(filter.kind, ExprKind::Column(Name::Reach(ReachColumn::Reached)));
        self.only_counted
            && self
                .roles
                .iter()
                .all(|(_, measure)| measure.filter.as_ref().is_some_and(|filter| implies(filter, &is_reached)))
    }

    /// The rows of the side: the bucket and the dimensions of each, what it brings to each measure, whether it counts, and
    /// whether it may still change.
    pub(super) fn rows(&self, cx: Cx<'_>, query: &mut Query, kpi: &Kpi) -> RelationId {
        let measure = self.measure;
        let Over { relation, alias, key } =
            query.scoped(self.name, |query| over(cx, query, &measure.relation, self.only_reached()));
        let entity = measure.relation.entity(cx.model);
        let pending_length = pending(cx, measure);
        let begins_late = self.waits_for.iter().any(|of| matches!(cx.model.milestone(*of).anchor, Anchor::Reach(_)));
        let is_read =
            pending_length.is_some() || begins_late || self.roles.iter().any(|(_, measure)| measure.uses_entity());
        let mut draft = Draft::new();
        let row = draft.from(query, relation, alias);
        let population = match &measure.relation {
            MeasureRelation::Milestone { population: Some(population), .. } => {
                let reaches = query.scoped(self.name, |query| cx.reaches_that_apply(query, "entry", *population));
                let of_entity = |rows: &Rows| vec![equal(rows.column("entity"), row.column(&key))];
                Some(draft.join(query, reaches, "population", of_entity))
            }
            MeasureRelation::Milestone { population: None, .. }
            | MeasureRelation::Entity(_)
            | MeasureRelation::Events(..)
            | MeasureRelation::Facts(_) => None,
        };
        let owner = match (&measure.relation, entity) {
            (MeasureRelation::Entity(_), _) => Some(row.clone()),
            (MeasureRelation::Milestone { .. }, Some(entity)) => Some(row.behind(&milestone::prefix(cx, entity))),
            (_, Some(entity)) if is_read => Some(Self::join_entity(cx, query, &mut draft, entity, row.column(&key))),
            (_, _) => None,
        };
        let waiting: Vec<(MilestoneIndex, Rows)> = (1..)
            .zip(&self.waits_for)
            .map(|(number, of)| {
                let name = format!("{}_waits_{number}", self.name);
                let rows = query.scoped(&name, |query| milestone::rows(cx, query, *of, false));
                (*of, join_milestone(cx, query, &mut draft, *of, rows, number, row.column(&key)))
            })
            .collect();

        let entities: Vec<(EntityIndex, &Rows)> = entity.zip(owner.as_ref()).into_iter().collect();
        let scope = Scope {
            events: matches!(measure.relation, MeasureRelation::Events(..)).then_some(&row),
            facts: matches!(measure.relation, MeasureRelation::Facts(_)).then_some(&row),
            reach: matches!(measure.relation, MeasureRelation::Milestone { .. }).then_some(&row),
            population: population.as_ref(),
            entities: &entities,
        };
        // What a row is let into, and what may change it.
        let (mut counts, mut open): (Vec<Scalar>, Vec<Scalar>) = (Vec::new(), Vec::new());
        let mut conditions = Vec::new();
        let mut begins_known = false;
        match &measure.relation {
            MeasureRelation::Milestone { of, .. } => {
                let begun = is_known(row.column("anchor_at"));
                if self.roles.iter().any(|(_, measure)| measure.waits) {
                    open.push(not(row.column("mature")));
                }
                if measure.mature_only {
                    counts.push(row.column("mature"));
                }
                begins_known = pending_length.is_none();
                conditions.push(match pending_length {
                    None => begun,
                    Some(length) => {
                        // Whom it does not apply to never has a window.
                        let within = length.map(|length| has_begun_within(owner.as_ref().unwrap_or(&row), length));
                        let applied = applies(cx, *of, scope);
                        let is_known = applied.is_empty();
                        let may_begin = all(applied.into_iter().chain(within));
                        any([begun, if is_known { may_begin } else { coalesce(may_begin, scalar::truth(false)) }])
                    }
                });
            }
            MeasureRelation::Events(_, EventNames::Only(names)) => {
                conditions.push(is_in(row.column("event_name"), names.iter().map(scalar::text).collect()));
            }
            MeasureRelation::Entity(_) | MeasureRelation::Events(_, EventNames::All) | MeasureRelation::Facts(_) => {}
        }
        // Members are counted, and not their rows.
        let are_members = matches!(measure.relation, MeasureRelation::Entity(_) | MeasureRelation::Milestone { .. });
        for (of, waits) in &waiting {
            // Who has no window may still come to have one, until that is decided.
            let undecided = undecided(cx, *of).map(|length| {
                let entity = owner.as_ref().unwrap_or(&row);
                // Nobody has no start, and whom it does not apply to never has a window.
                let is_there = is_known(entity.column("started_at"));
                let may_begin =
                    all([is_there, has_begun_within(entity, length)].into_iter().chain(applies(cx, *of, scope)));
                coalesce(may_begin, scalar::truth(false))
            });
            let without = is_null(waits.column("anchor_at"));
            let decided = all([without.clone()].into_iter().chain(undecided.clone().map(not)));
            counts.push(any([decided, waits.column("mature")]));
            if are_members {
                open.push(all([is_known(waits.column("anchor_at")), not(waits.column("mature"))]));
                open.extend(undecided.map(|undecided| all([without, undecided])));
            }
        }
        let period = match (&measure.time, kpi.buckets.period()) {
            (Some(time), Some(period)) => {
                let is_begin = matches!(time.kind, ExprKind::Column(Name::Reach(ReachColumn::AnchorAt)));
                let time = cx.written(time, scope);
                if !(is_begin && begins_known) {
                    conditions.push(is_known(time.clone()));
                }
                call("date_trunc", vec![scalar::text(period.name()), time], Type::Date)
            }
            (Some(_), None) | (None, _) => scalar::null(Type::Date),
        };
        draft.column("period", period);
        for (number, value) in (1..).zip(&measure.dimensions) {
            draft.column(&dimension(number), scalar::as_text(cx.written(value, scope)));
        }
        let narrow = self.narrow();
        for (role, measure) in &self.roles {
            draft.column(role.name(), brought(cx, measure, scope, narrow.as_deref(), self.only_counted));
        }
        if self.only_counted {
            conditions.extend(std::mem::take(&mut counts));
            let filters = self.roles.iter().filter_map(|(_, measure)| measure.filter.as_ref());
            conditions.extend(filters.map(|filter| cx.written(filter, scope)));
        }
        draft.column("counts", all(counts));
        draft.column("open", any(open));
        for condition in conditions {
            draft.filter(condition);
        }
        if let Some(members) = narrow {
            draft.filter(any(members.iter().map(|members| cx.written(members, scope))));
        }
        query.named(&format!("{}_rows", self.name), draft)
    }

    /// Joins whom the rows belong to, where that is known.
    fn join_entity(cx: Cx<'_>, query: &mut Query, draft: &mut Draft, entity: EntityIndex, key: Scalar) -> Rows {
        let entities = cx.entity(query, entity);
        draft.left_join(query, entities, "entity_row", |rows| {
            vec![equal(rows.column(&cx.model.entity(entity).key), key)]
        })
    }

    /// Returns what says which rows are members of some measure, each once, where not all are.
    fn narrow(&self) -> Option<Vec<&'m Expr>> {
        let mut conditions: Vec<&'m Expr> = Vec::new();
        for (_, measure) in &self.roles {
            let members = measure.members.as_ref()?;
            if !conditions.iter().any(|known| signature(known) == signature(members)) {
                conditions.push(members);
            }
        }
        Some(conditions)
    }
}

/// Tells whether a condition holds only where one holds that `is` knows.
fn implies(condition: &Expr, is: &impl Fn(&Expr) -> bool) -> bool {
    if let ExprKind::Binary(BinaryOperator::And, left, right) = &condition.kind {
        implies(left, is) || implies(right, is)
    } else {
        is(condition)
    }
}

/// Tells whether an expression reads what tells who reached a milestone from who did not.
fn reads_reach(expr: &Expr) -> bool {
    expr.columns().iter().any(|name| match name {
        Name::Reach(column) => match column {
            ReachColumn::AnchorAt | ReachColumn::ClosesAt | ReachColumn::Mature => false,
            ReachColumn::ReachedAt | ReachColumn::Reached | ReachColumn::Count | ReachColumn::Progress => true,
        },
        Name::AsOf
        | Name::Event(_)
        | Name::Fact(_)
        | Name::Column(_)
        | Name::Property(_)
        | Name::Entity { .. }
        | Name::PopulationReachedAt
        | Name::Kpi(_) => false,
    })
}

/// Tells whether the members of two sides are of different entities, so that nobody who is open is open on both.
pub(super) fn are_apart(cx: Cx<'_>, sides: &[Side<'_>]) -> bool {
    let entity = |side: &Side<'_>| match side.measure.relation {
        MeasureRelation::Milestone { of, .. } => Some(cx.model.milestone(of).entity),
        // Others are open with a milestone of the same entity only.
        MeasureRelation::Entity(_) | MeasureRelation::Events(..) | MeasureRelation::Facts(_) => None,
    };
    let [one, other] = sides else { return false };
    matches!((entity(one), entity(other)), (Some(one), Some(other)) if one != other)
}

/// Has each of two sides wait for the other one's windows, where they are over the same members.
pub(super) fn wait_for_each_other(cx: Cx<'_>, sides: &mut [Side<'_>]) {
    let [one, other] = sides else { return };
    one.waits_for.extend(settled::waits_for(cx.model, one.measure, other.measure));
    other.waits_for.extend(settled::waits_for(cx.model, other.measure, one.measure));
}

/// Tells whether two measures are taken over the same rows.
pub(super) fn together(left: &Measure, right: &Measure) -> bool {
    let time = |measure: &Measure| measure.time.as_ref().map(signature);
    left.relation == right.relation && left.mature_only == right.mature_only && time(left) == time(right)
}

pub(super) fn dimension(number: i64) -> String {
    format!("dimension_{number}")
}

fn over(cx: Cx<'_>, query: &mut Query, relation: &MeasureRelation, only_reached: bool) -> Over {
    let mut read = |name: &str| {
        let node = cx.plan.find(name).expect("what a measure is over comes before it");
        cx.read(query, node)
    };
    match relation {
        MeasureRelation::Entity(entity) => {
            Over { relation: cx.entity(query, *entity), alias: "entities", key: cx.model.entity(*entity).key.clone() }
        }
        MeasureRelation::Milestone { of, .. } => Over {
            relation: milestone::rows(cx, query, *of, only_reached),
            alias: "milestone",
            key: cx.model.entity(cx.model.milestone(*of).entity).key.clone(),
        },
        MeasureRelation::Events(source, _) => {
            let relation = read(&naming::events(&cx.model.source(*source).meta.name));
            Over { relation, alias: "events", key: "entity".to_owned() }
        }
        MeasureRelation::Facts(source) => {
            let relation = read(&naming::facts(&cx.model.source(*source).meta.name));
            Over { relation, alias: "facts", key: "entity".to_owned() }
        }
    }
}

/// Joins the rows of a milestone whose windows the rows wait for.
fn join_milestone(
    cx: Cx<'_>,
    query: &Query,
    draft: &mut Draft,
    of: MilestoneIndex,
    relation: RelationId,
    number: usize,
    entity: Scalar,
) -> Rows {
    let key = &cx.model.entity(cx.model.milestone(of).entity).key;
    draft.left_join(query, relation, &format!("waits_{number}"), |rows| vec![equal(rows.column(key), entity)])
}

/// Returns who may come to have a window, and so to be a member, though the population is known: whether it has begun is
/// decided by another milestone. Nothing: who has no window will have none; else who began less than so many microseconds
/// ago, or everybody.
#[expect(clippy::option_option, reason = "nobody, everybody, or some")]
fn pending(cx: Cx<'_>, measure: &Measure) -> Option<Option<i64>> {
    let MeasureRelation::Milestone { of, population: Some(population) } = measure.relation else { return None };
    let Anchor::Reach(anchor) = cx.model.milestone(of).anchor else { return None };
    (anchor != population).then(|| cx.model.milestone(anchor).from_start)
}

/// Returns for how long after its start it is still to be decided if an entity has a window of a milestone; none where
/// that is never open, and where it is always: cells are never final then, and who has no window counts.
fn undecided(cx: Cx<'_>, of: MilestoneIndex) -> Option<i64> {
    let Anchor::Reach(anchor) = cx.model.milestone(of).anchor else { return None };
    cx.model.milestone(anchor).from_start
}

/// Makes the conditions on an entity for a milestone to apply to it, and those at whose reaches its window begins.
fn applies(cx: Cx<'_>, milestone: MilestoneIndex, scope: Scope<'_>) -> Vec<Scalar> {
    let (mut conditions, mut next) = (Vec::new(), Some(milestone));
    while let Some(index) = next {
        let milestone = cx.model.milestone(index);
        conditions.extend(milestone.applies_to.as_ref().map(|condition| cx.written(condition, scope)));
        next = match milestone.anchor {
            Anchor::Start => None,
            Anchor::Reach(from) => Some(from),
        };
    }
    conditions
}

/// Makes what a row brings to an aggregate: nothing where it does not count. All rows are as `narrow` says, and where
/// `only_counted` says so, all of them count.
fn brought(cx: Cx<'_>, measure: &Measure, scope: Scope<'_>, narrow: Option<&[&Expr]>, only_counted: bool) -> Scalar {
    let value = match &measure.argument {
        // Whole numbers are added up as decimals, as their sum may not fit 64 bits.
        Some(argument) if argument.ty == Type::Int && measure.function == AggregateFunction::Sum => {
            cast(cx.written(argument, scope), Type::Decimal)
        }
        Some(argument) => cx.written(argument, scope),
        None if measure.function == AggregateFunction::Sum => cast(scalar::int(1), Type::Decimal),
        None => scalar::int(1),
    };
    let is_known = |condition: &Expr| match narrow {
        Some([only]) => signature(only) == signature(condition),
        Some(_) | None => false,
    };
    let filter = measure.filter.iter().filter(|_| !only_counted);
    let conditions = measure.members.iter().chain(filter).filter(|condition| !is_known(condition));
    let conditions: Vec<Scalar> = conditions.map(|condition| cx.written(condition, scope)).collect();
    if conditions.is_empty() { value } else { case(vec![(all(conditions), value)], None) }
}

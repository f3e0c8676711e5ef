//! Definitions -> queries: what the relation of each computes.

mod catalog;
mod formula;
mod kpi;
mod milestone;
mod occurrences;
mod reached;
mod reaches;
mod score;
mod windows;

use std::collections::BTreeSet;
use std::hash::Hash;

use indexmap::IndexMap;

use crate::plan::build::KPI_COLUMNS;
use crate::plan::columns::{column_of_entity, column_of_events, column_of_facts};
use crate::plan::node::{Cells, NodeId, Plan, Relation, Shape};
use crate::plan::own;
use crate::plan::relational::scalar::{self, Scalar};
use crate::plan::relational::{Draft, Query, RelationId, Rows, moment, passes};
use crate::semantic::decimal::Decimal;
use crate::semantic::expr::{Expr, Type};
use crate::semantic::model::{Anchor, EntityIndex, Kpi, KpiIndex, KpiValue, Milestone, MilestoneIndex, Model};
use crate::semantic::name::Name;

/// What the cells of a KPI are known by.
const CELL: &[&str] = &["period", "segment_by", "segment"];

/// What queries are made from: the model, and the nodes that there are by then.
#[derive(Clone, Copy)]
pub(super) struct Cx<'p> {
    pub(super) model: &'p Model,
    pub(super) plan: &'p Plan,
    /// The names of the passes that do not run.
    pub(super) without: &'p [&'p str],
}

/// Returns what a relation computes, where that is said by a query.
pub(super) fn query(cx: Cx<'_>, relation: &Relation) -> Option<Query> {
    match relation {
        Relation::Occurrences(occurrences) => Some(occurrences::query(cx, occurrences)),
        Relation::Reached(reached) => Some(reached::query(cx, reached)),
        Relation::Milestone(milestone) => Some(milestone::query(cx, *milestone)),
        Relation::Own(relation) => own::of(cx.model, relation.definition).map(|own| (own.query)(cx)),
        Relation::Milestones => Some(catalog::query(cx)),
        Relation::Moment => Some(moment()),
        Relation::Cells(own) => Some(cells(cx, own)),
        Relation::Kpi(index) => Some(cells_of(cx, *index)),
        Relation::Kpis => Some(kpis(cx)),
        Relation::Schema | Relation::Entity(_) | Relation::Events(_) | Relation::Facts(_) => None,
    }
}

/// The cells of one KPI, without those of others.
pub(super) fn cells_alone(cx: Cx<'_>, kpi: KpiIndex) -> Query {
    cells(cx, &Cells { kpis: vec![kpi], left_out: Vec::new(), kept: Vec::new() })
}

/// Returns what the cells of one KPI are computed of, and what the views read that are among that.
pub(super) fn read_by(cx: Cx<'_>, kpi: KpiIndex) -> BTreeSet<NodeId> {
    let read = cells_alone(cx, kpi).nodes();
    let beyond = read.iter().filter(|id| cx.plan.node(**id).materialization.is_read_through());
    let beyond: Vec<NodeId> = beyond.flat_map(|view| cx.plan.inputs_beyond_views(*view)).collect();
    read.into_iter().chain(beyond).collect()
}

/// The rows that the names of an expression are columns of.
#[derive(Clone, Copy, Default)]
struct Scope<'s> {
    /// Events that were read.
    events: Option<&'s Rows>,
    /// Facts that were read.
    facts: Option<&'s Rows>,
    /// Entities.
    entities: &'s [(EntityIndex, &'s Rows)],
    /// A milestone's view.
    reach: Option<&'s Rows>,
    /// The reaches that make the population.
    population: Option<&'s Rows>,
}

impl Scope<'_> {
    fn column(&self, model: &Model, name: &Name) -> Option<Scalar> {
        let of = |rows: Option<&Rows>, column: Option<String>| rows?.find(&column?);
        match name {
            Name::AsOf => Some(scalar::moment()),
            Name::PopulationReachedAt => of(self.population, Some("reached_at".to_owned())),
            Name::Reach(column) => of(self.reach, Some(column.name().to_owned())),
            Name::Entity { entity, .. } => {
                let (index, rows) =
                    self.entities.iter().find(|(index, _)| model.entity(*index).meta.name == *entity)?;
                of(Some(rows), column_of_entity(model.entity(*index), name))
            }
            Name::Event(_) | Name::Fact(_) | Name::Column(_) | Name::Property(_) => {
                of(self.events, column_of_events(name)).or_else(|| of(self.facts, column_of_facts(name)))
            }
            Name::Kpi(_) => None,
        }
    }
}

impl Cx<'_> {
    /// Makes what a user wrote, over the rows of a scope.
    fn written(self, expr: &Expr, scope: Scope<'_>) -> Scalar {
        scalar::written(expr, &|name| scope.column(self.model, name))
    }

    /// Makes what `distinct` tells rows apart by: a text, which is the same for equal values.
    fn told_apart(self, expr: &Expr, scope: Scope<'_>) -> Scalar {
        scalar::as_text(self.written(expr, scope))
    }

    /// Reads a node.
    fn read(self, query: &mut Query, node: NodeId) -> RelationId {
        query.node(node, &self.plan.node(node).columns)
    }

    /// Reads the rows of an entity.
    fn entity(self, query: &mut Query, entity: EntityIndex) -> RelationId {
        self.read(query, self.plan.entity(entity))
    }

    fn name_of(self, milestone: MilestoneIndex) -> Scalar {
        scalar::text(&self.model.milestone(milestone).meta.name)
    }

    /// The milestone at whose reach the window of another starts; null: at the entity's start.
    fn anchor_name(self, milestone: &Milestone) -> Scalar {
        match milestone.anchor {
            Anchor::Start => scalar::null(Type::String),
            Anchor::Reach(from) => self.name_of(from),
        }
    }
}

/// The one row with the moment.
fn moment() -> Query {
    let mut query = Query::default();
    let mut row = Draft::new();
    row.column(moment::COLUMN, scalar::moment());
    query.unnamed(row);
    query
}

/// The cells of several KPIs, one KPI after the other.
fn cells(cx: Cx<'_>, cells: &Cells) -> Query {
    let each = cells.kpis.iter().map(|kpi| {
        let mut query = Query::default();
        let kpi = cx.model.kpi(*kpi);
        match &kpi.value {
            KpiValue::Formula { value, inputs } => formula::cells(cx, &mut query, kpi, value, inputs),
            KpiValue::Measures { numerator, denominator } => {
                kpi::measures(cx, &mut query, kpi, numerator, denominator.as_ref())
            }
            KpiValue::Statistic(measure) => kpi::statistic(cx, &mut query, kpi, measure),
        };
        passes::run(&mut query, cx.plan, cx.without);
        (kpi.meta.name.clone(), query)
    });
    let each = passes::run_on_queries(each.collect(), cx.plan, cx.without);
    let mut query = Query::default();
    let mut parts: Vec<RelationId> = each.into_iter().map(|(name, own)| query.append(&name, own)).collect();
    if !cells.kept.is_empty() {
        // The table is the node that is being planned.
        let columns: Vec<(String, Type)> = KPI_COLUMNS.iter().map(|(name, ty)| ((*name).to_owned(), *ty)).collect();
        let table = query.node(NodeId(cx.plan.nodes.len()), &columns);
        let mut draft = Draft::new();
        let rows = draft.from(&query, table, "kept");
        let names = cells.kept.iter().map(|kpi| scalar::text(&cx.model.kpi(*kpi).meta.name));
        draft.filter(scalar::is_in(rows.column("kpi"), names.collect()));
        draft.all(&rows);
        parts.push(query.unnamed(draft));
    }
    query.union(None, parts);
    query
}

/// The cells of one KPI, among those of others.
fn cells_of(cx: Cx<'_>, kpi: KpiIndex) -> Query {
    let mut query = Query::default();
    let cells = cx.read(&mut query, cx.plan.cells_of(kpi));
    let mut result = Draft::new();
    let rows = result.from(&query, cells, "cells");
    result.filter(scalar::equal(rows.column("kpi"), scalar::text(&cx.model.kpi(kpi).meta.name)));
    result.all(&rows);
    query.unnamed(result);
    query
}

/// The cells of all KPIs, one table after the other.
fn kpis(cx: Cx<'_>) -> Query {
    let mut query = Query::default();
    let tables = cx.plan.nodes.iter().enumerate().filter(|(_, node)| matches!(node.relation, Relation::Cells(_)));
    let parts = tables.map(|(index, _)| cx.read(&mut query, NodeId(index))).collect();
    query.union(None, parts);
    query
}

/// Gives the cells of a KPI their columns: what a cell is known by and its size are those of `cell`; `totals` are its
/// numerator, denominator and value.
fn cell_columns(result: &mut Draft, kpi: &Kpi, cell: &Rows, totals: [Scalar; 3], mature: Scalar) {
    let [numerator, denominator, value] = totals;
    result.column("kpi", scalar::text(&kpi.meta.name));
    result.column("grain", scalar::text(kpi.buckets.grain()));
    result.columns(cell, CELL);
    result.column("numerator", numerator);
    result.column("denominator", denominator);
    result.column("value", value);
    result.columns(cell, &["n"]);
    result.column("mature", mature);
    result.columns(cell, &["immature"]);
    result.column("as_of", scalar::moment());
}

/// Makes the value that is said for what `key` is, or the one of what nothing is said for. What is said alike, which the
/// first of each pair tells, shares a branch, so that a row is compared with as few keys as possible.
fn choose<S: Hash + Eq, T>(
    key: &Scalar,
    said: impl Iterator<Item = (Scalar, Option<(S, T)>)>,
    make: impl Fn(T) -> Scalar,
    otherwise: Scalar,
) -> Scalar {
    let mut branches: IndexMap<S, (T, Vec<Scalar>)> = IndexMap::new();
    let mut rest = false;
    for (one, what) in said {
        match what {
            Some((same, what)) => branches.entry(same).or_insert_with(|| (what, Vec::new())).1.push(one),
            None => rest = true,
        }
    }
    if branches.is_empty() {
        return otherwise;
    }
    let is_only = branches.len() == 1 && !rest;
    let mut branches = branches.into_values();
    if is_only && let Some((only, _)) = branches.next() {
        return make(only);
    }
    let branch = |(what, keys): (T, Vec<Scalar>)| {
        let is_one = match keys.as_slice() {
            [one] => scalar::equal(key.clone(), one.clone()),
            _ => scalar::is_in(key.clone(), keys),
        };
        (is_one, make(what))
    };
    scalar::case(branches.map(branch).collect(), rest.then_some(otherwise))
}

/// Makes a threshold, of the type of what is compared with it: a count is a whole number, a sum a decimal.
fn threshold(shape: Shape, at_least: Decimal) -> Scalar {
    match (shape, at_least.as_int()) {
        (Shape::Count | Shape::Distinct, Some(count)) => scalar::int(count),
        (Shape::Count | Shape::Distinct, None) | (Shape::Sum, _) => scalar::exact(at_least),
    }
}

/// Makes a number of microseconds; null where there is none.
fn microseconds(length: Option<i64>) -> Scalar {
    length.map_or_else(|| scalar::null(Type::Int), scalar::int)
}

/// Joins the reaches of the milestones that `from` names, by entity.
fn join_from(query: &Query, draft: &mut Draft, reaches: RelationId, alias: &str, from: Scalar, entity: Scalar) -> Rows {
    draft.left_join(query, reaches, alias, |rows| {
        vec![scalar::equal(rows.column("milestone"), from), scalar::equal(rows.column("entity"), entity)]
    })
}

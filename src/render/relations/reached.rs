//! One row a milestone that an entity reached.

use minijinja::{Value, context};

use crate::plan::node::{Counted, Node, Reached, Shape};
use crate::render::relations::entity::parenthesized;
use crate::render::relations::occurrences::{elapsed, reached, threshold};
use crate::render::relations::{Aliases, Cx, Failure, Result, sql};
use crate::semantic::expr::Literal;
use crate::semantic::model::{Anchor, EntityIndex, Milestone, MilestoneIndex, Occurrences, Progress};

pub(super) fn statement(cx: &Cx<'_>, node: &Node, relation: &Reached) -> Result<String> {
    let entity = cx.model.entity(relation.entity);
    let mut branches = Vec::new();
    let mut counted = Vec::new();
    for (number, (node, shape, entries)) in relation.counted.iter().enumerate() {
        let milestones: Vec<MilestoneIndex> = entries.iter().map(|entry| entry.milestone).collect();
        counted.push(context! {
            relation => cx.qualified(&cx.plan.node(*node).name),
            rows => counted_rows(cx, *shape, entries)?,
            ends => entries.iter().any(|entry| entry.within.is_some()),
            // A sum may pass its threshold without touching it.
            whole => *shape != Shape::Sum,
            applies => applies(cx, &milestones, "milestones")?,
        });
        branches.push(sql(format!("counted_{}", number + 1)));
    }
    let mut inputs: Vec<String> = Vec::new();
    for index in relation.composites.iter().chain(&relation.members).chain(&relation.absences) {
        for input in cx.model.milestone(*index).inputs() {
            let name = cx.qualified(&cx.plan.node(reached(cx, input)).name);
            if !inputs.contains(&name) {
                inputs.push(name);
            }
        }
    }
    inputs.sort();
    let composites = if relation.composites.is_empty() { None } else { Some(composites(cx, &relation.composites)?) };
    branches.extend(composites.as_ref().map(|_| sql("composites")));
    let members = members(cx, &relation.members)?;
    branches.extend((1..=members.len()).map(|number| sql(format!("members_{number}"))));
    let absences = if relation.absences.is_empty() { None } else { Some(absences(cx, &relation.absences)?) };
    branches.extend(absences.as_ref().map(|_| sql("absences")));
    let title = format!("The milestones that a {} reached, and by which row", entity.meta.name);
    cx.render(
        "reached.sql",
        context! {
            header => cx.header(&title, &[]),
            relation => cx.table(node),
            entity => cx.qualified(&cx.plan.node(cx.plan.entity(relation.entity)).name),
            key => entity.key.clone(),
            earlier => inputs,
            counted, composites, members, absences, branches,
            as_of => cx.as_of()?,
        },
    )
}

fn counted_rows(cx: &Cx<'_>, shape: Shape, entries: &[Counted]) -> Result<Vec<Value>> {
    let row = |entry: &Counted| -> Result<Value> {
        let milestone = cx.model.milestone(entry.milestone);
        Ok(Value::from(vec![
            cx.string(&milestone.meta.name)?,
            cx.literal(&Literal::Int(entry.stream))?,
            threshold(cx, shape, milestone.at_least)?,
            within(cx, milestone)?,
        ]))
    };
    entries.iter().map(row).collect()
}

/// Prints the entities that milestones apply to, where some do not apply to all.
fn applies(cx: &Cx<'_>, milestones: &[MilestoneIndex], alias: &str) -> Result<Option<Value>> {
    let mut branches = String::new();
    for index in milestones {
        let milestone = cx.model.milestone(*index);
        let Some(condition) = &milestone.applies_to else { continue };
        let aliases = Aliases { entities: &[(milestone.entity, "entity_row")], ..Aliases::default() };
        let (name, condition) = (cx.string(&milestone.meta.name)?, cx.print(condition, aliases)?);
        branches.push_str(&format!("\n      WHEN {alias}.{} = {name} THEN {condition}", cx.ident("milestone")?));
    }
    Ok((!branches.is_empty()).then(|| sql(format!("CASE{branches}\n      ELSE TRUE\n    END"))))
}

fn from_name(cx: &Cx<'_>, milestone: &Milestone) -> Result<Value> {
    match milestone.anchor {
        Anchor::Start => cx.typed_null("string"),
        Anchor::Reach(from) => cx.string(&cx.model.milestone(from).meta.name),
    }
}

fn has_from(cx: &Cx<'_>, milestones: &[MilestoneIndex]) -> bool {
    milestones.iter().any(|index| matches!(cx.model.milestone(*index).anchor, Anchor::Reach(_)))
}

/// Prints where the windows of milestones start.
fn anchor(cx: &Cx<'_>, milestones: &[MilestoneIndex], alias: &str) -> Result<String> {
    let start = format!("entity_row.{}", cx.ident("started_at")?);
    Ok(if has_from(cx, milestones) {
        let (from, reached_at) = (cx.ident("from_milestone")?, cx.ident("reached_at")?);
        format!("CASE WHEN {alias}.{from} IS NULL THEN {start} ELSE from_reach.{reached_at} END")
    } else {
        start
    })
}

fn within(cx: &Cx<'_>, milestone: &Milestone) -> Result<Value> {
    match milestone.within {
        Some(within) => cx.literal(&Literal::Int(within)),
        None => cx.typed_null("int"),
    }
}

fn composites(cx: &Cx<'_>, milestones: &[MilestoneIndex]) -> Result<Value> {
    let mut rows = Vec::new();
    for index in milestones {
        let milestone = cx.model.milestone(*index);
        let Occurrences::Reaches(parts) = &milestone.occurrences else { continue };
        for part in parts {
            rows.push(Value::from(vec![
                cx.string(&milestone.meta.name)?,
                cx.string(&cx.model.milestone(*part).meta.name)?,
                threshold(cx, Shape::Count, milestone.at_least)?,
                within(cx, milestone)?,
                from_name(cx, milestone)?,
            ]));
        }
    }
    let anchor = anchor(cx, milestones, "parts")?;
    Ok(context! {
        rows,
        from => has_from(cx, milestones),
        elapsed => sql(elapsed(cx, &anchor, &format!("earlier.{}", cx.ident("reached_at")?))?),
        anchor => sql(anchor),
        applies => applies(cx, milestones, "parts")?,
    })
}

/// Groups account-level milestones by whose reaches they count, and by what makes members different.
fn members(cx: &Cx<'_>, milestones: &[MilestoneIndex]) -> Result<Vec<Value>> {
    let mut groups: Vec<(EntityIndex, String, Vec<MilestoneIndex>)> = Vec::new();
    for index in milestones {
        let milestone = cx.model.milestone(*index);
        let Occurrences::Members(member) = milestone.occurrences else { continue };
        let child = cx.model.milestone(member).entity;
        let value = match &milestone.progress {
            Progress::Distinct(value) => {
                let aliases = Aliases { entities: &[(child, "member_row")], ..Aliases::default() };
                cx.text(cx.print(value, aliases)?, value.ty)?
            }
            Progress::Count | Progress::Sum(_) => format!("member_row.{}", cx.ident(&cx.model.entity(child).key)?),
        };
        match groups.iter_mut().find(|(known, known_value, _)| *known == child && *known_value == value) {
            Some((_, _, group)) => group.push(*index),
            None => groups.push((child, value, vec![*index])),
        }
    }
    let mut contexts = Vec::new();
    for (child, value, group) in groups {
        let mut rows = Vec::new();
        for index in &group {
            let milestone = cx.model.milestone(*index);
            let Occurrences::Members(member) = milestone.occurrences else { continue };
            rows.push(Value::from(vec![
                cx.string(&milestone.meta.name)?,
                cx.string(&cx.model.milestone(member).meta.name)?,
                threshold(cx, Shape::Count, milestone.at_least)?,
                within(cx, milestone)?,
                from_name(cx, milestone)?,
            ]));
        }
        let member = cx.model.entity(child);
        let (_, parent) =
            member.parent.as_ref().ok_or_else(|| Failure::Template("a member has no parent".to_owned()))?;
        let anchor = anchor(cx, &group, "milestones")?;
        contexts.push(context! {
            relation => cx.qualified(&cx.plan.node(cx.plan.entity(child)).name),
            key => member.key.clone(),
            parent,
            value => sql(value),
            rows,
            from => has_from(cx, &group),
            elapsed => sql(elapsed(cx, &anchor, &format!("earlier.{}", cx.ident("reached_at")?))?),
            anchor => sql(anchor),
            applies => applies(cx, &group, "milestones")?,
        });
    }
    Ok(contexts)
}

fn absences(cx: &Cx<'_>, milestones: &[MilestoneIndex]) -> Result<Value> {
    let mut rows = Vec::new();
    for index in milestones {
        let milestone = cx.model.milestone(*index);
        let Occurrences::Absence(parts) = &milestone.occurrences else { continue };
        let horizon = milestone.horizon.ok_or_else(|| Failure::Template("an absence has no end".to_owned()))?;
        for part in parts {
            rows.push(Value::from(vec![
                cx.string(&milestone.meta.name)?,
                cx.string(&cx.model.milestone(*part).meta.name)?,
                cx.literal(&Literal::Int(horizon))?,
                from_name(cx, milestone)?,
            ]));
        }
    }
    let anchor = anchor(cx, milestones, "milestones")?;
    let closes = crate::render::engine::render_text(
        "{{ add_duration(anchor, horizon) }}",
        context! {
            anchor => sql(parenthesized(&anchor)),
            horizon => sql(format!("milestones.{}", cx.ident("horizon_microseconds")?)),
        },
        cx.dialect(),
    )
    .map_err(Failure::from)?;
    Ok(context! {
        rows,
        from => has_from(cx, milestones),
        anchor => sql(anchor),
        closes => sql(closes),
        applies => applies(cx, milestones, "milestones")?,
    })
}

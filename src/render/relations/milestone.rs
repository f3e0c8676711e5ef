//! A milestone as people read it.

use minijinja::context;

use crate::plan::node::{MilestoneView, Node};
use crate::render::relations::entity::parenthesized;
use crate::render::relations::occurrences::{elapsed, reached};
use crate::render::relations::{Aliases, Cx, Failure, Result, sql, window_text};
use crate::semantic::expr::{Literal, Type};
use crate::semantic::model::{Anchor, Milestone, MilestoneIndex, Occurrences, Progress};
use crate::semantic::retention::{self, Retention};

pub(super) fn statement(cx: &Cx<'_>, node: &Node, view: &MilestoneView) -> Result<String> {
    let milestone = cx.model.milestone(view.milestone);
    let entity = cx.model.entity(milestone.entity);
    let from = match milestone.anchor {
        Anchor::Start => None,
        Anchor::Reach(from) => Some(context! {
            relation => cx.qualified(&cx.plan.node(reached(cx, from)).name),
            name => cx.model.milestone(from).meta.name.clone(),
        }),
    };
    let anchor = match milestone.anchor {
        Anchor::Start => format!("entity_row.{}", cx.ident("started_at")?),
        Anchor::Reach(_) => format!("from_reach.{}", cx.ident("reached_at")?),
    };
    let closes = match milestone.horizon {
        Some(horizon) => crate::render::engine::render_text(
            "{{ add_duration(anchor, horizon) }}",
            context! { anchor => sql(&anchor), horizon => cx.literal(&Literal::Int(horizon))? },
            cx.dialect(),
        )
        .map_err(Failure::from)?,
        None => format!("CAST(NULL AS {})", cx.dialect().type_name(Type::Timestamp)),
    };
    let mut applies = Vec::new();
    if let Some(condition) = &milestone.applies_to {
        let aliases = Aliases { entities: &[(milestone.entity, "entity_row")], ..Aliases::default() };
        applies.push(sql(parenthesized(&cx.print(condition, aliases)?)));
    }
    let mut comments = vec![meaning(cx, milestone)];
    let Retention { own, below } = retention::of_milestone(cx.model, view.milestone);
    if let Some(since) = cx.since(own.map(|kept| kept.length))? {
        applies.push(sql(format!("({anchor} IS NULL OR {anchor} >= {since})")));
    }
    if let Some(since) = cx.since(below.map(|kept| kept.length))? {
        applies.push(sql(format!("entity_row.{} >= {since}", cx.ident("started_at")?)));
    }
    if own.or(below).is_some() {
        comments.push("Who began before the rows that are kept is not in it: what they did is not known.".to_owned());
    }
    let counted = view.counted.map(|(node, counted)| {
        context! {
            relation => cx.qualified(&cx.plan.node(node).name),
            stream => counted.stream,
            within => counted.within,
        }
    });
    let parts = if counted.is_some() { None } else { Some(parts(cx, milestone)?) };
    cx.render(
        "milestone.sql",
        context! {
            header => cx.definition_header("milestone", &milestone.meta, &comments),
            relation => cx.table(node),
            name => milestone.meta.name.clone(),
            entity => cx.qualified(&cx.plan.node(cx.plan.entity(milestone.entity)).name),
            key => entity.key.clone(),
            reached => cx.qualified(&cx.plan.node(reached(cx, view.milestone)).name),
            anchor => sql(anchor),
            closes => sql(closes),
            from, applies, counted, parts,
            as_of => cx.as_of()?,
        },
    )
}

/// Says in a sentence what the milestone counts, and in which window.
fn meaning(cx: &Cx<'_>, milestone: &Milestone) -> String {
    let names = |parts: &[MilestoneIndex]| {
        let names: Vec<&str> = parts.iter().map(|index| cx.model.milestone(*index).meta.name.as_str()).collect();
        names.join(", ")
    };
    let what = match (&milestone.occurrences, &milestone.progress) {
        (Occurrences::Events { names, .. }, progress) => {
            let names = names.as_ref().map_or("any event".to_owned(), |names| names.join(" or "));
            match progress {
                Progress::Count => format!("{names}, {} of them", milestone.at_least),
                Progress::Distinct(_) => format!("{names}, {} different", milestone.at_least),
                Progress::Sum(_) => format!("{names}, adding up to {}", milestone.at_least),
            }
        }
        (Occurrences::Reaches(parts), _) => format!("{} of: {}", milestone.at_least, names(parts)),
        (Occurrences::Members(member), _) => {
            format!("{} members that reached {}", milestone.at_least, names(&[*member]))
        }
        (Occurrences::Absence(parts), _) => format!("none of: {}", names(parts)),
    };
    let anchor = match milestone.anchor {
        Anchor::Start => "the start".to_owned(),
        Anchor::Reach(from) => cx.model.milestone(from).meta.name.clone(),
    };
    match milestone.within {
        Some(within) => format!("Reached by {what}, within {} from {anchor}.", window_text(within)),
        None => format!("Reached by {what}, from {anchor} on."),
    }
}

/// What a milestone on milestones counts.
fn parts(cx: &Cx<'_>, milestone: &Milestone) -> Result<minijinja::Value> {
    let key = cx.ident(&cx.model.entity(milestone.entity).key)?;
    let (parts, member) = match &milestone.occurrences {
        Occurrences::Reaches(parts) | Occurrences::Absence(parts) => (parts.clone(), None),
        Occurrences::Members(member) => (vec![*member], Some(cx.model.milestone(*member).entity)),
        Occurrences::Events { .. } => return Err(Failure::Template("a milestone on events has no parts".to_owned())),
    };
    let mut relations: Vec<(String, Vec<String>)> = Vec::new();
    for part in parts {
        let relation = cx.qualified(&cx.plan.node(reached(cx, part)).name);
        let name = cx.model.milestone(part).meta.name.clone();
        match relations.iter_mut().find(|(known, _)| *known == relation) {
            Some((_, names)) => names.push(name),
            None => relations.push((relation, vec![name])),
        }
    }
    relations.sort();
    let relations: Vec<_> = relations.into_iter().map(|(relation, names)| context! { relation, names }).collect();
    let mut entity = format!("part_reaches.{}", cx.ident("entity")?);
    let mut progress = "COUNT(*)".to_owned();
    let mut member_context = None;
    if let Some(child) = member {
        let child_entity = cx.model.entity(child);
        let (_, parent) =
            child_entity.parent.as_ref().ok_or_else(|| Failure::Template("a member has no parent".to_owned()))?;
        entity = format!("member_row.{}", cx.ident(parent)?);
        if let Progress::Distinct(value) = &milestone.progress {
            let aliases = Aliases { entities: &[(child, "member_row")], ..Aliases::default() };
            progress = format!("COUNT(DISTINCT {})", cx.print(value, aliases)?);
        }
        member_context = Some(context! {
            relation => cx.qualified(&cx.plan.node(cx.plan.entity(child)).name),
            key => child_entity.key.clone(),
        });
    }
    let reached_at = format!("part_reaches.{}", cx.ident("reached_at")?);
    let limit = match milestone.occurrences {
        Occurrences::Absence(_) => milestone.horizon,
        Occurrences::Reaches(_) | Occurrences::Members(_) | Occurrences::Events { .. } => milestone.within,
    };
    let window = match limit {
        Some(within) => {
            let anchor = format!("population.{}", cx.ident("anchor_at")?);
            Some(sql(format!("{} < {within}", elapsed(cx, &anchor, &reached_at)?)))
        }
        None => None,
    };
    let _ = key;
    Ok(context! { relations, entity => sql(entity), progress => sql(progress), member => member_context, window })
}

//! What relations are called: every name is made here, so that no two relations have one.
//!
//! The relation of a definition is called by its kind and its name: `kpi_activation_rate`. One that several definitions
//! share is called by what its rows are of, with `__` between the parts: `reached__user__0`. The name of a definition
//! begins with a letter and has no `__` in it, so that the parts of such a name can be told apart again.
//!
//! A name follows from what the relation is, and so stays as it is whatever else is defined; but for a table of cells, whose
//! number depends on how many KPIs of its family there are.

use std::collections::BTreeSet;

use crate::language::Id;
use crate::plan::node::Shape;

/// The schema that the others lie in.
pub const SCHEMA: &str = "schema";

/// The list of milestones.
pub const MILESTONES: &str = "milestones";

/// The rows of all KPIs.
pub const KPIS: &str = "kpis";

/// The moment as of which everything is computed.
pub const MOMENT: &str = "moment";

/// The cells of KPIs that are computed together: those of a family, by so many formulas one on the other; where those are
/// several tables, with the number of each.
pub fn cells(depth: usize, family: &str, part: Option<usize>) -> String {
    let part = part.map(|part| format!("__{part}")).unwrap_or_default();
    format!("cells__{depth}__{family}{part}")
}

/// KPIs over rows of these entities and sources. Where they are more than two, the name does not say which.
pub fn family(over: &BTreeSet<String>) -> String {
    match over.len() {
        0..=2 => over.iter().map(String::as_str).collect::<Vec<_>>().join("__"),
        _ => "several".to_owned(),
    }
}

/// The members of an entity.
pub fn entity(name: &str) -> String {
    format!("entity_{name}")
}

/// The events of a source.
pub fn events(source: &str) -> String {
    format!("events_{source}")
}

/// The facts of a source.
pub fn facts(source: &str) -> String {
    format!("facts_{source}")
}

/// A milestone as people read it.
pub fn milestone(name: &str) -> String {
    format!("milestone_{name}")
}

/// A KPI.
pub fn kpi(name: &str) -> String {
    format!("kpi_{name}")
}

/// A definition that has a relation by itself.
pub fn own(id: &Id) -> String {
    format!("{}_{}", id.table, id.name)
}

/// What the milestones of one entity, source and depth count; `any` where they count events of every name.
pub fn occurrences(entity: &str, source: &str, shape: Shape, any: bool, depth: usize) -> String {
    let shape = shape.name();
    let shape = if any { format!("any_{shape}") } else { shape.to_owned() };
    format!("occurrences__{entity}__{source}__{shape}__{depth}")
}

/// The milestones of one entity and depth that were reached.
pub fn reached(entity: &str, depth: usize) -> String {
    format!("reached__{entity}__{depth}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest name that a definition may have.
    const LONGEST: &str = "a23456789_b23456789_c23456789_d23456789_e2345678";

    #[test]
    fn the_longest_names_fit_every_warehouse() {
        assert_eq!(LONGEST.len(), 48);
        let longest = occurrences(LONGEST, LONGEST, Shape::Distinct, true, 9999);
        // A warehouse may take 255 letters and no more, and so does a folder of the name of a file: there is room for what
        // marks a table that is being loaded, and for `.sql`.
        assert!(longest.len() <= 160, "{} has {} letters", longest, longest.len());
    }

    #[test]
    fn parts_that_look_alike_when_they_are_joined_are_told_apart() {
        let of = |entity, source| occurrences(entity, source, Shape::Count, false, 0);
        assert_ne!(of("user", "app_events"), of("user_app", "events"));
        assert_ne!(of("user_", "events"), of("user", "events"));
        // A name may end in a `_`; it never begins with one.
        assert_eq!(of("a_", "b"), "occurrences__a___b__count__0");
        assert_ne!(reached("user", 0), milestone("user"));
    }
}

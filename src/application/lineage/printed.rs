//! Lineage as it is printed: what something comes from or comes to, and the way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::application::Obstacle;
use crate::application::lineage::found::{Column, Found};
use crate::plan::lineage::{Constant, Lineage, Origins, Place, Places, Share, SliceId};
use crate::plan::node::{NodeId, Plan};
use crate::report::width::visible;
use crate::semantic::model::Model;

/// What is printed of a name.
pub struct Report {
    name: String,
    is_down: bool,
    /// Whether it is one column, so that its own name need not be said.
    is_column: bool,
    /// Up, raw rows and their columns; down, definitions.
    entries: Vec<Entry>,
    /// The relations in between, the last one first.
    steps: Vec<Step>,
}

/// Something at the end of the way, and which columns are made of it, or are made of what was asked for.
struct Entry {
    name: String,
    value: Vec<String>,
    behind: Vec<String>,
    rows: bool,
}

/// A relation on the way.
struct Step {
    relation: String,
    /// The rows of it that are read: columns, and the constants in them.
    only: Vec<(String, Vec<Value>)>,
    rows: Option<Vec<String>>,
    columns: Vec<(String, Vec<String>, Vec<String>)>,
}

impl Report {
    /// Works out what something comes from.
    pub fn up(found: &Found, lineage: &Lineage<'_>, model: &Model, plan: &Plan) -> Result<Self, Obstacle> {
        let is_only_raw = found.column.as_ref().is_some_and(|column| column.made.is_none());
        if is_only_raw {
            return Err(Obstacle::new(format!("`{}` is a column of raw rows, and comes from nothing", found.name()))
                .help("`--down` prints what comes of it"));
        }
        let mut report = Self::empty(found, false);
        // A log of which nothing is counted is not read.
        let Some(node) = found.node else { return Ok(report) };
        let columns = match &found.column {
            Some(Column { made, .. }) => made.iter().copied().collect(),
            None => (0..plan.node(node).columns.len()).collect::<Vec<_>>(),
        };
        let shares = lineage.shares(node, &columns);
        for (place, share) in &shares {
            if let Some(raw) = place.raw() {
                let mut name = model.id(raw).to_string();
                if let Place::RawColumn(_, path) = place {
                    let _ = write!(name, ".{path}");
                }
                report.entries.push(Entry::new(name, share, plan, node));
            }
        }
        report.entries.sort_by(|left, right| left.name.cmp(&right.name));
        report.steps = steps(&shares, lineage, model, plan);
        Ok(report)
    }

    /// Works out what comes of something.
    pub fn down(found: &Found, lineage: &Lineage<'_>, plan: &Plan) -> Self {
        let mut report = Self::empty(found, true);
        let own = if found.raw.is_none() || found.column.as_ref().is_some_and(|column| !column.is_raw) {
            found.node
        } else {
            None
        };
        for (index, node) in plan.nodes.iter().enumerate() {
            let id = NodeId(index);
            let Some(definition) = node.definition.as_ref().filter(|_| own != Some(id)) else { continue };
            let all: Vec<usize> = (0..node.columns.len()).collect();
            let mut share = Share::default();
            for (place, part) in lineage.shares(id, &all) {
                if found.is(&place, lineage) {
                    share.add(&part);
                }
            }
            if share != Share::default() {
                report.entries.push(Entry::new(definition.id.to_string(), &share, plan, id));
            }
        }
        report
    }

    fn empty(found: &Found, is_down: bool) -> Self {
        let is_column = found.column.is_some();
        Self { name: found.name(), is_down, is_column, entries: Vec::new(), steps: Vec::new() }
    }

    /// Returns it for people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let name = visible(&self.name);
        if self.entries.is_empty() {
            let what = if self.is_down { "nothing comes of" } else { "no column of raw rows is read for" };
            return format!("{what} {name}\n");
        }
        let _ = writeln!(text, "{name} {}", if self.is_down { "comes to" } else { "comes from" });
        let names: Vec<String> = self.entries.iter().map(|entry| visible(&entry.name)).collect();
        let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        for (name, entry) in names.iter().zip(&self.entries) {
            let _ = writeln!(text, "  {name:widest$}  {}", entry.phrase(self.is_column && !self.is_down));
        }
        if !self.steps.is_empty() {
            text.push_str("by way of\n");
        }
        for step in &self.steps {
            let _ = writeln!(text, "  {}{}", step.relation, step.condition());
            if let Some(rows) = &step.rows {
                let _ = writeln!(text, "    its rows: {}", listed(rows));
            }
            // A column of constants comes from nothing.
            for (column, value, behind) in
                step.columns.iter().filter(|(_, value, behind)| !(value.is_empty() && behind.is_empty()))
            {
                let _ = write!(text, "    {column}: {}", listed(value));
                if !behind.is_empty() {
                    let _ = write!(text, "; by rows: {}", listed(behind));
                }
                text.push('\n');
            }
        }
        text
    }

    /// Returns it for programs.
    pub fn to_json(&self) -> String {
        let entry = |entry: &Entry| json!({ "name": entry.name, "value": entry.value, "behind": entry.behind, "rows": entry.rows });
        let step = |step: &Step| {
            let column = |(name, value, behind): &(String, Vec<String>, Vec<String>)| json!({ "name": name, "value": value, "behind": behind });
            json!({
                "relation": step.relation,
                "only": step.only.iter().map(|(name, values)| json!({ "column": name, "values": values })).collect::<Vec<_>>(),
                "rows": step.rows,
                "columns": step.columns.iter().map(column).collect::<Vec<_>>(),
            })
        };
        let report = json!({
            "name": self.name,
            "direction": if self.is_down { "down" } else { "up" },
            "entries": self.entries.iter().map(entry).collect::<Vec<_>>(),
            "steps": self.steps.iter().map(step).collect::<Vec<_>>(),
        });
        format!("{report:#}\n")
    }
}

impl Entry {
    fn new(name: String, share: &Share, plan: &Plan, node: NodeId) -> Self {
        let names = |places: &BTreeSet<usize>| -> Vec<String> {
            places.iter().map(|place| plan.node(node).columns[*place].0.clone()).collect()
        };
        // What decides the rows there are decides what is in every column.
        let behind = if share.rows { Vec::new() } else { names(&share.behind) };
        Self { name, value: names(&share.value), behind, rows: share.rows }
    }

    /// Says what it is for.
    fn phrase(&self, is_column: bool) -> String {
        let mut parts = Vec::new();
        if is_column {
            parts.extend((!self.value.is_empty()).then(|| "value".to_owned()));
            parts.extend((self.rows || !self.behind.is_empty()).then(|| "rows".to_owned()));
            return parts.join(", ");
        }
        parts.extend((!self.value.is_empty()).then(|| format!("value of {}", self.value.join(", "))));
        parts.extend((!self.behind.is_empty()).then(|| format!("rows behind {}", self.behind.join(", "))));
        parts.extend(self.rows.then(|| "rows".to_owned()));
        parts.join("; ")
    }
}

impl Step {
    /// Says which rows are read.
    fn condition(&self) -> String {
        let one = |(column, values): &(String, Vec<Value>)| {
            let shown: Vec<String> = values
                .iter()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), |text| format!("'{}'", visible(text))))
                .collect();
            match shown.as_slice() {
                [one] => format!("{column} = {one}"),
                several => format!("{column} in ({})", several.join(", ")),
            }
        };
        let conditions: Vec<String> = self.only.iter().map(one).collect();
        if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) }
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "constants".to_owned()
    } else {
        names.iter().map(|name| visible(name)).collect::<Vec<_>>().join(", ")
    }
}

/// Returns the relations on the way, each with what it takes of those before it.
fn steps(shares: &BTreeMap<Place, Share>, lineage: &Lineage<'_>, model: &Model, plan: &Plan) -> Vec<Step> {
    let mut on_the_way: BTreeMap<SliceId, (bool, BTreeSet<usize>)> = BTreeMap::new();
    for place in shares.keys() {
        match place {
            Place::RawRows(_) | Place::RawColumn(..) => {}
            Place::Rows(slice) => on_the_way.entry(*slice).or_default().0 = true,
            Place::Column(slice, column) => {
                on_the_way.entry(*slice).or_default().1.insert(*column);
            }
        }
    }
    let name = |place: &Place| match place {
        Place::RawRows(raw) => model.id(*raw).to_string(),
        Place::RawColumn(raw, path) => format!("{}.{path}", model.id(*raw)),
        Place::Rows(slice) => plan.node(lineage.slice(*slice).node).name.clone(),
        Place::Column(slice, column) => {
            let node = plan.node(lineage.slice(*slice).node);
            format!("{}.{}", node.name, node.columns[*column].0)
        }
    };
    // Rows of one relation that are read apart are one thing to a reader of the list.
    let names =
        |places: &Places| -> Vec<String> { places.iter().map(name).collect::<BTreeSet<_>>().into_iter().collect() };
    let mut slices: Vec<(SliceId, (bool, BTreeSet<usize>))> = on_the_way.into_iter().collect();
    slices.sort_by_key(|(slice, _)| (std::cmp::Reverse(lineage.slice(*slice).node), *slice));
    let step = |(slice, (has_rows, columns)): (SliceId, (bool, BTreeSet<usize>))| {
        let own = lineage.slice(slice);
        let node = plan.node(own.node);
        let from = lineage.step(slice);
        let constant = |constant: &Constant<'_>| match constant {
            Constant::Int(number) => Value::from(*number),
            Constant::Text(text) => Value::from(*text),
        };
        let column = |place: usize| node.columns[place].0.clone();
        Step {
            relation: node.name.clone(),
            only: own
                .only
                .iter()
                .map(|(place, values)| (column(*place), values.iter().map(constant).collect()))
                .collect(),
            rows: has_rows.then(|| names(&from.rows)),
            columns: columns
                .into_iter()
                .map(|place| {
                    let Origins { value, rows } = &from.columns[place];
                    // What decides which rows there are is said once.
                    let behind = if has_rows { rows.without(&from.rows) } else { rows.clone() };
                    (column(place), names(value), names(&behind))
                })
                .collect(),
        }
    };
    slices.into_iter().map(step).collect()
}

//! Projects of a given size: milestones, and KPIs over them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::data::Data;

/// One milestone, of user's events or of other milestones of its list.
#[derive(Clone)]
pub(crate) struct Milestone {
    /// What is counted.
    pub(crate) of: Of,
    /// What the count, or the sum, has to come to.
    pub(crate) at_least: u32,
    /// Days from the anchor on; composites have the windows of their parts.
    pub(crate) within: usize,
    /// The value that the property `plan` has to have.
    pub(crate) plan: Option<char>,
    /// The milestone whose reach is the anchor.
    pub(crate) from: Option<usize>,
    /// The milestone after whose reach rows count.
    pub(crate) after: Option<usize>,
}

/// What a milestone counts.
#[derive(Clone)]
pub(crate) enum Of {
    /// Events of a number.
    Events(usize),
    /// Different values of the property `feature` of them.
    Distinct(usize),
    /// The sum of the property `amount` of them.
    Sum(usize),
    /// Reaches of all of some milestones.
    All(Vec<usize>),
    /// The first reach of some.
    Any(Vec<usize>),
    /// Reaches of one after the other.
    Sequence(Vec<usize>),
}

/// How long windows are, in days.
const WINDOWS: [usize; 4] = [7, 14, 30, 60];

/// The plans of `data`.
const PLANS: [char; 4] = ['a', 'b', 'c', 'd'];

impl Milestone {
    fn counting(of: Of, at_least: u32, within: usize) -> Self {
        Self { of, at_least, within, plan: None, from: None, after: None }
    }

    /// Writes its table.
    fn toml(&self, number: usize) -> String {
        let mut text = format!("\n[milestone.m{number}]\ntitle = \"Milestone {number}\"\n");
        let list = |parts: &[usize]| parts.iter().map(|part| format!("\"m{part}\"")).collect::<Vec<_>>().join(", ");
        let _ = match &self.of {
            Of::Events(event) => writeln!(text, "event = \"event_{event}\"\nat_least = {}", self.at_least),
            Of::Distinct(event) => {
                let at_least = self.at_least;
                writeln!(text, "event = \"event_{event}\"\ndistinct = \"properties.feature\"\nat_least = {at_least}")
            }
            Of::Sum(event) => {
                let at_least = self.at_least;
                writeln!(text, "event = \"event_{event}\"\nsum = \"properties.amount\"\nat_least = {at_least}")
            }
            Of::All(parts) => return format!("{text}all_of = [{}]\n", list(parts)),
            Of::Any(parts) => return format!("{text}any_of = [{}]\n", list(parts)),
            Of::Sequence(parts) => return format!("{text}sequence = [{}]\n", list(parts)),
        };
        let _ = writeln!(text, "within = \"{}d\"", self.within);
        let _ = self.plan.map(|plan| writeln!(text, "where = \"properties.plan = '{plan}'\""));
        let _ = self.from.map(|from| writeln!(text, "from = \"m{from}\""));
        let _ = self.after.map(|after| writeln!(text, "after = \"m{after}\""));
        text
    }
}

/// Returns milestones that count events: of 16 events, up to four times, in windows of other lengths, no two the same.
pub(crate) fn plain(count: usize) -> Vec<Milestone> {
    let milestone = |number: usize| {
        let at_least = [1, 2, 3, 4][(number / 16) % 4];
        Milestone::counting(Of::Events(number % 16), at_least, WINDOWS[(number / 64) % 4] + number / 256)
    };
    (0..count).map(milestone).collect()
}

/// Returns the same, of which every second one reads a property.
pub(crate) fn hard(count: usize) -> Vec<Milestone> {
    let with_plan = |(number, milestone): (usize, Milestone)| {
        let plan = (number % 2 == 1).then(|| PLANS[(number / 2) % 4]);
        Milestone { plan, ..milestone }
    };
    plain(count).into_iter().enumerate().map(with_plan).collect()
}

/// How many milestones of [`mixed`] belong together: each is of another shape, and some are made of others.
pub(crate) const SHAPES: usize = 8;

/// Returns milestones of all shapes and three depths. Half of those over events read a property.
pub(crate) fn mixed(count: usize) -> Vec<Milestone> {
    let milestone = |number: usize| {
        let (group, first) = (number / SHAPES, number / SHAPES * SHAPES);
        let event = |other: usize| (2 * group + other) % 16;
        let plan = Some(PLANS[group % 4]);
        match number % SHAPES {
            0 => Milestone { plan, ..Milestone::counting(Of::Events(event(0)), 1, 14) },
            1 => Milestone::counting(Of::Events(event(1)), 2, 30),
            2 => Milestone::counting(Of::Distinct(event(3)), 2, 60),
            3 => Milestone::counting(Of::Sum(event(5)), 60, 60),
            4 => Milestone { from: Some(first), ..Milestone::counting(Of::Events(event(7)), 1, 30) },
            5 => Milestone { plan, after: Some(first + 1), ..Milestone::counting(Of::Events(event(9)), 1, 60) },
            6 => Milestone::counting(Of::All(vec![first, first + 1]), 2, 0),
            _ if group % 2 == 0 => Milestone::counting(Of::Any(vec![first + 2, first + 3]), 1, 0),
            _ => Milestone::counting(Of::Sequence(vec![first + 1, first]), 2, 0),
        }
    };
    (0..count).map(milestone).collect()
}

/// The KPIs of a project.
#[derive(Clone, Copy)]
pub(crate) enum Kpis {
    /// So many conversions, of one milestone after the other, by week and by an attribute.
    Conversions(usize),
    /// So many conversions, times and counts, and formulas over them, half of those over another formula; as many of each.
    OfAllKinds(usize),
}

impl Kpis {
    fn toml(self, milestones: usize) -> String {
        let (count, kinds) = match self {
            Kpis::Conversions(count) => (count, 1),
            Kpis::OfAllKinds(count) => (count, 4),
        };
        let kpi = |number: usize| {
            let of = format!("of = \"m{}\"", (number / kinds) % milestones);
            let body = match number % kinds {
                0 => format!("kind = \"conversion\"\n{of}\ncohort = \"week\"\nby = [\"install_source\"]"),
                1 => format!("kind = \"time_to\"\n{of}\nstatistic = \"median\"\nunit = \"hour\"\ncohort = \"week\""),
                2 => format!("kind = \"count\"\n{of}\ncohort = \"week\"\nby = [\"install_source\"]"),
                // Every second one is made of the formula before.
                _ => {
                    let (before, count) = (number - if number % 8 == 3 { 3 } else { 4 }, number - 1);
                    format!("kind = \"formula\"\nvalue = \"k{before} + k{count}\"\ncohort = \"week\"")
                }
            };
            format!("\n[kpi.k{number}]\ntitle = \"Measure {number}\"\n{body}\n")
        };
        (0..count).map(kpi).collect()
    }
}

/// Writes a project over some data, with a target for each dialect.
pub(crate) fn write(folder: &Path, data: &Data, milestones: &[Milestone], kpis: Kpis) {
    // What was compiled before is not there.
    if folder.exists() {
        fs::remove_dir_all(folder).unwrap();
    }
    fs::create_dir_all(folder.join("models")).unwrap();
    let mut project = String::from("[project]\nname = \"bench\"\nas_of = \"2026-07-01\"\n");
    for dialect in ["duckdb", "bigquery", "snowflake"] {
        let _ = write!(project, "\n[target.{dialect}]\ndialect = \"{dialect}\"\n");
    }
    fs::write(folder.join("project.toml"), project).unwrap();
    let written = milestones.iter().enumerate().map(|(number, milestone)| milestone.toml(number));
    let text = data.toml() + &written.collect::<String>() + &kpis.toml(milestones.len());
    fs::write(folder.join("models/models.toml"), text).unwrap();
}

//! The buckets of time that the rows of a KPI fall into.

use crate::project::tables::kpi::Grain;

/// A stretch of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// A week from Monday to Sunday.
    Week,
    /// A month.
    Month,
    /// A quarter.
    Quarter,
    /// A year.
    Year,
}

impl Period {
    /// Returns its name, as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
            Period::Quarter => "quarter",
            Period::Year => "year",
        }
    }

    /// Returns the period that is written; none where all time is one.
    fn of(grain: Grain) -> Option<Self> {
        match grain {
            Grain::Day => Some(Period::Day),
            Grain::Week => Some(Period::Week),
            Grain::Month => Some(Period::Month),
            Grain::Quarter => Some(Period::Quarter),
            Grain::Year => Some(Period::Year),
            Grain::All => None,
        }
    }
}

/// How the rows of a KPI fall into buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buckets {
    /// Into one, whenever they happened.
    AllTime,
    /// Into one, the cohort of everybody.
    Everybody,
    /// By when they happened.
    Calendar(Period),
    /// By the cohort of the member: when its window began; where a milestone makes the population, when it reached that; of
    /// entities, events and facts, when the entity started.
    Cohort(Period),
}

impl Buckets {
    /// Returns the buckets by when something happened, as they are written.
    pub fn calendar(grain: Grain) -> Self {
        Period::of(grain).map_or(Buckets::AllTime, Buckets::Calendar)
    }

    /// Returns the buckets by cohort, as they are written.
    pub fn cohort(grain: Grain) -> Self {
        Period::of(grain).map_or(Buckets::Everybody, Buckets::Cohort)
    }

    /// Tells whether they are cohorts.
    pub fn are_cohorts(self) -> bool {
        match self {
            Buckets::Everybody | Buckets::Cohort(_) => true,
            Buckets::AllTime | Buckets::Calendar(_) => false,
        }
    }

    /// Returns the period that each one is; none where there is one for all time.
    pub fn period(self) -> Option<Period> {
        match self {
            Buckets::Calendar(period) | Buckets::Cohort(period) => Some(period),
            Buckets::AllTime | Buckets::Everybody => None,
        }
    }

    /// Returns the name of the period, as it is written.
    pub fn grain(self) -> &'static str {
        self.period().map_or(Grain::All.name(), Period::name)
    }
}

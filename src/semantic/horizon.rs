//! After when nothing about an entity can change any more, as far as that is known before anything happens.

/// No moment; larger than any length.
const NEVER: i64 = i64::MAX;

/// The earlier of two moments, in microseconds after the entity's start and after its anchor. An anchor is no earlier than
/// the start, so that `anchor` is no more than `start`; where they are equal, the anchor does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Limit {
    start: i64,
    anchor: i64,
}

/// A moment that follows from the start of an entity and from the anchor of a milestone: the latest of some limits.
///
/// It has one form for each function of the two, so that equal ones are `==`.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Horizon(Vec<Limit>);

/// What a moment is made of, for who prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// So many microseconds after the start.
    AfterStart(i64),
    /// So many after the anchor.
    AfterAnchor(i64),
    /// The earlier of both.
    Earlier {
        /// Microseconds after the start.
        start: i64,
        /// Microseconds after the anchor.
        anchor: i64,
    },
}

impl Horizon {
    /// Makes the moment so many microseconds after the start; never, where there is no number.
    pub fn after_start(length: Option<i64>) -> Self {
        let length = length.unwrap_or(NEVER);
        Self(vec![Limit { start: length, anchor: length }])
    }

    /// Makes the moment so many microseconds after the anchor; never, where there is no number.
    pub fn after_anchor(length: Option<i64>) -> Self {
        Self(vec![Limit { start: NEVER, anchor: length.unwrap_or(NEVER) }])
    }

    /// Makes the latest of some moments, of which there is one.
    pub fn latest(all: impl IntoIterator<Item = Self>) -> Self {
        let mut limits: Vec<Limit> = all.into_iter().flat_map(|horizon| horizon.0).collect();
        limits.sort_by_key(|limit| std::cmp::Reverse((limit.start, limit.anchor)));
        let mut kept: Vec<Limit> = Vec::new();
        // One that is no later than another by either is never the latest.
        for limit in limits {
            if kept.last().is_none_or(|last| limit.anchor > last.anchor) {
                kept.push(limit);
            }
        }
        Self(kept)
    }

    /// Makes the earlier of two moments.
    pub fn earlier(&self, other: &Self) -> Self {
        let with = |one: &Limit| {
            let one = *one;
            let both =
                move |other: &Limit| Limit { start: one.start.min(other.start), anchor: one.anchor.min(other.anchor) };
            Self(other.0.iter().map(both).collect())
        };
        Self::latest(self.0.iter().map(with))
    }

    /// Makes the moment so many microseconds later; never, where there is no number.
    pub fn later(&self, length: Option<i64>) -> Self {
        let length = length.unwrap_or(NEVER);
        let later = |limit: &Limit| Limit {
            start: limit.start.saturating_add(length),
            anchor: limit.anchor.saturating_add(length),
        };
        Self::latest([Self(self.0.iter().map(later).collect())])
    }

    /// Tells whether there is no such moment.
    pub fn is_never(&self) -> bool {
        self.0.iter().any(|limit| limit.anchor == NEVER)
    }

    /// Returns the microseconds after the start, whatever the anchor is; none: it may be at any time.
    pub fn from_start(&self) -> Option<i64> {
        self.0.first().map(|limit| limit.start).filter(|start| *start != NEVER)
    }

    /// Returns what it is the latest of: nothing where it is never. Where it depends on the anchor at all, the first part does.
    pub fn parts(&self) -> Vec<Part> {
        if self.is_never() {
            return Vec::new();
        }
        let part = |limit: &Limit| match *limit {
            Limit { start: NEVER, anchor } => Part::AfterAnchor(anchor),
            Limit { start, anchor } if start == anchor => Part::AfterStart(start),
            Limit { start, anchor } => Part::Earlier { start, anchor },
        };
        self.0.iter().map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(length: i64) -> Horizon {
        Horizon::after_start(Some(length))
    }

    fn anchor(length: i64) -> Horizon {
        Horizon::after_anchor(Some(length))
    }

    #[test]
    fn what_is_never_the_latest_is_left_out() {
        // An anchor is no earlier than the start.
        assert_eq!(Horizon::latest([start(5), anchor(7)]), anchor(7));
        assert_eq!(Horizon::latest([start(5), start(7)]), start(7));
        let both = Horizon::latest([start(7), anchor(5)]);
        assert_eq!(both.parts(), [Part::AfterAnchor(5), Part::AfterStart(7)]);
        assert_eq!(Horizon::latest([both.clone(), anchor(2), start(3)]), both);
        assert_eq!(both.from_start(), None);
    }

    #[test]
    fn what_is_never_the_earlier_is_left_out() {
        assert_eq!(start(5).earlier(&anchor(7)), start(5));
        assert_eq!(start(7).earlier(&anchor(5)).parts(), [Part::Earlier { start: 7, anchor: 5 }]);
        let both = Horizon::latest([start(7), anchor(5)]);
        assert_eq!(both.earlier(&start(3)), start(3));
        assert_eq!(both.earlier(&anchor(9)), Horizon::latest([anchor(5), start(7)]));
        assert_eq!(both.earlier(&anchor(6)).parts(), [Part::AfterAnchor(5), Part::Earlier { start: 7, anchor: 6 }]);
    }

    #[test]
    fn never_is_later_than_all() {
        let never = Horizon::after_start(None);
        assert!(Horizon::latest([never.clone(), anchor(3)]).is_never());
        assert_eq!(never.earlier(&anchor(3)), anchor(3));
        assert!(anchor(3).later(None).is_never() && start(1).later(Some(NEVER)).is_never());
        assert_eq!(start(3).later(Some(4)), start(7));
        assert_eq!((start(3).from_start(), anchor(3).from_start(), never.from_start()), (Some(3), None, None));
        assert!(never.parts().is_empty());
    }
}

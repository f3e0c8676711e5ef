//! The windows of milestones: where they begin and close, what lies in them, and whether they are over.
//!
//! A window is half-open: what happens at its first moment lies in it, and what happens at its end does not.

use crate::plan::relational::Rows;
use crate::plan::relational::scalar::{
    self, Scalar, all, any, at_least, at_most, case, elapsed, is_known, is_null, less, more,
};
use crate::semantic::expr::Type;
use crate::semantic::horizon::{Horizon, Part};

/// Where the windows of entities begin.
pub(super) enum Begin<'r> {
    /// Each at its entity's start.
    Start,
    /// Each at the reach in these rows.
    Reach(&'r Rows),
    /// At the reach in these rows where the name of its milestone is known, and at the entity's start where it is not.
    Named(Scalar, &'r Rows),
}

/// Where a window ends.
pub(super) enum End {
    /// Nowhere.
    Never,
    /// So many microseconds after it began.
    After(Scalar),
    /// So many microseconds after it began; nowhere where that is null.
    AfterIfAny(Scalar),
    /// At a moment.
    At(Scalar),
}

impl End {
    /// The end of a window of so many microseconds, or of one without an end.
    pub(super) fn after(length: Option<i64>) -> Self {
        length.map_or(End::Never, |length| End::After(scalar::int(length)))
    }
}

/// Makes where the window of an entity begins; null where it does not.
pub(super) fn anchor(entity: &Rows, begin: Begin<'_>) -> Scalar {
    let start = entity.column("started_at");
    match begin {
        Begin::Start => start,
        Begin::Reach(reach) => reach.column("reached_at"),
        Begin::Named(name, reach) => case(vec![(is_null(name), start)], Some(reach.column("reached_at"))),
    }
}

/// Makes whether a window that begins at `anchor` has begun by a moment.
pub(super) fn has_begun(anchor: &Scalar, at: &Scalar) -> Scalar {
    at_least(at.clone(), anchor.clone())
}

/// Makes whether a moment is before the end of a window that begins at `anchor`; none where all are.
pub(super) fn is_before(end: End, anchor: &Scalar, at: &Scalar) -> Option<Scalar> {
    let is_within = |length| less(elapsed(anchor.clone(), at.clone()), length);
    match end {
        End::Never => None,
        End::After(length) => Some(is_within(length)),
        End::AfterIfAny(length) => Some(any([is_null(length.clone()), is_within(length)])),
        End::At(moment) => Some(less(at.clone(), moment)),
    }
}

/// Makes the conditions for a moment to lie in a window that begins at `anchor`.
pub(super) fn lies_in(end: End, anchor: &Scalar, at: &Scalar) -> impl Iterator<Item = Scalar> + use<> {
    [has_begun(anchor, at)].into_iter().chain(is_before(end, anchor, at))
}

/// Makes whether a window is over as of the moment, by when it closes; null where that is.
pub(super) fn is_over(closes: Scalar) -> Scalar {
    at_most(closes, scalar::moment())
}

/// Makes whether a window has begun and nothing changes it any more: it is over, or never closes.
pub(super) fn is_mature(anchor: Scalar, closes: Scalar) -> Scalar {
    all([is_known(anchor), any([is_null(closes.clone()), is_over(closes)])])
}

/// Makes whether an entity began less than so many microseconds before the moment.
pub(super) fn has_begun_within(entity: &Rows, length: i64) -> Scalar {
    more(later(&entity.column("started_at"), length), scalar::moment())
}

/// Makes when a window closes that begins at `anchor`; null where it has not begun, or never closes.
pub(super) fn closes(horizon: &Horizon, entity: &Rows, anchor: &Scalar) -> Scalar {
    let start = |length| later(&entity.column("started_at"), length);
    let moment = |part: &Part| match *part {
        Part::AfterStart(length) => start(length),
        Part::AfterAnchor(length) => later(anchor, length),
        Part::Earlier { start: after_start, anchor: after_anchor } => {
            let (one, other) = (start(after_start), later(anchor, after_anchor));
            case(vec![(less(one.clone(), other.clone()), one)], Some(other))
        }
    };
    // A window that has not begun closes at no moment: the first part is null then, and nothing is more than that.
    let latest = |one: Scalar, other: Scalar| case(vec![(more(other.clone(), one.clone()), other)], Some(one));
    horizon.parts().iter().map(moment).reduce(latest).unwrap_or_else(|| scalar::null(Type::Timestamp))
}

/// Makes the moment a length of time after another.
pub(super) fn later(moment: &Scalar, length: i64) -> Scalar {
    if length == 0 { moment.clone() } else { scalar::later(moment.clone(), scalar::duration(length)) }
}

//! The plan as text: what `explain` prints.

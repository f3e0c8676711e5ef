//! The names of the events that count: all, or some.

use std::ops::Deref;

/// Which events count, by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventNames {
    /// Those of every name.
    All,
    /// Those of these names.
    Only(NameList),
}

/// Names of events: at least one, and each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameList(Vec<String>);

impl NameList {
    /// Makes a list of names, in their order; none where there is no name.
    pub fn new(names: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut once: Vec<String> = Vec::new();
        for name in names {
            if !once.contains(&name) {
                once.push(name);
            }
        }
        (!once.is_empty()).then_some(Self(once))
    }
}

impl Deref for NameList {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl EventNames {
    /// Makes names of a list; none where it is empty.
    pub fn of(names: impl IntoIterator<Item = String>) -> Option<Self> {
        NameList::new(names).map(EventNames::Only)
    }

    /// Returns the names; none where every event counts.
    pub fn only(&self) -> Option<&NameList> {
        match self {
            EventNames::All => None,
            EventNames::Only(names) => Some(names),
        }
    }

    /// Returns the same names in the order of the alphabet, which is the same however they are written.
    #[must_use]
    pub fn sorted(&self) -> Self {
        let mut sorted = self.clone();
        if let EventNames::Only(NameList(names)) = &mut sorted {
            names.sort();
        }
        sorted
    }

    /// Returns the names that are among one of both.
    #[must_use]
    pub fn either(&self, other: &Self) -> Self {
        let both = self.only().zip(other.only());
        both.and_then(|(one, other)| Self::of([&one.0[..], &other.0].concat())).unwrap_or(EventNames::All)
    }
}

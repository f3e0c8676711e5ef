//! A set of places that something comes from: mostly one or two, of which a project has some hundred thousands.

use crate::plan::lineage::Place;

/// Places, each once, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(Vec<Place>);

impl Places {
    /// Makes a set of none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a place.
    pub fn insert(&mut self, place: Place) {
        if let Err(at) = self.0.binary_search(&place) {
            self.0.insert(at, place);
        }
    }

    /// Adds all of another set.
    pub fn add(&mut self, other: &Places) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
        } else if other.0.len() < 8 {
            self.extend(other.iter().cloned());
        } else if self != other {
            self.0.extend(other.iter().cloned());
            // Two runs that are sorted already.
            self.0.sort();
            self.0.dedup();
        }
    }

    /// Returns those that are not in another set.
    #[must_use]
    pub fn without(&self, other: &Places) -> Places {
        self.iter().filter(|place| other.0.binary_search(place).is_err()).cloned().collect()
    }

    /// Returns the places, in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Place> {
        self.0.iter()
    }
}

impl Extend<Place> for Places {
    fn extend<I: IntoIterator<Item = Place>>(&mut self, places: I) {
        places.into_iter().for_each(|place| self.insert(place));
    }
}

impl FromIterator<Place> for Places {
    fn from_iter<I: IntoIterator<Item = Place>>(places: I) -> Self {
        let mut all = Self::new();
        all.extend(places);
        all
    }
}

impl<const N: usize> From<[Place; N]> for Places {
    fn from(places: [Place; N]) -> Self {
        places.into_iter().collect()
    }
}

impl<'p> IntoIterator for &'p Places {
    type Item = &'p Place;
    type IntoIter = std::slice::Iter<'p, Place>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Places {
    type Item = Place;
    type IntoIter = std::vec::IntoIter<Place>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

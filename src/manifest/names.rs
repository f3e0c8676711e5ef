//! Lists of names in the file: thousands of columns come from the same, which is held once.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use crate::plan::lineage::Place;

/// A list of names, which prints as one of texts.
#[derive(Clone, Debug, Default)]
pub struct Names(Arc<[Arc<str>]>);

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|name| &**name))
    }
}

impl JsonSchema for Names {
    fn inline_schema() -> bool {
        <Vec<String>>::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        <Vec<String>>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <Vec<String>>::json_schema(generator)
    }
}

/// The names and the lists of them that there are.
#[derive(Debug, Default)]
pub(super) struct Known {
    names: BTreeMap<Place, Arc<str>>,
    lists: BTreeSet<Arc<[Arc<str>]>>,
}

impl Known {
    /// Returns the name of a place, which `make` makes.
    pub(super) fn name(&mut self, place: &Place, make: impl FnOnce() -> String) -> Arc<str> {
        if let Some(known) = self.names.get(place) {
            return Arc::clone(known);
        }
        let name = Arc::from(make());
        self.names.insert(place.clone(), Arc::clone(&name));
        name
    }

    /// Returns the list of some names.
    pub(super) fn list(&mut self, names: &[Arc<str>]) -> Names {
        if let Some(known) = self.lists.get(names) {
            return Names(Arc::clone(known));
        }
        let list: Arc<[Arc<str>]> = names.into();
        self.lists.insert(Arc::clone(&list));
        Names(list)
    }
}

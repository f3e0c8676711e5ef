//! How a warehouse bills, where it does by bytes that are read.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::plan::billed::Rates;
use crate::render::dialect::TYPES;

/// `[billed]` of a dialect's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Billed {
    /// The least that a table is billed for that a statement reads.
    table: u64,
    /// The bytes of a value, by types; of a text, those beside its letters.
    bytes: BTreeMap<String, u64>,
}

impl Billed {
    /// Returns the rates; an error where a type has none.
    pub(super) fn rates(&self) -> Result<Rates, String> {
        if let Some(name) = self.bytes.keys().find(|name| TYPES.iter().all(|ty| ty.name() != name.as_str())) {
            return Err(format!("`billed.bytes`: `{name}` is no type"));
        }
        let mut bytes = Vec::new();
        for ty in TYPES {
            let own = self.bytes.get(ty.name()).ok_or_else(|| format!("`billed.bytes` lacks `{ty}`"))?;
            bytes.push((*ty, *own));
        }
        Ok(Rates { bytes: bytes.into_iter().collect(), least: self.table })
    }
}

//! Raw rows: how their columns are stored, and which of them are read.

use minijinja::Value;

use crate::render::access;
use crate::render::blanks::Blank;
use crate::render::expr;
use crate::render::holes::Fragment;
use crate::render::relations::{Cx, Result, sql};
use crate::semantic::expr::Type;
use crate::semantic::files::Format;
use crate::semantic::model::{Meta, Origin, Properties, Source, Stored, TimeType};
use crate::semantic::moment;
use crate::semantic::name::{Name, Path};

/// The column that holds a document once it was found to be one; another where a raw column is called so.
const DOCUMENT: &str = "milepost_document";

/// The raw rows of a source or an entity.
pub(super) struct Raw<'c> {
    cx: &'c Cx<'c>,
    timezone: &'c str,
    /// Whether every column is text, whatever the definition says is stored: so are CSV and JSON.
    is_text: bool,
}

/// A column with a time.
#[derive(Clone, Copy)]
pub(super) struct Time<'c> {
    /// The column.
    pub(super) column: &'c str,
    /// What is stored in it, where it is said.
    pub(super) ty: Option<TimeType>,
}

impl<'c> Raw<'c> {
    pub(super) fn new(cx: &'c Cx<'c>, meta: &Meta, origin: &Origin, timezone: &'c str) -> Self {
        Self { cx, timezone, is_text: cx.reads_text(meta, origin) }
    }

    fn column(&self, name: &str) -> Result<Fragment> {
        Ok(Fragment::atom(format!("source_rows.{}", self.cx.raw_ident(name)?)))
    }

    /// Prints a column as it is stored.
    pub(super) fn stored(&self, column: &str) -> Result<Value> {
        Ok(sql(self.column(column)?.sql))
    }

    /// Prints a column in its declared type.
    pub(super) fn typed(&self, column: &str, ty: Type) -> Result<Value> {
        Ok(sql(access::normalize(self.cx.dialect(), &self.column(column)?, ty, self.timezone)?.sql))
    }

    /// Prints a column with the key of something, its id or its name, which is text that is not empty.
    pub(super) fn key(&self, column: &str) -> Result<Value> {
        self.cx.given(&self.typed(column, Type::String)?.to_string()).map(sql)
    }

    /// Prints a property of the documents that [`Raw::documents`] gave in its declared type.
    pub(super) fn property(&self, document: &Fragment, path: &Path, ty: Type) -> Result<Value> {
        let keys: Vec<&str> = path.parts().iter().map(String::as_str).collect();
        Ok(sql(access::property_of(self.cx.dialect(), document, &keys, ty, self.timezone)?.sql))
    }

    /// Prints a column with a time as an instant.
    pub(super) fn time(&self, time: Time<'_>) -> Result<Value> {
        let dialect = self.cx.dialect();
        let column = self.column(time.column)?;
        Ok(sql(match time.ty.filter(|ty| *ty != TimeType::Text) {
            Some(ty) if ty.unit().is_some() && self.is_text => {
                let number = access::normalize(dialect, &column, Type::Int, self.timezone)?;
                access::instant(dialect, &number, ty, self.timezone)?.sql
            }
            Some(ty) if !self.is_text => access::instant(dialect, &column, ty, self.timezone)?.sql,
            Some(_) | None => access::normalize(dialect, &column, Type::Timestamp, self.timezone)?.sql,
        }))
    }

    /// Prints conditions on a column with a time, by constants of the type that is stored, so that the warehouse need not
    /// look at the parts of a table where they cannot hold. No row is left out that lies before the moment and, where
    /// rows are only kept for so long, not before that.
    pub(super) fn bounds(&self, time: Time<'_>, retain: Option<i64>) -> Result<Vec<Value>> {
        let Some(ty) = time.ty.filter(|ty| *ty != TimeType::Text && !self.is_text) else { return Ok(Vec::new()) };
        let column = self.column(time.column)?.sql;
        let mut conditions = Vec::new();
        if let Some(bound) = self.bound(ty, 0, true)? {
            conditions.push(sql(format!("{column} < {bound}")));
        }
        if let Some(age) = retain
            && let Some(bound) = self.bound(ty, age, false)?
        {
            conditions.push(sql(format!("{column} >= {bound}")));
        }
        Ok(conditions)
    }

    /// Prints the moment so many microseconds `before` that of everything in the type of a column; none where that is outside
    /// of the calendar. Where the column's own clock may run otherwise, or is cut to days, it is a day further away than the
    /// moment.
    fn bound(&self, ty: TimeType, before: i64, is_upper: bool) -> Result<Option<String>> {
        let place = self.cx.place;
        let Some(text) = place.moment(before) else { return Ok(None) };
        if let Some(unit) = ty.unit() {
            if let Some(blanks) = &place.blanks {
                return self.cx.raw_ident(&blanks.leave(&Blank::Count { unit, before })).map(Some);
            }
            // Of whole units, those before a part of one are those up to it.
            let whole = moment::microseconds(&text).map(|count| count.div_euclid(unit) + i64::from(count % unit != 0));
            return Ok(whole.map(|count| expr::integer(count).sql));
        }
        let is_exact = ty == TimeType::Timestamp || (ty == TimeType::Datetime && self.timezone == "UTC");
        let zone = if ty == TimeType::Timestamp { "UTC" } else { self.timezone };
        let days = match (is_exact, is_upper) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => -1,
        };
        let is_day = ty == TimeType::Date;
        let text = if let Some(blanks) = &place.blanks {
            blanks.leave(&Blank::Clock { zone: zone.to_owned(), days, before, is_day })
        } else {
            let Some((day, time)) = moment::local(&text, zone, days) else { return Ok(None) };
            if is_day { day } else { time.strip_suffix(".000000").unwrap_or(&time).to_owned() }
        };
        Ok(Some(access::moment(self.cx.dialect(), &text, ty)?.sql))
    }

    /// Prints the condition that says which rows are read, on columns as they are stored.
    pub(super) fn scan(&self, source: &Source) -> Result<Option<Value>> {
        let Some(scan) = &source.scan else { return Ok(None) };
        let dialect = self.cx.dialect();
        let printed = expr::print(scan, dialect, &|name| {
            if *name == Name::AsOf {
                return self.cx.moment().ok();
            }
            let Name::Column(name) = name else { return None };
            let column = source.columns.iter().find(|column| column.name == *name)?;
            let raw = self.column(&column.column).ok()?;
            if !self.is_text {
                return Some(raw.sql);
            }
            access::normalize(dialect, &raw, column.ty, self.timezone).ok().map(|fragment| fragment.sql)
        })?;
        Ok(Some(sql(format!("({printed})"))))
    }

    /// Prints the column with the documents of a source, and the relation that has it: documents that are stored as text are
    /// read once a row and not once a property. It has the raw `columns` that are read besides; the conditions of `scan` stand
    /// in it.
    pub(super) fn documents(
        &self,
        properties: &Properties,
        relation: String,
        columns: &[&str],
        scan: &mut Vec<Value>,
    ) -> Result<(Fragment, String)> {
        let column = self.column(&properties.column)?;
        let stored = match properties.stored {
            Stored::Json => access::Stored::Json,
            Stored::Text => access::Stored::Text,
        };
        let document = access::document(self.cx.dialect(), &column, stored)?;
        if document.sql == column.sql {
            return Ok((column, relation));
        }
        let mut own = DOCUMENT.to_owned();
        while columns.iter().any(|column| column.eq_ignore_ascii_case(&own)) {
            own.push('_');
        }
        let name = self.cx.raw_ident(&own)?;
        let kept = columns.iter().filter(|column| **column != properties.column);
        let kept: Vec<String> =
            kept.map(|column| self.column(column).map(|column| column.sql)).collect::<Result<_>>()?;
        let columns: Vec<String> = kept.into_iter().chain([format!("{} AS {name}", document.sql)]).collect();
        let columns = columns.join(", ");
        let conditions: Vec<String> = scan.drain(..).map(|condition| condition.to_string()).collect();
        let read = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let relation = format!("(SELECT {columns} FROM {relation} AS source_rows{read})");
        Ok((self.column(&own)?, relation))
    }
}

/// An empty text names nothing, as a null does: keys, ids and names of events that are empty are none.
impl Cx<'_> {
    /// Prints a text, null where it is empty.
    pub(super) fn given(&self, text: &str) -> Result<String> {
        Ok(format!("NULLIF({text}, {})", self.string("")?))
    }

    /// Prints the condition that a text is not empty, and not null.
    pub(super) fn is_given(&self, text: &str) -> Result<String> {
        Ok(format!("{text} <> {}", self.string("")?))
    }
}

impl Cx<'_> {
    /// Tells whether what is read has text in every column.
    pub(crate) fn reads_text(&self, meta: &Meta, origin: &Origin) -> bool {
        let reads_files = self.dialect().unsupported("source", "file").is_none();
        let is_file = reads_files && !self.place.stand_ins.contains_key(&meta.name);
        is_file && origin.files.as_ref().is_some_and(|files| files.format != Format::Parquet)
    }
}

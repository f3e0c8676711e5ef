//! Rows of relations that a run made, read for people and programs.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::application::Obstacle;
use crate::check::check;
use crate::plan::node::Node;
use crate::render::Statement;
use crate::report::chart::{Bar, Chart};
use crate::report::table::{Cell, Table};
use crate::semantic::model::Model;
use crate::target::Target;
use crate::warehouse::{ErrorKind, Value, Warehouse};

/// Which rows, in which order.
#[derive(Clone, Copy, Debug)]
pub enum Query {
    /// All, sorted by their columns from the first on, so that the same rows are printed in the same order.
    Rows,
    /// The latest periods of KPIs, in the order of time.
    Periods {
        /// Those of the segments too.
        segments: bool,
    },
}

/// The columns by which the rows of KPIs are known.
const OF_KPIS: &[&str] = &["kpi", "grain", "period", "as_of"];

/// The unit of a value that people read as a percentage.
const PERCENT: &str = "%";

/// Reads the rows of a relation, and tells whether there are more.
pub fn read(
    target: &Target,
    warehouse: &dyn Warehouse,
    node: &Node,
    query: Query,
    limit: Option<usize>,
) -> Result<(Table, bool), Obstacle> {
    let mut sql = select(target, node, None)?;
    match query {
        Query::Rows => {
            let columns = node.columns.iter().map(|(name, _)| target.dialect.identifier(name));
            let columns: Vec<String> = columns.collect::<Result<_, _>>().map_err(Obstacle::new)?;
            let _ = write!(sql, "\nORDER BY {}", columns.join(", "));
        }
        Query::Periods { segments } => {
            let ident = |name: &str| target.dialect.identifier(name).map_err(Obstacle::new);
            if !segments {
                let _ = write!(sql, "\nWHERE {} IS NULL", ident("segment_by")?);
            }
            let _ = write!(
                sql,
                "\nORDER BY {} DESC, {}, {}, {}",
                ident("period")?,
                ident("kpi")?,
                ident("segment_by")?,
                ident("segment")?
            );
        }
    }
    let (mut table, truncated) = rows(target, warehouse, node, sql, limit)?;
    match query {
        Query::Rows => {}
        Query::Periods { .. } => {
            let at = |name: &str| table.columns.iter().position(|column| column == name);
            let keys = [at("kpi"), at("segment_by"), at("segment"), at("period")];
            let key = |row: &Vec<Cell>| -> Vec<Option<String>> {
                keys.iter().map(|at| at.and_then(|at| text(&row[at]))).collect()
            };
            // A null sorts first: the total before its segments.
            table.rows.sort_by_cached_key(key);
        }
    }
    Ok((table, truncated))
}

/// Returns the first moment that rows of KPIs say they are of and that is not `moment`: those of a KPI that was left out of a
/// run are of an earlier one than the table that they lie in.
pub fn of_another_moment(table: &Table, moment: Timestamp) -> Option<Timestamp> {
    let at = table.columns.iter().position(|column| column == "as_of")?;
    let moments = table.rows.iter().filter_map(|row| text(&row[at])?.parse::<Timestamp>().ok());
    moments.into_iter().find(|own| *own != moment)
}

/// Returns period, value and `n` of the latest period of a KPI's total that is over, if there is one; of all time, what is
/// known so far.
pub fn latest(target: &Target, warehouse: &dyn Warehouse, node: &Node) -> Result<[Cell; 3], Obstacle> {
    let ident = |name: &str| target.dialect.identifier(name).map_err(Obstacle::new);
    let mut sql = select(target, node, Some(&["period", "value", "n"]))?;
    let _ = write!(
        sql,
        "\nWHERE {} IS NULL AND ({} OR {} IS NULL) AND {} IS NOT NULL\nORDER BY {} DESC",
        ident("segment_by")?,
        ident("mature")?,
        ident("period")?,
        ident("value")?,
        ident("period")?
    );
    let (mut table, _) = rows(target, warehouse, node, sql, Some(1))?;
    let latest = table.rows.pop().and_then(|row| <[Cell; 3]>::try_from(row).ok());
    Ok(latest.unwrap_or([Cell::Null, Cell::Null, Cell::Null]))
}

/// Returns the table of KPIs as people read it: without columns that say the same in every row, or nothing, and with
/// percentages where the unit of the KPI says so.
pub fn short(table: &Table, model: &Model) -> Table {
    if !OF_KPIS.iter().all(|name| table.columns.iter().any(|column| column == name)) {
        return table.clone();
    }
    let at = |name: &str| table.columns.iter().position(|column| column == name);
    let is_dead = |column: usize| {
        let mut cells = table.rows.iter().map(|row| &row[column]);
        let first = cells.next();
        match table.columns[column].as_str() {
            "as_of" => true,
            // One of each is said by what was asked for.
            "kpi" | "grain" => cells.all(|cell| Some(cell) == first),
            "segment_by" | "segment" | "numerator" | "denominator" => {
                first == Some(&Cell::Null) && cells.all(|cell| *cell == Cell::Null)
            }
            _ => false,
        }
    };
    let shown: Vec<usize> = (0..table.columns.len()).filter(|column| !is_dead(*column)).collect();
    let cell = |row: &[Cell], column: usize| {
        let is_share = Some(column) == at("value")
            && at("kpi").and_then(|kpi| text(&row[kpi])).is_some_and(|name| is_share(model, &name));
        match (&row[column], is_share) {
            (Cell::Float(value), true) => Cell::Share(*value),
            (cell, _) => cell.clone(),
        }
    };
    Table {
        columns: shown.iter().map(|column| table.columns[*column].clone()).collect(),
        rows: table.rows.iter().map(|row| shown.iter().map(|column| cell(row, *column)).collect()).collect(),
    }
}

/// Tells whether people read the value of a KPI as a percentage.
fn is_share(model: &Model, kpi: &str) -> bool {
    model.kpis.iter().any(|known| known.meta.name == kpi && known.unit.as_deref() == Some(PERCENT))
}

/// Returns a value of a KPI as people read it, and the unit that is left to say.
pub fn with_unit(value: Cell, unit: Option<&str>) -> (Cell, Cell) {
    match (value, unit) {
        (Cell::Float(value), Some(PERCENT)) => (Cell::Share(value), Cell::Null),
        (value, unit) => (value, unit.map_or(Cell::Null, |unit| Cell::Text(unit.to_owned()))),
    }
}

/// Returns a KPI's rows as bars.
pub fn chart(table: &Table, model: &Model) -> Chart {
    let cell = |row: &[Cell], name: &str| {
        table.columns.iter().position(|column| column == name).map_or(Cell::Null, |at| row[at].clone())
    };
    let count = |cell: Cell| match cell {
        Cell::Int(value) => u64::try_from(value).unwrap_or_default(),
        Cell::Null | Cell::Bool(_) | Cell::Float(_) | Cell::Share(_) | Cell::Decimal(_) | Cell::Text(_) => 0,
    };
    let bars = table.rows.iter().map(|row| Bar {
        segment: text(&cell(row, "segment_by"))
            .map(|by| format!("{by} = {}", text(&cell(row, "segment")).unwrap_or_default())),
        period: text(&cell(row, "period")).unwrap_or_else(|| "all".to_owned()),
        value: number(&cell(row, "value")),
        n: count(cell(row, "n")),
        immature: count(cell(row, "immature")),
    });
    let title = table.rows.first().map(|row| {
        let part = |name: &str| text(&cell(row, name)).unwrap_or_default();
        match part("grain").as_str() {
            "all" | "" => part("kpi"),
            grain => format!("{} by {grain}", part("kpi")),
        }
    });
    let is_share = table.rows.first().and_then(|row| text(&cell(row, "kpi"))).is_some_and(|kpi| is_share(model, &kpi));
    Chart { title: title.unwrap_or_else(|| "no rows".to_owned()), bars: bars.collect(), is_share }
}

fn text(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Bool(_) | Cell::Int(_) | Cell::Float(_) | Cell::Share(_) | Cell::Decimal(_) | Cell::Text(_) => {
            Some(cell.to_text())
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the length of a bar")]
fn number(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Int(value) => Some(*value as f64),
        Cell::Float(value) | Cell::Share(value) => Some(*value),
        Cell::Decimal(digits) => digits.parse().ok(),
        Cell::Null | Cell::Bool(_) | Cell::Text(_) => None,
    }
}

/// Returns `SELECT … FROM …` of a relation's columns.
fn select(target: &Target, node: &Node, columns: Option<&[&str]>) -> Result<String, Obstacle> {
    let names: Vec<&str> = match columns {
        Some(columns) => columns.to_vec(),
        None => node.columns.iter().map(|(name, _)| name.as_str()).collect(),
    };
    let quoted: Result<Vec<String>, String> = names.iter().map(|name| target.dialect.identifier(name)).collect();
    let relation = target.relation(node).expect("only the schema is no relation");
    Ok(format!("SELECT {}\nFROM {relation}", quoted.map_err(Obstacle::new)?.join(", ")))
}

fn rows(
    target: &Target,
    warehouse: &dyn Warehouse,
    node: &Node,
    sql: String,
    limit: Option<usize>,
) -> Result<(Table, bool), Obstacle> {
    let statement = Statement { node: node.name.clone(), sql, origin: None };
    let statement = check(statement, target.dialect).map_err(|refusal| {
        Obstacle::new(format!("reading `{}`: {}", node.name, refusal.reason)).help("this is a bug of Milepost")
    })?;
    let rows = warehouse.query(&statement, limit).map_err(|error| match error.kind {
        ErrorKind::Missing => Obstacle::new(format!("`{}` is not there, or was made by an older version", node.name))
            .help(format!("run it first: `milepost run --target {}`", target.name)),
        ErrorKind::UserSql
        | ErrorKind::Occupied
        | ErrorKind::Permission
        | ErrorKind::Transient
        | ErrorKind::Resources
        | ErrorKind::Timeout
        | ErrorKind::Cancelled
        | ErrorKind::Busy
        | ErrorKind::Gone
        | ErrorKind::Credentials
        | ErrorKind::Quota
        | ErrorKind::Unsupported => Obstacle::new(format!("reading `{}`: {}", node.name, error.message)),
    })?;
    let cells = |row: Vec<Value>| row.into_iter().map(cell).collect();
    let truncated = rows.truncated;
    let table = Table {
        columns: rows.columns.into_iter().map(|column| called(target, node, column.name)).collect(),
        rows: rows.rows.into_iter().map(cells).collect(),
    };
    Ok((table, truncated))
}

/// Returns what the project calls a column, which may be in capitals there.
fn called(target: &Target, node: &Node, column: String) -> String {
    let found = node.columns.iter().find(|(name, _)| target.dialect.made_name(name) == column);
    found.map_or(column, |(name, _)| name.clone())
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Bool(value),
        Value::Int(value) => Cell::Int(value),
        Value::Float(value) => Cell::Float(value),
        Value::Decimal(digits) => Cell::Decimal(digits),
        Value::Text(text) | Value::Date(text) => Cell::Text(text),
        Value::Timestamp(text) => Cell::Text(text.replace(".000000Z", "Z")),
    }
}

//! A query of the plan -> SQL: the one printer of selects.
//!
//! A relation with a name is a common table expression; one without is written where it is read. Each value and each
//! condition has a line, so that a change of one is a change of a line.

use std::collections::BTreeMap;

use crate::plan::node::{NodeId, Plan};
use crate::plan::relational::scalar::{self, Leaf, Scalar, WindowFunction};
use crate::plan::relational::{Body, Input, Join, Query, Relation, RelationId, Select};
use crate::render::dialect::{Argument, Dialect, Failure};
use crate::render::expr::{self, Refused, Unsupported};
use crate::render::holes::{Fragment, Place};
use crate::render::{self, access};
use crate::semantic::expr::{BinaryOperator, ExprKind, Literal, Type};
use crate::semantic::moment;
use crate::source::Span;

/// How long a line may be before what is on it is broken, where it can be.
const WIDTH: usize = 120;

/// What a query is printed with.
pub(crate) struct Printer<'p> {
    /// The plan that its nodes are of.
    pub(crate) plan: &'p Plan,
    /// The warehouse's SQL.
    pub(crate) dialect: &'static Dialect,
    /// Where the plan is carried out.
    pub(crate) place: &'p render::Place,
    /// The SQL of the nodes that are part of the statement.
    pub(crate) within: BTreeMap<NodeId, String>,
}

type Result<T> = std::result::Result<T, Refused>;

impl Printer<'_> {
    /// Prints a query, without the head of the statement that keeps its rows, which are `sorted` by columns where a warehouse
    /// prunes by the order in which they were written.
    pub(crate) fn query(&self, query: &Query, sorted: &[String]) -> Result<String> {
        let mut text = String::new();
        // What reads raw rows comes first: a raw table may be called as a relation of the statement is.
        let within = self.within.iter();
        let mut named: Vec<String> =
            within.map(|(id, rows)| format!("{} AS (\n{}\n)", self.plan.node(*id).name, indented(rows))).collect();
        for (_, relation) in query.relations() {
            if let Some(name) = &relation.name {
                named.push(format!("{name} AS (\n{}\n)", self.relation(query, relation, 2)?));
            }
        }
        if !named.is_empty() {
            text.push_str("WITH ");
            text.push_str(&named.join(",\n"));
            text.push('\n');
        }
        text.push_str(&self.relation(query, query.result(), 0)?);
        if !sorted.is_empty() {
            let columns: Vec<String> = sorted.iter().map(|name| self.ident(name)).collect::<Result<Vec<_>>>()?;
            let order = self.part("order_rows", [("columns", columns.into())])?;
            if !order.is_empty() {
                text.push('\n');
                text.push_str(&order);
            }
        }
        Ok(text)
    }

    /// Prints the rows of a relation, each line behind so many blanks.
    fn relation(&self, query: &Query, relation: &Relation, indent: usize) -> Result<String> {
        match &relation.body {
            Body::Node(_) => {
                let columns =
                    relation.columns.iter().map(|column| self.ident(&column.name)).collect::<Result<Vec<_>>>()?;
                Ok(format!("{}SELECT {} FROM {}", pad(indent), columns.join(", "), self.table(relation)?))
            }
            Body::Constants(rows) => self.constants(relation, rows, indent),
            Body::Select(select) => self.select(query, relation, select, indent),
            Body::Union(parts) => {
                let parts = parts.iter().map(|part| {
                    let part = query.relation(*part);
                    match &part.name {
                        Some(name) => {
                            let columns = part.columns.iter().map(|column| self.ident(&column.name));
                            let columns = columns.collect::<Result<Vec<_>>>()?;
                            Ok(format!("{}SELECT {} FROM {name}", pad(indent), columns.join(", ")))
                        }
                        None => self.relation(query, part, indent),
                    }
                });
                Ok(parts.collect::<Result<Vec<_>>>()?.join(&format!("\n{}UNION ALL\n", pad(indent))))
            }
        }
    }

    fn constants(&self, relation: &Relation, rows: &[Vec<Scalar>], indent: usize) -> Result<String> {
        let none = Inputs { aliases: Vec::new(), query: None };
        let cells = |row: &Vec<Scalar>| -> Result<Vec<String>> {
            row.iter().map(|cell| self.fragment(cell, &none).map(|cell| cell.sql)).collect()
        };
        let rows: Vec<Vec<String>> = rows.iter().map(cells).collect::<Result<_>>()?;
        let columns: Vec<String> =
            relation.columns.iter().map(|column| self.ident(&column.name)).collect::<Result<_>>()?;
        let name = format!("{}_rows", relation.name.as_deref().unwrap_or("constant"));
        let context = [
            ("name", minijinja::Value::from(self.ident(&name)?)),
            ("columns", minijinja::Value::from(columns)),
            ("rows", minijinja::Value::from(minijinja::value::Serde(rows))),
            ("indent", minijinja::Value::from(pad(indent))),
        ];
        let values = self.part("constants", context)?;
        Ok(format!("{0}SELECT *\n{0}FROM {values}", pad(indent)))
    }

    fn select(&self, query: &Query, relation: &Relation, select: &Select, indent: usize) -> Result<String> {
        let inputs = Inputs {
            aliases: select.inputs.iter().map(|input| (input.alias.as_str(), input.relation)).collect(),
            query: Some(query),
        };
        if let Some(line) = self.one_line(query, relation, select, indent)? {
            return Ok(line);
        }
        let mut lines = vec![format!("{}SELECT{}", pad(indent), if select.distinct { " DISTINCT" } else { "" })];
        let last = select.values.len().saturating_sub(1);
        for (position, (column, value)) in relation.columns.iter().zip(&select.values).enumerate() {
            let name = self.ident(&column.name)?;
            let printed = self.value(value, &inputs, indent + 2)?;
            let comma = if position == last { "" } else { "," };
            let named = if own_name(query, select, value) == Some(&*column.name) {
                String::new()
            } else {
                format!(" AS {name}")
            };
            lines.push(format!("{}{printed}{named}{comma}", pad(indent + 2)));
        }
        for (position, input) in select.inputs.iter().enumerate() {
            lines.push(self.input(query, input, position == 0, &inputs, indent)?);
        }
        let place = if select.conditions.len() == 1 { Place::Enclosed } else { Place::Conjunction };
        for (position, condition) in select.conditions.iter().enumerate() {
            let word = if position == 0 { "WHERE" } else { "  AND" };
            lines.push(format!("{}{word} {}", pad(indent), self.condition(condition, place, &inputs, indent)?));
        }
        let keys: Vec<usize> = select.grouped_by.iter().flatten().copied().collect();
        if !keys.is_empty() {
            let places: Vec<usize> = keys.iter().map(|place| place + 1).collect();
            let names = keys.iter().map(|place| self.ident(&relation.columns[*place].name));
            let names = names.collect::<Result<Vec<_>>>()?;
            lines.push(format!(
                "{}{}",
                pad(indent),
                self.part("group_rows", [("places", places.into()), ("names", names.into())])?
            ));
        }
        Ok(lines.join("\n"))
    }

    /// Prints a select that only takes columns of one relation, where it has a place on one line.
    fn one_line(&self, query: &Query, relation: &Relation, select: &Select, indent: usize) -> Result<Option<String>> {
        let is_plain = select.conditions.is_empty() && !select.distinct && select.grouped_by.is_none();
        let ([input], true) = (select.inputs.as_slice(), is_plain) else { return Ok(None) };
        let read = query.relation(input.relation);
        let mut columns = Vec::new();
        for (column, value) in relation.columns.iter().zip(&select.values) {
            if own_name(query, select, value) != Some(&*column.name) {
                return Ok(None);
            }
            columns.push(self.ident(&column.name)?);
        }
        let from = match (&read.body, &read.name) {
            (Body::Node(_), _) => self.table(read)?,
            (_, Some(name)) => name.clone(),
            (Body::Constants(_) | Body::Select(_) | Body::Union(_), None) => return Ok(None),
        };
        let line = format!("{}SELECT {} FROM {from}", pad(indent), columns.join(", "));
        Ok((line.len() <= WIDTH).then_some(line))
    }

    fn input(&self, query: &Query, input: &Input, first: bool, inputs: &Inputs<'_>, indent: usize) -> Result<String> {
        let relation = query.relation(input.relation);
        let read = match (&relation.body, &relation.name) {
            (Body::Node(_), _) => self.table(relation)?,
            (_, Some(name)) => name.clone(),
            (Body::Constants(_) | Body::Select(_) | Body::Union(_), None) => {
                format!("(\n{}\n{})", self.relation(query, relation, indent + 2)?, pad(indent))
            }
        };
        let alias = if read == input.alias { String::new() } else { format!(" AS {}", input.alias) };
        let (word, on) = match &input.join {
            _ if first => ("FROM", None),
            Join::Cross => ("CROSS JOIN", None),
            Join::Inner(on) => ("JOIN", Some(on)),
            Join::Left(on) => ("LEFT JOIN", Some(on)),
        };
        let line = format!("{}{word} {read}{alias}", pad(indent));
        let Some(on) = on else { return Ok(line) };
        let on = on.iter().map(|condition| Ok(self.fragment(condition, inputs)?.at(Place::Conjunction)));
        let on = on.collect::<Result<Vec<_>>>()?.join(" AND ");
        let last = line.rsplit('\n').next().map_or(0, str::len);
        Ok(if last + on.len() + 4 <= WIDTH {
            format!("{line} ON {on}")
        } else {
            format!("{line}\n{}ON {on}", pad(indent + 2))
        })
    }

    /// Prints a value of a column: a choice that has no place on one line has a line a branch.
    fn value(&self, value: &Scalar, inputs: &Inputs<'_>, indent: usize) -> Result<String> {
        let line = self.fragment(value, inputs)?.sql;
        if indent + line.len() <= WIDTH {
            return Ok(line);
        }
        if let ExprKind::Column(Leaf::Window(window)) = &value.kind {
            let (call, over) = self.window(window, inputs)?;
            let over: Vec<String> = over.into_iter().map(|part| format!("{}{part}", pad(indent + 2))).collect();
            return Ok(format!("{call} OVER (\n{}\n{})", over.join("\n"), pad(indent)));
        }
        let ExprKind::Case(branches, otherwise) = &value.kind else { return Ok(line) };
        let mut lines = vec!["CASE".to_owned()];
        for (condition, result) in branches {
            let (condition, result) = (self.fragment(condition, inputs)?, self.fragment(result, inputs)?);
            lines.push(format!("{}WHEN {} THEN {}", pad(indent + 2), condition.sql, result.sql));
        }
        if let Some(otherwise) = otherwise {
            lines.push(format!("{}ELSE {}", pad(indent + 2), self.fragment(otherwise, inputs)?.sql));
        }
        lines.push(format!("{}END", pad(indent)));
        Ok(lines.join("\n"))
    }

    /// Prints a condition: alternatives that have no place on one line have a line each.
    fn condition(&self, condition: &Scalar, place: Place, inputs: &Inputs<'_>, indent: usize) -> Result<String> {
        let line = self.fragment(condition, inputs)?.at(place);
        let mut alternatives = Vec::new();
        split(condition, BinaryOperator::Or, &mut alternatives);
        if indent + line.len() <= WIDTH || alternatives.len() == 1 {
            return Ok(line);
        }
        let printed = alternatives.iter().map(|one| Ok(self.fragment(one, inputs)?.at(Place::Disjunction)));
        let printed: Vec<String> = printed.collect::<Result<_>>()?;
        Ok(if place == Place::Enclosed {
            printed.join(&format!("\n{}OR ", pad(indent + 2)))
        } else {
            let (inside, around) = (pad(indent + 4), pad(indent + 2));
            format!("(\n{inside}{}\n{around})", printed.join(&format!("\n{inside}OR ")))
        })
    }

    fn fragment(&self, value: &Scalar, inputs: &Inputs<'_>) -> Result<Fragment> {
        expr::planned(value, self.dialect, &|leaf, span| self.leaf(leaf, span, inputs))
    }

    fn leaf(&self, leaf: &Leaf, span: Span, inputs: &Inputs<'_>) -> Result<Fragment> {
        match leaf {
            Leaf::Column(column) => {
                let (alias, name) = inputs.column(column.input, column.column);
                Ok(Fragment::atom(format!("{alias}.{}", self.ident(name)?)))
            }
            Leaf::Null(ty) => Ok(Fragment::atom(format!("CAST(NULL AS {})", self.dialect.type_name(*ty)))),
            Leaf::Exact(number) => {
                let text = self.dialect.string(&number.to_string()).map_err(|why| failed(Failure::Name(why)))?;
                Ok(Fragment::atom(format!("CAST({text} AS {})", self.dialect.type_name(Type::Decimal))))
            }
            Leaf::Moment { before } => {
                // A moment before the calendar begins leaves nothing out.
                let text = self.place.moment(*before).unwrap_or_else(|| moment::FIRST.to_owned());
                expr::literal(&Literal::Timestamp(text), self.dialect).map_err(failed)
            }
            Leaf::Cast(value, Type::String) if matches!(value.ty, Type::Date | Type::Timestamp | Type::Decimal) => {
                let value = Argument::Sql(self.fragment(value, inputs)?, Some(value.ty));
                self.dialect.expression("functions", "string", &[("value", value)]).map_err(failed)
            }
            Leaf::Cast(value, ty) => {
                let inner = self.fragment(value, inputs)?;
                let sql = format!("CAST({} AS {})", inner.sql, self.dialect.type_name(*ty));
                Ok(Fragment { depth: inner.depth + 1, ..Fragment::atom(sql) })
            }
            Leaf::ExactOf(value) => access::exact(self.dialect, &self.fragment(value, inputs)?).map_err(failed),
            Leaf::Written(value) => expr::users(value, self.dialect, &|leaf, span| self.leaf(leaf, span, inputs)),
            Leaf::Aggregate(aggregate) => {
                let scalar::Aggregate { function, argument, filter } = &**aggregate;
                let argument = argument
                    .as_ref()
                    .map(|argument| Ok((self.fragment(argument, inputs)?, Some(argument.ty))))
                    .transpose()?;
                let filter = filter.as_ref().map(|filter| self.fragment(filter, inputs)).transpose()?;
                let ty = scalar::aggregate_type(*function, aggregate.argument.as_ref());
                expr::aggregate(self.dialect, *function, argument, filter, Some(ty)).map_err(failed)
            }
            Leaf::Window(window) => {
                let (call, over) = self.window(window, inputs)?;
                Ok(Fragment { depth: 2, ..Fragment::atom(format!("{call} OVER ({})", over.join(" "))) })
            }
            Leaf::Unknown(name) => Err(Refused::Unsupported(Unsupported {
                function: name.to_string(),
                reason: "there is no such column here".to_owned(),
                span,
            })),
        }
    }

    /// Prints what a window computes, and the parts of what it is computed over.
    fn window(&self, window: &scalar::Window, inputs: &Inputs<'_>) -> Result<(String, Vec<String>)> {
        let scalar::Window { function, partition, order } = window;
        let list = |values: &[Scalar]| -> Result<Vec<String>> {
            values.iter().map(|value| self.fragment(value, inputs).map(|value| value.sql)).collect()
        };
        let one = |name: &str, value: &Scalar| Ok(format!("{name}({})", self.fragment(value, inputs)?.sql));
        let call = match function {
            WindowFunction::RowNumber => "ROW_NUMBER()".to_owned(),
            WindowFunction::Count => "COUNT(*)".to_owned(),
            WindowFunction::Lead(value) => one("LEAD", value)?,
            WindowFunction::Min(value) => one("MIN", value)?,
            WindowFunction::Max(value) => one("MAX", value)?,
            WindowFunction::RunningSum(value) => one("SUM", value)?,
        };
        let mut over = Vec::new();
        if !partition.is_empty() {
            over.push(format!("PARTITION BY {}", list(partition)?.join(", ")));
        }
        let is_running = matches!(function, WindowFunction::RunningSum(_));
        if !order.is_empty() {
            let columns = [("columns", minijinja::Value::from(list(order)?)), ("is_running", is_running.into())];
            over.push(self.part("order_window", columns)?);
        }
        if is_running {
            over.push(self.part("running_frame", [])?);
        }
        Ok((call, over))
    }

    /// Prints an entry of the dialect that is a part of a select.
    fn part<const N: usize>(&self, name: &str, context: [(&str, minijinja::Value); N]) -> Result<String> {
        self.dialect.shape("statements", name, &context.into()).map_err(failed)
    }

    fn table(&self, relation: &Relation) -> Result<String> {
        let Body::Node(node) = relation.body else { return Ok(String::new()) };
        if self.within.contains_key(&node) {
            return Ok(self.plan.node(node).name.clone());
        }
        self.place.relation(self.plan, node).map_err(|why| failed(Failure::Name(why)))
    }

    fn ident(&self, name: &str) -> Result<String> {
        self.dialect.identifier(name).map_err(|why| failed(Failure::Name(why)))
    }
}

/// What the columns of a select are read from: the aliases of its inputs, and their relations.
struct Inputs<'q> {
    aliases: Vec<(&'q str, RelationId)>,
    query: Option<&'q Query>,
}

impl Inputs<'_> {
    fn column(&self, input: usize, column: usize) -> (&str, &str) {
        let (alias, relation) = self.aliases[input];
        let query = self.query.expect("constants read nothing");
        (alias, &query.relation(relation).columns[column].name)
    }
}

/// Returns the name of the column that a value is, if it is one.
fn own_name<'q>(query: &'q Query, select: &Select, value: &Scalar) -> Option<&'q str> {
    let ExprKind::Column(Leaf::Column(column)) = &value.kind else { return None };
    Some(&query.relation(select.inputs[column.input].relation).columns[column.column].name)
}

/// Splits a chain of one operator into its operands.
fn split<'e>(value: &'e Scalar, operator: BinaryOperator, operands: &mut Vec<&'e Scalar>) {
    if let ExprKind::Binary(own, left, right) = &value.kind
        && *own == operator
    {
        split(left, operator, operands);
        split(right, operator, operands);
    } else {
        operands.push(value);
    }
}

fn failed(failure: Failure) -> Refused {
    Refused::Failed(failure)
}

/// Moves lines to the right, where none of them ends within a text or a name: that would be another one.
fn indented(text: &str) -> String {
    let is_whole = |line: &str| ['\'', '"', '`'].iter().all(|quote| line.matches(*quote).count() % 2 == 0);
    if !text.lines().all(is_whole) {
        return text.to_owned();
    }
    text.lines()
        .map(|line| if line.is_empty() { String::new() } else { format!("  {line}") })
        .collect::<Vec<_>>()
        .join("\n")
}

fn pad(indent: usize) -> String {
    " ".repeat(indent)
}

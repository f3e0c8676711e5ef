//! `kind = "formula"`: an expression over other KPIs, which meet on bucket and segment.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::Diagnostic;
use crate::language::Table;
use crate::project::document::Spanned;
use crate::project::tables::kpi::KpiTable;
use crate::semantic::expr::Type;
use crate::semantic::kinds::{Cx, Kind};
use crate::semantic::known::Named;
use crate::semantic::model::{KpiIndex, KpiValue};
use crate::semantic::name::Name;
use crate::semantic::parse::{self, Scope};
use crate::semantic::references::References;
use crate::source::Span;

/// The fields of `kind = "formula"`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Formula {
    /// The expression, over the names of other KPIs.
    value: Spanned<String>,
}

impl Kind for Formula {
    const NAME: &'static str = "formula";
    const ABOUT: &'static str = "An expression over other KPIs, which meet on period and segment.";

    fn references(&self, references: &mut References<'_, KpiTable>) {
        references.expression(&self.value, Some((Table::Kpi, Type::Float)));
    }

    fn reduce(&self, cx: &mut Cx<'_>) -> Option<KpiValue> {
        let scope = Kpis(&cx.known.kpis);
        let value = parse::expression(&cx.text(&self.value), &scope, None, cx.diagnostics)?;
        if !value.is_number() {
            cx.report(
                Diagnostic::error("wrong-type", format!("a KPI is a number, and this is {}", value.ty.with_article()))
                    .at(value.span, value.ty.name()),
            );
            return None;
        }
        let columns = value.columns();
        let named: Vec<&String> =
            columns.iter().filter_map(|name| if let Name::Kpi(name) = name { Some(name) } else { None }).collect();
        if named.is_empty() {
            cx.report(
                Diagnostic::error("constant-formula", "the formula names no KPI")
                    .at(cx.place(&self.value), "always the same")
                    .help("name the KPIs that it is made from"),
            );
            return None;
        }
        // One that has mistakes is not there, which was reported.
        let found = |name: &&String| cx.known.kpis.found.get(*name).and_then(|(index, _)| *index);
        let inputs = named.iter().filter_map(found).collect();
        Some(KpiValue::Formula { value, inputs })
    }
}

/// The values of the project's KPIs: one scope for all formulas, which looks a name up where it is.
struct Kpis<'k>(&'k Named<KpiIndex>);

impl Scope for Kpis<'_> {
    fn column(&self, path: &[&str]) -> Option<(Name, Type)> {
        let name = path.join(".");
        self.0.found.contains_key(&name).then_some((Name::Kpi(name), Type::Float))
    }

    fn names(&self) -> Vec<String> {
        self.0.found.keys().cloned().collect()
    }

    fn subject(&self) -> String {
        "the project's KPIs".to_owned()
    }

    fn declared_at(&self, _: &str) -> Option<Span> {
        None
    }

    fn is_of_kpis(&self) -> bool {
        true
    }
}

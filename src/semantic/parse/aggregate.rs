//! Aggregates, which the language has not: an expression is asked of each row, and keys say what is counted.

use crate::diagnostic::Diagnostic;
use crate::semantic::expr::Expr;
use crate::semantic::parse::lower::Lower;
use crate::source::Span;

/// Aggregates of warehouses, and the keys that stand for them.
const AGGREGATES: &[(&[&str], &str)] = &[
    (
        &["count", "count_if", "countif"],
        "keys count: `at_least` of a milestone, `kind = \"count\"` of a KPI; and `where` says what counts",
    ),
    (
        &["count_distinct", "approx_count_distinct", "approx_distinct", "hll", "uniq"],
        "a key counts different values: `distinct` of a milestone or a KPI",
    ),
    (
        &["sum", "sum_if", "sumif", "total"],
        "keys add up: `sum` of a milestone, `kind = \"sum\"` and `value` of a KPI; and `where` says what counts",
    ),
    (
        &["average", "avg", "avg_if", "avgif", "mean", "max_by", "min_by", "arg_max", "arg_min", "any_value", "mode"],
        "a KPI of `kind = \"ratio\"` takes `aggregate = \"average\"`, `\"min\"` or `\"max\"` of a `value`",
    ),
    (
        &["min", "max"],
        "of several values of one row write `least(a, b)` or `greatest(a, b)`; a `ratio` has the `aggregate` of many rows",
    ),
    (
        &[
            "median",
            "percentile",
            "percentile_cont",
            "percentile_disc",
            "quantile",
            "quantile_cont",
            "approx_quantile",
            "approx_percentile",
            "approx_quantiles",
            "stddev",
            "stddev_samp",
            "variance",
            "var_samp",
        ],
        "a KPI of `kind = \"time_to\"` takes `statistic = \"median\"` or a percentile such as `\"p90\"`",
    ),
    (
        &["bool_or", "logical_or", "boolor_agg", "bool_and", "logical_and", "booland_agg"],
        "milestones say whether something ever happened: combine them by `any_of`, `all_of` or `none_of`",
    ),
    (&["array_agg", "string_agg", "listagg", "group_concat"], "there are no lists: count what would be in one"),
];

/// Returns what to write instead of an aggregate.
pub(super) fn keys(name: &str) -> Option<&'static str> {
    AGGREGATES.iter().find(|(names, _)| names.contains(&name)).map(|(_, keys)| *keys)
}

impl Lower<'_> {
    /// Reports an aggregate.
    pub(super) fn aggregate(&mut self, name: &str, keys: &str, span: Span) -> Option<Expr> {
        let subject = self.scope.subject();
        self.diagnostics.push(
            Diagnostic::error(
                "aggregate-not-allowed",
                format!("the aggregate `{name}` is not allowed in an expression"),
            )
            .at(span, format!("this is asked of each row of {subject}"))
            .help(keys),
        );
        None
    }
}

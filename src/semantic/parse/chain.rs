//! Chains of operators: `a or b or c …` is one level however long it is. The parser makes a tree of it that is as deep as the
//! chain is long; here it is taken apart without recursion, and put together again as one that is not.

use std::ops::Range;

use sqlparser::ast as sql;

use crate::semantic::expr::Expr;
use crate::semantic::parse::LEVELS;
use crate::semantic::parse::foreign;
use crate::semantic::parse::lower::Lower;
use crate::semantic::parse::operator::Operator;
use crate::semantic::parse::tokens::too_many_levels;

/// How many operands stand one after the other before they are put into two halves.
const TOGETHER: usize = 16;

/// An operand, or what became of several; none where something in it was reported.
struct Operand {
    expr: Option<Expr>,
    range: Range<usize>,
}

/// One operator of a chain, and the operands to its right: several where it stands several times.
struct Run<'s> {
    operator: &'s sql::BinaryOperator,
    operands: Vec<&'s sql::Expr>,
}

impl Run<'_> {
    /// Returns how many levels deeper than what comes of it its operands are.
    fn levels(&self) -> usize {
        levels(self.operands.len() + 1)
    }
}

/// Returns how deep the tree is that `operands` are put together as.
fn levels(operands: usize) -> usize {
    if operands <= TOGETHER { operands - 1 } else { 1 + levels(operands.div_ceil(2)) }
}

/// Tells whether operands may be put together in any order: it gives the same, nulls included. Arithmetic may not, where a
/// step of it has no place in 64 bits.
fn is_associative(operator: &sql::BinaryOperator) -> bool {
    matches!(operator, sql::BinaryOperator::Or | sql::BinaryOperator::And | sql::BinaryOperator::StringConcat)
}

impl Lower<'_> {
    /// Lowers operators and their operands, from left to right.
    pub(super) fn chain(&mut self, syntax: &sql::Expr) -> Option<Expr> {
        let mut links = Vec::new();
        let mut first = syntax;
        while let sql::Expr::BinaryOp { left, op, right } = first {
            links.push((op, &**right));
            first = left;
        }
        let mut runs: Vec<Run<'_>> = Vec::new();
        for (operator, operand) in links.into_iter().rev() {
            match runs.last_mut() {
                Some(run) if run.operator == operator && is_associative(operator) => run.operands.push(operand),
                Some(_) | None => runs.push(Run { operator, operands: vec![operand] }),
            }
        }
        // Each operand is as deep as it will be in what comes of it.
        let above = self.depth;
        self.depth += runs.iter().map(Run::levels).sum::<usize>();
        if self.depth > LEVELS {
            self.depth = above;
            self.diagnostics.push(too_many_levels(self.text));
            return None;
        }
        let mut made = Operand { expr: self.expr(first), range: self.range(first) };
        for run in runs {
            let mut operands = vec![made];
            for operand in &run.operands {
                operands.push(Operand { expr: self.expr(operand), range: self.range(operand) });
            }
            self.depth -= run.levels();
            made = match foreign::portable(run.operator) {
                Some(operator) => self.together(operator, operands),
                None => self.foreign(run.operator, &operands),
            };
        }
        made.expr
    }

    /// Puts operands together, the longer chains as two halves.
    fn together(&mut self, operator: Operator, mut operands: Vec<Operand>) -> Operand {
        if operands.len() > TOGETHER {
            let second = operands.split_off(operands.len().div_ceil(2));
            operands = vec![self.together(operator, operands), self.together(operator, second)];
        }
        let mut operands = operands.into_iter();
        let mut made = operands.next().expect("a chain has operands");
        for right in operands {
            let range = made.range.start..right.range.end;
            let span = self.text.place(range.clone());
            let expr = match (made.expr, right.expr) {
                (Some(left), Some(right)) => self.binary(operator, left, right, span),
                _ => None,
            };
            made = Operand { expr, range };
        }
        made
    }

    /// Reports an operator that is not in the language.
    fn foreign(&mut self, operator: &sql::BinaryOperator, operands: &[Operand]) -> Operand {
        let range = operands[0].range.start..operands[operands.len() - 1].range.end;
        let help = foreign::operator(operator);
        let expr = self.refuse(&format!("the operator `{operator}`"), self.text.place(range.clone()), help);
        Operand { expr, range }
    }
}

/// Takes the parser's tree apart: to drop it as it is would recurse as deep as its longest chain is long.
pub(super) fn take_apart(syntax: sql::Expr) {
    let mut open = vec![syntax];
    while let Some(syntax) = open.pop() {
        match syntax {
            sql::Expr::BinaryOp { left, right, .. } => open.extend([*left, *right]),
            sql::Expr::Nested(inner) | sql::Expr::UnaryOp { expr: inner, .. } => open.push(*inner),
            _ => {}
        }
    }
}

/// The operators of the language that stay one.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::semantic::expr::BinaryOperator;

    #[test]
    fn the_tree_of_a_long_chain_is_not_deep() {
        assert_eq!([2, 3, 16, 17, 32, 33, 300, 5000].map(levels), [1, 2, 15, 9, 16, 10, 14, 18]);
        let kept = [BinaryOperator::Or, BinaryOperator::And, BinaryOperator::Concatenate].map(Operator::from);
        let written = [sql::BinaryOperator::Or, sql::BinaryOperator::And, sql::BinaryOperator::StringConcat];
        assert_eq!(written.each_ref().map(foreign::portable), kept.map(Some));
        assert!(written.iter().all(is_associative));
    }
}

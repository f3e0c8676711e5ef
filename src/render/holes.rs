//! SQL with holes, filled with SQL: parentheses come where an operator would capture what is filled in, and nowhere else.
//!
//! The text with its holes is parsed by the target grammar, the tree says what stands around each hole, and the text
//! is then filled where the holes stood. The tree is never printed again: printing loses how strings were escaped.

use std::any::TypeId;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::{ControlFlow, Range};
use std::rc::Rc;

use sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, CastKind, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    Subscript, UnaryOperator, Visit, Visitor,
};
use sqlparser::dialect::Dialect as Grammar;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Word};

/// How deep the expressions of an expression may be nested in SQL: engines have limits of their own, and a statement's
/// templates add to it. Whoever writes more is told so where it is written.
pub const DEEPEST: usize = 400;

/// How deep the parser goes: an expression may take it more than one step, and a statement has more around it.
pub const PARSED: usize = 5 * DEEPEST;

/// What a hole is called in the text of an entry; its number follows.
const HOLE: &str = "__hole_";

/// A piece of SQL that is an expression, and how its outermost operator binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The text.
    pub sql: String,
    /// What its outermost operator is.
    pub binding: Binding,
    /// How deep its expressions are nested.
    pub depth: usize,
}

/// The outermost operator of an expression, as far as it decides about parentheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// A name, a constant, a call, a `CASE`: never captured.
    Atom,
    /// A sign.
    Sign,
    /// `*`, `/`, `%`.
    Multiplicative,
    /// `+`, `-`.
    Additive,
    /// `||`; against arithmetic, warehouses disagree about it.
    Concatenation,
    /// A comparison, `IN`, `LIKE`, `BETWEEN`, `IS`.
    Predicate,
    /// `NOT`.
    Negation,
    /// `AND`.
    Conjunction,
    /// `OR`.
    Disjunction,
    /// Any other operator: always parenthesized, because grammars disagree.
    Other,
}

/// What stands around an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Between commas, parentheses or keywords.
    Enclosed,
    /// An operand of `OR`.
    Disjunction,
    /// An operand of `AND`.
    Conjunction,
    /// After `NOT`.
    Negation,
    /// An operand of a comparison, `IN`, `LIKE`, `BETWEEN` or `IS`.
    Predicate,
    /// Before `||`.
    ConcatenationLeft,
    /// Before `+` or `-`.
    AdditiveLeft,
    /// After `+` or `-`.
    AdditiveRight,
    /// Before `*`, `/` or `%`.
    MultiplicativeLeft,
    /// Beside anything that binds more tightly, or of which grammars disagree.
    Tight,
}

impl Binding {
    /// Tells whether an expression can stand there without parentheses.
    pub fn fits(self, place: Place) -> bool {
        use Binding as B;
        match place {
            Place::Enclosed => true,
            Place::Disjunction => self != B::Other,
            Place::Conjunction => !matches!(self, B::Other | B::Disjunction),
            Place::Negation => !matches!(self, B::Other | B::Disjunction | B::Conjunction),
            Place::Predicate => {
                matches!(self, B::Atom | B::Sign | B::Multiplicative | B::Additive | B::Concatenation)
            }
            Place::ConcatenationLeft => matches!(self, B::Atom | B::Concatenation),
            Place::AdditiveLeft => matches!(self, B::Atom | B::Sign | B::Multiplicative | B::Additive),
            Place::AdditiveRight => matches!(self, B::Atom | B::Multiplicative),
            Place::MultiplicativeLeft => matches!(self, B::Atom | B::Multiplicative),
            Place::Tight => self == B::Atom,
        }
    }
}

impl Fragment {
    /// Makes a fragment that no operator captures.
    pub fn atom(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), binding: Binding::Atom, depth: 1 }
    }

    /// Parses a piece of SQL to find how it binds.
    pub fn parse(sql: &str, grammar: &dyn Grammar) -> Result<Self, String> {
        let shape = shape(sql, grammar).map_err(|reason| format!("`{sql}` is no expression: {reason}"))?;
        Ok(Self { sql: sql.to_owned(), binding: shape.binding, depth: shape.depth })
    }

    /// Returns the text as it stands at `place`.
    pub fn at(&self, place: Place) -> String {
        if self.binding.fits(place) { self.sql.clone() } else { format!("({})", self.sql) }
    }

    /// Returns how deep it is nested as it stands at `place`.
    pub fn depth_at(&self, place: Place) -> usize {
        self.depth + usize::from(!self.binding.fits(place))
    }
}

/// Names the hole that `number` of the arguments fills.
pub fn hole(number: usize) -> String {
    format!("{HOLE}{number}")
}

/// Fills the holes of an expression with `arguments`, each as often as its hole occurs, and writes it on one line.
pub fn fill(text: &str, grammar: &dyn Grammar, arguments: &[Fragment]) -> Result<Fragment, String> {
    let shape = shape(text, grammar).map_err(|reason| format!("`{}` does not parse: {reason}", text.trim()))?;
    let argument =
        |number: usize| arguments.get(number).ok_or_else(|| format!("`{}` is no hole of this entry", hole(number)));
    if let [Piece::Hole { number, .. }] = *shape.pieces.as_slice() {
        return argument(number).cloned();
    }
    let mut sql = String::with_capacity(text.len() * 2);
    let mut depth = shape.depth;
    for piece in &shape.pieces {
        match piece {
            Piece::Space if sql.is_empty() || sql.ends_with([' ', '(']) => {}
            Piece::Space => sql.push(' '),
            Piece::Hole { number, place, above } => {
                let argument = argument(*number)?;
                depth = depth.max(above + argument.depth_at(*place));
                sql.push_str(&argument.at(*place));
            }
            Piece::Closing => {
                sql.truncate(sql.trim_end_matches(' ').len());
                sql.push(')');
            }
            Piece::Text(text) => sql.push_str(text),
        }
    }
    sql.truncate(sql.trim_end().len());
    Ok(Fragment { sql, binding: shape.binding, depth })
}

/// A part of an expression with holes.
enum Piece {
    /// Any space, which becomes one.
    Space,
    /// A closing parenthesis, which no space precedes.
    Closing,
    /// A hole.
    Hole {
        /// The argument that fills it.
        number: usize,
        /// What stands around it.
        place: Place,
        /// How many expressions it is part of.
        above: usize,
    },
    /// Anything else.
    Text(String),
}

/// An expression with holes, read.
struct Shape {
    pieces: Vec<Piece>,
    binding: Binding,
    depth: usize,
}

/// As many shapes are remembered; a project has far fewer, and a process that reads many of them starts anew.
const REMEMBERED: usize = 50_000;

thread_local! {
    /// What was read before: the entries of a dialect are filled, and the same columns are handed to templates, for
    /// every definition again.
    static SHAPES: RefCell<HashMap<TypeId, HashMap<String, Rc<Shape>>>> = RefCell::default();
}

fn shape(text: &str, grammar: &dyn Grammar) -> Result<Rc<Shape>, String> {
    let known = SHAPES.with_borrow(|shapes| shapes.get(&grammar.dialect())?.get(text).cloned());
    if let Some(known) = known {
        return Ok(known);
    }
    let shape = Rc::new(read(text, grammar)?);
    SHAPES.with_borrow_mut(|shapes| {
        let shapes = shapes.entry(grammar.dialect()).or_default();
        if shapes.len() >= REMEMBERED {
            shapes.clear();
        }
        shapes.insert(text.to_owned(), Rc::clone(&shape));
    });
    Ok(shape)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other token stays as it is")]
fn read(text: &str, grammar: &dyn Grammar) -> Result<Shape, String> {
    let tokens = tokens(text, grammar)?;
    let tree = parse(&tokens, grammar)?;
    let mut places = Places::default();
    let _ = tree.visit(&mut places);
    let mut pieces = Vec::with_capacity(tokens.len());
    for (token, range) in spans(text, &tokens) {
        pieces.push(match &token.token {
            Token::Whitespace(_) => Piece::Space,
            Token::RParen => Piece::Closing,
            Token::Word(Word { value, quote_style: None, .. }) if value.starts_with(HOLE) => Piece::Hole {
                number: value[HOLE.len()..].parse().map_err(|_| format!("`{value}` is no hole"))?,
                place: places.around.get(&position(token.span.start)).copied().unwrap_or(Place::Tight),
                above: places.above.get(&position(token.span.start)).copied().unwrap_or(places.deepest),
            },
            _ => Piece::Text(text[range].to_owned()),
        });
    }
    // Space around a single hole is none of the hole's.
    if pieces.iter().filter(|piece| !matches!(piece, Piece::Space)).count() == 1 {
        pieces.retain(|piece| !matches!(piece, Piece::Space));
    }
    Ok(Shape { pieces, binding: binding(&tree), depth: places.deepest })
}

/// Writes a finished statement tidily: no space at the end of a line, no empty line. Strings and names stay as they are.
pub fn tidy(sql: &str, grammar: &dyn Grammar) -> Result<String, String> {
    // Splitting it into words is dear, and most need nothing: no token ends in a space.
    let sql = sql.trim_end();
    if is_tidy(sql) {
        return Ok(sql.to_owned());
    }
    let tokens = tokens(sql, grammar)?;
    let mut tidy = String::with_capacity(sql.len());
    // Where what must not be touched ends: a string may end in spaces or newlines.
    let mut fixed = 0;
    for (token, range) in spans(sql, &tokens) {
        let text = &sql[range];
        if let Token::Whitespace(_) = &token.token {
            for character in text.chars() {
                if character == '\n' {
                    let end = fixed.max(tidy.trim_end_matches([' ', '\t', '\r']).len());
                    tidy.truncate(end);
                    if tidy.is_empty() || (tidy.ends_with('\n') && tidy.len() > fixed) {
                        continue;
                    }
                }
                tidy.push(character);
            }
        } else {
            tidy.push_str(text);
            fixed = tidy.len();
        }
    }
    let end = fixed.max(tidy.trim_end().len());
    tidy.truncate(end);
    Ok(tidy)
}

/// Tells whether no line is empty or ends in a space, wherever strings may be.
fn is_tidy(sql: &str) -> bool {
    sql.split('\n').all(|line| line.trim_end() == line && !line.is_empty())
}

pub(super) fn tokens(sql: &str, grammar: &dyn Grammar) -> Result<Vec<TokenWithSpan>, String> {
    Tokenizer::new(grammar, sql).with_unescape(false).tokenize_with_location().map_err(|error| error.to_string())
}

fn parse(tokens: &[TokenWithSpan], grammar: &dyn Grammar) -> Result<Expr, String> {
    let mut parser = Parser::new(grammar).with_recursion_limit(PARSED).with_tokens_with_locations(tokens.to_vec());
    let tree = parser.parse_expr().map_err(|error| error.to_string())?;
    let next = parser.peek_token().token;
    if next == Token::EOF { Ok(tree) } else { Err(format!("`{next}` follows the expression")) }
}

fn position(location: Location) -> (u64, u64) {
    (location.line, location.column)
}

/// Returns each token with its bytes: the tokenizer counts lines and characters, and slices want bytes.
pub(super) fn spans<'t>(
    text: &str,
    tokens: &'t [TokenWithSpan],
) -> impl Iterator<Item = (&'t TokenWithSpan, Range<usize>)> {
    let mut characters = text.char_indices();
    let mut here = (1, 1);
    let mut starts = Vec::with_capacity(tokens.len() + 1);
    for token in tokens {
        while here < position(token.span.start) {
            match characters.next() {
                Some((_, '\n')) => here = (here.0 + 1, 1),
                Some(_) => here.1 += 1,
                None => break,
            }
        }
        starts.push(characters.offset());
    }
    starts.push(text.len());
    tokens.iter().enumerate().map(move |(index, token)| (token, starts[index]..starts[index + 1]))
}

/// Finds what stands around each hole, and how deep; a hole that it does not know is [`Place::Tight`].
#[derive(Default)]
struct Places {
    around: BTreeMap<(u64, u64), Place>,
    above: BTreeMap<(u64, u64), usize>,
    depth: usize,
    deepest: usize,
}

impl Places {
    fn put(&mut self, expr: &Expr, place: Place) {
        if let Expr::Identifier(Ident { value, quote_style: None, span }) = expr
            && value.starts_with(HOLE)
        {
            self.around.insert(position(span.start), place);
        }
    }

    fn enclosed<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) {
        for expr in exprs {
            self.put(expr, Place::Enclosed);
        }
    }
}

impl Visitor for Places {
    type Break = ();

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not known here is parenthesized")]
    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Identifier(Ident { value, quote_style: None, span }) = expr
            && value.starts_with(HOLE)
        {
            self.above.insert(position(span.start), self.depth);
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        match expr {
            Expr::BinaryOp { left, op, right } => {
                let (before, after) = operands(op);
                self.put(left, before);
                self.put(right, after);
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.put(expr, Place::Negation),
            Expr::IsNull(expr) | Expr::IsNotNull(expr) => self.put(expr, Place::Predicate),
            Expr::Like { expr, pattern, .. } => {
                self.put(expr, Place::Predicate);
                self.put(pattern, Place::Predicate);
            }
            Expr::InList { expr, list, .. } => {
                self.put(expr, Place::Predicate);
                self.enclosed(list);
            }
            Expr::Between { expr, low, high, .. } => {
                for operand in [expr, low, high] {
                    self.put(operand, Place::Predicate);
                }
            }
            Expr::Nested(inner) | Expr::Extract { expr: inner, .. } => self.put(inner, Place::Enclosed),
            Expr::Floor { expr, .. } | Expr::Ceil { expr, .. } => self.put(expr, Place::Enclosed),
            Expr::Cast { kind, expr, .. } if *kind != CastKind::DoubleColon => self.put(expr, Place::Enclosed),
            Expr::Tuple(items) | Expr::Array(Array { elem: items, .. }) => self.enclosed(items),
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                self.put(expr, Place::Enclosed);
                self.enclosed([substring_from, substring_for].into_iter().flatten().map(Box::as_ref));
            }
            Expr::Trim { trim_where: None, trim_what: None, expr, trim_characters } => {
                self.put(expr, Place::Enclosed);
                self.enclosed(trim_characters.iter().flatten());
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                for branch in conditions {
                    self.put(&branch.condition, Place::Enclosed);
                    self.put(&branch.result, Place::Enclosed);
                }
                self.enclosed([operand, else_result].into_iter().flatten().map(Box::as_ref));
            }
            Expr::CompoundFieldAccess { access_chain, .. } => {
                for access in access_chain {
                    if let AccessExpr::Subscript(Subscript::Index { index }) = access {
                        self.put(index, Place::Enclosed);
                    }
                }
            }
            Expr::Function(function) => {
                if let FunctionArguments::List(list) = &function.args {
                    for argument in &list.args {
                        let (FunctionArg::Unnamed(argument)
                        | FunctionArg::Named { arg: argument, .. }
                        | FunctionArg::ExprNamed { arg: argument, .. }) = argument;
                        if let FunctionArgExpr::Expr(argument) = argument {
                            self.put(argument, Place::Enclosed);
                        }
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not known here is parenthesized")]
fn operands(operator: &BinaryOperator) -> (Place, Place) {
    match operator {
        BinaryOperator::Or => (Place::Disjunction, Place::Disjunction),
        BinaryOperator::And => (Place::Conjunction, Place::Conjunction),
        BinaryOperator::Plus | BinaryOperator::Minus => (Place::AdditiveLeft, Place::AdditiveRight),
        BinaryOperator::Multiply | BinaryOperator::Divide | BinaryOperator::Modulo => {
            (Place::MultiplicativeLeft, Place::Tight)
        }
        BinaryOperator::StringConcat => (Place::ConcatenationLeft, Place::Tight),
        BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::Lt
        | BinaryOperator::LtEq
        | BinaryOperator::Gt
        | BinaryOperator::GtEq => (Place::Predicate, Place::Predicate),
        _ => (Place::Tight, Place::Tight),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is not known here is parenthesized")]
fn binding(expr: &Expr) -> Binding {
    match expr {
        Expr::BinaryOp { op, .. } => match operands(op).0 {
            Place::Disjunction => Binding::Disjunction,
            Place::Conjunction => Binding::Conjunction,
            Place::AdditiveLeft => Binding::Additive,
            Place::MultiplicativeLeft => Binding::Multiplicative,
            Place::ConcatenationLeft => Binding::Concatenation,
            Place::Predicate => Binding::Predicate,
            Place::Enclosed | Place::Negation | Place::AdditiveRight | Place::Tight => Binding::Other,
        },
        Expr::UnaryOp { op: UnaryOperator::Not, .. } | Expr::Exists { negated: true, .. } => Binding::Negation,
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, .. } => Binding::Sign,
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::InUnnest { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. } => Binding::Predicate,
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::CompoundFieldAccess { .. }
        | Expr::Value(_)
        | Expr::TypedString(_)
        | Expr::Function(_)
        | Expr::Case { .. }
        | Expr::Cast { .. }
        | Expr::Extract { .. }
        | Expr::Floor { .. }
        | Expr::Ceil { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Nested(_)
        | Expr::Exists { .. }
        | Expr::Subquery(_)
        | Expr::Tuple(_)
        | Expr::Struct { .. }
        | Expr::Array(_) => Binding::Atom,
        _ => Binding::Other,
    }
}

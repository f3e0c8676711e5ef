//! Text -> tokens -> sqlparser's tree, and the places of both.
//!
//! The parser knows the places of leaves only, as lines and columns; here they become bytes, and the tokens around a
//! leaf tell how far a call, a parenthesis or a literal reaches.

use std::collections::BTreeMap;
use std::ops::Range;

use sqlparser::ast::{self as sql, Spanned};
use sqlparser::dialect::GenericDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::semantic::parse::keywords::{for_parser, is_call_keyword};
use crate::semantic::parse::{DEPTH, LEVELS};
use crate::source::Text;

/// More tokens than this, literals and commas aside, are no expression that anybody wrote: `a.b = 'x' or` are five. It bounds
/// how deep the parser's tree can be.
const MAXIMUM: usize = 5000;

/// The tokens of an expression, without blanks and comments.
pub(super) struct Tokens {
    items: Vec<(Token, Range<usize>)>,
    /// From the parser's places to bytes, for the starts and the ends of tokens.
    bytes: BTreeMap<Location, usize>,
}

/// Parses `text`, or says what keeps it from being an expression.
pub(super) fn parse(text: &Text, diagnostics: &mut Diagnostics) -> Option<(Tokens, sql::Expr)> {
    let syntax_error = |message: String, range: Range<usize>, label: &str| {
        Diagnostic::error("syntax-error-in-expression", message).at(text.place(range), label)
    };
    let mut raw = Vec::new();
    if let Err(error) = Tokenizer::new(&GenericDialect {}, &text.value).tokenize_with_location_into_buf(&mut raw) {
        let at = Walker::new(&text.value).byte(error.location).min(text.value.len());
        let message = format!("the expression cannot be read: {}", lower_first(&error.message));
        let end = at + text.value[at..].chars().next().map_or(0, char::len_utf8);
        diagnostics.push(syntax_error(message, at..end, "from here on"));
        return None;
    }
    let tokens = Tokens::new(&text.value, &raw);
    if tokens.items.is_empty() {
        diagnostics.push(Diagnostic::error("empty-expression", "an expression is empty").at(text.span, ""));
        return None;
    }
    let counted = tokens
        .items
        .iter()
        .filter(|(token, _)| !matches!(token, Token::Comma | Token::Number(..) | Token::SingleQuotedString(_)));
    if counted.count() > MAXIMUM {
        let message = format!("an expression has more than {MAXIMUM} words and signs");
        diagnostics.push(
            Diagnostic::error("expression-too-large", message)
                .at(text.span, "")
                .help("constants are not counted: `x in (…)` has few, however long"),
        );
        return None;
    }
    if tokens.nesting() > DEPTH {
        diagnostics.push(too_deep(text));
        return None;
    }

    if let Some((word, range)) = tokens.without_left() {
        let message = format!("an expression is expected before `{word}`");
        diagnostics.push(syntax_error(message, range, "joins two conditions"));
        return None;
    }

    let mut parser =
        Parser::new(&GenericDialect {}).with_recursion_limit(DEPTH).with_tokens_with_locations(for_parser(&raw));
    let parsed = parser.parse_expr();
    let next = parser.peek_token();
    match parsed {
        Ok(syntax) if next.token == Token::EOF => Some((tokens, syntax)),
        Ok(_) => {
            let range = tokens.bytes(next.span).unwrap_or(0..text.value.len());
            let found = &text.value[range.clone()];
            let message = format!("the expression ends before `{}`", shorten(found));
            let mut diagnostic = syntax_error(message, range.clone(), "this does not belong to it");
            if let Some(help) = tokens.help_for_rest(&range) {
                diagnostic = diagnostic.help(help);
            }
            diagnostics.push(diagnostic);
            None
        }
        Err(ParserError::RecursionLimitExceeded) => {
            diagnostics.push(too_deep(text));
            None
        }
        Err(ParserError::ParserError(reason) | ParserError::TokenizerError(reason)) => {
            // The parser stands before the token that it wanted to be another one, or has just taken it.
            let current = parser.get_current_token();
            let taken = next.token == Token::EOF
                || !reason.starts_with("Expected")
                || reason.contains(&format!("found: {} at ", current.token));
            let last = tokens.items.last().map_or(0..text.value.len(), |(_, range)| range.clone());
            let range = tokens.bytes(if taken { current.span } else { next.span }).unwrap_or(last);
            diagnostics.push(syntax_error(rephrase(&reason), range, "here"));
            None
        }
    }
}

fn too_deep(text: &Text) -> Diagnostic {
    Diagnostic::error("expression-too-deep", format!("an expression is nested more than {DEPTH} levels deep"))
        .at(text.span, "")
        .help("parentheses, calls and signs in each other are levels; a chain of one operator is one, however long")
}

pub(super) fn too_many_levels(text: &Text) -> Diagnostic {
    Diagnostic::error(
        "expression-too-deep",
        format!("the operators of an expression are more than {LEVELS} levels deep"),
    )
    .at(text.span, "")
    .help("each operator of arithmetic is a level; a chain of `or`, `and` or `||` is few, however long")
}

/// Cuts what is quoted in a message to a size that can be read.
pub(super) fn shorten(source: &str) -> String {
    let flat = source.split_whitespace().collect::<Vec<_>>().join(" ");
    match flat.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &flat[..at]),
        None => flat,
    }
}

impl Tokens {
    fn new(value: &str, raw: &[TokenWithSpan]) -> Self {
        let mut walker = Walker::new(value);
        let mut tokens = Self { items: Vec::new(), bytes: BTreeMap::new() };
        for TokenWithSpan { token, span } in raw {
            let range = walker.byte(span.start)..walker.byte(span.end);
            if !matches!(token, Token::Whitespace(_) | Token::EOF) {
                tokens.bytes.insert(span.start, range.start);
                tokens.bytes.insert(span.end, range.end);
                tokens.items.push((token.clone(), range));
            }
        }
        tokens
    }

    /// Returns how deep parentheses, `case` and signs are nested, at least: the parser gives up in odd words.
    fn nesting(&self) -> usize {
        let (mut open, mut signs, mut deepest) = (0_usize, 0_usize, 0_usize);
        for (token, _) in &self.items {
            let keyword = match token {
                Token::Word(word) => word.keyword,
                _ => Keyword::NoKeyword,
            };
            match (token, keyword) {
                (Token::LParen, _) | (_, Keyword::CASE) => open += 1,
                (Token::RParen, _) | (_, Keyword::END) => open = open.saturating_sub(1),
                (Token::Minus | Token::Plus, _) | (_, Keyword::NOT) => signs += 1,
                _ => signs = 0,
            }
            deepest = deepest.max(open + signs);
        }
        deepest
    }

    /// Returns an `and` or `or` that has nothing to its left, which the parser would take for a column.
    fn without_left(&self) -> Option<(String, Range<usize>)> {
        let is_joint = |token: &Token| matches!(token, Token::Word(word) if matches!(word.keyword, Keyword::AND | Keyword::OR | Keyword::NOT));
        let mut previous: Option<&Token> = None;
        for (at, (token, range)) in self.items.iter().enumerate() {
            if let Token::Word(word) = token
                && matches!(word.keyword, Keyword::AND | Keyword::OR)
                && self.items.get(at + 1).is_none_or(|(next, _)| *next != Token::Period)
                && previous.is_none_or(|previous| is_joint(previous) || *previous == Token::LParen)
            {
                return Some((word.value.clone(), range.clone()));
            }
            previous = Some(token);
        }
        None
    }

    /// Returns the bytes of a part of the tree.
    pub(super) fn range(&self, syntax: &sql::Expr) -> Option<Range<usize>> {
        // Not of every part: the parser looks for it in all that is below.
        let leaves = || self.bytes(syntax.span());
        let range = match syntax {
            sql::Expr::Identifier(_) | sql::Expr::CompoundIdentifier(_) | sql::Expr::Value(_) => return leaves(),
            // The parser keeps no place of the parentheses, nor of what stands before or after the operand.
            sql::Expr::Function(function) => self.call(self.bytes(function.name.span())?),
            sql::Expr::UnaryOp { expr, .. } => self.one_before(self.range(expr)?),
            sql::Expr::TypedString(_) | sql::Expr::Interval(_) => {
                let range = self.one_before(leaves()?);
                match syntax {
                    sql::Expr::Interval(sql::Interval { leading_field: Some(_), .. }) => self.one_after(range),
                    _ => range,
                }
            }
            sql::Expr::IsNull(inner) | sql::Expr::IsTrue(inner) | sql::Expr::IsFalse(inner) => {
                self.one_after(self.one_after(self.range(inner)?))
            }
            sql::Expr::IsNotNull(inner) | sql::Expr::IsNotTrue(inner) | sql::Expr::IsNotFalse(inner) => {
                self.one_after(self.one_after(self.one_after(self.range(inner)?)))
            }
            sql::Expr::Cast { kind: sql::CastKind::DoubleColon, expr, .. } => {
                self.one_after(self.one_after(self.range(expr)?))
            }
            sql::Expr::Cast { expr, .. } | sql::Expr::Extract { expr, .. } => self.around(self.range(expr)?),
            sql::Expr::Subquery(_) | sql::Expr::Exists { .. } | sql::Expr::Tuple(_) => self.around(leaves()?),
            sql::Expr::CompoundFieldAccess { .. } => self.one_after(leaves()?),
            sql::Expr::JsonAccess { .. } => self.one_after(self.one_after(leaves()?)),
            sql::Expr::BinaryOp { left, right, .. } => {
                let mut first = left;
                while let sql::Expr::BinaryOp { left, .. } = &**first {
                    first = left;
                }
                return Some(self.range(first)?.start..self.range(right)?.end);
            }
            sql::Expr::Nested(inner) => {
                let inner = self.range(inner)?;
                return Some(self.one_before(inner.clone()).start..self.one_after(inner).end);
            }
            sql::Expr::Between { expr, high, .. } => self.range(expr)?.start..self.range(high)?.end,
            sql::Expr::InList { expr, .. } => self.range(expr)?.start..leaves()?.end,
            _ => leaves()?,
        };
        Some(self.balance(range))
    }

    /// Returns the bytes of the call whose name is at `name`: to its closing parenthesis, or those of the clauses after.
    pub(super) fn call(&self, name: Range<usize>) -> Range<usize> {
        let Some(at) = self.index_at(name.end) else { return name };
        let mut end = name.end;
        let mut next = at;
        if let Some((Token::SingleQuotedString(_), string)) = self.items.get(next) {
            return name.start..string.end;
        }
        loop {
            if let Some(closing) = self.closing(next) {
                end = self.items[closing].1.end;
                next = closing + 1;
            }
            let clause = match self.items.get(next) {
                Some((Token::Word(word), _)) => matches!(word.keyword, Keyword::FILTER | Keyword::OVER),
                _ => false,
            };
            if !clause || self.closing(next + 1).is_none() {
                return name.start..end;
            }
            next += 1;
        }
    }

    /// Returns the bytes of the clause `word (…)` that begins after `start`.
    pub(super) fn clause(&self, range: &Range<usize>, keyword: Keyword) -> Option<Range<usize>> {
        let within = |item: &(Token, Range<usize>)| item.1.start >= range.start && item.1.end <= range.end;
        let at = self
            .items
            .iter()
            .rposition(|item| within(item) && matches!(&item.0, Token::Word(word) if word.keyword == keyword))?;
        let end = self.closing(at + 1).map_or(at, |closing| closing);
        Some(self.items[at].1.start..self.items[end].1.end)
    }

    /// Returns the bytes of a place of the parser's.
    pub(super) fn bytes(&self, span: sqlparser::tokenizer::Span) -> Option<Range<usize>> {
        let (start, end) = (*self.bytes.get(&span.start)?, *self.bytes.get(&span.end)?);
        (start <= end).then_some(start..end)
    }

    fn one_before(&self, range: Range<usize>) -> Range<usize> {
        let before = self.index_before(range.start).map(|at| &self.items[at]);
        before.map_or(range.start, |(_, item)| item.start)..range.end
    }

    fn one_after(&self, range: Range<usize>) -> Range<usize> {
        let after = self.index_at(range.end).map(|at| &self.items[at]);
        range.start..after.map_or(range.end, |(_, item)| item.end)
    }

    /// Extends a range to the parentheses around it, and the word before them.
    fn around(&self, range: Range<usize>) -> Range<usize> {
        let mut depth = 0;
        let before = self.items.iter().enumerate().take(self.ended(range.start)).rev();
        for (at, (token, item)) in before {
            match token {
                Token::RParen => depth += 1,
                Token::LParen if depth > 0 => depth -= 1,
                Token::LParen => {
                    let end = self.closing(at).map_or(range.end, |closing| self.items[closing].1.end);
                    let word = at.checked_sub(1).map(|before| &self.items[before]);
                    return match word {
                        Some((Token::Word(word), place)) if is_call_keyword(word.keyword) => place.start..end,
                        _ => item.start..end,
                    };
                }
                _ => {}
            }
        }
        range
    }

    /// Extends a range until its parentheses are in pairs.
    fn balance(&self, range: Range<usize>) -> Range<usize> {
        let Range { mut start, mut end } = range;
        let (mut open, mut close) = (0, 0);
        let (from, to) = (self.begun(start), self.ended(end));
        for (token, _) in self.items.get(from..to).unwrap_or_default() {
            match token {
                Token::LParen => open += 1,
                Token::RParen if open > 0 => open -= 1,
                Token::RParen => close += 1,
                _ => {}
            }
        }
        let mut after = self.items.iter().skip(self.begun(end)).map(|(token, item)| (token, item.end));
        let mut last = end;
        while open > 0 {
            match after.next() {
                Some((Token::LParen, _)) => open += 1,
                Some((Token::RParen, at)) => {
                    open -= 1;
                    last = at;
                }
                Some(_) => {}
                None => break,
            }
        }
        end = last;
        let mut before = self.items.iter().take(self.ended(start)).rev().map(|(token, item)| (token, item.start));
        let mut first = start;
        while close > 0 {
            match before.next() {
                Some((Token::RParen, _)) => close += 1,
                Some((Token::LParen, at)) => {
                    close -= 1;
                    first = at;
                }
                Some(_) => {}
                None => break,
            }
        }
        start = first;
        start..end
    }

    /// Returns the index of the parenthesis that closes the one at `open`.
    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (at, (token, _)) in self.items.iter().enumerate().skip(open) {
            match token {
                Token::LParen => depth += 1,
                Token::RParen if depth == 1 => return Some(at),
                Token::RParen => depth -= 1,
                _ if depth == 0 => return None,
                _ => {}
            }
        }
        None
    }

    /// Returns the index of the first token at or after a byte.
    fn index_at(&self, byte: usize) -> Option<usize> {
        Some(self.begun(byte)).filter(|at| *at < self.items.len())
    }

    /// Returns the index of the last token that ends at a byte or before.
    fn index_before(&self, byte: usize) -> Option<usize> {
        self.ended(byte).checked_sub(1)
    }

    /// Returns how many tokens begin before a byte.
    fn begun(&self, byte: usize) -> usize {
        self.items.partition_point(|(_, item)| item.start < byte)
    }

    /// Returns how many tokens end at a byte or before.
    fn ended(&self, byte: usize) -> usize {
        self.items.partition_point(|(_, item)| item.end <= byte)
    }

    /// Says what was probably meant where the expression ends too early.
    fn help_for_rest(&self, rest: &Range<usize>) -> Option<&'static str> {
        let at = self.index_at(rest.start)?;
        let previous = at.checked_sub(1).map(|before| &self.items[before].0);
        match (previous, &self.items[at].0) {
            (Some(Token::Word(_)), Token::SingleQuotedString(_)) => Some(
                "the literals with a word before them are `date '…'`, `timestamp '…'`, `duration '…'` and `interval '…'`",
            ),
            (_, Token::SemiColon) => Some("an expression has no semicolon"),
            (_, Token::Word(word)) if word.keyword == Keyword::WHEN => Some("a `case` ends with `end`"),
            (_, Token::Word(word)) if word.keyword == Keyword::AS => Some("an expression has no name of its own"),
            (_, Token::Comma) => Some("one expression is expected, not a list"),
            _ => None,
        }
    }
}

/// Turns the parser's words into a message: it says what it expected, and where in its own way.
fn rephrase(reason: &str) -> String {
    let reason = reason.split(" at Line:").next().unwrap_or(reason);
    match reason.strip_prefix("Expected: ").and_then(|reason| reason.split_once(", found: ")) {
        Some((expected, found)) => {
            // A token or a keyword that is expected, and no phrase.
            let is_token = !expected.contains(char::is_lowercase);
            let expected = match expected {
                "identifier" => "a name".to_owned(),
                _ if expected.starts_with("[NOT] NULL") => "`null`, `true` or `false`".to_owned(),
                _ if is_token => format!("`{}`", expected.to_lowercase()),
                _ => expected.to_owned(),
            };
            match found {
                "EOF" => format!("the expression ends where {expected} is expected"),
                found => format!("{expected} is expected, not `{}`", shorten(found)),
            }
        }
        None if reason.starts_with("No infix parser") => "an operator is not in the language".to_owned(),
        None => format!("the expression cannot be read: {}", lower_first(reason)),
    }
}

fn lower_first(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Goes along a text once, from the parser's lines and columns, both in characters from 1, to bytes.
struct Walker<'t> {
    rest: std::str::CharIndices<'t>,
    line: u64,
    column: u64,
}

impl<'t> Walker<'t> {
    fn new(value: &'t str) -> Self {
        Self { rest: value.char_indices(), line: 1, column: 1 }
    }

    /// Returns the byte at a place, which is not before the one asked for last.
    fn byte(&mut self, location: Location) -> usize {
        while (self.line, self.column) < (location.line, location.column) {
            match self.rest.next() {
                Some((_, '\n')) => (self.line, self.column) = (self.line + 1, 1),
                Some(_) => self.column += 1,
                None => break,
            }
        }
        self.rest.offset()
    }
}

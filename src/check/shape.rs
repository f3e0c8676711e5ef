//! Statements that differ in constants only -> one shape: where one of them parses, all do.
//!
//! A parser of [`sqlparser`] is handed tokens, and goes by their kinds and by the words that are not quoted. In what we print
//! it looks of a whole number at no more than whether it has a place in 64 bits, and at nothing of a string in single quotes,
//! of a comment of one line, and of a quoted name behind another one and a dot. So two statements parse alike whose tokens
//! are the same but for these; [`shape`] leaves these out of a text, and what it returns is equal for such statements only:
//!
//! * A string, a name or a comment is taken for one only where it begins and ends so in every grammar: nothing that grammars
//!   disagree about, such as a backslash, a doubled quote, a letter before a quote, a `$`, a `#` or a character that is not
//!   ASCII, is in it or beside it. Where there is some, there is no shape, and the statement is parsed for itself.
//! * What stands in place of what is left out is never in a text that has a shape: quotes with nothing between them, and `#`.
//! * All else stays as it is, in its place.
//!
//! That two texts have one shape only if their tokens are alike is tested on the tokenizer itself, with random texts and with
//! what the test projects compile to.

/// How many digits a number may have that has a place in 64 bits, whatever they are.
const DIGITS: usize = 18;

/// Returns what a statement is but for its constants, its comments and the name of the node that it makes; none where that is
/// not certain.
pub(super) fn shape(sql: &str, node: &str) -> Option<String> {
    let mut shape = String::with_capacity(sql.len());
    let mut rest = sql;
    let (mut before_that, mut before) = (' ', ' ');
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '-' if rest.starts_with("--") => {
                let comment = rest.split('\n').next()?;
                // With a plus it may be a hint.
                if comment.starts_with("--+") || comment.chars().any(char::is_control) {
                    return None;
                }
                comment.len()
            }
            '\'' | '"' | '`' => {
                let inside = inside(rest, first, before)?;
                let is_left_out =
                    first == '\'' || (before_that == first && before == '.' && inside.eq_ignore_ascii_case(node));
                shape.push(first);
                if !is_left_out {
                    shape.push_str(inside);
                }
                shape.push(first);
                inside.len() + 2
            }
            '0'..='9' if !is_of_word(before) && before != '.' => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                let is_alone = !rest[digits..].starts_with(|next| is_of_word(next) || next == '.');
                shape.push_str(if is_alone && digits <= DIGITS { "#" } else { &rest[..digits] });
                digits
            }
            '/' if rest[1..].starts_with(['/', '*']) => return None,
            '\n' | ' ' | '(' | ')' | ',' | '.' | ':' | '=' | '<' | '>' | '+' | '-' | '*' | '/' | '%' | '|' | '['
            | ']' => {
                shape.push(first);
                1
            }
            _ if is_of_word(first) => {
                let length = rest.find(|next| !is_of_word(next)).unwrap_or(rest.len());
                shape.push_str(&rest[..length]);
                length
            }
            _ => return None,
        };
        let mut read = rest[..length].chars().rev();
        let last = read.next()?;
        (before_that, before) = (read.next().unwrap_or(before), last);
        rest = &rest[length..];
    }
    Some(shape)
}

/// Returns what is between the quotes that a text begins with; none where it is not certain that they are two of a kind.
fn inside(text: &str, quote: char, before: char) -> Option<&str> {
    let (inside, after) = text[1..].split_once(quote)?;
    let is_plain = |each: char| matches!(each, ' '..='~') && !matches!(each, '\'' | '"' | '`' | '\\');
    let is_alone = !is_of_word(before) && !is_quote(before) && !after.starts_with(is_quote);
    (is_alone && !inside.is_empty() && inside.chars().all(is_plain)).then_some(inside)
}

/// Tells whether a character is, or may be, one of a word or a number.
fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn is_quote(character: char) -> bool {
    matches!(character, '\'' | '"' | '`')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sqlparser::dialect::Dialect as Grammar;
    use sqlparser::tokenizer::{Token, Tokenizer, Whitespace, Word};

    use super::*;
    use crate::render::dialect::Dialect;

    /// The tokens of a text, but for what a shape leaves out; none where there are none.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other token is as it is")]
    fn tokens(sql: &str, nodes: [&str; 2], grammar: &dyn Grammar) -> Option<Vec<Token>> {
        let mut tokens = Tokenizer::new(grammar, sql).with_unescape(false).tokenize().ok()?;
        tokens.retain(|token| !matches!(token, Token::Whitespace(Whitespace::SingleLineComment { .. })));
        for place in 0..tokens.len() {
            let is_quoted = |token: &Token| {
                matches!(token, Token::Word(Word { quote_style: Some(_), .. }) | Token::DoubleQuotedString(_))
            };
            let is_behind_a_dot = place > 1 && tokens[place - 1] == Token::Period && is_quoted(&tokens[place - 2]);
            match &mut tokens[place] {
                Token::SingleQuotedString(text) => text.clear(),
                Token::Number(digits, _)
                    if digits.len() <= DIGITS && digits.bytes().all(|own| own.is_ascii_digit()) =>
                {
                    digits.clear();
                }
                // With an exponent it is no whole number, whatever that is.
                Token::Number(digits, _) => digits.truncate(digits.find(['e', 'E']).map_or(digits.len(), |at| at + 1)),
                // In some grammars it is a text.
                Token::Word(Word { value, quote_style: Some(_), .. }) | Token::DoubleQuotedString(value)
                    if is_behind_a_dot && nodes.contains(&value.as_str()) =>
                {
                    value.clear();
                }
                _ => {}
            }
        }
        Some(tokens)
    }

    #[test]
    fn what_differs_in_constants_only_has_one_shape() {
        let view = |node: &str, stream: &str, text: &str| {
            let sql = format!(
                "-- {node}: {text}\nCREATE VIEW \"m\".\"{node}\" AS\nSELECT a.\"x1\" AS \"m1\" FROM \"m\".t WHERE s = {stream} \
                 AND k = '{text}' AND f = 1.5"
            );
            shape(&sql, node).unwrap()
        };
        assert_eq!(view("m1", "77", "two words"), view("m2", "123456789012345678", "other-one"));
        assert_eq!(
            view("m1", "77", "a"),
            "\nCREATE VIEW \"m\".\"\" AS\nSELECT a.\"x1\" AS \"m1\" FROM \"m\".t WHERE s = # AND k = '' AND f = 1.5"
        );
        assert_ne!(view("m1", "77", "a"), view("m1", "1234567890123456789", "a"), "it may have no place in 64 bits");
        assert_ne!(view("m1", "77", "a"), view("m1", "7.7", "a"));
    }

    #[test]
    fn what_grammars_may_disagree_about_has_no_shape() {
        for sql in [
            r"k = 'a\'b'",
            "k = 'it''s'",
            "k = ''",
            "k = r'a'",
            "k = \"a'b\"",
            "k = 'a",
            "k = 'ä'",
            "k = ä",
            "k = $1",
            "k = $$a$$",
            "# a",
            "a // b",
            "a /* b */",
            "--+ a\nb",
            "-- a\rb",
            "a; b",
            "a\tb",
            "k = {a}",
        ] {
            let found = shape(sql, "m");
            assert!(found.is_none(), "`{sql}` has the shape {found:?}");
        }
    }

    /// What a text is made of: the second of each pair differs from the first in what a shape leaves out, or looks so.
    const PIECES: &[(&str, &str)] = &[
        ("'a'", "'b c'"),
        ("'x--y'", "'z/ *'"),
        ("\"n\"", "\"m\""),
        ("`n`", "`m`"),
        (".\"node\"", ".\"other\""),
        ("\"m\".\"node\"", "\"m\".\"other\""),
        (".`node`", ".`other`"),
        ("`m`.`node`", "`m`.`other`"),
        ("node", "other"),
        ("'node'", "'other'"),
        ("1", "22"),
        ("1", "1234567890123456789012"),
        ("1.5", "1.25"),
        ("e5", "e66"),
        ("a1", "a2"),
        ("-- it's", "-- \"no"),
        ("-- x\n", "-- y z\n"),
        ("'", "'"),
        ("''", "''"),
        ("\"", "\""),
        ("`", "`"),
        ("\\", "\\"),
        ("\n", "\n"),
        (" ", " "),
        (" ", "  "),
        (".", "."),
        ("-", "-"),
        ("/", "/"),
        ("*", "*"),
        ("$", "$"),
        ("#", "#"),
        ("{", "{"),
        ("@", "@"),
        ("r", "r"),
        ("b", "b"),
        ("N", "N"),
        ("U&", "U&"),
        ("(", "("),
        (" = ", " = "),
        ("SELECT", "SELECT"),
        ("ä", "ä"),
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn texts_of_one_shape_have_tokens_that_are_alike(
            pieces in prop::collection::vec((0..PIECES.len(), any::<bool>()), 1..12)
        ) {
            let one: String = pieces.iter().map(|(piece, _)| PIECES[*piece].0).collect();
            let other: String =
                pieces.iter().map(|(piece, second)| if *second { PIECES[*piece].1 } else { PIECES[*piece].0 }).collect();
            let found = shape(&one, "node");
            if found.is_some() && found == shape(&other, "other") {
                for dialect in Dialect::names().into_iter().filter_map(Dialect::named) {
                    let grammar = dialect.grammar();
                    let read = |sql: &str| tokens(sql, ["node", "other"], &*grammar);
                    prop_assert_eq!(read(&one), read(&other), "{} / {}", one, other);
                }
            }
        }
    }
}

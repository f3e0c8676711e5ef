//! Which words are keywords: those of this language, and those of what is refused by name.
//!
//! The parser knows hundreds, and reads `user`, `trim (` or `position (` in its own ways; here they are plain names.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// Makes the tokens that the parser sees. Words that mean nothing in this language are no keywords, so that `user`,
/// `trim` and `position` are names like others; and `duration '14d'` is a call.
pub(super) fn for_parser(raw: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let raw: Vec<&TokenWithSpan> =
        raw.iter().filter(|raw| !matches!(raw.token, Token::Whitespace(_) | Token::EOF)).collect();
    let mut made = Vec::with_capacity(raw.len());
    // Inside `(select …)` and `over (…)` every keyword counts: it is refused as a whole, and must parse for that.
    let mut foreign = 0;
    for (at, item) in raw.iter().enumerate() {
        let token_at = |at: Option<usize>| at.and_then(|at| raw.get(at)).map(|item| &item.token);
        let (previous, next) = (token_at(at.checked_sub(1)), token_at(Some(at + 1)));
        let before_previous = token_at(at.checked_sub(2));
        match &item.token {
            Token::Word(word) => {
                let mut word = word.clone();
                if foreign == 0 && !stays_keyword(before_previous, previous, &word, next) {
                    word.keyword = Keyword::NoKeyword;
                }
                let is_duration = word.quote_style.is_none() && word.value.eq_ignore_ascii_case("duration");
                made.push(TokenWithSpan { token: Token::Word(word), span: item.span });
                if is_duration && matches!(next, Some(Token::SingleQuotedString(_))) {
                    made.push(TokenWithSpan { token: Token::LParen, span: raw[at + 1].span });
                }
                continue;
            }
            Token::LParen if foreign > 0 || opens_foreign(previous, next) => foreign += 1,
            Token::RParen if foreign > 0 => foreign -= 1,
            _ => {}
        }
        made.push((*item).clone());
        let after_duration = matches!(previous, Some(Token::Word(word)) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("duration"));
        if after_duration && matches!(item.token, Token::SingleQuotedString(_)) {
            made.push(TokenWithSpan { token: Token::RParen, span: item.span });
        }
    }
    made
}

/// Tells whether a word has its meaning as a keyword: those of this language, and those of what is refused by name.
fn stays_keyword(before_previous: Option<&Token>, previous: Option<&Token>, word: &Word, next: Option<&Token>) -> bool {
    if previous == Some(&Token::Period) || next == Some(&Token::Period) {
        return false;
    }
    let keyword = |token: Option<&Token>| match token {
        Some(Token::Word(word)) => word.keyword,
        _ => Keyword::NoKeyword,
    };
    let is_string = |token: Option<&Token>| matches!(token, Some(Token::SingleQuotedString(_)));
    let is_amount = |token: Option<&Token>| is_string(token) || matches!(token, Some(Token::Number(..)));
    let opens = next == Some(&Token::LParen);
    match word.keyword {
        Keyword::AND
        | Keyword::OR
        | Keyword::NOT
        | Keyword::IN
        | Keyword::IS
        | Keyword::NULL
        | Keyword::TRUE
        | Keyword::FALSE
        | Keyword::LIKE
        | Keyword::BETWEEN
        | Keyword::FROM
        | Keyword::AS
        | Keyword::CASE
        | Keyword::WHEN
        | Keyword::THEN
        | Keyword::ELSE
        | Keyword::END => true,
        Keyword::FILTER => previous == Some(&Token::RParen) && opens,
        Keyword::WHERE => previous == Some(&Token::LParen),
        Keyword::DISTINCT => {
            previous == Some(&Token::LParen) || matches!(keyword(previous), Keyword::IS | Keyword::NOT)
        }
        Keyword::DATE | Keyword::TIMESTAMP | Keyword::DATETIME | Keyword::TIMESTAMPTZ => is_string(next),
        Keyword::INTERVAL => is_amount(next) || next == Some(&Token::Minus),
        Keyword::ILIKE | Keyword::RLIKE | Keyword::REGEXP | Keyword::SIMILAR | Keyword::GLOB | Keyword::COLLATE => {
            let after_value = match previous {
                Some(Token::Word(word)) => {
                    word.keyword == Keyword::NOT || !matches!(word.keyword, Keyword::AND | Keyword::OR | Keyword::WHEN)
                }
                Some(Token::RParen | Token::SingleQuotedString(_) | Token::Number(..)) => true,
                _ => false,
            };
            after_value && matches!(next, Some(Token::Word(_) | Token::SingleQuotedString(_)))
        }
        Keyword::TO => keyword(previous) == Keyword::SIMILAR,
        Keyword::ESCAPE => is_string(previous) && is_string(next),
        Keyword::AT => keyword(next) == Keyword::TIME,
        Keyword::TIME => keyword(previous) == Keyword::AT,
        Keyword::ZONE => keyword(previous) == Keyword::TIME,
        Keyword::OVER => previous == Some(&Token::RParen),
        Keyword::WITHIN => keyword(next) == Keyword::GROUP,
        Keyword::GROUP => keyword(previous) == Keyword::WITHIN,
        Keyword::ORDER => keyword(next) == Keyword::BY,
        Keyword::BY => keyword(previous) == Keyword::ORDER,
        Keyword::UNKNOWN => matches!(keyword(previous), Keyword::IS | Keyword::NOT),
        Keyword::CAST | Keyword::TRY_CAST | Keyword::SAFE_CAST | Keyword::EXTRACT | Keyword::EXISTS => opens,
        // A type after `::` or `as`, a part after `extract (`, a unit after `interval '1'`.
        _ if previous == Some(&Token::DoubleColon) || keyword(previous) == Keyword::AS => true,
        _ if keyword(next) == Keyword::FROM && previous == Some(&Token::LParen) => true,
        _ => is_amount(previous) && keyword(before_previous) == Keyword::INTERVAL,
    }
}

/// Tells whether a parenthesis opens what is refused as a whole.
fn opens_foreign(previous: Option<&Token>, next: Option<&Token>) -> bool {
    let is = |token: Option<&Token>, keywords: &[Keyword]| matches!(token, Some(Token::Word(word)) if keywords.contains(&word.keyword));
    is(next, &[Keyword::SELECT, Keyword::WITH]) || is(previous, &[Keyword::OVER, Keyword::GROUP])
}

/// Tells whether what follows in parentheses belongs to the word.
pub(super) fn is_call_keyword(keyword: Keyword) -> bool {
    matches!(keyword, Keyword::CAST | Keyword::TRY_CAST | Keyword::SAFE_CAST | Keyword::EXTRACT | Keyword::EXISTS)
}

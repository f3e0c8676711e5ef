//! Blanks: what a statement leaves open for another program, which writes there what only it knows: what a relation is
//! called, where raw rows are, which moment it is.
//!
//! A blank is printed as a name or within a string, as what stands there otherwise would be, so that the statement parses as
//! any other. It is found again among the words of the statement, and begins with a mark that stands nowhere in what is
//! printed without blanks: no text of a project is ever taken for one.

use crate::plan::node::{NodeId, Raw};
use crate::render::dialect::Dialect;
use crate::render::holes;
use crate::semantic::model::{EntityIndex, SourceIndex};
use sqlparser::tokenizer::Token;

/// What is left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blank {
    /// The name of a relation that the plan makes.
    Relation(NodeId),
    /// The raw rows of a source or an entity.
    Raw(Raw),
    /// The moment so many microseconds before that of everything, as `YYYY-MM-DD HH:MM:SS` in UTC; within a string.
    Moment {
        /// The microseconds.
        before: i64,
    },
    /// What a clock shows then; within a string.
    Clock {
        /// The zone of the clock.
        zone: String,
        /// The days that it is ahead.
        days: i64,
        /// The microseconds.
        before: i64,
        /// Whether the day alone is shown.
        is_day: bool,
    },
    /// How many units are over then since the beginning of 1970, a part of one counting as one; a number.
    Count {
        /// The length of a unit in microseconds.
        unit: i64,
        /// The microseconds before the moment.
        before: i64,
    },
    /// The folder of the project; within a string.
    Folder,
}

/// How blanks are told from everything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blanks {
    mark: String,
}

/// Two characters that no text has any use for: Unicode keeps them for what a program tells itself.
const MARKS: [&str; 2] = ["\u{FDD0}", "\u{FDD1}"];

impl Blanks {
    /// Makes blanks that stand in none of `texts`.
    pub fn apart_from(texts: &[&str]) -> Self {
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or_default();
        let mark = |length| MARKS[0].repeat(length) + MARKS[1];
        let is_free = |mark: &String| !texts.iter().any(|text| text.contains(mark.as_str()));
        let mark = (1..=longest + 1).map(mark).find(is_free).expect("what is longer than a text is not in it");
        Self { mark }
    }

    /// Writes a blank, before it is quoted.
    pub fn leave(&self, blank: &Blank) -> String {
        let written = match blank {
            Blank::Relation(id) => format!("R{}", id.0),
            Blank::Raw(Raw::Source(source)) => format!("S{}", source.0),
            Blank::Raw(Raw::Entity(entity)) => format!("E{}", entity.0),
            Blank::Moment { before } => format!("M{before}"),
            Blank::Clock { zone, days, before, is_day: true } => format!("D{before};{days};{zone}"),
            Blank::Clock { zone, days, before, is_day: false } => format!("T{before};{days};{zone}"),
            Blank::Count { unit, before } => format!("U{before};{unit}"),
            Blank::Folder => "F".to_owned(),
        };
        format!("{0}{written}{0}", self.mark)
    }

    /// Fills the blanks of a statement by `blank`, and writes what stands between them by `text`.
    pub fn fill(
        &self,
        sql: &str,
        dialect: &Dialect,
        text: &dyn Fn(&str) -> String,
        blank: &dyn Fn(&Blank) -> String,
    ) -> Result<String, String> {
        let tokens = holes::tokens(sql, &*dialect.grammar())?;
        let mut filled = String::with_capacity(sql.len());
        let mut between = String::new();
        for (token, range) in holes::spans(sql, &tokens) {
            let written = &sql[range];
            let is_name = matches!(&token.token, Token::Word(word) if word.quote_style.is_some());
            let parts: Vec<&str> = written.split(self.mark.as_str()).collect();
            // What a blank is stands between two marks: every second part.
            for (place, part) in parts.iter().enumerate() {
                if place % 2 == 1 {
                    let found = read(part).ok_or_else(|| format!("`{part}` is no blank"))?;
                    filled.push_str(&text(&std::mem::take(&mut between)));
                    filled.push_str(&blank(&found));
                } else if !is_name || parts.len() == 1 {
                    between.push_str(part);
                }
            }
        }
        filled.push_str(&text(&between));
        Ok(filled)
    }
}

/// Reads what [`Blanks::leave`] writes between its marks.
fn read(written: &str) -> Option<Blank> {
    let (kind, rest) = written.split_at_checked(1)?;
    let mut numbers = rest.split(';');
    let mut number = || numbers.next()?.parse::<i64>().ok();
    let index = || rest.parse::<usize>().ok();
    Some(match kind {
        "R" => Blank::Relation(NodeId(index()?)),
        "S" => Blank::Raw(Raw::Source(SourceIndex(index()?))),
        "E" => Blank::Raw(Raw::Entity(EntityIndex(index()?))),
        "M" => Blank::Moment { before: number()? },
        "U" => {
            let (before, unit) = (number()?, number()?);
            Blank::Count { unit, before }
        }
        "F" => Blank::Folder,
        "D" | "T" => {
            let (before, days) = (number()?, number()?);
            Blank::Clock { zone: numbers.next()?.to_owned(), days, before, is_day: kind == "D" }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(sql: &str, blanks: &Blanks) -> String {
        let dialect = Dialect::named(Dialect::names()[0]).unwrap();
        blanks.fill(sql, dialect, &|text| text.to_uppercase(), &|blank| format!("<{blank:?}>")).unwrap()
    }

    #[test]
    fn what_is_left_is_found_again() {
        let blanks = Blanks::apart_from(&[]);
        let zone = "America/New_York".to_owned();
        for blank in [
            Blank::Relation(NodeId(12)),
            Blank::Raw(Raw::Source(SourceIndex(3))),
            Blank::Raw(Raw::Entity(EntityIndex(0))),
            Blank::Moment { before: -5 },
            Blank::Clock { zone: zone.clone(), days: -1, before: 7, is_day: true },
            Blank::Clock { zone, days: 1, before: 0, is_day: false },
            Blank::Count { unit: 1_000, before: 9 },
            Blank::Folder,
        ] {
            let written = blanks.leave(&blank);
            assert_eq!(filled(&format!("select 'a{written}+00'"), &blanks), format!("SELECT 'A<{blank:?}>+00'"));
        }
    }

    #[test]
    fn a_name_is_a_blank_without_its_quotes() {
        let blanks = Blanks::apart_from(&[]);
        let name = blanks.leave(&Blank::Relation(NodeId(1)));
        let quoted = Dialect::named(Dialect::names()[0]).unwrap().raw_identifier(&name).unwrap();
        assert_eq!(
            filled(&format!("select a from {quoted} as b"), &blanks),
            "SELECT A FROM <Relation(NodeId(1))> AS B"
        );
    }

    #[test]
    fn what_looks_like_a_blank_is_none() {
        let usual = Blanks::apart_from(&[]).leave(&Blank::Folder);
        let sql = format!("select '{usual}' -- {usual}");
        let blanks = Blanks::apart_from(&[sql.as_str()]);
        assert_eq!(filled(&sql, &blanks), sql.to_uppercase());
    }
}

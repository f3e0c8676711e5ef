//! Regular expressions: what all warehouses read alike, and nothing else.

use regex_syntax::ast::parse::Parser;
use regex_syntax::ast::{
    AssertionKind, Ast, ClassSetBinaryOp, ClassSetItem, GroupKind, RepetitionKind, RepetitionRange, Visitor, visit,
};

/// How often something may be repeated, repetitions inside of it counted: what RE2 takes.
const REPEATS: u64 = 1000;

/// What is wrong with a pattern, and what to write instead.
pub(super) type Fault = (String, Option<&'static str>);

/// Returns what keeps a pattern from being one on every warehouse.
pub(super) fn fault(pattern: &str) -> Option<Fault> {
    match Parser::new().parse(pattern) {
        Ok(ast) => visit(&ast, Portable { repeats: vec![1] }).err(),
        Err(error) => Some((format!("it cannot be read: {}", error.kind()), None)),
    }
}

struct Portable {
    /// How often what is looked at may come, level by level.
    repeats: Vec<u64>,
}

impl Visitor for Portable {
    type Output = ();
    type Err = Fault;

    fn finish(self) -> Result<(), Fault> {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Fault> {
        let fault = |what: &str, help: Option<&'static str>| Err((what.to_owned(), help));
        match ast {
            Ast::Flags(_) => fault("flags inside of it are not known to all warehouses", Some("write `lower(x)`")),
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::StartLine | AssertionKind::EndLine => Ok(()),
                AssertionKind::StartText
                | AssertionKind::EndText
                | AssertionKind::WordBoundary
                | AssertionKind::NotWordBoundary
                | AssertionKind::WordBoundaryStart
                | AssertionKind::WordBoundaryEnd
                | AssertionKind::WordBoundaryStartAngle
                | AssertionKind::WordBoundaryEndAngle
                | AssertionKind::WordBoundaryStartHalf
                | AssertionKind::WordBoundaryEndHalf => {
                    fault("its anchor is not known to all warehouses", Some("the anchors are `^` and `$`"))
                }
            },
            Ast::ClassUnicode(_) => {
                fault("classes by Unicode property are not known to all warehouses", Some("write `[A-Za-z]`"))
            }
            Ast::Group(group) => match group.kind {
                GroupKind::CaptureIndex(_) => Ok(()),
                GroupKind::CaptureName { .. } | GroupKind::NonCapturing(_) => {
                    fault("its kind of group is not known to all warehouses", Some("write `(…)`"))
                }
            },
            Ast::Repetition(repetition) => {
                if !repetition.greedy {
                    return fault(
                        "repetition that is not greedy is not known to all warehouses",
                        Some("leave the `?` behind it out: whether it matches is the same"),
                    );
                }
                let times = match &repetition.op.kind {
                    RepetitionKind::Range(
                        RepetitionRange::Exactly(times)
                        | RepetitionRange::AtLeast(times)
                        | RepetitionRange::Bounded(_, times),
                    ) => u64::from(*times).max(1),
                    RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => 1,
                };
                let all = self.repeats.last().map_or(times, |above| above.saturating_mul(times));
                self.repeats.push(all);
                if all > REPEATS {
                    return Err((format!("it repeats something {all} times, and warehouses take {REPEATS}"), None));
                }
                Ok(())
            }
            Ast::Empty(_)
            | Ast::Literal(_)
            | Ast::Dot(_)
            | Ast::ClassPerl(_)
            | Ast::ClassBracketed(_)
            | Ast::Alternation(_)
            | Ast::Concat(_) => Ok(()),
        }
    }

    fn visit_post(&mut self, ast: &Ast) -> Result<(), Fault> {
        if matches!(ast, Ast::Repetition(_)) {
            self.repeats.pop();
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Fault> {
        match item {
            ClassSetItem::Bracketed(_) => Err((
                "a class inside a class is read differently by warehouses".to_owned(),
                Some("write `\\[` for the bracket"),
            )),
            ClassSetItem::Unicode(_) => Err((
                "classes by Unicode property are not known to all warehouses".to_owned(),
                Some("write `[A-Za-z]`"),
            )),
            ClassSetItem::Empty(_)
            | ClassSetItem::Literal(_)
            | ClassSetItem::Range(_)
            | ClassSetItem::Ascii(_)
            | ClassSetItem::Perl(_)
            | ClassSetItem::Union(_) => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, _: &ClassSetBinaryOp) -> Result<(), Fault> {
        Err(("operations on classes are not known to all warehouses".to_owned(), None))
    }
}

#[cfg(test)]
mod tests {
    use crate::semantic::parse::pattern::fault;

    #[test]
    fn what_all_warehouses_read_alike_is_a_pattern() {
        for pattern in
            ["", "[0-9]+", "^a(b|c)*$", "[^[:alpha:]_-]", "\\d{3}", "a{1000}", "(a{10}){100}", "\\.com", "[a.]", "\\\\"]
        {
            assert_eq!(fault(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for pattern in [
            "[",
            "(",
            "a)",
            "*a",
            "a{2,1}",
            "(?=a)",
            "(?<=a)b",
            "(?!a)",
            "(a)\\1",
            "a{2000}",
            "(a{100}){11}",
            "\\ba",
            "\\A",
            "\\p{L}",
            "[\\pL]",
            "(?i)a",
            "(?:a)",
            "(?P<x>a)",
            "a*?",
            "[a[b]]",
            "[a&&b]",
            "\\",
        ] {
            assert!(fault(pattern).is_some(), "{pattern}");
        }
    }
}

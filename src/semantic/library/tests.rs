//! The embedded file is whole.

use crate::semantic::library::{Accepts, Library};

#[test]
fn every_function_says_what_it_means() {
    for function in Library::builtin().functions() {
        let name = &function.name;
        assert!(function.doc.ends_with('.') || function.doc.ends_with("false."), "{name}: the doc is a sentence");
        assert!(!function.signatures.is_empty(), "{name}: no signature");
        assert!(!function.examples.is_empty(), "{name}: no example");
        assert!(!function.sql.is_empty(), "{name}: no rendering");
    }
}

#[test]
fn words_stand_at_the_same_position_of_all_signatures() {
    for function in Library::builtin().functions() {
        for position in 0..4 {
            let mut at = function.signatures.iter().filter_map(|signature| signature.parameters.get(position));
            let words = at.clone().filter(|parameter| matches!(parameter.accepts, Accepts::Words(_))).count();
            assert!(
                words == 0 || at.all(|parameter| matches!(parameter.accepts, Accepts::Words(_))),
                "{}",
                function.name
            );
        }
    }
}

#[test]
fn a_wrong_signature_is_refused() {
    for signature in ["x: int -> int", "(x: int)", "(x) -> int", "(x: number2) -> int", "(x: int..., y: int) -> int"] {
        let text = format!("[functions.f]\ndoc = ''\nsignatures = [{signature:?}]\nexamples = []\nsql = ''");
        assert!(Library::parse(&text).is_err(), "{signature}");
    }
}

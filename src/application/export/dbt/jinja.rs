//! Text in a file that dbt reads as a template.

use crate::render::blanks::Blank;

/// What a brace is written as that would begin something of the template's.
const BRACE: &str = "{{ '{' }}";

/// Writes text so that the template prints it as it is, whatever follows.
pub(super) fn text(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            // What follows the end may begin with a brace.
            ('{', Some('{' | '%' | '#') | None) => written.push_str(BRACE),
            _ => written.push(character),
        }
    }
    written
}

/// Writes a call that prints the moment, or the folder of the project; names of relations are not known here.
pub(super) fn call(blank: &Blank) -> Option<String> {
    let shifted = |before: i64| if before == 0 { String::new() } else { format!("before={before}") };
    let call = match blank {
        Blank::Moment { before } => format!("milepost_moment({})", shifted(*before)),
        Blank::Clock { zone, days, before, is_day } => {
            let name = if *is_day { "milepost_day" } else { "milepost_clock" };
            let parts = [format!("'{zone}'"), format!("days={days}"), shifted(*before)];
            format!("{name}({})", parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", "))
        }
        Blank::Count { unit, before } => {
            let parts = [format!("unit={unit}"), shifted(*before)];
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            format!("milepost_count({})", parts.join(", "))
        }
        Blank::Folder => format!("var('{}')", super::FOLDER),
        Blank::Relation(_) | Blank::Raw(_) => return None,
    };
    Some(format!("{{{{ {call} }}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders as dbt's engine does, of whose language this one is.
    fn rendered(template: &str) -> String {
        minijinja::Environment::new().render_str(template, ()).unwrap()
    }

    #[test]
    fn text_is_printed_as_it_is() {
        for odd in ["{{ x }}", "{% if x %}", "{# x #}", "{{{", "a {", "{", "{a: 'b'}", "}} %} #}", "{{ '{' }}", "{\n{"]
        {
            assert_eq!(rendered(&text(odd)), odd);
            assert_eq!(rendered(&format!("{}{{{{ 1 }}}}", text(odd))), format!("{odd}1"));
        }
    }

    #[test]
    fn calls_name_what_differs() {
        let call = |blank| call(&blank).unwrap();
        assert_eq!(call(Blank::Moment { before: 0 }), "{{ milepost_moment() }}");
        assert_eq!(call(Blank::Moment { before: 5 }), "{{ milepost_moment(before=5) }}");
        let zone = "Europe/Berlin".to_owned();
        assert_eq!(
            call(Blank::Clock { zone, days: -1, before: 5, is_day: true }),
            "{{ milepost_day('Europe/Berlin', days=-1, before=5) }}"
        );
        assert_eq!(call(Blank::Count { unit: 1000, before: 0 }), "{{ milepost_count(unit=1000) }}");
    }
}

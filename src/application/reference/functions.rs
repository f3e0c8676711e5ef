//! The functions of expressions: what each means, what it takes and gives, examples that are run, and how each warehouse says
//! it.

use crate::application::reference::Page;
use crate::application::reference::markdown::{block, code};
use crate::render::dialect::{Argument, Dialect};
use crate::render::holes::Fragment;
use crate::semantic::expr::Type;
use crate::semantic::library::{Accepts, Function, Library, Parameter, Signature};

/// The largest number of buckets that the example of a literal has.
const POSITIVE: i64 = 100;

/// Functions that are written as an operator, and how.
const OPERATORS: &[(&str, &str)] = &[("divide", "left / right"), ("modulo", "left % right")];

/// Returns how a function is called that is written as an operator.
pub fn operator(name: &str) -> Option<&'static str> {
    OPERATORS.iter().find(|(function, _)| *function == name).map(|(_, written)| *written)
}

/// Returns the page.
pub(super) fn page() -> Page {
    let mut body = String::from(
        "Expressions, such as `where = \"…\"`, are written in one language, and print as each warehouse's SQL: \
         [how they are written](../expressions.md). These are its functions. Each has one meaning on every warehouse, \
         and its examples, which are true, are run by the tests. The SQL below stands for the first signature, with the \
         names of the parameters in the place of the arguments.\n\n",
    );
    for function in Library::builtin().functions() {
        body.push_str(&entry(function));
    }
    Page::new("functions", "Functions of expressions", &body)
}

fn entry(function: &Function) -> String {
    let mut text = format!("## {}\n\n{}\n\n", function.name, function.doc);
    if let Some(written) = operator(&function.name) {
        text.push_str(&format!("It is written {}.\n\n", code(written)));
    }
    if let Some(help) = &function.help {
        text.push_str(&format!("{help}.\n\n"));
    }
    let signatures: Vec<String> =
        function.signatures.iter().map(|signature| format!("{}{signature}", function.name)).collect();
    text.push_str(&block("text", &signatures.join("\n")));
    text.push_str("\nExamples:\n\n");
    text.push_str(&block("sql", &function.examples.join("\n")));
    text.push('\n');
    let Some(signature) = function.signatures.first() else { return text };
    let forms: Vec<(&str, String)> =
        Dialect::names().into_iter().filter_map(|name| Some((name, sql(function, signature, name)?))).collect();
    let mut told: Vec<(Vec<&str>, String)> = Vec::new();
    for (name, sql) in forms {
        match told.iter_mut().find(|(_, other)| *other == sql) {
            Some((names, _)) => names.push(name),
            None => told.push((vec![name], sql)),
        }
    }
    for (names, sql) in told {
        text.push_str(&format!("On {}:\n\n{}\n", names.join(", "), block("sql", &sql)));
    }
    text
}

/// Returns the SQL of a function on a warehouse; none where the warehouse does not have it.
fn sql(function: &Function, signature: &Signature, dialect: &str) -> Option<String> {
    let dialect = Dialect::named(dialect)?;
    let arguments: Vec<(&str, Argument)> =
        signature.parameters.iter().map(|parameter| (parameter.name.as_str(), argument(parameter))).collect();
    let made = dialect.expression("functions", &function.name, &arguments).ok()?;
    Some(made.sql)
}

fn argument(parameter: &Parameter) -> Argument {
    if parameter.variadic {
        let numbered = |number: usize| sql_of(&format!("{}_{number}", parameter.name), &parameter.accepts);
        return Argument::List(vec![numbered(1), numbered(2)]);
    }
    sql_of(&parameter.name, &parameter.accepts)
}

fn sql_of(name: &str, accepts: &Accepts) -> Argument {
    let typed = |ty: Type| Argument::Sql(Fragment::atom(name), Some(ty));
    match accepts {
        Accepts::Type(ty) => typed(*ty),
        Accepts::Number => typed(Type::Float),
        Accepts::Any | Accepts::Pattern => typed(Type::String),
        Accepts::Words(words) => Argument::Word(words.first().cloned().unwrap_or_default()),
        Accepts::Positive => Argument::Number(POSITIVE),
    }
}

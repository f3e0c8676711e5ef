//! Expressions made from the functions of the library: mostly of the right types, and sometimes not.

use std::sync::LazyLock;

use milepost::semantic::expr::Type;
use milepost::semantic::library::{Accepts, Gives, Library, Signature};

use crate::fuzz::choices::Choices;

const TYPES: &[Type] =
    &[Type::Bool, Type::Int, Type::String, Type::Timestamp, Type::Float, Type::Date, Type::Decimal, Type::Duration];

const NUMBERS: &[Type] = &[Type::Int, Type::Float, Type::Decimal];

/// How deep expressions are nested.
const DEPTH: usize = 4;

/// Functions by the type that they give.
type Giving = Vec<(Type, Vec<(&'static str, &'static Signature)>)>;

static GIVING: LazyLock<Giving> = LazyLock::new(|| {
    let gives = |signature: &Signature, ty: Type| match signature.gives {
        Gives::Type(given) => given == ty,
        Gives::Common => {
            let number = signature.parameters.iter().any(|parameter| parameter.accepts == Accepts::Number);
            !number || ty.is_number()
        }
    };
    let giving = |ty: Type| {
        let functions = Library::builtin().functions();
        functions
            .flat_map(|function| function.signatures.iter().map(|signature| (function.name.as_str(), signature)))
            .filter(|(_, signature)| gives(signature, ty))
            .collect()
    };
    TYPES.iter().map(|ty| (*ty, giving(*ty))).collect()
});

/// Where an expression stands, which says what its columns are called.
#[derive(Clone, Copy)]
enum Place {
    /// Among the rows of events, whose properties and whose actors can be read too.
    Event,
    /// Among the rows of facts.
    Fact,
    /// Among the rows of an entity.
    Entity,
    /// Among the rows of a milestone.
    Milestone,
}

/// Definitions that lack one expression: its key, where it stands, and the type that is wanted there, if one is.
const DEFINITIONS: &[(&str, &str, Place, Option<Type>)] = &[
    ("[milestone.m]\nevent = \"opened\"", "where", Place::Event, Some(Type::Bool)),
    ("[milestone.m]\nevent = \"opened\"\nat_least = 2\nwithin = \"7d\"", "distinct", Place::Event, None),
    ("[milestone.m]\nevent = \"opened\"\nat_least = 2.5", "sum", Place::Event, Some(Type::Float)),
    ("[milestone.m]\nevent = \"*\"", "for", Place::Entity, Some(Type::Bool)),
    ("[milestone.m]\nevent = \"*\"\nentity = \"user\"", "subject", Place::Event, Some(Type::String)),
    ("[kpi.k]\nkind = \"sum\"\nof = \"events\"\ngrain = \"week\"", "value", Place::Event, Some(Type::Float)),
    ("[kpi.k]\nkind = \"sum\"\nof = \"payments\"\ngrain = \"week\"", "value", Place::Fact, Some(Type::Float)),
    ("[kpi.k]\nkind = \"count\"\nof = \"events\"\ngrain = \"day\"", "where", Place::Event, Some(Type::Bool)),
    ("[kpi.k]\nkind = \"count\"\nof = \"payments\"\ngrain = \"day\"", "distinct", Place::Fact, None),
    ("[kpi.k]\nkind = \"count\"\nof = \"user\"\ngrain = \"month\"", "where", Place::Entity, Some(Type::Bool)),
    (
        "[milestone.m]\nevent = \"opened\"\nwithin = \"7d\"\n\n\
         [kpi.k]\nkind = \"count\"\nof = \"m\"\ngrain = \"month\"",
        "where",
        Place::Milestone,
        Some(Type::Bool),
    ),
];

/// Makes a project with one expression that is chosen.
pub(super) fn project(choices: &mut Choices<'_>) -> String {
    let columns = |prefix: &str| {
        let declared: Vec<String> =
            Type::DECLARABLE.iter().map(|(name, _)| format!("{prefix}_{name} = \"{name}\"")).collect();
        declared.join(", ")
    };
    let mut text = format!(
        "[project]\nname = \"thrown\"\nmodels = []\n\n\
         [target.dev]\ndialect = \"{}\"\ndatabase = \"target/thrown.db\"\n\n\
         [entity.user]\ntable = \"raw.users\"\nkey = \"user_id\"\nstart = \"created_at\"\nparent = {{ account = \"account_id\" }}\n\
         attributes = {{ {} }}\n\n\
         [entity.account]\ntable = \"raw.accounts\"\nkey = \"account_id\"\nstart = \"created_at\"\n\n\
         [source.events]\ntable = \"raw.events\"\nid = \"event_id\"\nentity = \"user_id\"\nentity_type = \"user\"\nname = \"event_name\"\ntime = \"time\"\n\
         properties = {{ column = \"properties\", types = {{ {} }} }}\ncolumns = {{ {} }}\n\n\
         [source.payments]\nkind = \"facts\"\ntable = \"raw.payments\"\nentity = \"user_id\"\nentity_type = \"user\"\ntime = \"paid_at\"\ncolumns = {{ {} }}\n\n",
        crate::functions::executed().name(),
        columns("u"),
        columns("p"),
        columns("e"),
        columns("f"),
    );
    let (definition, key, place, ty) = choices.pick(DEFINITIONS);
    let ty = ty.unwrap_or_else(|| *choices.pick(TYPES));
    let expression = expression(choices, *place, ty, DEPTH);
    text.push_str(&format!("{definition}\n{key} = {}\n", toml::Value::String(expression)));
    text
}

/// Makes an expression for any scope of any project: its columns may be unknown there.
pub(super) fn anywhere(choices: &mut Choices<'_>) -> String {
    let place = *choices.pick(&[Place::Event, Place::Entity, Place::Fact, Place::Milestone]);
    let ty = *choices.pick(TYPES);
    expression(choices, place, ty, 2)
}

fn expression(choices: &mut Choices<'_>, place: Place, ty: Type, depth: usize) -> String {
    let ty = if choices.chance(1) { *choices.pick(TYPES) } else { ty };
    if depth == 0 || choices.is_empty() {
        return leaf(choices, place, ty);
    }
    let mut part = |choices: &mut Choices<'_>, ty: Type| expression(choices, place, ty, depth - 1);
    match choices.below(9) {
        0 => leaf(choices, place, ty),
        1..=3 => operator(choices, ty, &mut part),
        4..=6 => call(choices, ty, &mut part),
        7 => {
            let (condition, then) = (part(choices, Type::Bool), part(choices, ty));
            let otherwise = if choices.chance(50) { format!(" else {}", part(choices, ty)) } else { String::new() };
            format!("case when {condition} then {then}{otherwise} end")
        }
        _ => format!("({})", part(choices, ty)),
    }
}

fn leaf(choices: &mut Choices<'_>, place: Place, ty: Type) -> String {
    if ty != Type::Duration && choices.below(3) < 2 {
        return column(choices, place, ty);
    }
    let literals: &[&str] = match ty {
        Type::Bool => &["true", "false", "null"],
        Type::Int => &["1", "0", "-1", "42", "9223372036854775807", "9223372036854775808", "-9223372036854775808"],
        Type::Float => &["0.5", "1.0", "1e3", "1e308", "1e400", "-0.0", ".5"],
        Type::Decimal => &["0.1", "2", "123456789.123456789", "0.0000000001", "99999999999999999999999999999.5"],
        Type::String => &[
            "'a'",
            "''",
            "'it''s'",
            "'%'",
            "'_'",
            "'\\'",
            "'\\n'",
            "'a\"b'",
            "'`'",
            "'--'",
            "'/* x'",
            "'{{ x }}'",
            "'{% x %}'",
            "'__value'",
            "'__start'",
            "'ünï'",
            "'🙂'",
            "'\n'",
            "';'",
            "'$$'",
            "'\u{0}'",
            "'{}'",
            "'?'",
            "':x'",
        ],
        Type::Date => &["date '2026-01-31'", "date '0001-01-01'", "date '9999-12-31'", "date '2026-02-30'"],
        Type::Timestamp => &[
            "timestamp '2026-01-31 23:59:59.999999'",
            "timestamp '2026-01-31T00:00:00Z'",
            "timestamp '2026-01-31 00:00:00+02:00'",
            "as_of",
            "timestamp '0001-01-01 00:00:00'",
            "timestamp '9999-12-31 23:59:59.999999'",
        ],
        Type::Duration => {
            &["duration '14d'", "duration '0s'", "duration '36h'", "duration '106751991d'", "duration '99999999999d'"]
        }
        Type::Null => &["null"],
    };
    (*choices.pick(literals)).to_owned()
}

fn column(choices: &mut Choices<'_>, place: Place, ty: Type) -> String {
    let own = match (place, ty) {
        (Place::Event, Type::Timestamp) => Some("time"),
        (Place::Event, Type::String) => Some("name"),
        (Place::Entity | Place::Milestone, Type::Timestamp) => Some("start"),
        (Place::Milestone, Type::Bool) => Some("reached"),
        _ => None,
    };
    if let Some(own) = own
        && choices.chance(30)
    {
        return own.to_owned();
    }
    let prefixes: &[&str] = match place {
        Place::Event => &["e_", "properties.p_", "user.u_"],
        Place::Fact => &["f_", "user.u_"],
        Place::Entity | Place::Milestone => &["u_", "user.u_"],
    };
    format!("{}{}", choices.pick(prefixes), ty.name())
}

type Part<'p> = dyn FnMut(&mut Choices<'_>, Type) -> String + 'p;

fn operator(choices: &mut Choices<'_>, ty: Type, part: &mut Part<'_>) -> String {
    match ty {
        Type::Bool => condition(choices, part),
        Type::Int | Type::Float | Type::Decimal => {
            let operator = *choices.pick(&["+", "-", "*", "/", "%"]);
            let (left, right) = (part(choices, ty), part(choices, ty));
            if choices.chance(10) { format!("-{left}") } else { format!("{left} {operator} {right}") }
        }
        Type::Timestamp => {
            let sign = *choices.pick(&["+", "-"]);
            format!("{} {sign} {}", part(choices, ty), part(choices, Type::Duration))
        }
        Type::Duration => match choices.below(4) {
            0 => format!("{} - {}", part(choices, Type::Timestamp), part(choices, Type::Timestamp)),
            1 => format!("{} * {}", part(choices, ty), part(choices, Type::Int)),
            2 => format!("-{}", part(choices, ty)),
            _ => format!("{} + {}", part(choices, ty), part(choices, ty)),
        },
        Type::String => format!("{} || {}", part(choices, ty), part(choices, ty)),
        Type::Date | Type::Null => format!("({})", part(choices, ty)),
    }
}

fn condition(choices: &mut Choices<'_>, part: &mut Part<'_>) -> String {
    let ty = *choices.pick(TYPES);
    let not = if choices.chance(30) { "not " } else { "" };
    match choices.below(8) {
        0 | 1 => {
            let operator = *choices.pick(&["=", "<", "<>", ">=", "!=", ">", "<="]);
            format!("{} {operator} {}", part(choices, ty), part(choices, ty))
        }
        2 => format!("{} and {}", part(choices, Type::Bool), part(choices, Type::Bool)),
        3 => format!("{} or {}", part(choices, Type::Bool), part(choices, Type::Bool)),
        4 => format!("not {}", part(choices, Type::Bool)),
        5 => format!("{} is {not}null", part(choices, ty)),
        6 => {
            let list: Vec<String> = (0..=choices.below(3)).map(|_| part(choices, ty)).collect();
            format!("{} {not}in ({})", part(choices, ty), list.join(", "))
        }
        _ if choices.chance(50) => {
            format!("{} {not}between {} and {}", part(choices, ty), part(choices, ty), part(choices, ty))
        }
        _ => {
            let pattern = *choices.pick(&["'%a%'", "'_'", "'100\\%'", "'it''s'", "''"]);
            format!("{} {not}like {pattern}", part(choices, Type::String))
        }
    }
}

fn call(choices: &mut Choices<'_>, ty: Type, part: &mut Part<'_>) -> String {
    let Some((_, functions)) = GIVING.iter().find(|(given, _)| *given == ty) else { return "null".to_owned() };
    if functions.is_empty() {
        return part(choices, ty);
    }
    let (name, signature) = choices.pick(functions);
    let common = match signature.gives {
        Gives::Common => ty,
        Gives::Type(_) => *choices.pick(TYPES),
    };
    let number = if common.is_number() { common } else { *choices.pick(NUMBERS) };
    let mut arguments = Vec::new();
    for parameter in &signature.parameters {
        let times = if parameter.variadic { 2 + choices.below(3) } else { 1 };
        for _ in 0..times {
            arguments.push(match &parameter.accepts {
                Accepts::Type(ty) => part(choices, *ty),
                Accepts::Number => part(choices, number),
                Accepts::Any => part(choices, common),
                Accepts::Words(words) => choices.pick(words).clone(),
                Accepts::Positive => (*choices.pick(&["1", "2", "1000", "0"])).to_owned(),
                Accepts::Pattern => {
                    (*choices.pick(&["'^[a-z]+@([a-z]+)$'", "'a|b'", "'\\d+'", "'('", "'it''s'", "''"])).to_owned()
                }
            });
        }
    }
    // A wrong number of arguments now and then.
    if choices.chance(1) {
        arguments.pop();
    }
    format!("{name}({})", arguments.join(", "))
}

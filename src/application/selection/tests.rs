//! What every form of a selector selects, as tables.

use super::*;

// events -> signed_up -> activated -> kpi.activated -> pql, with first_share -> activated; crm -> deals.
fn project() -> Vec<Node> {
    let node = |id: &str, tags: &[&str], path: &str, depends_on: &[&str]| {
        let all = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Node {
            id: Id::parse(id).unwrap(),
            tags: all(tags),
            path: path.to_owned(),
            depends_on: depends_on.iter().map(|id| Id::parse(id).unwrap()).collect(),
        }
    };
    vec![
        node("source.events", &[], "models/sources.toml", &[]),
        node("source.crm", &["nightly"], "models/sources.toml", &[]),
        node("milestone.signed_up", &["weekly"], "models/growth/activation.toml", &["source.events"]),
        node("milestone.first_share", &[], "models/growth/activation.toml", &["source.events"]),
        node(
            "milestone.activated",
            &["weekly", "board"],
            "models/growth/activation.toml",
            &["milestone.signed_up", "milestone.first_share"],
        ),
        node("kpi.activated", &["board"], "models/growth/kpi.toml", &["milestone.activated"]),
        node("kpi.deals", &["nightly"], "models/revenue.toml", &["source.crm"]),
        node("score.pql", &[], "models/score.toml", &["kpi.activated"]),
    ]
}

fn selected(select_: &str, exclude: &str) -> Result<String, SelectionError> {
    let nodes = project();
    let given = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
    let chosen = select(&nodes, &given(select_), &given(exclude))?;
    Ok(chosen.iter().map(|node| node.id.to_string()).collect::<Vec<_>>().join(" "))
}

#[test]
fn every_form_of_a_selector_selects_what_it_says() {
    let all = "source.events source.crm milestone.signed_up milestone.first_share milestone.activated \
               kpi.activated kpi.deals score.pql";
    let table = [
        ("", all),
        ("*", all),
        ("pql", "score.pql"),
        ("name:pql", "score.pql"),
        ("activated", "milestone.activated kpi.activated"),
        ("kpi.activated", "kpi.activated"),
        ("kpi_activated", "kpi.activated"),
        ("*_up first_*", "milestone.signed_up milestone.first_share"),
        ("s*", "milestone.signed_up"),
        ("kpi.*d*", "kpi.activated kpi.deals"),
        ("*.activated", "milestone.activated kpi.activated"),
        ("pql deals pql", "kpi.deals score.pql"),
        ("tag:board", "milestone.activated kpi.activated"),
        ("tag:w*", "milestone.signed_up milestone.activated"),
        ("tag:board,tag:weekly", "milestone.activated"),
        ("tag:board,kind:score", ""),
        ("tag:nightly,kind:kpi pql", "kpi.deals score.pql"),
        ("kind:kpi", "kpi.activated kpi.deals"),
        ("path:models/growth", "milestone.signed_up milestone.first_share milestone.activated kpi.activated"),
        ("path:./models/growth/,kind:kpi", "kpi.activated"),
        ("path:models/*.toml", "source.events source.crm kpi.deals score.pql"),
        ("path:models/**/kpi.toml", "kpi.activated"),
        ("models/revenue.toml", "kpi.deals"),
        ("+kpi.activated", "source.events milestone.signed_up milestone.first_share milestone.activated kpi.activated"),
        ("1+kpi.activated", "milestone.activated kpi.activated"),
        ("2+kpi.activated,kind:milestone", "milestone.signed_up milestone.first_share milestone.activated"),
        ("signed_up+", "milestone.signed_up milestone.activated kpi.activated score.pql"),
        ("signed_up+1", "milestone.signed_up milestone.activated"),
        ("signed_up+0", "milestone.signed_up"),
        ("1+milestone.activated+1", "milestone.signed_up milestone.first_share milestone.activated kpi.activated"),
        (
            "@signed_up",
            "source.events milestone.signed_up milestone.first_share milestone.activated kpi.activated score.pql",
        ),
        ("@crm", "source.crm kpi.deals"),
        ("tag:nightly+", "source.crm kpi.deals"),
        ("+kind:score,kind:source", "source.events"),
        ("99999999999999999999+deals", "source.crm kpi.deals"),
    ];
    for (select, expected) in table {
        assert_eq!(selected(select, "").as_deref(), Ok(expected), "{select}");
    }
}

#[test]
fn what_is_excluded_is_left_out() {
    let table = [
        ("kind:milestone", "first_share", "milestone.signed_up milestone.activated"),
        ("", "source.events+ crm+", ""),
        ("+pql", "+milestone.activated", "kpi.activated score.pql"),
        ("kind:kpi", "tag:nightly,kind:kpi", "kpi.activated"),
    ];
    for (select, exclude, expected) in table {
        assert_eq!(selected(select, exclude).as_deref(), Ok(expected), "{select} without {exclude}");
    }
}

#[test]
fn a_selector_that_names_nothing_is_an_error_with_the_nearest_names() {
    let table = [
        ("activatd", "nothing in the project is named `activatd`; with a similar name: `activated`"),
        ("+share", "nothing in the project is named `share`; with a similar name: `first_share`"),
        ("zzz", "nothing in the project is named `zzz`; `milepost ls` prints what there is"),
        ("pql,kpi.dels", "nothing in the project is named `kpi.dels`; with a similar name: `kpi.deals`"),
        ("tag:wekly", "nothing in the project has the tag `wekly`; with a similar name: `weekly`"),
        (
            "kind:funnel",
            "nothing in the project is of the kind `funnel`; there are: `kpi`, `milestone`, `score`, `source`",
        ),
        (
            "path:models/scores.toml",
            "nothing in the project is defined in `models/scores.toml`; with a similar name: `models/score.toml`, `models/sources.toml`",
        ),
        ("tga:weekly", "`tga:` is not a way to select, in `tga:weekly`; there is `tag`"),
        (
            "state:modified",
            "`state:` is not a way to select, in `state:modified`; there is `name`, `tag`, `path`, `kind`",
        ),
    ];
    for (select, expected) in table {
        let error = selected(select, "").unwrap_err();
        assert_eq!(format!("{}; {}", error.message, error.help.unwrap()), expected, "{select}");
        assert!(selected("", select).is_err(), "{select} excluded");
    }
}

#[test]
fn what_is_not_a_selector_is_refused() {
    let table = [
        ("+", "it names nothing"),
        ("3+", "it names nothing"),
        ("a,,b", "it names nothing"),
        ("pql,", "it names nothing"),
        ("tag:", "nothing follows the colon"),
        ("++pql", "a `+` stands once on either side, a `@` in front"),
        ("pql++", "a `+` stands once on either side, a `@` in front"),
        ("+@pql", "a `+` stands once on either side, a `@` in front"),
        ("@pql+", "`@` already reaches all that a `+` would"),
    ];
    for (select, reason) in table {
        let refused = parse_all(select).unwrap_err();
        assert_eq!(refused.message, format!("`{select}` is not a selector: {reason}"));
    }
    assert!(selected("[a", "").unwrap_err().message.starts_with("`[a` is not a pattern: "));
}

/// Parses without looking anything up, so that the form is complained of and not the name.
fn parse_all(text: &str) -> Result<(), SelectionError> {
    text.split(',').try_for_each(|part| parse(part, text).map(|_| ()))
}

#[test]
fn a_circle_ends() {
    let mut nodes = project();
    nodes[0].depends_on.push(Id::parse("score.pql").unwrap());
    let chosen = select(&nodes, &["+pql+".to_owned()], &[]).unwrap();
    assert_eq!(chosen.len(), 6);
}

#[test]
fn a_flag_that_is_given_names_something() {
    let nodes = project();
    for (selected, excluded) in [("", "pql"), ("pql", ""), (" ", "pql")] {
        let error = select(&nodes, &[selected.to_owned()], &[excluded.to_owned()]).unwrap_err();
        assert!(error.message.ends_with("names nothing"), "{error}");
    }
}

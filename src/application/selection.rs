//! Which definitions a command works on: dbt's selection syntax, over a graph of plain data.
//!
//! | written | selects |
//! | --- | --- |
//! | `activation_rate` | the definitions of that name, of whatever kind |
//! | `kpi.activation_rate` | the one of that kind, as its TOML header names it |
//! | `activ*` | the names that match (`*`, `?`, `[a-z]`); `kpi.a*` for those of one kind |
//! | `tag:weekly` `kind:kpi` | those with the tag, of the kind; globs work too |
//! | `path:models/activation.toml` | those written in the file, below the directory, or under the glob |
//! | `+name` `name+` `2+name` `name+1` | with all that it depends on, all that depends on it, so many steps away |
//! | `@name` | with all that depends on it, and all that those depend on |
//! | `a b` | a union |
//! | `a,b` | an intersection, which binds tighter |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

use crate::application::Obstacle;
use crate::language::Id;

/// One definition, as far as selecting it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its table, which is its kind, and its name.
    pub id: Id,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its file, relative to the project, with slashes.
    pub path: String,
    /// The ids of those that it is made of.
    pub depends_on: Vec<Id>,
}

/// Which definitions are meant; all of them, where nothing is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these.
    pub select: Vec<String>,
    /// All but these.
    pub exclude: Vec<String>,
}

impl Selection {
    /// Tells whether nothing narrows it.
    pub fn is_everything(&self) -> bool {
        self.select.is_empty() && self.exclude.is_empty()
    }
}

/// Why a selector is refused: a phrase, and what to do where that is likely right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectionError {
    /// What is wrong.
    pub message: String,
    /// What was probably meant.
    pub help: Option<String>,
}

impl fmt::Display for SelectionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<SelectionError> for Obstacle {
    fn from(SelectionError { message, help }: SelectionError) -> Self {
        Obstacle::InTheWay { message, help }
    }
}

/// Returns the nodes that `select` names and `exclude` does not, in the order of `nodes`; with nothing in `select`,
/// all of them but the excluded ones.
///
/// A selector that no node answers to is an error, in `exclude` too: a name spelled wrong there would run what
/// somebody meant to keep out. An intersection may be empty.
pub fn select<'a>(nodes: &'a [Node], select: &[String], exclude: &[String]) -> Result<Vec<&'a Node>, SelectionError> {
    let graph = Graph::new(nodes);
    for (flag, texts) in [("select", select), ("exclude", exclude)] {
        // A variable that is not set, as often as not: everything, or nothing, would be a guess.
        if !texts.is_empty() && texts.iter().all(|text| text.trim().is_empty()) {
            let help = Some(format!("leave out `--{flag}`, or name something"));
            return Err(SelectionError { message: format!("`--{flag}` names nothing"), help });
        }
    }
    let selected = if select.is_empty() { (0..nodes.len()).collect() } else { graph.union(select)? };
    let excluded = graph.union(exclude)?;
    Ok(selected.difference(&excluded).map(|at| &nodes[*at]).collect())
}

/// The nodes, and the edges between them in both directions.
struct Graph<'a> {
    nodes: &'a [Node],
    parents: Vec<Vec<usize>>,
    children: Vec<Vec<usize>>,
}

/// One selector: what it names, and how far along the edges it goes.
#[derive(Debug, PartialEq, Eq)]
struct Selector<'a> {
    method: Method,
    pattern: &'a str,
    /// With the parents of all that depends on it: `@`.
    whole: bool,
    /// How many steps up: none at all, or as many as there are.
    up: Option<usize>,
    /// How many steps down.
    down: Option<usize>,
}

/// What a pattern is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Name,
    Tag,
    Path,
    Kind,
}

/// The methods by what stands before the colon.
const METHODS: &[(&str, Method)] =
    &[("name", Method::Name), ("tag", Method::Tag), ("path", Method::Path), ("kind", Method::Kind)];

impl<'a> Graph<'a> {
    fn new(nodes: &'a [Node]) -> Self {
        let places: BTreeMap<&Id, usize> = nodes.iter().enumerate().map(|(at, node)| (&node.id, at)).collect();
        let mut children = vec![Vec::new(); nodes.len()];
        let mut parents = vec![Vec::new(); nodes.len()];
        for (at, node) in nodes.iter().enumerate() {
            for parent in node.depends_on.iter().filter_map(|id| places.get(id)) {
                parents[at].push(*parent);
                children[*parent].push(at);
            }
        }
        Self { nodes, parents, children }
    }

    fn union(&self, texts: &[String]) -> Result<BTreeSet<usize>, SelectionError> {
        let mut union = BTreeSet::new();
        for text in texts.iter().flat_map(|text| text.split_whitespace()) {
            union.extend(self.intersection(text)?);
        }
        Ok(union)
    }

    fn intersection(&self, text: &str) -> Result<BTreeSet<usize>, SelectionError> {
        let mut parts = text.split(',').map(|part| self.one(&parse(part, text)?));
        let mut intersection = parts.next().expect("a split has a first part")?;
        for part in parts {
            let part = part?;
            intersection.retain(|at| part.contains(at));
        }
        Ok(intersection)
    }

    fn one(&self, selector: &Selector<'_>) -> Result<BTreeSet<usize>, SelectionError> {
        let matcher = Matcher::new(selector.pattern)?;
        let named: BTreeSet<usize> =
            (0..self.nodes.len()).filter(|at| matcher.matches_any(&spellings(&self.nodes[*at], selector))).collect();
        if named.is_empty() {
            return Err(self.unknown(selector));
        }
        if selector.whole {
            let below = walk(&self.children, named, usize::MAX);
            return Ok(walk(&self.parents, below, usize::MAX));
        }
        let mut selected = named.clone();
        if let Some(steps) = selector.up {
            selected.extend(walk(&self.parents, named.clone(), steps));
        }
        if let Some(steps) = selector.down {
            selected.extend(walk(&self.children, named, steps));
        }
        Ok(selected)
    }

    fn unknown(&self, selector: &Selector<'_>) -> SelectionError {
        let pattern = selector.pattern;
        let message = match selector.method {
            Method::Name => format!("nothing in the project is named `{pattern}`"),
            Method::Tag => format!("nothing in the project has the tag `{pattern}`"),
            Method::Path => format!("nothing in the project is defined in `{pattern}`"),
            Method::Kind => format!("nothing in the project is of the kind `{pattern}`"),
        };
        let all: BTreeSet<String> = self.nodes.iter().flat_map(|node| candidates(node, selector)).collect();
        let near = nearest(pattern, all.iter().map(String::as_str));
        let help = if !near.is_empty() {
            Some(format!("with a similar name: {}", quoted(&near)))
        } else if matches!(selector.method, Method::Kind | Method::Tag) && !all.is_empty() {
            Some(format!("there are: {}", quoted(&all.iter().map(String::as_str).collect::<Vec<_>>())))
        } else {
            Some("`milepost ls` prints what there is".to_owned())
        };
        SelectionError { message, help }
    }
}

/// Parses one selector, which stands in `whole`.
fn parse<'a>(text: &'a str, whole: &str) -> Result<Selector<'a>, SelectionError> {
    let refuse = |reason: &str| SelectionError {
        message: format!("`{whole}` is not a selector: {reason}"),
        help: Some("selectors look like `name`, `+name`, `name+1`, `@name`, `tag:x`, `kind:kpi,tag:x`".to_owned()),
    };
    let (rest, at) = match text.strip_prefix('@') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (up, rest) = match rest.split_once('+') {
        Some((steps, rest)) if steps.is_empty() || is_number(steps) => (Some(parse_steps(steps)), rest),
        Some(_) | None => (None, rest),
    };
    let (rest, down) = match rest.rsplit_once('+') {
        Some((rest, steps)) if steps.is_empty() || is_number(steps) => (rest, Some(parse_steps(steps))),
        Some(_) | None => (rest, None),
    };
    if at && (up.is_some() || down.is_some()) {
        return Err(refuse("`@` already reaches all that a `+` would"));
    }
    if rest.is_empty() {
        return Err(refuse("it names nothing"));
    }
    if rest.starts_with('+') || rest.ends_with('+') || rest.contains('@') {
        return Err(refuse("a `+` stands once on either side, a `@` in front"));
    }
    let (method, pattern) = match rest.split_once(':') {
        Some((name, pattern)) => {
            let method = METHODS.iter().find(|(known, _)| *known == name).ok_or_else(|| {
                let known: Vec<&str> = METHODS.iter().map(|(known, _)| *known).collect();
                let near = nearest(name, known.iter().copied());
                let shown = if near.is_empty() { known } else { near };
                SelectionError {
                    message: format!("`{name}:` is not a way to select, in `{whole}`"),
                    help: Some(format!("there is {}", quoted(&shown))),
                }
            })?;
            (method.1, pattern)
        }
        None if rest.contains('/') || has_toml_extension(rest) => (Method::Path, rest),
        None => (Method::Name, rest),
    };
    if pattern.is_empty() {
        return Err(refuse("nothing follows the colon"));
    }
    Ok(Selector { method, pattern, whole: at, up, down })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_toml_extension(text: &str) -> bool {
    std::path::Path::new(text).extension().is_some_and(|extension| extension == "toml")
}

/// No number is as far as it goes; so is one that is too large.
fn parse_steps(text: &str) -> usize {
    text.parse().unwrap_or(usize::MAX)
}

/// Returns all that a pattern may match of a node.
fn spellings(node: &Node, selector: &Selector<'_>) -> Vec<String> {
    match selector.method {
        Method::Name if selector.pattern.contains('.') => vec![node.id.to_string()],
        // Not the relation: `s*` is meant for names, and should not match every `source_…` and `score_…`.
        Method::Name if is_glob(selector.pattern) => vec![node.id.name.clone()],
        // The relation is how it is named in the warehouse and in the target folder.
        Method::Name => vec![node.id.name.clone(), format!("{}_{}", node.id.table, node.id.name)],
        Method::Tag => node.tags.clone(),
        Method::Kind => vec![node.id.table.name().to_owned()],
        // The file, and every directory that it lies in.
        Method::Path => {
            let ends = node.path.match_indices('/').map(|(end, _)| end);
            ends.chain([node.path.len()]).map(|end| node.path[..end].to_owned()).collect()
        }
    }
}

/// Returns what may be suggested in place of a pattern that matched nothing.
fn candidates(node: &Node, selector: &Selector<'_>) -> Vec<String> {
    match selector.method {
        Method::Name if selector.pattern.contains('.') => vec![node.id.to_string()],
        Method::Name => vec![node.id.name.clone()],
        Method::Tag => node.tags.clone(),
        Method::Kind => vec![node.id.table.name().to_owned()],
        Method::Path => vec![node.path.clone()],
    }
}

/// A pattern: itself, or a glob.
enum Matcher<'a> {
    Exact(&'a str),
    Glob(Box<GlobMatcher>),
}

impl<'a> Matcher<'a> {
    fn new(pattern: &'a str) -> Result<Self, SelectionError> {
        let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
        let pattern = pattern.strip_suffix('/').unwrap_or(pattern);
        if !is_glob(pattern) {
            return Ok(Matcher::Exact(pattern));
        }
        match GlobBuilder::new(pattern).literal_separator(true).build() {
            Ok(glob) => Ok(Matcher::Glob(Box::new(glob.compile_matcher()))),
            Err(error) => {
                Err(SelectionError { message: format!("`{pattern}` is not a pattern: {}", error.kind()), help: None })
            }
        }
    }

    fn matches_any(&self, texts: &[String]) -> bool {
        texts.iter().any(|text| match self {
            Matcher::Exact(pattern) => pattern == text,
            Matcher::Glob(glob) => glob.is_match(text),
        })
    }
}

fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// Returns `from` and all that lies at most so many steps along `edges`.
fn walk(edges: &[Vec<usize>], from: BTreeSet<usize>, steps: usize) -> BTreeSet<usize> {
    let mut seen = from.clone();
    let mut front: Vec<usize> = from.into_iter().collect();
    let mut taken = 0;
    while !front.is_empty() && taken < steps {
        front = front.iter().flat_map(|at| &edges[*at]).copied().filter(|next| seen.insert(*next)).collect();
        taken += 1;
    }
    seen
}

/// Returns the names that are near enough to be meant, the nearest first, three at most.
fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut near: Vec<(usize, &str)> = names
        .map(|name| (strsim::damerau_levenshtein(wanted, name), name))
        .filter(|(distance, name)| {
            *distance <= wanted.chars().count().max(3) / 3 || (wanted.len() >= 3 && name.contains(wanted))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;

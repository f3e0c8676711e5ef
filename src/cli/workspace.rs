//! A project that a command works on: read once, without mistakes, as of one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;

use crate::check::{Checked, Mark};
use crate::cli::arguments::Selection;
use crate::cli::outcome::{Exit, Failure};
use crate::cli::selection::{self, Node};
use crate::cli::terminal::Cx;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest;
use crate::plan::node::NodeId;
use crate::plan::{definitions, part};
use crate::project::Project;
use crate::render::Place;
use crate::semantic::moment;
use crate::target::{self, Target};
use crate::warehouse;
use crate::{Analysis, analyze, compile, compile_marked};

/// A project without mistakes, and what was found out about it.
pub struct Workspace<'cx> {
    /// The world.
    pub cx: &'cx Cx,
    /// What was written, what it means, and what must be computed.
    pub analysis: Analysis,
    /// The moment as of which everything is computed.
    pub as_of: Timestamp,
    /// What was found so far: warnings, unless a step reports errors.
    pub diagnostics: Diagnostics,
}

/// Returns the environment, as far as it is text.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Returns the moment as of which everything is computed: that of the flag, else the project's, else now.
pub fn as_of(flag: Option<Timestamp>, project: &Project, diagnostics: &mut Diagnostics) -> Option<Timestamp> {
    if flag.is_some() {
        return flag;
    }
    let Some(written) = &project.settings.body.as_of else {
        // Whole seconds: what is printed is then short, and still the same moment.
        return Timestamp::from_second(Timestamp::now().as_second()).ok();
    };
    let found = moment::moment(written.get());
    if let Err(reason) = &found {
        diagnostics.push(
            Diagnostic::error("bad-time", format!("`{}` is not a moment", written.get()))
                .at(project.settings.place(written), "")
                .help(reason),
        );
    }
    found.ok()
}

/// Makes the place in which a target's relations are made.
pub fn place(target: &Target, as_of: Timestamp) -> Place {
    Place {
        dialect: target.dialect,
        schema: target.schema.clone(),
        as_of: moment::literal(as_of),
        stand_ins: BTreeMap::new(),
    }
}

impl<'cx> Workspace<'cx> {
    /// Reads the project. What is wrong with it is drawn.
    pub fn open(cx: &'cx Cx) -> Result<Self, Failure> {
        let mut diagnostics = Diagnostics::default();
        match analyze(&cx.globals.project_dir, environment(), &mut diagnostics) {
            Err(sources) => Err(stopped(cx.report(&diagnostics, &sources))),
            Ok(analysis) => {
                let as_of = as_of(cx.globals.as_of, &analysis.project, &mut diagnostics);
                let workspace = Self { cx, analysis, as_of: as_of.unwrap_or_default(), diagnostics };
                workspace.stop_on_errors()?;
                Ok(workspace)
            }
        }
    }

    /// Draws what was found and stops, where an error is among it.
    pub fn stop_on_errors(&self) -> Result<(), Failure> {
        if self.diagnostics.has_errors() {
            return Err(stopped(self.cx.report(&self.diagnostics, &self.analysis.project.sources)));
        }
        Ok(())
    }

    /// Draws the warnings, where there are any.
    pub fn warn(&self) -> Exit {
        self.cx.report(&self.diagnostics, &self.analysis.project.sources)
    }

    /// Returns the target that was asked for, or the default.
    pub fn target(&mut self) -> Result<Target, Failure> {
        let wanted = self.cx.globals.target.as_deref();
        let target = target::pick(&self.analysis.project, wanted, &mut self.diagnostics);
        self.stop_on_errors()?;
        target.ok_or(Failure::Reported)
    }

    /// Returns the target that was asked for, or all.
    pub fn targets(&mut self) -> Result<Vec<Target>, Failure> {
        if self.cx.globals.target.is_some() {
            return self.target().map(|target| vec![target]);
        }
        let targets = target::all(&self.analysis.project, &mut self.diagnostics);
        self.stop_on_errors()?;
        Ok(targets)
    }

    /// Compiles for a target: a statement for each relation of the plan, in its order.
    pub fn compile(&mut self, target: &Target) -> Result<Vec<Checked>, Failure> {
        let compiled = compile(&self.analysis, &place(target, self.as_of), &mut self.diagnostics);
        self.stop_on_errors()?;
        compiled.ok_or(Failure::Reported)
    }

    /// Compiles what is to be executed of statements that are compiled already: each with its mark.
    pub fn compile_marked(
        &mut self,
        target: &Target,
        compiled: &[Checked],
        part: &[NodeId],
        marks: &BTreeMap<String, Mark>,
    ) -> Result<Vec<Checked>, Failure> {
        let place = place(target, self.as_of);
        let marked = compile_marked(&self.analysis, &place, compiled, part, marks, &mut self.diagnostics);
        self.stop_on_errors()?;
        marked.ok_or(Failure::Reported)
    }

    /// Tells whether somebody said as of which moment everything is computed: a flag, or the project.
    pub fn moment_is_given(&self) -> bool {
        self.cx.globals.as_of.is_some() || self.analysis.project.settings.body.as_of.is_some()
    }

    /// Returns what can be selected, in the order in which it is made; unit tests last.
    pub fn nodes(&self) -> Vec<Node> {
        let Analysis { project, model, .. } = &self.analysis;
        let mut nodes: Vec<Node> = definitions::all(model)
            .iter()
            .map(|definition| Node {
                name: definition.meta.name.clone(),
                kind: definition.kind.to_owned(),
                tags: definition.meta.tags.clone(),
                path: manifest::path_of(project, definition.meta),
                depends_on: definition.depends_on.clone(),
            })
            .collect();
        nodes.extend(project.tests.iter().map(|test| Node {
            name: test.name.clone(),
            kind: TEST.to_owned(),
            tags: test.body.tags.clone(),
            path: project.sources.path(test.source()).display().to_string().replace('\\', "/"),
            depends_on: test.body.expect.keys().filter_map(|relation| self.tested(relation.get())).collect(),
        }));
        nodes
    }

    /// Returns the id of the definition whose relation has the name.
    fn tested(&self, relation: &str) -> Option<String> {
        let plan = &self.analysis.plan;
        let definition = plan.node(plan.find(relation)?).definition.as_ref()?;
        Some(format!("{}.{}", definition.kind, definition.name))
    }

    /// Returns the ids of what the flags select.
    pub fn selected(&self, selection: &Selection) -> Result<BTreeSet<String>, Failure> {
        let nodes = self.nodes();
        Ok(selection::select(&nodes, &selection.select, &selection.exclude)?.into_iter().map(Node::id).collect())
    }

    /// Returns the ids of what `--exclude` names: nothing else may bring it in.
    pub fn excluded(&self, selection: &Selection) -> Result<BTreeSet<String>, Failure> {
        if selection.exclude.is_empty() {
            return Ok(BTreeSet::new());
        }
        let nodes = self.nodes();
        Ok(selection::select(&nodes, &selection.exclude, &[])?.into_iter().map(Node::id).collect())
    }

    /// Returns the relations that the flags select, in the order of the plan; all of them where no flag is given.
    pub fn part(&self, selection: &Selection) -> Result<Vec<NodeId>, Failure> {
        let plan = &self.analysis.plan;
        if is_everything(selection) {
            return Ok((0..plan.nodes.len()).map(NodeId).collect());
        }
        let part = part::part(plan, &self.selected(selection)?);
        if part.is_empty() {
            return Err(
                Failure::new("nothing that is made is selected").help("`milepost ls` prints what a selection names")
            );
        }
        Ok(part)
    }

    /// Returns what connects to a target.
    pub fn connection(&mut self, target: &Target) -> Result<warehouse::Target, Failure> {
        let root = self.root()?;
        let connection = target.connection(&self.analysis.project, &root, &mut self.diagnostics);
        self.stop_on_errors()?;
        connection.ok_or(Failure::Reported)
    }

    /// Returns the target folder in full: a command that connects leaves the folder that it was called in.
    pub fn target_folder(&self) -> Result<PathBuf, Failure> {
        let folder = self.cx.target_path();
        std::path::absolute(&folder).map_err(|error| Failure::io(format!("resolving `{}`", folder.display()), &error))
    }

    /// Returns the project's folder in full.
    pub fn root(&self) -> Result<PathBuf, Failure> {
        let folder = &self.cx.globals.project_dir;
        std::path::absolute(folder).map_err(|error| Failure::io(format!("resolving `{}`", folder.display()), &error))
    }
}

/// Says how a command stops for mistakes that have been drawn.
fn stopped(exit: Exit) -> Failure {
    if exit == Exit::Refused { Failure::Untried } else { Failure::Reported }
}

/// The kind of a unit test, by which it is selected: its table.
pub const TEST: &str = "test";

/// Tells whether nothing narrows the selection.
pub fn is_everything(selection: &Selection) -> bool {
    selection.select.is_empty() && selection.exclude.is_empty()
}

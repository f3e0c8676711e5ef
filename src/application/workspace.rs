//! A project that something is asked of: read once, without mistakes, as of one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::application::Obstacle;
use crate::application::selection::{self, Node, Selection};
use crate::check::{Checked, Mark};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::language::{Id, Table};
use crate::manifest;
use crate::plan::node::{NodeId, Relation};
use crate::plan::{self, Leaving, part};
use crate::project::{Project, variables};
use crate::render::Place;
use crate::semantic::definitions;
use crate::semantic::model::KpiIndex;
use crate::semantic::moment;
use crate::source::Sources;
use crate::target::{self, Target};
use crate::warehouse::{self, Warehouse};
use crate::{Analysis, analyze, compile, compile_marked};

/// Of which project something is asked, and in which circumstances.
#[derive(Clone, Debug)]
pub struct Request {
    /// The project's folder.
    pub root: PathBuf,
    /// The folder for compiled files and the manifest, relative to the project.
    pub target_path: PathBuf,
    /// The target; where none is named, the project's default, or all.
    pub target: Option<String>,
    /// The moment as of which everything is computed; where none is named, the project's, or now.
    pub as_of: Option<Timestamp>,
    /// What time it is.
    pub now: Timestamp,
    /// The variables that a project may refer to.
    pub environment: BTreeMap<String, String>,
    /// Those that are given a value for this request, before those of the environment; each has to be read somewhere.
    pub variables: BTreeMap<String, String>,
}

impl Request {
    /// Asks for all of the project at `root`, at a time, without variables.
    pub fn of(root: impl Into<PathBuf>, now: Timestamp) -> Self {
        Self {
            root: root.into(),
            target_path: PathBuf::from("target"),
            target: None,
            as_of: None,
            now,
            environment: BTreeMap::new(),
            variables: BTreeMap::new(),
        }
    }

    /// Reads the project, and finds what was given that it does not read.
    pub fn analyze(&self, diagnostics: &mut Diagnostics) -> Result<Analysis, Sources> {
        let mut environment = self.environment.clone();
        environment.extend(self.variables.clone());
        let analysis = analyze(&self.root, environment, diagnostics)?;
        variables::report_unread(&analysis.project, self.variables.keys(), diagnostics);
        Ok(analysis)
    }

    /// Returns the folder of compiled files and the manifest.
    pub fn target_folder(&self) -> PathBuf {
        if self.root == Path::new(".") {
            // Messages then name it as it was written.
            return self.target_path.clone();
        }
        self.root.join(&self.target_path)
    }
}

/// A project without mistakes, and what was found out about it.
#[derive(Debug)]
pub struct Workspace {
    /// What was asked for.
    pub request: Request,
    /// What was written, what it means, and what must be computed.
    pub analysis: Analysis,
    /// The moment as of which everything is computed.
    pub as_of: Timestamp,
    /// What was found so far: warnings, unless a step reports errors.
    pub diagnostics: Diagnostics,
    /// The KPIs that are not computed.
    pub left_out: BTreeSet<KpiIndex>,
}

/// Returns the moment as of which everything is computed: that which was asked for, else the project's, else now.
pub fn as_of(request: &Request, project: &Project, diagnostics: &mut Diagnostics) -> Option<Timestamp> {
    if request.as_of.is_some() {
        return request.as_of;
    }
    let Some(written) = &project.settings.body.as_of else {
        // Whole seconds: what is printed is then short, and still the same moment.
        return Timestamp::from_second(request.now.as_second()).ok();
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
        blanks: None,
    }
}

impl Workspace {
    /// Reads the project.
    pub fn open(request: Request) -> Result<Self, Obstacle> {
        let mut found = Diagnostics::default();
        match request.analyze(&mut found) {
            Err(sources) => Err(Obstacle::Mistakes { found, sources }),
            Ok(analysis) => {
                let as_of = as_of(&request, &analysis.project, &mut found);
                let (as_of, left_out) = (as_of.unwrap_or_default(), BTreeSet::new());
                let mut workspace = Self { request, analysis, as_of, diagnostics: found, left_out };
                workspace.stop_on_errors()?;
                Ok(workspace)
            }
        }
    }

    /// Stops with all that was found, where an error is among it.
    pub fn stop_on_errors(&mut self) -> Result<(), Obstacle> {
        if self.diagnostics.has_errors() { Err(self.mistakes()) } else { Ok(()) }
    }

    fn mistakes(&mut self) -> Obstacle {
        let found = std::mem::take(&mut self.diagnostics);
        Obstacle::Mistakes { found, sources: self.analysis.project.sources.clone() }
    }

    /// Returns the target that was asked for, or the default.
    pub fn target(&mut self) -> Result<Target, Obstacle> {
        let wanted = self.request.target.as_deref();
        let target = target::pick(&self.analysis.project, wanted, &mut self.diagnostics);
        self.stop_on_errors()?;
        target.ok_or_else(|| self.mistakes())
    }

    /// Returns the target that was asked for, or all.
    pub fn targets(&mut self) -> Result<Vec<Target>, Obstacle> {
        if self.request.target.is_some() {
            return self.target().map(|target| vec![target]);
        }
        let targets = target::all(&self.analysis.project, &mut self.diagnostics);
        self.stop_on_errors()?;
        Ok(targets)
    }

    /// Compiles for a target: a statement for each relation of the plan, in its order.
    pub fn compile(&mut self, target: &Target) -> Result<BTreeMap<NodeId, Checked>, Obstacle> {
        let compiled = compile(&self.analysis, &place(target, self.as_of), &mut self.diagnostics);
        self.stop_on_errors()?;
        compiled.ok_or_else(|| self.mistakes())
    }

    /// Compiles what is to be executed of statements that are compiled already: one for each of `part`, with its mark.
    pub fn compile_marked(
        &mut self,
        target: &Target,
        compiled: &BTreeMap<NodeId, Checked>,
        part: &[NodeId],
        marks: &BTreeMap<String, Mark>,
    ) -> Result<BTreeMap<NodeId, Checked>, Obstacle> {
        let place = place(target, self.as_of);
        let marked = compile_marked(&self.analysis, &place, compiled, part, marks, &mut self.diagnostics);
        self.stop_on_errors()?;
        marked.ok_or_else(|| self.mistakes())
    }

    /// Tells whether somebody said as of which moment everything is computed: the request, or the project.
    pub fn moment_is_given(&self) -> bool {
        self.request.as_of.is_some() || self.analysis.project.settings.body.as_of.is_some()
    }

    /// Returns what can be selected, in the order in which it is made; unit tests last.
    pub fn nodes(&self) -> Vec<Node> {
        let Analysis { project, model, .. } = &self.analysis;
        let mut nodes: Vec<Node> = definitions::all(model)
            .iter()
            .map(|definition| Node {
                id: definition.id(),
                tags: definition.meta.tags.clone(),
                path: manifest::path_of(project, definition.meta),
                depends_on: definition.depends_on.clone(),
            })
            .collect();
        nodes.extend(project.tables.tests.iter().map(|test| Node {
            id: Id::new(Table::Test, &test.name),
            tags: test.body.tags.clone(),
            path: project.sources.shown_path(test.source()),
            depends_on: test.body.expect.keys().filter_map(|relation| self.tested(relation.get())).collect(),
        }));
        nodes
    }

    /// Returns the id of the definition whose relation has the name.
    fn tested(&self, relation: &str) -> Option<Id> {
        let plan = &self.analysis.plan;
        plan.node(plan.find(relation)?).definition.as_ref().map(|definition| definition.id.clone())
    }

    /// Returns the ids of what is selected.
    pub fn selected(&self, selection: &Selection) -> Result<BTreeSet<Id>, Obstacle> {
        let nodes = self.nodes();
        Ok(selection::select(&nodes, &selection.select, &selection.exclude)?
            .into_iter()
            .map(|node| node.id.clone())
            .collect())
    }

    /// Returns the ids of what is excluded: nothing else may bring it in.
    pub fn excluded(&self, selection: &Selection) -> Result<BTreeSet<Id>, Obstacle> {
        if selection.exclude.is_empty() {
            return Ok(BTreeSet::new());
        }
        let nodes = self.nodes();
        Ok(selection::select(&nodes, &selection.exclude, &[])?.into_iter().map(|node| node.id.clone()).collect())
    }

    /// Returns the KPIs among definitions.
    pub fn kpis(&self, ids: &BTreeSet<Id>) -> BTreeSet<KpiIndex> {
        let model = &self.analysis.model;
        let is_among = |kpi: &KpiIndex| ids.contains(&model.id(*kpi));
        (0..model.kpis.len()).map(KpiIndex).filter(is_among).collect()
    }

    /// Plans everything without some KPIs, and without those that are left out already and the formulas over all of them.
    /// Those of which `is_kept` says that their rows are where the plan looks for them stay as they are.
    pub fn leave_out(
        &mut self,
        kpis: impl IntoIterator<Item = KpiIndex>,
        is_kept: impl Fn(&plan::node::Plan, KpiIndex) -> bool,
    ) {
        let Analysis { model, plan, .. } = &self.analysis;
        self.left_out.extend(kpis);
        // Formulas come after what they are made of.
        for (index, kpi) in model.kpis.iter().enumerate() {
            if kpi.value.inputs().iter().any(|input| self.left_out.contains(input)) {
                self.left_out.insert(KpiIndex(index));
            }
        }
        let kept = self.left_out.iter().copied().filter(|kpi| is_kept(plan, *kpi)).collect();
        self.analysis.plan = plan::plan_leaving(model, &Leaving { kpis: self.left_out.clone(), kept });
    }

    /// Tells whether all KPIs of a table of cells are left out: it is not made then.
    pub fn is_left_out(&self, id: NodeId) -> bool {
        let relation = &self.analysis.plan.node(id).relation;
        if let Relation::Kpi(kpi) = relation {
            return self.left_out.contains(kpi);
        }
        relation.cells().is_some_and(|cells| cells.all().all(|kpi| self.left_out.contains(&kpi)))
    }

    /// Returns the relations that are selected, in the order of the plan; all of them where nothing is named.
    pub fn part(&self, selection: &Selection) -> Result<Vec<NodeId>, Obstacle> {
        let plan = &self.analysis.plan;
        if selection.is_everything() {
            return Ok((0..plan.nodes.len()).map(NodeId).collect());
        }
        let part = part::part(plan, &self.selected(selection)?);
        if part.is_empty() {
            return Err(
                Obstacle::new("nothing that is made is selected").help("`milepost ls` prints what a selection names")
            );
        }
        Ok(part)
    }

    /// Returns what connects to a target.
    pub fn connection(&mut self, target: &Target) -> Result<warehouse::Target, Obstacle> {
        let root = self.root()?;
        let connection = target.connection(&self.analysis.project, &root, &mut self.diagnostics);
        self.stop_on_errors()?;
        connection.ok_or_else(|| self.mistakes())
    }

    /// Connects to a target.
    pub fn connect(&mut self, target: &Target) -> Result<Box<dyn Warehouse>, Obstacle> {
        warehouse::connect(&self.connection(target)?).map_err(|error| Obstacle::new(error.message))
    }

    /// The same, to read: beside others that read, and without a right to write.
    pub fn connect_to_read(&mut self, target: &Target) -> Result<Box<dyn Warehouse>, Obstacle> {
        warehouse::connect_to_read(&self.connection(target)?).map_err(|error| Obstacle::new(error.message))
    }

    /// Returns the project's folder in full.
    pub fn root(&self) -> Result<PathBuf, Obstacle> {
        let folder = &self.request.root;
        std::path::absolute(folder).map_err(|error| Obstacle::io(format!("resolving `{}`", folder.display()), &error))
    }
}

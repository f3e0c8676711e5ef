//! The tables that definitions are written in, one line a table: everything else that goes through all of them is made from
//! these lines.
//!
//! A layer expands `tables` with a macro of its own, so that what it needs of each table is found by the names in the line:
//! a table that lacks its part of a layer does not compile.

/// Hands every table to a macro: those whose definitions have a meaning, and the others, which may refer to them.
///
/// A line has the table's variant of [`Table`], which is the type of a definition with its meaning too; the name in TOML; what
/// its keys are read into, in a file of `project/tables/`; what all its definitions are called, which is the file of
/// `semantic/` that gives them their meaning too; what names one of them; and what it holds, for editors. The order is that in
/// which definitions are listed, where they do not depend on each other.
macro_rules! tables {
    ($then:ident) => {
        $then! {
            definitions {
                Entity "entity" entity::EntityTable entities EntityIndex "Who is measured, by name.";
                Source "source" source::SourceTable sources SourceIndex "Event logs and other tables, by name.";
                Milestone "milestone" milestone::MilestoneTable milestones MilestoneIndex "What an entity can reach, by name.";
                Kpi "kpi" kpi::KpiTable kpis KpiIndex "What is measured over time, by name.";
                Score "score" score::ScoreTable scores ScoreIndex "Weighted milestones, by name.";
            }
            others {
                Target "target" settings::TargetTable targets "Where relations are made, by name; in project.toml only.";
                Test "test" test::TestTable tests "Unit tests, by name.";
            }
        }
    };
}
pub(crate) use tables;

macro_rules! table {
    (
        definitions { $($own:ident $name:literal $file:ident::$written:ident $all:ident $index:ident $about:literal;)* }
        others { $($other:ident $other_name:literal $other_file:ident::$other_written:ident $others:ident $other_about:literal;)* }
    ) => {
        /// A table of tables: `[milestone.<name>]`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Table {
            $(#[doc = $about] $own,)*
            $(#[doc = $other_about] $other,)*
        }

        impl Table {
            /// All of them.
            pub const ALL: &[Table] = &[$(Table::$own,)* $(Table::$other,)*];

            /// Those whose definitions have a meaning.
            pub const DEFINITIONS: &[Table] = &[$(Table::$own,)*];

            /// Returns its name, as it is written.
            pub fn name(self) -> &'static str {
                match self {
                    $(Table::$own => $name,)*
                    $(Table::$other => $other_name,)*
                }
            }

            /// Says what it holds, for editors.
            pub fn about(self) -> &'static str {
                match self {
                    $(Table::$own => $about,)*
                    $(Table::$other => $other_about,)*
                }
            }
        }
    };
}
tables!(table);

impl Table {
    /// Finds the table of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|table| table.name() == name)
    }

    /// Tells whether its definitions have a meaning, and names that stand in names of relations.
    pub fn has_meaning(self) -> bool {
        Self::DEFINITIONS.contains(&self)
    }

    /// Returns its name behind the article, for messages: `an entity`.
    pub fn with_article(self) -> String {
        let article = if self.name().starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        format!("{article} {}", self.name())
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A definition by its name, as its TOML header has it: `kpi.activation_rate`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// The table that it stands in.
    pub table: Table,
    /// Its name, unique in the table.
    pub name: String,
}

impl Id {
    /// Names a definition.
    pub fn new(table: Table, name: impl Into<String>) -> Self {
        Self { table, name: name.into() }
    }

    /// Reads what [`Id`] prints.
    pub fn parse(text: &str) -> Option<Self> {
        let (table, name) = text.split_once('.')?;
        Some(Self::new(Table::named(table)?, name))
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.table, self.name)
    }
}

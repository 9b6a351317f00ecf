//! Plans: what would change between two sets of definitions, and what that means for those who use them.
//!
//! ```text
//! old ──┐                       ┌─> rendered for a person   plan/render
//!       ├─> Plan { changes } ───┤
//! new ──┘                       └─> a file for `apply`      plan/file
//! ```
//!
//! A plan is exact: applied to the document of the old definitions it gives that of the new ones, to the last field.

mod fields;
mod file;
mod impact;
mod meaning;
mod render;

use std::fmt;

use asof_model::definition::Definitions;
pub use fields::PlanMismatch;
pub use file::{PLAN_FORMAT_VERSION, PlanFile, PlanFileError};
pub use render::render;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::document;

/// The kinds of things that definitions hold, in the order of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// An entity.
    Entity,
    /// A source.
    Source,
    /// A feature view.
    FeatureView,
    /// An on-demand feature view.
    OnDemandFeatureView,
    /// A feature service.
    FeatureService,
}

impl ObjectKind {
    /// Every kind, in the order of a document.
    pub const ALL: [Self; 5] = [
        Self::Entity,
        Self::Source,
        Self::FeatureView,
        Self::OnDemandFeatureView,
        Self::FeatureService,
    ];

    /// The key of the list that holds things of this kind, in YAML and in a document.
    pub fn list(self) -> &'static str {
        match self {
            Self::Entity => "entities",
            Self::Source => "sources",
            Self::FeatureView => "feature_views",
            Self::OnDemandFeatureView => "on_demand_feature_views",
            Self::FeatureService => "feature_services",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Entity => "entity",
            Self::Source => "source",
            Self::FeatureView => "feature view",
            Self::OnDemandFeatureView => "on-demand feature view",
            Self::FeatureService => "feature service",
        })
    }
}

/// What a change means for those who use what is there now; a later one is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeClass {
    /// Nothing that exists changes its answers.
    Safe,
    /// Answers change, or online rows must be made again; names, types and inputs stay.
    Rebuild,
    /// Something that callers use goes away, changes its type, or needs an input that it did not need.
    Breaking,
}

impl fmt::Display for ChangeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Safe => "safe",
            Self::Rebuild => "rebuild",
            Self::Breaking => "breaking",
        })
    }
}

/// Something beside the object itself that a change reaches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum Effect {
    /// The online rows of this view: to be made by the next materialization, or, for a removal, no longer read.
    OnlineKeyspace(String),
    /// This service's columns or inputs are others than before.
    Service(String),
    /// Training sets of this service will differ from those made before.
    TrainingSets(String),
}

/// One difference inside an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "snake_case")]
pub enum FieldChange {
    /// A value comes, goes or becomes another.
    Set {
        /// Keys, and names of list items, from the object down to the value.
        path: Vec<String>,
        /// The value in the old definitions; `None`: there was none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Value>,
        /// The value in the new definitions; `None`: there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Value>,
    },
    /// A list of named items has another order than its items' coming and going explains.
    Reorder {
        /// The way to the list.
        path: Vec<String>,
        /// The names of its items in their new order.
        order: Vec<String>,
    },
}

/// What happens to an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// It is new.
    Add {
        /// Its definition, as in a document.
        definition: Value,
    },
    /// It is there before and after, with these differences; at least one.
    Change {
        /// The differences, in the order of the document.
        fields: Vec<FieldChange>,
    },
    /// It goes.
    Remove {
        /// Its last definition.
        definition: Value,
    },
}

/// What happens to one object, and what that means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What kind of thing it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// What happens to it.
    #[serde(flatten)]
    pub action: Action,
    /// What that means for those who use it.
    pub class: ChangeClass,
    /// What else it reaches, sorted.
    pub affects: Vec<Effect>,
}

/// How many objects a plan adds, changes and removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlanCounts {
    /// Objects that are new.
    pub add: usize,
    /// Objects with differences.
    pub change: usize,
    /// Objects that go.
    pub remove: usize,
}

/// Everything that differs between two sets of definitions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan {
    /// The changes, in the order of a document: by kind, then by name.
    pub changes: Vec<Change>,
}

impl Plan {
    /// What turns `old` into `new`.
    pub fn between(old: &Definitions, new: &Definitions) -> Self {
        let changes = fields::documents(&document::to_json(old), &document::to_json(new));
        let changes = changes.into_iter().map(|(kind, name, action)| {
            let (class, affects) = impact::assess(old, new, kind, &name, &action);
            Change {
                kind,
                name,
                action,
                class,
                affects,
            }
        });
        Self {
            changes: changes.collect(),
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The worst class of its changes; `Safe` when there are none.
    pub fn class(&self) -> ChangeClass {
        self.changes.iter().map(|c| c.class).max().unwrap_or(ChangeClass::Safe)
    }

    /// How many objects it adds, changes and removes.
    pub fn counts(&self) -> PlanCounts {
        let mut counts = PlanCounts::default();
        for change in &self.changes {
            match change.action {
                Action::Add { .. } => counts.add += 1,
                Action::Change { .. } => counts.change += 1,
                Action::Remove { .. } => counts.remove += 1,
            }
        }
        counts
    }

    /// The document that this plan makes of `document`, which must be the one it was made for.
    ///
    /// # Errors
    /// When `document` is another one, by the first place where it is.
    pub fn apply_to(&self, document: &Value) -> Result<Value, PlanMismatch> {
        fields::apply(&self.changes, document)
    }

    /// The plan for machines: its class, its counts and its changes.
    pub fn to_json(&self) -> Value {
        let counts = self.counts();
        json!({
            "class": self.class(),
            "add": counts.add,
            "change": counts.change,
            "remove": counts.remove,
            "changes": self,
        })
    }
}

#[cfg(test)]
mod tests;

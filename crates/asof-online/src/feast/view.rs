//! The views whose rows Feast writes, as they are defined.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use asof_model::definition::{Definitions, FeatureView};
use asof_model::row::RowCodec;
use asof_model::{Keyspace, ProjectName, ViewName};

use super::FeastProblem;
use super::key::Keys;
use super::murmur::murmur3;

/// What must be known of a view to read its rows.
#[derive(Debug)]
pub(super) struct View {
    pub(super) name: ViewName,
    pub(super) keys: Keys,
    /// The fields of its features, in their order, and last that of the event time.
    pub(super) fields: Vec<Vec<u8>>,
    pub(super) rows: RowCodec,
}

impl View {
    fn new(project: &ProjectName, view: &FeatureView) -> Self {
        let features = view.features();
        let field = |feature: &str| {
            murmur3(format!("{}:{feature}", view.name).as_bytes())
                .to_le_bytes()
                .to_vec()
        };
        let mut fields: Vec<Vec<u8>> = features.iter().map(|feature| field(feature.name.as_str())).collect();
        fields.push(format!("_ts:{}", view.name).into_bytes());
        Self {
            name: view.name.clone(),
            keys: Keys::new(project, &view.name, &view.join_keys),
            fields,
            rows: RowCodec::new(&features),
        }
    }
}

/// The views that were told last, and those told before: requests that have begun may still ask for these.
#[derive(Debug, Default)]
pub(super) struct Views {
    known: ArcSwap<Known>,
}

#[derive(Debug, Default)]
struct Known {
    last: HashMap<Keyspace, Arc<View>>,
    before: HashMap<Keyspace, Arc<View>>,
}

impl Views {
    pub(super) fn define(&self, definitions: &Definitions) {
        let project = &definitions.project;
        let views = definitions.feature_views.values().filter_map(|view| {
            let source = definitions.sources.get(&view.source)?;
            let keyspace = Keyspace::of(project, view, source);
            Some((keyspace, Arc::new(View::new(project, view))))
        });
        let last: HashMap<_, _> = views.collect();
        self.known.rcu(|known| Known {
            last: last.clone(),
            before: known.last.clone(),
        });
    }

    /// The view of a keyspace.
    ///
    /// # Errors
    /// When no definition has it.
    pub(super) fn get(&self, keyspace: &Keyspace) -> Result<Arc<View>, FeastProblem> {
        let known = self.known.load();
        let view = known.last.get(keyspace).or_else(|| known.before.get(keyspace));
        view.cloned().ok_or_else(|| FeastProblem::Undefined(keyspace.clone()))
    }
}

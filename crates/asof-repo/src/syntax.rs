//! Definitions as they were written: everything with its place, nothing looked up yet.
//!
//! What has the wrong form is left out here; it has been reported before (see [`shape`](crate::shape)).

mod read;

pub(crate) use read::read;

use asof_model::definition::{ExpectationAction, Metadata};
use asof_model::{ScalarType, TimeSpan, ValueType};

use crate::text::{Span, Spanned};

/// A text with its place: a name, a SQL expression.
pub(crate) type Word = Spanned<String>;

/// The definitions of all files, in the order of files and lines.
#[derive(Debug, Default)]
pub(crate) struct Syntax {
    pub(crate) entities: Vec<EntitySyntax>,
    pub(crate) sources: Vec<SourceSyntax>,
    pub(crate) feature_views: Vec<ViewSyntax>,
    pub(crate) on_demand: Vec<OnDemandSyntax>,
    pub(crate) services: Vec<ServiceSyntax>,
}

impl Syntax {
    /// The names of all entities, as they are written.
    pub(crate) fn entity_names(&self) -> impl Iterator<Item = &str> {
        self.entities.iter().map(|entity| entity.name.value.as_str())
    }

    /// The names of all sources, as they are written.
    pub(crate) fn source_names(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|source| source.name.value.as_str())
    }

    /// The names of all views, those computed on demand included.
    pub(crate) fn view_names(&self) -> impl Iterator<Item = &str> {
        let on_demand = self.on_demand.iter().map(|view| view.name.value.as_str());
        (self.feature_views.iter().map(|view| view.name.value.as_str())).chain(on_demand)
    }
}

#[derive(Debug)]
pub(crate) struct EntitySyntax {
    pub(crate) place: Span,
    pub(crate) name: Word,
    pub(crate) join_keys: Vec<JoinKeySyntax>,
    pub(crate) metadata: Metadata,
}

#[derive(Debug)]
pub(crate) struct JoinKeySyntax {
    pub(crate) name: Word,
    pub(crate) key_type: Option<ScalarType>,
    pub(crate) metadata: Metadata,
}

#[derive(Debug)]
pub(crate) struct SourceSyntax {
    pub(crate) place: Span,
    pub(crate) name: Word,
    pub(crate) path: Option<Word>,
    pub(crate) event_time: Option<TimeSyntax>,
    pub(crate) created_time: Option<TimeSyntax>,
    pub(crate) filter: Option<Word>,
    pub(crate) metadata: Metadata,
}

#[derive(Debug)]
pub(crate) enum TimeSyntax {
    Column(Word),
    Expression(Word),
}

#[derive(Debug)]
pub(crate) struct ViewSyntax {
    pub(crate) place: Span,
    pub(crate) name: Word,
    pub(crate) entities: Vec<Word>,
    pub(crate) source: Option<Word>,
    pub(crate) ttl: Option<TimeSpan>,
    pub(crate) availability_lag: Option<TimeSpan>,
    /// `visible_from: created_time`, and where.
    pub(crate) visible_from_created: Option<Span>,
    pub(crate) filter: Option<Word>,
    /// The place of the key, and the features.
    pub(crate) features: Option<Spanned<Vec<FeatureSyntax>>>,
    /// The place of the key, and the aggregation.
    pub(crate) aggregation: Option<Spanned<AggregationSyntax>>,
    pub(crate) online: bool,
    pub(crate) schedule: Option<String>,
    pub(crate) expect: Vec<ExpectSyntax>,
    pub(crate) metadata: Metadata,
}

impl ViewSyntax {
    /// Its features, of whatever kind.
    pub(crate) fn all_features(&self) -> impl Iterator<Item = &FeatureSyntax> {
        let rows = self.features.iter().flat_map(|features| &features.value);
        rows.chain(self.aggregation.iter().flat_map(|windows| &windows.value.features))
    }
}

#[derive(Debug)]
pub(crate) struct AggregationSyntax {
    pub(crate) every: Option<Spanned<TimeSpan>>,
    pub(crate) features: Vec<FeatureSyntax>,
}

/// A feature of any kind of view, or a request field.
#[derive(Debug)]
pub(crate) struct FeatureSyntax {
    pub(crate) name: Word,
    pub(crate) value_type: Option<Spanned<ValueType>>,
    pub(crate) expr: Option<Word>,
    pub(crate) window: Option<Spanned<TimeSpan>>,
    pub(crate) metadata: Metadata,
}

#[derive(Debug)]
pub(crate) struct ExpectSyntax {
    pub(crate) name: Word,
    pub(crate) expr: Option<Word>,
    pub(crate) action: ExpectationAction,
    pub(crate) metadata: Metadata,
}

#[derive(Debug)]
pub(crate) struct OnDemandSyntax {
    pub(crate) place: Span,
    pub(crate) name: Word,
    pub(crate) request: Vec<FeatureSyntax>,
    pub(crate) inputs: Vec<ProjectionSyntax>,
    pub(crate) features: Vec<FeatureSyntax>,
    pub(crate) metadata: Metadata,
}

#[derive(Debug)]
pub(crate) struct ServiceSyntax {
    pub(crate) place: Span,
    pub(crate) name: Word,
    pub(crate) features: Vec<ProjectionSyntax>,
    /// `default`, `feature` or `view:feature`, with the number.
    pub(crate) impute: Vec<(Word, f64)>,
    pub(crate) metadata: Metadata,
}

#[derive(Debug)]
pub(crate) struct ProjectionSyntax {
    /// The whole entry.
    pub(crate) place: Span,
    pub(crate) view: Word,
    pub(crate) alias: Option<Word>,
    pub(crate) join_key_map: Vec<(Word, Word)>,
    pub(crate) features: Option<Vec<Word>>,
}

impl ProjectionSyntax {
    /// The name under which the view appears.
    pub(crate) fn shown_as(&self) -> &Word {
        self.alias.as_ref().unwrap_or(&self.view)
    }
}

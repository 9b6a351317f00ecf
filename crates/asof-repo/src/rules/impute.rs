//! What stands for missing values is a number of a feature that the service reads.

use asof_model::definition::{Definitions, Feature, OnDemandView, Projection};
use asof_model::{ScalarType, ValueType, ViewName};

use crate::DiagnosticCode;
use crate::syntax::Syntax;
use crate::text::Sink;

/// The key that stands for all features that are not named.
pub(crate) const DEFAULT: &str = "default";

/// A feature of a service, under the name by which its view appears.
pub(crate) struct Served {
    pub(crate) view: ViewName,
    pub(crate) feature: Feature,
}

/// The features that projections read.
pub(crate) fn features(whole: &Definitions, projections: &[Projection]) -> Vec<Served> {
    let mut served = Vec::new();
    for projection in projections {
        let features = match whole.feature_views.get(&projection.view) {
            Some(view) => view.features(),
            None => whole
                .on_demand_feature_views
                .get(&projection.view)
                .map_or_else(Vec::new, OnDemandView::features),
        };
        let asked = |feature: &Feature| {
            let names = projection.features.as_ref();
            names.is_none_or(|names| names.contains(&feature.name))
        };
        served.extend(features.into_iter().filter(asked).map(|feature| Served {
            view: projection.shown_as().clone(),
            feature,
        }));
    }
    served
}

/// The features that `view:feature` or `feature` names.
pub(crate) fn named<'a>(served: &'a [Served], text: &str) -> Vec<&'a Served> {
    let (view, feature) = match text.split_once(':') {
        Some((view, feature)) => (Some(view.trim()), feature.trim()),
        None => (None, text),
    };
    let is_named =
        |one: &&Served| one.feature.name.as_str() == feature && view.is_none_or(|view| one.view.as_str() == view);
    served.iter().filter(is_named).collect()
}

pub(super) fn check(sink: &mut Sink, syntax: &Syntax, whole: &Definitions) {
    for service in &syntax.services {
        let Some(definition) = whole.feature_services.get(service.name.value.as_str()) else {
            continue;
        };
        let served = features(whole, &definition.features);
        for (word, _) in &service.impute {
            if word.value == DEFAULT {
                continue;
            }
            match named(&served, &word.value).as_slice() {
                [] => {
                    let full: Vec<String> = served.iter().map(Served::full).collect();
                    let short = served.iter().map(|one| one.feature.name.as_str());
                    let known = full.iter().map(String::as_str).chain(short).chain([DEFAULT]);
                    sink.error(
                        DiagnosticCode::UnknownFeature,
                        word.span,
                        format!("feature service `{}` has no feature `{}`", definition.name, word.value),
                    )
                    .nearest(&word.value, known)
                    .hint(format!("its features are {}", full.join(", ")));
                }
                [one] => {
                    if !is_number(one.feature.value_type) {
                        sink.error(
                            DiagnosticCode::ImputedType,
                            word.span,
                            format!(
                                "`{}` is {}, which does not become a number, so none can stand for it",
                                one.full(),
                                one.feature.value_type
                            ),
                        )
                        .hint("remove it here; in tensors, leave the feature out of the service");
                    }
                }
                several => {
                    let full: Vec<String> = several.iter().map(|one| format!("`{}`", one.full())).collect();
                    sink.error(
                        DiagnosticCode::UnknownFeature,
                        word.span,
                        format!("`{}` may be {}", word.value, full.join(" or ")),
                    )
                    .hint("write `view:feature`");
                }
            }
        }
    }
}

impl Served {
    fn full(&self) -> String {
        format!("{}:{}", self.view, self.feature.name)
    }
}

/// Whether values of this type become numbers of a tensor.
fn is_number(value_type: ValueType) -> bool {
    let (ValueType::Scalar(scalar) | ValueType::Array(scalar)) = value_type;
    !matches!(scalar, ScalarType::String | ScalarType::Bytes | ScalarType::Timestamp)
}

//! Which views a run is about.

use asof_model::definition::{Definitions, FeatureView, Source};
use asof_model::nearest;

use crate::MaterializeError;

/// The views named, or all that are online when none is named, each once and in the order of their names.
pub(crate) fn views<'a>(
    definitions: &'a Definitions,
    names: &[String],
) -> Result<Vec<(&'a FeatureView, &'a Source)>, MaterializeError> {
    let mut chosen: Vec<&FeatureView> = if names.is_empty() {
        definitions.feature_views.values().filter(|view| view.online).collect()
    } else {
        names
            .iter()
            .map(|name| view(definitions, name))
            .collect::<Result<_, _>>()?
    };
    chosen.sort_by(|a, b| a.name.cmp(&b.name));
    chosen.dedup_by(|a, b| a.name == b.name);
    Ok(chosen
        .into_iter()
        .map(|view| (view, source_of(definitions, view)))
        .collect())
}

/// The view of that name, which must be online.
pub(crate) fn view<'a>(definitions: &'a Definitions, name: &str) -> Result<&'a FeatureView, MaterializeError> {
    if definitions.on_demand_feature_views.contains_key(name) {
        return Err(MaterializeError::OnDemandView { view: name.to_owned() });
    }
    let view = definitions
        .feature_views
        .get(name)
        .ok_or_else(|| MaterializeError::UnknownView {
            view: name.to_owned(),
            hint: nearest::clause(name, definitions.feature_views.keys().map(AsRef::as_ref)),
        })?;
    if view.online {
        Ok(view)
    } else {
        Err(MaterializeError::NotOnline {
            view: view.name.clone(),
        })
    }
}

/// The source of a view of these definitions.
pub(crate) fn source_of<'a>(definitions: &'a Definitions, view: &FeatureView) -> &'a Source {
    definitions
        .sources
        .get(&view.source)
        .expect("references between definitions hold")
}

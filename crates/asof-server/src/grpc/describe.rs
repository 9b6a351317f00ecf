//! What feature services there are, and what each needs and gives.

use asof_model::definition::{Definitions, FeatureService, FeatureView, OnDemandView, ViewBody};
use asof_model::retrieval::{FeatureNames, OutputColumn, RetrievalPlan, ValueRef};
use asof_model::{FeatureName, TimeSpan};
use asof_proto::asof::serving::v1::{
    DescribeFeatureServiceResponse, FeatureDescription, FeatureServiceSummary, Field, ListFeatureServicesResponse,
};
use asof_serving::{Catalog, ServingError};

/// All services by name.
pub(super) fn list(catalog: &Catalog) -> ListFeatureServicesResponse {
    let definitions = catalog.definitions();
    let services = definitions
        .feature_services
        .values()
        .map(|service| FeatureServiceSummary {
            name: service.name.to_string(),
            description: service.metadata.description.clone().unwrap_or_default(),
            feature_count: feature_count(definitions, service) as u32,
        });
    ListFeatureServicesResponse {
        registry_version: catalog.version(),
        project: definitions.project.to_string(),
        feature_services: services.collect(),
    }
}

fn feature_count(definitions: &Definitions, service: &FeatureService) -> usize {
    let all = |view| {
        let rows = definitions.feature_views.get(view).map(|view| view.features().len());
        rows.or_else(|| {
            definitions
                .on_demand_feature_views
                .get(view)
                .map(|view| view.features.len())
        })
    };
    let counts = service.features.iter().map(|projection| match &projection.features {
        Some(features) => features.len(),
        None => all(&projection.view).unwrap_or_default(),
    });
    counts.sum()
}

/// One service, planned with full names: those never clash.
pub(super) fn describe(catalog: &Catalog, name: &str) -> Result<DescribeFeatureServiceResponse, ServingError> {
    let definitions = catalog.definitions();
    let plan = RetrievalPlan::for_service(definitions, name, FeatureNames::Full)?;
    let metadata = definitions
        .feature_services
        .get(name)
        .map(|service| service.metadata.clone());
    let metadata = metadata.unwrap_or_default();
    let keys = plan.join_keys.iter().map(|key| Field {
        name: key.name.to_string(),
        r#type: key.key_type.to_string(),
    });
    let fields = plan.request_fields.iter().map(|field| Field {
        name: field.name.to_string(),
        r#type: field.value_type.to_string(),
    });
    Ok(DescribeFeatureServiceResponse {
        registry_version: catalog.version(),
        name: name.to_owned(),
        description: metadata.description.unwrap_or_default(),
        owner: metadata.owner.unwrap_or_default(),
        tags: metadata.tags,
        entities: by_name(keys),
        request: by_name(fields),
        features: plan.outputs.iter().map(|output| feature(&plan, output)).collect(),
    })
}

fn by_name(fields: impl Iterator<Item = Field>) -> Vec<Field> {
    let mut fields: Vec<Field> = fields.collect();
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    fields
}

fn feature(plan: &RetrievalPlan, output: &OutputColumn) -> FeatureDescription {
    let (description, ttl) = match output.from {
        ValueRef::Lookup { lookup, .. } => {
            let view = &plan.lookups[lookup].view;
            (of_view(view, &output.feature), view.admission.ttl.map(TimeSpan::micros))
        }
        ValueRef::OnDemand { step, .. } => (on_demand(&plan.on_demand[step].view, &output.feature), None),
    };
    FeatureDescription {
        name: output.feature.to_string(),
        view: output.view.to_string(),
        r#type: output.value_type.to_string(),
        description: description.unwrap_or_default(),
        ttl,
    }
}

fn of_view(view: &FeatureView, name: &FeatureName) -> Option<String> {
    match &view.body {
        ViewBody::Rows(features) => features.iter().find(|f| f.name == *name)?.metadata.description.clone(),
        ViewBody::Windows(windows) => windows
            .features
            .iter()
            .find(|f| f.name == *name)?
            .metadata
            .description
            .clone(),
    }
}

fn on_demand(view: &OnDemandView, name: &FeatureName) -> Option<String> {
    view.features
        .iter()
        .find(|f| f.name == *name)?
        .metadata
        .description
        .clone()
}

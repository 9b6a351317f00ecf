//! Every service has a retrieval plan. What the planner refuses and no other rule has reported is reported here.

use asof_model::definition::Definitions;
use asof_model::retrieval::{FeatureNames, RetrievalError, RetrievalPlan};

use crate::DiagnosticCode;
use crate::syntax::{ServiceSyntax, Syntax};
use crate::text::Sink;

pub(super) fn check(sink: &mut Sink, syntax: &Syntax, whole: &Definitions) {
    for service in &syntax.services {
        let name = service.name.value.as_str();
        if !whole.feature_services.contains_key(name) {
            continue;
        }
        let plan = RetrievalPlan::for_service(whole, name, FeatureNames::Short)
            .and_then(|_| RetrievalPlan::for_service(whole, name, FeatureNames::Full));
        if let Err(error) = plan {
            report(sink, service, &error);
        }
    }
}

fn report(sink: &mut Sink, service: &ServiceSyntax, error: &RetrievalError) {
    let code = match error {
        // Other rules have said these with more detail.
        RetrievalError::AskedTwice { .. } | RetrievalError::NameClash { .. } | RetrievalError::TypeClash { .. } => {
            return;
        }
        RetrievalError::InputClash { .. } => DiagnosticCode::InputNameClash,
        _ => DiagnosticCode::UnanswerableService,
    };
    let mut place = service.name.span;
    if let RetrievalError::InputClash { feature, .. } = error {
        let view = feature.split(':').next().unwrap_or_default();
        let asks = service
            .features
            .iter()
            .find(|projection| projection.shown_as().value == view);
        place = asks.map_or(place, |projection| projection.place);
    }
    sink.error(
        code,
        place,
        format!("feature service `{}`: {error}", service.name.value),
    );
}

//! `asof.serving.v1.FeatureServing`.

use std::sync::Arc;

use asof_model::{FeatureStatus, Timestamp};
use asof_proto::asof::serving::v1::feature_serving_server::FeatureServing;
use asof_proto::asof::serving::v1::get_online_features_request::Selection as WireSelection;
use asof_proto::asof::serving::v1::{
    DescribeFeatureServiceRequest, DescribeFeatureServiceResponse, FeatureColumn, FeatureStatus as WireStatus,
    GetOnlineFeaturesRequest, GetOnlineFeaturesResponse, ListFeatureServicesRequest, ListFeatureServicesResponse,
};
use asof_serving::{Prepared, Selection, ServingError};
use tonic::{Request, Response, Status};

use super::{column, describe};
use crate::edge::{Asked, Columns, Edge, merge, names};
use crate::fault::Fault;
use crate::metrics::Surface;

/// Asof's own interface.
#[derive(Debug, Clone)]
pub(crate) struct OwnServing(Arc<Edge>);

impl OwnServing {
    pub(crate) fn new(edge: Arc<Edge>) -> Self {
        Self(edge)
    }

    fn catalog(&self) -> Result<Arc<asof_serving::Catalog>, Fault> {
        Ok(self.0.server.current().ok_or(ServingError::NothingLoaded)?)
    }
}

#[tonic::async_trait]
impl FeatureServing for OwnServing {
    async fn get_online_features(
        &self,
        request: Request<GetOnlineFeaturesRequest>,
    ) -> Result<Response<GetOnlineFeaturesResponse>, Status> {
        let asked = read(request.into_inner());
        let response = self.0.answer(Surface::Grpc, asked).await?;
        Ok(Response::new(write(response)))
    }

    async fn list_feature_services(
        &self,
        _: Request<ListFeatureServicesRequest>,
    ) -> Result<Response<ListFeatureServicesResponse>, Status> {
        let catalog = self.catalog()?;
        Ok(Response::new(describe::list(&catalog)))
    }

    async fn describe_feature_service(
        &self,
        request: Request<DescribeFeatureServiceRequest>,
    ) -> Result<Response<DescribeFeatureServiceResponse>, Status> {
        let catalog = self.catalog()?;
        let name = request.into_inner().feature_service;
        Ok(Response::new(describe::describe(&catalog, &name).map_err(Fault::from)?))
    }
}

fn read(request: GetOnlineFeaturesRequest) -> Result<Asked<impl FnOnce(&Prepared) -> Result<Columns, Fault>>, Fault> {
    let selection = match request.selection {
        Some(WireSelection::FeatureService(name)) => Selection::Service(name),
        Some(WireSelection::Features(list)) => Selection::Features(list.references),
        None => return Err(Fault::Selection("set either `feature_service` or `features`")),
    };
    let maps = [("entities", request.entities), ("request", request.request)];
    Ok(Asked {
        selection,
        names: names(request.full_feature_names),
        columns: |_: &Prepared| merge(maps, column::from_wire),
    })
}

fn write(response: asof_serving::Response) -> GetOnlineFeaturesResponse {
    let features = response.features.into_iter().map(|feature| {
        let times = &feature.event_times;
        // Nothing at all when no row has an event time, as the message says.
        let (event_times, event_time_validity) = if times.iter().all(Option::is_none) {
            (Vec::new(), Vec::new())
        } else {
            let micros = times.iter().map(|time| time.map_or(0, Timestamp::micros)).collect();
            (micros, column::validity(times.len(), |row| times[row].is_some()))
        };
        FeatureColumn {
            values: Some(column::to_wire(&feature.values)),
            statuses: feature
                .statuses
                .iter()
                .map(|status| wire_status(*status).into())
                .collect(),
            event_times,
            event_time_validity,
            view: feature.output.view.to_string(),
            r#type: feature.output.value_type.to_string(),
            name: feature.output.name,
        }
    });
    GetOnlineFeaturesResponse {
        registry_version: response.registry_version,
        row_count: response.rows as u64,
        features: features.collect(),
    }
}

fn wire_status(status: FeatureStatus) -> WireStatus {
    match status {
        FeatureStatus::Present => WireStatus::Present,
        FeatureStatus::NullValue => WireStatus::NullValue,
        FeatureStatus::NotFound => WireStatus::NotFound,
        FeatureStatus::OutsideMaxAge => WireStatus::OutsideMaxAge,
    }
}

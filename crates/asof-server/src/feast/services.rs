//! Both services, which share their one useful method.

use std::sync::Arc;

use asof_proto::feast::grpc_server::grpc_feature_server_server::GrpcFeatureServer;
use asof_proto::feast::grpc_server::{
    PushRequest, PushResponse, WriteToOnlineStoreRequest, WriteToOnlineStoreResponse,
};
use asof_proto::feast::serving::get_online_features_request::Kind;
use asof_proto::feast::serving::serving_service_server::ServingService;
use asof_proto::feast::serving::{
    GetFeastServingInfoRequest, GetFeastServingInfoResponse, GetOnlineFeaturesRequest, GetOnlineFeaturesResponse,
};
use asof_serving::{Prepared, Selection};
use tonic::{Request, Response, Status};

use super::{answer, value};
use crate::edge::{Asked, Columns, Edge, merge, names};
use crate::fault::Fault;
use crate::metrics::Surface;

/// Feast's interfaces.
#[derive(Debug, Clone)]
pub(crate) struct FeastServing(Arc<Edge>);

impl FeastServing {
    pub(crate) fn new(edge: Arc<Edge>) -> Self {
        Self(edge)
    }

    async fn answer(
        &self,
        request: Request<GetOnlineFeaturesRequest>,
    ) -> Result<Response<GetOnlineFeaturesResponse>, Status> {
        let asked = read(request.into_inner());
        let response = self.0.answer(Surface::Feast, asked).await?;
        Ok(Response::new(answer::write(&response)))
    }
}

fn read(request: GetOnlineFeaturesRequest) -> Result<Asked<impl FnOnce(&Prepared) -> Result<Columns, Fault>>, Fault> {
    let selection = match request.kind {
        Some(Kind::FeatureService(name)) => Selection::Service(name),
        Some(Kind::Features(list)) => Selection::Features(list.val),
        None => return Err(Fault::Selection("set either `feature_service` or `features`")),
    };
    let maps = [
        ("entities", request.entities),
        ("request_context", request.request_context),
    ];
    Ok(Asked {
        selection,
        names: names(request.full_feature_names),
        columns: |_: &Prepared| merge(maps, |column| value::from_wire(&column.val)),
    })
}

#[tonic::async_trait]
impl ServingService for FeastServing {
    async fn get_feast_serving_info(
        &self,
        _: Request<GetFeastServingInfoRequest>,
    ) -> Result<Response<GetFeastServingInfoResponse>, Status> {
        Ok(Response::new(GetFeastServingInfoResponse {
            version: concat!("asof ", env!("CARGO_PKG_VERSION")).to_owned(),
        }))
    }

    async fn get_online_features(
        &self,
        request: Request<GetOnlineFeaturesRequest>,
    ) -> Result<Response<GetOnlineFeaturesResponse>, Status> {
        self.answer(request).await
    }
}

#[tonic::async_trait]
impl GrpcFeatureServer for FeastServing {
    async fn push(&self, _: Request<PushRequest>) -> Result<Response<PushResponse>, Status> {
        Err(read_only("Push"))
    }

    async fn write_to_online_store(
        &self,
        _: Request<WriteToOnlineStoreRequest>,
    ) -> Result<Response<WriteToOnlineStoreResponse>, Status> {
        Err(read_only("WriteToOnlineStore"))
    }

    async fn get_online_features(
        &self,
        request: Request<GetOnlineFeaturesRequest>,
    ) -> Result<Response<GetOnlineFeaturesResponse>, Status> {
        self.answer(request).await
    }
}

fn read_only(method: &str) -> Status {
    Status::unimplemented(format!(
        "this server only reads, so it has no {method}; write rows with `asof push` or `asof materialize`"
    ))
}

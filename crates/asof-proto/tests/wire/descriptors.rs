//! The descriptors say what clients that ask for them need.

use asof_proto::FILE_DESCRIPTOR_SET;
use asof_proto::asof::serving::v1::feature_serving_client::FeatureServingClient;
use asof_proto::feast::grpc_server::grpc_feature_server_server;
use asof_proto::feast::serving::serving_service_server;
use prost::Message;
use prost_types::FileDescriptorSet;

#[test]
fn descriptors_have_every_file_and_method() {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut lines = Vec::new();
    for file in &set.file {
        lines.push(file.name().to_owned());
        for service in &file.service {
            for method in &service.method {
                lines.push(format!("  {}/{}", service.name(), method.name()));
            }
        }
    }
    let expected = "\
asof/serving/v1/serving.proto
  FeatureServing/GetOnlineFeatures
  FeatureServing/ListFeatureServices
  FeatureServing/DescribeFeatureService
feast/types/Value.proto
google/protobuf/timestamp.proto
feast/serving/ServingService.proto
  ServingService/GetFeastServingInfo
  ServingService/GetOnlineFeatures
feast/serving/GrpcServer.proto
  GrpcFeatureServer/Push
  GrpcFeatureServer/WriteToOnlineStore
  GrpcFeatureServer/GetOnlineFeatures";
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn services_have_the_names_that_clients_call() {
    assert_eq!(serving_service_server::SERVICE_NAME, "feast.serving.ServingService");
    // Without a package, and so without a dot.
    assert_eq!(grpc_feature_server_server::SERVICE_NAME, "GrpcFeatureServer");
    // There are clients too.
    let _: fn(tonic::transport::Channel) -> FeatureServingClient<_> = FeatureServingClient::new;
}

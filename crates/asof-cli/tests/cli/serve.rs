//! The server as a process: its ports, its answers, new versions, its end.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::{Array, ArrayRef, Float64Array, Int64Array};
use asof_proto::asof::serving::v1::feature_serving_client::FeatureServingClient;
use asof_proto::asof::serving::v1::get_online_features_request::Selection;
use asof_proto::asof::serving::v1::{FeatureStatus, GetOnlineFeaturesRequest, GetOnlineFeaturesResponse};
use serde_json::{Value, json};

use crate::{END, Rides, terminate};

/// `asof serve`, running.
pub(crate) struct Server {
    process: Child,
    log: BufReader<ChildStderr>,
    grpc: String,
    http: String,
}

impl Server {
    pub(crate) fn start(rides: &Rides) -> Result<Self> {
        let mut process = rides
            .asof
            .command([
                "serve",
                "--grpc",
                "127.0.0.1:0",
                "--http",
                "127.0.0.1:0",
                "--output",
                "json",
            ])
            .args(["--poll", "20ms", "--as-of", END])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().context("stdout is piped")?;
        let log = BufReader::new(process.stderr.take().context("stderr is piped")?);
        let mut addresses = serde_json::Deserializer::from_reader(stdout).into_iter::<Value>();
        let addresses = addresses.next().context("the addresses are printed")??;
        let address = |name: &str| addresses[name].as_str().map(str::to_owned);
        Ok(Self {
            process,
            log,
            grpc: address("grpc").context("an address of gRPC")?,
            http: address("http").context("an address of HTTP")?,
        })
    }

    /// Waits for a line of the log with this message, and returns it.
    pub(crate) fn logged(&mut self, message: &str) -> Result<Value> {
        for line in (&mut self.log).lines() {
            let line = line?;
            let event: Value = serde_json::from_str(&line).with_context(|| format!("no JSON: {line}"))?;
            if event["message"] == message {
                return Ok(event);
            }
        }
        anyhow::bail!("the server ended without saying `{message}`")
    }

    /// The status and the body of an answer.
    pub(crate) fn http(&self, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
        let mut connection = TcpStream::connect(&self.http)?;
        write!(
            connection,
            "{method} {path} HTTP/1.1\r\nhost: asof\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer has a body")?;
        let status = head.split(' ').nth(1).context("an answer has a status")?;
        Ok((status.parse()?, body.to_owned()))
    }

    pub(crate) fn ask(&self, service: &str) -> Result<(u16, Value)> {
        let request = json!({
            "feature_service": service,
            "entities": {"driver_id": [1001, 9999], "pickup_distance_km": [7.5, 7.5]},
        });
        let (status, body) = self.http("POST", "/get-online-features", &request.to_string())?;
        Ok((status, serde_json::from_str(&body)?))
    }

    /// A vector over gRPC, or the name of the refusal's code.
    pub(crate) fn ask_over_grpc(&self) -> Result<Result<GetOnlineFeaturesResponse, String>> {
        let drivers: ArrayRef = Arc::new(Int64Array::from(vec![1001]));
        let distances: ArrayRef = Arc::new(Float64Array::from(vec![7.5]));
        let request = GetOnlineFeaturesRequest {
            selection: Some(Selection::FeatureService("acceptance_model".to_owned())),
            entities: [("driver_id".to_owned(), asof_server::to_wire(&drivers))].into(),
            request: [("pickup_distance_km".to_owned(), asof_server::to_wire(&distances))].into(),
            full_feature_names: false,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut client = FeatureServingClient::connect(format!("http://{}", self.grpc)).await?;
            Ok(match client.get_online_features(request).await {
                Ok(answer) => Ok(answer.into_inner()),
                Err(status) => Err(format!("{:?}", status.code())),
            })
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_server_answers_over_both_ports_follows_the_registry_and_drains() -> Result<()> {
    let rides = Rides::online()?;
    let mut server = Server::start(&rides)?;
    assert_eq!(server.http("GET", "/health", "")?.0, 200);
    assert_eq!(server.http("GET", "/ready", "")?.0, 200);

    // The HTTP answer is what the command prints.
    let (status, answer) = server.ask("acceptance_model")?;
    assert_eq!(status, 200, "{answer}");
    let (_, printed) = rides.json([
        "get-online-features",
        "--service",
        "acceptance_model",
        "--entity",
        "driver_id=1001",
        "--entity",
        "driver_id=9999",
        "--request",
        "pickup_distance_km=7.5",
        "--as-of",
        END,
    ])?;
    assert_eq!(answer, printed);
    over_grpc(&server)?;

    // The other port is taken now.
    let taken = rides.refused(["serve", "-q", "--grpc", &server.grpc, "--http", "127.0.0.1:0"])?;
    assert!(
        taken.starts_with(&format!("error: cannot listen for gRPC on {}", server.grpc)),
        "{taken}"
    );

    // A version that is applied while it runs is served without a restart.
    assert_ne!(server.ask("trips_model")?.0, 200);
    rides.edit(
        "feature_services:\n",
        "feature_services:\n  - {name: trips_model, features: [driver_trips, offer]}\n",
    )?;
    rides.asof.succeed(["apply"])?;
    while server.logged("registry version loaded")?["version"] != 2 {}
    let (status, answer) = server.ask("trips_model")?;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["metadata"]["feature_names"][1], "trips_6h");

    terminate(server.process.id())?;
    assert_eq!(server.process.wait()?.code(), Some(0));
    server.logged("draining")?;
    server.logged("stopped")?;
    Ok(())
}

/// The same vector from the other port.
fn over_grpc(server: &Server) -> Result<()> {
    let answer = server.ask_over_grpc()?.map_err(anyhow::Error::msg)?;
    let trips = answer
        .features
        .iter()
        .find(|feature| feature.name == "trips_6h")
        .context("trips_6h is served")?;
    assert_eq!(trips.statuses, [i32::from(FeatureStatus::Present)]);
    let values = asof_server::from_wire(trips.values.clone().context("values")?).map_err(anyhow::Error::msg)?;
    ensure!(values.to_data() == Int64Array::from(vec![71]).to_data(), "{values:?}");
    Ok(())
}

#[test]
fn a_server_without_a_version_runs_and_is_not_ready_until_there_is_one() -> Result<()> {
    let rides = Rides::new()?;
    let mut server = Server::start(&rides)?;
    server.logged("the registry has no version yet; not ready until one is applied")?;
    assert_eq!(server.http("GET", "/health", "")?.0, 200);
    assert_ne!(server.http("GET", "/ready", "")?.0, 200);
    rides.asof.succeed(["apply"])?;
    assert_eq!(server.logged("registry version loaded")?["version"], 1);
    assert_eq!(server.http("GET", "/ready", "")?.0, 200);
    Ok(())
}

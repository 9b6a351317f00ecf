//! `asof serve`: the serving layer.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use asof_model::{TimeSpan, Timestamp};
use asof_server::ServerOptions;
use asof_serving::FeatureServer;
use clap::Args;

use super::clock;
use crate::args::Global;
use crate::error::CliResult;
use crate::printer::Printer;
use crate::workspace::Workspace;

const EXAMPLES: &str = "\
Examples:
  asof serve
  asof serve --grpc 0.0.0.0:6565 --http 0.0.0.0:6566 --output json    (addresses and logs as JSON)
  curl -s localhost:6566/get-online-features -d '{\"feature_service\": \"acceptance_model\",
      \"entities\": {\"driver_id\": [1001], \"pickup_distance_km\": [7.5]}}'";

/// Options of `asof serve`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Where gRPC listens; port 0 lets the system choose.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:6565",
        env = "ASOF_GRPC",
        hide_env_values = true
    )]
    grpc: String,
    /// Where HTTP listens; port 0 lets the system choose.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:6566",
        env = "ASOF_HTTP",
        hide_env_values = true
    )]
    http: String,
    /// How often the registry is asked for a new version.
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    poll: TimeSpan,
    /// The most rows that one request may have.
    #[arg(long, value_name = "N", default_value = "10000")]
    max_rows: NonZeroUsize,
    /// Answer every request as of this time instead of now (RFC 3339).
    #[arg(long, value_name = "T")]
    as_of: Option<Timestamp>,
}

pub(crate) async fn run(global: &Global, args: &ServeArgs, printer: &Printer) -> CliResult {
    let workspace = Workspace::open(global)?;
    let registry = workspace.registry()?;
    // A registry that does not answer now is asked again by the server.
    if let Ok(None) = registry.current_version().await {
        tracing::warn!("the registry has no version yet; not ready until one is applied");
    }
    let store = workspace.online_store().await?;
    if let Err(error) = store.ping().await {
        tracing::warn!(%error, "the online store does not answer; not ready until it does");
    }
    let server = Arc::new(FeatureServer::new(store, clock(args.as_of)));
    let options = ServerOptions {
        poll_interval: Duration::from_micros(args.poll.micros().unsigned_abs()),
        max_rows: args.max_rows.get(),
        ..ServerOptions::new(&args.grpc, &args.http)
    };
    let running = asof_server::serve(options, server, registry).await?;
    let online_store = workspace.settings()?.online_store.to_string();
    if printer.is_json() {
        printer.result(String::new, || {
            serde_json::json!({
                "grpc": running.grpc_addr.to_string(),
                "http": running.http_addr.to_string(),
                "online_store": online_store,
            })
        });
    } else {
        printer.note(format_args!(
            "Serving gRPC on {} and HTTP on {} from {online_store}; Ctrl-C stops",
            running.grpc_addr, running.http_addr
        ));
    }
    let signal = async {
        if let Err(error) = asof_server::terminated().await {
            tracing::error!(%error, "signals cannot be listened for");
        }
    };
    Ok(running.run_until(signal).await?)
}

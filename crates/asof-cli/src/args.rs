//! The command line: global options and the list of commands. A command's own options stand in its module.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    apply, completions, demo, doctor, get_historical_features, get_online_features, history, init, materializations,
    materialize, online, plan, push, rollback, serve, show, training_sets, validate,
};

const EXAMPLES: &str = "\
Examples:
  asof demo                                    see it work, from nothing to a served vector
  asof demo --online redis                     the same, served from a Redis
  asof init rides && cd rides                  a repository to start from
  asof validate && asof plan && asof apply     check definitions, see what changes, make it so
  asof get-historical-features --service acceptance_model --spine spine.csv --out train.parquet
  asof materialize-incremental --to 2026-01-07T23:00:00Z && asof serve";

/// How to name each kind of online store; for the help of commands where that is the question.
pub(crate) const ONLINE_STORES: &str = "\
`online_store` of feature_store.yaml says where features are served from: a folder, or Redis:
  one server  {type: redis, connection_string: \"redis://host:6379/0\"}
  a user      {type: redis, connection_string: \"redis://user:${REDIS_PASSWORD}@host:6379/0\"}
  a socket    {type: redis, connection_string: \"unix:///run/redis/redis.sock\"}
  TLS         {type: redis, connection_string: \"rediss://host:6379/0\", tls: {ca_cert: ca.pem}}
  a cluster   {type: redis, redis_type: redis_cluster,
               connection_string: \"redis://one:6379,two:6379\"}
  sentinels   {type: redis, redis_type: redis_sentinel, sentinel_master: mymaster,
               connection_string: \"redis://one:26379,two:26379/0\"}
`read_from: replica` reads from replicas of a cluster or under sentinels.";

/// An online/offline feature store: training sets and served vectors from the same definitions, never different.
#[derive(Debug, Parser)]
#[command(name = "asof", version, about, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How results are printed: as text and tables for a person, or as one JSON document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    // Without a doc comment each, so that help stays in short lines.
    Human,
    Json,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The feature repository: the folder of `feature_store.yaml`.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = ".",
        env = "ASOF_REPO",
        hide_env_values = true
    )]
    pub(crate) repo: PathBuf,
    /// How results are printed: for a person, or as one JSON document.
    #[arg(long, global = true, value_enum, default_value = "human")]
    pub(crate) output: Output,
    /// Print results and errors only.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log more; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// How much of the machine a command may use. Nothing here changes a result.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Resources")]
pub(crate) struct EngineArgs {
    /// About how much memory may be used, as 2GiB or 500MB; half of what there is unless told.
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub(crate) memory: Option<u64>,
    /// How many threads work; as many as there are processors unless told.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

/// The least memory with which anything can be done.
const LEAST_MEMORY: ByteSize = ByteSize::mib(64);

fn memory_size(text: &str) -> Result<u64, String> {
    let size: ByteSize = text
        .parse()
        .map_err(|_| "that is no size; write a number and a unit, as 2GiB or 500MB".to_owned())?;
    if size < LEAST_MEMORY {
        return Err("that is too little to work in; give at least 64MiB".to_owned());
    }
    Ok(size.as_u64())
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a working repository to start from.
    Init(init::InitArgs),
    /// Report every problem in the repository, not just the first.
    Validate(validate::ValidateArgs),
    /// Print the JSON Schema of the YAML, for editors.
    Schema,
    /// Show what applying the repository would change, and what that affects.
    Plan(plan::PlanArgs),
    /// Make the repository the registry's current version, atomically.
    Apply(apply::ApplyArgs),
    /// List the registry's versions.
    History(history::HistoryArgs),
    /// Make an earlier version's definitions current again, as a new version.
    Rollback(rollback::RollbackArgs),
    /// Show what the registry holds.
    Show(show::ShowArgs),
    /// Join features to a spine, each as it was known at the spine's times.
    GetHistoricalFeatures(get_historical_features::HistoricalArgs),
    /// Make a training set again and compare, or say where its values come from.
    TrainingSets(training_sets::TrainingSetsArgs),
    /// Bring features online: the last row per entity in an interval.
    Materialize(materialize::MaterializeArgs),
    /// Bring online what is new since the last run, late rows included.
    MaterializeIncremental(materialize::IncrementalArgs),
    /// List the runs that bring features online; resume or cancel one.
    Materializations(materializations::MaterializationsArgs),
    /// Look up feature vectors in the online store.
    GetOnlineFeatures(get_online_features::OnlineArgs),
    /// Say what is online and whether it is right; delete what nobody needs.
    Online(online::StoreArgs),
    /// Write feature rows straight to the online store.
    Push(push::PushArgs),
    /// Serve feature vectors over gRPC and HTTP.
    Serve(serve::ServeArgs),
    /// Tell the whole story on real flights, from YAML to a served vector.
    Demo(demo::DemoArgs),
    /// Print a completion script for a shell.
    Completions(completions::CompletionsArgs),
    /// Check that everything the repository needs is there and reachable.
    Doctor(doctor::DoctorArgs),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use asof_repo::{Repository, STORE_FILE, SourceFile};

    #[test]
    fn the_online_stores_of_the_help_are_right() {
        let env = BTreeMap::from([("REDIS_PASSWORD".to_owned(), "s3cret".to_owned())]);
        let stores: Vec<&str> = super::ONLINE_STORES.split("{type").skip(1).collect();
        assert_eq!(stores.len(), 6);
        for store in stores {
            let end = store.rfind('}').expect("a store ends");
            let text = format!("project: p\nonline_store: {{type{}\n", &store[..=end]);
            let file = SourceFile {
                path: STORE_FILE.to_owned(),
                bytes: text.clone().into_bytes(),
            };
            assert_eq!(Repository::parse(&[file], &env, None).diagnostics, [], "{text}");
        }
    }
}

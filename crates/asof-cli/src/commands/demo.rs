//! `asof demo`: the whole story on real flights, each step being what the command beside it does.

mod comparison;
mod online;
mod vector;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use asof_model::{FixedClock, Timestamp};
use asof_server::ServerOptions;
use asof_serving::FeatureServer;
use clap::Args;

use self::comparison::Comparison;
use self::online::{Online, Reached};
use crate::args::{Global, Output};
use crate::commands::get_historical_features::{HistoricalArgs, training_set};
use crate::commands::materialize::IncrementalArgs;
use crate::commands::{apply, init, materialize, plan};
use crate::error::{CliError, CliResult};
use crate::printer::Printer;
use crate::workspace::Workspace;

const NOTES: &str = "\
In Redis the demo is the project `asof_demo`. It reads, writes and removes keys of that project only, and the \
catalog's entries about it, so the database may hold other things; two demos at once in one database disturb each \
other. As any use of Redis by asof it sets `hash-max-listpack-value 512`, where that is allowed, until the server is \
started again.

What --online names is written into `feature_store.yaml`. A password is better put in a variable:
  asof demo --online 'redis://:${REDIS_PASSWORD}@cache.example.com:6379/2'

Examples:
  asof demo
  asof demo flights --online redis
  asof demo --online unix:///run/redis/redis.sock
  asof demo --online redis --remove";

/// Options of `asof demo`.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(crate) struct DemoArgs {
    /// The folder to make; a new one among the temporary files unless told.
    dir: Option<PathBuf>,
    /// Where features go to be served: `embedded`, `redis` (the server at 127.0.0.1:6379), or the URL of one server.
    #[arg(long, value_name = "STORE", default_value = "embedded", hide_default_value = true)]
    online: Online,
    /// Remove what demos left in that Redis, and do nothing else.
    #[arg(long, requires = "online", conflicts_with = "dir")]
    remove: bool,
}

/// The flight whose vector is looked up: JetBlue 1516 of 15 July 2013, by its row in the spine.
const FLIGHT: usize = 264_091;
const SERVICE: &str = "delay_model";

pub(crate) async fn run(global: &Global, args: &DemoArgs, printer: &Printer) -> CliResult {
    // A Redis that is not there shows before anything is made.
    let reached = args.online.reach(printer).await?;
    if args.remove {
        return online::remove(reached.as_ref(), printer).await;
    }
    let dir = match &args.dir {
        Some(dir) => dir.clone(),
        None => tempfile::Builder::new().prefix("asof-demo-").tempdir()?.keep(),
    };
    // The story is told to a person; with JSON its last step alone is data.
    let human = Printer::new(&Global {
        output: Output::Human,
        ..global.clone()
    });
    let story = Story {
        printer,
        human: &human,
        dir: &dir,
        online: &args.online,
        reached: reached.as_ref(),
    };
    story.tell(global).await
}

struct Story<'a> {
    printer: &'a Printer,
    human: &'a Printer,
    dir: &'a Path,
    online: &'a Online,
    /// The Redis that was asked for.
    reached: Option<&'a Reached>,
}

impl Story<'_> {
    async fn tell(&self, global: &Global) -> CliResult {
        let started = Instant::now();
        self.step(
            "A feature repository: all flights that left New York City in 2013",
            "init flights --template flights",
        );
        init::unpack(init::Template::Flights, self.dir)?;
        if let Some(redis) = self.reached {
            self.online.write_to(self.dir)?;
            self.say(redis.prepare().await?);
        }
        let global = Global {
            repo: self.dir.to_owned(),
            ..global.clone()
        };
        let workspace = Workspace::open(&global)?;

        self.step("Every definition is checked, also against the real files", "validate");
        let definitions = workspace.checked(true, self.human).await?;
        self.say(format_args!(
            "{} feature views, {} on-demand view, {} feature service: no problem",
            definitions.feature_views.len(),
            definitions.on_demand_feature_views.len(),
            definitions.feature_services.len()
        ));

        self.step(
            "What would change is a value one can read, keep and apply later",
            "plan",
        );
        let file = plan::make(&workspace, true, self.human).await?;
        let counts = file.plan.counts();
        self.say(format_args!(
            "{} to add, {} to change, {} to remove",
            counts.add, counts.change, counts.remove
        ));

        self.step("One new immutable version, or nothing", "apply -m \"First features\"");
        let info = apply::NoteArgs::saying("First features").info(&workspace).await;
        let snapshot = workspace.registry()?.apply(None, &file.definitions, info).await?;
        self.say(format_args!("registry version {}", snapshot.version));

        self.step(
            "A training set: each flight with what was known one hour before its departure",
            "get-historical-features --service delay_model --spine spine.parquet --out train.parquet",
        );
        let train = self.dir.join("train.parquet");
        let spine = self.dir.join("spine.parquet");
        let clock = Instant::now();
        let summary = training_set(
            &workspace,
            &HistoricalArgs::of(SERVICE, spine, train.clone()),
            &self.human.bars_only(),
        )
        .await?;
        self.say(format_args!(
            "{} rows x {} columns in {:.1} s",
            summary.rows,
            summary.spine_columns + summary.feature_columns,
            clock.elapsed().as_secs_f64()
        ));

        let flight = vector::TrainingRow::read(&train, FLIGHT)?;
        let at = flight.as_of;
        self.step(
            "The same features online, as of that evening in July",
            &format!("materialize-incremental --to {at}"),
        );
        let summary =
            materialize::incremental(&workspace, &IncrementalArgs::up_to(at), &self.human.bars_only()).await?;
        self.say(materialize::human(&summary));

        self.step(
            "The serving layer, asked over gRPC for the vector of a real flight",
            "serve",
        );
        let served = self.ask(&workspace, &flight, at).await?;
        let comparison = Comparison::of(&flight, &served)?;
        let online_store = workspace.settings()?.online_store.to_string();
        self.say(format_args!("{}\n\n{}", flight.title(), comparison.table()));
        self.printer.result(
            || comparison.verdict(),
            || {
                let mut json = comparison.to_json();
                json["online_store"] = online_store.as_str().into();
                json["dir"] = self.dir.display().to_string().into();
                json["seconds"] = started.elapsed().as_secs_f64().into();
                json
            },
        );
        if !comparison.is_equal() {
            return Err(CliError::refused(
                "the training row and the served vector differ; this is a bug, please report it",
            ));
        }
        self.next(at);
        Ok(())
    }

    /// Serves at `at` on free ports, asks once, and stops.
    async fn ask(
        &self,
        workspace: &Workspace,
        flight: &vector::TrainingRow,
        at: Timestamp,
    ) -> CliResult<vector::Served> {
        let server = Arc::new(FeatureServer::new(
            workspace.online_store().await?,
            Arc::new(FixedClock(at)),
        ));
        let options = ServerOptions::new("127.0.0.1:0", "127.0.0.1:0");
        let running = asof_server::serve(options, server, workspace.registry()?).await?;
        let answer = vector::ask(running.grpc_addr, SERVICE, flight).await;
        running.shutdown().await;
        running.wait().await?;
        answer
    }

    fn step(&self, what: &str, command: &str) {
        self.human
            .note(format_args!("\n{}\n  $ asof {command}", self.human.bold(what)));
    }

    fn say(&self, text: impl std::fmt::Display) {
        for line in text.to_string().lines() {
            self.human.note(format_args!("  {line}").to_string().trim_end());
        }
    }

    fn next(&self, at: Timestamp) {
        let dir = init::quoted(self.dir);
        let asof = command();
        self.human.note(format_args!(
            "\n{}\n  cd {dir}\n  {asof} show feature-views\n  {asof} serve --as-of {at}\n  \
             {asof} get-online-features --features carrier_departures --entity carrier=B6 --as-of {at}\n  \
             $EDITOR weather.yaml && {asof} plan",
            self.human.bold("Next")
        ));
        if self.reached.is_some() {
            let text = self.online.to_string();
            // What signs in is not shown.
            let online = if text.contains('@') {
                "…".to_owned()
            } else {
                init::quoted(Path::new(&text))
            };
            self.human.note(format_args!(
                "  {asof} doctor\n  {asof} demo --online {online} --remove"
            ));
        }
    }
}

/// What to type for this program: its name where that is found, else where it lies.
fn command() -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let name = format!("asof{}", std::env::consts::EXE_SUFFIX);
    if std::env::split_paths(&path).any(|folder| folder.join(&name).is_file()) {
        return "asof".to_owned();
    }
    std::env::current_exe().map_or_else(|_| "asof".to_owned(), |exe| exe.display().to_string())
}

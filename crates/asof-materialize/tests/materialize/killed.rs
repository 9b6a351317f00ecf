//! A run that is killed leaves no ledger entry, and running it again ends in the state of an undisturbed run.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use asof_materialize::{NoProgress, Progress, ViewSummary};
use asof_model::ViewName;

use crate::world::{Row, World, at, definitions, ledger, materializer, open_store, row, row_view};

const FOLDER: &str = "ASOF_TEST_KILLED_FOLDER";
const WRITES: &str = "ASOF_TEST_KILLED_WRITES";
const REACHED: &str = "reached";

/// Says on standard output when so many batches are written, and then never goes on.
struct HaltAfter {
    writes: usize,
    done: AtomicUsize,
}

impl Progress for HaltAfter {
    fn view_started(&self, _: &ViewName) {}

    fn planned(&self, _: &ViewName, _: Option<u64>, _: usize) {}

    fn shard_done(&self, _: &ViewName) {}

    fn rows_done(&self, _: &ViewName, _: u64) {
        if self.done.fetch_add(1, Ordering::SeqCst) + 1 == self.writes {
            // A new line, because the test runner has begun one of its own.
            writeln!(std::io::stdout(), "\n{REACHED}").expect("the parent reads");
            loop {
                std::thread::park();
            }
        }
    }

    fn view_finished(&self, _: &ViewSummary) {}
}

/// The run that is killed; it is a test so that the test binary can be told to run it, and does nothing otherwise.
#[tokio::test]
async fn run_until_halted() -> Result<()> {
    let (Ok(folder), Ok(writes)) = (std::env::var(FOLDER), std::env::var(WRITES)) else {
        return Ok(());
    };
    let folder = std::path::Path::new(&folder);
    let definitions = definitions(row_view());
    let materializer = materializer(
        folder,
        &definitions,
        open_store(folder)?,
        ledger(folder),
        |runner| runner.with_rows_per_shard(6),
        None,
    );
    let halt = HaltAfter {
        writes: writes.parse()?,
        done: AtomicUsize::new(0),
    };
    materializer.materialize_incremental(&[], at(100), &halt).await?;
    anyhow::bail!("the run came to its end")
}

#[tokio::test]
async fn killed_after_any_write_and_run_again_it_ends_as_if_undisturbed() -> Result<()> {
    let names: Vec<&'static str> = (0..20)
        .map(|n| &*Box::leak(format!("key{n:02}").into_boxed_str()))
        .collect();
    let rows: Vec<Row> = names
        .iter()
        .enumerate()
        .map(|(n, name)| row(name, n as i64, n as i64))
        .collect();
    for writes in ["1", "3"] {
        let undisturbed = World::new(row_view())?;
        undisturbed.write("1.parquet", &rows)?;
        undisturbed.incremental(100).await?;

        let world = World::new(row_view())?;
        world.write("1.parquet", &rows)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--exact", "killed::run_until_halted", "--nocapture"])
            .env(FOLDER, world.folder.path())
            .env(WRITES, writes)
            .stdout(Stdio::piped())
            .spawn()?;
        let output = BufReader::new(child.stdout.take().context("standard output is piped")?);
        let reached = output.lines().map_while(Result::ok).any(|line| line == REACHED);
        child.kill()?;
        child.wait()?;
        assert!(reached, "the run ended before it was killed");

        let left = world.stored().await?;
        assert!(
            !left.is_empty() && left.len() < rows.len(),
            "{} rows were left",
            left.len()
        );
        assert_eq!(world.ledger().entries(&world.keyspace()).await?, []);
        world
            .materializer()
            .materialize_incremental(&[], at(100), &NoProgress)
            .await?;
        assert_eq!(world.scan().await?, undisturbed.scan().await?);
        assert_eq!(world.ledger().watermark(&world.keyspace()).await?, Some(at(100)));
    }
    Ok(())
}

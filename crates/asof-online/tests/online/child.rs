//! The other process: this test binary, run again with a task.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use asof_online::EmbeddedStore;

use super::sample;

const TASK: &str = "ASOF_ONLINE_TEST_TASK";
const STORE: &str = "ASOF_ONLINE_TEST_STORE";
const SAYS: &str = "child says ";

/// Rows per write of the child that writes until it dies.
pub(crate) const BATCH: i64 = 2_000;

/// Not a test, but the body of the other process: without a task it does nothing.
#[tokio::test]
#[ignore = "run by the other tests"]
async fn body() {
    let (Ok(task), Ok(path)) = (std::env::var(TASK), std::env::var(STORE)) else {
        return;
    };
    let store = EmbeddedStore::open(Path::new(&path)).unwrap();
    match task.as_str() {
        "exchange" => {
            let seen = sample::event_times(&store, 1).await;
            println!("{SAYS}{}", seen[0].map_or(0, asof_model::Timestamp::micros));
            sample::write(&store, 2, 20).await.unwrap();
            println!("{SAYS}written");
        }
        "write until killed" => {
            for event_time in 1.. {
                sample::write(&store, BATCH, event_time).await.unwrap();
                println!("{SAYS}{event_time}");
            }
        }
        "write until full" => {
            for event_time in 1.. {
                if let Err(error) = sample::write(&store, event_time * 100, event_time).await {
                    println!("{SAYS}{event_time}");
                    println!("{SAYS}{:?}", error.kind());
                    println!("{SAYS}{error}");
                    break;
                }
            }
        }
        task => panic!("no such task: {task}"),
    }
}

/// A running child.
pub(crate) struct Other {
    pub(crate) process: Child,
    output: BufReader<ChildStdout>,
}

impl Other {
    pub(crate) fn start(task: &str, store: &Path) -> Self {
        Self::start_by(Command::new(std::env::current_exe().unwrap()), task, store)
    }

    /// Starts it by a command that ends in the path of this binary.
    pub(crate) fn start_by(mut command: Command, task: &str, store: &Path) -> Self {
        let mut process = command
            .args(["--exact", "child::body", "--ignored", "--nocapture"])
            .env(TASK, task)
            .env(STORE, store)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// What it says next; `None` when it has ended.
    pub(crate) fn next(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some((_, said)) = line.split_once(SAYS) {
                return Some(said.trim_end().to_owned());
            }
        }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

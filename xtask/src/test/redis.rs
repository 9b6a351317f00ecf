//! A Redis server for the examples of one document.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

/// How often another port is tried.
const ATTEMPTS: usize = 20;

/// A running server with nothing in it. It ends when dropped.
pub(super) struct Redis {
    process: Child,
    /// What it prints. It stays open, so that it can go on printing.
    log: BufReader<ChildStdout>,
    /// Its port on 127.0.0.1.
    port: u16,
}

impl Redis {
    /// Starts a server that keeps its files in `folder`, and returns when it answers.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
            let mut process = Command::new("redis-server")
                .args([
                    "--bind",
                    "127.0.0.1",
                    "--save",
                    "",
                    "--port",
                    &port.to_string(),
                    "--dir",
                ])
                .arg(folder)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .context("cannot start redis-server")?;
            let log = process.stdout.take().context("its output is piped")?;
            let mut redis = Self {
                process,
                log: BufReader::new(log),
                port,
            };
            // Somebody may have got the port meanwhile; then it ends.
            if redis.is_ready()? {
                return Ok(redis);
            }
        }
        bail!("no port of this machine stayed free for {ATTEMPTS} attempts");
    }

    /// Its address, as `redis://127.0.0.1:<port>`.
    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Reads what it prints until it takes connections; `false` when it ended before.
    fn is_ready(&mut self) -> Result<bool> {
        let mut line = String::new();
        while self.log.read_line(&mut line)? > 0 {
            if line.contains("Ready to accept connections") {
                return Ok(true);
            }
            line.clear();
        }
        Ok(false)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left behind.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

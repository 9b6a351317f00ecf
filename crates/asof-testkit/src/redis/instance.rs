//! One running `redis-server`, be it a server or a sentinel: its folder, port and process.

use std::ffi::{OsStr, OsString};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use super::options::quoted;
use super::process::Process;
use super::protocol::Connection;
use super::wait::wait_for;

/// Where every server listens.
pub(super) const HOST: &str = "127.0.0.1";

/// The user of every server that may do anything, whatever the test makes of the others; the name is its password.
pub(super) const ADMIN: &str = "testkit";

/// How often another port is tried.
const ATTEMPTS: usize = 20;

/// What the log of a server has in it that cannot use its port; the second only before version 7, in a cluster.
const BAD_PORT: [&str; 2] = ["Address already in use", "port number too high"];

/// What the program runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Server,
    Sentinel,
}

/// The program, its port and its folder. Both stay when the process is killed.
#[derive(Debug)]
pub(super) struct Instance {
    folder: TempDir,
    role: Role,
    port: u16,
    process: Option<Process>,
}

impl Instance {
    /// Starts the program with the lines that `config` makes for a port, and returns when it answers.
    pub(super) fn start(role: Role, config: impl Fn(u16) -> Result<String>) -> Result<Self> {
        let mut instance = Self {
            folder: tempfile::Builder::new().prefix("asof-test-").tempdir()?,
            role,
            port: 0,
            process: None,
        };
        for _ in 0..ATTEMPTS {
            instance.port = free_port()?;
            let text = format!(
                "bind {HOST}\nprotected-mode no\nloglevel notice\ndir {}\nunixsocket {}\n{}",
                quoted(&instance.folder.path().to_string_lossy()),
                quoted(&instance.socket().to_string_lossy()),
                config(instance.port)?
            );
            fs_err::write(instance.config(), text)?;
            if instance.try_launch()? {
                return Ok(instance);
            }
        }
        bail!("no port of this machine stayed free for {ATTEMPTS} attempts");
    }

    /// Starts it again after [`Instance::kill`], at the same port.
    pub(super) fn launch(&mut self) -> Result<()> {
        ensure!(!self.is_running(), "port {} has its server already", self.port);
        // Somebody may have got the port meanwhile, as the near end of a connection, say.
        let what = format!("port {} is free again", self.port);
        wait_for(&what, || Ok(self.try_launch()?.then_some(())))
    }

    /// Starts the process and waits until it answers; `false` when a port is not for it.
    fn try_launch(&mut self) -> Result<bool> {
        let mut command = Command::new(program());
        let log = fs_err::File::create(self.log_path())?.into_file();
        command
            .arg(self.config())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        if self.role == Role::Sentinel {
            command.arg("--sentinel");
        }
        let mut process = Process::start(&mut command).with_context(|| missing(&program()))?;
        // The socket is its own and comes after its ports: who answers there is this process, and has them.
        let launched = wait_for("a server answers", || {
            if process.has_ended()? {
                let log = self.log()?;
                ensure!(BAD_PORT.iter().any(|sign| log.contains(sign)), "the server ended early");
                return Ok(Some(false));
            }
            Ok(self.ask(&["PING"]).is_ok_and(|answer| answer == "PONG").then_some(true))
        });
        let launched = launched.with_context(|| format!("its log:\n{}", self.log().unwrap_or_default()))?;
        self.process = launched.then_some(process);
        Ok(launched)
    }

    /// Runs one command as somebody who may do anything.
    pub(super) fn ask(&self, command: &[&str]) -> Result<String> {
        let mut connection = Connection::open(&self.socket())?;
        if self.role == Role::Server {
            connection.ask(&["AUTH", ADMIN, ADMIN])?;
        }
        connection.ask(command)
    }

    /// Ends it with SIGKILL, if it runs.
    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    pub(super) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    pub(super) fn process(&self) -> Result<&Process> {
        let process = self.process.as_ref();
        process.with_context(|| format!("the server at port {} was killed; start it again first", self.port))
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn address(&self) -> String {
        format!("{HOST}:{}", self.port)
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// The file with the data that it reads when it starts, if there is one.
    pub(super) fn dump(&self) -> PathBuf {
        self.folder.path().join("dump.rdb")
    }

    /// What it has printed since it was started last.
    pub(super) fn log(&self) -> Result<String> {
        Ok(fs_err::read_to_string(self.log_path())?)
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("redis.log")
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("redis.conf")
    }
}

/// What is run, be it a server or a sentinel.
fn program() -> OsString {
    std::env::var_os("ASOF_TEST_REDIS_SERVER").unwrap_or_else(|| "redis-server".into())
}

fn missing(program: &OsStr) -> String {
    format!(
        "{} does not start; install the Debian package redis-server",
        program.display()
    )
}

/// The first number of the program's version.
pub(super) fn major_version() -> Result<u32> {
    static FOUND: OnceLock<u32> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Ok(*found);
    }
    let output = Command::new(program()).arg("--version").output();
    let output = output.with_context(|| missing(&program()))?;
    // As in `Redis server v=7.0.15 sha=00000000:0 …`.
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_once(" v=").and_then(|(_, rest)| rest.split_once('.'));
    let (major, _) = version.with_context(|| format!("there is no version in {text:?}"))?;
    let major = major.parse()?;
    Ok(*FOUND.get_or_init(|| major))
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((HOST, 0))?.local_addr()?.port())
}

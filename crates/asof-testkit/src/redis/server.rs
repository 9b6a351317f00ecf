//! One Redis server.

use std::fmt::Write;

use anyhow::{Context, Result};

use super::instance::{ADMIN, HOST, Instance, Role, free_port, major_version};
use super::options::{RedisOptions, quoted};
use super::wait::wait_until;

/// A running Redis server with nothing in it; it ends when dropped, or with the test.
#[derive(Debug)]
pub struct RedisServer {
    instance: Instance,
    has_tls: bool,
}

impl RedisServer {
    /// Where it listens.
    pub const HOST: &str = HOST;

    /// Starts a server and returns when it answers; a replica when it has its primary's data.
    ///
    /// # Errors
    /// When there is no `redis-server`, or it does not come up; its log is in the error.
    pub fn start(options: RedisOptions) -> Result<Self> {
        Self::start_as(options, Mode::Alone)
    }

    pub(super) fn start_as(options: RedisOptions, mode: Mode) -> Result<Self> {
        let server = Self {
            instance: Instance::start(Role::Server, |port| config(&options, mode, port))?,
            has_tls: options.tls.is_some(),
        };
        if options.is_replica {
            server.await_link()?;
        }
        Ok(server)
    }

    /// The port of its host, for plain connections or, when it was started so, for TLS.
    pub fn port(&self) -> u16 {
        self.instance.port()
    }

    /// Host and port, as `127.0.0.1:<port>`.
    pub fn address(&self) -> String {
        self.instance.address()
    }

    /// The URL of its port, as `redis://127.0.0.1:<port>`, or `rediss://` with TLS.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme(), self.address())
    }

    /// The URL that signs in as a user; name and password are taken as they are, so have none of `:@/%`.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("{}://{user}:{password}@{}", self.scheme(), self.address())
    }

    /// The URL of its socket, as `unix://<absolute path>`. Plain also where the port speaks TLS.
    pub fn unix_url(&self) -> String {
        format!("unix://{}", self.instance.socket().display())
    }

    /// Runs one command as a user who may do anything, and returns its answer as text: nothing for nil, and an array
    /// with one line for each element.
    ///
    /// # Errors
    /// When the server answers with an error, does not run, is silent for half a minute, or its answer is not UTF-8.
    pub fn cli(&self, command: &[&str]) -> Result<String> {
        self.instance
            .ask(command)
            .with_context(|| format!("the server is {}", self.address()))
    }

    /// The value of a field of `INFO`, such as `role` or `used_memory`.
    ///
    /// # Errors
    /// When the server does not answer, or has no such field.
    pub fn info(&self, field: &str) -> Result<String> {
        let info = self.cli(&["INFO", "everything"])?;
        let value = info
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let value = value.with_context(|| format!("INFO of {} has no field {field}", self.address()))?;
        Ok(value.to_owned())
    }

    /// Ends it with SIGKILL, as a crash would; its port and socket stay reserved for a restart. Nothing when it is down.
    pub fn kill(&mut self) {
        self.instance.kill();
    }

    /// Says whether it has been started and not killed since; a paused server runs.
    pub fn is_running(&self) -> bool {
        self.instance.is_running()
    }

    /// Starts it after [`RedisServer::kill`], with what it saved last, at the same port, with the same settings.
    ///
    /// # Errors
    /// When it runs, or does not come up.
    pub fn start_again(&mut self) -> Result<()> {
        self.instance.launch()
    }

    /// Kills it, if it runs, and starts it with nothing in it, at the same port, with the same settings.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart_empty(&mut self) -> Result<()> {
        self.kill();
        // A replica has a file with what its primary sent.
        match fs_err::remove_file(self.instance.dump()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => self.instance.launch(),
        }
    }

    /// Saves what it has, kills it, and starts it with that, at the same port, with the same settings.
    ///
    /// # Errors
    /// When it does not run, or does not come up.
    pub fn restart_keeping_data(&mut self) -> Result<()> {
        self.cli(&["SAVE"])?;
        self.kill();
        self.start_again()
    }

    /// Stops it where it is: it takes connections, as the system does that, and answers nothing.
    ///
    /// # Errors
    /// When it was killed.
    pub fn pause(&self) -> Result<()> {
        self.instance.process()?.pause()
    }

    /// Lets it go on after [`RedisServer::pause`], with all that was sent meanwhile.
    ///
    /// # Errors
    /// When it was killed.
    pub fn resume(&self) -> Result<()> {
        self.instance.process()?.resume()
    }

    /// The number of its process, which changes with every restart.
    ///
    /// # Errors
    /// When it was killed.
    pub fn process_id(&self) -> Result<u32> {
        Ok(self.instance.process()?.id())
    }

    /// What it has printed since it was started last.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn log(&self) -> Result<String> {
        self.instance.log()
    }

    /// Waits until it is a replica that has its primary's data.
    pub(super) fn await_link(&self) -> Result<()> {
        let what = format!("the replica {} has its primary's data", self.address());
        wait_until(&what, || self.is_linked())
    }

    /// Says whether it is a replica that has its primary's data.
    pub(super) fn is_linked(&self) -> Result<bool> {
        Ok(self.info("role")? == "slave" && self.info("master_link_status")? == "up")
    }

    fn scheme(&self) -> &'static str {
        if self.has_tls { "rediss" } else { "redis" }
    }
}

/// What a server is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Alone,
    Cluster,
}

/// The lines of `redis.conf`, with what the test sets last, so that it wins.
fn config(options: &RedisOptions, mode: Mode, port: u16) -> Result<String> {
    let mut text = format!(
        "save \"\"\nappendonly no\nrepl-diskless-sync-delay 0\n\
         user {ADMIN} on >{ADMIN} ~* &* +@all\nmasteruser {ADMIN}\nmasterauth {ADMIN}\n"
    );
    let is_old = major_version()? < 7;
    if !is_old {
        text.push_str("enable-debug-command yes\n");
    }
    match &options.tls {
        None => writeln!(text, "port {port}")?,
        Some(certificates) => {
            writeln!(text, "port 0\ntls-port {port}\ntls-auth-clients yes")?;
            for (setting, path) in [
                ("tls-ca-cert-file", certificates.ca_path()),
                ("tls-cert-file", certificates.server_cert_path()),
                ("tls-key-file", certificates.server_key_path()),
            ] {
                writeln!(text, "{setting} {}", quoted(&path.to_string_lossy()))?;
            }
        }
    }
    if mode == Mode::Cluster {
        text.push_str("cluster-enabled yes\n");
        // Before version 7 nodes talk to each other at the port plus 10000.
        if !is_old {
            writeln!(text, "cluster-port {}", free_port()?)?;
        }
    }
    for (setting, value) in &options.settings {
        writeln!(text, "{setting} {value}")?;
    }
    Ok(text)
}

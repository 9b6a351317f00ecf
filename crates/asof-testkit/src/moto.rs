//! An object store that speaks S3: PyPI's `moto_server` on a free port of this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// A running S3 server with one empty bucket; it ends when dropped.
#[derive(Debug)]
pub struct MotoServer {
    server: Child,
    address: String,
}

impl MotoServer {
    /// The bucket that is there.
    pub const BUCKET: &'static str = "asof-test";

    /// Starts the server named by `ASOF_TEST_MOTO_SERVER`, or else `moto_server` on the `PATH`, and makes the bucket.
    ///
    /// `None` when neither is there and the variable is unset: the caller says that it skips, and why.
    ///
    /// # Errors
    /// When the server is there and does not come up.
    pub fn start() -> Result<Option<Self>> {
        let named = std::env::var_os("ASOF_TEST_MOTO_SERVER");
        let program = named.clone().unwrap_or_else(|| "moto_server".into());
        // Port 0 lets the system pick; the server's log says which port that was.
        let started = Command::new(&program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut server = match started {
            Ok(server) => server,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{} does not start", program.display())),
        };
        let log = BufReader::new(server.stderr.take().context("the server's log is piped")?);
        let mut server = Self {
            server,
            address: String::new(),
        };
        server.address = server.read_address(log)?;
        server.create_bucket()?;
        Ok(Some(server))
    }

    /// The server's URL, as `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL of a place in the bucket.
    pub fn url(&self, path: &str) -> String {
        format!("s3://{}/{path}", Self::BUCKET)
    }

    /// The object-store options that reach the server: endpoint, region, made-up keys, plain HTTP allowed.
    pub fn options(&self) -> Vec<(String, String)> {
        [
            ("aws_endpoint", self.endpoint().as_str()),
            ("aws_region", "us-east-1"),
            ("aws_access_key_id", "test"),
            ("aws_secret_access_key", "test"),
            ("aws_allow_http", "true"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    /// Reads the log up to the line with the address; a thread then drains the rest, so that the pipe never fills.
    fn read_address(&self, mut log: BufReader<std::process::ChildStderr>) -> Result<String> {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            if log.read_line(&mut line)? == 0 {
                anyhow::bail!("moto_server (process {}) ended early:\n{seen}", self.server.id());
            }
            if let Some((_, address)) = line.split_once("http://") {
                std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
                return Ok(address.split_whitespace().next().unwrap_or_default().to_owned());
            }
            seen.push_str(&line);
        }
    }

    fn create_bucket(&self) -> Result<()> {
        let mut connection = TcpStream::connect(&self.address).context("moto_server takes no connection")?;
        let request = format!(
            "PUT /{} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            Self::BUCKET,
            self.address
        );
        connection.write_all(request.as_bytes())?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        let status = answer.lines().next().unwrap_or_default();
        anyhow::ensure!(status.contains(" 200 "), "moto_server made no bucket: {status}");
        Ok(())
    }
}

impl Drop for MotoServer {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left behind.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_comes_up_with_its_bucket() -> Result<()> {
        let Some(server) = MotoServer::start()? else {
            println!("skipped: moto_server is not installed (pip install 'moto[server]')");
            return Ok(());
        };
        server.create_bucket()?;
        assert!(server.endpoint().starts_with("http://127.0.0.1:"));
        Ok(())
    }
}

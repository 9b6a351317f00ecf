//! As much of Redis' protocol as one command and its answer need, over a server's socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// A connection to one server.
#[derive(Debug)]
pub(super) struct Connection {
    stream: BufReader<UnixStream>,
}

impl Connection {
    pub(super) fn open(socket: &Path) -> Result<Self> {
        let stream =
            UnixStream::connect(socket).with_context(|| format!("no server listens on {}", socket.display()))?;
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Runs one command and returns its answer as text: nothing for nil, one line for each element of an array.
    ///
    /// # Errors
    /// When the server answers with an error, is silent, or goes away.
    pub(super) fn ask(&mut self, command: &[&str]) -> Result<String> {
        let mut request = Vec::new();
        write!(request, "*{}\r\n", command.len())?;
        for part in command {
            write!(request, "${}\r\n{part}\r\n", part.len())?;
        }
        self.stream.get_mut().write_all(&request)?;
        self.answer()
            .with_context(|| format!("the command was {}", command.join(" ")))
    }

    fn answer(&mut self) -> Result<String> {
        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).context("the answer has an empty line")?;
        match kind {
            "+" | ":" => Ok(rest.to_owned()),
            "-" => bail!("{rest}"),
            "$" => match rest.parse::<i64>()? {
                length @ 0.. => self.bytes(length as usize),
                _ => Ok(String::new()),
            },
            "*" => {
                // A nil array has the length -1, and no elements either.
                let elements = (0..rest.parse::<i64>()?)
                    .map(|_| self.answer())
                    .collect::<Result<Vec<_>>>()?;
                Ok(elements.join("\n"))
            }
            _ => bail!("the answer is not of Redis' protocol: {line}"),
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None => bail!("the server went away after {line:?}"),
        }
    }

    fn bytes(&mut self, length: usize) -> Result<String> {
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes)?;
        bytes.truncate(length);
        String::from_utf8(bytes).context("the answer is not UTF-8; ask with a client of your own")
    }
}

//! As much of Redis' protocol as is needed.

use std::io::{BufRead, BufReader, Error, Read, Result, Write};
use std::net::TcpStream;

/// What Redis answers.
pub(crate) enum Reply {
    /// A text, a status or a number.
    Text(Vec<u8>),
    Nothing,
    Array(Vec<Self>),
}

impl Reply {
    pub(crate) fn text(self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text),
            Self::Nothing | Self::Array(_) => None,
        }
    }
}

/// A connection, and what is to be sent over it next.
pub(crate) struct Link {
    from: BufReader<TcpStream>,
    to: TcpStream,
    commands: Vec<u8>,
}

impl Link {
    pub(crate) fn open(address: &str) -> Result<Self> {
        let to = TcpStream::connect(address)?;
        to.set_nodelay(true)?;
        Ok(Self {
            from: BufReader::with_capacity(1 << 20, to.try_clone()?),
            to,
            commands: Vec::new(),
        })
    }

    pub(crate) fn add(&mut self, words: &[&[u8]]) {
        self.commands
            .extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        for word in words {
            self.commands
                .extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            self.commands.extend_from_slice(word);
            self.commands.extend_from_slice(b"\r\n");
        }
    }

    pub(crate) fn send(&mut self) -> Result<()> {
        self.to.write_all(&self.commands)?;
        self.commands.clear();
        Ok(())
    }

    pub(crate) fn ask(&mut self, words: &[&[u8]]) -> Result<Reply> {
        self.add(words);
        self.send()?;
        self.reply()
    }

    pub(crate) fn reply(&mut self) -> Result<Reply> {
        let mut line = Vec::new();
        self.from.read_until(b'\n', &mut line)?;
        let line = line
            .strip_suffix(b"\r\n")
            .ok_or_else(|| Error::other("the connection was closed"))?;
        let (kind, rest) = line.split_first().ok_or_else(|| Error::other("an empty answer"))?;
        let length = || String::from_utf8_lossy(rest).parse::<i64>().map_err(Error::other);
        match kind {
            b'+' | b':' => Ok(Reply::Text(rest.to_vec())),
            b'-' => Err(Error::other(String::from_utf8_lossy(rest).into_owned())),
            b'$' => match length()? {
                -1 => Ok(Reply::Nothing),
                length => {
                    let mut text = vec![0; length as usize + 2];
                    self.from.read_exact(&mut text)?;
                    text.truncate(length as usize);
                    Ok(Reply::Text(text))
                }
            },
            b'*' => (0..length()?.max(0))
                .map(|_| self.reply())
                .collect::<Result<_>>()
                .map(Reply::Array),
            _ => Err(Error::other("an answer of an unknown kind")),
        }
    }
}

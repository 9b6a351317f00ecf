//! Scripts that run in Redis.

use redis::{Cmd, Script, ServerErrorKind, Value, cmd};

use super::RedisProblem;
use super::batch::{Batch, Shape};
use super::link::Open;

/// A script, sent by its hash, and whole to servers that do not know it yet.
pub(super) struct StoredScript {
    text: &'static str,
    hash: String,
}

/// One call of a script. The first key says where it runs; in a cluster all must have one slot.
pub(super) struct Call {
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) arguments: Vec<Vec<u8>>,
}

impl StoredScript {
    pub(super) fn new(text: &'static str) -> Self {
        Self {
            text,
            hash: Script::new(text).get_hash().to_owned(),
        }
    }

    /// What the calls come to, in their order.
    pub(super) async fn run(&self, open: &Open, shape: Shape, calls: &[Call]) -> Result<Vec<Value>, RedisProblem> {
        let all: Vec<usize> = (0..calls.len()).collect();
        let mut values = self.send(open, shape, calls, &all, false).await?;
        let unknown: Vec<usize> = (0..values.len()).filter(|call| is_unknown(&values[*call])).collect();
        let again = self.send(open, shape, calls, &unknown, true).await?;
        for (call, value) in unknown.into_iter().zip(again) {
            values[call] = value;
        }
        Ok(values)
    }

    async fn send(
        &self,
        open: &Open,
        shape: Shape,
        calls: &[Call],
        chosen: &[usize],
        whole: bool,
    ) -> Result<Vec<Value>, RedisProblem> {
        let mut batch = Batch::new(shape, chosen.len());
        for call in chosen.iter().map(|call| &calls[*call]) {
            batch.push(&call.keys[0], self.command(call, whole));
        }
        batch.run(open).await
    }

    fn command(&self, call: &Call, whole: bool) -> Cmd {
        let mut command = cmd(if whole { "EVAL" } else { "EVALSHA" });
        command.arg(if whole { self.text } else { &self.hash });
        command.arg(call.keys.len());
        for text in call.keys.iter().chain(&call.arguments) {
            command.arg(text.as_slice());
        }
        command
    }
}

fn is_unknown(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoScript))
}

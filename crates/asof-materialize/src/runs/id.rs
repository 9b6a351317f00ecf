//! Names of runs.

use std::fmt;
use std::str::FromStr;

use asof_model::ViewName;

/// Names a run: `view-inputs-attempt`, such as `origin_weather-00f3a9c51b2d4e67-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId {
    /// The view.
    pub view: ViewName,
    /// What the run has to do, hashed.
    pub inputs: u64,
    /// Counts the runs that had that to do, from 1.
    pub attempt: u32,
}

/// A text that names no run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no run; `asof materializations list` shows their names")]
pub struct InvalidRunId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}-{}", self.view, self.inputs, self.attempt)
    }
}

impl FromStr for RunId {
    type Err = InvalidRunId;

    /// The form of `Display`, and no other.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let mut parts = text.rsplitn(3, '-');
            let (attempt, inputs, view) = (parts.next()?, parts.next()?, parts.next()?);
            let id = Self {
                view: view.parse().ok()?,
                inputs: u64::from_str_radix(inputs, 16).ok()?,
                attempt: attempt.parse().ok()?,
            };
            (id.to_string() == text).then_some(id)
        };
        parse().ok_or_else(|| InvalidRunId(text.to_owned()))
    }
}

//! What runs of one program took.

use anyhow::{Context, Result};
use serde_json::Value;

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds, user and system.
    pub(crate) cpu: f64,
    /// The peak of resident memory.
    pub(crate) peak_mib: f64,
    /// The processors that other programs used meanwhile.
    pub(crate) others: f64,
    /// The JSON document that the program printed, if it printed one.
    pub(crate) printed: Value,
}

/// All runs of a program.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs {
    /// Those that ended well.
    pub(crate) samples: Vec<Sample>,
    /// Why the last one that did not end well did not.
    pub(crate) failure: Option<String>,
    /// What was made, in short: each that there was, once.
    pub(crate) digests: Vec<String>,
}

impl Sample {
    /// Reads what `measure.py` prints; the inner error says why a run did not end well.
    pub(crate) fn parse(text: &str) -> Result<Result<Self, String>> {
        let value: Value = serde_json::from_str(text).context("a measurement is one JSON document")?;
        let number = |key: &str| {
            value[key]
                .as_f64()
                .with_context(|| format!("a measurement has `{key}`"))
        };
        if let Some(limit) = value["killed"].as_str() {
            return Ok(Err(format!(
                "stopped after {:.0} s with {:.1} GiB: the limit of {limit}",
                number("wall")?,
                number("peak_mib")? / 1024.0
            )));
        }
        if value["code"] != 0 {
            let lines = || value["stderr"].as_str().unwrap_or_default().trim().lines();
            let said = lines().find(|line| line.starts_with("error")).or(lines().last());
            return Ok(Err(format!(
                "exit code {}: {}",
                value["code"],
                said.unwrap_or("no word")
            )));
        }
        let printed = value["stdout"].as_str().unwrap_or_default();
        Ok(Ok(Self {
            wall: number("wall")?,
            cpu: number("cpu")?,
            peak_mib: number("peak_mib")?,
            others: number("others")?,
            printed: serde_json::from_str(printed).unwrap_or_default(),
        }))
    }

    /// With the seconds that the program says its work took, without its own beginning.
    pub(crate) fn of_the_work(self) -> Result<Self> {
        let seconds = |key: &str| self.printed[key].as_f64().context("a floor prints its seconds");
        Ok(Self {
            wall: seconds("wall")?,
            cpu: seconds("cpu")?,
            ..self
        })
    }
}

impl Runs {
    /// How the last run went, for a person who waits.
    pub(crate) fn last(&self) -> String {
        match (&self.failure, self.samples.last()) {
            (Some(failure), _) => failure.clone(),
            (None, Some(sample)) => format!(
                "{:.2} s wall, {:.2} s CPU, {:.0} MiB, others {:.2}",
                sample.wall, sample.cpu, sample.peak_mib, sample.others
            ),
            (None, None) => "not yet".to_owned(),
        }
    }

    pub(crate) fn wall(&self) -> Option<f64> {
        median(self.samples.iter().map(|sample| sample.wall))
    }

    pub(crate) fn cpu(&self) -> Option<f64> {
        median(self.samples.iter().map(|sample| sample.cpu))
    }

    /// The highest peak of all runs.
    pub(crate) fn peak_mib(&self) -> Option<f64> {
        self.samples.iter().map(|sample| sample.peak_mib).reduce(f64::max)
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
    }

    #[test]
    fn a_run_that_did_not_end_well_says_why() {
        let text = |code: i32, killed: &str| {
            format!(
                r#"{{"wall": 2.0, "cpu": 1.0, "peak_mib": 2048.0, "others": 0.1, "code": {code}, "killed": {killed},
                    "stdout": "{{\"wall\": 0.5, \"cpu\": 0.25}}", "stderr": "one\ntwo\n"}}"#
            )
        };
        let sample = Sample::parse(&text(0, "null")).unwrap().unwrap().of_the_work().unwrap();
        assert_eq!((sample.wall, sample.cpu, sample.peak_mib), (0.5, 0.25, 2048.0));
        let failure = |code, killed| Sample::parse(&text(code, killed)).unwrap().unwrap_err();
        assert_eq!(failure(1, "null"), "exit code 1: two");
        assert_eq!(
            failure(-9, "\"memory\""),
            "stopped after 2 s with 2.0 GiB: the limit of memory"
        );
    }
}

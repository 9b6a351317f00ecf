//! `cargo xtask bench pit`: a training set by Asof and by what users would pick instead, from the same files.
//!
//! Each program is a process of its own, from its start to its end; of Asof that is `get-historical-features`, while
//! `apply` ran before. Runs are interleaved, what each made is checked by checksum outside the clock, and the floor is
//! in every run.

mod cases;
mod report;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::block;
use super::contest::{Check, Contest, Kind, Peer, named};
use super::lab::{Lab, LabArguments};
use crate::command;
use crate::workspace::Workspace;
use cases::PEERS;

/// The options.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    lab: LabArguments,
    /// How much data; several with commas
    #[arg(long, value_enum, ignore_case = true, value_delimiter = ',', default_value = "S")]
    scale: Vec<Scale>,
    /// These peers only, or `none`; the best of each scale if not given
    #[arg(long, value_delimiter = ',', value_name = "NAMES", conflicts_with = "all_peers")]
    peers: Option<Vec<String>>,
    /// All peers there are, which installs more and takes long
    #[arg(long)]
    all_peers: bool,
    /// Run Asof with these bounds of memory; `2GiB,8GiB` at L if not given
    #[arg(long, value_delimiter = ',', value_name = "SIZES")]
    memory: Vec<String>,
    /// Further questions, at the first of the scales
    #[arg(long, value_enum, value_delimiter = ',')]
    also: Vec<Also>,
    /// Compare with the oracle in plain Python, too: all rows at T and S, each 50th at M, each 500th at L
    #[arg(long)]
    oracle: bool,
}

/// Feature rows × spine rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Scale {
    /// 20 k × 2 k: to try the scripts
    T,
    /// 1 M × 100 k
    S,
    /// 20 M × 1 M
    M,
    /// 100 M × 10 M
    L,
}

/// Further questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Also {
    /// One thread against two
    Threads,
    /// Three views on one key against twelve
    Views,
    /// Spines of 10,000 rows: of the last day, and of all days
    Spines,
}

impl Scale {
    pub(crate) fn name(self) -> &'static str {
        ["T", "S", "M", "L"][self as usize]
    }

    /// In words.
    pub(crate) fn size(self) -> &'static str {
        [
            "20 thousand feature rows × 2 thousand spine rows",
            "1 million feature rows × 100 thousand spine rows",
            "20 million feature rows × 1 million spine rows",
            "100 million feature rows × 10 million spine rows",
        ][self as usize]
    }

    /// Each row of the spine that the oracle answers.
    fn every(self) -> u32 {
        [1, 1, 50, 500][self as usize]
    }
}

/// What was measured at a scale.
pub(crate) struct Measured {
    pub(crate) scale: Scale,
    pub(crate) contest: Contest,
    /// Whether the oracle agrees, if it was asked.
    pub(crate) oracle: Option<bool>,
}

/// Runs it.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    // Names that do not exist are told before anything is built.
    let needs_all = arguments.peers(Scale::T)?.iter().any(|peer| peer.package == "pandas");
    let lab = Lab::prepare(workspace, "pit", needs_all, &arguments.lab)?;
    let mut all = Vec::new();
    for (at, &scale) in arguments.scale.iter().enumerate() {
        command::run(lab.script("generate.py").arg(&lab.data).arg(scale.name()))?;
        let bench = Bench {
            data: lab.data.join(scale.name()),
            out: lab.folder.join(scale.name()),
            lab: &lab,
        };
        let also = if at == 0 { arguments.also.as_slice() } else { &[] };
        let measured = bench.run(scale, arguments, also)?;
        let report = report::of_scale(&measured)?;
        let name = scale.name();
        let mut parts = vec![
            (format!("pit {name}"), report.long),
            (format!("pit {name} in short"), report.short),
        ];
        parts.extend(report.also.map(|also| ("pit also".to_owned(), also)));
        publish(workspace, arguments, &parts)?;
        all.push(measured);
    }
    if let Some(growth) = report::growth(&all) {
        publish(workspace, arguments, &[("pit growth".to_owned(), growth)])?;
    }
    if all.iter().any(Measured::is_wrong) {
        bail!("not all programs made the same rows");
    }
    Ok(())
}

/// Prints the parts, short forms aside, and puts them into the documents if that is asked for.
fn publish(workspace: &Workspace, arguments: &Arguments, parts: &[(String, String)]) -> Result<()> {
    for (name, text) in parts {
        if !name.ends_with("in short") {
            println!("\n{text}");
        }
        if arguments.lab.write {
            block::write(workspace, name, text)?;
        }
    }
    Ok(())
}

impl Measured {
    fn is_wrong(&self) -> bool {
        self.contest.made().len() > 1 || self.oracle == Some(false)
    }
}

impl Arguments {
    fn peers(&self, scale: Scale) -> Result<Vec<Peer>> {
        let best = || -> Vec<String> { cases::best(scale).iter().map(|&name| name.to_owned()).collect() };
        match &self.peers {
            _ if self.all_peers => Ok(PEERS.to_vec()),
            Some(names) => named(&PEERS, names),
            None => named(&PEERS, &best()),
        }
    }

    fn memory(&self, scale: Scale) -> Vec<String> {
        if self.memory.is_empty() && scale == Scale::L {
            return ["2GiB", "8GiB"].map(str::to_owned).to_vec();
        }
        self.memory.clone()
    }
}

/// One scale in the lab.
struct Bench<'a> {
    lab: &'a Lab,
    data: PathBuf,
    out: PathBuf,
}

impl Bench<'_> {
    fn run(&self, scale: Scale, arguments: &Arguments, also: &[Also]) -> Result<Measured> {
        fs_err::create_dir_all(&self.out)?;
        let peers = arguments.peers(scale)?;
        let memory = arguments.memory(scale);
        let cases = cases::of_scale(self.lab, [&self.data, &self.out], &peers, &memory, also)?;
        for copies in [1, 4] {
            self.lab
                .repository(&cases::repository(&self.out, copies), &self.data, Some(copies))?;
        }
        Lab::warm(&self.data)?;
        let mut contest = Contest::new(cases);
        contest.run(self.lab, arguments.lab.runs, |case| {
            Ok(format!("checksum `{}`", self.checksum(&case.output, None)?))
        })?;
        self.check_parts(&mut contest)?;
        fs_err::write(
            self.out.join("runs.json"),
            serde_json::to_string_pretty(&contest.json())?,
        )?;
        Ok(Measured {
            scale,
            oracle: arguments.oracle.then(|| self.oracle(scale, &contest)).transpose()?,
            contest,
        })
    }

    /// Compares what was made for parts of the spine with the same rows of the whole.
    fn check_parts(&self, contest: &mut Contest) -> Result<()> {
        let whole = contest.cases[0].0.output.clone();
        let parts = contest.cases.iter_mut().filter(|(_, runs)| runs.failure.is_none());
        for (case, runs) in parts {
            if let Check::Part(spine) = &case.check {
                let part = self.checksum(&case.output, None)?;
                if self.checksum(&whole, Some(spine.as_os_str()))? != part {
                    runs.failure = Some("**its rows are not those of the whole spine**".to_owned());
                }
            }
        }
        Ok(())
    }

    /// Of all rows, or of those that `rows` names as the script understands it.
    fn checksum(&self, file: &Path, rows: Option<&OsStr>) -> Result<String> {
        let text = command::capture(self.lab.script("checksum.py").arg(file).args(rows))?;
        let value: Value = serde_json::from_str(&text)?;
        Ok(value["checksum"].as_str().context("a checksum")?.to_owned())
    }

    /// Says whether the oracle makes what Asof made.
    fn oracle(&self, scale: Scale, contest: &Contest) -> Result<bool> {
        let (case, runs) = &contest.cases[0];
        if case.kind != Kind::Asof || runs.failure.is_some() {
            bail!("there is nothing of Asof to compare with the oracle");
        }
        let every = scale.every().to_string();
        let truth = self.out.join("oracle.parquet");
        command::run(self.lab.script("oracle.py").arg(&self.data).arg(&truth).arg(&every))?;
        let [truth, ours] = [&truth, &case.output].map(|file| self.checksum(file, Some(every.as_ref())));
        Ok(truth? == ours?)
    }
}

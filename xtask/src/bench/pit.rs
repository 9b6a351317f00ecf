//! `cargo xtask bench pit`: a training set by Asof and by what users would pick instead, from the same files.
//!
//! Each program is a process of its own, from its start to its end; of Asof that is `get-historical-features`, while
//! `apply` ran before. Runs are interleaved, what each made is checked by checksum outside the clock, and the floor is
//! in every run.

mod cases;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::block;
use super::lab::{Lab, LabArguments};
use super::sample::Runs;
use crate::command;
use crate::workspace::Workspace;
use cases::{Case, Kind, PEERS, Rows};

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

/// What was measured at a scale: the cases in order, each with its runs.
pub(crate) struct Measured {
    pub(crate) scale: Scale,
    pub(crate) cases: Vec<(Case, Runs)>,
    pub(crate) oracle: Option<bool>,
}

/// Runs it.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let peers = peers(arguments)?;
    let mut requirements = vec!["pit/requirements.txt"];
    if arguments.all_peers || peers.iter().flatten().any(|peer| !peer.is_usual()) {
        requirements.push("pit/requirements-all.txt");
    }
    let lab = Lab::prepare(workspace, "pit", &requirements, &arguments.lab)?;
    let mut all = Vec::new();
    for (at, &scale) in arguments.scale.iter().enumerate() {
        command::run(lab.script("generate.py").arg(&lab.data).arg(scale.name()))?;
        let bench = Bench {
            data: lab.data.join(scale.name()),
            out: lab.folder.join(scale.name()),
            lab: &lab,
        };
        let also = if at == 0 { arguments.also.as_slice() } else { &[] };
        let peers = peers.clone().unwrap_or_else(|| cases::best(scale));
        let measured = bench.run(scale, &peers, arguments, also)?;
        let report = report::of_scale(&measured, &lab)?;
        println!("\n{}", report.long);
        if arguments.lab.write {
            block::write(workspace, &format!("pit {}", scale.name()), &report.long)?;
            block::write(workspace, &format!("pit {} in short", scale.name()), &report.short)?;
            if let Some(also) = &report.also {
                block::write(workspace, "pit also", also)?;
            }
        }
        if let Some(also) = report.also {
            println!("{also}");
        }
        all.push(measured);
    }
    if let Some(growth) = report::growth(&all) {
        println!("{growth}");
        if arguments.lab.write {
            block::write(workspace, "pit growth", &growth)?;
        }
    }
    if all
        .iter()
        .any(|measured| agreement(measured).len() > 1 || measured.oracle == Some(false))
    {
        bail!("not all programs made the same rows");
    }
    Ok(())
}

/// The peers that were asked for; `None` for the best.
fn peers(arguments: &Arguments) -> Result<Option<Vec<cases::Peer>>> {
    if arguments.all_peers {
        return Ok(Some(PEERS.to_vec()));
    }
    let Some(names) = &arguments.peers else {
        return Ok(None);
    };
    let known = |name: &String| {
        PEERS.iter().find(|peer| peer.name == *name).copied().with_context(|| {
            let names: Vec<&str> = PEERS.iter().map(|peer| peer.name).collect();
            format!("there is no peer `{name}`; there are {} and none", names.join(", "))
        })
    };
    let wanted = names.iter().filter(|name| *name != "none");
    wanted.map(known).collect::<Result<_>>().map(Some)
}

/// One scale in the lab.
struct Bench<'a> {
    lab: &'a Lab,
    data: PathBuf,
    out: PathBuf,
}

impl Bench<'_> {
    fn run(&self, scale: Scale, peers: &[cases::Peer], arguments: &Arguments, also: &[Also]) -> Result<Measured> {
        fs_err::create_dir_all(&self.out)?;
        let cases = cases::of_scale(scale, self.lab, &self.data, &self.out, peers, &arguments.memory, also);
        for copies in [1, 4] {
            self.repository(copies)?;
        }
        Lab::warm(&self.data)?;
        let mut measured: Vec<(Case, Runs)> = cases.into_iter().map(|case| (case, Runs::default())).collect();
        for round in 1..=arguments.lab.runs {
            for (case, runs) in &mut measured {
                self.once(case, runs)?;
                let took = runs.samples.last().map_or_else(
                    || runs.failure.clone().unwrap_or_default(),
                    |sample| {
                        format!(
                            "{:.2} s wall, {:.2} s CPU, {:.0} MiB, others {:.2}",
                            sample.wall, sample.cpu, sample.peak_mib, sample.others
                        )
                    },
                );
                println!("{} run {round}: {}: {took}", scale.name(), case.name);
            }
        }
        self.check_parts(&mut measured)?;
        let oracle = arguments.oracle.then(|| self.oracle(scale, &measured)).transpose()?;
        fs_err::write(
            self.out.join("runs.json"),
            serde_json::to_string_pretty(&report::json(&measured))?,
        )?;
        Ok(Measured {
            scale,
            cases: measured,
            oracle,
        })
    }

    /// A repository of its own for each number of copies of the views, applied.
    fn repository(&self, copies: u32) -> Result<()> {
        let folder = cases::repository(&self.out, copies);
        if folder.exists() {
            fs_err::remove_dir_all(&folder)?;
        }
        command::run(
            self.lab
                .script("repository.py")
                .args([&folder, &self.data])
                .arg(copies.to_string()),
        )?;
        command::run(
            Command::new(&self.lab.asof)
                .arg("--repo")
                .arg(&folder)
                .args(["apply", "-m", "bench"])
                .stdin(std::process::Stdio::null())
                .stdout(std::process::Stdio::null()),
        )
    }

    fn once(&self, case: &Case, runs: &mut Runs) -> Result<()> {
        // A program that failed once, by the limits say, will do so again.
        if runs.failure.is_some() {
            return Ok(());
        }
        if case.output.exists() {
            fs_err::remove_file(&case.output)?;
        }
        match self.lab.measure(&case.command)? {
            Err(failure) => runs.failure = Some(failure),
            Ok(sample) => {
                runs.samples.push(match case.kind {
                    Kind::Scan | Kind::Write => sample.of_the_work()?,
                    Kind::Peer | Kind::Asof => sample,
                });
                if case.is_checked() {
                    let checksum = self.checksum(&case.output, None)?;
                    if !runs.checksums.contains(&checksum) {
                        runs.checksums.push(checksum);
                    }
                }
            }
        }
        Ok(())
    }

    /// Compares what was made for parts of the spine with the same rows of the whole.
    fn check_parts(&self, measured: &mut [(Case, Runs)]) -> Result<()> {
        let whole = measured[0].0.output.clone();
        let parts = measured.iter_mut().filter(|(_, runs)| runs.failure.is_none());
        for (case, runs) in parts {
            if let Rows::Of(spine) = &case.rows {
                let part = self.checksum(&case.output, None)?;
                if self.checksum(&whole, Some(spine.as_os_str()))? != part {
                    runs.failure = Some("**its rows are not those of the whole spine**".to_owned());
                }
            }
        }
        Ok(())
    }

    /// Of all rows, or of those that `rows` names as the script understands it.
    fn checksum(&self, file: &Path, rows: Option<&std::ffi::OsStr>) -> Result<String> {
        let text = command::capture(self.lab.script("checksum.py").arg(file).args(rows))?;
        let value: Value = serde_json::from_str(&text)?;
        Ok(value["checksum"].as_str().context("a checksum")?.to_owned())
    }

    /// Says whether the oracle makes what Asof made.
    fn oracle(&self, scale: Scale, measured: &[(Case, Runs)]) -> Result<bool> {
        let of_asof = measured
            .iter()
            .find(|(case, runs)| case.kind == Kind::Asof && runs.failure.is_none());
        let Some((case, _)) = of_asof else {
            bail!("there is nothing of Asof to compare with the oracle");
        };
        let every = scale.every().to_string();
        let truth = self.out.join("oracle.parquet");
        command::run(self.lab.script("oracle.py").arg(&self.data).arg(&truth).arg(&every))?;
        let [truth, ours] = [&truth, &case.output].map(|file| self.checksum(file, Some(every.as_ref())));
        Ok(truth? == ours?)
    }
}

/// The checksums of what was made from the whole spine, each with the programs that made it.
pub(crate) fn agreement(measured: &Measured) -> BTreeMap<String, Vec<&str>> {
    let mut by_checksum = BTreeMap::<String, Vec<&str>>::new();
    for (case, runs) in measured.cases.iter().filter(|(case, _)| case.is_checked()) {
        for checksum in &runs.checksums {
            by_checksum.entry(checksum.clone()).or_default().push(&case.name);
        }
    }
    by_checksum
}

//! `cargo xtask bench windows`: 40 features over windows of five lengths, by Asof and by what users would write.
//!
//! As in the point-in-time benchmark, each program is a process of its own, and runs are in turns. What each made is
//! compared with what Asof made, value by value, outside the clock.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::block;
use super::contest::{Case, Check, Contest, Kind, Peer, floors, named, ratio};
use super::lab::{Lab, LabArguments};
use super::sample::Runs;
use super::target::{at_most, render};
use crate::command;
use crate::workspace::Workspace;

/// The options.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    lab: LabArguments,
    /// How many events
    #[arg(long, value_enum, ignore_case = true, default_value = "M")]
    scale: Scale,
    /// These peers only, or `none`
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    peers: Option<Vec<String>>,
    /// Run Asof with this bound of memory
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
}

/// Events × spine rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "UPPER")]
enum Scale {
    /// 20 k × 2 k: to try the scripts
    T,
    /// 1 M × 50 k
    S,
    /// 20 M × 1 M
    M,
}

const PEERS: [Peer; 4] = [
    peer(
        "duckdb-join",
        "DuckDB, hourly tiles joined to what is asked",
        "duckdb",
        ["peer_duckdb.py", "join"],
    ),
    peer(
        "duckdb-frames",
        "DuckDB, hourly tiles under sliding frames",
        "duckdb",
        ["peer_duckdb.py", "frames"],
    ),
    peer(
        "polars-join",
        "Polars, hourly tiles joined to what is asked",
        "polars",
        ["peer_polars.py", "join"],
    ),
    peer(
        "polars-rolling",
        "Polars, hourly tiles, rolling windows",
        "polars",
        ["peer_polars.py", "rolling"],
    ),
];

const fn peer(name: &'static str, shown: &'static str, package: &'static str, script: [&'static str; 2]) -> Peer {
    Peer {
        name,
        shown,
        package,
        script,
        memory: None,
    }
}

/// What the table calls Asof.
const ASOF: &str = "Asof";

impl Scale {
    fn name(self) -> &'static str {
        ["T", "S", "M"][self as usize]
    }

    fn size(self) -> &'static str {
        [
            "20 thousand events × 2 thousand spine rows",
            "1 million events × 50 thousand spine rows",
            "20 million events × 1 million spine rows",
        ][self as usize]
    }
}

/// Runs it.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let peers = match &arguments.peers {
        Some(names) => named(&PEERS, names)?,
        None => PEERS.to_vec(),
    };
    let lab = Lab::prepare(workspace, "windows", false, &arguments.lab)?;
    let name = arguments.scale.name();
    command::run(lab.script("generate.py").arg(&lab.data).arg(name))?;
    let (data, out) = (lab.data.join(name), lab.folder.join(name));
    fs_err::create_dir_all(&out)?;
    let repository = out.join("repository");
    lab.repository(&repository, &data, None)?;
    Lab::warm(&data)?;
    let asof = asof(&lab, &repository, &data, &out, arguments.memory.as_deref());
    let truth = asof.output.clone();
    let mut cases = vec![asof];
    for peer in peers {
        cases.push(peer.case(&lab, &data, &out)?);
    }
    let patterns = [data.join("events").join("*.parquet"), data.join("spine.parquet")];
    cases.extend(floors(&lab, &patterns, &truth, &out));
    let mut contest = Contest::new(cases);
    contest.run(&lab, arguments.lab.runs, |case| compare(&lab, &truth, &case.output))?;
    fs_err::write(out.join("runs.json"), serde_json::to_string_pretty(&contest.json())?)?;
    let text = report(arguments.scale, &contest)?;
    println!("\n{text}");
    if arguments.lab.write {
        block::write(workspace, "windows", &text)?;
    }
    if contest.made().len() > 1 {
        bail!("not all programs made the same rows");
    }
    Ok(())
}

fn asof(lab: &Lab, repository: &Path, data: &Path, out: &Path, memory: Option<&str>) -> Case {
    let output = out.join("asof.parquet");
    let mut command: Vec<OsString> = vec![lab.asof.clone().into(), "--repo".into(), repository.into()];
    command.extend(["get-historical-features", "--output", "json", "--service", "all"].map(Into::into));
    command.extend(["--spine".into(), data.join("spine.parquet").into()]);
    command.extend(["--out".into(), output.clone().into()]);
    command.extend(memory.iter().flat_map(|&size| ["--memory", size]).map(Into::into));
    Case {
        name: ASOF.to_owned(),
        kind: Kind::Asof,
        command,
        output,
        check: Check::Common,
    }
}

/// Says how a result differs from Asof's.
fn compare(lab: &Lab, truth: &Path, result: &Path) -> Result<String> {
    let text = command::capture(lab.script("compare.py").args([truth, result]))?;
    let value: Value = serde_json::from_str(&text)?;
    let differ = value["differ"].as_object().context("columns that differ")?;
    if differ.is_empty() {
        return Ok("floats within a millionth, all else equal".to_owned());
    }
    let columns: Vec<String> = differ.iter().map(|(name, count)| format!("{name} ({count})")).collect();
    Ok(format!("others than Asof's in {}", columns.join(", ")))
}

fn report(scale: Scale, contest: &Contest) -> Result<String> {
    let mut targets = Vec::new();
    if scale == Scale::M {
        let runs = contest.runs(ASOF);
        let peer = contest.best(Kind::Peer);
        targets.push(at_most(
            "wall, of the fastest peer",
            0.7,
            ratio(runs.and_then(Runs::wall), peer.wall),
        ));
        targets.push(at_most(
            "peak RSS, GiB",
            1.0,
            runs.and_then(Runs::peak_mib).map(|mib| mib / 1024.0),
        ));
    }
    let parts = [
        format!(
            "`cargo xtask bench windows --scale {}`: {}.",
            scale.name(),
            scale.size()
        ),
        contest.comparison(&[]),
        render(&targets),
        contest.note()?,
    ];
    Ok(super::table::paragraphs(&parts))
}

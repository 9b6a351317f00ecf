//! Programs that do the same work, run in turns, with the floor of that work among them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use super::lab::{Lab, machine};
use super::sample::{Runs, Sample, median};
use super::table::{Table, number};

/// A program with its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// As tables show it, and by which it is found.
    pub(crate) name: String,
    /// What it is.
    pub(crate) kind: Kind,
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
    /// What it writes.
    pub(crate) output: PathBuf,
    /// How what it makes is checked.
    pub(crate) check: Check,
}

/// What a program is in the contest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The floor's first part: decoding.
    Scan,
    /// The floor's second part: writing.
    Write,
    /// What users would pick instead.
    Peer,
    /// Asof.
    Asof,
}

/// How what a program makes is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Check {
    /// It is what all make.
    Common,
    /// It is the rows of this spine among those.
    Part(PathBuf),
    /// It is something else.
    Unchecked,
}

/// A pinned package, and the way in which it is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// Its name in `--peers`.
    pub(crate) name: &'static str,
    /// What the table says.
    pub(crate) shown: &'static str,
    /// Its Python package.
    pub(crate) package: &'static str,
    /// The script and its first argument.
    pub(crate) script: [&'static str; 2],
    /// What the script's arguments end with.
    pub(crate) memory: Option<&'static str>,
}

/// The cases, each with its runs so far.
pub(crate) struct Contest {
    pub(crate) cases: Vec<(Case, Runs)>,
}

/// The least seconds: of wall, and of CPU.
#[derive(Clone, Copy)]
pub(crate) struct Best {
    pub(crate) wall: Option<f64>,
    pub(crate) cpu: Option<f64>,
}

impl Peer {
    /// The program for the data of a scale.
    pub(crate) fn case(&self, lab: &Lab, data: &Path, out: &Path) -> Result<Case> {
        let output = out.join(format!("{}.parquet", self.name));
        let [script, variant] = self.script;
        let mut command = lab.words(script);
        command.extend([variant.into(), data.into(), output.clone().into()]);
        command.extend(self.memory.map(Into::into));
        Ok(Case {
            name: format!("{} ({} {})", self.shown, self.package, lab.version(self.package)?),
            kind: Kind::Peer,
            command,
            output,
            check: Check::Common,
        })
    }
}

/// The parts of the floor: decoding the files of all patterns, and writing what is in `result`.
pub(crate) fn floors(lab: &Lab, patterns: &[PathBuf], result: &Path, out: &Path) -> Vec<Case> {
    let output = out.join("floor.parquet");
    let case = |kind, what: &str, shown: &str, words: Vec<OsString>| Case {
        name: format!("floor: {what} ({shown})"),
        kind,
        command: lab.words("../floor.py").into_iter().chain(words).collect(),
        output: output.clone(),
        check: Check::Unchecked,
    };
    let scans = [("Polars", "polars"), ("DuckDB", "duckdb")].map(|(shown, engine)| {
        let mut words: Vec<OsString> = vec!["scan".into(), engine.into()];
        words.extend(patterns.iter().map(Into::into));
        case(Kind::Scan, "decode every column", shown, words)
    });
    let writes = [("Polars", "polars"), ("PyArrow", "pyarrow")].map(|(shown, engine)| {
        let words = vec!["write".into(), engine.into(), result.into(), output.clone().into()];
        case(Kind::Write, "write the output", shown, words)
    });
    scans.into_iter().chain(writes).collect()
}

impl Contest {
    pub(crate) fn new(cases: Vec<Case>) -> Self {
        let cases = cases.into_iter().map(|case| (case, Runs::default())).collect();
        Self { cases }
    }

    /// Runs all cases in turns. `digest` says what was made, and is asked outside the clock.
    pub(crate) fn run(&mut self, lab: &Lab, rounds: u32, digest: impl Fn(&Case) -> Result<String>) -> Result<()> {
        for round in 1..=rounds {
            for (case, runs) in &mut self.cases {
                // A program that failed once, by the limits say, will do so again.
                if runs.failure.is_none() {
                    once(lab, case, runs, &digest)?;
                    println!("run {round}: {}: {}", case.name, runs.last());
                }
            }
        }
        Ok(())
    }

    /// The runs of a case, if there are any.
    pub(crate) fn runs(&self, name: &str) -> Option<&Runs> {
        let found = self.cases.iter().find(|(case, _)| case.name == name);
        found.map(|(_, runs)| runs).filter(|runs| !runs.samples.is_empty())
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &(Case, Runs)> {
        self.cases.iter().filter(move |(case, _)| case.kind == kind)
    }

    /// The least of any program of a kind, as to wall and to CPU.
    pub(crate) fn best(&self, kind: Kind) -> Best {
        let least = |of: fn(&Runs) -> Option<f64>| self.of_kind(kind).filter_map(|(_, runs)| of(runs)).reduce(f64::min);
        Best {
            wall: least(Runs::wall),
            cpu: least(Runs::cpu),
        }
    }

    /// The fastest decoding and the fastest writing, each alone.
    pub(crate) fn floor(&self) -> Best {
        let (scan, write) = (self.best(Kind::Scan), self.best(Kind::Write));
        let sum = |a: Option<f64>, b: Option<f64>| Some(a? + b?);
        Best {
            wall: sum(scan.wall, write.wall),
            cpu: sum(scan.cpu, write.cpu),
        }
    }

    /// The table of those that make the same, but for `except`.
    pub(crate) fn comparison(&self, except: &[&str]) -> String {
        let (floor, peer) = (self.floor(), self.best(Kind::Peer));
        let head = [
            "",
            "wall s",
            "× floor",
            "× fastest peer",
            "CPU s",
            "× floor",
            "peak RSS MiB",
        ];
        let mut table = Table::new(&head);
        let mut row = |name: String, runs: &Runs| {
            let (wall, cpu) = (runs.wall(), runs.cpu());
            let of_floor = [ratio(wall, floor.wall), ratio(cpu, floor.cpu)];
            let cells = [
                wall,
                of_floor[0],
                ratio(wall, peer.wall),
                cpu,
                of_floor[1],
                runs.peak_mib(),
            ];
            table.row(std::iter::once(name).chain(cells.map(number)).collect());
        };
        for (case, runs) in self.of_kind(Kind::Asof).chain(self.of_kind(Kind::Peer)) {
            if case.check == Check::Common && !except.contains(&case.name.as_str()) {
                let name = case.with_failure(runs);
                row(
                    if case.kind == Kind::Asof {
                        format!("**{name}**")
                    } else {
                        name
                    },
                    runs,
                );
            }
        }
        for (case, runs) in self.of_kind(Kind::Scan).chain(self.of_kind(Kind::Write)) {
            row(case.with_failure(runs), runs);
        }
        let sum = [
            floor.wall,
            Some(1.0),
            ratio(floor.wall, peer.wall),
            floor.cpu,
            Some(1.0),
            None,
        ];
        let name = "floor: the fastest of each".to_owned();
        table.row(std::iter::once(name).chain(sum.map(number)).collect());
        table.render()
    }

    /// What was made, each with the programs that made it.
    pub(crate) fn made(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut made = BTreeMap::<&str, Vec<&str>>::new();
        for (case, runs) in &self.cases {
            for digest in &runs.digests {
                made.entry(digest).or_default().push(&case.name);
            }
        }
        made
    }

    /// How many runs, on what, and whether all made the same.
    pub(crate) fn note(&self) -> Result<String> {
        let samples = || self.cases.iter().map(|(_, runs)| runs.samples.as_slice());
        let runs = samples().map(<[Sample]>::len).max().unwrap_or(0);
        let others = median(samples().flatten().map(|sample| sample.others));
        let made: Vec<_> = self.made().into_iter().collect();
        let same = match made.as_slice() {
            [] => "Nothing was made".to_owned(),
            [(digest, _)] => format!("All made the same rows: {digest}"),
            several => {
                let each: Vec<String> = several
                    .iter()
                    .map(|(digest, names)| format!("{digest} by {}", names.join(", ")))
                    .collect();
                format!("**The rows differ**: {}", each.join("; "))
            }
        };
        Ok(format!(
            "{runs} runs each, in turns: medians of wall and CPU, the highest peak. {}; other programs used {} \
             processors meanwhile. {same}.",
            machine()?,
            number(others),
        ))
    }

    /// All samples, for whoever wants other figures than ours.
    pub(crate) fn json(&self) -> Value {
        let sample = |sample: &Sample| {
            json!({
                "wall": sample.wall,
                "cpu": sample.cpu,
                "peak_mib": sample.peak_mib,
                "others": sample.others,
                "printed": sample.printed,
            })
        };
        let case = |(case, runs): &(Case, Runs)| {
            json!({
                "name": case.name,
                "samples": runs.samples.iter().map(sample).collect::<Vec<_>>(),
                "failure": runs.failure,
                "made": runs.digests,
            })
        };
        self.cases.iter().map(case).collect()
    }
}

impl Case {
    /// Its name, and why it has no figures.
    pub(crate) fn with_failure(&self, runs: &Runs) -> String {
        runs.failure
            .as_ref()
            .map_or_else(|| self.name.clone(), |failure| format!("{}: {failure}", self.name))
    }
}

fn once(lab: &Lab, case: &Case, runs: &mut Runs, digest: impl Fn(&Case) -> Result<String>) -> Result<()> {
    if case.output.exists() {
        fs_err::remove_file(&case.output)?;
    }
    match lab.measure(&case.command)? {
        Err(failure) => runs.failure = Some(failure),
        Ok(sample) => {
            runs.samples.push(match case.kind {
                Kind::Scan | Kind::Write => sample.of_the_work()?,
                Kind::Peer | Kind::Asof => sample,
            });
            if case.check == Check::Common {
                let digest = digest(case)?;
                if !runs.digests.contains(&digest) {
                    runs.digests.push(digest);
                }
            }
        }
    }
    Ok(())
}

/// `a / b`, where both are known.
pub(crate) fn ratio(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? / b?)
}

/// The peers with these names, in the order of `all`.
pub(crate) fn named(all: &[Peer], names: &[String]) -> Result<Vec<Peer>> {
    let known: Vec<&str> = all.iter().map(|peer| peer.name).collect();
    for name in names.iter().filter(|name| *name != "none") {
        anyhow::ensure!(
            known.contains(&name.as_str()),
            "there is no peer `{name}`; there are {} and none",
            known.join(", ")
        );
    }
    let wanted = all.iter().filter(|peer| names.iter().any(|name| name == peer.name));
    Ok(wanted.copied().collect())
}

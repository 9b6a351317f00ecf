//! The programs that are measured at a scale.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Also, Scale};
use crate::bench::lab::Lab;

/// A program with its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// As the table shows it, and by which the report finds it.
    pub(crate) name: String,
    /// What it is.
    pub(crate) kind: Kind,
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
    /// What it writes.
    pub(crate) output: PathBuf,
    /// The rows of the spine that it makes.
    pub(crate) rows: Rows,
}

/// The rows of the spine that a program makes, by which what it makes is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rows {
    /// All, as all programs do.
    All,
    /// Those of this spine, as they are in what the first program makes.
    Of(PathBuf),
    /// Others than can be compared.
    Unchecked,
}

/// What a program is in the comparison.
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

/// Something that users would pick instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// Its name in `--peers`.
    pub(crate) name: &'static str,
    /// What the table says.
    pub(crate) shown: &'static str,
    /// Its Python package.
    pub(crate) package: &'static str,
    script: &'static str,
    /// The script's arguments before and after data and output.
    variant: &'static str,
    memory: Option<&'static str>,
    /// The scales at which it is among the best.
    best_at: &'static [Scale],
}

const fn peer(name: &'static str, shown: &'static str, best_at: &'static [Scale]) -> Peer {
    Peer {
        name,
        shown,
        package: "",
        script: "",
        variant: "",
        memory: None,
        best_at,
    }
}

const fn duckdb(name: &'static str, variant: &'static str, shown: &'static str, best_at: &'static [Scale]) -> Peer {
    Peer {
        package: "duckdb",
        script: "peer_duckdb.py",
        variant,
        ..peer(name, shown, best_at)
    }
}

const fn polars(name: &'static str, variant: &'static str, shown: &'static str, best_at: &'static [Scale]) -> Peer {
    Peer {
        package: "polars",
        script: "peer_polars.py",
        variant,
        ..peer(name, shown, best_at)
    }
}

const SMALL: &[Scale] = &[Scale::T, Scale::S, Scale::M];

/// All of them.
pub(crate) const PEERS: [Peer; 10] = [
    duckdb(
        "duckdb-late",
        "late",
        "DuckDB, keys joined first, features fetched later",
        SMALL,
    ),
    Peer {
        memory: Some("12GB"),
        ..duckdb(
            "duckdb-late-12gb",
            "late",
            "DuckDB, features fetched later, told to spill above 12 GB",
            &[Scale::L],
        )
    },
    polars("polars-memory", "memory", "Polars, join_asof in memory", SMALL),
    polars("polars-streaming", "streaming", "Polars, join_asof, streaming", SMALL),
    duckdb("duckdb-packed", "packed", "DuckDB, both times in one number", &[]),
    duckdb(
        "duckdb-semi",
        "semi",
        "DuckDB, both times in one number, known entities only",
        &[],
    ),
    duckdb("duckdb-dedup", "dedup", "DuckDB, as documented", &[]),
    polars("polars-semi", "semi", "Polars, known entities only", &[]),
    polars("polars-grouped", "grouped", "Polars, sorted by key, streaming", &[]),
    Peer {
        package: "pandas",
        script: "peer_pandas.py",
        variant: "plain",
        ..peer("pandas", "pandas, merge_asof", &[])
    },
];

impl Peer {
    /// Says whether it is in the short list of requirements.
    pub(crate) fn is_usual(&self) -> bool {
        ["duckdb", "polars"].contains(&self.package)
    }
}

impl Case {
    /// Says whether its checksum must be that of all.
    pub(crate) fn is_checked(&self) -> bool {
        self.rows == Rows::All
    }
}

/// The best peers of a scale.
pub(crate) fn best(scale: Scale) -> Vec<Peer> {
    PEERS.into_iter().filter(|peer| peer.best_at.contains(&scale)).collect()
}

/// The folder of the repository whose views are there `copies` times.
pub(crate) fn repository(out: &Path, copies: u32) -> PathBuf {
    out.join(format!("repository_{copies}"))
}

/// What the report calls Asof with nothing but its defaults.
pub(crate) const PLAIN: &str = "Asof";

/// What the report calls Asof within `memory`.
pub(crate) fn within(memory: &str) -> String {
    format!("Asof, `--memory {memory}`")
}

/// What the report calls the further questions: the base, and what is compared with it.
pub(crate) const THREADS: [&str; 2] = ["Asof, `--threads 1`", "Asof, `--threads 2`"];
/// See [`THREADS`].
pub(crate) const VIEWS: [&str; 2] = ["Asof, three views on one key", "Asof, twelve views on one key"];
/// See [`THREADS`].
pub(crate) const SPINES: [&str; 2] = ["Asof, 10,000 rows of the last day", "Asof, 10,000 rows of all days"];

/// All programs of a scale, Asof first: its output is what the floor writes.
pub(crate) fn of_scale(
    scale: Scale,
    lab: &Lab,
    data: &Path,
    out: &Path,
    peers: &[Peer],
    memory: &[String],
    also: &[Also],
) -> Vec<Case> {
    let asof = |name: &str, copies: u32, service: &str, spine: &str, more: &[&str]| {
        let output = out.join(format!("{}.parquet", file_name(name)));
        let mut command: Vec<OsString> = vec![lab.asof.clone().into(), "--repo".into()];
        command.push(repository(out, copies).into());
        command.extend(["get-historical-features", "--output", "json", "--service", service].map(Into::into));
        command.extend([
            "--spine".into(),
            data.join(spine).into(),
            "--out".into(),
            output.clone().into(),
        ]);
        command.extend(more.iter().map(Into::into));
        Case {
            name: name.to_owned(),
            kind: Kind::Asof,
            command,
            output,
            rows: match (service, spine) {
                ("all", "spine.parquet") => Rows::All,
                ("all", _) => Rows::Of(data.join(spine)),
                _ => Rows::Unchecked,
            },
        }
    };
    let mut cases = Vec::new();
    if memory.is_empty() && scale == Scale::L {
        cases.extend(["2GiB", "8GiB"].map(|size| asof(&within(size), 1, "all", "spine.parquet", &["--memory", size])));
    } else if memory.is_empty() {
        cases.push(asof(PLAIN, 1, "all", "spine.parquet", &[]));
    }
    cases.extend(
        memory
            .iter()
            .map(|size| asof(&within(size), 1, "all", "spine.parquet", &["--memory", size])),
    );
    for question in also {
        match question {
            Also::Threads => cases.extend(
                ["1", "2"]
                    .iter()
                    .zip(THREADS)
                    .map(|(threads, name)| asof(name, 1, "all", "spine.parquet", &["--threads", threads])),
            ),
            Also::Views => cases.extend(
                [1, 4]
                    .iter()
                    .zip(VIEWS)
                    .map(|(&copies, name)| asof(name, copies, "users", "spine.parquet", &[])),
            ),
            Also::Spines => cases.extend(
                ["spine_last_day.parquet", "spine_sample.parquet"]
                    .iter()
                    .zip(SPINES)
                    .map(|(spine, name)| asof(name, 1, "all", spine, &[])),
            ),
        }
    }
    let result = cases[0].output.clone();
    for peer in peers {
        let output = out.join(format!("{}.parquet", peer.name));
        let mut command = lab.words(peer.script);
        command.extend([peer.variant.into(), data.into(), output.clone().into()]);
        command.extend(peer.memory.map(Into::into));
        cases.push(Case {
            name: peer.shown.to_owned(),
            kind: Kind::Peer,
            command,
            output,
            rows: Rows::All,
        });
    }
    let floors = [
        (Kind::Scan, "scan", "Polars", "polars"),
        (Kind::Scan, "scan", "DuckDB", "duckdb"),
        (Kind::Write, "write", "Polars", "polars"),
        (Kind::Write, "write", "PyArrow", "pyarrow"),
    ];
    for (kind, phase, shown, engine) in floors {
        let output = out.join("floor.parquet");
        let mut command = lab.words("floor.py");
        command.extend([phase.into(), engine.into(), data.into()]);
        if kind == Kind::Write {
            command.extend([result.clone().into(), output.clone().into()]);
        }
        let what = if kind == Kind::Scan {
            "decode every column"
        } else {
            "write the output"
        };
        cases.push(Case {
            name: format!("floor: {what} ({shown})"),
            kind,
            command,
            output,
            rows: Rows::Unchecked,
        });
    }
    cases
}

/// A name that any folder takes.
fn file_name(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase()
}

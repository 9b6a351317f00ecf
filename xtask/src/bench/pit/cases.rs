//! The programs that are measured at a scale.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Also, Scale};
use crate::bench::contest::{Case, Check, Kind, Peer, floors};
use crate::bench::lab::Lab;

/// All peers. The first of each engine are its best.
pub(crate) const PEERS: [Peer; 10] = [
    duckdb(
        "duckdb-late",
        "late",
        "DuckDB, keys joined first, features fetched later",
    ),
    Peer {
        memory: Some("12GB"),
        ..duckdb(
            "duckdb-late-12gb",
            "late",
            "DuckDB, the same, told to spill above 12 GB",
        )
    },
    polars("polars-memory", "memory", "Polars, join_asof in memory"),
    polars("polars-streaming", "streaming", "Polars, join_asof, streaming"),
    duckdb("duckdb-packed", "packed", "DuckDB, both times in one number"),
    duckdb(
        "duckdb-semi",
        "semi",
        "DuckDB, both times in one number, known entities only",
    ),
    duckdb("duckdb-dedup", "dedup", "DuckDB, as documented"),
    polars("polars-semi", "semi", "Polars, join_asof, known entities only"),
    polars("polars-grouped", "grouped", "Polars, join_asof, sorted by key"),
    Peer {
        name: "pandas",
        shown: "pandas, merge_asof",
        package: "pandas",
        script: ["peer_pandas.py", "plain"],
        memory: None,
    },
];

const fn duckdb(name: &'static str, variant: &'static str, shown: &'static str) -> Peer {
    Peer {
        name,
        shown,
        package: "duckdb",
        script: ["peer_duckdb.py", variant],
        memory: None,
    }
}

const fn polars(name: &'static str, variant: &'static str, shown: &'static str) -> Peer {
    Peer {
        package: "polars",
        script: ["peer_polars.py", variant],
        ..duckdb(name, variant, shown)
    }
}

/// The best peers of a scale.
pub(crate) fn best(scale: Scale) -> &'static [&'static str] {
    match scale {
        Scale::T | Scale::S | Scale::M => &["duckdb-late", "polars-memory", "polars-streaming"],
        Scale::L => &["duckdb-late-12gb"],
    }
}

/// The folder of the repository whose views are there `copies` times.
pub(crate) fn repository(out: &Path, copies: u32) -> PathBuf {
    out.join(format!("repository_{copies}"))
}

/// Asof with nothing but its defaults.
pub(crate) const PLAIN: &str = "Asof";

/// Asof within `memory`.
pub(crate) fn within(memory: &str) -> String {
    format!("Asof, `--memory {memory}`")
}

/// The cases of further questions: the two that are compared.
pub(crate) const THREADS: [&str; 2] = ["Asof, `--threads 1`", "Asof, `--threads 2`"];
/// See [`THREADS`].
pub(crate) const VIEWS: [&str; 2] = ["Asof, three views on one key", "Asof, twelve views on one key"];
/// The small spines, each of which is compared with the whole.
pub(crate) const SPINES: [&str; 2] = ["Asof, 10,000 rows of the last day", "Asof, 10,000 rows of all days"];

/// What Asof is asked for.
struct Request<'a> {
    copies: u32,
    service: &'a str,
    spine: &'a str,
    more: &'a [&'a str],
}

const COMMON: Request = Request {
    copies: 1,
    service: "all",
    spine: "spine.parquet",
    more: &[],
};

/// All programs of a scale, Asof first: its output is what the floor writes.
pub(crate) fn of_scale(
    lab: &Lab,
    [data, out]: [&Path; 2],
    peers: &[Peer],
    memory: &[String],
    also: &[Also],
) -> Result<Vec<Case>> {
    let asof = |name: &str, request: Request| asof(lab, [data, out], name, &request);
    let mut cases = Vec::new();
    if memory.is_empty() {
        cases.push(asof(PLAIN, COMMON));
    }
    for size in memory {
        let more = ["--memory", size];
        cases.push(asof(&within(size), Request { more: &more, ..COMMON }));
    }
    for question in also {
        cases.extend(match question {
            Also::Threads => [("1", THREADS[0]), ("2", THREADS[1])].map(|(threads, name)| {
                let more = ["--threads", threads];
                asof(name, Request { more: &more, ..COMMON })
            }),
            Also::Views => [(1, VIEWS[0]), (4, VIEWS[1])].map(|(copies, name)| {
                let service = "users";
                asof(
                    name,
                    Request {
                        copies,
                        service,
                        ..COMMON
                    },
                )
            }),
            Also::Spines => {
                let spines = [
                    ("spine_last_day.parquet", SPINES[0]),
                    ("spine_sample.parquet", SPINES[1]),
                ];
                spines.map(|(spine, name)| asof(name, Request { spine, ..COMMON }))
            }
        });
    }
    let result = cases[0].output.clone();
    for peer in peers {
        cases.push(peer.case(lab, data, out)?);
    }
    let mut patterns: Vec<PathBuf> = ["user_profile", "user_activity", "user_risk", "item_stats"]
        .map(|view| data.join(view).join("*.parquet"))
        .to_vec();
    patterns.push(data.join(COMMON.spine));
    cases.extend(floors(lab, &patterns, &result, out));
    Ok(cases)
}

fn asof(lab: &Lab, [data, out]: [&Path; 2], name: &str, request: &Request) -> Case {
    let output = out.join(format!("{}.parquet", file_name(name)));
    let mut command: Vec<OsString> = vec![lab.asof.clone().into(), "--repo".into()];
    command.push(repository(out, request.copies).into());
    command.extend(
        [
            "get-historical-features",
            "--output",
            "json",
            "--service",
            request.service,
        ]
        .map(Into::into),
    );
    command.extend(["--spine".into(), data.join(request.spine).into()]);
    command.extend(["--out".into(), output.clone().into()]);
    command.extend(request.more.iter().map(Into::into));
    Case {
        name: name.to_owned(),
        kind: Kind::Asof,
        command,
        output,
        check: match request {
            Request {
                service: "all",
                spine: "spine.parquet",
                ..
            } => Check::Common,
            Request {
                service: "all", spine, ..
            } => Check::Part(data.join(spine)),
            _ => Check::Unchecked,
        },
    }
}

/// A name that any folder takes.
fn file_name(name: &str) -> String {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    letters.to_ascii_lowercase()
}

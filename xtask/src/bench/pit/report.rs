//! The tables of the point-in-time benchmark, and what the targets are.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use super::cases::{Case, Kind, PEERS, PLAIN, SPINES, THREADS, VIEWS, within};
use super::{Measured, Scale, agreement};
use crate::bench::lab::{Lab, machine};
use crate::bench::sample::{Runs, median};
use crate::bench::table::{Table, number};

/// What is printed of a scale.
pub(crate) struct Report {
    /// Everything.
    pub(crate) long: String,
    /// The table alone.
    pub(crate) short: String,
    /// The further questions, where they were asked.
    pub(crate) also: Option<String>,
}

/// Something that was to be reached.
struct Target {
    what: &'static str,
    limit: f64,
    measured: Option<f64>,
    /// Whether the limit is the least rather than the most.
    at_least: bool,
}

/// The least seconds: of wall, and of CPU.
#[derive(Clone, Copy)]
struct Best {
    wall: Option<f64>,
    cpu: Option<f64>,
}

impl Measured {
    fn runs(&self, name: &str) -> Option<&Runs> {
        let found = self.cases.iter().find(|(case, _)| case.name == name);
        found.map(|(_, runs)| runs).filter(|runs| !runs.samples.is_empty())
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Runs> {
        self.cases
            .iter()
            .filter(move |(case, _)| case.kind == kind)
            .map(|(_, runs)| runs)
    }

    fn best(&self, kind: Kind) -> Best {
        let least = |of: fn(&Runs) -> Option<f64>| self.of_kind(kind).filter_map(of).reduce(f64::min);
        Best {
            wall: least(Runs::wall),
            cpu: least(Runs::cpu),
        }
    }

    /// The fastest decoding and the fastest writing, each alone.
    fn floor(&self) -> Best {
        let (scan, write) = (self.best(Kind::Scan), self.best(Kind::Write));
        let sum = |a: Option<f64>, b: Option<f64>| Some(a? + b?);
        Best {
            wall: sum(scan.wall, write.wall),
            cpu: sum(scan.cpu, write.cpu),
        }
    }
}

fn ratio(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? / b?)
}

/// The tables of a scale.
pub(crate) fn of_scale(measured: &Measured, lab: &Lab) -> Result<Report> {
    let table = comparison(measured, lab)?;
    let scale = measured.scale;
    let mut long = format!(
        "`cargo xtask bench pit --scale {}`: {}.\n\n{table}",
        scale.name(),
        scale.size()
    );
    let targets = targets(measured);
    if !targets.is_empty() {
        let _ = write!(long, "\n{}", render(&targets));
    }
    let _ = write!(long, "\n{}", note(measured)?);
    let also = also(measured);
    Ok(Report {
        long,
        short: table,
        also: (!also.is_empty()).then(|| {
            format!(
                "At {}, {}:\n\n{}\n{}",
                scale.name(),
                scale.size(),
                further(measured),
                render(&also)
            )
        }),
    })
}

const HEAD: [&str; 7] = [
    "",
    "wall s",
    "× floor",
    "× fastest peer",
    "CPU s",
    "× floor",
    "peak RSS MiB",
];

fn comparison(measured: &Measured, lab: &Lab) -> Result<String> {
    let (floor, peer) = (measured.floor(), measured.best(Kind::Peer));
    let mut table = Table::new(&HEAD);
    let of = |kind: Kind| measured.cases.iter().filter(move |(case, _)| case.kind == kind);
    let common = [Kind::Asof, Kind::Peer]
        .into_iter()
        .flat_map(of)
        .filter(|(case, _)| case.is_checked() && !THREADS.contains(&case.name.as_str()));
    for (case, runs) in common {
        let mut name = case.name.clone();
        if let Some(peer) = PEERS.iter().find(|peer| peer.shown == case.name) {
            name = format!("{name} ({} {})", peer.package, lab.version(peer.package)?);
        }
        if case.kind == Kind::Asof {
            name = format!("**{name}**");
        }
        if let Some(failure) = &runs.failure {
            name = format!("{name}: {failure}");
        }
        table.row(row(name, runs, floor, peer));
    }
    for (case, runs) in of(Kind::Scan).chain(of(Kind::Write)) {
        table.row(row(case.name.clone(), runs, floor, peer));
    }
    let mut sum = vec!["floor: the fastest of each".to_owned()];
    sum.extend(
        [
            floor.wall,
            Some(1.0),
            ratio(floor.wall, peer.wall),
            floor.cpu,
            Some(1.0),
            None,
        ]
        .map(number),
    );
    table.row(sum);
    Ok(table.render())
}

fn row(name: String, runs: &Runs, floor: Best, peer: Best) -> Vec<String> {
    let (wall, cpu) = (runs.wall(), runs.cpu());
    let mut cells = vec![name];
    cells.extend(
        [
            wall,
            ratio(wall, floor.wall),
            ratio(wall, peer.wall),
            cpu,
            ratio(cpu, floor.cpu),
            runs.peak_mib(),
        ]
        .map(number),
    );
    cells
}

fn targets(measured: &Measured) -> Vec<Target> {
    let (floor, peer) = (measured.floor(), measured.best(Kind::Peer));
    let at_most = |what, limit, measured| Target {
        what,
        limit,
        measured,
        at_least: false,
    };
    let wall = |name: &str| measured.runs(name).and_then(Runs::wall);
    let peak_gib = |name: &str| Some(measured.runs(name)?.peak_mib()? / 1024.0);
    match measured.scale {
        Scale::T => Vec::new(),
        Scale::S => vec![at_most("wall, of the fastest peer", 0.7, ratio(wall(PLAIN), peer.wall))],
        Scale::M => vec![
            at_most("wall, of the fastest peer", 0.5, ratio(wall(PLAIN), peer.wall)),
            at_most(
                "CPU, of the least of any peer",
                0.5,
                ratio(measured.runs(PLAIN).and_then(Runs::cpu), peer.cpu),
            ),
            at_most("wall, of the floor", 2.0, ratio(wall(PLAIN), floor.wall)),
            at_most("peak RSS, GiB", 1.0, peak_gib(PLAIN)),
        ],
        Scale::L => {
            let [small, large] = ["2GiB", "8GiB"].map(within);
            vec![
                at_most("`--memory 2GiB`: peak RSS, GiB", 2.5, peak_gib(&small)),
                at_most(
                    "`--memory 2GiB`: wall, of the floor",
                    3.2,
                    ratio(wall(&small), floor.wall),
                ),
                at_most(
                    "`--memory 8GiB`: wall, of the floor",
                    2.3,
                    ratio(wall(&large), floor.wall),
                ),
            ]
        }
    }
}

/// The further questions' targets.
fn also(measured: &Measured) -> Vec<Target> {
    let wall = |name: &str| measured.runs(name).and_then(Runs::wall);
    let read = |name: &str| measured.runs(name).and_then(bytes_read);
    let mut targets = Vec::new();
    let mut add = |what, limit, value: Option<f64>, at_least| {
        if value.is_some() {
            targets.push(Target {
                what,
                limit,
                measured: value,
                at_least,
            });
        }
    };
    let threads = ratio(wall(THREADS[0]), wall(THREADS[1]));
    add("one thread's wall, of that of two", 1.7, threads, true);
    let views = ratio(wall(VIEWS[1]), wall(VIEWS[0]));
    add("twelve views' wall, of that of three", 3.0, views, false);
    let spines = [
        (
            "10,000 rows of the last day: wall, of the full spine's",
            "10,000 rows of the last day: bytes read, of the full spine's",
        ),
        (
            "10,000 rows of all days: wall, of the full spine's",
            "10,000 rows of all days: bytes read, of the full spine's",
        ),
    ];
    for (name, (of_wall, of_bytes)) in SPINES.iter().zip(spines) {
        add(of_wall, 0.4, ratio(wall(name), wall(PLAIN)), false);
        add(of_bytes, 1.0 / 3.0, ratio(read(name), read(PLAIN)), false);
    }
    targets
}

/// What all views have read of their sources, as Asof's own summary says.
fn bytes_read(runs: &Runs) -> Option<f64> {
    let views = runs.samples.last()?.printed["views"].as_array()?;
    views.iter().map(|view| view["bytes_read"].as_f64()).sum()
}

fn further(measured: &Measured) -> String {
    let mut table = Table::new(&["", "wall s", "CPU s", "peak RSS MiB", "bytes read, MiB"]);
    let asked = |case: &Case| [THREADS, VIEWS, SPINES].as_flattened().contains(&case.name.as_str());
    for (case, runs) in &measured.cases {
        if asked(case) || case.name == PLAIN {
            let mut cells = vec![
                runs.failure
                    .as_ref()
                    .map_or_else(|| case.name.clone(), |failure| format!("{}: {failure}", case.name)),
            ];
            let read = bytes_read(runs).map(|bytes| bytes / f64::from(1 << 20));
            cells.extend([runs.wall(), runs.cpu(), runs.peak_mib(), read].map(number));
            table.row(cells);
        }
    }
    table.render()
}

fn render(targets: &[Target]) -> String {
    let mut table = Table::new(&["target", "limit", "measured", ""]);
    for target in targets {
        let met = target.measured.map(|value| {
            if target.at_least {
                value >= target.limit
            } else {
                value <= target.limit
            }
        });
        table.row(vec![
            target.what.to_owned(),
            format!(
                "{} {}",
                if target.at_least { "≥" } else { "≤" },
                number(Some(target.limit))
            ),
            number(target.measured),
            match met {
                Some(true) => "met".to_owned(),
                Some(false) => "**not met**".to_owned(),
                None => "not measured".to_owned(),
            },
        ]);
    }
    table.render()
}

/// How many runs, on what, and whether all made the same.
fn note(measured: &Measured) -> Result<String> {
    let runs = measured
        .cases
        .iter()
        .map(|(_, runs)| runs.samples.len())
        .max()
        .unwrap_or(0);
    let others = median(
        measured
            .cases
            .iter()
            .flat_map(|(_, runs)| runs.samples.iter().map(|sample| sample.others)),
    );
    let agreement = agreement(measured);
    let same = match agreement.iter().collect::<Vec<_>>().as_slice() {
        [] => "nothing was made".to_owned(),
        [(checksum, _)] => format!("all made the same rows, checksum `{checksum}`"),
        several => {
            let each: Vec<String> = several
                .iter()
                .map(|(checksum, names)| format!("`{checksum}` by {}", names.join(", ")))
                .collect();
            format!("**the rows differ**: {}", each.join("; "))
        }
    };
    let oracle = match measured.oracle {
        None => "",
        Some(true) => "; the oracle agrees",
        Some(false) => "; **the oracle disagrees**",
    };
    Ok(format!(
        "{runs} runs each, interleaved: medians of wall and CPU, the highest peak. {}; other programs used {} \
         processors meanwhile. Of what was made, {same}{oracle}.\n",
        machine()?,
        number(others),
    ))
}

/// How much longer a spine row takes at L than at M, where both were measured.
pub(crate) fn growth(all: &[Measured]) -> Option<String> {
    let wall = |scale: Scale, name: &str| {
        let measured = all.iter().find(|measured| measured.scale == scale)?;
        measured.runs(name)?.wall()
    };
    let per_row = |seconds: Option<f64>, rows: f64| Some(seconds? / rows * 1e6);
    let m = per_row(wall(Scale::M, PLAIN), 1e6)?;
    let l = per_row(wall(Scale::L, &within("8GiB")), 1e7);
    let target = Target {
        what: "wall per spine row, L within 8 GiB, of M's",
        limit: 1.5,
        measured: ratio(l, Some(m)),
        at_least: false,
    };
    target.measured.is_some().then(|| render(&[target]))
}

/// All samples, for whoever wants other figures than ours.
pub(crate) fn json(cases: &[(Case, Runs)]) -> Value {
    let sample = |sample: &crate::bench::sample::Sample| {
        json!({
            "wall": sample.wall,
            "cpu": sample.cpu,
            "peak_mib": sample.peak_mib,
            "others": sample.others,
            "printed": sample.printed,
        })
    };
    cases
        .iter()
        .map(|(case, runs)| {
            json!({
                "name": case.name,
                "samples": runs.samples.iter().map(sample).collect::<Vec<_>>(),
                "failure": runs.failure,
                "checksums": runs.checksums,
            })
        })
        .collect()
}

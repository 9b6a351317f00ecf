//! The tables of the point-in-time benchmark, and its targets.

use anyhow::Result;

use super::cases::{PLAIN, SPINES, THREADS, VIEWS, within};
use super::{Measured, Scale};
use crate::bench::contest::{Contest, Kind, ratio};
use crate::bench::sample::Runs;
use crate::bench::table::{Table, number, paragraphs};
use crate::bench::target::{Limit, Target, at_most, render};

/// What is printed of a scale.
pub(crate) struct Report {
    /// Everything but the further questions.
    pub(crate) long: String,
    /// The table alone.
    pub(crate) short: String,
    /// The further questions, where they were asked.
    pub(crate) also: Option<String>,
}

/// The tables of a scale.
pub(crate) fn of_scale(measured: &Measured) -> Result<Report> {
    let (scale, contest) = (measured.scale, &measured.contest);
    let table = contest.comparison(&THREADS);
    let oracle = match measured.oracle {
        None => "",
        Some(true) => " The oracle agrees.",
        Some(false) => " **The oracle disagrees.**",
    };
    let long = [
        format!("`cargo xtask bench pit --scale {}`: {}.", scale.name(), scale.size()),
        table.clone(),
        render(&targets(scale, contest)),
        contest.note()? + oracle,
    ];
    let asked = further(contest);
    let also = [
        format!("`--also threads,views,spines` at {}:", scale.name()),
        asked.clone().unwrap_or_default(),
        render(&also(contest)),
    ];
    Ok(Report {
        long: paragraphs(&long),
        short: table,
        also: asked.map(|_| paragraphs(&also)),
    })
}

fn targets(scale: Scale, contest: &Contest) -> Vec<Target> {
    let (floor, peer) = (contest.floor(), contest.best(Kind::Peer));
    let wall = |name: &str| contest.runs(name).and_then(Runs::wall);
    let cpu = |name: &str| contest.runs(name).and_then(Runs::cpu);
    let peak_gib = |name: &str| Some(contest.runs(name)?.peak_mib()? / 1024.0);
    match scale {
        Scale::T => Vec::new(),
        Scale::S => vec![at_most("wall, of the fastest peer", 0.7, ratio(wall(PLAIN), peer.wall))],
        Scale::M => vec![
            at_most("wall, of the fastest peer", 0.5, ratio(wall(PLAIN), peer.wall)),
            at_most("CPU, of the least of any peer", 0.5, ratio(cpu(PLAIN), peer.cpu)),
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

/// The targets of the further questions, of those that were asked.
fn also(contest: &Contest) -> Vec<Target> {
    let wall = |name: &str| contest.runs(name).and_then(Runs::wall);
    let read = |name: &str| contest.runs(name).and_then(bytes_read);
    let mut targets = vec![
        Target {
            what: "one thread's wall, of that of two".to_owned(),
            limit: Limit::AtLeast(1.7),
            measured: ratio(wall(THREADS[0]), wall(THREADS[1])),
        },
        at_most(
            "twelve views' wall, of that of three",
            3.0,
            ratio(wall(VIEWS[1]), wall(VIEWS[0])),
        ),
    ];
    for name in SPINES {
        let what = |of: &str| format!("{}: {of}, of the whole spine's", name.trim_start_matches("Asof, "));
        targets.push(at_most(&what("wall"), 0.4, ratio(wall(name), wall(PLAIN))));
        targets.push(at_most(&what("bytes read"), 1.0 / 3.0, ratio(read(name), read(PLAIN))));
    }
    targets.retain(|target| target.measured.is_some());
    targets
}

/// What all views have read of their sources, as Asof's own summary says.
fn bytes_read(runs: &Runs) -> Option<f64> {
    let views = runs.samples.last()?.printed["views"].as_array()?;
    views.iter().map(|view| view["bytes_read"].as_f64()).sum()
}

/// The figures of the further questions, if there were any.
fn further(contest: &Contest) -> Option<String> {
    let mut table = Table::new(&["", "wall s", "CPU s", "peak RSS MiB", "bytes read, MiB"]);
    let asked = |name: &str| [THREADS, VIEWS, SPINES].as_flattened().contains(&name);
    if !contest.cases.iter().any(|(case, _)| asked(&case.name)) {
        return None;
    }
    for (case, runs) in &contest.cases {
        if asked(&case.name) || case.name == PLAIN {
            let read = bytes_read(runs).map(|bytes| bytes / f64::from(1 << 20));
            let cells = [runs.wall(), runs.cpu(), runs.peak_mib(), read].map(number);
            table.row(std::iter::once(case.with_failure(runs)).chain(cells).collect());
        }
    }
    Some(table.render())
}

/// How much longer a spine row takes at L than at M, where both were measured.
pub(crate) fn growth(all: &[Measured]) -> Option<String> {
    let per_row = |scale: Scale, name: &str, rows: f64| {
        let measured = all.iter().find(|measured| measured.scale == scale)?;
        Some(measured.contest.runs(name)?.wall()? / rows)
    };
    let m = per_row(Scale::M, PLAIN, 1e6)?;
    let l = per_row(Scale::L, &within("8GiB"), 1e7)?;
    Some(render(&[at_most(
        "wall per spine row: L within 8 GiB, of M",
        1.5,
        Some(l / m),
    )]))
}

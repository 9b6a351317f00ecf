//! Turns what was measured into tables.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::data;
use crate::meter;
use crate::phases::BATCH;
use crate::phases::KEYS;
use crate::phases::REQUESTS;
use crate::phases::Reading;
use crate::phases::Writing;
use crate::second::Sharing;
use crate::stores::Kind;

/// Everything that was measured, repetition by repetition.
#[derive(Default)]
pub(crate) struct Measured {
    /// What writing took.
    pub(crate) writings: BTreeMap<Kind, Vec<Writing>>,
    /// What reading took.
    pub(crate) readings: BTreeMap<Kind, Vec<Reading>>,
    /// What two processes can do, which no repetition changes.
    pub(crate) sharings: BTreeMap<Kind, Sharing>,
}

const MEBIBYTE: f64 = (1 << 20) as f64;

/// Writes the tables in Markdown.
pub(crate) fn render(measured: &Measured, rows: u64, repetitions: u32) -> String {
    let mut text = format!(
        "{} rows of {} bytes in batches of {BATCH}; repetitions: {repetitions}, medians; × is the ratio to the floor of the \
         same repetition.\n",
        number(rows as f64),
        data::ROW
    );
    writing(&mut text, &measured.writings, rows);
    reading(&mut text, &measured.readings);
    sharing(&mut text, &measured.sharings);
    text
}

fn writing(text: &mut String, writings: &BTreeMap<Kind, Vec<Writing>>, rows: u64) {
    text.push_str(
        "\n| write, durable per batch | rows/s | wall s | × | CPU s | × | disk MiB | × | peak RSS MiB | of its own |\n",
    );
    text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    let floor = &writings[&Kind::File];
    for (kind, runs) in writings {
        let wall = median(runs, |run| run.wall);
        row(
            text,
            *kind,
            &[
                number(rows as f64 / wall),
                number(wall),
                number(ratio(runs, floor, |run| run.wall)),
                number(median(runs, |run| run.cpu)),
                number(ratio(runs, floor, |run| run.cpu)),
                number(median(runs, |run| run.disk as f64) / MEBIBYTE),
                number(ratio(runs, floor, |run| run.disk as f64)),
                number(median(runs, |run| run.peak as f64) / MEBIBYTE),
                number(median(runs, |run| run.own as f64) / MEBIBYTE),
            ],
        );
    }
}

fn reading(text: &mut String, readings: &BTreeMap<Kind, Vec<Reading>>) {
    let _ = write!(
        text,
        "\n| read {KEYS} keys, {REQUESTS} times | CPU µs p50 | × | p99 | × | wall µs p50 | × | p99 | × | peak RSS MiB | of its own |\n"
    );
    text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    let floor = &readings[&Kind::Map];
    let times: [fn(&Reading) -> f64; 4] = [
        |run| run.cpu_p50,
        |run| run.cpu_p99,
        |run| run.wall_p50,
        |run| run.wall_p99,
    ];
    for (kind, runs) in readings {
        let mut cells = times
            .iter()
            .flat_map(|time| [number(median(runs, time)), number(ratio(runs, floor, time))])
            .collect::<Vec<_>>();
        cells.push(number(median(runs, |run| run.peak as f64) / MEBIBYTE));
        cells.push(number(median(runs, |run| run.own as f64) / MEBIBYTE));
        row(text, *kind, &cells);
    }
}

fn sharing(text: &mut String, sharings: &BTreeMap<Kind, Sharing>) {
    text.push_str(
        "\n| while a first process has it open | a second one reads | a second one writes, the first sees it |\n",
    );
    text.push_str("|---|---|---|\n");
    let cell = |outcome: &Result<(), String>| match outcome {
        Ok(()) => "yes".to_owned(),
        Err(problem) => format!("no: {}", problem.replace('|', "/")),
    };
    for (kind, sharing) in sharings {
        row(text, *kind, &[cell(&sharing.reads), cell(&sharing.writes)]);
    }
}

fn row(text: &mut String, kind: Kind, cells: &[String]) {
    text.extend(["| ", &kind.name(), " | ", &cells.join(" | "), " |\n"]);
}

fn median<Run>(runs: &[Run], figure: impl Fn(&Run) -> f64) -> f64 {
    let mut figures = runs.iter().map(figure).collect::<Vec<_>>();
    meter::quantile(&mut figures, 0.5)
}

/// The median of the ratios of a figure to that of the floor in the same repetition.
fn ratio<Run>(runs: &[Run], floor: &[Run], figure: impl Fn(&Run) -> f64) -> f64 {
    let mut ratios = runs
        .iter()
        .zip(floor)
        .map(|(run, floor)| figure(run) / figure(floor))
        .collect::<Vec<_>>();
    meter::quantile(&mut ratios, 0.5)
}

/// Three digits, or all before the point.
fn number(number: f64) -> String {
    let decimals = match number.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        _ => 2,
    };
    let digits = format!("{number:.decimals$}");
    let (whole, _) = digits.split_once('.').unwrap_or((&digits, ""));
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && index < whole.len() && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        for (value, text) in [
            (1.2345, "1.23"),
            (12.345, "12.3"),
            (123.45, "123"),
            (1_234_567.8, "1,234,568"),
            (0.0, "0.00"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn ratios_are_taken_within_a_repetition() {
        assert_eq!(ratio(&[2.0, 40.0, 9.0], &[1.0, 10.0, 3.0], |run| *run), 3.0);
    }
}

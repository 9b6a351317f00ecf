//! Traces: the row that they name is the row whose values the training set has, and its neighbours are what they say.

use std::cmp::Ordering;

use anyhow::{Context, Result};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use asof_model::Timestamp;
use asof_offline::{LookupTrace, RejectedRow, Rejection, RowTrace, TracedAnswer, TracedRow};

use crate::fixture::{Fixture, SIMPLE, rows, show, spine};

/// A view of rows with all rules at once, one of windows, and an on-demand view over both.
fn definitions() -> String {
    format!(
        "{SIMPLE}
  - {{name: v, entities: [e], source: s, ttl: 20us, availability_lag: 3us, visible_from: created_time, features: [
      {{name: x, type: int64}}]}}
  - name: w
    entities: [e]
    source: s
    ttl: 15us
    visible_from: created_time
    aggregation: {{every: 5us, features: [
      {{name: n10, type: int64, expr: \"count(*)\", window: 10us}},
      {{name: n20, type: int64, expr: \"count(*)\", window: 20us}}]}}
on_demand_feature_views:
  - {{name: d, request: [], inputs: [v], features: [{{name: twice, type: int64, expr: \"2 * v.x\"}}]}}
"
    )
}

/// A number that looks like chance and is always the same.
fn number(at: i64) -> i64 {
    let mixed = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) as i64
}

/// A row of the source as the test knows it, in the order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    key: i64,
    event: i64,
    created: Option<i64>,
    file: usize,
    row: usize,
    x: i64,
}

impl Known {
    fn order(&self, other: &Self) -> Ordering {
        let order = |known: &Self| (known.event, known.created, known.file, known.row);
        order(self).cmp(&order(other))
    }
}

const FILES: [&str; 3] = ["data/a.parquet", "data/b.parquet", "data/c.parquet"];

fn known() -> Vec<Known> {
    let mut known = Vec::new();
    for file in 0..FILES.len() {
        for row in 0..17 {
            let seed = (file * 1000 + row * 10) as i64;
            let event = number(seed) % 60;
            let delay = number(seed + 1) % 9 - 2;
            known.push(Known {
                key: number(seed + 2) % 3,
                event,
                created: (number(seed + 3) % 4 > 0).then_some(event + delay),
                file,
                row,
                x: seed,
            });
        }
    }
    known
}

fn fixture(known: &[Known]) -> Result<Fixture> {
    let mut fixture = Fixture::new(&definitions())?;
    for (file, path) in FILES.iter().enumerate() {
        let own = known.iter().filter(|known| known.file == file);
        let own: Vec<_> = own
            .map(|known| (known.key, known.event, known.created, known.x))
            .collect();
        fixture = fixture.file(path, rows(&own))?;
    }
    Ok(fixture)
}

fn is_known(found: &TracedRow, known: &Known) -> bool {
    let time = |micros: i64| Timestamp::from_micros(micros);
    *found
        == TracedRow {
            file: FILES[known.file].to_owned(),
            row: known.row as u64,
            // The fixture writes three rows per row group.
            row_group: known.row / 3,
            row_in_group: known.row as u64 % 3,
            event_time: time(known.event),
            created_time: known.created.map(time),
        }
}

/// Whether a trace has these neighbours.
fn has_rejected(trace: &[RejectedRow], expected: &[(Option<&Known>, Rejection)]) -> bool {
    let expected: Vec<_> = expected
        .iter()
        .filter_map(|(known, reason)| known.map(|known| (known, *reason)))
        .collect();
    trace.len() == expected.len()
        && (trace.iter().zip(expected))
            .all(|(rejected, (known, reason))| is_known(&rejected.row, known) && rejected.reason == reason)
}

/// The answer of the view `v` by the definition.
fn check_rows(trace: &LookupTrace, known: &[&Known], t: i64, x: Option<i64>) {
    let visible = |row: &Known| row.event + 3 <= t && row.created.is_none_or(|created| created <= t);
    let fresh = |row: &Known| row.event >= t - 20;
    let winner = known
        .iter()
        .filter(|row| visible(row) && fresh(row))
        .max_by(|a, b| a.order(b));
    assert_eq!(winner.map(|row| row.x), x, "the test agrees with the join at {t}");
    let TracedAnswer::Row(found) = &trace.answer else {
        panic!("a view of rows is answered by a row: {trace:?}");
    };
    match (found, winner) {
        (Some(found), Some(winner)) => assert!(is_known(found, winner), "{found:?} is not {winner:?}"),
        (found, winner) => assert!(found.is_none() && winner.is_none(), "{found:?} is not {winner:?}"),
    }
    let reason = |row: &Known| match () {
        () if row.event > t => Rejection::Future,
        () if !visible(row) => Rejection::NotYetVisible,
        () if !fresh(row) => Rejection::Expired,
        () => Rejection::Superseded,
    };
    let is_after = |row: &Known| match winner {
        Some(winner) => row.order(winner) == Ordering::Greater,
        None => !visible(row),
    };
    let after = known.iter().filter(|row| is_after(row)).min_by(|a, b| a.order(b));
    let rest = known
        .iter()
        .filter(|row| !is_after(row) && winner.is_none_or(|winner| winner != *row));
    let before = rest.max_by(|a, b| a.order(b));
    let expected = [after, before].map(|row| (row.copied(), row.map_or(Rejection::Future, |row| reason(row))));
    assert!(
        has_rejected(&trace.rejected, &expected),
        "{:?} is not {expected:?}",
        trace.rejected
    );
}

/// The answer of the view `w` by the definition, cutoff by cutoff.
fn check_windows(trace: &LookupTrace, known: &[&Known], t: i64, counts: [Option<i64>; 2]) {
    let visible = |row: &Known| row.created.is_none_or(|created| created <= t);
    let within = |row: &Known, cutoff: i64, window: i64| cutoff - window < row.event && row.event <= cutoff;
    let cutoffs = (-20..30).map(|at| at * 5).filter(|cutoff| *cutoff <= t);
    let filled = |cutoff: &i64| known.iter().any(|row| visible(row) && within(row, *cutoff, 20));
    let cutoff = cutoffs.filter(filled).max().filter(|cutoff| *cutoff >= t - 15);
    let TracedAnswer::Cutoff { cutoff: found, windows } = &trace.answer else {
        panic!("a view of windows is answered by a cutoff: {trace:?}");
    };
    assert_eq!(*found, cutoff.map(Timestamp::from_micros), "at {t}");
    let Some(cutoff) = cutoff else {
        assert_eq!((windows.len(), counts), (0, [None, None]));
        return;
    };
    for ((window, length), count) in windows.iter().zip([10, 20]).zip(counts) {
        let mut rows: Vec<_> = known
            .iter()
            .filter(|row| visible(row) && within(row, cutoff, length))
            .collect();
        rows.sort_by(|a, b| a.order(b));
        assert_eq!(window.window.micros(), length);
        assert_eq!((window.rows, Some(window.rows as i64)), (rows.len() as u64, count));
        let ends = |found: &Option<TracedRow>, row: Option<&&&Known>| match (found, row) {
            (Some(found), Some(row)) => is_known(found, row),
            (found, row) => found.is_none() && row.is_none(),
        };
        assert!(
            ends(&window.first, rows.first()) && ends(&window.last, rows.last()),
            "{window:?}"
        );
    }
    let after = known.iter().filter(|row| row.event > cutoff || !visible(row));
    let after = after.min_by(|a, b| a.order(b));
    let before = known.iter().filter(|row| visible(row) && row.event <= cutoff - 20);
    let before = before.max_by(|a, b| a.order(b));
    let held = after.is_some_and(|row| row.event <= t);
    let reason = if held {
        Rejection::NotYetVisible
    } else {
        Rejection::Future
    };
    let expected = [(after.copied(), reason), (before.copied(), Rejection::Expired)];
    assert!(
        has_rejected(&trace.rejected, &expected),
        "{:?} is not {expected:?}",
        trace.rejected
    );
}

fn one(value: &dyn Array) -> Option<i64> {
    let value = value.as_primitive::<Int64Type>();
    value.is_valid(0).then(|| value.value(0))
}

async fn trace(fixture: &Fixture, row: &RecordBatch) -> Result<RowTrace> {
    let plan = fixture.plan(&["v", "w", "d"])?;
    Ok(fixture.engine(2, 3).trace(&plan, row, "t").await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_names_the_row_whose_values_the_training_set_has() -> Result<()> {
    let known = known();
    let fixture = fixture(&known)?;
    let asked: Vec<(i64, i64)> = (0..120)
        .map(|at| (number(at + 7) % 4, number(at + 9) % 100 - 5))
        .collect();
    let (keys, times): (Vec<i64>, Vec<i64>) = asked.iter().copied().unzip();
    let spine = spine(&keys, &times);
    let made = fixture.join(&fixture.plan(&["v", "w", "d"])?, spine.clone()).await?;
    let mut answers = [0; 2];
    for (row, (key, t)) in asked.into_iter().enumerate() {
        let value = |column: &str| -> Result<Option<i64>> {
            let column = made.column_by_name(column).context("a feature")?;
            Ok(one(column.slice(row, 1).as_ref()))
        };
        let trace = trace(&fixture, &spine.slice(row, 1)).await?;
        assert_eq!(trace.as_of, Timestamp::from_micros(t));
        let own: Vec<&Known> = known.iter().filter(|known| known.key == key).collect();
        let [v, w] = &trace.lookups[..] else {
            anyhow::bail!("two views are looked up");
        };
        assert_eq!((v.rows_of_key, w.rows_of_key), (own.len() as u64, own.len() as u64));
        check_rows(v, &own, t, value("x")?);
        check_windows(w, &own, t, [value("n10")?, value("n20")?]);
        answers[usize::from(value("x")?.is_some())] += 1;
        for traced in v.values.iter().chain(&w.values).chain(&trace.steps[0].values) {
            assert_eq!(
                one(&traced.value),
                value(traced.feature.as_str())?,
                "{}",
                traced.feature
            );
        }
        let (name, input) = &trace.steps[0].inputs[0];
        assert_eq!((name.as_str(), one(input)), ("v.x", value("x")?));
    }
    assert!(answers.iter().all(|answers| *answers > 20), "{answers:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_key_and_a_view_without_entity_are_traced_too() -> Result<()> {
    let yaml = format!("{SIMPLE}  - {{name: g, entities: [], source: s, features: [{{name: x, type: int64}}]}}\n");
    let fixture = Fixture::new(&yaml)?.file(FILES[0], rows(&[(1, 10, None, 7), (2, 20, None, 8)]))?;
    let row = spine(&[1], &[15]);
    let made = fixture.join(&fixture.plan(&["g"])?, row.clone()).await?;
    assert_eq!(show(&made, "x"), "7");
    let trace = fixture.engine(1, 1).trace(&fixture.plan(&["g"])?, &row, "t").await?;
    let TracedAnswer::Row(Some(found)) = &trace.lookups[0].answer else {
        anyhow::bail!("a row answers: {trace:?}");
    };
    assert_eq!((found.row, trace.lookups[0].rows_of_key), (0, 2));
    let fixture = self::fixture(&known())?;
    let row = asof_testkit::Table::new().int64s("k", [None]).times("t", [15]).batch();
    let trace = self::trace(&fixture, &row).await?;
    assert!(
        trace
            .lookups
            .iter()
            .all(|lookup| lookup.answer == TracedAnswer::NullKey)
    );
    Ok(())
}

//! Runs as tables and as JSON.

use asof_materialize::{Part, RowCounts, RunEnding, RunStatus, ShardEvent, ShardStatus};
use asof_model::Timestamp;
use serde_json::{Value, json};

use crate::table::{plural, table};

/// The word for how a run is.
pub(super) fn state(run: &RunStatus, now: Timestamp) -> &'static str {
    match run.end.map(|end| end.ending) {
        Some(RunEnding::Done) => "done",
        Some(RunEnding::Cancelled) => "cancelled",
        Some(RunEnding::Lost) => "lost",
        None if run.shards.iter().any(|shard| shard.is_running(now)) => "running",
        None => "left",
    }
}

/// A table of runs.
pub(super) fn runs(runs: &[RunStatus], now: Timestamp) -> String {
    if runs.is_empty() {
        return "There is no run; `asof materialize-incremental` makes some".to_owned();
    }
    let rows = runs.iter().map(|run| {
        let done = run.shards.iter().filter(|shard| shard.done().is_some()).count();
        vec![
            run.id.to_string(),
            state(run, now).to_owned(),
            format!("{done}/{}", run.shards.len()),
            total(run).written.to_string(),
            run.plan.to.to_string(),
            run.plan.planned.to_string(),
        ]
    });
    table(
        &["run", "state", "shards", "written", "up to", "planned"],
        &[2, 3],
        rows,
    )
}

/// A run and its shards.
pub(super) fn run(run: &RunStatus, now: Timestamp) -> String {
    let plan = &run.plan;
    let from = plan
        .from
        .map_or_else(|| "what was not online".to_owned(), |from| from.to_string());
    let rows = plan
        .rows()
        .map_or_else(String::new, |rows| format!(", {}", plural(rows, "row", "rows")));
    let head = format!(
        "{}: {}\n{from} up to {}, planned {} by registry version {}{rows}\ninto {}\n\n",
        run.id,
        state(run, now),
        plan.to,
        plan.planned,
        plan.registry_version,
        plan.keyspace,
    );
    let shards = run.shards.iter().enumerate().map(|(number, shard)| {
        let mut row = vec![
            number.to_string(),
            part(shard.part),
            shard_state(shard, now).to_owned(),
            shard.attempts.to_string(),
        ];
        let done = shard.done();
        let number = |of: fn(&RowCounts) -> u64| done.map_or_else(|| "-".to_owned(), |done| of(&done.rows).to_string());
        row.extend([
            number(|rows| rows.read),
            number(|rows| rows.written),
            number(|rows| rows.kept),
        ]);
        row.push(done.map_or_else(|| "-".to_owned(), |done| done.bytes.to_string()));
        row.push(done.map_or_else(|| "-".to_owned(), |done| format!("{:.2}", done.took.as_secs_f64())));
        row.push(note(shard));
        row
    });
    let header = [
        "shard", "part", "state", "attempts", "read", "written", "kept", "bytes", "seconds", "by",
    ];
    head + &table(&header, &[0, 3, 4, 5, 6, 7, 8], shards)
}

fn part(part: Part) -> String {
    match part {
        Part::Rows { rows } => plural(rows, "row", "rows"),
        Part::Keys { index, of } => format!("entities, part {} of {of}", index + 1),
        Part::Late { files } => format!("late rows of {}", plural(files, "new file", "new files")),
    }
}

fn shard_state(shard: &ShardStatus, now: Timestamp) -> &'static str {
    match &shard.last {
        None => "waiting",
        Some(ShardEvent::Done(_)) => "done",
        Some(ShardEvent::Failed { .. }) => "failed",
        Some(ShardEvent::Released { .. }) => "waiting",
        Some(ShardEvent::Claimed(_)) if shard.is_running(now) => "running",
        Some(ShardEvent::Claimed(_)) => "left",
    }
}

/// Who does or did it, or why it failed.
fn note(shard: &ShardStatus) -> String {
    match &shard.last {
        Some(ShardEvent::Done(done)) => done.owner.clone(),
        Some(ShardEvent::Claimed(claim)) => claim.owner.clone(),
        Some(ShardEvent::Failed { problem, .. }) => problem.clone(),
        Some(ShardEvent::Released { .. }) | None => "-".to_owned(),
    }
}

fn total(run: &RunStatus) -> RowCounts {
    let mut total = RowCounts::default();
    run.shards
        .iter()
        .filter_map(ShardStatus::done)
        .for_each(|done| total += done.rows);
    total
}

pub(super) fn run_json(run: &RunStatus, now: Timestamp) -> Value {
    let shard = |shard: &ShardStatus| {
        let done = shard.done();
        json!({
            "part": part(shard.part),
            "state": shard_state(shard, now),
            "attempts": shard.attempts,
            "rows": done.map(|done| json!({
                "read": done.rows.read, "written": done.rows.written, "kept": done.rows.kept,
            })),
            "bytes": done.map(|done| done.bytes),
            "seconds": done.map(|done| done.took.as_secs_f64()),
            "checksum": done.map(|done| format!("{:016x}", done.checksum)),
            "newest_event_time": done.and_then(|done| done.newest).map(|time| time.to_string()),
            "by": note(shard),
        })
    };
    let rows = total(run);
    json!({
        "run": run.id.to_string(),
        "feature_view": run.id.view.as_str(),
        "state": state(run, now),
        "keyspace": run.plan.keyspace.to_string(),
        "registry_version": run.plan.registry_version,
        "from": run.plan.from.map(|time| time.to_string()),
        "to": run.plan.to.to_string(),
        "planned": run.plan.planned.to_string(),
        "ended": run.end.map(|end| end.at.to_string()),
        "rows": {"planned": run.plan.rows(), "read": rows.read, "written": rows.written, "kept": rows.kept},
        "shards": run.shards.iter().map(shard).collect::<Vec<_>>(),
    })
}

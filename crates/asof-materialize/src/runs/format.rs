//! The JSON of runs, version 1: plans, events of shards, ends.
//!
//! Times are microseconds since the epoch, UTC. Numbers of 64 bits that are not counted are 16 hexadecimal digits.
//! Readers refuse another `format` or `version`, and ignore keys that they do not know.

use std::time::Duration;

use asof_model::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Claim, Part, RunEnd, RunEnding, RunPlan, ShardDone, ShardEvent};
use crate::RowCounts;
use crate::life::StoredLife;

const PLAN: &str = "asof-run-plan";
const EVENT: &str = "asof-shard-event";
const END: &str = "asof-run-end";
const VERSION: u32 = 1;

/// What every object begins with.
#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Object<T> {
    #[serde(flatten)]
    header: Header,
    #[serde(flatten)]
    content: T,
}

#[derive(Serialize, Deserialize)]
struct Plan {
    keyspace: String,
    registry_version: u64,
    from_micros: Option<i64>,
    to_micros: i64,
    planned_micros: i64,
    life: StoredLife,
    rows_per_shard: u64,
    shards: Vec<Shard>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
enum Shard {
    Rows { rows: u64 },
    Keys { index: u32, parts: u32 },
    Late { files: u64 },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Claimed {
        owner: String,
        at_micros: i64,
        until_micros: i64,
        renewed: bool,
    },
    Released {
        at_micros: i64,
    },
    Failed {
        at_micros: i64,
        problem: String,
    },
    Done {
        owner: String,
        at_micros: i64,
        took_micros: u64,
        read: u64,
        written: u64,
        kept: u64,
        bytes: u64,
        checksum: String,
        newest_micros: Option<i64>,
        life: StoredLife,
    },
}

#[derive(Serialize, Deserialize)]
struct End {
    ending: Ending,
    at_micros: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Ending {
    Done,
    Cancelled,
    Lost,
}

pub(super) fn plan_to_bytes(plan: &RunPlan) -> Vec<u8> {
    let shard = |part: &Part| match *part {
        Part::Rows { rows } => Shard::Rows { rows },
        Part::Keys { index, of } => Shard::Keys { index, parts: of },
        Part::Late { files } => Shard::Late { files },
    };
    to_bytes(
        PLAN,
        Plan {
            keyspace: plan.keyspace.to_string(),
            registry_version: plan.registry_version,
            from_micros: plan.from.map(Timestamp::micros),
            to_micros: plan.to.micros(),
            planned_micros: plan.planned.micros(),
            life: StoredLife::of(plan.life),
            rows_per_shard: plan.rows_per_shard,
            shards: plan.parts.iter().map(shard).collect(),
        },
    )
}

pub(super) fn plan_from_bytes(bytes: &[u8]) -> Result<RunPlan, String> {
    let plan: Plan = from_bytes(PLAN, bytes)?;
    let part = |shard: &Shard| match *shard {
        Shard::Rows { rows } => Part::Rows { rows },
        Shard::Keys { index, parts } => Part::Keys { index, of: parts },
        Shard::Late { files } => Part::Late { files },
    };
    Ok(RunPlan {
        keyspace: plan.keyspace.parse().map_err(|error| format!("{error}"))?,
        registry_version: plan.registry_version,
        from: plan.from_micros.map(Timestamp::from_micros),
        to: Timestamp::from_micros(plan.to_micros),
        planned: Timestamp::from_micros(plan.planned_micros),
        life: plan.life.read()?,
        rows_per_shard: plan.rows_per_shard,
        parts: plan.shards.iter().map(part).collect(),
    })
}

pub(super) fn event_to_bytes(event: &ShardEvent) -> Vec<u8> {
    let event = match event.clone() {
        ShardEvent::Claimed(claim) => Event::Claimed {
            owner: claim.owner,
            at_micros: claim.at.micros(),
            until_micros: claim.until.micros(),
            renewed: claim.renewed,
        },
        ShardEvent::Released { at } => Event::Released { at_micros: at.micros() },
        ShardEvent::Failed { at, problem } => Event::Failed {
            at_micros: at.micros(),
            problem,
        },
        ShardEvent::Done(done) => Event::Done {
            owner: done.owner,
            at_micros: done.at.micros(),
            took_micros: done.took.as_micros() as u64,
            read: done.rows.read,
            written: done.rows.written,
            kept: done.rows.kept,
            bytes: done.bytes,
            checksum: hexadecimal(done.checksum),
            newest_micros: done.newest.map(Timestamp::micros),
            life: StoredLife::of(done.life),
        },
    };
    to_bytes(EVENT, event)
}

pub(super) fn event_from_bytes(bytes: &[u8]) -> Result<ShardEvent, String> {
    Ok(match from_bytes(EVENT, bytes)? {
        Event::Claimed {
            owner,
            at_micros,
            until_micros,
            renewed,
        } => ShardEvent::Claimed(Claim {
            owner,
            at: Timestamp::from_micros(at_micros),
            until: Timestamp::from_micros(until_micros),
            renewed,
        }),
        Event::Released { at_micros } => ShardEvent::Released {
            at: Timestamp::from_micros(at_micros),
        },
        Event::Failed { at_micros, problem } => ShardEvent::Failed {
            at: Timestamp::from_micros(at_micros),
            problem,
        },
        Event::Done {
            owner,
            at_micros,
            took_micros,
            read,
            written,
            kept,
            bytes,
            checksum,
            newest_micros,
            life,
        } => ShardEvent::Done(ShardDone {
            owner,
            at: Timestamp::from_micros(at_micros),
            took: Duration::from_micros(took_micros),
            rows: RowCounts { read, written, kept },
            bytes,
            checksum: number(&checksum)?,
            newest: newest_micros.map(Timestamp::from_micros),
            life: life.read()?,
        }),
    })
}

pub(super) fn end_to_bytes(end: RunEnd) -> Vec<u8> {
    let ending = match end.ending {
        RunEnding::Done => Ending::Done,
        RunEnding::Cancelled => Ending::Cancelled,
        RunEnding::Lost => Ending::Lost,
    };
    let at_micros = end.at.micros();
    to_bytes(END, End { ending, at_micros })
}

pub(super) fn end_from_bytes(bytes: &[u8]) -> Result<RunEnd, String> {
    let end: End = from_bytes(END, bytes)?;
    Ok(RunEnd {
        ending: match end.ending {
            Ending::Done => RunEnding::Done,
            Ending::Cancelled => RunEnding::Cancelled,
            Ending::Lost => RunEnding::Lost,
        },
        at: Timestamp::from_micros(end.at_micros),
    })
}

fn to_bytes<T: Serialize>(format: &str, content: T) -> Vec<u8> {
    let header = Header {
        format: format.to_owned(),
        version: VERSION,
    };
    let object = Object { header, content };
    let mut bytes = serde_json::to_vec_pretty(&object).expect("texts and numbers are always JSON");
    bytes.push(b'\n');
    bytes
}

fn from_bytes<T: DeserializeOwned>(format: &str, bytes: &[u8]) -> Result<T, String> {
    let header: Header = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if header.format != format || header.version != VERSION {
        return Err(format!(
            "it is `{}` version {}, and this Asof reads `{format}` version {VERSION}; use a newer Asof",
            header.format, header.version
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// JSON's numbers are not of 64 bits everywhere.
fn hexadecimal(number: u64) -> String {
    format!("{number:016x}")
}

fn number(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text, 16).map_err(|error| format!("`{text}` is no number: {error}"))
}

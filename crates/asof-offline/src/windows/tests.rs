//! Answers of windows against the contract, tried cutoff by cutoff, however rows come.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};
use asof_model::definition::{Aggregation, Metadata, WindowFeature};
use asof_model::key::EncodedKeys;
use asof_model::{Admission, FeatureName, ScalarType, TimeSpan, Timestamp, ViewName};
use asof_transform::AggregateProgram;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use proptest::prelude::*;

use super::{Events, WindowProgram};
use crate::asof_join::{Answers, Entities, Index, LookupKeys, NO_ROW, SlotsBuilder};
use crate::source::{RowId, Scanned};

/// A row of the source.
#[derive(Debug, Clone, Copy)]
struct Row {
    key: i64,
    event: i64,
    created: Option<i64>,
    value: Option<f64>,
}

/// A view, its rows in their files' order, and the questions.
#[derive(Debug, Clone)]
struct Case {
    every: i64,
    /// In cutoffs.
    windows: [i64; 2],
    lag: Option<i64>,
    ttl: Option<i64>,
    after: Option<i64>,
    visible_from_created: bool,
    rows: Vec<Row>,
    /// How many rows come together, and which of three partitions reads them.
    batches: Vec<(usize, usize)>,
    asked: Vec<(i64, i64)>,
    /// The memory that rows may take.
    memory: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let times = 0_i64..60;
    let values = prop::sample::select(vec![
        None,
        Some(1.0),
        Some(3.0),
        Some(1e100),
        Some(-1e100),
        Some(0.1),
        Some(-0.0),
    ]);
    let row = (0_i64..3, times.clone(), prop::option::of(0_i64..90), values);
    let row = row.prop_map(|(key, event, created, value)| Row {
        key,
        event,
        created,
        value,
    });
    let view = (
        prop::sample::select(vec![1_i64, 4, 10]),
        [1_i64..3, 1_i64..5],
        prop::option::of(1_i64..9),
        prop::option::of(1_i64..30),
        prop::option::weighted(0.2, 0_i64..40),
        any::<bool>(),
    );
    let rows = (prop::collection::vec(row, 0..50), any::<bool>());
    let batches = prop::collection::vec((1_usize..6, 0_usize..3), 50);
    let asked = prop::collection::vec((0_i64..4, 0_i64..110), 1..25);
    let memory = prop::sample::select(vec![0, 500, 1 << 30]);
    (view, rows, batches, asked, memory).prop_map(|(view, (mut rows, in_order), batches, asked, memory)| {
        if in_order {
            rows.sort_by_key(|row| row.event);
        }
        let (every, windows, lag, ttl, after, visible_from_created) = view;
        Case {
            every,
            windows,
            lag,
            ttl,
            after,
            visible_from_created,
            rows,
            batches,
            asked,
            memory,
        }
    })
}

/// Per feature the bits of its value.
type Values = Vec<Option<u64>>;

const FEATURES: [(&str, &str); 4] = [
    ("sum(x)", "float64"),
    ("count(*)", "int64"),
    ("first_value(x)", "float64"),
    ("max(x)", "float64"),
];

fn plain(feature: usize, rows: &[Row]) -> Option<u64> {
    let values = || rows.iter().filter_map(|row| row.value);
    match feature {
        0 => values().reduce(|sum, value| sum + value).map(f64::to_bits),
        1 => Some(rows.len() as u64),
        2 => rows.first().and_then(|row| row.value).map(f64::to_bits),
        _ => values().max_by(f64::total_cmp).map(f64::to_bits),
    }
}

impl Case {
    /// The cutoff that answers, and its features.
    fn expected(&self, key: i64, t: i64) -> Option<(i64, Values)> {
        let is_known = |row: &&Row| !self.visible_from_created || row.created.is_none_or(|created| created <= t);
        let mut rows: Vec<Row> = self
            .rows
            .iter()
            .filter(|row| row.key == key)
            .filter(is_known)
            .copied()
            .collect();
        rows.sort_by_key(|row| (row.event, row.created));
        let inside = |cutoff: i64, window: i64| -> Vec<Row> {
            let is_inside = |row: &&Row| cutoff - window * self.every < row.event && row.event <= cutoff;
            rows.iter().filter(is_inside).copied().collect()
        };
        let longest = self.windows[0].max(self.windows[1]);
        let cutoffs = (-20..200).map(|k| k * self.every);
        let cutoff = cutoffs
            .filter(|cutoff| cutoff + self.lag.unwrap_or(0) <= t)
            .filter(|cutoff| self.ttl.is_none_or(|ttl| *cutoff >= t - ttl))
            .filter(|cutoff| self.after.is_none_or(|after| *cutoff > after))
            .filter(|cutoff| !inside(*cutoff, longest).is_empty())
            .max()?;
        let features = (0..FEATURES.len()).flat_map(|feature| self.windows.map(|window| (feature, window)));
        let values = features.map(|(feature, window)| plain(feature, &inside(cutoff, window)));
        Some((cutoff, values.collect()))
    }

    fn program(&self) -> Result<(WindowProgram, Arc<AggregateProgram>)> {
        let span = |micros: i64| TimeSpan::from_micros(micros).context("above zero");
        let mut features = Vec::new();
        for (feature, (expr, value_type)) in FEATURES.iter().enumerate() {
            for (at, window) in self.windows.iter().enumerate() {
                features.push(WindowFeature {
                    name: FeatureName::try_new(&format!("f{feature}_{at}"))?,
                    value_type: value_type.parse()?,
                    expr: (*expr).to_owned(),
                    window: span(window * self.every)?,
                    metadata: Metadata::default(),
                });
            }
        }
        let schema = Schema::new(vec![Field::new("x", DataType::Float64, true)]);
        let aggregate = Arc::new(AggregateProgram::compile(&schema, &features)?);
        let aggregation = Aggregation {
            every: span(self.every)?,
            features,
        };
        let admission = Admission {
            ttl: self.ttl.map(span).transpose()?,
            availability_lag: self.lag.map(span).transpose()?,
            visible_from_created: self.visible_from_created,
        };
        let view = ViewName::try_new("v")?;
        let after = self.after.map(Timestamp::from_micros);
        let program = WindowProgram::new(&view, &aggregation, &admission, Arc::clone(&aggregate), after, 3);
        Ok((program, aggregate))
    }

    /// The batches of each partition. Every batch is a part of its own, so that partitions read parts in no order.
    fn partitions(&self, aggregate: &AggregateProgram) -> Result<[Vec<Scanned>; 3]> {
        let mut partitions = [const { Vec::new() }; 3];
        let mut rows = self.rows.as_slice();
        for (part, (count, partition)) in self.batches.iter().enumerate() {
            let (batch, rest) = rows.split_at(rows.len().min(*count));
            rows = rest;
            if !batch.is_empty() {
                partitions[*partition].push(scanned(part as u32, batch, aggregate)?);
            }
        }
        Ok(partitions)
    }
}

fn scanned(part: u32, rows: &[Row], aggregate: &AggregateProgram) -> Result<Scanned> {
    let values: ArrayRef = Arc::new(rows.iter().map(|row| row.value).collect::<Float64Array>());
    let inputs = aggregate.inputs(&RecordBatch::try_from_iter_with_nullable([("x", values, true)])?)?;
    let ids = (0..rows.len() as u32).map(|row| RowId::new(part, row).bits());
    let columns: [ArrayRef; 4] = [
        Arc::new(rows.iter().map(|row| row.key).collect::<Int64Array>()),
        Arc::new(TimestampMicrosecondArray::from_iter_values(
            rows.iter().map(|row| row.event),
        )),
        Arc::new(
            rows.iter()
                .map(|row| row.created)
                .collect::<TimestampMicrosecondArray>(),
        ),
        Arc::new(UInt64Array::from_iter_values(ids)),
    ];
    let columns = columns.iter().chain(inputs.columns());
    let columns = columns
        .enumerate()
        .map(|(at, column)| (at.to_string(), Arc::clone(column), true));
    Ok(Scanned::new(&RecordBatch::try_from_iter_with_nullable(columns)?, 1))
}

fn keys(batch: &Scanned, encoded: bool) -> LookupKeys {
    let values = batch.keys[0].as_primitive::<Int64Type>().values();
    if encoded {
        let keys: Vec<[u8; 8]> = values.iter().map(|key| key.to_be_bytes()).collect();
        LookupKeys::Bytes(keys.iter().map(|key| Some(key.as_slice())).collect::<EncodedKeys>())
    } else {
        LookupKeys::Ints {
            values: values.clone(),
            nulls: None,
        }
    }
}

/// Asks `index`, as the join does: partition by partition, then all together.
fn ask(case: &Case, index: Index) -> Result<(Index, Answers)> {
    let (program, aggregate) = case.program()?;
    let pool = Arc::new(GreedyMemoryPool::new(case.memory));
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc()?;
    let context = TaskContext::default().with_runtime(Arc::clone(&runtime));
    let mut all = (index.clone(), Events::new(Arc::new(program), &index, &context));
    for batches in case.partitions(&aggregate)? {
        let (mut index, mut events) = (index.clone(), all.1.share());
        for batch in &batches {
            let mut entities = Vec::new();
            index.find(&keys(batch, index.is_at_one_time()), &mut entities);
            events.offer(&index, &entities, batch)?;
        }
        events.hand_in(&index)?;
        let numbers = all.0.absorb(&index);
        all.1.absorb(events, numbers.as_deref());
    }
    let answers = all.1.finish(&all.0)?;
    if case.memory == 0 {
        assert_eq!(
            runtime.memory_pool.reserved(),
            0,
            "what does not fit is not in memory, and counted down"
        );
    }
    Ok((all.0, answers))
}

/// The features of every slot that has some.
fn read(answers: &Answers) -> Result<BTreeMap<usize, Values>> {
    let mut wanted: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for winner in answers.winners.iter().filter(|winner| **winner != NO_ROW) {
        let id = RowId::from_bits(*winner);
        wanted.entry(id.part()).or_default().push(id.row());
    }
    let source = answers.values.as_ref().context("windows come with their values")?;
    let mut values: BTreeMap<u64, Values> = BTreeMap::new();
    for (part, mut rows) in wanted {
        rows.sort_unstable();
        rows.dedup();
        assert!((part as usize) < source.parts() && rows.last() < Some(&source.rows_of(part)));
        // All but the first, then the first: groups are folded whichever are wanted.
        for rows in [&rows[1..], &rows[..1]].into_iter().filter(|rows| !rows.is_empty()) {
            let batches = futures::executor::block_on(source.read(part, rows))?;
            assert_eq!((batches.len(), batches[0].rows), (1, rows.len()));
            for (at, row) in rows.iter().enumerate() {
                let bits = batches[0].columns.iter().map(|column| bits(column, at));
                values.insert(RowId::new(part, *row).bits(), bits.collect());
            }
        }
    }
    let slots = answers
        .winners
        .iter()
        .enumerate()
        .filter(|(_, winner)| **winner != NO_ROW);
    Ok(slots.map(|(slot, winner)| (slot, values[winner].clone())).collect())
}

fn bits(column: &ArrayRef, row: usize) -> Option<u64> {
    column
        .is_valid(row)
        .then(|| match column.as_primitive_opt::<Float64Type>() {
            Some(floats) => floats.value(row).to_bits(),
            None => column.as_primitive::<Int64Type>().value(row) as u64,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_spine_gets_what_the_contract_says(case in cases()) {
        let mut builder = SlotsBuilder::new(&[ScalarType::Int64], case.asked.len());
        let (asked_keys, times): (Vec<i64>, Vec<i64>) = case.asked.iter().copied().unzip();
        builder.push(&LookupKeys::Ints { values: asked_keys.into(), nulls: None }, &times);
        let slots = Arc::new(builder.finish());
        let (_, answers) = ask(&case, Index::Spine(Arc::clone(&slots))).expect("sums of floats do not fail");
        let (_, tally) = answers.of_rows(&slots);
        let unknown = case.asked.iter().filter(|(key, _)| case.rows.iter().all(|row| row.key != *key));
        prop_assert_eq!(tally.unknown_key, unknown.count() as u64);
        let matched = case.asked.iter().filter(|(key, t)| case.expected(*key, *t).is_some()).count() as u64;
        prop_assert_eq!((tally.matched, tally.null_key), (matched, 0));
        if case.ttl.is_none() && case.after.is_none() {
            prop_assert_eq!(tally.expired, 0);
        } else {
            // What an unbounded view would have found, and no more.
            let unbounded = Case { ttl: None, after: None, ..case.clone() };
            let known = case.asked.iter().filter(|(key, t)| unbounded.expected(*key, *t).is_some()).count() as u64;
            prop_assert_eq!(tally.expired, known - matched);
        }
        let found = read(&answers).expect("sums of floats do not fail");
        for ((key, t), slot) in case.asked.iter().zip(slots.of_row()) {
            let expected = case.expected(*key, *t).map(|(_, values)| values);
            prop_assert_eq!(found.get(&(*slot as usize)), expected.as_ref(), "key {} at {}", key, t);
        }
    }

    #[test]
    fn entities_that_are_discovered_get_what_the_contract_says(case in cases()) {
        let at = case.asked[0].1;
        let index = Index::Discovered { entities: Entities::default(), at, only: None };
        let (index, answers) = ask(&case, index).expect("sums of floats do not fail");
        let found = read(&answers).expect("sums of floats do not fail");
        let Index::Discovered { entities, .. } = index else { unreachable!("it is the one that was asked") };
        for key in 0..4_i64 {
            let slot = entities.find(&key.to_be_bytes()).map(|entity| entity as usize);
            let cutoff = slot.map(|slot| answers.orders[slot].event_time.micros());
            let values = slot.and_then(|slot| found.get(&slot));
            let found = values.map(|values| (cutoff.unwrap_or_default(), values.clone()));
            prop_assert_eq!(found, case.expected(key, at), "key {} at {}", key, at);
        }
    }
}

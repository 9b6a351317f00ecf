//! The store in a Redis that Feast fills, on real servers with what Feast writes.

mod refusals;
mod rows;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::ArrayRef;
use asof_model::definition::{
    Definitions, FeatureView, JoinKey, Metadata, OnlineStoreConfig, RedisAddress, RedisConfig, RedisLayout, RowFeature,
    Source, TimeColumn, ViewBody,
};
use asof_model::key::{EncodedKeys, KeyCodec};
use asof_model::row::{DecodedRows, RowCodec};
use asof_model::{Admission, Keyspace};
use asof_online::{OnlineError, OnlineStore, ReadRequest};
use asof_proto::feast::types::Value;
use asof_proto::feast::types::value::Val;
use asof_testkit::{RedisOptions, RedisServer};
use bytes::Bytes;
use prost::Message;

/// A server, and the store in it.
struct World {
    server: RedisServer,
    store: Arc<dyn OnlineStore>,
}

impl World {
    /// Nothing is in the server. The store knows what [`definitions`] has.
    async fn new() -> Self {
        let server = RedisServer::start(RedisOptions::new()).unwrap();
        let store = open(&[server.address()], |_| ()).await;
        store.define(&definitions());
        Self { server, store }
    }

    /// Has Feast write one hash: its key and its fields.
    async fn write(&self, key: &[u8], fields: &[(&[u8], Vec<u8>)]) {
        let client = ::redis::Client::open(self.server.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        hset(key, fields).exec_async(&mut connection).await.unwrap();
    }

    async fn read(&self, view: &str, keys: &EncodedKeys) -> Result<Vec<Option<Bytes>>, OnlineError> {
        let keyspace = keyspace(view);
        let request = ReadRequest {
            keyspace: &keyspace,
            keys,
        };
        Ok(self.store.read(&[request]).await?.remove(0))
    }
}

fn hset(key: &[u8], fields: &[(&[u8], Vec<u8>)]) -> ::redis::Cmd {
    let mut command = ::redis::cmd("HSET");
    command.arg(key);
    for (field, value) in fields {
        command.arg(*field).arg(value.as_slice());
    }
    command
}

/// The store in these servers, by way of a repository's settings.
async fn open(addresses: &[String], change: impl FnOnce(&mut RedisConfig)) -> Arc<dyn OnlineStore> {
    let address = |text: &String| {
        let (host, port) = text.rsplit_once(':').unwrap();
        RedisAddress::server(host, port.parse().unwrap())
    };
    let mut config = RedisConfig::new(addresses.iter().map(address).collect());
    config.layout = RedisLayout::Feast;
    change(&mut config);
    let config = OnlineStoreConfig::Redis(Box::new(config));
    asof_online::open(&config, Path::new("/")).await.unwrap()
}

/// The project `my_project`: two views of drivers, one of trips, and one without entities.
fn definitions() -> Definitions {
    let mut all = Definitions::empty("my_project".parse().unwrap());
    let source = Source {
        name: "readings".parse().unwrap(),
        path: "readings.parquet".to_owned(),
        event_time: TimeColumn::Column("at".to_owned()),
        created_time: None,
        filter: None,
        metadata: Metadata::default(),
    };
    all.sources.insert(source.name.clone(), source);
    let driver: &[(&str, &str)] = &[("driver_id", "int64")];
    let views = [
        view("driver_stats", driver, &[("trips_today", "int64"), ("note", "string")]),
        view("driver_hourly_stats", driver, &[("conv_rate", "float64")]),
        view(
            "trips",
            &[("driver_id", "int64"), ("customer", "string")],
            &[("fares", "array<float64>")],
        ),
        view("weather", &[], &[("sunny", "bool")]),
        view("flags", &[("set", "bool")], &[("count", "int64")]),
    ];
    all.feature_views = views
        .into_iter()
        .map(|view| (view.name.clone(), view))
        .collect::<BTreeMap<_, _>>();
    all
}

fn view(name: &str, keys: &[(&str, &str)], features: &[(&str, &str)]) -> FeatureView {
    let key = |(name, key_type): &(&str, &str)| JoinKey {
        name: name.parse().unwrap(),
        key_type: key_type.parse().unwrap(),
    };
    let feature = |(name, value_type): &(&str, &str)| RowFeature {
        name: name.parse().unwrap(),
        value_type: value_type.parse().unwrap(),
        expr: None,
        metadata: Metadata::default(),
    };
    FeatureView {
        name: name.parse().unwrap(),
        entities: Vec::new(),
        join_keys: keys.iter().map(key).collect(),
        source: "readings".parse().unwrap(),
        admission: Admission {
            ttl: None,
            availability_lag: None,
            visible_from_created: false,
        },
        filter: None,
        body: ViewBody::Rows(features.iter().map(feature).collect()),
        online: true,
        schedule: None,
        expectations: Vec::new(),
        metadata: Metadata::default(),
    }
}

fn keyspace(view: &str) -> Keyspace {
    let all = definitions();
    let view = &all.feature_views[view];
    Keyspace::of(&all.project, view, &all.sources[&view.source])
}

fn keys(view: &str, columns: &[ArrayRef], rows: usize) -> EncodedKeys {
    let types: Vec<_> = definitions().feature_views[view]
        .join_keys
        .iter()
        .map(|key| key.key_type)
        .collect();
    KeyCodec::new(&types).encode(columns, rows).unwrap()
}

/// All features of the view's rows.
fn decoded(view: &str, rows: &[Option<Bytes>]) -> DecodedRows {
    let features = definitions().feature_views[view].features();
    let all: Vec<usize> = (0..features.len()).collect();
    let mut decoder = RowCodec::new(&features).decoder(&all);
    for row in rows {
        decoder.push(row.as_deref()).unwrap();
    }
    decoder.finish().unwrap()
}

/// The key of the driver 1001, as Feast 0.66 wrote it; `04` and what follows is the number, then comes the project.
fn driver(id: i64) -> Vec<u8> {
    let mut key = b"\x01\0\0\0\x02\0\0\0\x09\0\0\0driver_id\x04\0\0\0\x08\0\0\0".to_vec();
    key.extend_from_slice(&id.to_le_bytes());
    key.extend_from_slice(b"my_project");
    key
}

const TRIPS_TODAY: &[u8] = &[0xcd, 0x97, 0x67, 0x5e];
const CONV_RATE: &[u8] = &[0x61, 0x60, 0xe3, 0xda];
const TS_DRIVER_STATS: &[u8] = b"_ts:driver_stats";

/// 2023-11-14T22:13:20.123Z as Feast 0.66 wrote it.
fn at() -> Vec<u8> {
    vec![0x08, 0x80, 0xe2, 0xcf, 0xaa, 0x06, 0x10, 0xc0, 0xa9, 0xd3, 0x3a]
}

fn value(val: Val) -> Vec<u8> {
    Value { val: Some(val) }.encode_to_vec()
}

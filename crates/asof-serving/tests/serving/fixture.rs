//! A small project with one view of each kind, and an online store to write its rows into.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray};
use asof_model::definition::{
    Definitions, Entity, FeatureService, FeatureView, Impute, JoinKey, Metadata, OnDemandFeature, OnDemandView,
    Projection, RequestField, RowFeature, Source, TimeColumn, ViewBody,
};
use asof_model::key::KeyCodec;
use asof_model::row::RowCodec;
use asof_model::{Admission, EntityName, Keyspace, Timestamp};
use asof_online::{EmbeddedStore, OnlineStore};

/// The time of every request: 2013-07-04T12:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_372_939_200_000_000);

/// The point `seconds` after [`NOW`], in microseconds.
pub(crate) fn at(seconds: i64) -> i64 {
    NOW.micros() + seconds * 1_000_000
}

/// A column of texts.
pub(crate) fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// An online store in a folder that goes when this is dropped.
pub(crate) struct Store {
    pub(crate) store: Arc<dyn OnlineStore>,
    _folder: tempfile::TempDir,
}

impl Store {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            store: Arc::new(EmbeddedStore::open(folder.path()).unwrap()),
            _folder: folder,
        }
    }

    /// Writes rows of `view`: key columns, feature columns, and their times (event time, created time).
    pub(crate) async fn write(
        &self,
        view: &str,
        keys: &[ArrayRef],
        columns: &[ArrayRef],
        times: &[(i64, Option<i64>)],
    ) {
        let definitions = definitions();
        let view = &definitions.feature_views[view];
        let types: Vec<_> = view.join_keys.iter().map(|key| key.key_type).collect();
        let event_times: TimestampMicrosecondArray = times.iter().map(|(event, _)| Some(*event)).collect();
        let created_times: TimestampMicrosecondArray = times.iter().map(|(_, created)| *created).collect();
        let keys = KeyCodec::new(&types).encode(keys, times.len()).unwrap();
        let rows = RowCodec::new(&view.features());
        let rows = rows.encode(columns, &event_times, Some(&created_times)).unwrap();
        let keyspace = Keyspace::of(&definitions.project, view, &definitions.sources[&view.source]);
        self.store.write(&keyspace, &keys, &rows, None).await.unwrap();
    }
}

/// The project `flights`.
pub(crate) fn definitions() -> Definitions {
    let mut all = Definitions::empty("flights".parse().unwrap());
    let source = Source {
        name: "readings".parse().unwrap(),
        path: "readings.parquet".to_owned(),
        event_time: TimeColumn::Column("at".to_owned()),
        created_time: Some(TimeColumn::Column("written".to_owned())),
        filter: None,
        metadata: Metadata::default(),
    };
    all.sources.insert(source.name.clone(), source);
    let every_row = Admission {
        ttl: None,
        availability_lag: None,
        visible_from_created: false,
    };
    let views = [
        // Rows of three hours answer.
        FeatureView {
            admission: Admission {
                ttl: Some("3h".parse().unwrap()),
                ..every_row
            },
            ..view(
                "weather",
                &[("origin", "string")],
                &[("temp", "float64"), ("note", "string"), ("hours", "array<int64>")],
            )
        },
        // Rows are known one hour after their event time, and when they have been written.
        FeatureView {
            admission: Admission {
                availability_lag: Some("1h".parse().unwrap()),
                visible_from_created: true,
                ..every_row
            },
            ..view(
                "delays",
                &[("carrier", "string"), ("flight", "int64")],
                &[("mean", "float32"), ("trips", "int32")],
            )
        },
        view("holidays", &[], &[("day", "timestamp"), ("code", "bytes")]),
        FeatureView {
            online: false,
            ..view("archive", &[("origin", "string")], &[("wind", "float64")])
        },
    ];
    for view in views {
        for key in &view.join_keys {
            let name: EntityName = key.name.as_str().parse().unwrap();
            let entity = Entity {
                name: name.clone(),
                join_keys: vec![key.clone()],
                key_metadata: BTreeMap::new(),
                metadata: Metadata::default(),
            };
            all.entities.insert(name, entity);
        }
        all.feature_views.insert(view.name.clone(), view);
    }
    let on_demand = [
        on_demand(
            "trip",
            &[("sched_dep", "timestamp"), ("boost", "int64")],
            &["weather"],
            &[
                ("cold", "bool", "weather.temp < 32"),
                ("boosted", "float64", "weather.temp + boost"),
                ("asked", "timestamp", "as_of()"),
                ("leaves", "timestamp", "sched_dep"),
                ("ratio", "int64", "100 / boost"),
            ],
        ),
        on_demand("verdict", &[], &["trip"], &[("known", "bool", "trip.cold is not null")]),
    ];
    for view in on_demand {
        all.on_demand_feature_views.insert(view.name.clone(), view);
    }
    let services = [
        service(
            "model",
            vec![projection("weather", &[]), projection("delays", &["trips"])],
        ),
        service(
            "trips",
            vec![
                projection("trip", &["cold", "boosted", "asked", "leaves"]),
                projection("verdict", &[]),
            ],
        ),
        service(
            "both_ends",
            vec![aliased("origin_weather", "origin"), aliased("dest_weather", "dest")],
        ),
        service("seen", vec![projection("archive", &[])]),
    ];
    for service in services {
        all.feature_services.insert(service.name.clone(), service);
    }
    all
}

fn view(name: &str, keys: &[(&str, &str)], features: &[(&str, &str)]) -> FeatureView {
    let feature = |(name, value_type): &(&str, &str)| RowFeature {
        name: name.parse().unwrap(),
        value_type: value_type.parse().unwrap(),
        expr: None,
        metadata: Metadata {
            description: Some(format!("the {name}")),
            ..Metadata::default()
        },
    };
    let key = |(name, key_type): &(&str, &str)| JoinKey {
        name: name.parse().unwrap(),
        key_type: key_type.parse().unwrap(),
    };
    FeatureView {
        name: name.parse().unwrap(),
        entities: keys.iter().map(|(name, _)| name.parse().unwrap()).collect(),
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

fn on_demand(name: &str, request: &[(&str, &str)], inputs: &[&str], features: &[(&str, &str, &str)]) -> OnDemandView {
    let field = |(name, value_type): &(&str, &str)| RequestField {
        name: name.parse().unwrap(),
        value_type: value_type.parse().unwrap(),
    };
    let feature = |(name, value_type, expr): &(&str, &str, &str)| OnDemandFeature {
        name: name.parse().unwrap(),
        value_type: value_type.parse().unwrap(),
        expr: (*expr).to_owned(),
        metadata: Metadata::default(),
    };
    OnDemandView {
        name: name.parse().unwrap(),
        request: request.iter().map(field).collect(),
        request_metadata: BTreeMap::new(),
        inputs: inputs.iter().map(|view| projection(view, &[])).collect(),
        features: features.iter().map(feature).collect(),
        metadata: Metadata::default(),
    }
}

fn projection(view: &str, features: &[&str]) -> Projection {
    let features: Vec<_> = features.iter().map(|name| name.parse().unwrap()).collect();
    Projection {
        view: view.parse().unwrap(),
        alias: None,
        join_key_map: BTreeMap::new(),
        features: Some(features).filter(|features| !features.is_empty()),
    }
}

fn aliased(alias: &str, column: &str) -> Projection {
    Projection {
        alias: Some(alias.parse().unwrap()),
        join_key_map: BTreeMap::from([("origin".parse().unwrap(), column.parse().unwrap())]),
        ..projection("weather", &["temp"])
    }
}

fn service(name: &str, features: Vec<Projection>) -> FeatureService {
    FeatureService {
        name: name.parse().unwrap(),
        features,
        impute: Impute::default(),
        metadata: Metadata {
            description: Some(format!("what {name} reads")),
            owner: Some("ops".to_owned()),
            tags: BTreeMap::from([("tier".to_owned(), "one".to_owned())]),
        },
    }
}

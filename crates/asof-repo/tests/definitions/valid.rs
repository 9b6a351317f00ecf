//! Repositories that are right, and what they mean.

use std::collections::BTreeMap;
use std::path::Path;

use asof_model::definition::{ExpectationAction, Metadata, OnlineStoreConfig, TimeColumn, ViewBody};
use asof_repo::Repository;
use insta::assert_snapshot;

use crate::{complaints, file, read_folder, repository};

pub(crate) const EVERYTHING: &str = r#"
entities:
  - {name: origin, join_keys: [{name: origin, type: string}], description: departure airport, owner: me}
  - name: seat
    join_keys:
      - {name: plane, type: int64}
      - {name: row, type: int32, description: from the front, owner: cabin, tags: {unit: rows}}
    tags: [inside, "a: b"]
sources:
  - name: weather
    parquet: {path: data/weather/}
    event_time: observed at
    created_time: {expr: "ingested + interval '1 hour'"}
    filter: temp is not null
    tags: {year: 2013, raw: "true"}
feature_views:
  - name: origin_weather
    entities: [origin]
    source: weather
    ttl: 1d12h
    availability_lag: 250us
    visible_from: created_time
    filter: "true"
    online: false
    materialize: {schedule: "*/15 0-6 * * mon-fri"}
    features: &features
      - {name: temp, type: float64, description: in Fahrenheit, owner: met, tags: [measured]}
      - {name: gusts, type: array<float32>, expr: "[wind_gust]"}
    expect:
      - {name: cold, expr: temp < 100, description: no fire, owner: met, tags: {team: a}}
      - {name: warm, expr: temp > 0, action: warn}
  - {name: everywhere, source: weather, features: *features}
  - name: seat_delays
    entities: [seat, origin]
    source: weather
    aggregation:
      every: 30m
      features:
        - {name: mean_6h, type: float64, expr: "avg(delay)", window: 6h}
        - {name: count_1d, type: int64, expr: count(*), window: 1d, owner: ops, tags: [counted]}
on_demand_feature_views:
  - name: later
    inputs: [trip]
    features: [{name: cold_later, type: bool, expr: trip.feels_cold}]
  - name: trip
    request: [{name: sched_dep, type: timestamp, description: as printed, owner: ops, tags: [local]}]
    inputs: ["origin_weather:temp", {view: origin_weather, as: dest, join_key_map: {origin: dest}, features: [temp]}]
    features: [{name: feels_cold, type: bool, expr: "origin_weather.temp < 32", owner: met, tags: {a: b}}]
feature_services:
  - name: model
    features:
      - "origin_weather:temp"
      - {view: seat_delays, as: seats, join_key_map: {plane: tailnum}, features: [count_1d, mean_6h]}
      - later
    impute: {default: 0, "seats:mean_6h": -1.5, temp: 10}
"#;

#[test]
fn everything_in_the_yaml_reaches_the_definitions() {
    let repository = repository(EVERYTHING);
    assert_eq!(complaints(&repository, EVERYTHING), "");
    let definitions = repository.definitions.expect("nothing is wrong");

    assert_eq!(definitions.project.as_str(), "p");
    let seat = &definitions.entities["seat"];
    assert_eq!(seat.metadata.tags["inside"], "");
    assert_eq!(seat.metadata.tags["a: b"], "");
    assert_eq!(definitions.entities["origin"].metadata.owner.as_deref(), Some("me"));

    let source = &definitions.sources["weather"];
    assert_eq!(source.event_time, TimeColumn::Column("observed at".to_owned()));
    let created = TimeColumn::Expression("ingested + interval '1 hour'".to_owned());
    assert_eq!(source.created_time, Some(created));
    assert_eq!(source.metadata.tags["year"], "2013");

    let weather = &definitions.feature_views["origin_weather"];
    assert_eq!(
        weather.admission.ttl.map(asof_model::TimeSpan::micros),
        Some(36 * 3_600_000_000)
    );
    assert_eq!(
        weather.admission.availability_lag.map(asof_model::TimeSpan::micros),
        Some(250)
    );
    assert!(weather.admission.visible_from_created && !weather.online);
    assert_eq!(weather.schedule.as_deref(), Some("*/15 0-6 * * mon-fri"));
    assert_eq!(weather.expectations[0].action, ExpectationAction::Fail);
    assert_eq!(weather.expectations[1].action, ExpectationAction::Warn);
    assert_eq!(weather.features()[1].value_type.to_string(), "array<float32>");

    let everywhere = &definitions.feature_views["everywhere"];
    assert_eq!(everywhere.body, weather.body);
    assert!(everywhere.join_keys.is_empty() && everywhere.online && everywhere.admission.ttl.is_none());

    let delays = &definitions.feature_views["seat_delays"];
    let keys: Vec<&str> = delays.join_keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(keys, ["plane", "row", "origin"]);
    let ViewBody::Windows(aggregation) = &delays.body else {
        panic!("it aggregates")
    };
    assert_eq!(aggregation.every.to_string(), "30m");

    let trip = &definitions.on_demand_feature_views["trip"];
    assert_eq!(trip.inputs[1].shown_as().as_str(), "dest");
    assert_eq!(trip.inputs[1].join_key_map["origin"].as_str(), "dest");
    let model = &definitions.feature_services["model"];
    let asked = model.features[1].features.as_ref().expect("features are named");
    assert_eq!(asked[0].as_str(), "count_1d");
    let imputed: Vec<_> = model
        .impute
        .features
        .iter()
        .map(|((view, name), n)| format!("{view}:{name}={n}"))
        .collect();
    assert_eq!(imputed, ["origin_weather:temp=10", "seats:mean_6h=-1.5"]);
    assert_eq!(model.impute.default, Some(0.0));
}

#[test]
fn everything_that_has_a_name_may_have_a_description_an_owner_and_tags() {
    let definitions = repository(EVERYTHING).definitions.expect("nothing is wrong");
    let said = |metadata: &Metadata| {
        let tags: Vec<_> = metadata
            .tags
            .iter()
            .map(|(tag, value)| format!("{tag}={value}"))
            .collect();
        let [description, owner] = [&metadata.description, &metadata.owner].map(|text| text.as_deref().unwrap_or("-"));
        format!("{description}; {owner}; {}", tags.join(", "))
    };
    let seat = &definitions.entities["seat"];
    assert_eq!(said(&seat.key_metadata["row"]), "from the front; cabin; unit=rows");
    assert!(!seat.key_metadata.contains_key("plane"));
    let weather = &definitions.feature_views["origin_weather"];
    let ViewBody::Rows(features) = &weather.body else {
        panic!("it does not aggregate")
    };
    assert_eq!(said(&features[0].metadata), "in Fahrenheit; met; measured=");
    assert_eq!(said(&weather.expectations[0].metadata), "no fire; met; team=a");
    let ViewBody::Windows(windows) = &definitions.feature_views["seat_delays"].body else {
        panic!("it aggregates")
    };
    assert_eq!(said(&windows.features[1].metadata), "-; ops; counted=");
    let trip = &definitions.on_demand_feature_views["trip"];
    assert_eq!(said(&trip.request_metadata["sched_dep"]), "as printed; ops; local=");
    assert_eq!(said(&trip.features[0].metadata), "-; met; a=b");
}

#[test]
fn the_repositories_that_are_shipped_have_no_problem() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../feature_repos");
    for folder in std::fs::read_dir(shipped).expect("the repositories are there") {
        let folder = folder.expect("it can be read").path();
        if folder.join("feature_store.yaml").exists() {
            let repository = Repository::parse(&read_folder(&folder), &BTreeMap::new(), None);
            assert_eq!(repository.diagnostics, [], "{}", folder.display());
        }
    }
}

#[test]
fn settings_are_read_with_their_variables_and_defaults() {
    let env = BTreeMap::from([("KEY".to_owned(), "s3cret".to_owned())]);
    let settings = "\
project: p
registry: s3://b/${KEY}
offline_store: {storage: {s3://b/: {aws_secret_access_key: \"${KEY}\", aws_allow_http: true}}}
exclude: [data, views/old]
entities: [{name: e, join_keys: [{name: k, type: bool}]}]
";
    let files = [
        file("feature_store.yaml", settings),
        file("views/old/a.yaml", "nonsense"),
        file("views/data/a.yaml", "nonsense"),
        file(".hidden/a.yaml", "nonsense"),
        file("views/empty.yml", "# nothing yet\n"),
    ];
    let repository = Repository::parse(&files, &env, None);
    assert_eq!(repository.diagnostics, []);
    assert!(
        repository
            .definitions
            .is_some_and(|definitions| definitions.entities.contains_key("e"))
    );
    let store = repository.store.expect("the settings are right");
    assert_eq!(store.registry, "s3://b/s3cret");
    assert_eq!(store.storage["s3://b/"]["aws_secret_access_key"], "s3cret");
    assert_eq!(store.storage["s3://b/"]["aws_allow_http"], "true");
    let path = ".asof/online".to_owned();
    assert_eq!(store.online_store, OnlineStoreConfig::Embedded { path });
    assert_eq!(store.exclude, Repository::excluded(&files[0]));
}

#[test]
fn the_order_of_files_is_of_no_consequence() {
    let (entities, rest) = EVERYTHING.split_once("sources:").expect("it has sources");
    let rest = format!("sources:{rest}");
    let mut files = vec![
        file("b.yaml", entities),
        file("a.yaml", rest),
        file("feature_store.yaml", "project: p"),
        file("c.yaml", "entities:\n  - {name: seat, join_keys: []}\n"),
    ];
    let parse = |files: &[asof_repo::SourceFile]| Repository::parse(files, &BTreeMap::new(), None).diagnostics;
    let first = parse(&files);
    files.reverse();
    assert_eq!(parse(&files), first);
    assert_eq!(first.len(), 2);
}

#[test]
fn marks_of_order_and_line_ends_of_other_systems_move_no_place() {
    let text = "\u{feff}# é\r\nentities:\r\n  - {name: été, join_keys: [{name: k, type: bool}]}\r\n";
    assert_snapshot!(complaints(&repository(text), text), @r"
    error[ASOF0207]: `name` of entity `été` cannot be `été`
     --> a.yaml:3:12
      |
    3 |   - {name: été, join_keys: [{name: k, type: bool}]}
      |            ^^^ a name starts with a letter, not with `é`
    ");
}

#[test]
fn every_document_of_a_file_counts() {
    let text = "entities: [{name: a, join_keys: [{name: a, type: bool}]}]\n---\n---\nentities: [{name: b, join_keys: [{name: b, type: bool}]}]\n";
    let definitions = repository(text).definitions.expect("nothing is wrong");
    assert_eq!(definitions.entities.len(), 2);
}

#[test]
fn problems_of_sources_are_not_reported_twice() {
    let text = "sources: [{name: s, parquet: {path: a}, event_time: {expr: now()}}]\n";
    let files = [file("feature_store.yaml", "project: p"), file("a.yaml", text)];
    let repository = Repository::parse(&files, &BTreeMap::new(), Some(&crate::checker::Words));
    assert_eq!(repository.diagnostics.len(), 1);
    let name = asof_model::SourceName::try_new("s").expect("a name");
    let field = arrow::datatypes::Field::new("now", arrow::datatypes::DataType::Utf8, true);
    let schema = std::sync::Arc::new(arrow::datatypes::Schema::new(vec![field]));
    let schemas = BTreeMap::from([(name, Ok(schema))]);
    assert_eq!(repository.check_sources(&schemas, Some(&crate::checker::Words)), []);
}

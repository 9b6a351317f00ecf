//! What a training set's views found is told, and when it is suspiciously little, why.

use anyhow::Result;
use asof_testkit::{Asof, Table, write_parquet};
use serde_json::json;

use crate::asof;

const SETTINGS: &str = "project: airports\nregistry: registry\nonline_store: {type: embedded, path: online}\n";

const DEFINITIONS: &str = "
entities:
  - {name: airport, join_keys: [{name: code, type: string}]}
  - {name: flight, join_keys: [{name: number, type: string}]}
sources:
  - {name: weather, parquet: {path: weather.parquet}, event_time: at}
  - {name: delays, parquet: {path: delays.parquet}, event_time: at, created_time: written}
feature_views:
  - {name: weather, entities: [airport], source: weather, ttl: 3h, features: [{name: temp, type: int64}]}
  - name: delays
    entities: [flight]
    source: delays
    visible_from: created_time
    features: [{name: delay, type: int64}]
";

const HOUR: i64 = 3_600_000_000;

/// 2013-07-04T00:00:00Z.
const DAY: i64 = 1_372_896_000_000_000;

/// A repository with hourly rows of a day.
struct Airports {
    folder: tempfile::TempDir,
    asof: Asof,
}

impl Airports {
    fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("asof-matches-").tempdir()?;
        let airports = Self {
            asof: asof(folder.path()),
            folder,
        };
        let path = |name: &str| airports.folder.path().join(name);
        fs_err::write(path("feature_store.yaml"), SETTINGS)?;
        fs_err::write(path("all.yaml"), DEFINITIONS)?;
        let times = || (0..24).map(|hour| DAY + hour * HOUR);
        let weather = Table::new()
            .strings("code", (0..24).map(|row| ["JFK", "LGA"][row % 2]))
            .times("at", times())
            .int64s("temp", 0..24)
            .batch();
        write_parquet(path("weather.parquet"), &[weather])?;
        let delays = Table::new()
            .strings("number", (0..24).map(|row| ["42", "7"][row % 2]))
            .times("at", times())
            .times("written", (0..24).map(|_| DAY + 48 * HOUR))
            .int64s("delay", 0..24)
            .batch();
        write_parquet(path("delays.parquet"), &[delays])?;
        airports.asof.succeed(["apply"])?;
        Ok(airports)
    }

    /// What is said of a training set of `features` from a spine of these rows.
    fn told(&self, features: &str, rows: &[(&str, &str, &str)]) -> Result<String> {
        let run = self.asof.run(self.command(features, rows)?)?;
        anyhow::ensure!(run.code == Some(0), "{}", run.stderr);
        let table = run.stdout.split("\n\n").next().unwrap_or_default();
        let warnings: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("warning")).collect();
        Ok(format!("{table}\n{}\n", warnings.join("\n")))
    }

    fn command<'a>(&self, features: &'a str, rows: &[(&str, &str, &str)]) -> Result<Vec<&'a str>> {
        let mut csv = "code,number,event_timestamp\n".to_owned();
        for &(code, number, time) in rows {
            csv.extend([code, ",", number, ",", time, "\n"]);
        }
        fs_err::write(self.folder.path().join("spine.csv"), csv)?;
        Ok(vec![
            "get-historical-features",
            "--features",
            features,
            "--spine",
            "spine.csv",
            "--out",
            "train.parquet",
        ])
    }
}

#[test]
fn each_view_tells_what_it_found() -> Result<()> {
    let airports = Airports::new()?;
    let rows = [
        ("JFK", "42", "2013-07-04T12:30:00Z"),
        ("LGA", "7", "2013-07-08T00:00:00Z"),
        ("JFK", "42", "2013-07-07T00:00:00Z"),
        ("LGA", "7", "2013-07-04T12:30:00Z"),
        ("LGA", "7", "2013-07-03T12:30:00Z"),
        ("XXX", "42", "2013-07-07T12:30:00Z"),
        ("", "7", "2013-07-07T12:30:00Z"),
    ];
    insta::assert_snapshot!(airports.told("weather,delays", &rows)?, @r"
    VIEW     JOINED BY    MATCHED    EXPIRED     NO ROW   NULL KEY  SOURCE ROWS  FILES READ
    weather  code       2 (28.6%)  2 (28.6%)  2 (28.6%)  1 (14.3%)           24      1 of 1
    delays   number     4 (57.1%)          0  3 (42.9%)          0           24      1 of 1
    ");
    let command = airports.command("weather,delays", &rows)?;
    let document = airports.asof.succeed([&command[..], &["--output", "json"]].concat())?;
    let mut document: serde_json::Value = serde_json::from_str(&document)?;
    assert_eq!(document["warnings"], json!([]));
    // How large files are is for those to say who write them.
    let [bytes, read] = ["bytes", "bytes_read"].map(|key| document["views"][0][key].take().as_u64());
    assert!(read > Some(0) && bytes > Some(0), "{read:?} of {bytes:?}");
    insta::assert_snapshot!(serde_json::to_string_pretty(&document["views"][0])?, @r#"
    {
      "view": "weather",
      "source": "weather",
      "lookups": [
        {
          "keys": [
            "code"
          ],
          "rows": 7,
          "matched": 2,
          "expired": 2,
          "no_row": 2,
          "unknown_key": 1,
          "null_key": 1
        }
      ],
      "source_rows": 24,
      "files": 1,
      "files_read": 1,
      "bytes": null,
      "bytes_read": null
    }
    "#);
    Ok(())
}

#[test]
fn a_view_that_matches_too_little_names_the_usual_cause() -> Result<()> {
    let airports = Airports::new()?;
    let noon = "2013-07-04T12:30:00Z";
    // Keys written otherwise, and keys of another kind.
    let mut said = vec![airports.told(
        "weather,delays",
        &[("jfk", "0042", "2013-07-07T00:00:00Z"), ("lga", "0007", noon)],
    )?];
    said.push(airports.told("weather", &[("North", "1", noon), ("South", "2", noon)])?);
    // A day before the first event, the local time of a zone, and a time in another unit.
    said.push(airports.told("weather", &[("JFK", "42", "2013-06-01T00:00:00Z")])?);
    said.push(airports.told("weather", &[("JFK", "42", "2013-07-03T20:00:00Z")])?);
    said.push(airports.told("weather", &[("JFK", "42", "1970-01-16T21:22:19.2Z")])?);
    // Rows that were written later than the spine asks, and rows that are too old.
    said.push(airports.told("delays", &[("JFK", "42", noon), ("JFK", "7", noon)])?);
    said.push(airports.told(
        "weather",
        &[
            ("LGA", "7", "2013-07-05T01:30:00Z"),
            ("JFK", "7", "2013-07-05T01:30:00Z"),
        ],
    )?);
    said.push(airports.told(
        "weather",
        &[
            ("JFK", "7", "2013-07-05T12:00:00Z"),
            ("JFK", "7", "2013-07-05T13:00:00Z"),
        ],
    )?);
    insta::assert_snapshot!(said.join("\n"), @r"
    VIEW     JOINED BY  MATCHED  EXPIRED    NO ROW  NULL KEY  SOURCE ROWS  FILES READ
    weather  code             0        0  2 (100%)         0           24      0 of 1
    delays   number           0        0  2 (100%)         0           24      0 of 1
    warning: `weather` by code matches 0 of 2 rows: column `code` of the spine has `jfk` where it is `JFK` (they differ by letter case) in the source `weather`
    warning: `delays` by number matches 0 of 2 rows: column `number` of the spine has `0007` where it is `7` (they differ by leading zeros) in the source `delays`

    VIEW     JOINED BY  MATCHED  EXPIRED    NO ROW  NULL KEY  SOURCE ROWS  FILES READ
    weather  code             0        0  2 (100%)         0           24      0 of 1
    warning: `weather` by code matches 0 of 2 rows: no key of the spine is known to the source `weather`; are these the right columns?

    VIEW     JOINED BY  MATCHED  EXPIRED    NO ROW  NULL KEY  SOURCE ROWS  FILES READ
    weather  code             0        0  1 (100%)         0           24      0 of 1
    warning: `weather` by code matches 0 of 1 row: the spine's last time, 2013-06-01T00:00:00Z, is before the first event, 2013-07-04T00:00:00Z

    VIEW     JOINED BY  MATCHED  EXPIRED    NO ROW  NULL KEY  SOURCE ROWS  FILES READ
    weather  code             0        0  1 (100%)         0           24      0 of 1
    warning: `weather` by code matches 0 of 1 row: the spine's last time, 2013-07-03T20:00:00Z, is before the first event, 2013-07-04T00:00:00Z; 4 hours later, some would match: is a time zone missing?

    VIEW     JOINED BY  MATCHED  EXPIRED    NO ROW  NULL KEY  SOURCE ROWS  FILES READ
    weather  code             0        0  1 (100%)         0           24      0 of 1
    warning: `weather` by code matches 0 of 1 row: the spine's last time, 1970-01-16T21:22:19.2Z, is before the first event, 2013-07-04T00:00:00Z; 1000 times as large, they would fit: are the spine's times kept in another unit?

    VIEW    JOINED BY  MATCHED  EXPIRED    NO ROW  NULL KEY  SOURCE ROWS  FILES READ
    delays  number           0        0  2 (100%)         0           24      0 of 1
    warning: `delays` by number matches 0 of 2 rows: rows count only from their created time on (`visible_from: created_time`); were they written later than the spine's times?

    VIEW     JOINED BY  MATCHED  EXPIRED   NO ROW  NULL KEY  SOURCE ROWS  FILES READ
    weather  code       1 (50%)        0  1 (50%)         0           24      1 of 1


    VIEW     JOINED BY  MATCHED  EXPIRED    NO ROW  NULL KEY  SOURCE ROWS  FILES READ
    weather  code             0        0  2 (100%)         0           24      0 of 1
    warning: `weather` by code matches 0 of 2 rows: the spine's first time, 2013-07-05T12:00:00Z, is too late for the last event, 2013-07-04T23:00:00Z, with a ttl of 3h; 10 hours earlier, some would match: is a time zone missing?
    ");
    Ok(())
}

#[test]
fn how_a_training_set_was_made_is_explained_in_words() -> Result<()> {
    let airports = Airports::new()?;
    let rows = [
        ("JFK", "42", "2013-07-04T12:30:00Z"),
        ("LGA", "7", "2013-07-08T00:00:00Z"),
    ];
    let command = airports.command("weather,delays", &rows)?;
    let run = airports.asof.run([&command[..], &["--explain"]].concat())?;
    assert_eq!(run.code, Some(0));
    insta::with_settings!({filters => vec![(r"[0-9.]+ s ", "[time] "), (r"[0-9.]+ [KM]?i?B", "[bytes]")]}, {
        insta::assert_snapshot!(run.stderr, @r"
        reading weather: 24 rows in 1 file
        reading delays: 24 rows in 1 file
        the spine: 2 rows, as of 2013-07-04T12:30:00Z to 2013-07-08T00:00:00Z
          indexed by code: 2 entities with 2 distinct times in all
          indexed by number: 2 entities with 2 distinct times in all

        weather, joined by code, from weather
          the source  24 rows in 1 file and 1 row group, [bytes]
          skipped     0 row groups by time, 0 by key
          read        1 row group of 1 file, values of 1, [bytes] in all
          rows        24 looked up in the index, 14 of a key of the spine, 1 with values in the training set
          time        [time] for keys, [time] for values

        delays, joined by number, from delays
          the source  24 rows in 1 file and 1 row group, [bytes]
          skipped     0 row groups by time, 0 by key
          read        1 row group of 1 file, values of 1, [bytes] in all
          rows        24 looked up in the index, 24 of a key of the spine, 1 with values in the training set
          time        [time] for keys, [time] for values

        in 1 pass over the spine, written in 1 piece
        ");
    });
    let document = airports
        .asof
        .succeed([&command[..], &["--explain", "--output", "json"]].concat())?;
    let document: serde_json::Value = serde_json::from_str(&document)?;
    let explained = &document["explain"];
    assert_eq!(
        (&explained["spine"]["rows"], &explained["passes"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(explained["views"][0]["row_groups"], json!(1));
    assert_eq!(explained["views"][0]["rows_with_values"], json!(1));
    Ok(())
}

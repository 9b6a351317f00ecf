//! The point-in-time join of row features.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{
    Array, AsArray, Date32Array, DictionaryArray, Float64Array, Int64Array, ListArray, StringViewArray,
    TimestampNanosecondArray, TimestampSecondArray,
};
use arrow::datatypes::{DataType, Float64Type, Int8Type, Int64Type, Schema};
use asof_testkit::Table;

use crate::fixture::{Fixture, batches, rows, show, spine};

const X: &str = "features: [{name: x, type: int64}]";

#[tokio::test(flavor = "multi_thread")]
async fn candidates_lie_between_ttl_and_lag_both_ends_included() -> Result<()> {
    let fixture = Fixture::simple(&format!("ttl: 10us, availability_lag: 3us, {X}"))?
        .file("data/a.parquet", rows(&[(1, 100, None, 7)]))?;
    let out = fixture.join_v(spine(&[1; 5], &[102, 103, 110, 111, 99])).await?;
    assert_eq!(show(&out, "x"), "null 7 7 null null");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_ttl_a_row_answers_for_ever() -> Result<()> {
    let fixture = Fixture::simple(X)?.file("data/a.parquet", rows(&[(1, i64::MIN, None, 7)]))?;
    let out = fixture.join_v(spine(&[1, 1, 1], &[i64::MAX, i64::MIN, 0])).await?;
    assert_eq!(show(&out, "x"), "7 7 7");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ends_of_time_do_not_wrap_around() -> Result<()> {
    let fixture = Fixture::simple(&format!("ttl: 10us, availability_lag: 1us, {X}"))?.file(
        "data/a.parquet",
        rows(&[(1, i64::MIN, None, 7), (1, i64::MAX, None, 8)]),
    )?;
    let times = [i64::MIN, i64::MIN + 1, i64::MIN + 11, i64::MAX];
    let out = fixture.join_v(spine(&[1; 4], &times)).await?;
    assert_eq!(show(&out, "x"), "null 7 null null");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_by_event_time_created_time_file_and_row_number_wins() -> Result<()> {
    let fixture = Fixture::simple(X)?
        // Written in another order than their paths have.
        .file(
            "data/b.parquet",
            rows(&[(3, 5, Some(1), 31), (3, 5, Some(1), 32), (4, 5, None, 40)]),
        )?
        .file(
            "data/a.parquet",
            rows(&[
                (1, 5, Some(9), 10),
                (1, 6, Some(1), 11),
                (2, 5, Some(-7), 20),
                (2, 5, None, 21),
                (3, 5, Some(1), 33),
                (4, 5, None, 41),
                (4, 5, None, 42),
            ]),
        )?;
    let out = fixture.join_v(spine(&[1, 2, 3, 4], &[10; 4])).await?;
    // 1: the later event. 2: a null created time is lowest. 3, 4: the later file, in it the later row.
    assert_eq!(show(&out, "x"), "11 20 32 40");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn row_numbers_count_the_rows_that_filters_leave_out() -> Result<()> {
    let fixture = Fixture::simple(&format!("filter: x < 100, {X}"))?.file(
        "data/a.parquet",
        rows(&[(1, 5, None, 100), (1, 5, None, 2), (1, 5, None, 3), (1, 5, None, 200)]),
    )?;
    assert_eq!(show(&fixture.join_v(spine(&[1], &[5])).await?, "x"), "3");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn visible_from_created_time_hides_a_row_until_it_was_written() -> Result<()> {
    let fixture = Fixture::simple(&format!("visible_from: created_time, ttl: 20us, {X}"))?.file(
        "data/a.parquet",
        rows(&[
            (1, 10, Some(30), 1),
            (1, 12, Some(14), 2),
            (1, 13, Some(99), 3),
            (2, 10, None, 4),
            // A correction of an older event that lands later does not win.
            (3, 10, Some(10), 5),
            (3, 9, Some(20), 6),
        ]),
    )?;
    let keys = [1, 1, 1, 1, 1, 2, 2, 3, 3];
    let times = [13, 14, 30, 32, 33, 9, 10, 19, 20];
    let out = fixture.join_v(spine(&keys, &times)).await?;
    assert_eq!(show(&out, "x"), "null 2 2 2 null null 4 5 5");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_winner_is_a_whole_row_and_a_null_in_it_stays_null() -> Result<()> {
    let features = "features: [{name: x, type: int64}, {name: y, type: string}]";
    let batch = Table::new()
        .int64s("k", [1, 1])
        .times("at", [1, 2])
        .times("written", [None, None])
        .int64s("x", [Some(1), None])
        .strings("y", ["old", "new"])
        .batch();
    let fixture = Fixture::simple(features)?.file("data/a.parquet", batch)?;
    let out = fixture.join_v(spine(&[1, 1], &[1, 2])).await?;
    assert_eq!(
        (show(&out, "x"), show(&out, "y")),
        ("1 null".to_owned(), "old new".to_owned())
    );
    assert_eq!(
        out.column_by_name("x").map(|x| x.data_type().clone()),
        Some(DataType::Int64)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spine_row_comes_out_once_in_order_and_untouched() -> Result<()> {
    let fixture = Fixture::simple(X)?.file("data/a.parquet", rows(&[(1, 1, None, 1), (2, 1, None, 2)]))?;
    let words: DictionaryArray<Int8Type> = ["b", "a", "b", "b", "c"].into_iter().collect();
    let spine = Table::new()
        .column("words", Arc::new(words))
        .int64s("k", [2, 9, 2, 1, 2])
        .column(
            "t",
            Arc::new(TimestampSecondArray::from(vec![1, 1, 1, -1, 1]).with_timezone("+02:00")),
        )
        .column(
            "views",
            Arc::new(StringViewArray::from(vec![Some("x"), None, Some("y"), None, None])),
        )
        .batch();
    let out = fixture.join_v(spine.clone()).await?;
    assert_eq!(show(&out, "x"), "2 null 2 null 2");
    let own: Vec<usize> = (0..spine.num_columns()).collect();
    assert_eq!(out.project(&own)?, spine);
    assert_eq!(out.num_columns(), spine.num_columns() + 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_key_matches_nothing_and_only_for_the_views_that_use_it() -> Result<()> {
    let yaml = "
entities:
  - {name: a, join_keys: [{name: a, type: string}]}
  - {name: b, join_keys: [{name: b, type: string}]}
sources: [{name: s, parquet: {path: data}, event_time: at}]
feature_views:
  - {name: both, entities: [a, b], source: s, features: [{name: x, type: int64}]}
  - {name: one, entities: [a], source: s, features: [{name: y, type: int64}]}
  - {name: none, source: s, features: [{name: z, type: int64}]}
";
    let data = Table::new()
        .strings("a", [Some("a"), None, None, Some("q")])
        .strings("b", [Some("b"), None, Some("b"), None])
        .times("at", [1; 4])
        .int64s("x", [1, 2, 3, 4])
        .int64s("y", [10, 20, 30, 40])
        .int64s("z", [100, 200, 300, 400])
        .batch();
    let fixture = Fixture::new(yaml)?.file("data/a.parquet", data)?;
    let spine = Table::new()
        .strings("a", [Some("a"), Some("a"), None, None, Some("q")])
        .strings("b", [Some("b"), None, Some("b"), None, Some("b")])
        .times("t", [1; 5])
        .batch();
    let out = fixture.join(&fixture.plan(&["both", "one", "none"])?, spine).await?;
    assert_eq!(show(&out, "x"), "1 null null null null");
    assert_eq!(show(&out, "y"), "10 10 null null 40");
    assert_eq!(show(&out, "z"), "400 400 400 400 400");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn composite_keys_compare_field_by_field() -> Result<()> {
    let yaml = "
entities: [{name: e, join_keys: [{name: a, type: string}, {name: b, type: string}]}]
sources: [{name: s, parquet: {path: data}, event_time: at}]
feature_views:
  - {name: v, entities: [e], source: s, features: [{name: x, type: int64}]}
";
    let data = Table::new()
        .strings("b", ["11", "bc", ""])
        .strings("a", ["1", "a", "x"])
        .times("at", [1; 3])
        .int64s("x", [1, 2, 3])
        .batch();
    let fixture = Fixture::new(yaml)?.file("data/a.parquet", data)?;
    let spine = Table::new()
        .strings("a", ["1", "11", "a", "ab", "", "x"])
        .strings("b", ["11", "1", "bc", "c", "x", ""])
        .times("t", [1; 6])
        .batch();
    assert_eq!(show(&fixture.join_v(spine).await?, "x"), "1 null 2 null null 3");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_read_one_view_by_other_columns_and_on_demand_views_see_them() -> Result<()> {
    let yaml = "
entities: [{name: airport, join_keys: [{name: faa, type: string}]}]
sources: [{name: s, parquet: {path: data}, event_time: at}]
feature_views:
  - {name: facts, entities: [airport], source: s, ttl: 10us, features: [{name: alt, type: int64}, {name: tz, type: string}]}
on_demand_feature_views:
  - name: trip
    request: [{name: extra, type: int64}]
    inputs: [{view: facts, as: origin, join_key_map: {faa: from}}, {view: facts, as: dest, join_key_map: {faa: to}}]
    features:
      - {name: climb, type: int64, expr: dest.alt - origin.alt + extra}
      - {name: late, type: bool, expr: as_of() > timestamp '1970-01-01T00:00:00.000005Z'}
feature_services:
  - name: all
    features:
      - trip
      - {view: facts, as: dest, join_key_map: {faa: to}, features: [tz]}
";
    let data = Table::new()
        .strings("faa", ["JFK", "LAX", "LAX"])
        .times("at", [1, 1, 6])
        .int64s("alt", [10, 100, 200])
        .strings("tz", ["E", "P", "Q"])
        .batch();
    let fixture = Fixture::new(yaml)?.file("data/a.parquet", data)?;
    let spine = Table::new()
        .strings("from", [Some("JFK"), Some("JFK"), Some("XXX"), Some("LAX")])
        .strings("to", [Some("LAX"), Some("LAX"), Some("LAX"), None])
        .int32s("extra", [1, 2, 3, 4])
        .times("t", [5, 7, 7, 20])
        .batch();
    let out = fixture.join(&fixture.service("all")?, spine).await?;
    assert_eq!(show(&out, "climb"), "91 192 null null");
    assert_eq!(show(&out, "late"), "false true true true");
    assert_eq!(show(&out, "tz"), "P Q Q null");
    let names: Vec<_> = out.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["from", "to", "extra", "t", "climb", "late", "tz"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_an_event_time_are_left_out_and_nanoseconds_are_floored_on_both_sides() -> Result<()> {
    let nanos = TimestampNanosecondArray::from(vec![Some(-1), Some(1_999), None]);
    let data = Table::new()
        .int64s("k", [1, 2, 3])
        .column("at", Arc::new(nanos))
        .times("written", [None, None, None])
        .int64s("x", [1, 2, 3])
        .batch();
    let fixture = Fixture::simple(X)?.file("data/a.parquet", data)?;
    // -1 ns is -1 us; 1999 ns is 1 us, on both sides.
    let times = TimestampNanosecondArray::from(vec![-1, -1_001, 1_000, 999, i64::MAX]);
    let spine = Table::new()
        .int64s("k", [1, 1, 2, 2, 3])
        .column("t", Arc::new(times))
        .batch();
    assert_eq!(show(&fixture.join_v(spine).await?, "x"), "1 null 2 null null");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_and_times_without_a_zone_are_utc() -> Result<()> {
    let data = Table::new()
        .int64s("k", [1])
        .column("at", Arc::new(Date32Array::from(vec![1])))
        .times("written", [None])
        .int64s("x", [1])
        .batch();
    let fixture = Fixture::simple(X)?.file("data/a.parquet", data)?;
    let spine = Table::new()
        .int64s("k", [1, 1])
        .column("t", Arc::new(TimestampSecondArray::from(vec![86_400, 86_399])))
        .batch();
    assert_eq!(show(&fixture.join_v(spine).await?, "x"), "1 null");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_keep_rows_where_they_are_true_and_what_they_drop_cannot_fail() -> Result<()> {
    let yaml = "
entities: [{name: e, join_keys: [{name: k, type: int64}]}]
sources: [{name: s, parquet: {path: data}, event_time: {expr: at}, filter: ok}]
feature_views:
  - name: v
    entities: [e]
    source: s
    filter: text <> 'skip'
    features: [{name: x, type: int64, expr: cast(text as bigint)}]
";
    let data = Table::new()
        .int64s("k", [1, 1, 1, 1, 1])
        .times("at", [1, 2, 3, 4, 5])
        .bools("ok", [Some(true), None, Some(false), Some(true), Some(true)])
        .strings("text", [Some("7"), Some("8"), Some("no number"), Some("skip"), None])
        .batch();
    let fixture = Fixture::new(yaml)?.file("data/a.parquet", data)?;
    assert_eq!(show(&fixture.join_v(spine(&[1], &[9])).await?, "x"), "7");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_through_bit_for_bit() -> Result<()> {
    let features = "features: [{name: f, type: float64}, {name: l, type: array<int64>}, {name: b, type: bytes}]";
    let nan = f64::from_bits(0xfff8_0000_dead_beef);
    let lists =
        ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(2), None, Some(1)]), Some(vec![]), None]);
    let data = Table::new()
        .int64s("k", [1, 2, 3])
        .times("at", [1; 3])
        .times("written", [None, None, None])
        .floats("f", [nan, -0.0, f64::INFINITY])
        .column("l", Arc::new(lists.clone()))
        .binaries("b", [&b"\xff\0"[..], b"", b"x"])
        .batch();
    let fixture = Fixture::simple(features)?.file("data/a.parquet", data)?;
    let out = fixture.join_v(spine(&[3, 2, 1], &[1; 3])).await?;
    let floats: &Float64Array = out.column(2).as_primitive::<Float64Type>();
    let bits: Vec<u64> = floats.values().iter().map(|float| float.to_bits()).collect();
    assert_eq!(bits, [f64::INFINITY.to_bits(), (-0.0_f64).to_bits(), nan.to_bits()]);
    let expected = [lists.slice(2, 1), lists.slice(1, 1), lists.slice(0, 1)];
    for (row, expected) in expected.iter().enumerate() {
        assert_eq!(&out.column(3).slice(row, 1).to_data(), &expected.to_data());
    }
    assert_eq!(out.column(4).as_binary::<i32>().value(2), b"\xff\0");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_int32_spine_matches_an_int64_key() -> Result<()> {
    let fixture = Fixture::simple(X)?.file("data/a.parquet", rows(&[(1, 1, None, 1)]))?;
    let spine = Table::new().int32s("k", [1, 2]).times("t", [1, 1]).batch();
    assert_eq!(show(&fixture.join_v(spine).await?, "x"), "1 null");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_spine_and_an_empty_source_give_columns_without_rows_or_values() -> Result<()> {
    let fixture = Fixture::simple(X)?.file("data/a.parquet", rows(&[]))?;
    let out = fixture.join_v(spine(&[], &[])).await?;
    assert_eq!((out.num_rows(), out.num_columns()), (0, 3));
    assert_eq!(show(&fixture.join_v(spine(&[1], &[1])).await?, "x"), "null");
    let no_batches = asof_offline::Spine::Batches {
        schema: Arc::new(Schema::new(spine(&[], &[]).schema().fields().clone())),
        batches: Vec::new(),
    };
    let training_set = fixture
        .engine(2, 7)
        .training_set(&fixture.plan(&["v"])?, no_batches, "t")
        .await?;
    assert!(training_set.collect().await?.iter().all(|batch| batch.num_rows() == 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_winners_are_forgotten_and_the_rest_stays_right() -> Result<()> {
    // Far more rows win for a moment than are kept; they come in ascending order, so that each wins once.
    let many: i64 = 150_000;
    let data = Table::new()
        .int64s("k", (0..many).map(|at| at % 3))
        .times("at", 0..many)
        .times("written", (0..many).map(|_| None))
        .column("x", Arc::new(Int64Array::from_iter_values(0..many)))
        .batch();
    let fixture = Fixture::simple(X)?;
    asof_testkit::write_parquet(fixture.folder.file("data/a.parquet"), &[data])?;
    let plan = fixture.plan(&["v"])?;
    let spine = batches(spine(&[0, 1, 2, 2], &[many, many, many, 5]));
    let out = fixture
        .engine(1, 100)
        .training_set(&plan, spine, "t")
        .await?
        .collect()
        .await?;
    assert_eq!(show(&out[0], "x"), "149997 149998 149999 5");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_that_do_not_fit_or_fail_name_their_view_and_feature() -> Result<()> {
    let mut refusals = Vec::new();
    for features in [
        "{name: y, type: int64}",
        "{name: y, type: int64, expr: x / 2.0}",
        "{name: y, type: int64, expr: 1 / (x - x)}",
    ] {
        let fixture =
            Fixture::simple(&format!("features: [{features}]"))?.file("data/a.parquet", rows(&[(1, 1, None, 1)]))?;
        let refusal = fixture.refusal(batches(spine(&[1], &[1]))).await?;
        refusals.push(format!("{:?}: {refusal}", refusal.kind()));
    }
    insta::assert_snapshot!(refusals.join("\n"));
    Ok(())
}

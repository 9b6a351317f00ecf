//! Versions: applied, listed, shown, brought back, refused.

use anyhow::Result;

use crate::{Rides, stable};

#[test]
fn apply_makes_a_version_and_history_tells_of_it() -> Result<()> {
    let rides = Rides::new()?;
    insta::assert_snapshot!(rides.asof.succeed(["history"])?, @"The registry has no version yet; run `asof apply`");
    insta::assert_snapshot!(rides.asof.succeed(["apply", "-m", "First features", "--author", "ada"])?, @r"
    + add

    + entity driver (safe)
        + join_keys.driver_id: int64

    + source driver_stats (safe)
        + parquet.path: data/driver_stats.parquet
        + event_time: event_timestamp
        + created_time: created

    + feature view driver_hourly (safe)
        + entities: [driver]
        + source: driver_stats
        + ttl: 1d
        + features.conv_rate: float64
        + features.acc_rate: float64
        + features.busy: {type: bool, expr: trips > 10}
        + online: true
        affects online rows of driver_hourly (to materialize)

    + feature view driver_trips (safe)
        + entities: [driver]
        + source: driver_stats
        + ttl: 1d
        + aggregation.every: 1h
        + aggregation.features.trips_6h: {type: int64, expr: sum(trips), window: 6h}
        + aggregation.features.mean_conv_rate_24h: {type: float64, expr: avg(conv_rate), window: 1d}
        + online: true
        affects online rows of driver_trips (to materialize)

    + on-demand feature view offer (safe)
        + request.pickup_distance_km: float64
        + inputs: [driver_hourly]
        + features.far_and_unsure: {type: bool, expr: pickup_distance_km > 5 and driver_hourly.conv_rate < 0.5}

    + feature service acceptance_model (safe)
        + features: driver_hourly
        + features: driver_trips:trips_6h
        + features: offer

    Plan: 6 to add, 0 to change, 0 to remove

    Applied: registry version 1
    ");
    insta::assert_snapshot!(rides.asof.succeed(["apply"])?, @"Nothing to change: the registry already holds these definitions.");
    rides.edit("trips > 10", "trips > 12")?;
    rides.asof.succeed(["apply", "--author", "grace"])?;
    insta::assert_snapshot!(rides.asof.succeed(["rollback", "1", "-m", "12 is too many", "--author", "ada"])?, @r"
    ~ change

    ~ feature view driver_hourly (rebuild)
        ~ features.busy.expr: trips > 12 -> trips > 10
        affects online rows of driver_hourly (to rebuild)
        affects training sets of acceptance_model

    Plan: 0 to add, 1 to change, 0 to remove

    Registry version 3 holds the definitions of version 1
    ");
    insta::assert_snapshot!(stable(&rides.asof.succeed(["history"])?), @r"
    VERSION  TIME  AUTHOR  COMMIT  MESSAGE
    1  [now]  ada  -  First  features
    2  [now]  grace  -  -
    3  [now]  ada  -  rollback  to  1:  12  is  too  many
    ");
    let (_, history) = rides.json(["history"])?;
    assert_eq!(history[2]["rollback_to"], 1);
    assert_eq!(history[1]["rollback_to"], serde_json::Value::Null);
    Ok(())
}

#[test]
fn a_saved_plan_is_for_one_version_and_for_one_project() -> Result<()> {
    let rides = Rides::new()?;
    rides.asof.succeed(["plan", "--out", "first.plan"])?;
    rides.asof.succeed(["apply", "first.plan"])?;
    insta::assert_snapshot!(rides.refused(["apply", "first.plan"])?, @"error: the registry is at version 1, not at no version yet: someone else applied in between, and nothing was changed; plan again");

    // Also a plan that changes nothing holds for its version only.
    rides.asof.succeed(["plan", "--out", "same.plan"])?;
    rides.edit("trips > 10", "trips > 12")?;
    rides.asof.succeed(["plan", "--out", "second.plan"])?;
    rides.asof.succeed(["apply"])?;
    assert!(rides.refused(["apply", "same.plan"])?.contains("plan again"));
    assert!(rides.refused(["apply", "second.plan"])?.contains("plan again"));

    let text = fs_err::read_to_string(rides.path("second.plan"))?;
    fs_err::write(rides.path("edited.plan"), text.replace("trips > 12", "trips > 13"))?;
    insta::assert_snapshot!(rides.refused(["apply", "edited.plan"])?, @"error: the plan was changed after it was saved: its hash is another; save it again with `asof plan --out`");
    fs_err::write(rides.path("cut.plan"), &text[..text.len() / 2])?;
    assert!(rides.refused(["apply", "cut.plan"])?.contains("the plan is not JSON"));

    let other = Rides::new()?;
    let store = fs_err::read_to_string(other.path("feature_store.yaml"))?;
    fs_err::write(other.path("feature_store.yaml"), store.replace("rides", "walks"))?;
    let plan = rides.path("second.plan");
    insta::assert_snapshot!(other.refused(["apply", &plan.display().to_string()])?, @"error: the plan is for project `rides`, this repository is `walks`");
    let (_, history) = rides.json(["history"])?;
    assert_eq!(history.as_array().map(Vec::len), Some(2));
    Ok(())
}

#[test]
fn show_tells_what_is_applied() -> Result<()> {
    let rides = Rides::applied()?;
    insta::assert_snapshot!(rides.asof.succeed(["show"])?, @r"
    Project rides, registry version 1

    KIND                     COUNT  NAMES
    entities                     1  driver
    sources                      1  driver_stats
    feature views                2  driver_hourly, driver_trips
    on-demand feature views      1  offer
    feature services             1  acceptance_model
    ");
    insta::assert_snapshot!(rides.asof.succeed(["show", "feature-views"])?, @r"
    NAME           ENTITIES  SOURCE        TTL  FEATURES  DESCRIPTION
    driver_hourly  driver    driver_stats  1d   3         -
    driver_trips   driver    driver_stats  1d   2         -
    ");
    insta::assert_snapshot!(rides.asof.succeed(["show", "feature_view", "driver_hourly"])?, @r"
    name: driver_hourly
    entities: driver
    source: driver_stats
    ttl: 1d
    features:
      - name: conv_rate, type: float64
      - name: acc_rate, type: float64
      - name: busy, type: bool, expr: trips > 10
    online: true
    ");
    insta::assert_snapshot!(rides.refused(["show", "feature-services", "acceptance_modl"])?, @"error: the registry has no feature service `acceptance_modl`; did you mean `acceptance_model`?");
    Ok(())
}

#[test]
fn rollback_wants_a_version_that_is_there_and_not_current() -> Result<()> {
    let rides = Rides::applied()?;
    insta::assert_snapshot!(rides.refused(["rollback", "9"])?, @"error: the registry has no version 9; it is at version 1");
    insta::assert_snapshot!(rides.refused(["rollback", "1"])?, @"error: version 1 is current already; there is nothing to roll back");
    assert_eq!(rides.asof.run(["rollback", "first"])?.code, Some(2));
    Ok(())
}

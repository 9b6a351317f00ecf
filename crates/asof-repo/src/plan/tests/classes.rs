//! The class of each kind of change, and what it reaches.

use super::*;

use ChangeClass::{Breaking, Rebuild, Safe};

fn online(view: &str) -> Effect {
    Effect::OnlineKeyspace(view.to_owned())
}

fn service() -> Effect {
    Effect::Service("fraud".to_owned())
}

fn training_sets() -> Effect {
    Effect::TrainingSets("fraud".to_owned())
}

/// Checks the class and the reach of the only change that `edits` make.
fn check(edits: &[(&str, &str)], class: ChangeClass, affects: &[Effect]) {
    let plan = plan_of(edits);
    let [change] = plan.changes.as_slice() else {
        panic!("{edits:?} make {} changes", plan.changes.len());
    };
    assert_eq!((change.class, change.affects.as_slice()), (class, affects), "{edits:?}");
}

#[test]
fn words_about_things_are_safe() {
    let described = [(
        "source: profiles\n",
        "source: profiles\n    description: who they are\n",
    )];
    check(&described, Safe, &[]);
    check(
        &[(
            "name: country, type: string",
            "name: country, type: string, description: ISO",
        )],
        Safe,
        &[],
    );
    check(
        &[("{name: orders, parquet", "{name: orders, owner: me, parquet")],
        Safe,
        &[],
    );
    check(
        &[(
            "source: orders\n",
            "source: orders\n    materialize: {schedule: \"0 * * * *\"}\n",
        )],
        Safe,
        &[],
    );
}

#[test]
fn what_is_applied_when_reading_changes_answers_but_no_rows() {
    check(
        &[("basket_value / customer", "basket_value / 2 / customer")],
        Rebuild,
        &[training_sets()],
    );
}

#[test]
fn what_rows_are_made_of_rebuilds_them() {
    let orders = [online("customer_orders"), training_sets()];
    check(&[("data/orders/", "data/orders2/")], Rebuild, &orders);
    check(&[("sum(price)", "sum(price * 2)")], Rebuild, &orders);
    check(&[("every: 1h", "every: 30m")], Rebuild, &orders);
    // A store may have let rows go that a longer ttl would answer with.
    check(&[("ttl: 7d", "ttl: 6d")], Rebuild, &orders);
    check(&[("    ttl: 7d\n", "")], Rebuild, &orders);
    check(&[("ttl: 7d", "ttl: 7d\n    availability_lag: 5m")], Rebuild, &orders);
}

#[test]
fn a_longer_window_beside_others_changes_which_rows_there_are() {
    let added = "window: 1d}\n        - {name: orders_9d, type: int64, expr: \"count(*)\", window: 9d}\n  - name: customer_profile";
    let edits = [("window: 1d}\n  - name: customer_profile", added)];
    check(
        &edits,
        Rebuild,
        &[online("customer_orders"), service(), training_sets()],
    );
}

#[test]
fn a_feature_that_no_service_asks_for_only_rebuilds_rows() {
    let edits = [(
        "      - {name: is_member",
        "      - {name: city, type: string}\n      - {name: is_member",
    )];
    check(&edits, Rebuild, &[online("customer_profile")]);
    check(
        &[("member_since is not null", "vip")],
        Rebuild,
        &[online("customer_profile")],
    );
}

#[test]
fn what_callers_use_breaks_them_when_it_goes() {
    let members = "      - {name: is_member, type: bool, expr: \"member_since is not null\"}\n";
    check(&[(members, "")], Breaking, &[online("customer_profile")]);
    let country = [("name: country, type: string", "name: country, type: bytes")];
    check(
        &country,
        Breaking,
        &[online("customer_profile"), service(), training_sets()],
    );
    check(
        &[(", \"customer_profile:country\"", "")],
        Breaking,
        &[service(), training_sets()],
    );
    check(
        &[("source: profiles\n", "source: profiles\n    online: false\n")],
        Breaking,
        &[online("customer_profile")],
    );
}

#[test]
fn what_callers_must_bring_breaks_them_when_it_grows() {
    let everything = [
        online("customer_orders"),
        online("customer_profile"),
        service(),
        training_sets(),
    ];
    check(
        &[("name: customer_id, type: int64", "name: customer_id, type: string")],
        Breaking,
        &everything,
    );
    check(&[("name: customer_id", "name: id")], Breaking, &everything);
    let more = [(
        "[{name: basket_value",
        "[{name: coupon, type: string}, {name: basket_value",
    )];
    check(&more, Breaking, &[service(), training_sets()]);
}

#[test]
fn a_service_that_asks_for_more_gives_other_vectors() {
    let edits = [("\"customer_profile:country\"", "customer_profile")];
    check(&edits, Rebuild, &[service(), training_sets()]);
}

#[test]
fn each_change_of_a_plan_is_judged_alone() {
    let plan = plan_of(&[
        ("data/orders/", "data/orders2/"),
        ("ttl: 7d", "ttl: 7d\n    description: what they order"),
        ("name: country, type: string", "name: country, type: bytes"),
    ]);
    let classes: Vec<_> = plan.changes.iter().map(|c| (c.name.as_str(), c.class)).collect();
    assert_eq!(
        classes,
        [
            ("orders", Rebuild),
            ("customer_orders", Safe),
            ("customer_profile", Breaking)
        ]
    );
    assert_eq!(plan.class(), Breaking);
}

#[test]
fn what_is_new_is_safe_and_what_goes_breaks() {
    let empty = Definitions::empty(parse(SHOP).project);
    let plan = Plan::between(&empty, &parse(SHOP));
    assert_eq!(plan.class(), Safe);
    assert_eq!(plan.counts().add, 7);
    let plan = Plan::between(&parse(SHOP), &empty);
    let classes: Vec<_> = plan.changes.iter().map(|c| (c.name.as_str(), c.class)).collect();
    assert_eq!(
        classes,
        [
            ("customer", Safe),
            ("orders", Safe),
            ("profiles", Safe),
            ("customer_orders", Breaking),
            ("customer_profile", Breaking),
            ("basket", Breaking),
            ("fraud", Breaking),
        ]
    );
}

#[test]
fn on_demand_views_that_turn_around_are_judged_without_going_in_circles() {
    let two = |first: &str, second: &str| {
        let view = |name: &str, input: &str| {
            format!("  - {{name: {name}, {input}features: [{{name: of_{name}, type: int64, expr: \"1\"}}]}}\n")
        };
        parse(&format!(
            "on_demand_feature_views:\n{}{}",
            view("a", first),
            view("b", second)
        ))
    };
    let plan = Plan::between(&two("inputs: [b], ", ""), &two("", "inputs: [a], "));
    assert_eq!(plan.counts().change, 2);
}

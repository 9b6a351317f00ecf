//! Plans as people read them.

use insta::assert_snapshot;

use super::*;

fn rendered(edits: &[(&str, &str)]) -> String {
    render(&plan_of(edits), Coloring::Plain)
}

#[test]
fn nothing_to_change() {
    assert_snapshot!(rendered(&[]));
}

#[test]
fn everything_is_new() {
    let empty = Definitions::empty(parse(SHOP).project);
    assert_snapshot!(render(&Plan::between(&empty, &parse(SHOP)), Coloring::Plain));
}

#[test]
fn safe_changes() {
    assert_snapshot!(rendered(&[
        (
            "{name: orders, parquet",
            "{name: orders, owner: \"me, myself\", parquet"
        ),
        (
            "source: profiles\n",
            "source: profiles\n    description: who they are\n"
        ),
    ]));
}

#[test]
fn changes_that_rebuild() {
    assert_snapshot!(rendered(&[
        ("ttl: 7d", "ttl: 6d"),
        (
            "      - {name: country",
            "      - {name: city, type: string}\n      - {name: country"
        ),
        (
            "[customer_orders, \"customer_profile:country\", basket]",
            "[basket, customer_orders, \"customer_profile:country\"]"
        ),
    ]));
}

#[test]
fn breaking_changes() {
    assert_snapshot!(rendered(&[
        ("name: country, type: string", "name: country, type: bytes"),
        ("source: orders\n", "source: orders\n    online: false\n"),
        (", \"customer_profile:country\"", ""),
    ]));
}

#[test]
fn removals_beside_other_changes() {
    let basket = &SHOP[SHOP.find("on_demand_feature_views").unwrap()..SHOP.find("feature_services").unwrap()];
    assert_snapshot!(rendered(&[
        (basket, ""),
        (", basket]", "]"),
        ("ttl: 7d", "ttl: 6d"),
        (
            "  - {name: profiles",
            "  - {name: spare, parquet: {path: x}, event_time: {expr: \"a + b\"}}\n  - {name: profiles"
        ),
    ]));
}

#[test]
fn colours_are_around_symbols_only() {
    let text = render(&plan_of(&[("ttl: 7d", "ttl: 6d")]), Coloring::Colored);
    assert!(
        text.contains("\u{1b}[33m~\u{1b}[0m feature view customer_orders (rebuild)\n"),
        "{text:?}"
    );
}

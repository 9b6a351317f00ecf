//! Plans of every class: as exact differences, as text for people, as files.

use std::collections::BTreeMap;

use asof_model::definition::Definitions;
use asof_testkit::definitions;
use proptest::prelude::*;

use super::*;
use crate::{Coloring, Repository, STORE_FILE, SourceFile};

mod classes;
mod files;
mod rendering;

/// A small shop, in the words of people.
const SHOP: &str = r#"
entities:
  - {name: customer, join_keys: [{name: customer_id, type: int64}]}
sources:
  - {name: orders, parquet: {path: data/orders/}, event_time: ordered_at}
  - {name: profiles, parquet: {path: data/profiles/}, event_time: changed_at}
feature_views:
  - name: customer_orders
    entities: [customer]
    source: orders
    ttl: 7d
    aggregation:
      every: 1h
      features:
        - {name: orders_1d, type: int64, expr: "count(*)", window: 1d}
        - {name: spent_1d, type: float64, expr: "sum(price)", window: 1d}
  - name: customer_profile
    entities: [customer]
    source: profiles
    features:
      - {name: country, type: string}
      - {name: is_member, type: bool, expr: "member_since is not null"}
on_demand_feature_views:
  - name: basket
    request: [{name: basket_value, type: float64}]
    inputs: [customer_orders]
    features:
      - {name: share, type: float64, expr: "basket_value / customer_orders.spent_1d"}
feature_services:
  - name: fraud
    features: [customer_orders, "customer_profile:country", basket]
"#;

fn parse(yaml: &str) -> Definitions {
    let store = "project: shop\nregistry: r\nonline_store: {type: embedded, path: o}\n";
    let file = |path: &str, text: &str| SourceFile {
        path: path.to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    let files = [file(STORE_FILE, store), file("shop.yaml", yaml)];
    let repository = Repository::parse(&files, &BTreeMap::new(), None);
    let problems: Vec<_> = repository.diagnostics.iter().map(|d| &d.message).collect();
    repository.definitions.unwrap_or_else(|| panic!("{problems:?}"))
}

/// The shop with each `(from, to)` replaced in its text.
fn edited(edits: &[(&str, &str)]) -> Definitions {
    let mut text = SHOP.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "{from:?} is not in the shop");
        text = text.replace(from, to);
    }
    parse(&text)
}

fn plan_of(edits: &[(&str, &str)]) -> Plan {
    Plan::between(&parse(SHOP), &edited(edits))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_plan_applied_to_the_old_document_gives_the_new_one(old in definitions(), new in definitions()) {
        let plan = Plan::between(&old, &new);
        let (old, new) = (document::to_json(&old), document::to_json(&new));
        prop_assert_eq!(plan.apply_to(&old), Ok(new));
    }

    #[test]
    fn nothing_differs_between_equal_definitions(same in definitions()) {
        prop_assert!(Plan::between(&same, &same.clone()).is_empty());
    }

    #[test]
    fn a_plan_does_not_apply_to_a_document_that_it_has_changed(old in definitions(), new in definitions()) {
        let plan = Plan::between(&old, &new);
        let only_reorders = plan.changes.iter().all(|change| match &change.action {
            Action::Change { fields } => fields.iter().all(|f| matches!(f, FieldChange::Reorder { .. })),
            Action::Add { .. } | Action::Remove { .. } => false,
        });
        prop_assume!(!only_reorders);
        prop_assert!(plan.apply_to(&document::to_json(&new)).is_err());
    }

    #[test]
    fn what_comes_back_from_json_is_the_plan(old in definitions(), new in definitions()) {
        let plan = Plan::between(&old, &new);
        let text = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }

    #[test]
    fn additions_alone_are_safe_and_removals_alone_reach_back(some in definitions()) {
        let none = Definitions::empty(some.project.clone());
        prop_assert_eq!(Plan::between(&none, &some).class(), ChangeClass::Safe);
        let removal = Plan::between(&some, &none);
        prop_assert_eq!(removal.counts().remove, removal.changes.len());
    }
}

//! Documents: what is written is read back, and equal definitions have equal bytes.

use asof_testkit::definitions;
use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_is_read_back(some in definitions()) {
        let document = to_json(&some);
        let back = from_json(&document, &some.project);
        prop_assert_eq!(back.as_ref(), Ok(&some));
        let text: Value = serde_json::from_str(&document.to_string()).unwrap();
        prop_assert_eq!(to_json(&from_json(&text, &some.project).unwrap()).to_string(), document.to_string());
    }
}

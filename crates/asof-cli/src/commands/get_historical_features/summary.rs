//! What was found, view by view: for a person as a table, for a program as JSON.

use asof_offline::{JoinReport, LookupReport, ViewReport};
use serde_json::{Value, json};

use crate::table::table;

/// One line per view and list of key columns.
pub(super) fn matches(report: &JoinReport) -> String {
    let lookups = report
        .views
        .iter()
        .flat_map(|view| view.lookups.iter().map(move |lookup| (view, lookup)));
    let rows = lookups.map(|(view, lookup)| {
        let share = |rows: u64| share(rows, lookup.rows);
        vec![
            view.view.to_string(),
            lookup.keys.join(", "),
            share(lookup.matched),
            share(lookup.expired),
            share(lookup.without_row),
            share(lookup.null_key),
            view.rows.to_string(),
            format!("{} of {}", view.files_read, view.files),
        ]
    });
    let header = [
        "view",
        "joined by",
        "matched",
        "expired",
        "no row",
        "null key",
        "source rows",
        "files read",
    ];
    table(&header, &[2, 3, 4, 5, 6, 7], rows)
}

/// `12 (34.5%)`, and only the number where there is nothing.
fn share(rows: u64, all: u64) -> String {
    if rows == 0 {
        return "0".to_owned();
    }
    // Rounding must neither claim all nor nothing.
    let percent = (1000.0 * rows as f64 / all as f64).round() / 10.0;
    let percent = if rows < all { percent.clamp(0.1, 99.9) } else { percent };
    format!("{rows} ({percent}%)")
}

/// The same as values, with what was read.
pub(super) fn views_json(report: &JoinReport) -> Vec<Value> {
    report.views.iter().map(view_json).collect()
}

fn view_json(view: &ViewReport) -> Value {
    json!({
        "view": view.view.as_str(),
        "source": view.source.as_str(),
        "lookups": view.lookups.iter().map(lookup_json).collect::<Vec<_>>(),
        "source_rows": view.rows,
        "files": view.files,
        "files_read": view.files_read,
        "bytes": view.bytes,
        "bytes_read": view.bytes_read,
    })
}

fn lookup_json(lookup: &LookupReport) -> Value {
    json!({
        "keys": lookup.keys,
        "rows": lookup.rows,
        "matched": lookup.matched,
        "expired": lookup.expired,
        "no_row": lookup.without_row,
        "unknown_key": lookup.unknown_key,
        "null_key": lookup.null_key,
    })
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_share_is_never_rounded_to_all_or_nothing() {
        assert_eq!(share(0, 10), "0");
        assert_eq!(share(10, 10), "10 (100%)");
        assert_eq!(share(1, 3), "1 (33.3%)");
        assert_eq!(share(1, 1_000_000), "1 (0.1%)");
        assert_eq!(share(999_999, 1_000_000), "999999 (99.9%)");
    }
}

//! How a training set was made, in words.

use std::time::Duration;

use asof_offline::{IndexReport, JoinReport, ViewReport};
use indicatif::{BinaryBytes, HumanCount};
use serde_json::{Value, json};

use crate::table::plural;

/// A paragraph for the spine, one per view, and one for the memory.
pub(super) fn text(report: &JoinReport) -> String {
    let mut parts = vec![spine(report)];
    parts.extend(report.views.iter().map(view));
    parts.push(memory(report));
    parts.join("\n\n")
}

fn spine(report: &JoinReport) -> String {
    let spine = &report.spine;
    let times = match (spine.first, spine.last) {
        (Some(first), Some(last)) => format!(", as of {first} to {last}"),
        _ => String::new(),
    };
    let mut lines = vec![format!("the spine: {} rows{times}", HumanCount(spine.rows))];
    let index = |index: &IndexReport| {
        let keys = if index.keys.is_empty() {
            "no key".to_owned()
        } else {
            index.keys.join(", ")
        };
        format!(
            "  indexed by {keys}: {} with {} in all",
            counted(index.entities, "entity", "entities"),
            counted(index.slots, "distinct time", "distinct times"),
        )
    };
    lines.extend(report.indexes.iter().map(index));
    lines.join("\n")
}

fn view(view: &ViewReport) -> String {
    let keys = view.lookups.iter().map(|lookup| {
        if lookup.keys.is_empty() {
            "no key".to_owned()
        } else {
            lookup.keys.join(", ")
        }
    });
    let keys: Vec<String> = keys.collect();
    let mut lines = vec![format!(
        "{}, joined by {}, from {}",
        view.view,
        keys.join("; and by "),
        view.source
    )];
    let mut line = |what: &str, text: String| lines.push(format!("  {what:<11} {text}"));
    line(
        "the source",
        format!(
            "{} rows in {} and {}, {}",
            HumanCount(view.rows),
            counted(view.files, "file", "files"),
            counted(view.row_groups, "row group", "row groups"),
            BinaryBytes(view.bytes),
        ),
    );
    line(
        "skipped",
        format!(
            "{} by time, {} by key",
            counted(view.row_groups_pruned_by_time, "row group", "row groups"),
            HumanCount(view.row_groups_pruned_by_key),
        ),
    );
    line(
        "read",
        format!(
            "{} of {}, values of {}, {} in all",
            counted(view.row_groups_read, "row group", "row groups"),
            counted(view.files_read, "file", "files"),
            HumanCount(view.row_groups_with_values),
            BinaryBytes(view.bytes_read),
        ),
    );
    line(
        "rows",
        format!(
            "{} looked up in the index, {} of a key of the spine, {} with values in the training set",
            HumanCount(view.rows_probed),
            HumanCount(view.rows_matched),
            HumanCount(view.winners),
        ),
    );
    line(
        "time",
        format!(
            "{} for keys, {} for values",
            seconds(view.key_pass),
            seconds(view.value_pass)
        ),
    );
    lines.join("\n")
}

fn memory(report: &JoinReport) -> String {
    let mut line = format!(
        "in {} over the spine, written in {}",
        counted(report.passes, "pass", "passes"),
        counted(report.chunks, "piece", "pieces")
    );
    if report.spilled_bytes > 0 {
        let spilled = BinaryBytes(report.spilled_bytes).to_string();
        line.extend(["; ", &spilled, " went to temporary files"]);
    }
    line
}

fn counted(count: u64, one: &str, many: &str) -> String {
    if count < 1000 {
        plural(count, one, many)
    } else {
        format!("{} {many}", HumanCount(count))
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// The same as values.
pub(super) fn json(report: &JoinReport) -> Value {
    let indexes = report.indexes.iter().map(|index| {
        json!({
            "keys": index.keys,
            "entities": index.entities,
            "times": index.slots,
        })
    });
    let views = report.views.iter().map(|view| {
        json!({
            "view": view.view.as_str(),
            "source": view.source.as_str(),
            "files": view.files,
            "files_read": view.files_read,
            "row_groups": view.row_groups,
            "row_groups_read": view.row_groups_read,
            "row_groups_skipped_by_time": view.row_groups_pruned_by_time,
            "row_groups_skipped_by_key": view.row_groups_pruned_by_key,
            "row_groups_with_values": view.row_groups_with_values,
            "bytes": view.bytes,
            "bytes_read": view.bytes_read,
            "rows": view.rows,
            "rows_looked_up": view.rows_probed,
            "rows_matched": view.rows_matched,
            "rows_with_values": view.winners,
            "first_event": view.first_event.map(|time| time.to_string()),
            "last_event": view.last_event.map(|time| time.to_string()),
            "key_seconds": view.key_pass.as_secs_f64(),
            "value_seconds": view.value_pass.as_secs_f64(),
        })
    });
    json!({
        "spine": {
            "rows": report.spine.rows,
            "first": report.spine.first.map(|time| time.to_string()),
            "last": report.spine.last.map(|time| time.to_string()),
            "hash": report.spine.hash,
        },
        "indexes": indexes.collect::<Vec<_>>(),
        "views": views.collect::<Vec<_>>(),
        "passes": report.passes,
        "pieces": report.chunks,
        "spilled_bytes": report.spilled_bytes,
    })
}

//! Words and tables for people: counts with their noun, aligned columns without frames.

use std::fmt::Display;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// A table with one header line. `right` lists the columns that hold numbers.
pub(crate) fn table(header: &[&str], right: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if right.contains(&at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// `1 entity`, `2 entities`.
pub(crate) fn plural<N: PartialEq + From<u8> + Display>(count: N, one: &str, many: &str) -> String {
    format!("{count} {}", if count == N::from(1) { one } else { many })
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_align() {
        let rows = [
            vec!["a".to_owned(), "1".to_owned()],
            vec!["long name".to_owned(), "1234".to_owned()],
        ];
        assert_eq!(
            super::table(&["name", "rows"], &[1], rows),
            "NAME       ROWS\na             1\nlong name  1234"
        );
    }
}

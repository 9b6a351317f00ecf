//! Tables in Markdown.

/// A table: its first column is text, the others stand to the right.
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Self {
            head: head.iter().map(|&cell| cell.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table without columns that are empty in every row.
    pub(crate) fn render(&self) -> String {
        let shown: Vec<usize> = (0..self.head.len())
            .filter(|&at| at == 0 || self.rows.iter().any(|row| !row[at].is_empty()))
            .collect();
        let line = |cells: &[String]| {
            let cells: Vec<&str> = shown.iter().map(|&at| cells[at].as_str()).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = format!("|---|{}\n", "--:|".repeat(shown.len() - 1));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        line(&self.head) + &rule + &rows
    }
}

/// Three digits that count; nothing for what is not known.
pub(crate) fn number(value: Option<f64>) -> String {
    let Some(value) = value else {
        return String::new();
    };
    let decimals = match value.abs() {
        large if large >= 100.0 => 0,
        middle if middle >= 10.0 => 1,
        _ => 2,
    };
    let digits = format!("{value:.decimals$}");
    let (whole, rest) = digits
        .split_once('.')
        .map_or((digits.as_str(), ""), |(whole, _)| (whole, &digits[whole.len()..]));
    thousands(whole) + rest
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Parts of a document, those that are empty left out.
pub(crate) fn paragraphs(parts: &[String]) -> String {
    let parts: Vec<&str> = parts
        .iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
        .collect();
    parts.join("\n\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.123, 9.994, 12.34, 123.4, 5475.2].map(|value| number(Some(value)));
        assert_eq!(shown, ["0.12", "9.99", "12.3", "123", "5,475"]);
        assert_eq!(number(None), "");
        assert_eq!(thousands("1234567"), "1,234,567");
    }

    #[test]
    fn empty_columns_are_left_out() {
        let mut table = Table::new(&["", "a", "b"]);
        table.row(["x", "", "1"].map(str::to_owned).to_vec());
        assert_eq!(table.render(), "|  | b |\n|---|--:|\n| x | 1 |\n");
    }
}

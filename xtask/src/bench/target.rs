//! What was to be reached, and whether it was.

use super::table::{Table, number};

/// A limit and what was measured.
pub(crate) struct Target {
    /// What is measured.
    pub(crate) what: String,
    /// The limit.
    pub(crate) limit: Limit,
    /// `None` where it was not measured.
    pub(crate) measured: Option<f64>,
}

/// On which side of a figure all is well.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    /// Up to it.
    AtMost(f64),
    /// From it.
    AtLeast(f64),
}

/// A target with an upper limit.
pub(crate) fn at_most(what: &str, limit: f64, measured: Option<f64>) -> Target {
    Target {
        what: what.to_owned(),
        limit: Limit::AtMost(limit),
        measured,
    }
}

/// A table of targets; nothing without any.
pub(crate) fn render(targets: &[Target]) -> String {
    if targets.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["target", "limit", "measured", ""]);
    for target in targets {
        let (limit, is_met) = match target.limit {
            Limit::AtMost(limit) => (
                format!("≤ {}", number(Some(limit))),
                target.measured.map(|m| m <= limit),
            ),
            Limit::AtLeast(limit) => (
                format!("≥ {}", number(Some(limit))),
                target.measured.map(|m| m >= limit),
            ),
        };
        let verdict = match is_met {
            Some(true) => "met",
            Some(false) => "**not met**",
            None => "not measured",
        };
        table.row(vec![
            target.what.clone(),
            limit,
            number(target.measured),
            verdict.to_owned(),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_belong_to_what_is_well() {
        let of = |limit, measured| {
            let target = Target {
                what: "wall".to_owned(),
                limit,
                measured,
            };
            render(&[target]).lines().last().unwrap_or_default().to_owned()
        };
        assert_eq!(of(Limit::AtMost(0.5), Some(0.5)), "| wall | ≤ 0.50 | 0.50 | met |");
        assert_eq!(
            of(Limit::AtMost(0.5), Some(0.51)),
            "| wall | ≤ 0.50 | 0.51 | **not met** |"
        );
        assert_eq!(
            of(Limit::AtLeast(1.7), Some(1.69)),
            "| wall | ≥ 1.70 | 1.69 | **not met** |"
        );
        assert!(of(Limit::AtLeast(1.7), None).ends_with("not measured |"));
        assert_eq!(render(&[]), "");
    }
}

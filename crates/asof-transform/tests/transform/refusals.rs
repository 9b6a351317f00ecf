//! Every way to refuse an expression, as a person reads it.

use arrow::datatypes::{DataType, Field, Schema};
use asof_transform::{AggregateProgram, Condition, ExpressionError};

use crate::support::{compile, schema, window_feature};

/// The expression, its place underlined, what kind of refusal it is, and its words.
pub(crate) fn render(sql: &str, error: &ExpressionError) -> String {
    let mark = error.span.clone().map_or_else(String::new, |span| {
        let before = sql[..span.start].chars().map(|_| ' ').collect::<String>();
        let marked = sql[span].chars().map(|_| '^').collect::<String>();
        format!("{before}{}\n", if marked.is_empty() { "^" } else { &marked })
    });
    format!("{sql}\n{mark}{:?}\n{error}\n", error.kind)
}

fn refused(cases: &[(&str, &str)]) -> String {
    let cases = cases
        .iter()
        .map(|(sql, declared)| match compile(&schema(), sql, declared) {
            Ok(_) => panic!("accepted: {sql}"),
            Err(error) => render(sql, &error),
        });
    cases.collect::<Vec<_>>().join("\n")
}

#[test]
fn text_that_is_no_expression() {
    insta::assert_snapshot!(
        "refused_text",
        refused(&[
            ("", "int64"),
            ("  ", "int64"),
            ("minute +", "int64"),
            ("minute + * 2", "int64"),
            ("'é' || ) || carrier", "string"),
            ("minute minute minute", "int64"),
            ("minute as m", "int64"),
            ("minute; drop table x", "int64"),
            ("'open", "string"),
            ("$1 + minute", "int64"),
            ("@x + minute", "int64"),
            ("*", "int64"),
        ])
    );
}

#[test]
fn names_that_are_not_there() {
    insta::assert_snapshot!(
        "refused_names",
        refused(&[
            ("wind_gst > 25", "bool"),
            ("1 + Minute", "int64"),
            ("zzz", "int64"),
            ("flights.minute", "int64"),
            ("minute + averge(minute)", "int64"),
            ("absolute(minute)", "int64"),
            ("pg_catalog.abs(minute)", "int64"),
            ("unnest(stops)", "int64"),
            ("as_of()", "timestamp"),
        ])
    );
    let empty = compile(&Schema::empty(), "x", "int64").unwrap_err();
    assert_eq!(empty.to_string(), "`x`: there is no column `x`");
}

#[test]
fn types_that_do_not_fit() {
    insta::assert_snapshot!(
        "refused_types",
        refused(&[
            ("wind_gust > 25", "int64"),
            ("wind_gust", "int64"),
            ("minute", "int32"),
            ("minute", "float64"),
            ("carrier", "bytes"),
            ("time_hour", "int64"),
            ("stops", "array<string>"),
            ("minute + carrier", "int64"),
            ("carrier * 2", "int64"),
            ("not minute", "bool"),
            ("abs(minute, minute)", "int64"),
            ("wind_gust * interval '1 minute'", "timestamp"),
        ])
    );
}

#[test]
fn what_does_not_follow_from_the_row() {
    insta::assert_snapshot!(
        "refused_nature",
        refused(&[
            ("now()", "timestamp"),
            ("minute * random()", "float64"),
            ("current_date", "timestamp"),
            ("current_timestamp > time_hour", "bool"),
            ("UUID()", "string"),
            ("avg(wind_gust)", "float64"),
            ("minute + COUNT(*)", "int64"),
            ("median(minute)", "int64"),
            ("sum(minute) over (order by time_hour)", "int64"),
            ("lag(minute)", "int64"),
            ("(select max(temp) from weather)", "float64"),
            ("minute in (select 1)", "bool"),
            ("exists (select 1)", "bool"),
            ("abs(minute) filter (where late)", "int64"),
        ])
    );
}

#[test]
fn window_features() {
    let cases = [
        ("minute", "int64"),
        ("1 + 1", "int64"),
        ("avg(minute) + minute", "float64"),
        ("avg(sum(minute))", "float64"),
        ("count(*) filter (where count(*) > 1)", "int64"),
        ("avg(now())", "float64"),
        ("avg(minutes)", "float64"),
        ("count(*) filter (where laet)", "int64"),
        ("sum(late)", "int64"),
        ("avg(carrier)", "float64"),
        ("bool_and(minute)", "bool"),
        ("count(distinct stops)", "int64"),
        ("min(stops)", "array<int64>"),
        ("median(minute)", "float64"),
        ("array_agg(minute order by time_hour)", "array<int64>"),
        ("first_value(minute order by time_hour)", "int64"),
        ("sum(distinct minute)", "int64"),
        ("sum(minute) ignore nulls", "int64"),
        ("sum(*)", "int64"),
        ("count()", "int64"),
        ("max(minute, dep_delay)", "int64"),
        ("approx_median(carrier)", "float64"),
        ("approx_percentile_cont(minute)", "float64"),
        ("approx_percentile_cont(minute, 95)", "float64"),
        ("approx_percentile_cont(minute, dep_delay)", "float64"),
        ("approx_percentile_cont(0.5) within group (order by minute)", "float64"),
        ("approx_distinct(stops)", "int64"),
        ("top_k(minute)", "array<int64>"),
        ("top_k(minute, 0)", "array<int64>"),
        ("top_k(minute, 1.5)", "array<int64>"),
        ("top_k(minute, 3)", "int64"),
        ("top_k(*, 3)", "array<int64>"),
        ("count(*) filter (where minute)", "int64"),
        ("avg(minute)", "int64"),
        ("count(*)", "float64"),
        ("sum(minute) over ()", "int64"),
        ("cuont(*)", "int64"),
        ("sum(minute", "int64"),
    ];
    let cases = cases.map(|(sql, declared)| {
        match AggregateProgram::compile(&schema(), &[window_feature("w", declared, sql, "1h")]) {
            Ok(_) => panic!("accepted: {sql}"),
            Err(error) => render(sql, &error),
        }
    });
    insta::assert_snapshot!("refused_windows", cases.join("\n"));
}

#[test]
fn conditions_are_of_type_bool() {
    let error = Condition::compile(&schema(), "minute").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the expression gives int64, and bool is declared; declare the type that it has, or write \
         `cast(minute as boolean)`"
    );
}

#[test]
fn expressions_without_measure() {
    let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
    let long = format!("a in ({})", vec!["1234"; 2_000].join(","));
    let deep = vec!["a"; 200].join("+");
    let nested = format!("{}a{}", "(".repeat(100), ")".repeat(100));
    let errors = [long, deep, nested].map(|sql| compile(&schema, &sql, "int64").unwrap_err().to_string());
    insta::assert_snapshot!("refused_measure", errors.join("\n"));
}

#[test]
fn wide_but_flat_expressions_are_accepted() {
    let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
    let whens: Vec<String> = (0..150).map(|n| format!("when a = {n} then {}", n * 2)).collect();
    let sql = format!("case {} end", whens.join(" "));
    compile(&schema, &sql, "int64").unwrap();
}

//! The judge of SQL that the definitions' reader calls.

use arrow::datatypes::{DataType, Field};
use asof_model::definition::{Feature, RequestField};
use asof_model::{ColumnName, FeatureName, ViewName};
use asof_repo::{ExpressionChecker, ExpressionProblem};
use asof_transform::SqlChecker;

use crate::support::{schema, value_type};

fn columns() -> Vec<(String, DataType)> {
    let column = |field: &std::sync::Arc<Field>| (field.name().clone(), field.data_type().clone());
    schema().fields().iter().map(column).collect()
}

fn code(result: Result<(), ExpressionProblem>) -> &'static str {
    result.err().map_or("accepted", |problem| problem.code.as_str())
}

#[test]
fn each_kind_of_refusal_has_its_code() {
    let columns = columns();
    let row = |sql: &str, declared: &str| {
        let declared = Some(value_type(declared));
        code(SqlChecker.check_row(sql, Some(&columns), declared))
    };
    assert_eq!(row("minute + 1", "int64"), "accepted");
    assert_eq!(row("minute +", "int64"), "ASOF0501");
    assert_eq!(row("minutes", "int64"), "ASOF0502");
    assert_eq!(row("minute", "bool"), "ASOF0503");
    assert_eq!(row("now()", "timestamp"), "ASOF0504");
    assert_eq!(row("avg(minute)", "float64"), "ASOF0505");
    assert_eq!(row("(select 1)", "int64"), "ASOF0507");
    assert_eq!(row("row_number() over ()", "int64"), "ASOF0507");
    assert_eq!(row("averag(minute)", "float64"), "ASOF0508");
    assert_eq!(row("minute + carrier + late", "int64"), "ASOF0509");
    assert_eq!(code(SqlChecker.check_condition("late", Some(&columns))), "accepted");
    assert_eq!(code(SqlChecker.check_condition("minute", Some(&columns))), "ASOF0503");
    let window = |sql: &str| code(SqlChecker.check_aggregate(sql, Some(&columns), Some(value_type("float64"))));
    assert_eq!(window("avg(minute)"), "accepted");
    assert_eq!(window("minute"), "ASOF0506");
    assert_eq!(window("avg(minutes)"), "ASOF0502");
    assert_eq!(window("count(*)"), "ASOF0503");
}

#[test]
fn without_columns_only_what_needs_none_is_judged() {
    let row = |sql: &str| code(SqlChecker.check_row(sql, None, Some(value_type("int64"))));
    assert_eq!(row("anything + goes.here"), "accepted");
    assert_eq!(row("random()"), "ASOF0504");
    assert_eq!(row("sum(a)"), "ASOF0505");
    assert_eq!(row("a +"), "ASOF0501");
    let window = |sql: &str| code(SqlChecker.check_aggregate(sql, None, Some(value_type("int64"))));
    assert_eq!(window("sum(a) / count(*)"), "accepted");
    assert_eq!(window("a"), "ASOF0506");
    assert_eq!(window("sum(count(*))"), "ASOF0505");
}

#[test]
fn on_demand_expressions_are_typed_by_their_inputs() {
    let temp = Feature {
        name: FeatureName::try_new("temp").unwrap(),
        value_type: value_type("float64"),
    };
    let tables = [(ViewName::try_new("weather").unwrap(), vec![temp])];
    let request = [RequestField {
        name: ColumnName::try_new("sched_dep").unwrap(),
        value_type: value_type("timestamp"),
    }];
    let check = |sql: &str| code(SqlChecker.check_on_demand(sql, &tables, &request, Some(value_type("bool"))));
    assert_eq!(check("weather.temp < 32 and sched_dep > as_of()"), "accepted");
    assert_eq!(check("wether.temp < 32"), "ASOF0502");
    assert_eq!(check("weather.temp"), "ASOF0503");
    assert_eq!(check("now() > sched_dep"), "ASOF0504");
    assert_eq!(check("sum(weather.temp) > 1"), "ASOF0505");
}

#[test]
fn a_problem_has_place_words_and_hint_apart() {
    let problem = SqlChecker.check_row("1 + minutes", Some(&columns()), None).unwrap_err();
    assert_eq!(problem.message, "there is no column `minutes`");
    assert_eq!(problem.span, Some(4..11));
    assert_eq!(problem.hint.as_deref(), Some("did you mean `minute`?"));
}

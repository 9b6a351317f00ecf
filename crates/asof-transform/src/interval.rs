//! `number * interval`, which SQL has and DataFusion only half has: its kernels multiply, but its type coercion
//! first tries to make an interval of the number.

use std::sync::Arc;

use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, IntervalUnit};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// Plans the product of a whole number and an interval.
#[derive(Debug)]
pub(crate) struct IntervalPlanner(Arc<ScalarUDF>);

impl IntervalPlanner {
    pub(crate) fn new() -> Self {
        Self(Arc::new(ScalarUDF::from(Times {
            signature: Signature::exact(vec![INTERVAL, DataType::Int64], Volatility::Immutable),
        })))
    }
}

impl ExprPlanner for IntervalPlanner {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if !matches!(expr.op, BinaryOperator::Multiply) {
            return Ok(PlannerResult::Original(expr));
        }
        let is = |side: &Expr, wanted: fn(&DataType) -> bool| side.get_type(schema).is_ok_and(|t| wanted(&t));
        let is_interval = |side: &Expr| is(side, |t| matches!(t, DataType::Interval(_)));
        let is_whole = |side: &Expr| is(side, DataType::is_integer);
        let args = if is_interval(&expr.left) && is_whole(&expr.right) {
            vec![expr.left, expr.right]
        } else if is_whole(&expr.left) && is_interval(&expr.right) {
            vec![expr.right, expr.left]
        } else {
            return Ok(PlannerResult::Original(expr));
        };
        let product = ScalarFunction::new_udf(Arc::clone(&self.0), args);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(product)))
    }
}

/// The product itself: months, days and nanoseconds each times the number. It errs when one of them overflows.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Times {
    signature: Signature,
}

impl ScalarUDFImpl for Times {
    fn name(&self) -> &'static str {
        "interval_times"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(INTERVAL)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let [interval, number] = columns.as_slice() else {
            return datafusion::common::exec_err!("an interval is multiplied by one number");
        };
        Ok(ColumnarValue::Array(numeric::mul(interval, number)?))
    }
}

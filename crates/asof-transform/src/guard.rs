//! `and` and `or` that guard: the right side is computed for exactly those rows whose left side leaves it open.
//!
//! DataFusion decides by the batch whether it skips the right side, so `x <> 0 and 1 / x > 2` errs in one batch and
//! not in another. A feature may not depend on which rows happen to come together, and the online side brings one row
//! where the offline side brings thousands. Here each row is on its own; the same holds for `in` with a list that is
//! not constant, which becomes a chain of `or`. Arithmetic on whole numbers that overflows is made an error here too.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::kernels::boolean::{and_kleene, not, or_kleene};
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, InListExpr, Literal, NotExpr};

/// Replaces what looks at the whole batch by what looks at each row.
pub(crate) fn guard(expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
    let guarded = expr.transform_up(|expr| {
        if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
            let logic = match binary.op() {
                Operator::And => Logic::And,
                Operator::Or => Logic::Or,
                // A sum that wraps around is a wrong feature; an error is not.
                Operator::Plus | Operator::Minus | Operator::Multiply => {
                    return Ok(Transformed::yes(Arc::new(binary.clone().with_fail_on_overflow(true))));
                }
                _ => return Ok(Transformed::no(expr)),
            };
            return Ok(Transformed::yes(GuardedExpr::make(
                logic,
                binary.left(),
                binary.right(),
            )));
        }
        match expr.downcast_ref::<InListExpr>() {
            Some(list) if !list.list().iter().all(|item| item.is::<Literal>()) => Ok(Transformed::yes(any_of(list))),
            _ => Ok(Transformed::no(expr)),
        }
    })?;
    Ok(guarded.data)
}

/// `x in (a, b)` as `x = a or x = b`.
fn any_of(list: &InListExpr) -> Arc<dyn PhysicalExpr> {
    let equal = |item: &Arc<dyn PhysicalExpr>| -> Arc<dyn PhysicalExpr> {
        Arc::new(BinaryExpr::new(Arc::clone(list.expr()), Operator::Eq, Arc::clone(item)))
    };
    let any = list
        .list()
        .iter()
        .map(equal)
        .reduce(|left, right| GuardedExpr::make(Logic::Or, &left, &right))
        .unwrap_or_else(|| Arc::new(Literal::new(ScalarValue::Boolean(Some(false)))));
    if list.negated() {
        Arc::new(NotExpr::new(any))
    } else {
        any
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Logic {
    And,
    Or,
}

impl Logic {
    /// The left value that settles the answer.
    fn settled_by(self) -> bool {
        self == Self::Or
    }
}

/// `left and right`, or `left or right`, in three-valued logic.
#[derive(Debug, Eq)]
struct GuardedExpr {
    logic: Logic,
    left: Arc<dyn PhysicalExpr>,
    right: Arc<dyn PhysicalExpr>,
}

impl GuardedExpr {
    fn make(logic: Logic, left: &Arc<dyn PhysicalExpr>, right: &Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
        Arc::new(Self {
            logic,
            left: Arc::clone(left),
            right: Arc::clone(right),
        })
    }

    /// The rows that `left` leaves open: where it is null or does not settle the answer.
    fn open(&self, left: &BooleanArray) -> Result<BooleanArray> {
        let settled = match self.logic {
            Logic::And => not(left)?,
            Logic::Or => left.clone(),
        };
        Ok(not(&nulls_as_false(&settled))?)
    }
}

impl PhysicalExpr for GuardedExpr {
    fn data_type(&self, _input: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        Ok(self.left.nullable(input)? || self.right.nullable(input)?)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        let left = match self.left.evaluate(batch)? {
            ColumnarValue::Scalar(ScalarValue::Boolean(Some(value))) => {
                return if value == self.logic.settled_by() {
                    Ok(ColumnarValue::Scalar(ScalarValue::Boolean(Some(value))))
                } else {
                    self.right.evaluate(batch)
                };
            }
            other => other.into_array(rows)?,
        };
        let left = boolean(&left)?;
        let right = self
            .right
            .evaluate_selection(batch, &self.open(left)?)?
            .into_array(rows)?;
        let right = boolean(&right)?;
        let answer = match self.logic {
            Logic::And => and_kleene(left, right)?,
            Logic::Or => or_kleene(left, right)?,
        };
        Ok(ColumnarValue::Array(Arc::new(answer)))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.left, &self.right]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        let [left, right] = children.as_slice() else {
            return datafusion::common::internal_err!("a guarded expression has two sides");
        };
        Ok(Self::make(self.logic, left, right))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn boolean(array: &dyn Array) -> Result<&BooleanArray> {
    array
        .as_boolean_opt()
        .ok_or_else(|| exec_datafusion_err!("`and` and `or` need bool, not {}", array.data_type()))
}

impl fmt::Display for GuardedExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.logic {
            Logic::And => "AND",
            Logic::Or => "OR",
        };
        write!(f, "({} {word} {})", self.left, self.right)
    }
}

// Derived equality moves out of `Arc<dyn …>`, which the compiler refuses.
impl PartialEq for GuardedExpr {
    fn eq(&self, other: &Self) -> bool {
        self.logic == other.logic && self.left.eq(&other.left) && self.right.eq(&other.right)
    }
}

impl Hash for GuardedExpr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.logic.hash(state);
        self.left.hash(state);
        self.right.hash(state);
    }
}

/// The same truth values with false for null.
pub(crate) fn nulls_as_false(truth: &BooleanArray) -> BooleanArray {
    match truth.nulls() {
        None => truth.clone(),
        Some(_) => prep_null_mask_filter(truth),
    }
}

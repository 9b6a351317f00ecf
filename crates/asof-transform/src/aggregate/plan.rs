//! Which calls are folded together, and over which rows.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::buffer::BooleanBuffer;

use super::Slot;
use super::groups::Selection;
use super::typed::{FoldKind, Input, TypedCall};

/// Which rows a call folds: those that pass its filter and, but for some calls, have a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    /// A column of truth values.
    filter: Option<usize>,
    /// A column whose nulls are left out, or, where only their places are known, a column that is false there.
    present: Option<usize>,
}

/// Calls over the same values, folded in one go over some windows.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) input: Option<usize>,
    /// The position of the rows folded among [`Plan::chosen`].
    pub(super) chosen: usize,
    pub(super) fold: Fold,
    /// The windows, ascending.
    pub(super) windows: Vec<usize>,
    pub(super) uses: Vec<Use>,
}

/// What is made of a task's result.
#[derive(Debug, Clone, Copy)]
pub(super) struct Use {
    pub(super) slot: usize,
    /// The position of the slot's window among the task's.
    pub(super) window: usize,
    pub(super) kind: FoldKind,
}

/// How the values of a task are folded. Kinds of calls that follow from the same fold share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    Ends,
    SumInt,
    SumFloat,
    Squares,
    Least,
    Greatest,
    Distinct,
    ApproxDistinct,
    Quantiles,
    Top,
}

impl Fold {
    fn of(kind: FoldKind) -> Self {
        match kind {
            FoldKind::CountRows | FoldKind::CountValid | FoldKind::First { .. } | FoldKind::Last { .. } => Self::Ends,
            FoldKind::SumInt | FoldKind::AvgInt | FoldKind::All | FoldKind::Any => Self::SumInt,
            FoldKind::SumFloat | FoldKind::AvgFloat => Self::SumFloat,
            FoldKind::Variance { .. } => Self::Squares,
            FoldKind::Min => Self::Least,
            FoldKind::Max => Self::Greatest,
            FoldKind::CountDistinct => Self::Distinct,
            FoldKind::ApproxDistinct => Self::ApproxDistinct,
            FoldKind::ApproxPercentile { .. } => Self::Quantiles,
            FoldKind::TopK { .. } => Self::Top,
        }
    }
}

/// How the calls of a program are folded.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// The rows that tasks fold, each choice once.
    pub(super) chosen: Vec<Chosen>,
    pub(super) tasks: Vec<Task>,
}

impl Plan {
    pub(super) fn new(calls: &[TypedCall], slots: &[Slot]) -> Self {
        let mut plan = Self::default();
        for (number, slot) in slots.iter().enumerate() {
            let call = &calls[slot.call];
            let with_nulls = matches!(
                call.kind,
                FoldKind::First { ignore_nulls: false } | FoldKind::Last { ignore_nulls: false }
            );
            let chosen = Chosen {
                filter: call.filter,
                present: call.input.filter(|_| !with_nulls),
            };
            let chosen = position_or_push(&mut plan.chosen, |known| *known == chosen, || chosen);
            let fold = Fold::of(call.kind);
            let is_same = |task: &Task| (task.input, task.chosen, task.fold) == (call.input, chosen, fold);
            let new = || Task {
                input: call.input,
                chosen,
                fold,
                windows: Vec::new(),
                uses: Vec::new(),
            };
            let task = position_or_push(&mut plan.tasks, is_same, new);
            let task = &mut plan.tasks[task];
            task.uses.push(Use {
                slot: number,
                window: slot.window,
                kind: call.kind,
            });
            task.windows.push(slot.window);
        }
        for task in &mut plan.tasks {
            task.windows.sort_unstable();
            task.windows.dedup();
            for each in &mut task.uses {
                each.window = task.windows.partition_point(|window| *window < each.window);
            }
        }
        plan
    }
}

fn position_or_push<T>(all: &mut Vec<T>, is_same: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> usize {
    all.iter().position(is_same).unwrap_or_else(|| {
        all.push(new());
        all.len() - 1
    })
}

impl Chosen {
    /// The rows chosen of a batch.
    pub(super) fn select(self, rows: &RecordBatch, inputs: &[Input]) -> Selection {
        let filter = self
            .filter
            .map(|filter| rows.column(filter).as_boolean().values().clone());
        let present = self.present.and_then(|input| {
            let column = rows.column(input);
            if inputs[input].has_values() {
                column.nulls().map(|nulls| nulls.inner().clone())
            } else {
                Some(column.as_boolean().values().clone())
            }
        });
        let bits: Option<BooleanBuffer> = match (filter, present) {
            (Some(filter), Some(present)) => Some(&filter & &present),
            (one, other) => one.or(other),
        };
        Selection::new(bits, rows.num_rows())
    }
}

//! How much memory there is, and how much columns take.

use arrow::array::{Array, ArrayRef};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Half of the memory that this process may have: the machine's, or less where a control group says so.
pub(crate) fn half() -> u64 {
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let known = System::new_with_specifics(memory).map_or(0, |system| {
        let machine = system.total_memory();
        let limit = system.cgroup_limits().map(|limits| limits.total_memory);
        limit
            .filter(|limit| *limit > 0)
            .map_or(machine, |limit| limit.min(machine))
    });
    match known / 2 {
        // What every machine has.
        0 => 1 << 30,
        half => half,
    }
}

/// The memory that columns take, what they share counted each time; in bytes.
pub(crate) fn of_columns(columns: &[ArrayRef]) -> usize {
    let columns = columns.iter();
    columns
        .map(|column| column.to_data().get_slice_memory_size().unwrap_or_default())
        .sum()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_machine_that_runs_this_has_memory() {
        let half = super::half();
        assert!((1 << 26..1 << 50).contains(&half), "{half}");
    }
}

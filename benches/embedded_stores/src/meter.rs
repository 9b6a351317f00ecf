//! Reads clocks, memory and disk.

use std::path::Path;

use anyhow::Context;
use anyhow::Result;
use rustix::time::ClockId;

/// The processor time of all threads of this process so far, in seconds.
pub(crate) fn process_cpu() -> f64 {
    seconds(ClockId::ProcessCPUTime)
}

/// The processor time of this thread so far, in seconds.
pub(crate) fn thread_cpu() -> f64 {
    seconds(ClockId::ThreadCPUTime)
}

fn seconds(clock: ClockId) -> f64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The most memory that this process ever had, pages of mapped files included, in bytes.
pub(crate) fn peak_memory() -> Result<u64> {
    status("VmHWM:")
}

/// The memory that this process has for itself now, in bytes: what the system cannot take back by dropping pages of
/// files.
pub(crate) fn own_memory() -> Result<u64> {
    status("RssAnon:")
}

/// Reads a line of `/proc/self/status`, which counts in KiB.
fn status(name: &str) -> Result<u64> {
    let status = fs_err::read_to_string("/proc/self/status")?;
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .with_context(|| format!("/proc/self/status has no {name}"))?;
    Ok(kibibytes * 1024)
}

/// What the files of a folder take on the disk, in bytes: holes in them do not count.
pub(crate) fn disk(folder: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            disk(&entry.path())?
        } else {
            entry.metadata()?.blocks() * 512
        };
    }
    Ok(bytes)
}

/// The value that a share of the values does not pass. There is at least one value.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_are_there() {
        let mut values = (1..=100).rev().map(f64::from).collect::<Vec<_>>();
        assert_eq!(quantile(&mut values, 0.5), 50.0);
        assert_eq!(quantile(&mut values, 0.99), 99.0);
        assert_eq!(quantile(&mut [3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(&mut [3.0], 0.99), 3.0);
    }
}

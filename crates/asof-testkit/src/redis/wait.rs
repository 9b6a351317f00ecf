//! Waiting for what another process does.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long anything may take before it counts as stuck: long, as a busy machine is no failure.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// How often it is looked at.
const STEP: Duration = Duration::from_millis(10);

/// Asks `look` until it gives something.
///
/// # Errors
/// When it gives nothing for [`PATIENCE`], and with the error of `look` at once.
pub(super) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() > end {
            bail!("waited {} s in vain: {what}", PATIENCE.as_secs());
        }
        std::thread::sleep(STEP);
    }
}

/// Asks `holds` until it says yes; an error of it means not yet, and is told when it never does.
///
/// # Errors
/// When it does not say yes for [`PATIENCE`].
pub(super) fn wait_until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let mut last = None;
    let waited = wait_for(what, || {
        Ok(match holds() {
            Ok(holds) => holds.then_some(()),
            Err(error) => {
                last = Some(error);
                None
            }
        })
    });
    match (waited, last) {
        (Err(waited), Some(last)) => Err(last.context(waited)),
        (waited, _) => waited,
    }
}

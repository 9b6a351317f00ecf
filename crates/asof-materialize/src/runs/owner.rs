//! Who does shards, and whether they are still there.

use std::collections::HashSet;
use std::sync::LazyLock;

use parking_lot::Mutex;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// The owners in this process.
static HERE: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

static MACHINE: LazyLock<String> = LazyLock::new(|| System::host_name().unwrap_or_default());

/// Somebody who does shards: `machine/process/number`. It is there until it is dropped.
#[derive(Debug)]
pub(crate) struct Owner(String);

impl Owner {
    pub(crate) fn new() -> Self {
        let name = format!("{}/{}/{:08x}", *MACHINE, std::process::id(), fastrand::u32(..));
        HERE.lock().insert(name.clone());
        Self(name)
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        HERE.lock().remove(&self.0);
    }
}

/// Whether an owner is known to be gone: it was of this machine, and its process has ended, or it was of this process.
/// Of other machines nothing is known; there, a claim's end tells.
pub(super) fn is_gone(owner: &str) -> bool {
    let mut parts = owner.split('/');
    let (Some(machine), Some(Ok(process))) = (parts.next(), parts.next().map(str::parse::<u32>)) else {
        return false;
    };
    if machine != *MACHINE || machine.is_empty() {
        return false;
    }
    if process == std::process::id() {
        return !HERE.lock().contains(owner);
    }
    let process = Pid::from_u32(process);
    let Ok(mut system) = System::new() else {
        return false;
    };
    let only = ProcessesToUpdate::Some(&[process]);
    system.refresh_processes_specifics(only, true, ProcessRefreshKind::nothing());
    system.process(process).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_gone_when_they_are_dropped_or_their_process_has_ended() {
        let owner = Owner::new();
        let name = owner.name().to_owned();
        assert!(!is_gone(&name));
        drop(owner);
        assert!(is_gone(&name));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let of_child = format!("{}/{}/00000000", *MACHINE, child.id());
        child.wait().unwrap();
        assert!(is_gone(&of_child));
        let of_parent = format!("{}/{}/00000000", *MACHINE, std::os::unix::process::parent_id());
        assert!(!is_gone(&of_parent));
        assert!(!is_gone("another machine/1/00000000"));
        assert!(!is_gone("nonsense"));
    }
}

//! A child process that never outlives the test.

use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::wait;

/// A running child; it is killed when dropped, and also when this process ends without dropping anything.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// A shell that kills the child as soon as its standard input closes, which the end of this process does.
    guard: Child,
}

impl Process {
    /// Starts the command. The error is why it cannot be.
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.spawn()?;
        let guard = Command::new("sh")
            .args(["-c", "trap '' HUP INT TERM; read _; kill -KILL \"$0\""])
            .arg(child.id().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match guard {
            Ok(guard) => Ok(Self { child, guard }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error).context("the shell that guards a server does not start")
            }
        }
    }

    /// The process' number.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Says whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> Result<bool> {
        let ended = self.child.try_wait()?.is_some();
        if ended {
            // Its number may be another's soon, so the guard must not use it any more.
            self.end_guard();
        }
        Ok(ended)
    }

    /// Stops it where it is (SIGSTOP) and returns once it stands still.
    pub(super) fn pause(&self) -> Result<()> {
        self.signal("STOP")?;
        wait::wait_until("a paused server stands still", || Ok(state(self.id()) == Some('T')))
    }

    /// Lets it go on after [`Process::pause`] (SIGCONT).
    pub(super) fn resume(&self) -> Result<()> {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> Result<()> {
        // The shell's own `kill`: a small Debian has no other.
        let status = Command::new("sh")
            .args(["-c", "kill -\"$0\" \"$1\"", name])
            .arg(self.id().to_string())
            .status()
            .context("the shell does not start")?;
        ensure!(status.success(), "process {} takes no signal {name}", self.id());
        Ok(())
    }

    fn end_guard(&mut self) {
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // In this order: after `wait` the number is free for another process. Either may have ended by itself.
        self.end_guard();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The state of a process as Linux writes it (`T` stopped, `Z` ended and not yet waited for); `None` when there is none.
pub(super) fn state(id: u32) -> Option<char> {
    let stat = fs_err::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before it stands in parentheses and may hold any character.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.chars().next()
}

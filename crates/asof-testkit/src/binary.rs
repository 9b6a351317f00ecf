//! The `asof` binary, run as a person would.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// How to run the binary: where, and with what.
#[derive(Debug, Clone)]
pub struct Asof {
    binary: PathBuf,
    folder: PathBuf,
}

/// What a run of the binary came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Asof {
    /// The workspace's binary, to be run in `folder`.
    ///
    /// In the tests of the crate that makes it, pass `option_env!("CARGO_BIN_EXE_asof")`. Elsewhere it is the one
    /// beside the running test in the target folder, which a build of the workspace puts there.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(built: Option<&str>, folder: impl AsRef<Path>) -> Result<Self> {
        let binary = match built {
            Some(path) => PathBuf::from(path),
            None => beside_the_test()?,
        };
        anyhow::ensure!(
            binary.is_file(),
            "{} is missing; build it first with `cargo build -p asof-cli`",
            binary.display()
        );
        Ok(Self {
            binary,
            folder: folder.as_ref().to_owned(),
        })
    }

    /// The command for `arguments`, not yet started: for servers and for runs that are to be killed. Environment
    /// variables that change what is printed are set aside.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        for variable in ["RUST_LOG", "RUST_BACKTRACE", "COLUMNS", "CLICOLOR_FORCE"] {
            command.env_remove(variable);
        }
        command.env("NO_COLOR", "1");
        command
    }

    /// Runs it to its end, whatever that is.
    ///
    /// # Errors
    /// When it cannot be started, or prints what is not UTF-8.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Finished> {
        let output = self.command(arguments).output().context("asof could not be started")?;
        Ok(Finished {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).context("standard output is UTF-8")?,
            stderr: String::from_utf8(output.stderr).context("standard error is UTF-8")?,
        })
    }

    /// Runs it and returns its standard output.
    ///
    /// # Errors
    /// When it does not exit with 0; the error holds what it printed.
    pub fn succeed<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<String> {
        let finished = self.run(arguments)?;
        anyhow::ensure!(
            finished.code == Some(0),
            "asof exited with {:?}\n{}\n{}",
            finished.code,
            finished.stdout,
            finished.stderr
        );
        Ok(finished.stdout)
    }
}

/// `target/<profile>/asof`, seen from `target/<profile>/deps/<test>`.
fn beside_the_test() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test
        .parent()
        .and_then(Path::parent)
        .context("a test lies in a target folder")?;
    Ok(profile.join(format!("asof{}", std::env::consts::EXE_SUFFIX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_binary_says_how_to_build_it() {
        let error = Asof::new(Some("no/such/asof"), ".")
            .map(|_| ())
            .map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err("no/such/asof is missing; build it first with `cargo build -p asof-cli`".to_owned())
        );
    }

    #[test]
    fn output_and_exit_code_come_back() -> Result<()> {
        let sh = Asof::new(Some("/bin/sh"), "/")?;
        let finished = sh.run(["-c", "pwd; echo $NO_COLOR >&2; exit 3"])?;
        assert_eq!(
            finished,
            Finished {
                code: Some(3),
                stdout: "/\n".to_owned(),
                stderr: "1\n".to_owned(),
            }
        );
        assert!(sh.succeed(["-c", "exit 1"]).is_err());
        Ok(())
    }
}

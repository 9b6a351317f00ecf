//! Runs the examples of the README and of `docs/`, so that what they show is what a reader sees.
//!
//! The examples of one document share a temporary folder, where they stand as a reader stands in the repository: a copy
//! of `feature_repos` is there when the document speaks of it, and `REDIS_URL` names an empty Redis when it speaks of
//! that. Folder and shell variables do not last from one command to the next, but for the working directory. What a
//! command leaves running ends with the document.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::document;
use super::document::Example;
use super::redis::Redis;
use crate::command;
use crate::workspace::Workspace;

/// No example takes longer than this, in seconds.
const LIMIT: &str = "600";

/// Cargo's own commands that a document may name.
const CARGO: [&str; 7] = ["build", "clippy", "doc", "fmt", "install", "run", "test"];

/// Runs the examples of all documents; gives a line with their number.
pub(super) fn run(workspace: &Workspace) -> Result<Vec<String>> {
    let asof = workspace.asof()?;
    let mut count = 0;
    let mut problems = Vec::new();
    for path in workspace.files()?.iter().filter(|path| is_document(path)) {
        let text = fs_err::read_to_string(workspace.root.join(path))?;
        let examples = document::parse(&text).with_context(|| path.clone())?;
        if examples.is_empty() {
            continue;
        }
        println!("{path}: {} commands", examples.len());
        count += examples.len();
        let mut place = Place::new(workspace, &asof, &text)?;
        for example in &examples {
            if let Err(error) = place.run(workspace, example) {
                println!("{path}:{}: {error:#}", example.line);
                problems.push(format!("{path}:{}", example.line));
                // What follows builds on it.
                break;
            }
        }
    }
    if !problems.is_empty() {
        bail!("examples do not do what the text says: {}", problems.join(", "));
    }
    Ok(vec![format!("{count} commands of documents ran")])
}

fn is_document(path: &str) -> bool {
    let is_markdown = Path::new(path).extension().is_some_and(|extension| extension == "md");
    path == "README.md" || (is_markdown && path.starts_with("docs/"))
}

/// Where the examples of one document run.
struct Place {
    /// The temporary folder: `here` for the reader, and files of ours.
    folder: tempfile::TempDir,
    /// The search path, `asof` first.
    path: std::ffi::OsString,
    /// The processes of each command, which are one group.
    groups: Vec<u32>,
    /// The server of `REDIS_URL`, if the document speaks of that.
    redis: Option<Redis>,
}

impl Place {
    fn new(workspace: &Workspace, asof: &Path, text: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let here = folder.path().join("here");
        fs_err::create_dir(&here)?;
        fs_err::write(folder.path().join("cwd"), here.as_os_str().as_encoded_bytes())?;
        if text.contains("feature_repos") {
            let source = workspace.root.join("feature_repos");
            command::run(Command::new("cp").arg("-r").arg(source).arg(&here))?;
        }
        let redis = text
            .contains("REDIS_URL")
            .then(|| Redis::start(folder.path()))
            .transpose()?;
        let bin = asof.parent().context("the binary is in a folder")?.to_owned();
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&others)))?;
        Ok(Self {
            folder,
            path,
            groups: Vec::new(),
            redis,
        })
    }

    fn run(&mut self, workspace: &Workspace, example: &Example) -> Result<()> {
        let words = example.command.split_whitespace().collect::<Vec<_>>();
        if let ["cargo", verb, rest @ ..] = words.as_slice() {
            return check_cargo(workspace, verb, rest);
        }
        let cwd = self.folder.path().join("cwd");
        let output = self.folder.path().join("output");
        // Output goes to a file rather than a pipe, which a process left running would keep open.
        let file = fs_err::File::create(&output)?.into_parts().0;
        let mut child = Command::new("timeout")
            .args(["--foreground", LIMIT, "bash", "-c"])
            .arg(format!(
                "set -euo pipefail\ntrap 'pwd > \"$ASOF_EXAMPLE_CWD\"' EXIT\n{}",
                example.command
            ))
            .current_dir(PathBuf::from(fs_err::read_to_string(&cwd)?.trim_end()))
            .env("ASOF_EXAMPLE_CWD", &cwd)
            .env("PATH", &self.path)
            .env("NO_COLOR", "1")
            .env("COLUMNS", "120")
            .envs(self.redis.iter().map(|redis| ("REDIS_URL", redis.url())))
            .stdin(Stdio::null())
            .stderr(file.try_clone()?)
            .stdout(file)
            .process_group(0)
            .spawn()
            .context("cannot start bash")?;
        self.groups.push(child.id());
        let status = child.wait()?;
        let printed = fs_err::read(&output)?;
        let printed = String::from_utf8_lossy(&printed);
        if status.code() != Some(example.exit) {
            bail!(
                "{}\nended with {status}, not {}, and printed\n{printed}",
                example.command,
                example.exit
            );
        }
        let lines = printed.lines().collect::<Vec<_>>();
        match &example.output {
            Some(expected) if !document::matches(expected, &lines) => bail!(
                "{}\nprinted\n{printed}\nrather than\n{}",
                example.command,
                expected.join("\n")
            ),
            _ => Ok(()),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for group in &self.groups {
            // Most groups are empty by now, which is no error. The shell's own `kill`: a small Debian has no other.
            command::succeeds(Command::new("bash").args(["-c", &format!("kill -TERM -- -{group}")]));
        }
    }
}

/// Checks that a cargo command exists rather than running it, which could take very long.
fn check_cargo(workspace: &Workspace, verb: &str, rest: &[&str]) -> Result<()> {
    if verb == "xtask" {
        let verbs = crate::verbs();
        return match rest.first() {
            Some(name) if verbs.iter().any(|verb| verb == name) => Ok(()),
            _ => bail!("cargo xtask has no such verb; there are {}", verbs.join(", ")),
        };
    }
    let config = fs_err::read_to_string(workspace.root.join(".cargo").join("config.toml"))?;
    let is_alias = config
        .lines()
        .any(|line| line.split_once('=').is_some_and(|(name, _)| name.trim() == verb));
    if is_alias || CARGO.contains(&verb) {
        return Ok(());
    }
    bail!(
        "cargo {verb} is neither an alias of .cargo/config.toml nor one of {}",
        CARGO.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a document against programs of the machine, `asof` being none of them.
    fn run(text: &str) -> Result<()> {
        let workspace = Workspace {
            root: Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
            target: PathBuf::new(),
            packages: Vec::new(),
        };
        let mut place = Place::new(&workspace, Path::new("target/asof"), text)?;
        document::parse(text)?
            .iter()
            .try_for_each(|example| place.run(&workspace, example))
    }

    #[test]
    fn examples_share_a_folder_and_stay_where_they_went() {
        run("```console\n$ mkdir inner\n$ cd inner\n```\n```console,check\n$ basename \"$PWD\"\ninner\n```\n").unwrap();
    }

    #[test]
    fn exit_codes_are_checked() {
        assert!(run("```console\n$ false\n```\n").is_err());
        run("```console,exit=1\n$ true\n$ false\n```\n").unwrap();
        assert!(run("```console\n$ false | true\n```\n").is_err());
    }

    #[test]
    fn output_is_checked_where_the_text_says_so() {
        run("```console\n$ echo one\ntwo\n```\n").unwrap();
        let error = run("```console,check\n$ echo one; echo three >&2\none\ntwo\n```\n").unwrap_err();
        assert!(error.to_string().contains("rather than"));
    }

    #[test]
    fn what_is_left_running_keeps_nobody_waiting() {
        run("```console,check\n$ sleep 600 &\n$ echo next\nnext\n```\n").unwrap();
    }

    #[test]
    fn a_document_that_names_the_variable_has_a_redis() {
        run("```console,check\n$ redis-cli -u \"$REDIS_URL\" dbsize\n0\n```\n").unwrap();
        run("```console\n$ test -z \"$(printenv | grep REDIS)\"\n```\n").unwrap();
    }

    #[test]
    fn cargo_commands_must_exist_but_do_not_run() {
        run("```console\n$ cargo demo    # builds for minutes\n$ cargo xtask test\n$ cargo install x\n```\n").unwrap();
        assert!(run("```console\n$ cargo dmeo\n```\n").is_err());
        assert!(run("```console\n$ cargo xtask tset\n```\n").is_err());
    }
}

//! The place where programs are measured: a Python environment with the peers, the release build of `asof`, a folder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::sample::Sample;
use crate::command;
use crate::workspace::Workspace;

/// Options of every benchmark that has peers.
#[derive(clap::Args)]
pub(crate) struct LabArguments {
    /// Take this Python, which has the peers, rather than installing them below the target folder
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Take this binary of `asof` rather than building one
    #[arg(long, value_name = "PATH")]
    asof: Option<PathBuf>,
    /// Where the data are, or will be, rather than below the target folder
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Runs of each program, interleaved
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: u32,
    /// Stop a program that holds more memory than this, in MiB; three quarters of the machine's if not given
    #[arg(long, value_name = "MIB")]
    memory_limit: Option<u64>,
    /// Stop a program that runs longer than this, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    time_limit: u64,
    /// Put the tables into README.md and docs/benchmarks.md, too
    #[arg(long)]
    pub(crate) write: bool,
}

/// A prepared place.
pub(crate) struct Lab {
    /// The folder of the benchmark's scripts.
    pub(crate) scripts: PathBuf,
    /// Where outputs go.
    pub(crate) folder: PathBuf,
    /// Where data are.
    pub(crate) data: PathBuf,
    /// The Python with the peers.
    pub(crate) python: PathBuf,
    /// The binary under test.
    pub(crate) asof: PathBuf,
    memory_limit: u64,
    time_limit: u64,
}

impl Lab {
    /// Installs what is missing for the benchmark `name`, with all peers or the usual ones, and builds `asof`.
    pub(crate) fn prepare(
        workspace: &Workspace,
        name: &str,
        all_peers: bool,
        arguments: &LabArguments,
    ) -> Result<Self> {
        let scripts = workspace.root.join("benches").join(name);
        let folder = workspace.target.join("benches").join(name);
        fs_err::create_dir_all(&folder)?;
        let python = match &arguments.python {
            Some(python) => python.clone(),
            None => environment(workspace, all_peers)?,
        };
        let asof = if let Some(asof) = &arguments.asof {
            asof.clone()
        } else {
            command::run(workspace.cargo().args(["build", "--release", "--package", "asof-cli"]))?;
            workspace.target.join("release").join("asof")
        };
        let most_of_memory = || Ok::<_, anyhow::Error>(memory_mib()? * 3 / 4);
        Ok(Self {
            scripts,
            data: arguments.data.clone().unwrap_or_else(|| folder.join("data")),
            folder,
            python,
            asof: absolute(asof)?,
            memory_limit: arguments.memory_limit.map_or_else(most_of_memory, Ok)?,
            time_limit: arguments.time_limit,
        })
    }

    /// A script of the benchmark.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut python = Command::new(&self.python);
        // The scripts' folder stays as git has it.
        python.arg("-B").arg(self.scripts.join(name));
        python
    }

    /// The same as words.
    pub(crate) fn words(&self, name: &str) -> Vec<OsString> {
        let script = self.script(name);
        let arguments = script.get_args().map(ToOwned::to_owned);
        std::iter::once(self.python.clone().into()).chain(arguments).collect()
    }

    /// Runs a program alone; the inner error says why it did not end well.
    pub(crate) fn measure(&self, program: &[OsString]) -> Result<Result<Sample, String>> {
        let text = command::capture(
            self.script("../measure.py")
                .args([self.memory_limit.to_string(), self.time_limit.to_string()])
                .args(program)
                .stdin(Stdio::null()),
        )?;
        Sample::parse(&text)
    }

    /// Makes a repository by the benchmark's script, and applies it.
    pub(crate) fn repository(&self, folder: &Path, data: &Path, copies: Option<u32>) -> Result<()> {
        if folder.exists() {
            fs_err::remove_dir_all(folder)?;
        }
        command::run(
            self.script("repository.py")
                .args([folder, data])
                .args(copies.map(|n| n.to_string())),
        )?;
        command::run(
            Command::new(&self.asof)
                .arg("--repo")
                .arg(folder)
                .args(["apply", "-m", "bench"])
                .stdin(Stdio::null())
                .stdout(Stdio::null()),
        )
    }

    /// The version of a Python package in the environment.
    pub(crate) fn version(&self, package: &str) -> Result<String> {
        let code = format!("import importlib.metadata as m; print(m.version('{package}'))");
        let version = command::capture(Command::new(&self.python).args(["-c", &code]))?;
        Ok(version.trim().to_owned())
    }

    /// Reads all files below `folder`, so that every program finds them in the system's memory.
    pub(crate) fn warm(folder: &Path) -> Result<()> {
        for entry in walkdir::WalkDir::new(folder) {
            let entry = entry?;
            if entry.file_type().is_file() {
                std::io::copy(&mut fs_err::File::open(entry.path())?, &mut std::io::sink())?;
            }
        }
        Ok(())
    }
}

/// An environment below the target folder with what the lists of requirements name, made once for each state of them.
fn environment(workspace: &Workspace, all_peers: bool) -> Result<PathBuf> {
    let list = |name: &str| fs_err::read_to_string(workspace.root.join("benches").join(name));
    let mut wanted = list("requirements.txt")?;
    if all_peers {
        wanted += &list("requirements-all.txt")?;
    }
    let folder = workspace.target.join("benches").join("python");
    let python = folder.join("bin").join("python");
    let done = folder.join("installed.txt");
    let installed = fs_err::read_to_string(&done).unwrap_or_default();
    if python.exists() && wanted.lines().all(|line| installed.lines().any(|there| there == line)) {
        return Ok(python);
    }
    println!("installing from PyPI into {}:\n{wanted}", folder.display());
    command::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        .context("python3 with its module venv is needed (Debian: python3-venv)")?;
    let list = folder.join("requirements.txt");
    fs_err::write(&list, &wanted)?;
    command::run(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(&list),
    )?;
    fs_err::write(&done, &wanted)?;
    Ok(python)
}

/// A line about the machine, without its name or the date.
pub(crate) fn machine() -> Result<String> {
    let processors = std::thread::available_parallelism()?;
    let cpuinfo = fs_err::read_to_string("/proc/cpuinfo")?;
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let kernel = fs_err::read_to_string("/proc/sys/kernel/osrelease")?;
    let kernel: Vec<&str> = kernel.split('.').take(2).collect();
    Ok(format!(
        "{processors} processors ({model}), {:.0} GiB of memory, Linux {}",
        memory_mib()? as f64 / 1024.0,
        kernel.join(".")
    ))
}

fn memory_mib() -> Result<u64> {
    let meminfo = fs_err::read_to_string("/proc/meminfo")?;
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: Option<u64> = total.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    Ok(kib.context("/proc/meminfo tells MemTotal in kB")? / 1024)
}

/// Programs are started from other folders than this one.
fn absolute(path: PathBuf) -> Result<PathBuf> {
    if !path.is_file() {
        bail!("there is no {}", path.display());
    }
    Ok(std::path::absolute(path)?)
}

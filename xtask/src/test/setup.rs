//! Installs what the tests need and this machine lacks, by name: Debian packages, and Python packages below `target/`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::workspace::Workspace;

/// Something that has to be on the machine.
struct Need {
    /// Tells that it is there by ending well.
    probe: &'static [&'static str],
    /// The Debian packages that bring it.
    packages: &'static [&'static str],
    /// What it is for.
    why: &'static str,
}

const NEEDS: [Need; 4] = [
    Need {
        probe: &["git", "--version"],
        packages: &["git"],
        why: "the registry notes the commit of a repository",
    },
    Need {
        probe: &["python3", "-c", "import ensurepip, venv"],
        packages: &["python3", "python3-venv"],
        why: "the S3 server of the tests is a Python program",
    },
    Need {
        probe: &["redis-server", "--version"],
        packages: &["redis-server"],
        why: "the online store is tested on servers of its own",
    },
    Need {
        probe: &["curl", "--version"],
        packages: &["curl"],
        why: "the examples of the documents ask the server with it",
    },
];

/// The Python packages, with all that they need, each at one version.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Installs what is missing and gives the path of `moto_server`.
pub(super) fn install(workspace: &Workspace) -> Result<PathBuf> {
    let missing = NEEDS
        .iter()
        .filter(|need| !command::succeeds(Command::new(need.probe[0]).args(&need.probe[1..])))
        .collect::<Vec<_>>();
    if !missing.is_empty() {
        install_debian(&missing)?;
    }
    install_python(workspace)
}

fn install_debian(missing: &[&Need]) -> Result<()> {
    let packages = missing
        .iter()
        .flat_map(|need| need.packages.iter().copied())
        .collect::<Vec<_>>();
    for need in missing {
        println!("missing: {} ({})", need.packages.join(", "), need.why);
    }
    if !command::succeeds(Command::new("apt-get").arg("--version")) {
        bail!("this machine has no apt-get; install {} yourself", packages.join(", "));
    }
    let is_root = command::capture(Command::new("id").arg("-u"))?.trim() == "0";
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new(if is_root { "apt-get" } else { "sudo" });
        if !is_root {
            apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        }
        apt.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        command::run(&mut apt)
    };
    apt(&["update", "--quiet"])?;
    let mut install = vec!["install", "--quiet", "--yes", "--no-install-recommends"];
    install.extend(&packages);
    apt(&install)
}

/// Installs the Python packages into an environment of their own, once for each state of the list.
fn install_python(workspace: &Workspace) -> Result<PathBuf> {
    let environment = workspace.target.join("xtask").join("python");
    let moto_server = environment.join("bin").join("moto_server");
    let done = environment.join("installed.txt");
    if moto_server.exists() && fs_err::read_to_string(&done).is_ok_and(|done| done == REQUIREMENTS) {
        return Ok(moto_server);
    }
    println!("installing from PyPI into {}:", environment.display());
    print!("{REQUIREMENTS}");
    command::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment),
    )?;
    let requirements = environment.join("requirements.txt");
    fs_err::write(&requirements, REQUIREMENTS)?;
    command::run(
        Command::new(environment.join("bin").join("python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(&requirements),
    )?;
    fs_err::write(&done, REQUIREMENTS).context("noting what is installed")?;
    Ok(moto_server)
}

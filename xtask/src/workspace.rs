//! What cargo and git say about the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command;

/// The repository.
pub(crate) struct Workspace {
    /// Its root, where the virtual manifest is.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// Its members, ordered by name.
    pub(crate) packages: Vec<Package>,
}

/// A member of the workspace.
pub(crate) struct Package {
    /// The package's name.
    pub(crate) name: String,
    /// What its manifest asks for.
    pub(crate) dependencies: Vec<Dependency>,
    /// The names of all packages that it depends on, directly or not, for other purposes than building and testing.
    pub(crate) reach: BTreeSet<String>,
}

/// A dependency in a manifest.
pub(crate) struct Dependency {
    /// The package's name.
    pub(crate) name: String,
    /// Only for tests.
    pub(crate) dev: bool,
}

impl Workspace {
    /// Asks cargo about the workspace around the working directory.
    pub(crate) fn load() -> Result<Self> {
        let metadata = command::capture(cargo().args(["metadata", "--format-version=1"]))?;
        let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
        Self::from_metadata(&metadata).context("cargo metadata has not the expected shape")
    }

    /// A cargo that works on the whole workspace from its root.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = cargo();
        cargo.current_dir(&self.root);
        cargo
    }

    /// The files that git tracks and that are there, by their paths from the root, in order.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let listing = command::capture(Command::new("git").args(["ls-files", "-z"]).current_dir(&self.root))?;
        Ok(listing
            .split_terminator('\0')
            .filter(|path| self.root.join(path).is_file())
            .map(str::to_owned)
            .collect())
    }

    /// Builds `asof` with the features of the whole workspace, as for the tests, and says where it is.
    pub(crate) fn asof(&self) -> Result<PathBuf> {
        command::run(self.cargo().args(["build", "--workspace", "--bin=asof"]))?;
        Ok(self.target.join("debug").join("asof"))
    }

    fn from_metadata(metadata: &Value) -> Option<Self> {
        let packages = metadata["packages"].as_array()?;
        let names = packages
            .iter()
            .map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
            .collect::<Option<BTreeMap<_, _>>>()?;
        let graph = metadata["resolve"]["nodes"]
            .as_array()?
            .iter()
            .map(|node| Some((node["id"].as_str()?, normal_dependencies(node)?)))
            .collect::<Option<BTreeMap<_, _>>>()?;
        let members = metadata["workspace_members"]
            .as_array()?
            .iter()
            .map(Value::as_str)
            .collect::<Option<BTreeSet<_>>>()?;
        let mut members = packages
            .iter()
            .filter(|package| package["id"].as_str().is_some_and(|id| members.contains(id)))
            .map(|package| {
                Some(Package {
                    name: package["name"].as_str()?.to_owned(),
                    dependencies: dependencies(package)?,
                    reach: reach(package["id"].as_str()?, &graph)
                        .iter()
                        .map(|id| names[id].to_owned())
                        .collect(),
                })
            })
            .collect::<Option<Vec<_>>>()?;
        members.sort_by(|a, b| a.name.cmp(&b.name));
        Some(Self {
            root: metadata["workspace_root"].as_str()?.into(),
            target: metadata["target_directory"].as_str()?.into(),
            packages: members,
        })
    }
}

/// The cargo that started xtask.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// What a package's manifest asks for.
fn dependencies(package: &Value) -> Option<Vec<Dependency>> {
    package["dependencies"]
        .as_array()?
        .iter()
        .map(|dependency| {
            Some(Dependency {
                name: dependency["name"].as_str()?.to_owned(),
                dev: dependency["kind"] == "dev",
            })
        })
        .collect()
}

/// The ids of the direct dependencies of a node of cargo's graph, those for building and testing aside.
fn normal_dependencies(node: &Value) -> Option<Vec<&str>> {
    node["deps"]
        .as_array()?
        .iter()
        .filter(|dependency| {
            dependency["dep_kinds"]
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
        })
        .map(|dependency| dependency["pkg"].as_str())
        .collect()
}

/// Everything that can be reached from a package, itself aside.
fn reach<'a>(start: &str, graph: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(id) = open.pop() {
        for next in graph.get(id).into_iter().flatten() {
            if reached.insert(*next) {
                open.push(next);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reach_follows_normal_dependencies_only() {
        let metadata = serde_json::json!({
            "workspace_root": "/r",
            "target_directory": "/r/target",
            "workspace_members": ["a"],
            "packages": [
                {"id": "a", "name": "a", "dependencies": [
                    {"name": "b", "kind": null}, {"name": "d", "kind": "dev"}]},
                {"id": "b", "name": "b", "dependencies": []},
                {"id": "c", "name": "c", "dependencies": []},
                {"id": "d", "name": "d", "dependencies": []},
            ],
            "resolve": {"nodes": [
                {"id": "a", "deps": [
                    {"pkg": "b", "dep_kinds": [{"kind": null}]},
                    {"pkg": "d", "dep_kinds": [{"kind": "dev"}]}]},
                {"id": "b", "deps": [{"pkg": "c", "dep_kinds": [{"kind": "build"}, {"kind": null}]}]},
                {"id": "c", "deps": []},
                {"id": "d", "deps": []},
            ]},
        });
        let workspace = Workspace::from_metadata(&metadata).unwrap();
        let [a] = workspace.packages.as_slice() else {
            panic!("one member expected");
        };
        assert_eq!(a.reach.iter().collect::<Vec<_>>(), ["b", "c"]);
        let direct = a.dependencies.iter().map(|d| (d.name.as_str(), d.dev));
        assert_eq!(direct.collect::<Vec<_>>(), [("b", false), ("d", true)]);
    }
}

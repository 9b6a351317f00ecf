//! The arrows between crates point down, and what is heavy stays behind its fence.

use crate::workspace::Package;

/// The floor of every crate: it may depend on crates of lower floors. Dependencies for tests are free.
const FLOORS: [(&str, u8); 13] = [
    ("asof-model", 0),
    ("asof-proto", 0),
    ("asof-repo", 1),
    ("asof-storage", 1),
    ("asof-registry", 2),
    ("asof-online", 2),
    ("asof-transform", 2),
    ("asof-offline", 3),
    ("asof-serving", 3),
    ("asof-materialize", 4),
    ("asof-server", 5),
    ("asof-cli", 6),
    ("asof-tests", 7),
];

/// Crates beside the house: nothing depends on them except for tests, and they know no more of it than its words.
const TOOLS: [&str; 3] = ["asof-testkit", "xtask", "xtask-gen"];

/// What some crates must not depend on, neither directly nor through others.
const OUT_OF_REACH: [Rule; 2] = [
    Rule {
        crates: &["asof-model", "asof-repo"],
        dependencies: &[
            "tokio",
            "object_store",
            "datafusion",
            "prost",
            "tonic",
            "kube",
            "fs-err",
        ],
        why: "vocabulary and definitions do no IO",
    },
    Rule {
        crates: &["asof-serving"],
        dependencies: &["asof-offline", "parquet"],
        why: "serving reads the online store only",
    },
];

/// What only some crates may ask for.
const FENCED: [Rule; 2] = [
    Rule {
        // What Feast keeps in Redis are its wire types.
        crates: &[
            "asof-proto",
            "asof-online",
            "asof-server",
            "asof-cli",
            "asof-tests",
            "xtask-gen",
        ],
        dependencies: &[
            "prost",
            "prost-types",
            "tonic",
            "tonic-prost",
            "tonic-health",
            "tonic-reflection",
        ],
        why: "wire types are no domain types, and stay at the edge",
    },
    Rule {
        crates: &["asof-cli", "xtask"],
        dependencies: &["clap"],
        why: "only programs have a command line",
    },
];

struct Rule {
    crates: &'static [&'static str],
    dependencies: &'static [&'static str],
    why: &'static str,
}

/// Checks all members of the workspace.
pub(super) fn check(packages: &[Package]) -> Vec<String> {
    let mut problems = Vec::new();
    for package in packages {
        floor(package, &mut problems);
        out_of_reach(package, &mut problems);
        fenced(package, &mut problems);
    }
    problems
}

fn floor_of(name: &str) -> Option<u8> {
    FLOORS
        .iter()
        .find(|(on_floor, _)| *on_floor == name)
        .map(|(_, floor)| *floor)
}

fn floor(package: &Package, problems: &mut Vec<String>) {
    let name = &package.name;
    let floor = floor_of(name);
    if floor.is_none() && !TOOLS.contains(&name.as_str()) {
        problems.push(format!("{name}: on no floor; give it one in xtask/src/tidy/floors.rs"));
        return;
    }
    for dependency in package.dependencies.iter().filter(|dependency| !dependency.dev) {
        let below = &dependency.name;
        if TOOLS.contains(&below.as_str()) {
            problems.push(format!(
                "{name}: depends on {below}, which is for tests; make it a dev-dependency"
            ));
        }
        match (floor, floor_of(below)) {
            (Some(floor), Some(floor_below)) if floor_below >= floor => problems.push(format!(
                "{name}: on floor {floor}, depends on {below} on floor {floor_below}; depend on lower floors only"
            )),
            (None, Some(1..)) => problems.push(format!(
                "{name}: a tool, depends on {below}; tools stand apart from the house, above floor 0"
            )),
            (_, _) => {}
        }
    }
}

fn out_of_reach(package: &Package, problems: &mut Vec<String>) {
    let name = package.name.as_str();
    for rule in OUT_OF_REACH.iter().filter(|rule| rule.crates.contains(&name)) {
        for dependency in rule.dependencies.iter().filter(|&&it| package.reach.contains(it)) {
            problems.push(format!(
                "{name}: depends on {dependency} (`cargo tree -p {name} -e normal -i {dependency}` says how); \
                 move what needs it to a higher floor, since {}",
                rule.why
            ));
        }
    }
}

fn fenced(package: &Package, problems: &mut Vec<String>) {
    let name = package.name.as_str();
    for rule in FENCED.iter().filter(|rule| !rule.crates.contains(&name)) {
        for dependency in package.dependencies.iter().filter(|dependency| !dependency.dev) {
            if rule.dependencies.contains(&dependency.name.as_str()) {
                problems.push(format!(
                    "{name}: asks for {}; take it out of its Cargo.toml, since {}",
                    dependency.name, rule.why
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, dependencies: &[&str], reach: &[&str]) -> Package {
        Package {
            name: name.into(),
            dependencies: dependencies
                .iter()
                .map(|name| Dependency {
                    name: (*name).into(),
                    dev: false,
                })
                .collect(),
            reach: dependencies
                .iter()
                .chain(reach)
                .map(|name| (*name).to_owned())
                .collect(),
        }
    }

    #[track_caller]
    fn expect(package: Package, problem: &str) {
        let problems = check(&[package]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(problem), "{problems:?}");
    }

    #[test]
    fn lower_floors_are_fine() {
        assert!(check(&[package("asof-serving", &["asof-online", "datafusion"], &["arrow"])]).is_empty());
    }

    #[test]
    fn equal_and_higher_floors_are_not() {
        expect(
            package("asof-offline", &["asof-serving"], &[]),
            "asof-offline: on floor 3, depends on asof-serving on floor 3;",
        );
        expect(
            package("asof-model", &["asof-repo"], &[]),
            "asof-model: on floor 0, depends on asof-repo on floor 1;",
        );
        expect(package("asof-new", &[], &[]), "asof-new: on no floor;");
    }

    #[test]
    fn tools_stand_apart() {
        expect(
            package("asof-server", &["asof-testkit"], &[]),
            "asof-server: depends on asof-testkit,",
        );
        expect(
            package("xtask", &["asof-repo"], &[]),
            "xtask: a tool, depends on asof-repo;",
        );
        assert!(check(&[package("asof-testkit", &["asof-model"], &[])]).is_empty());
    }

    #[test]
    fn dependencies_for_tests_are_free() {
        let mut package = package("asof-model", &["asof-cli", "clap"], &[]);
        for dependency in &mut package.dependencies {
            dependency.dev = true;
        }
        assert!(check(&[package]).is_empty());
    }

    #[test]
    fn io_is_out_of_reach_of_the_lower_floors() {
        expect(
            package("asof-repo", &["innocent"], &["tokio"]),
            "asof-repo: depends on tokio",
        );
        expect(
            package("asof-serving", &["innocent"], &["asof-offline"]),
            "asof-serving: depends on asof-offline",
        );
        expect(
            package("asof-serving", &["datafusion"], &["parquet"]),
            "asof-serving: depends on parquet",
        );
    }

    #[test]
    fn fences_hold() {
        expect(
            package("asof-registry", &["prost"], &[]),
            "asof-registry: asks for prost;",
        );
        expect(package("asof-server", &["clap"], &[]), "asof-server: asks for clap;");
    }
}

//! The rules for the text of one file.

/// No longer than this many lines, or it wants to be two files.
const LINES: usize = 500;

/// Files that may be longer, up to a second limit, each with its reason.
const LONGER: [(&str, &str); 0] = [];

/// The second limit.
const LINES_AT_MOST: usize = 800;

/// Marks of unfinished work, spelled so that this file has none.
const UNFINISHED: [&str; 4] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
];

/// Beginnings of paths that only one machine has, spelled so that this file has none.
const MACHINE_PATHS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("/t", "mp/"),
];

/// Checks one file by its path from the root and its text.
pub(super) fn check(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if is_written_by_a_machine(path, text) {
        return problems;
    }
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    if extension == "rs" {
        module_file(path, &mut problems);
        module_doc(path, text, &mut problems);
        length(path, text, &mut problems);
    }
    if ["md", "proto", "rs", "sh", "toml"].contains(&extension) {
        trailing_whitespace(path, text, &mut problems);
        unfinished(path, text, &mut problems);
        machine_path(path, text, &mut problems);
    }
    problems
}

/// Generated code says so at its head; snapshots and fixtures are what they have to be.
fn is_written_by_a_machine(path: &str, text: &str) -> bool {
    text.lines()
        .take(3)
        .any(|line| line.contains(concat!("@gen", "erated")))
        || path
            .split('/')
            .any(|part| ["fixtures", "golden", "snapshots"].contains(&part))
}

fn module_file(path: &str, problems: &mut Vec<String>) {
    if path.ends_with("/mod.rs") {
        problems.push(format!(
            "{path}: is a mod.rs; name the file after its folder and put it beside it"
        ));
    }
}

fn module_doc(path: &str, text: &str, problems: &mut Vec<String>) {
    if !text.starts_with("//! ") {
        problems.push(format!(
            "{path}:1: does not begin with `//!`; say in a sentence what is in here"
        ));
    }
}

fn length(path: &str, text: &str, problems: &mut Vec<String>) {
    let lines = text.lines().count();
    let limit = if LONGER.iter().any(|(longer, _)| *longer == path) {
        LINES_AT_MOST
    } else {
        LINES
    };
    if lines > limit {
        problems.push(format!(
            "{path}: has {lines} lines, more than {limit}; split it by what it is about"
        ));
    }
}

fn trailing_whitespace(path: &str, text: &str, problems: &mut Vec<String>) {
    for (number, line) in numbered(text) {
        if line.ends_with([' ', '\t', '\r']) {
            problems.push(format!("{path}:{number}: ends with whitespace; take it off"));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        problems.push(format!("{path}: does not end with a line break; add it"));
    }
}

fn unfinished(path: &str, text: &str, problems: &mut Vec<String>) {
    for (number, line) in numbered(text) {
        for mark in UNFINISHED.iter().filter(|mark| line.contains(**mark)) {
            problems.push(format!("{path}:{number}: has {mark}; finish it, or file an issue"));
        }
    }
}

fn machine_path(path: &str, text: &str, problems: &mut Vec<String>) {
    for (number, line) in numbered(text) {
        for start in MACHINE_PATHS.iter().filter(|start| has_path(line, start)) {
            problems.push(format!(
                "{path}:{number}: has a path of one machine, {start}…; make it relative, or take it from the environment"
            ));
        }
    }
}

/// Says whether a path begins with `start` somewhere in the line, rather than going on with it.
fn has_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(index, _)| {
        !line[..index].ends_with(|before: char| before.is_alphanumeric() || ".-_~}*".contains(before))
    })
}

/// The lines with their numbers, carriage returns kept.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split('\n').enumerate().map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect(path: &str, text: &str, problem: &str) {
        let problems = check(path, text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(problem), "{problems:?}");
    }

    #[test]
    fn a_tidy_file_is_fine() {
        assert!(check("crates/a/src/b.rs", "//! Says it.\n\nfn f() {}\n").is_empty());
    }

    #[test]
    fn each_rule_names_the_place() {
        let doc = "//! Says it.\n";
        expect("a/b.rs", "fn f() {}\n", "a/b.rs:1: does not begin with `//!`");
        expect("a/mod.rs", doc, "a/mod.rs: is a mod.rs");
        expect(
            "a/b.rs",
            &format!("{doc}fn f() {{}} \n"),
            "a/b.rs:2: ends with whitespace",
        );
        expect("a/b.md", "text\r\n", "a/b.md:1: ends with whitespace");
        expect("a/b.md", "text", "a/b.md: does not end with a line break");
        for mark in UNFINISHED {
            expect("a/b.rs", &format!("{doc}// {mark}\n"), "a/b.rs:2: has ");
        }
        for path in MACHINE_PATHS {
            expect("a.md", &format!("see {path}x\n"), "a.md:1: has a path of one machine");
        }
    }

    #[test]
    fn long_files_are_to_be_split() {
        let text = |lines: usize| format!("//! Says it.\n{}", "\n".repeat(lines - 1));
        assert!(check("a/b.rs", &text(LINES)).is_empty());
        expect("a/b.rs", &text(LINES + 1), "a/b.rs: has 501 lines, more than 500");
    }

    #[test]
    fn what_a_machine_wrote_is_left_alone() {
        let marked = concat!("// This file is @gen", "erated.\nfn f() {} \n");
        assert!(check("a/b.rs", marked).is_empty());
        assert!(check("a/fixtures/b.md", "x ").is_empty());
    }

    #[test]
    fn a_path_that_goes_on_is_no_path_of_one_machine() {
        let inside = concat!("https://docs.rs/ro", "ot/x and target/t", "mp/y\n");
        assert!(check("a.md", inside).is_empty());
    }
}

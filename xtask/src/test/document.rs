//! Finds the examples in a Markdown document: its fenced blocks tagged `console`.
//!
//! ```text
//! ```console              every `$ ` line is a command, and has to end with exit code 0
//! ```console,check        and prints the lines that follow it, where a line `...` stands for any lines
//! ```console,exit=1       the last command ends with this exit code instead
//! ```console,ignore       not run; an HTML comment above the block says why
//! ```
//!
//! A command goes on in the next line after a backslash, and in lines that begin with `> `.

use anyhow::{Result, bail};

/// A command of a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Example {
    /// The line it starts in, from 1.
    pub(super) line: usize,
    /// The command, of one or more lines.
    pub(super) command: String,
    /// The exit code it has to end with.
    pub(super) exit: i32,
    /// The lines it has to print, if that is to be checked.
    pub(super) output: Option<Vec<String>>,
}

/// The tags of a block.
struct Tags {
    check: bool,
    ignore: bool,
    exit: i32,
}

/// Gives the examples of a document that are to be run, in order. An error names the line of what is wrong.
pub(super) fn parse(text: &str) -> Result<Vec<Example>> {
    let mut examples = Vec::new();
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let mut above = "";
    while let Some((number, line)) = lines.next() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            let block = lines
                .by_ref()
                .take_while(|(_, line)| line.trim() != "```")
                .collect::<Vec<_>>();
            if let Some(tags) = tags(info, number)? {
                let indent = line.len() - line.trim_start().len();
                if !tags.ignore {
                    examples.extend(commands(&block, indent, &tags)?);
                } else if !is_reason(above) {
                    bail!("line {number}: ignored without a reason; put one above as <!-- … -->");
                }
            }
        }
        if !line.trim().is_empty() {
            above = line.trim();
        }
    }
    Ok(examples)
}

/// Reads the tags; none for a block of another language.
fn tags(info: &str, number: usize) -> Result<Option<Tags>> {
    let mut words = info.split(',').map(str::trim);
    if words.next() != Some("console") {
        return Ok(None);
    }
    let mut tags = Tags {
        check: false,
        ignore: false,
        exit: 0,
    };
    for word in words {
        match (word, word.strip_prefix("exit=").map(str::parse)) {
            ("check", _) => tags.check = true,
            ("ignore", _) => tags.ignore = true,
            (_, Some(Ok(exit))) => tags.exit = exit,
            _ => bail!("line {number}: unknown tag {word}; there are check, exit=N and ignore"),
        }
    }
    Ok(Some(tags))
}

fn is_reason(line: &str) -> bool {
    line.strip_prefix("<!--")
        .and_then(|rest| rest.strip_suffix("-->"))
        .is_some_and(|reason| !reason.trim().is_empty())
}

fn commands(block: &[(usize, &str)], indent: usize, tags: &Tags) -> Result<Vec<Example>> {
    let mut examples = Vec::<Example>::new();
    for (number, line) in block {
        let line = line.get(indent..).unwrap_or("");
        if let Some(command) = line.strip_prefix("$ ") {
            examples.push(Example {
                line: *number,
                command: command.to_owned(),
                exit: 0,
                output: tags.check.then(Vec::new),
            });
            continue;
        }
        let Some(example) = examples.last_mut() else {
            bail!("line {number}: output without a command; begin commands with `$ `");
        };
        let printed_yet = example.output.as_ref().is_some_and(|output| !output.is_empty());
        match line.strip_prefix("> ") {
            Some(more) if !printed_yet => example.command.extend(["\n", more]),
            _ if example.command.ends_with('\\') => example.command.extend(["\n", line]),
            _ => {
                if let Some(output) = &mut example.output {
                    output.push(line.to_owned());
                }
            }
        }
    }
    if let Some(last) = examples.last_mut() {
        last.exit = tags.exit;
    }
    Ok(examples)
}

/// Says whether the lines printed are the lines expected, where `...` stands for any lines.
pub(super) fn matches(expected: &[String], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == "..." => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, printed)| first.trim_end() == line.trim_end() && matches(rest, printed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_give_their_commands() {
        let text = "# Title\n```console,check\n$ one \\\n  more\nout\n$ two\n> three\n```\n```yaml\n$ no\n```\n";
        let examples = parse(text).unwrap();
        assert_eq!(
            examples,
            [
                Example {
                    line: 3,
                    command: "one \\\n  more".into(),
                    exit: 0,
                    output: Some(vec!["out".into()])
                },
                Example {
                    line: 6,
                    command: "two\nthree".into(),
                    exit: 0,
                    output: Some(vec![])
                },
            ]
        );
    }

    #[test]
    fn output_is_free_unless_it_is_to_be_checked() {
        let examples = parse("```console,exit=2\n$ one\nany\n```\n").unwrap();
        assert_eq!((examples[0].exit, &examples[0].output), (2, &None));
    }

    #[test]
    fn ignoring_takes_a_reason() {
        assert!(
            parse("<!-- takes an hour -->\n\n```console,ignore\n$ one\n```\n")
                .unwrap()
                .is_empty()
        );
        let error = parse("text\n```console,ignore\n$ one\n```\n").unwrap_err();
        assert!(error.to_string().starts_with("line 2: ignored without a reason"));
    }

    #[test]
    fn what_is_unknown_is_an_error() {
        assert!(parse("```console,chekc\n```\n").is_err());
        assert!(parse("```console\nout\n```\n").is_err());
    }

    #[test]
    fn dots_stand_for_any_lines() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert!(matches(&lines("a\n...\nd"), &["a", "b", "c", "d"]));
        assert!(matches(&lines("...\nd"), &["d"]));
        assert!(matches(&lines("a"), &["a "]));
        assert!(!matches(&lines("a\n...\nd"), &["a", "b"]));
        assert!(!matches(&lines("a"), &["a", "b"]));
    }
}

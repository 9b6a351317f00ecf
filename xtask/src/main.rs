//! The repository's chores, as `cargo xtask VERB`. Everything that checks or generates goes through here, on a
//! developer's machine and in continuous integration alike.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people, run in a terminal"
)]

mod bench;
mod ci;
mod command;
mod generate;
mod law;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "The repository's chores",
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Install what the tests need, then run every check there is
    Test(test::Arguments),
    /// Check the rules of the house: floors, listing, module docs, sizes
    Tidy,
    /// Write the generated files anew
    Gen(generate::Arguments),
    /// Measure, and print the tables that the documents show
    Bench(bench::Arguments),
    /// Try the law of no skew on many random cases
    Law(law::Arguments),
    /// Do what continuous integration does
    Ci,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = Workspace::load().and_then(|workspace| match arguments.verb {
        Verb::Test(arguments) => test::run(&workspace, &arguments),
        Verb::Tidy => tidy::run(&workspace),
        Verb::Gen(arguments) => generate::run(&workspace, &arguments),
        Verb::Bench(arguments) => bench::run(&workspace, &arguments),
        Verb::Law(arguments) => law::run(&workspace, &arguments),
        Verb::Ci => ci::run(&workspace),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The verbs there are, for checking what documents say.
fn verbs() -> Vec<String> {
    Arguments::command()
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect()
}

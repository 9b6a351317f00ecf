//! `asof init`: a working repository to start from.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use include_dir::{Dir, DirEntry, include_dir};

use crate::args::ONLINE_STORES;
use crate::error::{CliError, CliResult};
use crate::printer::Printer;

static STARTER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../feature_repos/starter");
static FLIGHTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../feature_repos/flights");

/// The repositories that the binary carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// A week of five drivers: small enough to read whole.
    Starter,
    /// All flights that left New York City in 2013, with weather, aircraft and airports.
    Flights,
}

impl Template {
    fn files(self) -> &'static Dir<'static> {
        match self {
            Self::Starter => &STARTER,
            Self::Flights => &FLIGHTS,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  asof init rides
  asof init flights --template flights";

/// Options of `asof init`.
#[derive(Debug, Args)]
#[command(after_help = format!("{ONLINE_STORES}\n\n{EXAMPLES}"))]
pub(crate) struct InitArgs {
    /// The folder to make; it must be new or empty.
    dir: PathBuf,
    /// What to start from.
    #[arg(long, value_enum, value_name = "NAME", default_value = "starter")]
    template: Template,
}

pub(crate) fn run(args: &InitArgs, printer: &Printer) -> CliResult {
    let files = unpack(args.template, &args.dir)?;
    printer.result(
        || {
            format!(
                "Made {} with {} files. Next:\n\n  cd {}\n  asof validate\n  asof apply",
                args.dir.display(),
                files.len(),
                quoted(&args.dir)
            )
        },
        || serde_json::json!({"dir": args.dir, "files": files}),
    );
    Ok(())
}

/// Writes the files of `template` below `dir` and lists their paths there, sorted.
///
/// # Errors
/// When `dir` has anything in it, or cannot be written.
pub(crate) fn unpack(template: Template, dir: &Path) -> CliResult<Vec<String>> {
    if dir.exists() && !dir.is_dir() {
        return Err(CliError::refused(format!(
            "`{}` is a file; name a new folder",
            dir.display()
        )));
    }
    if dir.exists() && fs_err::read_dir(dir)?.next().is_some() {
        return Err(CliError::refused(format!(
            "`{}` is not empty; name a new folder",
            dir.display()
        )));
    }
    let mut written = Vec::new();
    write(template.files(), dir, &mut written)?;
    written.sort();
    Ok(written)
}

/// A file of `template`, by its path there.
///
/// # Errors
/// When there is none, or it is no text.
pub(crate) fn text(template: Template, path: &str) -> CliResult<&'static str> {
    let file = template.files().get_file(path);
    let text = file.and_then(|file| file.contents_utf8());
    text.ok_or_else(|| CliError::refused(format_args!("the template has no text `{path}`")))
}

/// A path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,~\\".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn write(folder: &Dir<'_>, dir: &Path, written: &mut Vec<String>) -> CliResult {
    for entry in folder.entries() {
        let target = dir.join(entry.path());
        match entry {
            // What earlier runs of the templates left behind is no part of them.
            DirEntry::Dir(inner) if inner.path().ends_with(".asof") => {}
            DirEntry::Dir(inner) => write(inner, dir, written)?,
            DirEntry::File(file) => {
                if let Some(parent) = target.parent() {
                    fs_err::create_dir_all(parent)?;
                }
                fs_err::write(&target, file.contents())?;
                written.push(entry.path().display().to_string());
            }
        }
    }
    Ok(())
}

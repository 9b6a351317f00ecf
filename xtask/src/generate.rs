//! `cargo xtask gen`: writes the files that a program writes, or checks that they are as it would write them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use walkdir::WalkDir;

use crate::command;
use crate::workspace::Workspace;

/// The options of the verb.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Change nothing; fail and list the files that differ
    #[arg(long)]
    check: bool,
}

/// Where the code of `proto/` goes; the folder holds nothing else.
const WIRE: &str = "crates/asof-proto/src/gen";

/// What `asof` writes about itself: a file, and the arguments with which it prints it.
const REFERENCES: [(&str, &[&str]); 1] = [("docs/reference/feature-repository.schema.json", &["schema"])];

/// Files by their paths from the root. None: there should be no such file.
type Files = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Writes or checks everything.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if arguments.check {
        let mut files = wire(workspace)?;
        files.extend(references(workspace)?);
        return check(workspace, &files);
    }
    // The wire code first, and on its own: `asof` may not build before it is there.
    write(workspace, &wire(workspace)?)?;
    write(workspace, &references(workspace)?)
}

/// Checks the wire code alone, which does not need all of Asof to be built.
pub(crate) fn check_wire(workspace: &Workspace) -> Result<()> {
    check(workspace, &wire(workspace)?)
}

/// Checks what `asof` writes about itself.
pub(crate) fn check_references(workspace: &Workspace) -> Result<()> {
    check(workspace, &references(workspace)?)
}

/// The code and descriptors of `proto/`.
fn wire(workspace: &Workspace) -> Result<Files> {
    let out = tempfile::tempdir()?;
    command::run(
        workspace
            .cargo()
            .args(["run", "--quiet", "--package=xtask-gen", "--"])
            .arg(&workspace.root)
            .arg(out.path()),
    )?;
    let folder = Path::new(WIRE);
    let mut files = names(&workspace.root.join(folder))?
        .into_iter()
        .map(|name| (folder.join(name), None))
        .collect::<Files>();
    for name in names(out.path())? {
        let content = fs_err::read(out.path().join(&name))?;
        files.insert(folder.join(name), Some(content));
    }
    Ok(files)
}

/// The output of `asof` where it describes itself.
fn references(workspace: &Workspace) -> Result<Files> {
    let asof = workspace.asof()?;
    REFERENCES
        .iter()
        .map(|(path, arguments)| {
            let text = command::capture(std::process::Command::new(&asof).args(*arguments))?;
            Ok((PathBuf::from(path), Some(text.into_bytes())))
        })
        .collect()
}

/// The names of the files in a folder; none when there is no folder.
fn names(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    WalkDir::new(folder)
        .min_depth(1)
        .into_iter()
        .map(|entry| Ok(entry?.path().strip_prefix(folder)?.to_owned()))
        .collect()
}

/// Writes the files that differ, and says which.
fn write(workspace: &Workspace, files: &Files) -> Result<()> {
    for path in differing(workspace, files)? {
        println!("{}", path.display());
        let place = workspace.root.join(path);
        match &files[path] {
            Some(content) => {
                fs_err::create_dir_all(place.parent().context("a file is in a folder")?)?;
                fs_err::write(place, content)?;
            }
            None => fs_err::remove_file(place)?,
        }
    }
    Ok(())
}

/// Fails with the list of the files that differ.
fn check(workspace: &Workspace, files: &Files) -> Result<()> {
    let differing = differing(workspace, files)?;
    if differing.is_empty() {
        return Ok(());
    }
    let list = differing
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join("\n  ");
    bail!("these files are not what `cargo xtask gen` writes; run it and commit them:\n  {list}")
}

/// The files that are not as they should be.
fn differing<'a>(workspace: &Workspace, files: &'a Files) -> Result<Vec<&'a PathBuf>> {
    let mut differing = Vec::new();
    for (path, expected) in files {
        let place = workspace.root.join(path);
        let found = place.is_file().then(|| fs_err::read(place)).transpose()?;
        if found != *expected {
            differing.push(path);
        }
    }
    Ok(differing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checking_lists_what_differs_and_writing_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace {
            root: folder.path().to_owned(),
            target: PathBuf::new(),
            packages: Vec::new(),
        };
        fs_err::write(folder.path().join("stale"), "").unwrap();
        fs_err::write(folder.path().join("same"), "1").unwrap();
        let files = Files::from([
            ("new/file".into(), Some(b"2".to_vec())),
            ("same".into(), Some(b"1".to_vec())),
            ("stale".into(), None),
        ]);
        let error = check(&workspace, &files).unwrap_err().to_string();
        assert!(error.ends_with(":\n  new/file\n  stale"), "{error}");
        assert!(folder.path().join("stale").exists());
        write(&workspace, &files).unwrap();
        check(&workspace, &files).unwrap();
        assert!(!folder.path().join("stale").exists());
    }
}

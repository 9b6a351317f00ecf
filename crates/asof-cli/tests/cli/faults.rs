//! Training sets that are cut short: by a kill, a full disk, files that cannot be read, files that change meanwhile.
//! There is no partial output then, what was there before stays, and the error names the file.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use asof_testkit::{Asof, Finished, Table, write_parquet, write_parquet_in_row_groups};

use crate::{asof, signal};

const SETTINGS: &str = "project: faults\nregistry: registry\nonline_store: {type: embedded, path: online}\n";

const DEFINITIONS: &str = "
entities: [{name: shop, join_keys: [{name: shop, type: int64}]}]
sources:
  - {name: first, parquet: {path: data/first/}, event_time: at}
  - {name: second, parquet: {path: data/second/}, event_time: at}
feature_views:
  - name: first
    entities: [shop]
    source: first
    features: [{name: amount, type: float64}, {name: note, type: string}]
  - name: second
    entities: [shop]
    source: second
    features: [{name: amount_2, type: float64, expr: amount}, {name: note_2, type: string, expr: note}]
  - name: long
    entities: [shop]
    source: second
    features: [{name: story, type: string, expr: \"repeat(note, 500)\"}]
feature_services: [{name: all, features: [first, second]}, {name: long, features: [long]}]
";

/// Where training sets go.
const OUT: &str = "out/train.parquet";

/// A training set in one file.
const ALL: [&str; 4] = ["--service", "all", "--out", OUT];

/// One whose values are more than the memory, which is the least that may be given, so that some go to temporary files.
const LONG: [&str; 8] = [
    "--service",
    "long",
    "--out",
    "out/parts",
    "--memory",
    "64MiB",
    "--partition-rows",
    "3000",
];

/// What was there before.
const BEFORE: &[u8] = b"what was there before";

/// Files of each source, and rows of each.
const FILES: i64 = 3;
const ROWS: i64 = 20_000;

/// A repository whose training set takes a while.
struct Lake {
    folder: tempfile::TempDir,
    asof: Asof,
}

impl Lake {
    fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("asof-faults-").tempdir()?;
        let lake = Self {
            asof: asof(folder.path()),
            folder,
        };
        fs_err::write(lake.path("feature_store.yaml"), SETTINGS)?;
        fs_err::write(lake.path("all.yaml"), DEFINITIONS)?;
        for source in ["first", "second"] {
            for file in 0..FILES {
                write_parquet_in_row_groups(lake.source(source, file), &[rows(file * ROWS)], 5_000)?;
            }
        }
        let spine = Table::new()
            .int64s("shop", (0..ROWS).map(|row| row * 37 % 3_100))
            .times("event_timestamp", (0..ROWS).map(|row| row * 3_000));
        write_parquet(lake.path("spine.parquet"), &[spine.batch()])?;
        for folder in ["out", "temporary"] {
            fs_err::create_dir(lake.path(folder))?;
        }
        lake.asof.succeed(["apply", "-m", "First features"])?;
        Ok(lake)
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn source(&self, name: &str, file: i64) -> PathBuf {
        self.path(&format!("data/{name}/{file}.parquet"))
    }

    /// The command that makes the training set.
    fn command(&self, more: &[&str]) -> Command {
        let arguments = "get-historical-features --spine spine.parquet".split(' ');
        let mut command = self.asof.command(arguments.chain(more.iter().copied()));
        command.env("TMPDIR", self.path("temporary"));
        command
    }

    /// Makes the training set to its end.
    fn run(&self, more: &[&str]) -> Result<Finished> {
        finished(self.command(more))
    }

    /// Takes away what is in `out`, and puts what was there before, or nothing.
    fn reset(&self, before: Option<&[u8]>) -> Result<()> {
        fs_err::remove_dir_all(self.path("out"))?;
        fs_err::create_dir(self.path("out"))?;
        match before {
            Some(bytes) => Ok(fs_err::write(self.path(OUT), bytes)?),
            None => Ok(()),
        }
    }

    /// Everything in the folders of outputs and of temporary files.
    fn left(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut files = BTreeMap::new();
        for folder in ["out", "temporary"] {
            for entry in walk(&self.path(folder))? {
                let name = entry.strip_prefix(self.folder.path())?.display().to_string();
                files.insert(name, fs_err::read(&entry)?);
            }
        }
        Ok(files)
    }

    /// Asserts that a run fails, says `words`, and leaves everything as it was.
    #[track_caller]
    fn assert_refused(&self, run: &Finished, before: &BTreeMap<String, Vec<u8>>, words: &[&str]) {
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        for word in words {
            assert!(run.stderr.contains(word), "`{word}` is missing in {}", run.stderr);
        }
        assert_eq!(run.stdout, "");
        let left = self.left().expect("folders can be read");
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&left), names(before));
        assert!(left == *before, "a file has other bytes than before");
    }
}

/// The rows of one file, `first` making them differ from those of others.
fn rows(first: i64) -> RecordBatch {
    let notes: Vec<String> = (first..first + ROWS).map(|row| format!("note {}", row % 977)).collect();
    Table::new()
        .int64s("shop", (first..first + ROWS).map(|row| row * 7 % 3_000))
        .times("at", (first..first + ROWS).map(|row| row * 1_000))
        .floats("amount", (first..first + ROWS).map(|row| row as f64 / 3.0))
        .strings("note", notes.iter().map(String::as_str))
        .batch()
}

fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(walk(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

fn finished(mut command: Command) -> Result<Finished> {
    let output = command.output()?;
    Ok(Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}

/// The ticks of the processor's clock that a process has run, until it ends.
fn ticks(child: &mut Child) -> Result<Option<u64>> {
    if child.try_wait()?.is_some() {
        return Ok(None);
    }
    let text = fs_err::read_to_string(format!("/proc/{}/stat", child.id()))?;
    // The second field is a name in parentheses, which may hold anything.
    let (_, fields) = text.rsplit_once(") ").context("the name of the process")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    Ok(Some(fields[11].parse::<u64>()? + fields[12].parse::<u64>()?))
}

/// Lets a process run for so many ticks, or to its end. Returns the ticks that were seen last.
fn run_for(child: &mut Child, limit: u64) -> Result<u64> {
    let mut last = 0;
    while let Some(now) = ticks(child)? {
        last = now;
        if now >= limit {
            break;
        }
        std::thread::yield_now();
    }
    Ok(last)
}

/// What a person sees of it, manifests aside. A file that is being written has a name that nobody takes for a training
/// set.
fn visible(mut left: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let is_manifest = |name: &str| Path::new(name).extension().is_some_and(|ending| ending == "json");
    left.retain(|name, _| !name.starts_with("out/.asof-") && !is_manifest(name));
    left
}

/// Kills runs after more and more of their work; `prepare` puts things as they are before each.
fn kill_at_many_moments(lake: &Lake, more: &[&str], prepare: impl Fn() -> Result<()>) -> Result<()> {
    let start = || lake.command(more).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    prepare()?;
    let before = visible(lake.left()?);
    let mut child = start()?;
    let whole = run_for(&mut child, u64::MAX)?;
    anyhow::ensure!(child.wait()?.success(), "without a kill it ends well");
    let after = visible(lake.left()?);
    assert!(after != before);
    let moments = 8;
    for moment in 0..moments {
        prepare()?;
        let mut child = start()?;
        run_for(&mut child, whole * moment / moments)?;
        child.kill()?;
        let ended_well = child.wait()?.success();
        let left = visible(lake.left()?);
        // It is whole before the process ends.
        if left != after {
            assert!(left == before && !ended_well, "moment {moment}: {:?}", left.keys());
        }
    }
    let run = lake.run(more)?;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(visible(lake.left()?) == after, "the next run makes the same");
    Ok(())
}

#[test]
fn a_kill_at_any_moment_leaves_no_output_and_the_next_run_is_whole() -> Result<()> {
    let lake = Lake::new()?;
    for before in [None, Some(BEFORE)] {
        kill_at_many_moments(&lake, &ALL, || lake.reset(before))?;
    }
    Ok(())
}

#[test]
fn a_kill_leaves_nothing_of_a_folder_either_and_no_temporary_files() -> Result<()> {
    let lake = Lake::new()?;
    kill_at_many_moments(&lake, &LONG, || {
        lake.reset(None)?;
        let run = lake.run(&["--service", "all", "--out", "out/parts", "--partition-rows", "7000"])?;
        anyhow::ensure!(run.code == Some(0), run.stderr);
        Ok(())
    })
}

/// Makes the training set where no file may grow beyond 32 KiB, and writing more is an error rather than a signal.
fn on_a_full_disk(lake: &Lake, more: &[&str]) -> Result<Finished> {
    let plain = lake.command(more);
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""])
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(lake.folder.path())
        .env("TMPDIR", lake.path("temporary"));
    finished(command)
}

#[test]
fn a_full_disk_leaves_no_output() -> Result<()> {
    let lake = Lake::new()?;
    for before in [None, Some(BEFORE)] {
        lake.reset(before)?;
        let left = lake.left()?;
        lake.assert_refused(&on_a_full_disk(&lake, &ALL)?, &left, &[OUT, "File too large"]);
    }
    lake.reset(None)?;
    let left = lake.left()?;
    // Here it is a temporary file that finds no room.
    lake.assert_refused(&on_a_full_disk(&lake, &LONG)?, &left, &["temporary", "File too large"]);
    let folder = ["--service", "all", "--out", "out/parts", "--partition-rows", "9000"];
    lake.assert_refused(
        &on_a_full_disk(&lake, &folder)?,
        &left,
        &["out/parts", "File too large"],
    );
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_leaves_no_output() -> Result<()> {
    let lake = Lake::new()?;
    lake.reset(Some(BEFORE))?;
    let left = lake.left()?;
    let file = lake.source("second", 1);
    let whole = fs_err::read(&file)?;
    let mut garbled = whole.clone();
    let middle = whole.len() / 4..whole.len() / 2;
    garbled[middle].fill(0xaa);
    let broken: [(&str, &[u8]); 4] = [
        ("cut off", &whole[..whole.len() / 2]),
        ("empty", b""),
        ("something else", b"shop,at\n1,2026-01-01\n"),
        ("garbled inside", &garbled),
    ];
    for (what, bytes) in broken {
        fs_err::write(&file, bytes)?;
        let run = lake.run(&ALL)?;
        assert!(run.stderr.contains("error:"), "{what}: {}", run.stderr);
        lake.assert_refused(&run, &left, &["second/1.parquet"]);
    }
    fs_err::write(&file, whole)?;
    assert_eq!(lake.run(&ALL)?.code, Some(0));
    Ok(())
}

#[test]
fn a_file_that_changes_meanwhile_is_noticed() -> Result<()> {
    let lake = Lake::new()?;
    let run = lake.run(&ALL)?;
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let expected = fs_err::read(lake.path(OUT))?;
    lake.reset(Some(BEFORE))?;
    let left = lake.left()?;
    let mut child = lake
        .command(&ALL)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stderr.take().context("standard error")?).lines();
    // The first line tells that a source is open; the last file of the last source is far from read then.
    let first = lines.next().context("a line about a source")??;
    signal(child.id(), "STOP")?;
    let replaced = lake.path("replacement.parquet");
    write_parquet(&replaced, &[rows(FILES * ROWS * 2)])?;
    fs_err::rename(&replaced, lake.source("second", FILES - 1))?;
    signal(child.id(), "CONT")?;
    let rest: Vec<String> = lines.collect::<Result<_, _>>()?;
    let output = child.wait_with_output()?;
    let run = Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: format!("{first}\n{}", rest.join("\n")),
    };
    if run.code == Some(0) {
        // It had the old file open by then, to its end: all of it, or it is a mixture.
        assert!(fs_err::read(lake.path(OUT))? == expected, "rows of two files are mixed");
    } else {
        lake.assert_refused(&run, &left, &["second/2.parquet"]);
    }
    Ok(())
}

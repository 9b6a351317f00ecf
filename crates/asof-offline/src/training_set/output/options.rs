//! How a training set is written.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use asof_model::nearest;
use parquet::basic::{Compression, ZstdLevel};

/// Where a training set goes, and in which form.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSetOutput {
    /// The file; with `partition_rows` and no tensor, the folder.
    pub path: PathBuf,
    /// How the Parquet files are made.
    pub parquet: ParquetOptions,
    /// With this: features as numbers, in an Arrow IPC file.
    pub tensor: Option<TensorOptions>,
    /// With a number: a folder of files of this many rows each, `part-00000.parquet` and so on.
    pub partition_rows: Option<u64>,
}

/// How features become rows of 32-bit floats.
///
/// The file has the spine's columns, then one column `features` of lists of one length; the names of their positions
/// are a JSON list in the schema's metadata, under `asof.features`. Numbers are rounded to the nearest, bools are 0 and
/// 1, and an array takes a position for each item (`name[0]` and so on), of which each value must have as many.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TensorOptions {
    /// What stands for missing values, for each feature column of the training set. `None`, or too few: NaN.
    pub impute: Vec<Option<f64>>,
}

/// How a Parquet file is made. All of it shows in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParquetOptions {
    /// How pages are compressed.
    pub compression: ParquetCompression,
    /// Rows of a row group; the last has the rest. At least 1.
    pub row_group_rows: usize,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        Self {
            compression: ParquetCompression::Zstd(1),
            row_group_rows: 1 << 20,
        }
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for TrainingSetOutput {
    /// One file, made the usual way.
    fn from(path: &P) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            parquet: ParquetOptions::default(),
            tensor: None,
            partition_rows: None,
        }
    }
}

/// How the pages of a Parquet file are compressed. As text: `none`, `snappy`, `lz4`, `zstd`, or `zstd:3` with a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParquetCompression {
    /// Not at all.
    None,
    /// Snappy.
    Snappy,
    /// LZ4, in its raw form.
    Lz4,
    /// Zstandard at a level from 1, the fastest, to 22, the smallest. Other levels count as the nearest.
    Zstd(u8),
}

/// A text that names no compression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no compression{hint}; write zstd, zstd:LEVEL (1 to 22), snappy, lz4 or none")]
pub struct UnknownCompression {
    text: String,
    hint: String,
}

const KNOWN: [&str; 4] = ["zstd", "snappy", "lz4", "none"];

impl FromStr for ParquetCompression {
    type Err = UnknownCompression;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => (name, Some(level)),
            None => (text, None),
        };
        let unknown = || UnknownCompression {
            text: text.to_owned(),
            hint: if KNOWN.contains(&name) {
                String::new()
            } else {
                nearest::clause(name, KNOWN.into_iter())
            },
        };
        match (name, level) {
            ("none", None) => Ok(Self::None),
            ("snappy", None) => Ok(Self::Snappy),
            ("lz4", None) => Ok(Self::Lz4),
            ("zstd", None) => Ok(Self::Zstd(1)),
            ("zstd", Some(level)) => {
                let level = level.parse().ok().filter(|level| (1..=22).contains(level));
                level.map(Self::Zstd).ok_or_else(unknown)
            }
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for ParquetCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Snappy => f.write_str("snappy"),
            Self::Lz4 => f.write_str("lz4"),
            Self::Zstd(1) => f.write_str("zstd"),
            Self::Zstd(level) => write!(f, "zstd:{level}"),
        }
    }
}

impl From<ParquetCompression> for Compression {
    fn from(compression: ParquetCompression) -> Self {
        match compression {
            ParquetCompression::None => Self::UNCOMPRESSED,
            ParquetCompression::Snappy => Self::SNAPPY,
            ParquetCompression::Lz4 => Self::LZ4_RAW,
            ParquetCompression::Zstd(level) => {
                let level = ZstdLevel::try_new(i32::from(level.clamp(1, 22)));
                Self::ZSTD(level.expect("it is between the first level and the last"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressions_are_read_as_they_are_shown_and_others_are_refused() {
        for text in ["none", "snappy", "lz4", "zstd", "zstd:3", "zstd:22"] {
            let compression: ParquetCompression = text.parse().expect("it is known");
            assert_eq!(compression.to_string(), text);
        }
        assert_eq!("zstd:1".parse(), Ok(ParquetCompression::Zstd(1)));
        let refused = |text: &str| {
            text.parse::<ParquetCompression>()
                .expect_err("it is unknown")
                .to_string()
        };
        insta::assert_snapshot!(refused("snapy"), @"`snapy` is no compression; did you mean `snappy`?; write zstd, zstd:LEVEL (1 to 22), snappy, lz4 or none");
        insta::assert_snapshot!(refused("zstd:23"), @"`zstd:23` is no compression; write zstd, zstd:LEVEL (1 to 22), snappy, lz4 or none");
        insta::assert_snapshot!(refused("gzip:9"), @"`gzip:9` is no compression; write zstd, zstd:LEVEL (1 to 22), snappy, lz4 or none");
    }
}

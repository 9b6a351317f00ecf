//! Generates the code and descriptors of `proto/` into the folder it is given; `cargo xtask gen` puts them in place.
//!
//! A binary of its own, because a protobuf compiler takes longer to build than all of xtask. It needs no `protoc`.
//! What it writes depends on nothing but `proto/` and the versions in `Cargo.lock`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use prost::Message;
use prost_types::FileDescriptorSet;
use walkdir::WalkDir;

/// The folders below `proto/` that imports are relative to, the narrower one first.
const INCLUDES: [&str; 2] = ["proto/compat", "proto"];

/// The package of files without one; `crates/asof-proto` gives the module its name.
const NO_PACKAGE: &str = "feast.grpc_server";

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(root), Some(out)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: xtask-gen REPOSITORY OUT");
    };
    let descriptors = compile(&root)?;

    let mut bare = descriptors.clone();
    for file in &mut bare.file {
        file.source_code_info = None;
    }
    fs_err::write(out.join("descriptors.bin"), bare.encode_to_vec())?;

    let mut prost = tonic_prost_build::Config::new();
    prost.default_package_filename(NO_PACKAGE);
    tonic_prost_build::configure()
        .out_dir(&out)
        .emit_rerun_if_changed(false)
        // Ordered maps make what is sent, and in tests what is compared, the same every time.
        .btree_map(".")
        .compile_fds_with_config(descriptors, prost)
        .context("generating Rust code")
}

/// Parses and checks every `.proto` file of the repository; the comments are kept, for the generated code.
fn compile(root: &Path) -> Result<FileDescriptorSet> {
    let includes = INCLUDES.map(|include| root.join(include));
    let mut files = WalkDir::new(root.join("proto"))
        .into_iter()
        .map(|entry| Ok(entry?.into_path()))
        .filter(|path| match path {
            Ok(path) => path.extension().is_some_and(|extension| extension == "proto"),
            Err(_) => true,
        })
        .collect::<Result<Vec<_>>>()?;
    files.sort();
    let mut compiler = protox::Compiler::new(&includes)?;
    compiler.include_source_info(true).include_imports(true);
    for file in &files {
        let name = includes
            .iter()
            .find_map(|include| file.strip_prefix(include).ok())
            .unwrap_or(file);
        compiler
            .open_file(name)
            .map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    }
    Ok(compiler.file_descriptor_set())
}

//! The ledger in an object store that speaks S3.

use std::sync::Arc;

use anyhow::Result;
use asof_materialize::Ledger;
use asof_testkit::MotoServer;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;

use crate::world::{World, at, row, row_view};

#[tokio::test]
async fn two_runs_at_once_over_s3_each_leave_their_entry() -> Result<()> {
    let Some(server) = MotoServer::start()? else {
        eprintln!("skipped: moto_server is not there");
        return Ok(());
    };
    let mut builder = AmazonS3Builder::new().with_bucket_name(MotoServer::BUCKET);
    for (key, value) in server.options() {
        builder = builder.with_config(key.parse()?, value);
    }
    let ledger = Ledger::new(Arc::new(builder.build()?), Path::from("registry"));
    let world = World::new(row_view())?.with_ledger(ledger.clone());
    world.write("1.parquet", &[row("a", 10, 1)])?;
    let (one, two) = tokio::join!(world.incremental(20), world.incremental(20));
    one?;
    two?;
    let ends: Vec<_> = ledger
        .entries(&world.keyspace())
        .await?
        .iter()
        .map(|entry| entry.to)
        .collect();
    assert_eq!(ends, [at(20), at(20)]);
    Ok(())
}

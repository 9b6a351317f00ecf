//! What is in the way: damaged registries, other people's files where the online store should be, no permission.

use anyhow::Result;

use crate::{END, Rides};

#[test]
fn a_damaged_registry_is_named_and_nothing_is_built_on_it() -> Result<()> {
    let rides = Rides::applied()?;
    let version = ".asof/registry/versions/00000000000000000001.json";
    fs_err::write(rides.path(version), "junk")?;
    for command in [&["show"][..], &["plan"], &["apply"], &["history"]] {
        let said = rides.refused(command.iter().copied())?;
        assert!(said.contains("00000000000000000001.json` is damaged: "), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let run = rides.asof.run(["doctor"])?;
    assert_eq!(run.code, Some(1));
    assert!(run.stdout.contains("FAIL  registry"), "{}", run.stdout);
    Ok(())
}

#[test]
fn an_online_store_is_no_file_and_no_garbage() -> Result<()> {
    let rides = Rides::applied()?;
    fs_err::remove_dir_all(rides.path(".asof/online")).ok();
    fs_err::write(rides.path(".asof/online"), "mine")?;
    let ask = [
        "get-online-features",
        "--features",
        "driver_hourly",
        "--entity",
        "driver_id=1",
    ];
    insta::assert_snapshot!(rides.refused(ask)?, @"error: `./.asof/online` is not an online store of asof: it is a file, or lies below one; choose another path");
    insta::assert_snapshot!(rides.refused(["materialize-incremental", "--to", END])?, @"error: `./.asof/online` is not an online store of asof: it is a file, or lies below one; choose another path");
    assert_eq!(fs_err::read_to_string(rides.path(".asof/online"))?, "mine");
    fs_err::remove_file(rides.path(".asof/online"))?;
    fs_err::create_dir(rides.path(".asof/online"))?;
    fs_err::write(rides.path(".asof/online/data.mdb"), [7; 9000])?;
    let said = rides.refused(ask)?;
    assert!(said.contains("is not an online store of asof"), "{said}");
    Ok(())
}

#[test]
fn a_registry_must_be_a_folder_or_a_known_url() -> Result<()> {
    let rides = Rides::new()?;
    let store = fs_err::read_to_string(rides.path("feature_store.yaml"))?;
    for (location, wanted) in [
        ("README.md", "could not be listed"),
        ("foo://bucket", "`foo://` is not a kind of store"),
    ] {
        fs_err::write(
            rides.path("feature_store.yaml"),
            store.replace(".asof/registry ", &format!("{location} ")),
        )?;
        let said = rides.refused(["history"])?;
        assert!(said.contains(wanted), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    Ok(())
}

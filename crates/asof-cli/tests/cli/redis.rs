//! Redis as the online store: everything is as on the embedded store, and its bad days pass.
#![cfg(unix)]

use anyhow::{Result, ensure};
use asof_testkit::{Certificates, RedisCluster, RedisOptions, RedisSentinel, RedisServer, Table, write_parquet};
use serde_json::Value;

use crate::serve::Server;
use crate::{END, Rides, stable};

/// What is asked of every store.
const ASK: [&str; 7] = [
    "get-online-features",
    "--service",
    "acceptance_model",
    "--entity",
    "driver_id=1001,pickup_distance_km=7.5",
    "--entity",
    "driver_id=9999,pickup_distance_km=7.5",
];

/// Two repositories that are the same but for their online store.
struct Both {
    embedded: Rides,
    redis: Rides,
    server: RedisServer,
}

impl Both {
    fn new() -> Result<Self> {
        let server = RedisServer::start(RedisOptions::new())?;
        let (embedded, redis) = (Rides::new()?, Rides::new()?);
        redis.in_redis(&server.url())?;
        Ok(Self {
            embedded,
            redis,
            server,
        })
    }

    /// Runs a command on both, and returns what both print to stdout: the same, but for the store's name.
    fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str> + Clone) -> Result<String> {
        let embedded = self.embedded.asof.run(arguments.clone())?;
        let redis = self.redis.asof.run(arguments)?;
        ensure!(embedded.code == Some(0), "{}{}", embedded.stdout, embedded.stderr);
        assert_eq!(redis.code, embedded.code, "{}{}", redis.stdout, redis.stderr);
        let masked = |text: &str, store: &str| stable(&text.replace(store, "[store]"));
        let name = format!("{}/0", self.server.url());
        let stdout = masked(&redis.stdout, &name);
        assert_eq!(stdout, masked(&embedded.stdout, ".asof/online"));
        assert_eq!(masked(&redis.stderr, &name), masked(&embedded.stderr, ".asof/online"));
        Ok(stdout)
    }

    /// The vectors as of a time, as text and as JSON.
    fn ask(&self, at: &str) -> Result<String> {
        let text = self.run(ASK.into_iter().chain(["--as-of", at]))?;
        self.run(ASK.into_iter().chain(["--as-of", at, "--output", "json"]))?;
        Ok(text)
    }

    fn edit(&self, from: &str, to: &str) -> Result<()> {
        self.embedded.edit(from, to)?;
        self.redis.edit(from, to)
    }

    /// Pushes a row of driver 1001.
    fn push(&self, time: &str) -> Result<String> {
        let time = time.parse::<asof_model::Timestamp>()?.micros();
        let row = Table::new()
            .int64s("driver_id", [1001])
            .times("event_timestamp", [time])
            .times("created", [time + 1])
            .floats("conv_rate", [0.25])
            .floats("acc_rate", [0.5])
            .bools("busy", [Option::<bool>::None])
            .batch();
        for rides in [&self.embedded, &self.redis] {
            write_parquet(rides.path("rows.parquet"), std::slice::from_ref(&row))?;
        }
        self.run(["push", "driver_hourly", "--input", "rows.parquet"])
    }
}

#[test]
fn every_command_tells_the_same_of_redis_as_of_the_embedded_store() -> Result<()> {
    let both = Both::new()?;
    both.run(["validate"])?;
    both.run(["apply", "-m", "First features", "--author", "ada"])?;
    assert!(both.ask(END)?.contains("NOT_FOUND"), "nothing is online yet");

    let materialize = ["materialize-incremental", "--to", END];
    assert!(both.run(materialize)?.contains("driver_hourly     5        5"));
    both.run(materialize)?;
    both.run(["materialize", "--from", "2026-01-01T00:00:00Z", "--to", END])?;
    assert!(both.ask(END)?.contains("0.6109"));
    // The ttl is a day, its end included.
    both.ask("2026-01-08T23:00:00Z")?;
    assert!(both.ask("2026-01-08T23:00:00.000001Z")?.contains("OUTSIDE_MAX_AGE"));

    assert!(both.push("2026-01-07T22:00:00Z")?.contains("0 rows written, 1 kept"));
    assert!(both.push("2026-01-08T00:00:00Z")?.contains("1 row written, 0 kept"));
    assert!(both.ask("2026-01-08T01:00:00Z")?.contains("0.25"));

    // A changed view waits until it is online, and going back is at once.
    both.edit("trips > 10", "trips > 100")?;
    both.run(["apply", "--author", "ada"])?;
    assert!(both.ask("2026-01-08T01:00:00Z")?.contains("0.25"));
    both.run(materialize)?;
    assert!(!both.ask("2026-01-08T01:00:00Z")?.contains("0.25"));
    both.run(["rollback", "1", "--author", "ada"])?;
    assert!(both.ask("2026-01-08T01:00:00Z")?.contains("0.25"));
    both.run(["show", "feature-views"])?;
    both.run(["history"])?;
    Ok(())
}

#[test]
fn each_kind_of_redis_is_reached_as_it_is_written_down() -> Result<()> {
    let certificates = Certificates::create()?;
    let plain = RedisServer::start(RedisOptions::new())?;
    let encrypted = RedisServer::start(RedisOptions::new().tls(&certificates))?;
    let rules = ["on", ">p@ss/word", "~asof:*", "+@all"];
    let guarded = RedisServer::start(RedisOptions::new().user("asof", &rules))?;
    let cluster = RedisCluster::start()?;
    let sentinel = RedisSentinel::start(1)?;
    let kinds = [
        format!("connection_string: \"{}?db=2\"", plain.unix_url()),
        format!(
            "connection_string: \"{}\", tls: {{ca_cert: certs/ca.pem, client_cert: certs/client.pem, client_key: \
             certs/client.key}}",
            encrypted.url()
        ),
        format!(
            "connection_string: \"redis://asof:${{REDIS_PASSWORD}}@{}/1\"",
            guarded.address()
        ),
        format!(
            "redis_type: redis_cluster, read_from: replica, connection_string: \"redis://{}\"",
            cluster.addresses().join(",")
        ),
        format!(
            "redis_type: redis_sentinel, sentinel_master: {}, connection_string: \"redis://{}/0\"",
            sentinel.master_name(),
            sentinel.sentinel_addresses().join(",")
        ),
    ];
    let rides = Rides::new()?;
    rides.asof.succeed(["apply"])?;
    fs_err::create_dir(rides.path("certs"))?;
    for (from, to) in [
        (certificates.ca_path(), "certs/ca.pem"),
        (certificates.client_cert_path(), "certs/client.pem"),
        (certificates.client_key_path(), "certs/client.key"),
    ] {
        fs_err::copy(from, rides.path(to))?;
    }
    let run = |arguments: &[&str]| -> Result<String> {
        let output = rides
            .asof
            .command(arguments)
            .env("REDIS_PASSWORD", "p@ss/word")
            .output()?;
        let (stdout, stderr) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        ensure!(output.status.success(), "{stdout}{stderr}");
        ensure!(!format!("{stdout}{stderr}").contains("p@ss"), "{stdout}{stderr}");
        Ok(stdout)
    };
    for kind in kinds {
        rides.use_store(&format!("{{type: redis, {kind}}}"))?;
        let told = run(&["materialize-incremental", "--to", END])?;
        assert!(told.contains("driver_hourly     5        5"), "{kind}: {told}");
        let asked = run(&[&ASK[..], &["--as-of", END]].concat())?;
        assert!(asked.contains("conv_rate       0.6109  PRESENT"), "{kind}: {asked}");
        let doctor = run(&["doctor"])?;
        assert!(doctor.contains("10 rows in 2 keyspaces, in "), "{kind}: {doctor}");
    }
    Ok(())
}

#[test]
fn the_doctor_says_what_redis_it_is_and_what_should_be_done() -> Result<()> {
    let server = RedisServer::start(
        RedisOptions::new()
            .password("hunter2")
            .max_memory(100 << 20)
            .setting("maxmemory-policy", "allkeys-lru"),
    )?;
    let rides = Rides::new()?;
    rides.in_redis(&format!("redis://:hunter2@{}", server.address()))?;
    let doctor = || -> Result<(Option<i32>, String)> {
        let run = rides.asof.run(["doctor"])?;
        let version = server.info("redis_version").unwrap_or_else(|_| "no version".to_owned());
        let text = run
            .stdout
            .replace(&server.address(), "[address]")
            .replace(&version, "[version]");
        let lines = text.lines().map(|line| match line.split_once(" MiB used") {
            Some((_, rest)) => format!("ok    memory       [used] MiB used{rest}\n"),
            None => format!("{line}\n"),
        });
        Ok((run.code, lines.collect()))
    };
    let (code, text) = doctor()?;
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(text, @r"
    asof 0.1.0

        WHAT           FOUND
    ok  definitions    project rides, 2 feature views, 1 feature service
    ok  sources        1 source readable
    ok  registry       no version yet in .asof/registry; run `asof apply`
    ok  online store   0 rows in 0 keyspaces, in redis://[address]/0
    ok    server       Redis [version], 0 replicas
    ok    memory       [used] MiB used of 100.0 MiB
    !     eviction     maxmemory-policy allkeys-lru: set `maxmemory-policy noeviction`, or rows are dropped without a word when `maxmemory` is reached
    !     persistence  no append-only file, and no snapshots that are known of: set `appendonly yes`, or materialize again after every restart
    ok    packing      hash-max-listpack-value 512
    ");

    let (_, json) = rides.json(["doctor"])?;
    let facts = json["checks"][3]["facts"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    assert_eq!(facts.len(), 5, "{json}");
    assert_eq!(facts[0]["advice"], Value::Null);
    assert!(!json.to_string().contains("hunter2"), "{json}");

    server.cli(&["CONFIG", "SET", "requirepass", "other"])?;
    let (code, refused) = doctor()?;
    assert_eq!(code, Some(1));
    let says = "FAIL  online store  the online store at `redis://[address]/0` refuses the user or password";
    assert!(refused.contains(says), "{refused}");
    Ok(())
}

#[test]
fn a_redis_that_is_away_is_told_of_at_once() -> Result<()> {
    let mut server = RedisServer::start(RedisOptions::new())?;
    let rides = Rides::new()?;
    rides.in_redis(&server.url())?;
    rides.asof.succeed(["apply"])?;
    server.kill();
    let run = rides.asof.run(["doctor"])?;
    assert_eq!(run.code, Some(1));
    assert!(
        run.stdout.contains("FAIL  online store  the online store at"),
        "{}",
        run.stdout
    );
    let said = rides.refused(ASK)?;
    assert!(said.contains("cannot be reached"), "{said}");
    let said = rides.refused(["demo", "made", "--online", &server.url()])?;
    assert!(said.contains("cannot be reached"), "{said}");
    let start = format!("\n  redis-server --port {} --save ''\n", server.port());
    assert!(said.contains(&start), "{said}");
    assert!(
        rides.files()?.iter().all(|name| !name.contains("demo")),
        "nothing is made"
    );
    Ok(())
}

#[test]
fn a_server_whose_redis_is_away_is_not_ready_and_answers_again_by_itself() -> Result<()> {
    let mut redis = RedisServer::start(RedisOptions::new())?;
    let rides = Rides::applied()?;
    rides.in_redis(&redis.url())?;
    let materialize = ["materialize-incremental", "--to", END];
    let first = rides.asof.succeed(materialize)?;
    let expected = rides.json(ASK.into_iter().chain(["--as-of", END]))?.1;
    redis.cli(&["SAVE"])?;
    redis.kill();

    // It starts nevertheless, and says why it is not ready.
    let mut server = Server::start(&rides)?;
    let event = server.logged("the online store does not answer; not ready until it does")?;
    assert!(
        event["error"]
            .as_str()
            .is_some_and(|error| error.contains("cannot be reached")),
        "{event}"
    );
    is_away(&server)?;
    redis.start_again()?;
    while server.http("GET", "/ready", "")?.0 != 200 {}
    assert_eq!(server.ask("acceptance_model")?, (200, expected.clone()));

    // A connection that was there breaks; and the store that comes back has nothing.
    redis.kill();
    is_away(&server)?;
    redis.restart_empty()?;
    while server.http("GET", "/ready", "")?.0 != 200 {}
    let (status, empty) = server.ask("acceptance_model")?;
    assert_eq!(
        (status, &empty["results"][1]["statuses"][0]),
        (200, &Value::from("NOT_FOUND"))
    );
    assert_eq!(rides.asof.succeed(materialize)?, first, "all rows are written again");
    assert_eq!(server.ask("acceptance_model")?, (200, expected));
    Ok(())
}

/// It lives, is not ready, and refuses what is asked as something to be tried again.
fn is_away(server: &Server) -> Result<()> {
    assert_eq!(server.http("GET", "/health", "")?.0, 200);
    let (status, reason) = server.http("GET", "/ready", "")?;
    assert_eq!(status, 503);
    assert!(reason.contains("cannot be reached"), "{reason}");
    let (status, refusal) = server.ask("acceptance_model")?;
    assert_eq!((status, &refusal["error"]), (503, &Value::from("unavailable")));
    let Err(code) = server.ask_over_grpc()? else {
        anyhow::bail!("there is nothing to be answered from");
    };
    assert_eq!(code, "Unavailable");
    Ok(())
}

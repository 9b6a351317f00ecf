//! What is said when something is wrong with a server or with its settings.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpListener;
use std::path::Path;

use asof_model::definition::{ReadFrom, RedisAddress, RedisConfig, RedisTls, RedisTopology};
use asof_model::{Secret, TimeSpan};
use asof_online::OnlineError;
use asof_testkit::{Certificates, Proxy, RedisOptions, RedisServer};

use super::{at, of, on_only_hash, open, write_ending};
use crate::sample::{keyspace, try_read, write};

/// A password, so that no error has it.
const PASSWORD: &str = "open-sesame";

/// The errors of one test, by what was done.
#[derive(Default)]
struct Said {
    texts: BTreeMap<&'static str, String>,
    /// What changes from run to run, and what stands for it.
    masks: Vec<(String, &'static str)>,
}

impl Said {
    fn mask(&mut self, text: impl Into<String>, by: &'static str) {
        self.masks.push((text.into(), by));
    }

    fn note<T>(&mut self, what: &'static str, done: Result<T, OnlineError>) {
        let mut text = match done {
            Ok(_) => "nothing".to_owned(),
            Err(error) => format!("{:?}: {error}", error.kind()),
        };
        assert!(!text.contains(PASSWORD), "{text}");
        for (from, to) in &self.masks {
            text = text.replace(from, to);
        }
        // Each version has words of its own for what is missing.
        if let Some((before, rest)) = text.split_once("NOPERM ") {
            let after = rest.split_once("; ").map(|(_, after)| after).unwrap_or_default();
            text = format!("{before}NOPERM WHAT; {after}");
        }
        self.texts.insert(what, text);
    }

    fn text(self) -> String {
        let mut all = String::new();
        for (what, text) in self.texts {
            writeln!(all, "{what}\n    {text}").unwrap();
        }
        all
    }
}

async fn read(config: &RedisConfig) -> Result<(), OnlineError> {
    try_read(&*open(config)?, 1).await.map(|_| ())
}

fn signed_in(mut config: RedisConfig, user: Option<&str>, password: &str) -> RedisConfig {
    config.username = user.map(ToOwned::to_owned);
    config.password = Some(Secret::new(password));
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there() {
    let mut said = Said::default();
    let mut gone = RedisServer::start(RedisOptions::new()).unwrap();
    gone.kill();
    said.mask(gone.address(), "SERVER");
    let mut cluster = of(&gone);
    cluster.topology = RedisTopology::Cluster;
    let mut sentinels = of(&gone);
    sentinels.topology = RedisTopology::Sentinel { master: "main".into() };
    let unknown = RedisConfig::new(vec![RedisAddress::server("no-such-host.invalid", 6379)]);
    let socket = RedisConfig::new(vec![RedisAddress::socket("/no/such/redis.sock")]);
    let web = web_server();
    said.mask(&web, "WEB");
    // Together, as each tries again for a second.
    let whats = [
        ("nobody listens", signed_in(of(&gone), None, PASSWORD)),
        ("nobody listens, cluster", signed_in(cluster, None, PASSWORD)),
        ("nobody listens, sentinel", signed_in(sentinels, None, PASSWORD)),
        ("an unknown host", unknown),
        ("no socket", socket),
        ("a web server", at([&web])),
    ];
    let reads = whats.iter().map(|(_, config)| read(config));
    for ((what, _), done) in whats.iter().zip(futures::future::join_all(reads).await) {
        said.note(what, done);
    }
    insta::assert_snapshot!(said.text());
}

/// Starts a web server for as long as the tests run, and says where.
fn web_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not() {
    let mut said = Said::default();
    let readers = ["on", ">open-sesame", "~asof:*", "+@read", "+@connection"];
    let options = RedisOptions::new()
        .password(PASSWORD)
        .user("reader", &readers)
        .user("elsewhere", &["on", ">open-sesame", "~other:*", "+@all"]);
    let server = RedisServer::start(options).unwrap();
    said.mask(server.address(), "SERVER");
    let config = of(&server);
    said.note("no password", read(&config).await);
    let wrong = signed_in(config.clone(), None, "open-says-me");
    said.note("a wrong password", read(&wrong).await);
    said.note("a wrong password, writing", write(&*open(&wrong).unwrap(), 1, 0).await);
    let nobody = signed_in(config.clone(), Some("nobody"), PASSWORD);
    said.note("an unknown user", read(&nobody).await);
    let mut cluster = wrong.clone();
    cluster.topology = RedisTopology::Cluster;
    said.note("a wrong password, cluster", read(&cluster).await);

    let reader = signed_in(config.clone(), Some("reader"), PASSWORD);
    said.note("may read, reads", read(&reader).await);
    said.note("may read, writes", write(&*open(&reader).unwrap(), 1, 0).await);
    let elsewhere = signed_in(config.clone(), Some("elsewhere"), PASSWORD);
    said.note("may use other keys, reads", read(&elsewhere).await);
    said.note(
        "may use other keys, writes",
        write(&*open(&elsewhere).unwrap(), 1, 0).await,
    );
    said.note(
        "may use other keys, advances",
        open(&elsewhere).unwrap().advance(&keyspace()).await,
    );
    insta::assert_snapshot!(said.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_that_do_not_fit() {
    let mut said = Said::default();
    let certificates = Certificates::create().unwrap();
    let strangers = Certificates::create().unwrap();
    let server = RedisServer::start(RedisOptions::new().tls(&certificates)).unwrap();
    said.mask(server.address(), "SERVER");
    said.mask(certificates.ca_path().parent().unwrap().to_str().unwrap(), "FOLDER");
    let path = |path: &Path| Some(path.to_str().unwrap().to_owned());
    let with = |authority: &Certificates, client: Option<&Certificates>| {
        let mut config = of(&server);
        config.tls = Some(RedisTls {
            ca_cert: path(&authority.ca_path()),
            client_cert: client.and_then(|client| path(&client.client_cert_path())),
            client_key: client.and_then(|client| path(&client.client_key_path())),
        });
        config
    };
    said.note(
        "an unknown authority",
        read(&with(&strangers, Some(&certificates))).await,
    );
    said.note("no certificate", read(&with(&certificates, None)).await);
    said.note(
        "a stranger's certificate",
        read(&with(&certificates, Some(&strangers))).await,
    );
    // Which of these it is depends on who is faster.
    said.mask("Connection reset by peer (os error 104)", "CUT OFF");
    said.mask("broken pipe", "CUT OFF");
    said.note("not encrypted", read(&of(&server)).await);
    let mut missing = with(&certificates, None);
    missing.tls.as_mut().unwrap().ca_cert = Some("certificates/ca.pem".into());
    said.note("a missing file", read(&missing).await);
    let mut key_for_certificate = with(&certificates, Some(&certificates));
    key_for_certificate.tls.as_mut().unwrap().client_cert = path(&certificates.client_key_path());
    said.note("a key in place of a certificate", read(&key_for_certificate).await);
    let mut authority_is_key = with(&certificates, None);
    authority_is_key.tls.as_mut().unwrap().ca_cert = path(&certificates.client_key_path());
    said.note("a key in place of the authority", read(&authority_is_key).await);
    let mut cluster = with(&strangers, Some(&certificates));
    cluster.topology = RedisTopology::Cluster;
    said.note("an unknown authority, cluster", read(&cluster).await);

    let plain = RedisServer::start(RedisOptions::new()).unwrap();
    said.mask(plain.address(), "PLAIN");
    let mut encrypted = of(&plain);
    encrypted.tls = Some(RedisTls::default());
    said.note("encrypted to a plain server", read(&encrypted).await);
    insta::assert_snapshot!(said.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_another_kind() {
    let mut said = Said::default();
    let plain = RedisServer::start(RedisOptions::new()).unwrap();
    said.mask(plain.address(), "SERVER");
    let mut config = of(&plain);
    config.topology = RedisTopology::Cluster;
    said.note("no cluster", read(&config).await);
    config.topology = RedisTopology::Sentinel { master: "main".into() };
    said.note("no sentinel", read(&config).await);
    let mut replica = of(&plain);
    replica.read_from = ReadFrom::Replica;
    said.note("one server that should have replicas", read(&replica).await);
    let mut database = of(&plain);
    database.database = 99;
    said.note("no such database", read(&database).await);

    let node = RedisServer::start(RedisOptions::new().setting("cluster-enabled", "yes")).unwrap();
    said.mask(node.address(), "NODE");
    said.note("a node of a cluster", read(&of(&node)).await);
    let mut cluster = of(&node);
    cluster.topology = RedisTopology::Cluster;
    said.note("a node without slots", read(&cluster).await);

    let old = Proxy::start(plain.address()).unwrap();
    let version = plain.info("redis_version").unwrap();
    old.set_lie(
        &format!("redis_version:{version}"),
        &format!("redis_version:6.0{}", &version[3..]),
    )
    .unwrap();
    said.mask(old.address(), "OLD");
    said.mask(format!("6.0{}", &version[3..]), "6.0.x");
    said.note("an old server", read(&at([old.address()])).await);
    said.note(
        "an old server, writing",
        write(&*open(&at([old.address()])).unwrap(), 1, 0).await,
    );

    insta::assert_snapshot!(said.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_something_else_in_it() {
    let mut said = Said::default();
    let server = RedisServer::start(RedisOptions::new()).unwrap();
    said.mask(server.address(), "SERVER");
    let store = open(&of(&server)).unwrap();
    write(&*store, 1, 5).await.unwrap();
    for (what, value) in [
        ("a text in place of a row", "x"),
        ("nothing in place of a row", ""),
        ("a version without a row", "\x02"),
        ("a row that is cut off", "\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0"),
    ] {
        on_only_hash(&server, "redis.call('HSET', key, field, ARGV[1])", value);
        said.note(what, write(&*store, 1, 6).await);
        let is_there = "return redis.call('HGET', key, field) == ARGV[1]";
        assert_eq!(on_only_hash(&server, is_there, value), "1", "{what} is left alone");
    }
    let to_text = "redis.call('SET', key, 'text') redis.call('SET', key:gsub('asof:p', 'asof:t'), 'text')";
    on_only_hash(&server, to_text, "");
    said.note("a key of another type, reading", try_read(&*store, 1).await);
    said.note("a key of another type, writing", write(&*store, 1, 6).await);
    let ending = TimeSpan::from_micros(1_000_000);
    said.note(
        "a key of another type, writing rows that end",
        write_ending(&*store, 1, 6, ending.unwrap()).await,
    );
    for (what, catalog) in [
        ("a catalog of another type", "asof:{catalog}:fields"),
        ("births of another type", "asof:{catalog}:births"),
    ] {
        server.cli(&["SET", catalog, "text"]).unwrap();
        said.note(what, open(&of(&server)).unwrap().advance(&keyspace()).await);
    }
    said.note("births of another type, listing", store.keyspaces().await);
    server.cli(&["DEL", "asof:{catalog}:births"]).unwrap();
    server.cli(&["HSET", "asof:{catalog}:births", "me", "you"]).unwrap();
    said.note("a strange keyspace, listing", store.keyspaces().await);
    server.cli(&["DEL", "asof:{catalog}:births"]).unwrap();
    server
        .cli(&["HSET", "asof:{catalog}:births", &keyspace().to_string(), "you"])
        .unwrap();
    said.note("a strange birth, listing", store.keyspaces().await);
    insta::assert_snapshot!(said.text());
}

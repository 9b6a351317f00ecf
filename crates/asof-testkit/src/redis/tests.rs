//! Each kind of server starts, answers, has its bad days, and leaves no process behind.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::process::state;
use super::wait::wait_until;
use super::{Certificates, RedisCluster, RedisOptions, RedisSentinel, RedisServer};

/// Set for the run of [`a_test_to_be_killed`] that is meant to be.
const KILLED: &str = "ASOF_TEST_KILLED";

/// The lines that a server answers on its port to some commands, as many as there are commands.
fn over_tcp_all(address: &str, commands: &str) -> Result<Vec<String>> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(commands.as_bytes())?;
    let lines = BufReader::new(stream).lines().take(commands.lines().count());
    Ok(lines.collect::<Result<_, _>>()?)
}

/// The first line that a server answers on its port to a command.
fn over_tcp(address: &str, command: &str) -> Result<String> {
    over_tcp_all(address, command)?.pop().context("the server answers")
}

fn is_gone(process: u32) -> bool {
    matches!(state(process), None | Some('Z'))
}

#[test]
fn a_server_answers_on_its_port_and_its_socket() -> Result<()> {
    let server = RedisServer::start(RedisOptions::new())?;
    assert_eq!(server.url(), format!("redis://127.0.0.1:{}", server.port()));
    assert_eq!(over_tcp(&server.address(), "PING\r\n")?, "+PONG");
    assert_eq!(over_tcp(&server.address(), "DBSIZE\r\n")?, ":0");

    assert_eq!(server.cli(&["HSET", "a key", "field", "two\r\nlines"])?, "1");
    assert_eq!(server.cli(&["HGET", "a key", "field"])?, "two\r\nlines");
    assert_eq!(server.cli(&["HGET", "a key", "other"])?, "");
    assert_eq!(server.cli(&["HMGET", "a key", "other", "field"])?, "\ntwo\r\nlines");
    assert_eq!(server.cli(&["HGETALL", "other"])?, "");
    assert_eq!(server.cli(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"])?, "OK");
    assert_eq!(server.info("role")?, "master");
    assert!(server.log()?.contains("Ready to accept connections"));

    let error = server.cli(&["INCR", "a key"]).unwrap_err();
    assert_eq!(
        format!("{error:#}").replace(&server.port().to_string(), "PORT"),
        "the server is 127.0.0.1:PORT: the command was INCR a key: \
         WRONGTYPE Operation against a key holding the wrong kind of value"
    );
    let socket = server.unix_url();
    let socket = std::path::Path::new(socket.strip_prefix("unix://").context("it is a unix URL")?);
    assert!(socket.is_absolute() && socket.exists());
    drop(server);
    assert!(!socket.exists());
    Ok(())
}

#[test]
fn a_killed_server_comes_back_at_its_port_with_or_without_its_data() -> Result<()> {
    let mut server = RedisServer::start(RedisOptions::new())?;
    let url = server.url();
    server.cli(&["SET", "key", "value"])?;
    server.restart_keeping_data()?;
    assert_eq!(server.cli(&["GET", "key"])?, "value");

    server.kill();
    assert!(!server.is_running());
    assert!(server.cli(&["PING"]).is_err());
    assert!(server.restart_keeping_data().is_err());
    assert!(server.pause().is_err());
    // Also when it has a file with its data.
    server.restart_empty()?;
    assert_eq!(server.cli(&["DBSIZE"])?, "0");
    assert_eq!(over_tcp(&server.address(), "PING\r\n")?, "+PONG");
    assert_eq!(server.url(), url);
    Ok(())
}

#[test]
fn a_paused_server_takes_connections_and_answers_later() -> Result<()> {
    let server = RedisServer::start(RedisOptions::new())?;
    server.pause()?;
    let mut stream = TcpStream::connect(server.address())?;
    stream.write_all(b"PING\r\n")?;
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    assert!(stream.read(&mut [0]).is_err());
    server.resume()?;
    stream.set_read_timeout(None)?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    assert_eq!(&answer, b"+PONG\r\n");
    Ok(())
}

#[test]
fn a_full_server_refuses_writes() -> Result<()> {
    let server = RedisServer::start(RedisOptions::new().max_memory(1))?;
    let error = server.cli(&["SET", "key", "value"]).unwrap_err();
    assert!(format!("{error:#}").contains("OOM command not allowed"), "{error:#}");
    Ok(())
}

#[test]
fn passwords_users_and_forbidden_commands_hold_for_clients_only() -> Result<()> {
    let options = RedisOptions::new()
        .password(r#"a "secret" \"#)
        .user("reader", &["on", ">secret", "~asof:*", "+@read"])
        .forbid("CONFIG");
    let server = RedisServer::start(options)?;
    let address = server.address();
    assert_eq!(over_tcp(&address, "PING\r\n")?, "-NOAUTH Authentication required.");
    assert_eq!(over_tcp(&address, "AUTH \"a \\\"secret\\\" \\\\\"\r\n")?, "+OK");
    assert_eq!(over_tcp(&address, "AUTH reader secret\r\n")?, "+OK");
    assert!(over_tcp(&address, "AUTH reader other\r\n")?.starts_with("-WRONGPASS"));
    assert_eq!(
        server.url_as("reader", "secret"),
        format!("redis://reader:secret@{address}")
    );

    let as_reader = "AUTH reader secret\r\nSET asof:1 value\r\nGET other\r\nGET asof:1\r\n";
    let answers = over_tcp_all(&address, as_reader)?;
    assert_eq!(answers.len(), 4);
    assert!(answers[1].starts_with("-NOPERM"), "{answers:?}");
    assert!(answers[2].starts_with("-NOPERM"), "{answers:?}");
    assert_eq!(answers[3], "$-1");
    let error = server.cli(&["CONFIG", "GET", "maxmemory"]).unwrap_err();
    assert!(format!("{error:#}").contains("unknown command"), "{error:#}");
    Ok(())
}

#[test]
fn a_replica_has_the_data_and_takes_no_writes() -> Result<()> {
    // Also where clients need a password.
    let primary = RedisServer::start(RedisOptions::new().password("secret"))?;
    primary.cli(&["SET", "key", "value"])?;
    let replica = RedisServer::start(RedisOptions::new().replica_of(&primary))?;
    assert_eq!(replica.cli(&["GET", "key"])?, "value");
    let error = replica.cli(&["SET", "key", "other"]).unwrap_err();
    assert!(format!("{error:#}").contains("READONLY"), "{error:#}");
    Ok(())
}

#[test]
fn a_server_with_tls_takes_clients_with_a_certificate_of_its_authority() -> Result<()> {
    let certificates = Certificates::create()?;
    let strangers = Certificates::create()?;
    let server = RedisServer::start(RedisOptions::new().tls(&certificates))?;
    assert_eq!(server.url(), format!("rediss://{}", server.address()));
    assert_eq!(server.cli(&["PING"])?, "PONG");

    let ping = |host: &str, client: Option<&Certificates>, authority: &Certificates| -> Result<bool> {
        let mut command = Command::new("redis-cli");
        command
            .args(["-h", host, "-p", &server.port().to_string(), "--tls", "--cacert"])
            .arg(authority.ca_path());
        if let Some(client) = client {
            command.arg("--cert").arg(client.client_cert_path());
            command.arg("--key").arg(client.client_key_path());
        }
        let output = command.arg("PING").stdin(Stdio::null()).output()?;
        Ok(output.stdout == b"PONG\n")
    };
    assert!(ping("127.0.0.1", Some(&certificates), &certificates)?);
    assert!(ping("localhost", Some(&certificates), &certificates)?);
    assert!(!ping("127.0.0.1", None, &certificates)?);
    assert!(!ping("127.0.0.1", Some(&strangers), &certificates)?);
    assert!(!ping("127.0.0.1", Some(&certificates), &strangers)?);
    Ok(())
}

#[test]
fn every_node_of_a_cluster_serves_its_slots_and_sends_on_for_others() -> Result<()> {
    let mut cluster = RedisCluster::start()?;
    assert_eq!(cluster.urls().len(), 3);
    // Slots 5061, 9842 and 12182.
    assert_eq!(cluster.primary_of("bar")?, 0);
    assert_eq!(cluster.primary_of("1")?, 1);
    assert_eq!(cluster.primary_of("foo")?, 2);
    assert_eq!(cluster.nodes()[2].cli(&["SET", "foo", "value"])?, "OK");
    assert_eq!(
        over_tcp(&cluster.addresses()[0], "GET foo\r\n")?,
        format!("-MOVED 12182 {}", cluster.addresses()[2])
    );
    cluster.node_mut(2).restart_empty()?;
    cluster.await_ok()?;
    assert_eq!(cluster.nodes()[2].cli(&["GET", "foo"])?, "");
    Ok(())
}

#[test]
fn the_replica_of_a_killed_node_takes_over() -> Result<()> {
    let mut cluster = RedisCluster::start_with_replicas()?;
    assert_eq!(cluster.urls().len(), 6);
    assert_eq!(cluster.primary_of("foo")?, 2);
    cluster.node_mut(2).kill();
    cluster.await_ok()?;
    assert_eq!(cluster.primary_of("foo")?, 5);
    assert_eq!(cluster.nodes()[5].cli(&["SET", "foo", "value"])?, "OK");

    cluster.node_mut(2).restart_empty()?;
    cluster.await_ok()?;
    assert_eq!(cluster.primary_of("foo")?, 5);
    assert_eq!(cluster.nodes()[2].info("role")?, "slave");
    Ok(())
}

#[test]
fn sentinels_make_a_replica_the_primary_when_that_is_killed() -> Result<()> {
    let mut group = RedisSentinel::start(1)?;
    assert_eq!(group.sentinel_addresses().len(), 3);
    assert_eq!(group.primary_address()?, group.servers()[0].address());
    assert_eq!(
        over_tcp(
            &group.sentinel_addresses()[1],
            "SENTINEL GET-MASTER-ADDR-BY-NAME asof-primary\r\n"
        )?,
        "*2"
    );
    group.primary()?.cli(&["SET", "key", "value"])?;
    group.primary()?.cli(&["WAIT", "1", "0"])?;

    assert_eq!(group.kill_primary()?, 0);
    group.await_failover()?;
    assert_eq!(group.primary_address()?, group.servers()[1].address());
    assert_eq!(group.primary()?.cli(&["GET", "key"])?, "value");
    group.primary()?.cli(&["SET", "key", "newer"])?;

    group.server_mut(0).restart_empty()?;
    group.await_failover()?;
    assert_eq!(group.primary_address()?, group.servers()[1].address());
    assert_eq!(group.servers()[0].cli(&["GET", "key"])?, "newer");
    Ok(())
}

#[test]
fn no_process_outlives_its_value() -> Result<()> {
    let server = RedisServer::start(RedisOptions::new())?;
    let process = server.process_id()?;
    assert!(!is_gone(process));
    server.pause()?;
    drop(server);
    assert!(is_gone(process));

    let mut started = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let server = RedisServer::start(RedisOptions::new()).unwrap();
        started = Some(server.process_id().unwrap());
        panic!("as a test would");
    }));
    assert!(panicked.is_err());
    assert!(is_gone(started.context("it was started")?));
    Ok(())
}

#[test]
fn no_process_outlives_a_killed_test() -> Result<()> {
    // What the other leaves behind goes with this.
    let folder = tempfile::tempdir()?;
    let mut other = Command::new(std::env::current_exe()?)
        .args(["--exact", "redis::tests::a_test_to_be_killed", "--nocapture"])
        .env(KILLED, "")
        .env("TMPDIR", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = BufReader::new(other.stdout.take().context("its output is piped")?);
    let process = output
        .lines()
        .find_map(|line| Some(line.ok()?.split_once("process ")?.1.to_owned()));
    other.kill()?;
    other.wait()?;
    let process = process.context("the server's process was printed")?.parse()?;
    wait_until("the server is gone", || Ok(is_gone(process)))
}

/// Waits to be killed when [`no_process_outlives_a_killed_test`] runs it; else it does nothing.
#[test]
fn a_test_to_be_killed() -> Result<()> {
    if std::env::var_os(KILLED).is_some() {
        let server = RedisServer::start(RedisOptions::new())?;
        println!("\nprocess {}", server.process_id()?);
        // Ends with the other test at the latest.
        std::io::stdin().read_to_end(&mut Vec::new())?;
    }
    Ok(())
}

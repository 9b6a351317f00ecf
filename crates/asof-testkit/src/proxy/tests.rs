//! Each thing that a proxy does to connections.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Proxy;
use super::carry::PIECE;

/// A server that sends back what it gets, for as long as the test runs.
fn echo() -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?.to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    Ok(address)
}

fn exchange(stream: &mut TcpStream, text: &[u8]) -> Result<Vec<u8>> {
    stream.write_all(text)?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

#[test]
fn bytes_go_both_ways_and_ends_are_passed_on() -> Result<()> {
    let proxy = Proxy::start(echo()?)?;
    assert_eq!(proxy.url(), format!("redis://{}", proxy.address()));
    let mut stream = TcpStream::connect(proxy.address())?;
    assert_eq!(exchange(&mut stream, b"hello")?, b"hello");
    assert_eq!((proxy.accepted(), proxy.open()), (1, 1));
    // More than one piece.
    let much = (0..3 * PIECE).map(|i| i as u8).collect::<Vec<_>>();
    assert_eq!(exchange(&mut stream, &much)?, much);
    stream.shutdown(Shutdown::Write)?;
    assert_eq!(stream.read(&mut [0])?, 0);
    Ok(())
}

#[test]
fn latency_counts_in_both_directions() -> Result<()> {
    let proxy = Proxy::start(echo()?)?;
    let mut stream = TcpStream::connect(proxy.address())?;
    let latency = Duration::from_millis(30);
    proxy.set_latency(latency);
    let start = Instant::now();
    assert_eq!(exchange(&mut stream, b"hello")?, b"hello");
    // A lower bound only: how much longer it took is the machine's affair.
    assert!(start.elapsed() >= 2 * latency);
    Ok(())
}

#[test]
fn a_hanging_proxy_takes_connections_and_loses_nothing() -> Result<()> {
    let proxy = Proxy::start(echo()?)?;
    let mut before = TcpStream::connect(proxy.address())?;
    assert_eq!(exchange(&mut before, b"1")?, b"1");
    proxy.set_hanging(true);
    let mut during = TcpStream::connect(proxy.address())?;
    for stream in [&mut before, &mut during] {
        stream.write_all(b"2")?;
        stream.set_read_timeout(Some(Duration::from_millis(50)))?;
        let error = stream.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(error, Err(ErrorKind::WouldBlock));
        stream.set_read_timeout(None)?;
    }
    proxy.set_hanging(false);
    for stream in [&mut before, &mut during] {
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        assert_eq!(&answer, b"2");
    }
    Ok(())
}

#[test]
fn cut_connections_end_also_while_they_hang_and_new_ones_work() -> Result<()> {
    let proxy = Proxy::start(echo()?)?;
    let mut stream = TcpStream::connect(proxy.address())?;
    assert_eq!(exchange(&mut stream, b"1")?, b"1");
    proxy.set_hanging(true);
    stream.write_all(b"2")?;
    proxy.cut();
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    assert_eq!(proxy.open(), 0);
    proxy.set_hanging(false);
    assert_eq!(exchange(&mut TcpStream::connect(proxy.address())?, b"3")?, b"3");
    assert_eq!(proxy.accepted(), 2);
    Ok(())
}

#[test]
fn a_refusing_proxy_closes_new_connections_only() -> Result<()> {
    let proxy = Proxy::start(echo()?)?;
    let mut open = TcpStream::connect(proxy.address())?;
    assert_eq!(exchange(&mut open, b"1")?, b"1");
    proxy.set_refusing(true);
    let mut refused = TcpStream::connect(proxy.address())?;
    assert!(matches!(refused.read(&mut [0]), Ok(0) | Err(_)));
    assert_eq!(exchange(&mut open, b"2")?, b"2");
    assert_eq!((proxy.accepted(), proxy.open()), (2, 1));
    Ok(())
}

#[test]
fn a_lie_stands_for_the_truth_in_answers_wherever_they_are_split() -> Result<()> {
    let proxy = Proxy::start(echo()?)?;
    let mut stream = TcpStream::connect(proxy.address())?;
    proxy.set_lie("version:7", "version:5")?;
    assert_eq!(
        exchange(&mut stream, b"version:8 version:7.7\r\n")?,
        b"version:8 version:5.7\r\n"
    );
    stream.write_all(b"+vers")?;
    let mut plus = [0];
    stream.read_exact(&mut plus)?;
    stream.write_all(b"ion:7\r\nver")?;
    let mut answer = [0; 11];
    stream.read_exact(&mut answer)?;
    assert_eq!(&answer, b"version:5\r\n");
    stream.shutdown(Shutdown::Write)?;
    let mut end = Vec::new();
    stream.read_to_end(&mut end)?;
    assert_eq!(end, b"ver");
    assert!(proxy.set_lie("long", "short").is_err());
    Ok(())
}

#[test]
fn without_a_server_behind_it_connections_end() -> Result<()> {
    // Nobody listens on this port, which only a service of the system could have.
    let proxy = Proxy::start("127.0.0.1:1")?;
    let mut stream = TcpStream::connect(proxy.address())?;
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    Ok(())
}

#[test]
fn a_dropped_proxy_ends_its_connections() -> Result<()> {
    let proxy = Proxy::start(echo()?)?;
    let mut stream = TcpStream::connect(proxy.address())?;
    assert_eq!(exchange(&mut stream, b"1")?, b"1");
    drop(proxy);
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    Ok(())
}

//! A bad network: a TCP proxy that is slow, hangs, refuses and cuts when told.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use parking_lot::{Condvar, Mutex};

/// How many pieces of up to [`PIECE`] bytes may be under way in one direction of a connection.
const UNDER_WAY: usize = 256;

/// Bytes read at once.
const PIECE: usize = 16 * 1024;

/// A proxy on a free port of this machine; all its connections end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    latency: Duration,
    is_hanging: bool,
    is_refusing: bool,
    is_stopped: bool,
    accepted: u64,
    /// Both ends of the connections that are open, by number.
    open: BTreeMap<u64, [TcpStream; 2]>,
}

/// Bytes on their way, and when they arrived.
type Piece = (Instant, Vec<u8>);

impl Proxy {
    /// Starts a proxy to a host and port, such as `127.0.0.1:6379`. Nobody has to listen there yet.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(target: impl Into<String>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?.to_string();
        let shared = Arc::new(Shared::default());
        let acceptor = std::thread::spawn({
            let (shared, target) = (shared.clone(), target.into());
            move || accept(&listener, &target, &shared)
        });
        Ok(Self {
            address,
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// Host and port, as `127.0.0.1:<port>`.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// The URL of a Redis server behind it, as `redis://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// From now on everything arrives so much later, in either direction; the order and the throughput stay.
    pub fn set_latency(&self, latency: Duration) {
        self.change(|state| state.latency = latency);
    }

    /// Says whether to hold back all bytes, in both directions; connections stay, and new ones are taken. What was held
    /// back goes on afterwards.
    pub fn set_hanging(&self, is_hanging: bool) {
        self.change(|state| state.is_hanging = is_hanging);
    }

    /// Says whether to close every new connection at once; those that are open stay.
    pub fn set_refusing(&self, is_refusing: bool) {
        self.change(|state| state.is_refusing = is_refusing);
    }

    /// Cuts all connections that are open, with what is under way in them.
    pub fn cut(&self) {
        self.change(|state| {
            for ends in std::mem::take(&mut state.open).into_values() {
                shut(&ends);
            }
        });
    }

    /// How many connections it has taken so far, those that it closed at once among them.
    pub fn accepted(&self) -> u64 {
        self.shared.state.lock().accepted
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.shared.state.lock().open.len()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state.lock());
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.change(|state| state.is_stopped = true);
        self.cut();
        // A connection wakes the acceptor, so that the port is free on return.
        let is_woken = TcpStream::connect(&self.address).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| is_woken) {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, target: &str, shared: &Arc<Shared>) {
    for near in listener.incoming() {
        let mut state = shared.state.lock();
        if state.is_stopped {
            return;
        }
        let Ok(near) = near else { continue };
        state.accepted += 1;
        if state.is_refusing {
            continue;
        }
        let number = state.accepted;
        drop(state);
        let (shared, target) = (shared.clone(), target.to_owned());
        std::thread::spawn(move || {
            // The end of the connection is what the peers see of any error.
            let _ = carry(near, &target, number, &shared);
            if let Some(ends) = shared.state.lock().open.remove(&number) {
                shut(&ends);
            }
        });
    }
}

/// Carries bytes both ways until both ends are closed, or one breaks.
fn carry(near: TcpStream, target: &str, number: u64, shared: &Arc<Shared>) -> std::io::Result<()> {
    let far = TcpStream::connect(target)?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    {
        let mut state = shared.state.lock();
        if state.is_stopped {
            return Ok(());
        }
        state.open.insert(number, [near.try_clone()?, far.try_clone()?]);
    }
    let there = pump(near.try_clone()?, far.try_clone()?, number, shared);
    let back = pump(far, near, number, shared);
    for thread in there.into_iter().chain(back) {
        let _ = thread.join();
    }
    Ok(())
}

/// Starts one direction: a thread that reads, and one that writes when it is time.
fn pump(from: TcpStream, to: TcpStream, number: u64, shared: &Arc<Shared>) -> [JoinHandle<()>; 2] {
    let (sender, receiver) = sync_channel(UNDER_WAY);
    let shared = shared.clone();
    [
        std::thread::spawn(move || read(from, &sender)),
        std::thread::spawn(move || write(to, &receiver, number, &shared)),
    ]
}

fn read(mut from: TcpStream, sender: &SyncSender<Piece>) {
    let mut bytes = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if sender.send((Instant::now(), bytes[..length].to_vec())).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, receiver: &Receiver<Piece>, number: u64, shared: &Shared) {
    for (arrived, bytes) in receiver {
        if !shared.wait_until_due(arrived, number) || to.write_all(&bytes).is_err() {
            // What cannot be delivered ends the connection, as a peer that is gone would.
            if let Some(ends) = shared.state.lock().open.remove(&number) {
                shut(&ends);
            }
            return;
        }
    }
    // The other end wants to send no more, but may still listen.
    let _ = to.shutdown(Shutdown::Write);
}

impl Shared {
    /// Waits until bytes that arrived then may go on; `false` when the connection was cut.
    fn wait_until_due(&self, arrived: Instant, number: u64) -> bool {
        let mut state = self.state.lock();
        loop {
            if !state.open.contains_key(&number) {
                return false;
            }
            let due = arrived + state.latency;
            if state.is_hanging {
                self.changed.wait(&mut state);
            } else if Instant::now() >= due {
                return true;
            } else {
                self.changed.wait_until(&mut state, due);
            }
        }
    }
}

/// Ends a connection at both ends; one of them may be gone already.
fn shut(ends: &[TcpStream; 2]) {
    for end in ends {
        let _ = end.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

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
}

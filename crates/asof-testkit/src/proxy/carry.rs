//! What happens to the bytes of one connection.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How many pieces of up to [`PIECE`] bytes may be under way in one direction of a connection.
const UNDER_WAY: usize = 256;

/// Bytes read at once.
pub(super) const PIECE: usize = 16 * 1024;

/// What all threads of a proxy know.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
}

/// What the test wants, and what there is.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) latency: Duration,
    pub(super) is_hanging: bool,
    pub(super) is_refusing: bool,
    pub(super) is_stopped: bool,
    /// What answers say, and what arrives in its place.
    pub(super) lie: Option<[Vec<u8>; 2]>,
    pub(super) accepted: u64,
    /// Both ends of the connections that are open, by number.
    pub(super) open: BTreeMap<u64, [TcpStream; 2]>,
}

/// From the client to the server, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

/// Bytes on their way, and when they arrived.
type Piece = (Instant, Vec<u8>);

/// Takes connections until the proxy is dropped.
pub(super) fn accept(listener: &TcpListener, target: &str, shared: &Arc<Shared>) {
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
    let there = pump(near.try_clone()?, far.try_clone()?, Way::There, number, shared);
    let back = pump(far, near, Way::Back, number, shared);
    for thread in there.into_iter().chain(back) {
        let _ = thread.join();
    }
    Ok(())
}

/// Starts one direction: a thread that reads, and one that writes when it is time.
fn pump(from: TcpStream, to: TcpStream, way: Way, number: u64, shared: &Arc<Shared>) -> [JoinHandle<()>; 2] {
    let (sender, receiver) = sync_channel(UNDER_WAY);
    let shared = shared.clone();
    [
        std::thread::spawn(move || read(from, &sender)),
        std::thread::spawn(move || write(to, &receiver, way, number, &shared)),
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

fn write(mut to: TcpStream, receiver: &Receiver<Piece>, way: Way, number: u64, shared: &Shared) {
    let mut held_back = Vec::new();
    for (arrived, mut bytes) in receiver {
        if way == Way::Back {
            bytes.splice(..0, held_back.drain(..));
            held_back = shared.tell_lie(&mut bytes);
        }
        if !shared.wait_until_due(arrived, number) || to.write_all(&bytes).is_err() {
            // What cannot be delivered ends the connection, as a peer that is gone would.
            if let Some(ends) = shared.state.lock().open.remove(&number) {
                shut(&ends);
            }
            return;
        }
    }
    let _ = to.write_all(&held_back);
    // The other end wants to send no more, but may still listen.
    let _ = to.shutdown(Shutdown::Write);
}

impl Shared {
    /// Puts the lie in place of the truth, and takes an end off that may be the truth's beginning.
    fn tell_lie(&self, bytes: &mut Vec<u8>) -> Vec<u8> {
        let state = self.state.lock();
        let Some([truth, lie]) = &state.lie else {
            return Vec::new();
        };
        let mut place = 0;
        while let Some(rest) = bytes.get_mut(place..place + truth.len()) {
            if rest == truth {
                rest.copy_from_slice(lie);
                place += truth.len();
            } else {
                place += 1;
            }
        }
        let length = (1..truth.len())
            .rev()
            .find(|length| bytes.ends_with(&truth[..*length]))
            .unwrap_or(0);
        bytes.split_off(bytes.len() - length)
    }

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
pub(super) fn shut(ends: &[TcpStream; 2]) {
    for end in ends {
        let _ = end.shutdown(Shutdown::Both);
    }
}

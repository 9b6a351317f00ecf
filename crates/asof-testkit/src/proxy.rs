//! A bad network: a TCP proxy that is slow, hangs, refuses, cuts and lies when told.

mod carry;
#[cfg(test)]
mod tests;

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, ensure};

use self::carry::{Shared, State, accept, shut};

/// A proxy on a free port of this machine; all its connections end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

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

    /// From now on `true_text` in answers arrives as `lie`: a server that claims another version, say.
    ///
    /// # Errors
    /// When they differ in length (many protocols tell that beforehand), or are empty.
    pub fn set_lie(&self, true_text: &str, lie: &str) -> Result<()> {
        ensure!(
            !lie.is_empty() && true_text.len() == lie.len(),
            "{lie:?} cannot stand for {true_text:?}; take texts of one length"
        );
        self.change(|state| state.lie = Some([true_text, lie].map(|text| text.as_bytes().to_vec())));
        Ok(())
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

//! A bad network between a client and a server: slow, far away, and cut again and again.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How bad it is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Each piece arrives this much later.
    pub delay: Duration,
    /// Bytes a second from client to server, over all connections together; 0: as fast as it goes.
    pub rate: u64,
    /// Of 1,000 pieces that are sent, so many are lost once and come a round trip later.
    pub lost: u64,
    /// A connection is cut after about so many bytes from the client; 0: never.
    pub cut_after: u64,
    /// The whole network goes down for a moment every so often; zero: never.
    pub flap_every: Duration,
    /// For so long.
    pub flap_for: Duration,
}

impl Weather {
    /// Connections that break in the middle, and nothing else.
    pub const CUTS: Self = Self {
        delay: Duration::ZERO,
        rate: 0,
        lost: 0,
        cut_after: 40_000,
        flap_every: Duration::ZERO,
        flap_for: Duration::ZERO,
    };
}

/// A proxy in bad weather; ends when it is dropped.
pub struct Network {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    weather: Weather,
    ended: AtomicBool,
    sent: AtomicU64,
    cuts: AtomicU64,
    dice: AtomicU64,
    /// When the line is free for the next piece.
    line: Mutex<Instant>,
    began: Instant,
}

/// Bytes of one piece: about a packet.
const PIECE: usize = 1_400;

impl Network {
    /// Begins to stand between whoever connects and the server.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn before(server: SocketAddr, weather: Weather) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let shared = Arc::new(Shared {
            server,
            weather,
            ended: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            dice: AtomicU64::new(0x9e37_79b9_7f4a_7c15),
            line: Mutex::new(Instant::now()),
            began: Instant::now(),
        });
        let inner = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if inner.ended.load(Ordering::Relaxed) {
                    return;
                }
                let inner = inner.clone();
                std::thread::spawn(move || inner.connect(client));
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes that clients have sent so far, headers included.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// How many connections were cut.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Somebody has to knock, or the listener would wait for ever.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn connect(self: Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(self.server) else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (Ok(from_server), Ok(to_client)) = (server.try_clone(), client.try_clone()) else {
            return;
        };
        let back = self.clone();
        std::thread::spawn(move || back.carry(from_server, to_client, u64::MAX, false));
        let most = match self.weather.cut_after {
            0 => u64::MAX,
            bytes => bytes / 2 + self.chance(bytes),
        };
        self.carry(client, server, most, true);
    }

    fn carry(&self, mut from: TcpStream, mut to: TcpStream, most: u64, up: bool) {
        let mut carried = 0;
        let mut buffer = [0_u8; PIECE];
        let down = Duration::from_millis(50);
        let _ = from.set_read_timeout(Some(down));
        loop {
            if self.is_down() || carried >= most || self.ended.load(Ordering::Relaxed) {
                self.cuts.fetch_add(1, Ordering::Relaxed);
                break;
            }
            let count = match from.read(&mut buffer) {
                Ok(0) => {
                    let _ = to.shutdown(Shutdown::Write);
                    return;
                }
                Ok(count) => count,
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) =>
                {
                    continue;
                }
                Err(_) => break,
            };
            carried += count as u64;
            if up {
                self.sent.fetch_add(count as u64, Ordering::Relaxed);
                self.wait_for_the_line(count as u64);
            } else if carried == count as u64 {
                // The way there and back, once: pieces behind the first one follow it closely.
                wait(self.weather.delay);
            }
            if self.weather.lost > 0 && self.chance(1_000) < self.weather.lost {
                wait(self.weather.delay / 4);
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    fn is_down(&self) -> bool {
        let every = self.weather.flap_every.as_millis();
        every > 0
            && self.began.elapsed().as_millis() % every + self.weather.flap_for.as_millis() >= every
    }

    fn wait_for_the_line(&self, bytes: u64) {
        if self.weather.rate == 0 {
            return;
        }
        let takes = Duration::from_micros(bytes * 1_000_000 / self.weather.rate);
        let free = {
            let mut line = self.line.lock().expect("nobody panics with it");
            *line = (*line).max(Instant::now()) + takes;
            *line
        };
        wait(free.saturating_duration_since(Instant::now()));
    }

    fn chance(&self, below: u64) -> u64 {
        let mut n = self.dice.load(Ordering::Relaxed);
        n ^= n << 13;
        n ^= n >> 7;
        n ^= n << 17;
        self.dice.store(n, Ordering::Relaxed);
        n % below
    }
}

#[expect(clippy::disallowed_methods, reason = "a slow line takes real time")]
fn wait(span: Duration) {
    if !span.is_zero() {
        std::thread::sleep(span);
    }
}

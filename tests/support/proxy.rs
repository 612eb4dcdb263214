//! A TCP proxy with a switch for each direction.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What happens to bytes of one direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    Pass,
    /// Each piece is passed on this much later, in order.
    Delay(Duration),
    /// Read and thrown away: to the sender all looks well. On TCP this is what
    /// loss amounts to: a piece that is missing between two others cannot be.
    BlackHole,
    /// As a black hole, and ends are lost too: who closes is not missed.
    Parted,
    /// At most this many bytes in a second, in order; zero is one.
    Throttle(u32),
}

/// What happens to connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gate {
    Open,
    /// New connections are closed at once.
    Closed,
}

/// How connections are cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// Closed in order.
    Close,
    /// Reset: each side meets an error.
    Reset,
}

/// Ends with all its connections when dropped.
pub struct Proxy {
    port: u16,
    switches: Arc<Switches>,
    /// Aborted when dropped, and with it all that it carries.
    _accepting: JoinSet<()>,
}

struct Switches {
    upstream: watch::Sender<u16>,
    gate: watch::Sender<Gate>,
    to_server: watch::Sender<Flow>,
    to_client: watch::Sender<Flow>,
    /// Sent for each cut.
    cuts: watch::Sender<Cut>,
}

impl Proxy {
    /// Before the server at this loopback port.
    pub async fn start(upstream: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free loopback port");
        let port = listener.local_addr().expect("a bound address").port();
        let switches = Arc::new(Switches {
            upstream: watch::Sender::new(upstream),
            gate: watch::Sender::new(Gate::Open),
            to_server: watch::Sender::new(Flow::Pass),
            to_client: watch::Sender::new(Flow::Pass),
            cuts: watch::Sender::new(Cut::Close),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, switches.clone()));
        Self {
            port,
            switches,
            _accepting: accepting,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From the client to the server.
    pub fn to_server(&self, flow: Flow) {
        self.switches.to_server.send_replace(flow);
    }

    /// From the server to the client.
    pub fn to_client(&self, flow: Flow) {
        self.switches.to_client.send_replace(flow);
    }

    pub fn both(&self, flow: Flow) {
        self.to_server(flow);
        self.to_client(flow);
    }

    pub fn gate(&self, gate: Gate) {
        self.switches.gate.send_replace(gate);
    }

    /// Where new connections lead.
    pub fn lead_to(&self, port: u16) {
        self.switches.upstream.send_replace(port);
    }

    /// Closes all connections there are, in both directions.
    pub fn cut(&self) {
        self.switches.cuts.send_replace(Cut::Close);
    }

    /// Resets all connections there are, in both directions.
    pub fn reset(&self) {
        self.switches.cuts.send_replace(Cut::Reset);
    }
}

async fn accept(listener: TcpListener, switches: Arc<Switches>) {
    let mut carried = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while carried.try_join_next().is_some() {}
        if *switches.gate.borrow() == Gate::Open {
            // Subscribed before the next await, so that no cut is missed.
            let cuts = switches.cuts.subscribe();
            carried.spawn(carry(client, cuts, switches.clone()));
        }
    }
}

async fn carry(mut client: TcpStream, mut cuts: watch::Receiver<Cut>, switches: Arc<Switches>) {
    let upstream = *switches.upstream.borrow();
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).await else {
        return;
    };
    for stream in [&client, &server] {
        // Fails only where the connection has ended, which the next read tells.
        let _ = stream.set_nodelay(true);
    }
    {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            _ = pump(from_client, to_server, switches.to_server.subscribe()) => {}
            _ = pump(from_server, to_client, switches.to_client.subscribe()) => {}
            _ = cuts.changed() => {}
        }
    }
    if *cuts.borrow() == Cut::Reset {
        for stream in [&client, &server] {
            let _ = stream.set_zero_linger();
        }
    }
}

async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut flow: watch::Receiver<Flow>,
) -> Option<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut buffer).await.ok()?;
        let now = *flow.borrow_and_update();
        if length == 0 {
            if now == Flow::Parted {
                // An error would mean that the proxy is gone.
                let _ = flow.wait_for(|flow| *flow != Flow::Parted).await;
            }
            return None;
        }
        match now {
            Flow::BlackHole | Flow::Parted => continue,
            Flow::Delay(time) => tokio::time::sleep(time).await,
            Flow::Throttle(rate) => {
                trickle(&mut to, &buffer[..length], rate, &mut flow).await?;
                continue;
            }
            Flow::Pass => {}
        }
        to.write_all(&buffer[..length]).await.ok()?;
    }
}

/// How many pieces of a second a throttled flow sends in.
const BEATS: u32 = 20;

/// Sends the bytes at this rate, and the rest at once when the switch is turned.
async fn trickle(
    to: &mut WriteHalf<'_>,
    mut bytes: &[u8],
    rate: u32,
    flow: &mut watch::Receiver<Flow>,
) -> Option<()> {
    let rate = rate.max(1);
    while !bytes.is_empty() {
        let most = (rate / BEATS).max(1);
        let piece = u32::try_from(bytes.len()).map_or(most, |length| most.min(length));
        let takes = Duration::from_secs(1) * piece / rate;
        let piece = piece as usize;
        tokio::select! {
            () = tokio::time::sleep(takes) => {
                to.write_all(&bytes[..piece]).await.ok()?;
                bytes = &bytes[piece..];
            }
            // An error would mean that the proxy is gone, and this with it.
            _ = flow.changed() => {
                to.write_all(bytes).await.ok()?;
                return Some(());
            }
        }
    }
    Some(())
}

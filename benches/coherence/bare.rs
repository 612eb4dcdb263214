//! What there would be without this crate: `PUBLISH`, and subscribers.
//!
//! By the same client, in the same runtime, set up as the crate does it: one
//! multiplexed connection that publishes, one RESP3 connection for each subscriber,
//! whose closure puts what it hears into a bounded queue that a task empties.

use crate::fleet::{Heard, gather};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, PushKind};
use std::convert::Infallible;
use std::time::Instant;
use tokio::sync::mpsc;

const CHANNEL: &str = "bare";

/// As long as a ring about one short tag.
const MESSAGE: [u8; 100] = [b'x'; 100];

pub(crate) struct Bare {
    publisher: MultiplexedConnection,
    subscribers: usize,
    heard: mpsc::UnboundedReceiver<Heard<()>>,
    /// Keeps the subscriptions.
    _ears: Vec<MultiplexedConnection>,
}

impl Bare {
    pub(crate) async fn start(url: &str, subscribers: usize) -> Self {
        let (sender, heard) = mpsc::unbounded_channel();
        let mut ears = Vec::new();
        for number in 0..subscribers {
            ears.push(subscribe(url, number, sender.clone()).await);
        }
        Self {
            publisher: connect(url, AsyncConnectionConfig::new()).await,
            subscribers,
            heard,
            _ears: ears,
        }
    }

    /// Returns when the server had taken the message.
    pub(crate) async fn publish(&mut self) -> Instant {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(CHANNEL).arg(&MESSAGE[..]);
        let reached: usize = publish
            .query_async(&mut self.publisher)
            .await
            .expect("the server lives");
        let now = Instant::now();
        assert_eq!(reached, self.subscribers);
        now
    }

    /// When number 1 had it, and when all but number 0 had.
    pub(crate) async fn received(&mut self) -> (Instant, Instant) {
        gather(&mut self.heard, &(), self.subscribers).await
    }
}

async fn subscribe(
    url: &str,
    number: usize,
    heard: mpsc::UnboundedSender<Heard<()>>,
) -> MultiplexedConnection {
    let (sender, mut receiver) = mpsc::channel(256);
    let config = AsyncConnectionConfig::new().set_push_sender(move |push: redis::PushInfo| {
        if push.kind == PushKind::Message {
            let _ = sender.try_send(push.data);
        }
        Ok::<_, Infallible>(())
    });
    tokio::spawn(async move {
        while receiver.recv().await.is_some() {
            let _ = heard.send((number, (), Instant::now()));
        }
    });
    let mut ear = connect(url, config).await;
    ear.subscribe(CHANNEL).await.expect("the server lives");
    ear
}

async fn connect(url: &str, config: AsyncConnectionConfig) -> MultiplexedConnection {
    let info = url.into_connection_info().expect("the URL is well formed");
    let login = info.redis_settings().clone();
    let info = info
        .set_redis_settings(login.set_protocol(ProtocolVersion::RESP3))
        .set_tcp_settings(TcpSettings::default().set_nodelay(true));
    let client = Client::open(info).expect("the URL is well formed");
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .expect("the server lives")
}

//! Under tonic: gRPC passes through, and what its methods note counts.

use crate::origin::Origin;
use crate::support::Runs;
use crate::wire::Server;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};
use tower_coherence::{Cache, CacheContext, Tag};

#[derive(Clone, PartialEq, prost::Message)]
struct Word {
    #[prost(string, tag = "1")]
    text: String,
}

type Codec = ProstCodec<Word, Word>;
type Said = Result<Word, Status>;

/// `words.Words`: `Say` answers with the number of the run, `Fail` notes and
/// fails, `Stream` says what the test says.
#[derive(Clone, Default)]
struct Words {
    runs: Runs,
    /// The other end of the next stream.
    stream: Arc<Mutex<Option<mpsc::UnboundedReceiver<Said>>>>,
}

impl NamedService for Words {
    const NAME: &'static str = "words.Words";
}

impl Words {
    fn say(&self, request: &tonic::Request<Word>) -> Result<tonic::Response<Word>, Status> {
        let heard = request.metadata().get("x-heard").cloned();
        let text = format!("{} {}", request.get_ref().text, self.runs.next());
        let mut response = tonic::Response::new(Word { text });
        if let Some(heard) = heard {
            response.metadata_mut().insert("x-heard", heard);
        }
        // What would make an HTTP response storable.
        let forever = MetadataValue::from_static("public, max-age=60");
        response.metadata_mut().insert("cache-control", forever);
        Ok(response)
    }
}

/// Commits, then fails.
fn fail(request: &tonic::Request<Word>) -> Status {
    let cache = CacheContext::from_extensions(request.extensions()).unwrap();
    cache.invalidate(Tag::new("words"));
    let mut status = Status::with_details(Code::Aborted, "no \u{e9} today", "why".into());
    status
        .metadata_mut()
        .insert("x-trouble", MetadataValue::from_static("1"));
    status
}

impl Service<Request<Body>> for Words {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let words = self.clone();
        let mut grpc = tonic::server::Grpc::new(Codec::default());
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/words.Words/Say" => {
                    let say = service_fn(move |request| std::future::ready(words.say(&request)));
                    grpc.unary(say, request).await
                }
                "/words.Words/Fail" => {
                    let fail = service_fn(|request| async move {
                        Err::<tonic::Response<Word>, _>(fail(&request))
                    });
                    grpc.unary(fail, request).await
                }
                "/words.Words/Stream" => {
                    let stream = service_fn(move |_: tonic::Request<Word>| {
                        let words = words.stream.lock().unwrap().take().unwrap();
                        let words = UnboundedReceiverStream::new(words);
                        async { Ok(tonic::Response::new(words)) }
                    });
                    grpc.server_streaming(stream, request).await
                }
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

struct Client {
    grpc: Grpc<Channel>,
    _server: Server,
}

impl Client {
    async fn of(server: Server) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{}", server.address));
        let channel = endpoint.unwrap().connect().await.unwrap();
        Self {
            grpc: Grpc::new(channel),
            _server: server,
        }
    }

    /// Of tonic's own server, with the layer.
    async fn layered(cache: &Cache, words: Words) -> Self {
        let layer = cache.layer();
        let serve = |listener| async move {
            let router = tonic::transport::Server::builder()
                .layer(layer)
                .add_service(words);
            let incoming = TcpIncoming::from(listener);
            router.serve_with_incoming(incoming).await.unwrap();
        };
        Self::of(Server::new(serve).await).await
    }

    async fn unary(&mut self, method: &'static str) -> Result<tonic::Response<Word>, Status> {
        self.grpc.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static(method);
        let mut request = tonic::Request::new(Word { text: "run".into() });
        let heard = MetadataValue::from_static("1");
        request.metadata_mut().insert("x-heard", heard);
        self.grpc.unary(request, path, Codec::default()).await
    }

    async fn stream(&mut self) -> tonic::Streaming<Word> {
        self.grpc.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/words.Words/Stream");
        let request = tonic::Request::new(Word::default());
        let codec = Codec::default();
        let response = self.grpc.server_streaming(request, path, codec).await;
        response.unwrap().into_inner()
    }
}

#[tokio::test]
async fn a_call_runs_each_time_with_its_metadata_and_trailers() {
    let cache = Cache::local();
    let mut client = Client::layered(&cache, Words::default()).await;
    for run in 1..=3 {
        let response = client.unary("/words.Words/Say").await.unwrap();
        assert_eq!(response.get_ref().text, format!("run {run}"));
        assert_eq!(response.metadata().get("x-heard").unwrap(), "1");
        // From the trailers.
        assert_eq!(response.metadata().get("grpc-status").unwrap(), "0");
    }
    let stats = cache.stats();
    assert_eq!((stats.writes, stats.fills, stats.stored), (3, 0, 0));
    // A call says nothing of what it made stale; the start invalidates everything.
    assert_eq!(stats.invalidations, 1);
}

#[tokio::test]
async fn an_error_comes_as_it_was_and_what_the_method_noted_counts() {
    let cache = Cache::local();
    let mut client = Client::layered(&cache, Words::default()).await;
    let policy = tower_coherence::Policy::from_headers().tags("words");
    let page = Origin::says(
        cache.layer().policy(policy),
        &[("cache-control", "max-age=60")],
    );
    for run in 1..=3 {
        let expected = format!("run {run}");
        assert_eq!(page.get("/words").await.body, expected);
        assert_eq!(page.get("/words").await.body, expected);
        let status = client.unary("/words.Words/Fail").await.unwrap_err();
        assert_eq!(status.code(), Code::Aborted);
        assert_eq!(status.message(), "no \u{e9} today");
        assert_eq!(status.details(), b"why");
        assert_eq!(status.metadata().get("x-trouble").unwrap(), "1");
    }
    let status = client.unary("/words.Words/Nothing").await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_stream_comes_message_by_message_and_ends_with_its_status() {
    let cache = Cache::local();
    let words = Words::default();
    let mut client = Client::layered(&cache, words.clone()).await;
    for end in [None, Some(Status::data_loss("half"))] {
        let (sender, receiver) = mpsc::unbounded_channel();
        *words.stream.lock().unwrap() = Some(receiver);
        let mut stream = client.stream().await;
        for text in ["one", "two"] {
            sender.send(Ok(Word { text: text.into() })).unwrap();
            assert_eq!(stream.message().await.unwrap().unwrap().text, text);
        }
        match end {
            None => {
                drop(sender);
                assert_eq!(stream.message().await.unwrap(), None);
                assert!(stream.trailers().await.unwrap().is_some());
            }
            Some(status) => {
                sender.send(Err(status)).unwrap();
                let status = stream.message().await.unwrap_err();
                assert_eq!((status.code(), status.message()), (Code::DataLoss, "half"));
            }
        }
    }
    // A client that goes takes its stream along.
    let (sender, receiver) = mpsc::unbounded_channel();
    *words.stream.lock().unwrap() = Some(receiver);
    drop(client.stream().await);
    sender.closed().await;
    assert_eq!(cache.stats().stored, 0);
}

#[tokio::test]
async fn grpc_and_pages_share_a_router_a_layer_and_a_port() {
    let cache = Cache::local();
    let runs = Runs::default();
    let page = move || async move {
        let text = format!("run {}", runs.next());
        ([("cache-control", "max-age=60")], text)
    };
    let app = Routes::new(Words::default())
        .into_axum_router()
        .route("/words", axum::routing::get(page))
        .layer(cache.layer());
    let mut client = Client::of(Server::axum(app.clone()).await).await;
    for run in 1..=2 {
        let word = client.unary("/words.Words/Say").await.unwrap();
        assert_eq!(word.get_ref().text, format!("run {run}"));
        assert_eq!(crate::support::get(&app, "/words").await.body, "run 1");
    }
}

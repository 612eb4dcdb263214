//! A gRPC service over real connections, behind a layer or without one.

use crate::support::Runs;
use crate::wire::Server;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::net::{TcpListener, TcpStream};
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};
use tower_coherence::{Cache, CacheBuilder, Policy, RouteTable, RouteTableBuilder};

pub(crate) const SAY: &str = "/words.Words/Say";

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Word {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

pub(crate) fn word(text: impl Into<String>) -> Word {
    Word { text: text.into() }
}

pub(crate) type Codec = ProstCodec<Word, Word>;
pub(crate) type Said = Result<tonic::Response<Word>, Status>;
type Say = dyn Fn(u64, tonic::Request<Word>) -> BoxFuture<'static, Said> + Send + Sync;

/// `words.Words`: `Say` and `Put` answer what the test says, which unless said is the word
/// and the number of the run; `Many` answers with as many words as the one it got has
/// letters, `Join` puts all that it gets into one.
#[derive(Clone)]
pub(crate) struct Words {
    runs: Runs,
    say: Arc<Say>,
    heard: Arc<Mutex<Vec<HeaderMap>>>,
    gzip: bool,
}

impl NamedService for Words {
    const NAME: &'static str = "words.Words";
}

impl Words {
    pub(crate) fn new() -> Self {
        Self::saying(|run, request| {
            let text = format!("{} {run}", request.get_ref().text);
            Box::pin(async { Ok(tonic::Response::new(Word { text })) })
        })
    }

    pub(crate) fn saying<F>(say: F) -> Self
    where
        F: Fn(u64, tonic::Request<Word>) -> BoxFuture<'static, Said> + Send + Sync + 'static,
    {
        Self {
            runs: Runs::default(),
            say: Arc::new(say),
            heard: Arc::default(),
            gzip: false,
        }
    }

    /// Compresses for those who take it.
    pub(crate) fn gzip(mut self) -> Self {
        self.gzip = true;
        self
    }

    pub(crate) fn runs(&self) -> u64 {
        self.runs.count()
    }

    /// The metadata that the last call came with.
    pub(crate) fn heard(&self) -> HeaderMap {
        self.heard.lock().unwrap().last().unwrap().clone()
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        self.heard.lock().unwrap().push(request.headers().clone());
        let run = self.runs.next();
        let mut grpc = tonic::server::Grpc::new(Codec::default());
        if self.gzip {
            grpc = grpc.accept_compressed(Gzip).send_compressed(Gzip);
        }
        match request.uri().path() {
            "/words.Words/Say" | "/words.Words/Put" => {
                let say = service_fn(move |request| (self.say)(run, request));
                grpc.unary(say, request).await
            }
            "/words.Words/Many" => {
                let many = service_fn(|request: tonic::Request<Word>| async move {
                    let letters = request.into_inner().text;
                    let letters: Vec<_> = letters.chars().map(|it| Ok(word(it))).collect();
                    Ok(tonic::Response::new(tokio_stream::iter(letters)))
                });
                grpc.server_streaming(many, request).await
            }
            "/words.Words/Join" => {
                let join = service_fn(move |request: tonic::Request<Streaming<Word>>| async move {
                    let mut words = request.into_inner();
                    let mut text = String::new();
                    while let Some(word) = words.message().await? {
                        text.push_str(&word.text);
                    }
                    Ok(tonic::Response::new(word(format!("{text} {run}"))))
                });
                grpc.client_streaming(join, request).await
            }
            _ => Status::unimplemented("no such method").into_http(),
        }
    }
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
        Box::pin(async move { Ok(words.answer(request).await) })
    }
}

pub(crate) fn minutely() -> Policy {
    Policy::lifetime(std::time::Duration::from_secs(60)).jitter(0.0)
}

/// `Say` is stored for a minute.
pub(crate) fn says() -> RouteTableBuilder {
    RouteTable::builder().rpc_read(SAY, minutely())
}

pub(crate) fn cache(routes: RouteTableBuilder) -> Cache {
    cache_of(Cache::builder(), routes)
}

pub(crate) fn cache_of(builder: CacheBuilder, routes: RouteTableBuilder) -> Cache {
    builder.routes(routes.build().unwrap()).build().unwrap()
}

/// tonic's own server, with a layer of the cache.
pub(crate) async fn serve(cache: &Cache, words: &Words) -> Server {
    let (layer, words) = (cache.layer().resume(Body::new), words.clone());
    let serve = |listener: TcpListener| async move {
        let server = tonic::transport::Server::builder().layer(layer);
        let incoming = TcpIncoming::from(listener);
        let router = server.accept_http1(true).add_service(words);
        router.serve_with_incoming(incoming).await.unwrap();
    };
    Server::new(serve).await
}

/// The same without the layer.
pub(crate) async fn serve_plainly(words: &Words) -> Server {
    let words = words.clone();
    let serve = |listener: TcpListener| async move {
        let router = tonic::transport::Server::builder().add_service(words);
        let incoming = TcpIncoming::from(listener);
        router.serve_with_incoming(incoming).await.unwrap();
    };
    Server::new(serve).await
}

/// tonic's own client.
#[derive(Clone)]
pub(crate) struct Client {
    grpc: Grpc<Channel>,
}

impl Client {
    pub(crate) async fn of(server: &Server) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{}", server.address));
        let channel = endpoint.unwrap().connect().await.unwrap();
        Self {
            grpc: Grpc::new(channel),
        }
    }

    /// Takes and sends what is compressed.
    pub(crate) fn gzip(self) -> Self {
        Self {
            grpc: self.grpc.accept_compressed(Gzip).send_compressed(Gzip),
        }
    }

    pub(crate) async fn call(
        &mut self,
        method: &'static str,
        request: tonic::Request<Word>,
    ) -> Said {
        self.grpc.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static(method);
        self.grpc.unary(request, path, Codec::default()).await
    }

    /// What `Say` answers to this word.
    pub(crate) async fn say(&mut self, text: &str) -> String {
        let said = self.call(SAY, tonic::Request::new(word(text))).await;
        said.unwrap().into_inner().text
    }

    /// With which code it fails.
    pub(crate) async fn fails(&mut self, text: &str) -> Code {
        let said = self.call(SAY, tonic::Request::new(word(text))).await;
        said.unwrap_err().code()
    }

    pub(crate) async fn many(&mut self, letters: &str) -> Vec<String> {
        self.grpc.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/words.Words/Many");
        let request = tonic::Request::new(word(letters));
        let answer = self.grpc.server_streaming(request, path, Codec::default());
        let mut stream = answer.await.unwrap().into_inner();
        let mut words = Vec::new();
        while let Some(word) = stream.message().await.unwrap() {
            words.push(word.text);
        }
        words
    }

    pub(crate) async fn join(
        &mut self,
        words: impl tokio_stream::Stream<Item = Word> + Send + 'static,
    ) -> String {
        self.grpc.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/words.Words/Join");
        let request = tonic::Request::new(words);
        let answer = self.grpc.client_streaming(request, path, Codec::default());
        answer.await.unwrap().into_inner().text
    }
}

/// A request with this metadata.
pub(crate) fn asking(
    text: &str,
    metadata: &[(&'static str, &'static str)],
) -> tonic::Request<Word> {
    let mut request = tonic::Request::new(word(text));
    for (name, value) in metadata {
        let value = tonic::metadata::MetadataValue::from_static(value);
        request.metadata_mut().insert(*name, value);
    }
    request
}

/// A message as it goes over the wire.
pub(crate) fn frame(flag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    [&[flag][..], &length.to_be_bytes(), content].concat()
}

type RawBody = BoxBody<Bytes, Infallible>;

/// A client that knows HTTP/2 only.
pub(crate) struct Raw {
    sender: hyper::client::conn::http2::SendRequest<RawBody>,
    address: std::net::SocketAddr,
}

impl Raw {
    pub(crate) async fn of(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        server.run(async move {
            let _ = connection.await;
        });
        Self {
            sender,
            address: server.address,
        }
    }

    pub(crate) async fn send(
        &mut self,
        lines: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> crate::wire::Came {
        self.send_to(SAY, lines, body).await
    }

    pub(crate) async fn send_to(
        &mut self,
        path: &str,
        lines: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> crate::wire::Came {
        let mut request = Request::post(format!("http://{}{path}", self.address));
        let kind = ("content-type", "application/grpc");
        let has_kind = lines.iter().any(|(name, _)| *name == kind.0);
        let te = ("te", "trailers");
        for (name, value) in lines
            .iter()
            .chain(&[te])
            .chain((!has_kind).then_some(&kind))
        {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into()).boxed()).unwrap();
        let response = self.sender.send_request(request).await.unwrap();
        crate::wire::Came::whole(response).await
    }
}

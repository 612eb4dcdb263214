//! Examples that are started as processes, and talked to.

use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A server that says where it listens. Killed when dropped.
struct Example {
    child: Child,
    address: String,
}

impl Example {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(crate::caching_proxy::example(name))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").unwrap();
        Self {
            child,
            address: address.to_owned(),
        }
    }

    /// The text of an answer, and whether it says its age.
    async fn ask(&self, method: &str) -> (String, bool) {
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let request = http::Request::builder()
            .method(method)
            .uri(format!("http://{}/now", self.address))
            .body(Empty::<bytes::Bytes>::new())
            .unwrap();
        let answer = client.request(request).await.unwrap();
        let aged = answer.headers().contains_key("age");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (String::from_utf8(body.to_vec()).unwrap(), aged)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // Only fails if it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn the_plain_hyper_service_does_what_its_header_says() {
    let example = Example::start("hyper_service", &["127.0.0.1:0"]);
    let first = "GET /now, run 1\n".to_owned();
    assert_eq!(example.ask("GET").await, (first.clone(), false));
    assert_eq!(example.ask("GET").await, (first, true));
    assert_eq!(example.ask("PUT").await.0, "PUT /now, run 2\n");
    assert_eq!(
        example.ask("GET").await,
        ("GET /now, run 3\n".to_owned(), false)
    );
}

/// The issue's own bound: it is to be read at a glance.
#[test]
fn the_plain_hyper_service_is_short() {
    let source = include_str!("../../examples/hyper_service.rs");
    assert!(source.lines().count() < 60);
}

#[test]
fn the_tonic_catalog_tells_its_story_and_it_holds() {
    let told = Command::new(crate::caching_proxy::example("tonic_catalog"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success(), "{text}");
    assert_eq!((text.matches("yes ").count(), text.lines().count()), (8, 8));
}

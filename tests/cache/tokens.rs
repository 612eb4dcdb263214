//! P4: a request that carries the token of a write is answered with nothing older.

use crate::origin::{Lines, Origin, field, response, with};
use crate::support::{Answer, Runs};
use axum::extract::Request;
use axum::http::HeaderName;
use axum::response::Response;
use std::time::Duration;
use tower_coherence::bus::Local;
use tower_coherence::{
    Cache, CacheBuilder, CacheContext, ErrorKind, Invalidate, Policy, Token, WriteConcern,
};

const HEADER: &str = "x-wrote";

/// Two instances on one bus, and the one register that they read.
struct Pair {
    caches: [Cache; 2],
    a: Origin,
    b: Origin,
}

impl Pair {
    /// By header and cookie.
    fn new() -> Self {
        Self::with(|builder| builder)
    }

    fn with(tune: impl Fn(CacheBuilder) -> CacheBuilder) -> Self {
        let (bus, register) = (Local::new(), Runs::default());
        let caches = [(); 2].map(|()| {
            let builder = Cache::builder()
                .bus(bus.clone())
                .token_header(HeaderName::from_static(HEADER))
                .token_cookie("wrote")
                .token_wait(Duration::from_millis(20));
            tune(builder).build().unwrap()
        });
        let origin = |cache: &Cache| {
            let register = register.clone();
            let policy = Policy::lifetime(Duration::from_secs(600));
            Origin::new(with(cache, policy), move |request| {
                answer(&register, request)
            })
        };
        Self {
            a: origin(&caches[0]),
            b: origin(&caches[1]),
            caches,
        }
    }

    /// A write on A, and its token.
    async fn write(&self) -> String {
        let answer = self.a.ask("PUT", "/a", &[]).await;
        field(&answer, HEADER).expect("a token").to_owned()
    }

    /// Has the answer in the memory of B, and A's writes in its ears.
    async fn warm(&self) {
        self.caches[0].idle().await.unwrap();
        self.caches[1].idle().await.unwrap();
        self.b.get("/a").await;
        assert!(self.hits(&[]).await);
    }

    /// Whether B answers from memory.
    async fn hits(&self, lines: Lines<'_>) -> bool {
        let before = self.caches[1].stats().hits;
        self.b.ask("GET", "/a", lines).await;
        self.caches[1].stats().hits > before
    }

    fn bypasses(&self) -> u64 {
        let bypasses = self.caches[1].stats().bypasses;
        bypasses.get("token").copied().unwrap_or_default()
    }
}

/// Reads or writes the register, and says what it saw.
fn answer(register: &Runs, request: &Request) -> Response {
    let headers = request.headers();
    let context = CacheContext::from_extensions(request.extensions()).unwrap();
    let version = match request.method().as_str() {
        "GET" | "HEAD" => register.count(),
        _ => register.next(),
    };
    let version = version.to_string();
    let token = context.token().map(|token| token.to_string());
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap());
    let lines = [
        ("x-version", Some(version.as_str())),
        ("x-token", token.as_deref()),
        ("x-cookie", text("cookie")),
        ("content-type", text("content-type")),
    ];
    if headers.contains_key("x-note") {
        context.invalidate(Invalidate::path("/a"));
    }
    let status = if headers.contains_key("x-refuse") {
        409
    } else {
        200
    };
    let lines: Vec<_> = lines
        .iter()
        .filter_map(|(n, v)| Some((*n, (*v)?)))
        .collect();
    response(status, &lines, version.clone())
}

fn version(answer: &Answer) -> &str {
    field(answer, "x-version").unwrap()
}

fn cookie(answer: &Answer) -> Option<&str> {
    field(answer, "set-cookie")
}

#[tokio::test]
async fn the_response_of_a_write_carries_its_token_and_no_other_response_does() {
    let pair = Pair::new();
    pair.caches[0].idle().await.unwrap();
    let put = pair.a.ask("PUT", "/a", &[]).await;
    let token = field(&put, HEADER).unwrap();
    assert!(token.parse::<Token>().is_ok(), "{token}");
    let expected = format!("wrote={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=6");
    assert_eq!(cookie(&put), Some(expected.as_str()));
    for (method, lines) in [
        ("GET", &[][..]),
        ("HEAD", &[]),
        ("OPTIONS", &[]),
        ("PUT", &[("x-refuse", "1")]),
        ("GET", &[("x-note", "1"), ("cache-control", "no-store")]),
    ] {
        let other = pair.a.ask(method, "/a", lines).await;
        assert_eq!(
            (field(&other, HEADER), cookie(&other)),
            (None, None),
            "{method}"
        );
    }
}

#[tokio::test]
async fn with_the_token_another_instance_answers_nothing_older() {
    let pair = Pair::new();
    for round in 1..=20 {
        pair.warm().await;
        let token = pair.write().await;
        let cookie = format!("wrote={token}");
        let lines = [[(HEADER, token.as_str())], [("cookie", cookie.as_str())]];
        for method in ["HEAD", "GET"] {
            let answer = pair.b.ask(method, "/a", &lines[round % 2]).await;
            assert_eq!(version(&answer), round.to_string());
        }
        assert!(pair.hits(&lines[0]).await && pair.hits(&lines[1]).await);
    }
    assert_eq!(pair.bypasses(), 0);
}

#[tokio::test]
async fn the_cookie_is_no_credential_and_handlers_do_not_see_it() {
    let pair = Pair::new();
    let token = pair.write().await;
    let alone = format!("wrote={token}");
    let beside = format!("a=1; {alone}; b=2");
    for (sent, seen) in [(&alone, None), (&beside, Some("a=1; b=2"))] {
        for method in ["GET", "OPTIONS", "PATCH"] {
            let uri = format!("/{method}/{}", seen.is_some());
            let answer = pair.a.ask(method, &uri, &[("cookie", sent)]).await;
            assert_eq!(field(&answer, "x-cookie"), seen, "{method}");
            assert_eq!(field(&answer, "x-token"), Some(token.as_str()));
        }
    }
    // Stored for all, since nothing is left of the cookies.
    pair.a.get("/GET/false").await;
    assert_eq!(pair.caches[0].stats().hits, 1);
    let header = [(HEADER, token.as_str())];
    let answer = pair.a.ask("GET", "/b", &header).await;
    assert_eq!(field(&answer, "x-token"), Some(token.as_str()));
}

#[tokio::test]
async fn a_token_that_nobody_can_satisfy_costs_its_bearer_the_memory_and_nothing_else() {
    let (pair, elsewhere) = (Pair::new(), Pair::new());
    pair.write().await;
    pair.warm().await;
    let other_history = elsewhere.write().await;
    let long = "1".repeat(7000);
    let many: Vec<_> = (1..9).map(|n| format!("{n}-0:00000000000000ff")).collect();
    let many = many.join(",");
    let forged = [
        "",
        "soon",
        "n",
        "\"1-0:00000000000000ff\"",
        "99999999999999-0:00000000000000ff",
        "h00000000000000ff-1",
        &other_history,
        &long,
        &many,
    ];
    for (at, text) in (1..).zip(forged) {
        let before = pair.caches[1].stats();
        let (cookie, both) = (format!("wrote={text}"), [(HEADER, text)]);
        let lines = if at % 2 == 0 {
            [("cookie", cookie.as_str())]
        } else {
            both
        };
        let answer = pair.b.ask("GET", "/a", &lines).await;
        assert_eq!((answer.status, version(&answer)), (200, "1"), "{text}");
        let after = pair.caches[1].stats();
        assert_eq!((after.hits, after.stored), (before.hits, before.stored));
        assert_eq!(pair.bypasses(), at);
    }
    assert!(pair.hits(&[]).await);
}

#[tokio::test]
async fn of_several_tokens_all_must_be_satisfied() {
    let pair = Pair::new();
    // One that begins later knows of the last entry only.
    pair.warm().await;
    let (one, two) = (pair.write().await, pair.write().await);
    pair.warm().await;
    let list = format!("{one} , {two}");
    assert!(pair.hits(&[(HEADER, &list)]).await);
    let cookie = format!("wrote={two}");
    assert!(pair.hits(&[(HEADER, &one), ("cookie", &cookie)]).await);
    assert!(!pair.hits(&[(HEADER, "n"), ("cookie", &cookie)]).await);
    assert!(!pair.hits(&[(HEADER, &one), (HEADER, "soon")]).await);
}

#[tokio::test]
async fn with_a_key_only_what_an_instance_wrote_is_read() {
    let pair = Pair::with(|builder| builder.token_key([7; 16]));
    let token = pair.write().await;
    pair.warm().await;
    let (plain, _) = token.rsplit_once('.').expect("a tag");
    assert!(plain.parse::<Token>().is_ok());
    assert!(pair.hits(&[(HEADER, &token)]).await);
    assert!(!pair.hits(&[(HEADER, plain)]).await);
    let wrong = format!("{plain}.{}", "0".repeat(32));
    assert!(!pair.hits(&[(HEADER, &wrong)]).await);
    assert_eq!(pair.bypasses(), 2);
}

#[tokio::test]
async fn the_token_of_a_write_that_had_not_left_is_satisfied_by_its_own_instance_alone() {
    let pair = Pair::with(|builder| builder.write_concern(WriteConcern::Enqueued));
    pair.caches[0].idle().await.unwrap();
    let put = pair.a.ask("PUT", "/a", &[]).await;
    assert!(cookie(&put).unwrap().ends_with("; Max-Age=3600"));
    let token = field(&put, HEADER).unwrap();
    pair.warm().await;
    assert!(!pair.hits(&[(HEADER, token)]).await);
    assert_eq!(pair.bypasses(), 1);
    pair.a.get("/a").await;
    let before = pair.caches[0].stats().hits;
    let answer = pair.a.ask("GET", "/a", &[(HEADER, token)]).await;
    assert_eq!(version(&answer), "1");
    assert_eq!(pair.caches[0].stats().hits, before + 1);
}

#[tokio::test]
async fn a_write_takes_along_what_its_instance_cannot_satisfy() {
    let pair = Pair::with(|builder| builder.write_concern(WriteConcern::Enqueued));
    pair.caches[0].idle().await.unwrap();
    let first = pair.write().await;
    let put = pair.b.ask("PUT", "/a", &[(HEADER, &first)]).await;
    let both = field(&put, HEADER).unwrap();
    let parts: Vec<_> = both.split('~').collect();
    assert!(
        parts.len() == 2 && parts.contains(&first.as_str()),
        "{both}"
    );
    pair.warm().await;
    assert!(!pair.hits(&[(HEADER, both)]).await);
    // It is A's own: nothing to take along.
    let put = pair.a.ask("PUT", "/a", &[(HEADER, &first)]).await;
    let alone = field(&put, HEADER).unwrap();
    assert!(!alone.contains('~') && alone != first, "{alone}");
}

#[tokio::test]
async fn a_soft_invalidation_counts_as_a_hard_one_for_who_carries_its_token() {
    let pair = Pair::new();
    for round in 1..=5 {
        pair.warm().await;
        let write = pair.a.ask("PUT", "/elsewhere", &[]).await;
        assert_eq!(version(&write), round.to_string());
        let soft = Invalidate::path("/a").soft();
        let receipt = pair.caches[0].invalidate(soft).await;
        let token = receipt.token().unwrap().to_string();
        let answer = pair.b.ask("GET", "/a", &[(HEADER, &token)]).await;
        assert_eq!(version(&answer), round.to_string());
    }
}

#[tokio::test]
async fn a_grpc_call_that_noted_something_has_the_token_in_its_metadata() {
    let pair = Pair::new();
    let grpc = ("content-type", "application/grpc");
    let call = pair.a.ask("POST", "/words.Words/Say", &[grpc]).await;
    assert_eq!(field(&call, HEADER), None);
    let noting = [grpc, ("x-note", "1")];
    let call = pair.a.ask("POST", "/words.Words/Say", &noting).await;
    let token = field(&call, HEADER).unwrap().to_owned();
    let answer = pair.b.ask("GET", "/a", &[(HEADER, &token)]).await;
    assert_eq!(version(&answer), "2");
}

#[tokio::test]
async fn unless_it_is_asked_for_there_are_no_tokens() {
    let [cache] = tower_coherence::test_util::instances();
    let register = Runs::default();
    let policy = Policy::lifetime(Duration::from_secs(600));
    let origin = Origin::new(with(&cache, policy), move |request| {
        answer(&register, request)
    });
    let put = origin
        .ask("PUT", "/a", &[("cookie", "wrote=n"), (HEADER, "n")])
        .await;
    assert_eq!((field(&put, HEADER), cookie(&put)), (None, None));
    assert_eq!(field(&put, "x-cookie"), Some("wrote=n"));
    assert_eq!(field(&put, "x-token"), None);
    for hits in 0..2 {
        origin.ask("GET", "/a", &[(HEADER, "n")]).await;
        assert_eq!(cache.stats().hits, hits);
    }
}

#[tokio::test]
async fn a_name_that_no_cookie_has_is_refused() {
    for builder in [
        Cache::builder().token_cookie("a b"),
        Cache::builder().token_cookie("__Host-wrote"),
        Cache::builder().token_header(HeaderName::from_static("cookie")),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
}

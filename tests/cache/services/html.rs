//! Pages from a server, with sessions in a cookie and forms with a token against forged
//! requests. A form is its session's own: the next one who sends it would be refused.

use super::{heard, two};
use crate::origin::field;
use crate::support::{Answer, Runs, request_with, send};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower_coherence::policy::Inputs;
use tower_coherence::{Cache, CacheContext, Policy, RouteTable};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Clone, Default)]
struct Site {
    articles: Arc<Mutex<BTreeMap<u64, String>>>,
    sessions: Runs,
    runs: Runs,
}

/// Of a cookie, or made with the first look at it.
#[derive(Clone)]
struct Session {
    id: u64,
    used: Arc<AtomicBool>,
}

impl Session {
    fn token(&self) -> String {
        self.used.store(true, Ordering::SeqCst);
        format!("token-{}", self.id)
    }
}

fn session_of(headers: &HeaderMap) -> Option<u64> {
    let cookie = headers.get("cookie")?.to_str().ok()?;
    cookie.strip_prefix("session=")?.parse().ok()
}

/// Sets the cookie of a new session that was looked at.
async fn sessions(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let known = session_of(request.headers());
    let session = Session {
        id: known.unwrap_or_else(|| site.sessions.next()),
        used: Arc::default(),
    };
    request.extensions_mut().insert(session.clone());
    let mut response = next.run(request).await;
    if known.is_none() && session.used.load(Ordering::SeqCst) {
        let cookie = HeaderValue::from_str(&format!("session={}", session.id)).unwrap();
        response.headers_mut().append("set-cookie", cookie);
    }
    response
}

async fn article(
    State(site): State<Site>,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Html<String> {
    site.runs.next();
    let articles = site.articles.lock().unwrap();
    let text = articles.get(&id).map_or("empty", String::as_str);
    Html(match session_of(&headers) {
        Some(session) => format!("{text}, for {session}"),
        None => text.to_owned(),
    })
}

/// A field of a form that was posted.
fn posted<'a>(form: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = form.split('&').filter_map(|field| field.split_once('='));
    fields
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// Whether it is a form that this session was given.
fn is_genuine(session: &Session, form: &str) -> bool {
    posted(form, "token") == Some(&session.token())
}

async fn edit(
    State(site): State<Site>,
    Path(id): Path<u64>,
    Extension(session): Extension<Session>,
    form: String,
) -> Response {
    if !is_genuine(&session, &form) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let text = posted(&form, "text").unwrap_or_default().to_owned();
    site.articles.lock().unwrap().insert(id, text);
    Redirect::to(&format!("/articles/{id}")).into_response()
}

async fn contact(State(site): State<Site>, Extension(session): Extension<Session>) -> Html<String> {
    site.runs.next();
    Html(session.token())
}

async fn write_to_us(Extension(session): Extension<Session>, form: String) -> StatusCode {
    if is_genuine(&session, &form) {
        StatusCode::OK
    } else {
        StatusCode::FORBIDDEN
    }
}

/// Everything is cached for an hour, as somebody in a hurry would say it.
fn routes() -> RouteTable {
    let public = Policy::lifetime(HOUR).cookies(Inputs::bypass_on(["session"]));
    RouteTable::builder()
        .default_policy(Policy::lifetime(HOUR))
        .read("/articles/{id}", public)
        .build()
        .unwrap()
}

fn pages() -> Router<Site> {
    Router::new()
        .route("/articles/{id}", get(article).post(edit))
        .route("/contact", get(contact).post(write_to_us))
}

/// Sessions are made inside the cache, where it sees their cookies.
fn app(site: &Site, cache: &Cache) -> Router {
    pages()
        .layer(from_fn_with_state(site.clone(), sessions))
        .layer(cache.layer())
        .with_state(site.clone())
}

async fn ask(app: &Router, uri: &str, cookie: Option<&str>) -> Answer {
    let lines = cookie.map(|cookie| ("cookie", cookie));
    let lines: Vec<_> = lines.into_iter().collect();
    send(app, request_with("GET", uri, &lines)).await
}

async fn post(app: &Router, uri: &str, cookie: &str, form: &str) -> u16 {
    let mut request = request_with("POST", uri, &[("cookie", cookie)]);
    *request.body_mut() = form.to_owned().into();
    send(app, request).await.status
}

#[tokio::test]
async fn an_article_is_answered_from_memory_until_an_editor_posts_it_on_any_instance() {
    let (site, caches) = (Site::default(), two(&routes()).await);
    let apps = [app(&site, &caches[0]), app(&site, &caches[1])];
    for _ in 0..2 {
        for app in &apps {
            assert_eq!(ask(app, "/articles/7", None).await.body, "empty");
        }
    }
    assert_eq!(site.runs.count(), 2);
    let form = "token=token-5&text=news";
    let status = post(&apps[1], "/articles/7", "session=5", form).await;
    assert_eq!(status, 303);
    heard(&caches).await;
    for app in &apps {
        assert_eq!(ask(app, "/articles/7", None).await.body, "news");
    }
}

#[tokio::test]
async fn who_has_a_session_sees_a_page_of_their_own_and_nobody_else_does() {
    let (site, [cache, _]) = (Site::default(), two(&routes()).await);
    let app = app(&site, &cache);
    for _ in 0..2 {
        let own = ask(&app, "/articles/7", Some("session=5")).await;
        assert_eq!(own.body, "empty, for 5");
        assert_eq!(ask(&app, "/articles/7", None).await.body, "empty");
        let other = ask(&app, "/articles/7", Some("session=6")).await;
        assert_eq!(other.body, "empty, for 6");
    }
    assert_eq!(cache.stats().stored, 1);
}

/// A new visitor's first view of the form: the cookie of the session, and the token.
async fn first_view(app: &Router) -> (String, String) {
    let first = ask(app, "/contact", None).await;
    let cookie = field(&first, "set-cookie").expect("a new session");
    (cookie.to_owned(), first.body)
}

/// Whether all of these may send the form. After all views: each post makes the page stale.
async fn are_genuine(app: &Router, views: &[(String, String)]) {
    for (cookie, token) in views {
        let sent = post(app, "/contact", cookie, &format!("token={token}")).await;
        assert_eq!(sent, 200, "{cookie} and {token}");
    }
}

/// Cause: the first view of a form sets a cookie, and no cache keeps that one. The second
/// view sets none, since the session is known. Effect, if that view were stored: everybody
/// gets the token of one session, and is refused.
#[tokio::test]
async fn no_view_of_a_form_is_stored_for_others() {
    let (site, caches) = (Site::default(), two(&routes()).await);
    for cache in &caches {
        let app = app(&site, cache);
        let mut views = Vec::new();
        for _ in 0..3 {
            let (cookie, token) = first_view(&app).await;
            for _ in 0..2 {
                let again = ask(&app, "/contact", Some(&cookie)).await;
                assert_eq!(field(&again, "set-cookie"), None);
                assert_eq!(again.body, token);
            }
            views.push((cookie, token));
        }
        assert_eq!((cache.stats().stored, cache.stats().hits), (0, 0));
        are_genuine(&app, &views).await;
    }
}

/// Cause: sessions are made outside the cache, so it sees neither the cookie that is set
/// nor, in the first view, one that is sent. Nothing about such a response tells it from a
/// page for all; so what puts the token into the page has to say it.
#[tokio::test]
async fn a_form_whose_sessions_are_made_outside_says_that_it_is_not_to_be_stored() {
    async fn form(cache: CacheContext, Extension(session): Extension<Session>) -> Html<String> {
        cache.do_not_store();
        Html(session.token())
    }
    let (site, [cache, _]) = (Site::default(), two(&routes()).await);
    let app = Router::new()
        .route("/contact", get(form).post(write_to_us))
        .layer(cache.layer())
        .layer(from_fn_with_state(site.clone(), sessions));
    let mut views = Vec::new();
    for number in 1..=3 {
        let view = first_view(&app).await;
        assert_eq!(view.1, format!("token-{number}"));
        views.push(view);
    }
    are_genuine(&app, &views).await;
}

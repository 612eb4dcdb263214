//! A CMS in small: pages by two instances, and editors whose program is in another
//! language. It has the database and the Redis, and no cache.

use crate::anyone::{Programs, output};
use crate::shop::PATIENCE;
use crate::support::eventually::eventually;
use crate::support::redis_server::RedisServer;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::routing::get;
use http_body_util::BodyExt;
use rusqlite::Connection;
use std::path::PathBuf;
use std::time::Duration;
use tower::ServiceExt;
use tower_coherence::bus::Redis;
use tower_coherence::{Cache, Policy, RouteTable};

/// The front page lists what is there; the trigger is that of the page for other
/// languages, for articles.
const SCHEMA: &str = "
    CREATE TABLE article (slug TEXT PRIMARY KEY, title TEXT NOT NULL);
    INSERT INTO article VALUES ('rain', 'Rain'), ('snow', 'Snow');
    CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL);";

const TRIGGER: &str = "
    CREATE TRIGGER article_changed AFTER UPDATE ON article BEGIN
        INSERT INTO outbox (message)
        VALUES (json_object('v', 1, 'tags', json_array('article:' || OLD.slug, 'front')));
    END;";

/// `editor.py SLUG TITLE [MESSAGE]`: the change, then the message. Without a message it
/// dies after its commit.
const EDITOR: &str = "import os, sqlite3, sys
from invalidate import Redis
slug, title = sys.argv[1:3]
database = sqlite3.connect('shop.db', timeout=60)
database.execute('UPDATE article SET title = ? WHERE slug = ?', (title, slug))
database.commit()
if len(sys.argv) < 4:
    os.kill(os.getpid(), 9)
redis = Redis()
redis.append(sys.argv[3])
redis.ring()";

const RAIN: &str = r#"{"v":1,"tags":["article:rain","front"]}"#;

/// Reads its database anew for each page, as a handler of a small site may.
#[derive(Clone)]
struct Pages(PathBuf);

impl Pages {
    fn titles(&self, slugs: &str) -> String {
        let connection = Connection::open(&self.0).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        let sql = "SELECT group_concat(title, ', ') FROM article WHERE slug LIKE ?1";
        connection
            .query_row(sql, [slugs], |row| row.get(0))
            .unwrap()
    }
}

async fn article(State(pages): State<Pages>, Path(slug): Path<String>) -> String {
    pages.titles(&slug)
}

async fn front(State(pages): State<Pages>) -> String {
    pages.titles("%")
}

struct Cms {
    server: RedisServer,
    programs: Programs,
    instances: [(Cache, Router); 2],
}

impl Cms {
    async fn open() -> Self {
        let server = RedisServer::start(&[]);
        let programs = Programs::of(&server);
        programs.sql(SCHEMA, "SELECT 1");
        std::fs::write(programs.directory.join("editor.py"), EDITOR).unwrap();
        let instances = [(); 2].map(|()| {
            let kept = || Policy::lifetime(Duration::from_secs(600));
            let routes = RouteTable::builder()
                .read("/", kept().tags(["front"]))
                .read("/articles/{slug}", kept().tags(["article:{slug:lower}"]));
            let wait = Duration::from_secs(5);
            let redis = Redis::new(&server.url(), "shop").unwrap();
            let cache = Cache::builder()
                .bus(redis.connect_timeout(wait).reply_timeout(wait))
                // So long that a busy machine makes nobody deaf.
                .staleness_bound(Duration::from_secs(60))
                .heartbeat(Duration::from_millis(200))
                .routes(routes.build().unwrap())
                .build()
                .unwrap();
            let app = Router::new()
                .route("/", get(front))
                .route("/articles/{slug}", get(article))
                .layer(cache.layer())
                .with_state(Pages(programs.directory.join("shop.db")));
            (cache, app)
        });
        let cms = Self {
            server,
            programs,
            instances,
        };
        cms.warm().await;
        cms
    }

    /// The page by this instance, and whether from memory.
    async fn get(&self, at: usize, uri: &str) -> (String, bool) {
        let (cache, app) = &self.instances[at];
        let before = cache.stats().hits;
        let request = Request::get(uri).header("host", "cms");
        let request = request.body(Body::empty()).unwrap();
        let Ok(response) = app.clone().oneshot(request).await;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        (text, cache.stats().hits > before)
    }

    /// Both have all pages in their memories.
    async fn warm(&self) {
        for at in [0, 1] {
            self.instances[at].0.coherent().await.unwrap();
            for uri in ["/", "/articles/rain", "/articles/snow"] {
                eventually("a hit", PATIENCE, async || {
                    self.get(at, uri).await.1.then_some(())
                })
                .await;
            }
        }
    }

    /// Both know all that the log has, and answer with this from memory.
    async fn stays(&self, uri: &str, text: &str) {
        for at in [0, 1] {
            self.instances[at].0.idle().await.unwrap();
            assert_eq!(self.get(at, uri).await, (text.to_owned(), true));
        }
    }

    /// Both come to say this.
    async fn becomes(&self, uri: &str, text: &str) {
        for at in [0, 1] {
            eventually("the new text", PATIENCE, async || {
                (self.get(at, uri).await.0 == text).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_editor_changes_changes_on_each_instance_and_the_rest_stays() {
    let cms = Cms::open().await;
    let wet = ["editor.py", "rain", "Wet", RAIN];
    cms.programs.run("python3", &wet);
    cms.becomes("/articles/rain", "Wet").await;
    cms.becomes("/", "Wet, Snow").await;
    cms.stays("/articles/snow", "Snow").await;
}

/// What a writer does by default, and how it notices: the key is wrong by one letter.
#[tokio::test(flavor = "multi_thread")]
async fn an_editor_of_the_wrong_namespace_is_told_only_if_it_makes_no_stream() {
    let cms = Cms::open().await;
    let mut wet = cms
        .programs
        .command("python3", &["editor.py", "rain", "Wet", RAIN]);
    let told = output(wet.env("NAMESPACE", "shpo"));
    assert!(!told.status.success());
    // Its user has no right to that key; one that has hears of the missing stream.
    let mut as_admin = cms
        .programs
        .command("python3", &["editor.py", "rain", "Wet", RAIN]);
    as_admin
        .env_remove("REDIS_USER")
        .env_remove("REDISCLI_AUTH");
    let told = output(as_admin.env("NAMESPACE", "shpo"));
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(said.contains("there is no stream"), "{said}");
    let wrong = "coherence:{shpo}:log";
    assert_eq!(cms.server.cli(&["EXISTS", wrong]), "0");

    let plain = cms.server.cli(&["XADD", wrong, "*", "j", RAIN]);
    assert!(plain.contains('-'), "an id, as if it were heard: {plain}");
    cms.stays("/articles/rain", "Rain").await;

    let wet = ["editor.py", "rain", "Wet", RAIN];
    cms.programs.run("python3", &wet);
    cms.becomes("/articles/rain", "Wet").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_that_dies_after_its_commit_is_heard_by_the_trigger_only() {
    let cms = Cms::open().await;
    let dies = async |title: &str| {
        let words = ["editor.py", "rain", title];
        let died = output(&mut cms.programs.command("python3", &words));
        assert!(!died.status.success());
    };
    dies("Wet").await;
    cms.stays("/articles/rain", "Rain").await;
    cms.programs.sql(TRIGGER, "SELECT 1");
    dies("Wetter").await;
    cms.stays("/articles/rain", "Rain").await;
    cms.programs
        .run("python3", &["relay.py", "shop.db", "once"]);
    cms.becomes("/articles/rain", "Wetter").await;
    cms.becomes("/", "Wetter, Snow").await;
    cms.stays("/articles/snow", "Snow").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_that_misspells_a_field_costs_pages_and_leaves_nothing_old() {
    let cms = Cms::open().await;
    let misspelt = r#"{"v":1,"tag":["article:rain"]}"#;
    cms.programs
        .run("python3", &["editor.py", "rain", "Wet", misspelt]);
    cms.becomes("/articles/rain", "Wet").await;
    for (cache, _) in &cms.instances {
        assert_eq!(cache.stats().bus.unreadable, 1);
    }
}

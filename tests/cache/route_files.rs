//! Route tables from files: they do what the same tables in code do, in each format, and
//! say what only code has.

mod mistakes;

use crate::origin::Origin;
use crate::support::{request_with, send};
use serde::Deserialize;
use serde::de::DeserializeSeed;
use std::time::Duration;
use tower_coherence::policy::{
    After, Authorization, BusDown, ClientDirectives, Downstream, Eviction, HangUp, Inputs, OwnPath,
    Query, SetCookie, StatusHeader, WhileDeaf, WritePolicy,
};
use tower_coherence::test_util::Clock;
use tower_coherence::{Cache, Policy, RouteFile, RouteTable, Scope, WriteConcern};

const TOML: &str = include_str!("../golden/routes.toml");
const YAML: &str = include_str!("../golden/routes.yaml");
const JSON: &str = include_str!("../golden/routes.json");

const PAGE: &str = include_str!("../../src/docs/routes.md");

/// A layer outside has checked who asks.
#[derive(Clone)]
struct Caller;

fn tenant(request: &http::request::Parts) -> Option<Scope> {
    Some(Scope::new(request.headers.get("tenant")?.to_str().ok()?))
}

fn file() -> RouteFile {
    let file = RouteTable::file().requires::<Caller>("caller");
    file.scope("tenant", tenant)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The policy `all` of the files.
fn all() -> Policy {
    Policy::lifetime(seconds(26 * 3600))
        .override_headers()
        .ignore_no_store()
        .heuristics()
        .statuses(404..=404, seconds(10))
        .statuses(410..=419, seconds(60))
        .errors_at_most(Duration::from_millis(500))
        .set_cookie(SetCookie::Strip)
        .stale_while_revalidate(seconds(30))
        .stale_if_error(seconds(5400))
        .refresh_ahead(0.875)
        .idle(seconds(1200))
        .jitter(0.25)
        .settle(Duration::from_millis(250))
        .cookies(Inputs::key(["theme", "lang"]))
        .headers(Inputs::bypass_on(["x-preview"]))
        .authorization(Authorization::AlreadyChecked)
        .requires::<Caller>()
        .body_key(16 * 1024)
        .scope(tenant)
        .tags(["all", "header:{header.x-a:slug?}"])
        .while_deaf(WhileDeaf::ServeFor(seconds(10)))
        .client_directives(ClientDirectives::Heed)
        .downstream(Downstream::Revalidate)
        .etag()
        .cache_status(StatusHeader::WithDetail)
}

fn catalog() -> Policy {
    Policy::lifetime(seconds(600)).cookies(Inputs::Hide)
}

const APPLIED: WriteConcern = WriteConcern::Applied {
    timeout: seconds(2),
};

/// What the files say of `/all`, in code.
fn far() -> WritePolicy {
    WritePolicy::new()
        .paths(["/all/{rest}"])
        .prefixes(["/products"])
        .scope(tenant)
        .own_path(OwnPath::ExactUri)
        .after(After::Always)
        .on_hang_up(HangUp::Drop)
        .soft()
        .concern(APPLIED)
        .while_bus_down(BusDown::RefuseWrites)
        .intent(seconds(5))
}

/// What the files say, in code.
fn in_code() -> RouteTable {
    let products = catalog()
        .query(Query::only(["page", "sort"]))
        .tags(["products", "page:{query.page?}"]);
    let product = Policy::from_headers()
        .cookies(Inputs::Hide)
        .query(Query::without_tracking())
        .tags(["product:{id:int}"])
        .store("large");
    let own = all()
        .query(Query::without(["debug"]))
        .own_store(1 << 20, Eviction::TinyLfu);
    let quiet = WritePolicy::new()
        .tags(["product:{id:int}", "products"])
        .own_path(OwnPath::Off);
    let search = WritePolicy::safe().concern(WriteConcern::Enqueued);
    let call = Policy::lifetime(seconds(300))
        .headers(Inputs::key(["x-tenant"]))
        .tags(["catalog"]);
    let methods = [http::Method::PUT, http::Method::DELETE];
    RouteTable::builder()
        .default_policy(all().query(Query::All).store("small"))
        .store("small", 0, Eviction::Lru)
        .store("large", 16 << 20, Eviction::TinyLfu)
        .read("/products", products)
        .read("/products/{id}", product)
        .read("/all/{*rest}", own)
        .write("/products/{id}", quiet)
        .write_on(&methods, "/all/{*rest}", far())
        .write("/search", search)
        .rpc_read("/shop.Catalog/Get", call)
        .rpc_write(
            "/shop.Catalog/Rename",
            WritePolicy::new().concern(APPLIED).tags("far"),
        )
        .build()
        .unwrap()
}

fn from_json(file: &RouteFile, text: &str) -> serde_json::Result<RouteTable> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let table = file.deserialize(&mut reader)?;
    reader.end()?;
    Ok(table)
}

fn from_yaml(file: &RouteFile, text: &str) -> Result<RouteTable, yaml_serde::Error> {
    file.deserialize(yaml_serde::Deserializer::from_str(text))
}

#[test]
fn each_key_in_each_format_says_what_the_builder_says() {
    let expected = format!("{:#?}", in_code());
    let toml = file().parse_toml(TOML).unwrap();
    let yaml = from_yaml(&file(), YAML).unwrap();
    let json = from_json(&file(), JSON).unwrap();
    for (format, table) in [("toml", toml), ("yaml", yaml), ("json", json)] {
        assert_eq!(format!("{table:#?}"), expected, "{format}");
    }
    // The files have each key that the page has, so nothing was left out.
    let (_, settings) = PAGE.split_once("# Settings of reads").unwrap();
    let rows = settings.lines().filter_map(|line| line.strip_prefix("| `"));
    for key in rows.map(|row| row.split('`').next().unwrap()) {
        let there = TOML
            .lines()
            .any(|line| line.starts_with(&format!("{key} = ")));
        assert!(there, "{key}");
    }
}

#[test]
fn the_first_example_of_the_page_is_a_table() {
    let (_, text) = PAGE.split_once("```toml\n").unwrap();
    let (text, _) = text.split_once("```").unwrap();
    let table = RouteTable::from_toml(text).unwrap();
    let pattern = table.pattern_of(&http::Method::PUT, "/products/7");
    assert_eq!(pattern, Some("/products/{id}"));
    assert_eq!(table.lint(), [""; 0]);
}

#[test]
fn a_table_is_a_field_of_an_applications_own_configuration() {
    #[derive(Deserialize)]
    struct Config {
        port: u16,
        routes: RouteTable,
    }
    let text = r#"{"port": 80, "routes": {"read": [{"path": "/a/{id}", "lifetime": "1m"}]}}"#;
    let config: Config = serde_json::from_str(text).unwrap();
    let pattern = config.routes.pattern_of(&http::Method::GET, "/a/7");
    assert_eq!((config.port, pattern), (80, Some("/a/{id}")));
    let text = "port = 80\n[[routes.read]]\npath = \"/a/{id}\"\nlifetime = \"1m\"\n";
    let config: Config = toml::from_str(text).unwrap();
    let pattern = config.routes.pattern_of(&http::Method::GET, "/a/7");
    assert_eq!((config.port, pattern), (80, Some("/a/{id}")));
    let yaml = "port: 80\nroutes:\n  read:\n  - path: /a/{id}\n    lifetime: 1m\n";
    let config: Config = yaml_serde::from_str(yaml).unwrap();
    let pattern = config.routes.pattern_of(&http::Method::GET, "/a/7");
    assert_eq!((config.port, pattern), (80, Some("/a/{id}")));
}

/// A table without what needs code, in both forms.
fn plain() -> [RouteTable; 2] {
    let file = r#"
        [default]
        lifetime = "5s"
        [policy.catalog]
        lifetime = "1m"
        query = { only = ["page"] }
        tags = ["catalog"]
        [[read]]
        path = "/products"
        use = "catalog"
        tags = ["products"]
        [[read]]
        path = "/products/{id}"
        use = "catalog"
        lifetime = "10s"
        cookies = "hide"
        tags = ["product:{id:int}"]
        [[read]]
        path = "/now"
        cache = "bypass"
        [[write]]
        path = "/products/{id}"
        tags = ["product:{id:int}"]
        own_path = "off"
        [[write]]
        path = "/products"
        methods = ["POST"]
        tags = ["products"]
        prefixes = ["/sub"]
    "#;
    let catalog = |lifetime| Policy::lifetime(seconds(lifetime)).query(Query::only(["page"]));
    let product = catalog(10).cookies(Inputs::Hide).tags(["product:{id:int}"]);
    let quiet = WritePolicy::new().own_path(OwnPath::Off);
    let code = RouteTable::builder()
        .default_policy(Policy::lifetime(seconds(5)))
        .read("/products", catalog(60).tags(["products"]))
        .read("/products/{id}", product)
        .read("/now", Policy::bypass())
        .write("/products/{id}", quiet.tags(["product:{id:int}"]))
        .write_on(
            &[http::Method::POST],
            "/products",
            WritePolicy::new().tags(["products"]).prefixes(["/sub"]),
        );
    [RouteTable::from_toml(file).unwrap(), code.build().unwrap()]
}

/// Requests, one after the other, each with the run of the handler that answers it. A
/// number is seconds that pass.
const STORY: &[(&str, &str, &str)] = &[
    ("GET", "/products?page=1&utm=x", "run 1"),
    ("GET", "/products?page=1", "run 1"),
    ("GET", "/products?page=2", "run 2"),
    ("GET", "/products/042", "run 3"),
    ("GET", "/products/042?any", "run 3"),
    ("GET", "/products/7", "run 4"),
    ("GET", "/products/tea", "run 5"),
    ("GET", "/products/tea", "run 6"),
    ("GET", "/now", "run 7"),
    ("GET", "/now", "run 8"),
    ("GET", "/other", "run 9"),
    ("GET", "/other", "run 9"),
    ("PUT", "/products/42", "run 10"),
    ("GET", "/products/042", "run 11"),
    ("GET", "/products/7", "run 4"),
    ("GET", "/products?page=1", "run 1"),
    ("GET", "/sub/a", "run 12"),
    ("POST", "/products", "run 13"),
    ("GET", "/products?page=1", "run 14"),
    ("GET", "/sub/a", "run 15"),
    ("wait", "6", ""),
    ("GET", "/other", "run 16"),
    ("GET", "/products/7", "run 4"),
    ("wait", "5", ""),
    ("GET", "/products/7", "run 17"),
    ("GET", "/products?page=1", "run 14"),
    ("wait", "50", ""),
    ("GET", "/products?page=1", "run 18"),
];

#[tokio::test]
async fn a_table_from_a_file_does_what_the_same_table_in_code_does() {
    for (form, table) in ["file", "code"].iter().zip(plain()) {
        let clock = Clock::new();
        let cache = Cache::builder().clock(clock.clone()).routes(table);
        let cache = cache.build().unwrap();
        let origin = Origin::says(cache.layer(), &[]);
        for (step, (method, uri, run)) in STORY.iter().enumerate() {
            if *method == "wait" {
                clock.advance(seconds(uri.parse().unwrap()));
                cache.idle().await.unwrap();
                continue;
            }
            let lines: &[_] = if uri.starts_with("/products/") {
                &[("cookie", "session=1")]
            } else {
                &[]
            };
            let answer = origin.ask(method, uri, lines).await;
            assert_eq!(answer.body, *run, "{form}, step {step}: {method} {uri}");
        }
    }
}

/// Answered from memory only with a `Caller`, and within a tenant.
const REPORTS: &str = r#"
    [[read]]
    path = "/reports"
    lifetime = "1m"
    authorization = "already-checked"
    requires = "caller"
    scope = "tenant"
"#;

/// The run of the handler that answers.
async fn report(origin: &Origin, lines: &[(&str, &str)], caller: bool) -> String {
    let mut request = request_with("GET", "/reports", lines);
    request
        .headers_mut()
        .insert("authorization", "x".parse().unwrap());
    if caller {
        request.extensions_mut().insert(Caller);
    }
    send(&origin.app, request).await.body
}

#[tokio::test]
async fn what_a_file_names_of_the_code_counts() {
    let table = file().parse_toml(REPORTS).unwrap();
    let cache = Cache::builder().routes(table).build().unwrap();
    let origin = Origin::says(cache.layer(), &[]);
    let (a, b) = ([("tenant", "a")], [("tenant", "b")]);
    assert_eq!(report(&origin, &a, true).await, "run 1");
    assert_eq!(report(&origin, &a, true).await, "run 1");
    assert_eq!(report(&origin, &b, true).await, "run 2");
    assert_eq!(report(&origin, &a, false).await, "run 3");
    assert_eq!(report(&origin, &[], true).await, "run 4");
    assert_eq!(report(&origin, &[], true).await, "run 5");
}

#[tokio::test]
async fn a_file_that_is_read_again_drops_nothing_if_its_reader_is_the_same() {
    let reader = file();
    let read = || reader.parse_toml(REPORTS).unwrap();
    let cache = Cache::builder().routes(read()).build().unwrap();
    let origin = Origin::says(cache.layer(), &[]);
    let a = [("tenant", "a")];
    assert_eq!(report(&origin, &a, true).await, "run 1");
    assert!(cache.replace_routes(read()).dropped.is_empty());
    assert_eq!(report(&origin, &a, true).await, "run 1");
    // A closure is only like itself.
    let other = file().parse_toml(REPORTS).unwrap();
    let dropped = cache.replace_routes(other).dropped;
    assert_eq!(dropped, [Some("/reports".to_owned())]);
    assert_eq!(report(&origin, &a, true).await, "run 2");
}

//! What is wrong with a route file, in words that a person can act on.

use super::{file, from_json, from_yaml};
use crate::origin::Origin;
use tower_coherence::{Cache, ErrorKind, RouteTable};

/// What is told of a text, line by line, without what is always there.
fn told(text: &str) -> Vec<String> {
    let error = file().parse_toml(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    lines(&error.to_string())
}

fn lines(error: &str) -> Vec<String> {
    let mut lines = error.lines().map(str::to_owned);
    let first = lines.next();
    assert_eq!(first.as_deref(), Some("the route file has mistakes:"));
    lines.collect()
}

/// One text with one mistake, and the whole line that tells it.
fn each_is_told(table: &[(&str, &str)]) {
    for (text, expected) in table {
        assert_eq!(told(text), [*expected], "{text}");
    }
}

#[test]
fn a_key_that_is_none_is_told_with_what_is_allowed_and_what_was_meant() {
    each_is_told(&[
        (
            "[[reads]]",
            "line 1, column 3: reads: there is no such key: did you mean \"read\"? Allowed are default, policy, write_policy, store, read, write, rpc_read, rpc_write",
        ),
        (
            "[store.a]\nbytes = \"1B\"\nsize = 1",
            "line 3, column 1: store.a.size: there is no such key: allowed are bytes, eviction",
        ),
        (
            "[[write]]\npath = \"/\"\ntag = [\"a\"]",
            "line 3, column 1: write[0].tag: there is no such key: did you mean \"tags\"? Allowed are path, methods, use, safe, tags, paths, prefixes, scope, own_path, after, on_hang_up, soft, concern, timeout, while_bus_down, intent",
        ),
        (
            "[default]\nquery = { onl = [\"a\"] }",
            "line 2, column 11: default.query.onl: there is no choice \"onl\": allowed are \"all\", \"sorted\", \"without-tracking\", { only = .. }, { without = .. }",
        ),
    ]);
    let read = &told("[[read]]\npath = \"/\"\nwhile-deaf = \"bypass\"")[0];
    let begin = "line 3, column 1: read[0].while-deaf: there is no such key: did you mean \"while_deaf\"? Allowed are path, use, lifetime, cache, ";
    assert!(read.starts_with(begin), "{read}");
}

#[test]
fn a_number_without_its_unit_is_told_with_the_unit() {
    each_is_told(&[
        (
            "[default]\nlifetime = 600",
            "line 2, column 12: default.lifetime: the duration 600 has no unit: write it as text with one, \"600s\"; the units are d, h, m, s and ms",
        ),
        (
            "[default]\nsettle = 0.5",
            "line 2, column 10: default.settle: the duration 0.5 has no unit: write it as text with one, \"30s\", \"5m\" or \"1h30m\"; the units are d, h, m, s and ms",
        ),
        (
            "[default]\nlifetime = \"600\"",
            "line 2, column 12: default.lifetime: \"600\" is no duration: write it as \"30s\", \"5m\" or \"1h30m\"; the units are d, h, m, s and ms",
        ),
        (
            "[store.a]\nbytes = 1048576",
            "line 2, column 9: store.a.bytes: the size 1048576 has no unit: write it as text with one, \"1048576B\"; the units are B, KiB, MiB, GiB, kB, MB and GB",
        ),
        (
            "[default]\nbody_key = \"16 KiB\"",
            "line 2, column 12: default.body_key: \"16 KiB\" is no size: write it as \"64KiB\" or \"16MiB\"; the units are B, KiB, MiB, GiB, kB, MB and GB",
        ),
        (
            "[default]\nrefresh_ahead = 0.9",
            "line 2, column 17: default.refresh_ahead: 0.9 is no part: write it in percent, as \"90%\", from \"0%\" to \"100%\"",
        ),
        (
            "[default]\nlifetime = 1979-05-27",
            "line 2, column 12: default.lifetime: a date is no duration: write it as \"30s\", \"5m\" or \"1h30m\"",
        ),
    ]);
}

#[test]
fn a_value_that_no_setting_has_is_told() {
    each_is_told(&[
        (
            "read = 1",
            "line 1, column 8: read: it is a list of tables: write [[read]]",
        ),
        ("write = [1]", "line 1, column 10: write[0]: 1 is no table"),
        (
            "policy = 1",
            "line 1, column 10: policy: it is a table of names: write [policy.some-name]",
        ),
        (
            "[policy]\n\"a b\" = 1",
            "line 2, column 9: policy.\"a b\": 1 is no table",
        ),
        (
            "[default]\ntags = \"a\"",
            "line 2, column 8: default.tags: it is a list: write [\"a\"]",
        ),
        (
            "[default]\ntags = [\"a\", 7]",
            "line 2, column 14: default.tags[1]: 7 is no text: write it in quotes",
        ),
        (
            "[default]\netag = \"yes\"",
            "line 2, column 8: default.etag: \"yes\" is neither true nor false",
        ),
        (
            "[default]\ndownstream = \"no_store\"",
            "line 2, column 14: default.downstream: \"no_store\" is no choice: did you mean \"no-store\"? Allowed are \"transparent\", \"regenerate\", \"revalidate\", \"no-store\"",
        ),
        (
            "[default]\ncookies = { key = [] }",
            "line 2, column 19: default.cookies.key: it names nothing",
        ),
        (
            "[default]\nwhile_deaf = {}",
            "line 2, column 14: default.while_deaf: it has to be one thing: allowed are \"bypass\", \"serve-until-expiry\", { serve_for = .. }",
        ),
        (
            "[default]\nown_store = 1",
            "line 2, column 13: default.own_store: 1 is no table of bytes, eviction",
        ),
        (
            "[store.a]\neviction = \"lru\"",
            "line 1, column 1: store.a: there is no `bytes`",
        ),
        (
            "[default]\nstatuses = \"404\"",
            "line 2, column 12: default.statuses: it is a table of statuses and their lifetimes: write { 404 = \"10s\", 410-419 = \"1m\" }",
        ),
        (
            "[default]\nstatuses = { 4xx = \"1s\" }",
            "line 2, column 14: default.statuses: \"4xx\" is no status: write 404, or 400-499 for several",
        ),
        (
            "[default.statuses]\n404 = \"1s\"\n400-499 = \"2s\"",
            "line 3, column 1: default.statuses: 400-499 is there twice",
        ),
    ]);
}

#[test]
fn a_route_that_is_none_is_told() {
    each_is_told(&[
        ("[[read]]", "line 1, column 1: read[0]: there is no `path`"),
        (
            "[[read]]\npath = \"products\"",
            "line 2, column 8: read[0].path: a path begins with `/`",
        ),
        (
            "[[read]]\npath = \"/:id\"",
            "line 2, column 8: read[0].path: a parameter is written `{name}`, not `:name`",
        ),
        (
            "[[read]]\npath = \"/a/{id}\"\n[[read]]\npath = \"/a/{name}\"",
            "line 3, column 1: read[1]: it matches the same paths as \"/a/{id}\" (read[0], line 1)",
        ),
        (
            "[[write]]\npath = \"/a\"\nmethods = [\"PATCH\"]\n[[write]]\npath = \"/a\"\nmethods = [\"PUT\"]\n[[write]]\npath = \"/a\"\nmethods = [\"PUT\", \"POST\"]",
            "line 7, column 1: write[2]: it matches the same paths as \"/a\" (write[1], line 4)",
        ),
        (
            "[[write]]\npath = \"/a\"\nmethods = [\"GET\"]",
            "line 3, column 12: write[0].methods[0]: \"GET\" does not write",
        ),
        (
            "[[write]]\npath = \"/a\"\nmethods = [\"put\"]",
            "line 3, column 12: write[0].methods[0]: \"put\" is no method: did you mean \"PUT\"? Allowed are those of HTTP, in capitals",
        ),
        (
            "[[write]]\npath = \"/a\"\nmethods = []",
            "line 3, column 11: write[0].methods: it is for no method",
        ),
        (
            "[[write]]\npath = \"/a\"\npaths = [\"a\"]",
            "line 3, column 10: write[0].paths[0]: it is no path: a path begins with `/`",
        ),
    ]);
}

#[test]
fn a_method_that_is_none_is_told() {
    each_is_told(&[
        (
            "[[rpc_read]]\nlifetime = \"1m\"",
            "line 1, column 1: rpc_read[0]: there is no `method`",
        ),
        (
            "[[rpc_write]]\nmethod = \"Get\"",
            "line 2, column 10: rpc_write[0].method: a gRPC method is written `/package.Service/Method`",
        ),
        (
            "[[rpc_read]]\nmethod = \"/a.B/C\"",
            "line 1, column 1: rpc_read[0]: a gRPC call has no lifetime but that of its route: give it `Policy::lifetime`",
        ),
        (
            "[[rpc_read]]\nmethod = \"/a.B/C\"\nlifetime = 1",
            "line 3, column 12: rpc_read[0].lifetime: the duration 1 has no unit: write it as text with one, \"1s\"; the units are d, h, m, s and ms",
        ),
        (
            "[[rpc_read]]\nmethod = \"/a.B/C\"\nlifetime = \"1m\"\n[[rpc_read]]\nmethod = \"/a.B/C\"\nlifetime = \"1m\"",
            "line 4, column 1: rpc_read[1]: the method is there twice (rpc_read[0], line 1)",
        ),
        (
            "[[rpc_read]]\nmethod = \"/a.B/C\"\nlifetime = \"1m\"\n[[rpc_write]]\nmethod = \"/a.B/C\"",
            "line 1, column 1: rpc_read[0]: the method is there twice (rpc_write[0], line 4)",
        ),
        (
            "[[write]]\npath = \"/a.B/C\"\n[[rpc_write]]\nmethod = \"/a.B/C\"",
            "line 3, column 1: rpc_write[0]: it matches the same paths as \"/a.B/C\" (write[0], line 1)",
        ),
        (
            "[[rpc_write]]\nmethod = \"/a.B/C\"\ntags = [\"{id}\"]",
            "line 3, column 9: rpc_write[0].tags[0]: template \"{id}\": the path has no parameter `id`: there are none; for other sources write query.id, header.id, cookie.id or response.id",
        ),
    ]);
}

#[test]
fn a_template_that_is_none_is_told_where_it_stands() {
    each_is_told(&[
        (
            "[[read]]\npath = \"/a/{id}\"\ntags = [\n  \"a\",\n  \"a:{id:integer}\",\n]",
            "line 5, column 3: read[0].tags[1]: template \"a:{id:integer}\", column 7: `integer` is no form: allowed are int, uuid, lower, slug",
        ),
        (
            "[[write]]\npath = \"/a/{id}\"\nprefixes = [\"/a/{ide}\"]",
            "line 3, column 13: write[0].prefixes[0]: template \"/a/{ide}\": the path has no parameter `ide`: there is id; for other sources write query.ide, header.ide, cookie.ide or response.ide",
        ),
        // A shared template is wrong for some paths only.
        (
            "[policy.p]\ntags = [\"a:{id}\"]\n[[read]]\npath = \"/a/{id}\"\nuse = \"p\"\n[[read]]\npath = \"/b\"\nuse = \"p\"",
            "line 2, column 9: policy.p.tags[0]: template \"a:{id}\": the path has no parameter `id`: there are none; for other sources write query.id, header.id, cookie.id or response.id (used by read[1])",
        ),
        // And told once if it is wrong as such.
        (
            "[policy.p]\ntags = [\"a:{id\"]\n[[read]]\npath = \"/a\"\nuse = \"p\"\n[[read]]\npath = \"/b\"\nuse = \"p\"",
            "line 2, column 9: policy.p.tags[0]: template \"a:{id\", column 3: `{` is not closed: a brace in the text is `{{`",
        ),
        (
            "[default]\ntags = [\"a:{id}\"]",
            "line 2, column 9: default.tags[0]: template \"a:{id}\": the path has no parameter `id`: there are none; for other sources write query.id, header.id, cookie.id or response.id",
        ),
    ]);
}

#[test]
fn settings_that_cannot_stand_together_are_told() {
    each_is_told(&[
        (
            "[default]\ncache = \"bypass\"\nlifetime = \"1s\"",
            "line 2, column 9: default.cache: it stands beside a `lifetime`: only one of both can be meant",
        ),
        (
            "[default]\nstore = \"larg\"\n[store.large]\nbytes = \"1B\"",
            "line 2, column 9: default.store: there is no store \"larg\": there is large",
        ),
        (
            "[store.a]\nbytes = \"1B\"\n[default]\nstore = \"a\"\nown_store = { bytes = \"1B\" }",
            "line 3, column 1: default: it has a store of its own, and names the store \"a\"",
        ),
        (
            "[[write]]\npath = \"/\"\nconcern = \"applied\"",
            "line 3, column 11: write[0].concern: it needs the longest time to wait beside it: `timeout = \"2s\"`",
        ),
        (
            "[[write]]\npath = \"/\"\nconcern = \"enqueued\"\ntimeout = \"1s\"",
            "line 3, column 11: write[0].concern: it waits for nothing: there is no `timeout` beside it",
        ),
        (
            "[[write]]\npath = \"/\"\ntimeout = \"1s\"",
            "line 3, column 11: write[0].timeout: it is for nothing: there is no `concern` beside it",
        ),
        (
            "[default]\nuse = \"catalogue\"\n[policy.catalog]",
            "line 2, column 7: default.use: there is no policy \"catalogue\": did you mean \"catalog\"? Allowed are catalog",
        ),
        (
            "[[write]]\npath = \"/\"\nuse = \"p\"\n[policy.p]",
            "line 3, column 7: write[0].use: there is no write_policy \"p\": there are none",
        ),
        (
            "[default]\nuse = 7",
            "line 2, column 7: default.use: 7 is no name of a policy",
        ),
    ]);
}

#[test]
fn a_proof_or_a_scope_that_code_does_not_give_is_told() {
    let unproven = "[default]\nauthorization = \"already-checked\"";
    each_is_told(&[
        (
            unproven,
            "line 2, column 17: default.authorization: it needs the proof that a layer outside has checked: `requires = \"..\"`, with the name of a type that code gives by `RouteTable::file().requires::<T>(..)`",
        ),
        (
            "[default]\nrequires = \"called\"",
            "line 2, column 12: default.requires: code has no type of the name \"called\": it has \"caller\"; it gives one by `RouteTable::file().requires::<T>(..)`",
        ),
        (
            "[default]\nscope = \"x\"",
            "line 2, column 9: default.scope: code has no scope of the name \"x\": it has \"tenant\"; it gives one by `RouteTable::file().scope(.., ..)`",
        ),
    ]);
    let proven = format!("{unproven}\nrequires = \"caller\"");
    assert!(file().parse_toml(&proven).is_ok());
    let error = RouteTable::from_toml(&proven).unwrap_err().to_string();
    assert_eq!(
        lines(&error),
        [
            "line 3, column 12: default.requires: code has no type of the name \"caller\": it has none; it gives one by `RouteTable::file().requires::<T>(..)`"
        ]
    );
}

#[test]
fn all_mistakes_are_told_in_the_order_of_the_lines_and_of_many_the_first_hundred() {
    let text = "[[write]]\npath = \"x\"\nafter = 1\n[default]\nlifetime = 1\n[[read]]\npath = \"/{a}{b}\"\nuse = \"p\"\n[store.s]\nbytes = 1\n";
    let places: Vec<_> = told(text)
        .iter()
        .map(|line| line.split(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        places,
        [
            "line 2, column 8",
            "line 3, column 9",
            "line 5, column 12",
            "line 7, column 8",
            "line 8, column 7",
            "line 10, column 9",
        ]
    );
    let many = told(&"[[read]]\n".repeat(150));
    assert_eq!((many.len(), &*many[100]), (101, "and more"));
}

/// The file of which the page shows the mistakes.
const SHOWN: &str = "\
[policy.catalog]
lifetime = \"10m\"

[[read]]
path = \"/products\"
use = \"catalog\"
query = \"all\"
tag = [\"products\"]

[[read]]
path = \"/products/{id}\"
lifetime = 600
tags = [\"product:{id:int}\"]

[[read]]
path = \"/products/{name}\"
";

#[test]
fn the_page_shows_mistakes_as_they_are_told() {
    let (_, shown) = super::PAGE
        .split_once("```text\nthe route file has mistakes:\n")
        .unwrap();
    let (shown, _) = shown.split_once("\n```").unwrap();
    let told = told(SHOWN);
    assert_eq!(shown.lines().count(), told.len());
    for (shown, told) in shown.lines().zip(told) {
        let begin = shown.strip_suffix("..").unwrap_or(shown);
        assert!(told.starts_with(begin), "{shown}\n{told}");
    }
}

#[test]
fn of_a_text_that_is_no_toml_one_mistake_is_told() {
    each_is_told(&[
        (
            "[default]\nlifetime = \"1s",
            "line 2, column 15: this is no TOML: invalid basic string, expected `\"`",
        ),
        (
            "[default]\n[default]",
            "line 2, column 2: this is no TOML: duplicate key",
        ),
        (
            "a = 1\na = 2\nb",
            "line 3, column 2: this is no TOML: key with no value, expected `=`",
        ),
    ]);
}

#[test]
fn other_formats_tell_all_mistakes_with_their_keys() {
    let expected = [
        "read[0].tags[0]: template \"a:{id\", column 3: `{` is not closed: a brace in the text is `{{`",
        "read[0].lifetime: the duration 600 has no unit: write it as text with one, \"600s\"; the units are d, h, m, s and ms",
        "read[1]: it matches the same paths as \"/\" (read[0])",
    ];
    let json = r#"{"read": [{"path": "/", "tags": ["a:{id"], "lifetime": 600}, {"path": "/"}]}"#;
    let mut found = lines(&from_json(&file(), json).unwrap_err().to_string());
    found.sort_by_key(|line| expected.iter().position(|one| one == line));
    assert_eq!(found, expected);
    let yaml = "read:\n- path: /\n  tags: ['a:{id']\n  lifetime: 600\n- path: /\n";
    let mut found = lines(&from_yaml(&file(), yaml).unwrap_err().to_string());
    found.sort_by_key(|line| expected.iter().position(|one| one == line));
    assert_eq!(found, expected);
}

#[test]
fn a_key_that_is_there_twice_and_a_value_that_is_not_there_are_told() {
    let twice = r#"{"default": {"etag": true, "etag": false}}"#;
    let error = from_json(&file(), twice).unwrap_err().to_string();
    assert!(error.contains("the key \"etag\" is there twice"), "{error}");
    for text in [r#"{"default": {"tags": null}}"#, "default:\n  tags:\n"] {
        let error = from_yaml(&file(), text).unwrap_err().to_string();
        assert_eq!(lines(&error), ["default.tags: nothing is no list"]);
    }
    let error = from_json(&file(), "[]").unwrap_err().to_string();
    assert_eq!(
        lines(&error),
        [
            "the file: a list is no table of default, policy, write_policy, store, read, write, rpc_read, rpc_write"
        ]
    );
}

#[tokio::test]
async fn a_broken_file_changes_nothing_of_a_cache_that_runs() {
    let good = "[[read]]\npath = \"/a\"\nlifetime = \"1m\"";
    let cache = Cache::builder().routes(RouteTable::from_toml(good).unwrap());
    let cache = cache.build().unwrap();
    let origin = Origin::says(cache.layer(), &[]);
    origin.get("/a").await;
    let reload = |text: &str| RouteTable::from_toml(text).map(|it| cache.replace_routes(it));
    assert!(reload(&good.replace("1m", "1")).is_err());
    assert_eq!(origin.get("/a").await.body, "run 1");
    assert!(reload("").unwrap().dropped.contains(&Some("/a".to_owned())));
    assert_eq!(origin.get("/a").await.body, "run 2");
}

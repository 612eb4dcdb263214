//! Imports go down the floors only, and each foreign crate has one home.

use crate::paths::{own_paths, paths};
use crate::source::{Offence, Source, all, none};

/// What imports nothing of ours but each other.
const WORDS: &[&str] = &[
    "tag",
    "target",
    "position",
    "clock",
    "error",
    "path",
    "scope",
    "concern",
    "random",
    "tasks",
    "eviction",
    "token",
    "template",
    "write_intent",
];

/// What a module may import, beside itself.
#[derive(Clone, Copy)]
enum May {
    /// The words, and these.
    Words(&'static [&'static str]),
    Everything,
    EverythingBut(&'static [&'static str]),
}

/// The floors above the words. A module of `src` that is in neither list has no
/// floor yet, which is an offence: give it one.
const FLOORS: &[(&str, May)] = &[
    ("telemetry", May::Words(&[])),
    // 2: blind to each other.
    ("store", May::Words(&["telemetry"])),
    ("semantics", May::Words(&["telemetry"])),
    ("policy", May::Words(&["telemetry"])),
    ("wire", May::Words(&["telemetry"])),
    ("routes", May::Words(&["policy"])),
    // 3: never sees the store.
    ("bus", May::Words(&["telemetry"])),
    // 4: bus meets store.
    (
        "coherence",
        May::Words(&["telemetry", "bus", "store", "wire"]),
    ),
    // 5: what users hold.
    ("cache", May::EverythingBut(&["middleware", "test_util"])),
    ("builder", May::EverythingBut(&["middleware", "test_util"])),
    // 6: what users stack. Never sees the bus.
    ("middleware", May::EverythingBut(&["bus", "test_util"])),
    ("test_util", May::Everything),
];

/// A foreign name, and the beginnings of the paths that may say it.
const HOMES: &[(&str, &[&str])] = &[
    ("moka", &["src/store/shelf"]),
    ("redis", &["src/bus/redis/"]),
    ("tracing", &["src/telemetry"]),
    ("bincode", &["src/wire"]),
    ("serde_json", &["src/wire"]),
    ("matchit", &["src/routes/"]),
    ("toml", &["src/routes/file/toml"]),
    ("sha2", &["src/semantics/made_etag"]),
    ("metrics", &["src/cache/report/"]),
    ("axum_core", &["src/middleware/"]),
    ("axum", &["src/middleware/"]),
];

/// Names that read the clock, and its one home.
const CLOCK: &str = "src/clock.rs";

#[test]
fn imports_go_down_the_floors_only() {
    none(all().iter().flat_map(floor_offences).collect());
}

#[test]
fn each_foreign_crate_is_named_in_its_home_only() {
    none(all().iter().flat_map(home_offences).collect());
}

#[test]
fn now_is_read_in_the_clock_only() {
    none(all().iter().flat_map(clock_offences).collect());
}

#[test]
fn the_race_core_imports_nothing_of_the_crate() {
    none(all().iter().flat_map(race_offences).collect());
}

fn floor_offences(source: &Source) -> Vec<Offence> {
    let module = source.module();
    let Some(&own) = module.first() else {
        return Vec::new(); // The crate's root names everything.
    };
    let Some(may) = floor(own) else {
        return vec![source.offence(1, format!("`{own}` has no floor"))];
    };
    let mut offences = Vec::new();
    for (path, line) in own_paths(source) {
        match path.first().map(String::as_str) {
            Some(other) if other == own => {}
            Some(other) if floor(other).is_none() => offences.push(source.offence(
                line,
                format!("`crate::{other}` has no floor: import from the module itself"),
            )),
            Some(other) if !allows(may, other) => {
                offences.push(source.offence(line, format!("`{own}` may not import `{other}`")));
            }
            Some(_) => {}
            None => offences.push(source.offence(line, "imports the crate's root")),
        }
    }
    offences
}

fn floor(module: &str) -> Option<May> {
    if WORDS.contains(&module) {
        return Some(May::Words(&[]));
    }
    let row = FLOORS.iter().find(|(name, _)| *name == module);
    row.map(|(_, may)| *may)
}

fn allows(may: May, other: &str) -> bool {
    match may {
        May::Words(more) => WORDS.contains(&other) || more.contains(&other),
        May::Everything => true,
        May::EverythingBut(not) => !not.contains(&other),
    }
}

fn home_offences(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (name, homes) in HOMES {
        // `mod redis;` in this file makes `redis::` a path of ours.
        let is_ours = declares(source, name);
        if is_ours || homes.iter().any(|home| source.path.starts_with(home)) {
            continue;
        }
        let named = paths(source).into_iter().filter(|p| p.segments[0] == *name);
        offences.extend(named.map(|p| source.offence(p.line, format!("names `{name}`"))));
    }
    offences
}

fn declares(source: &Source, name: &str) -> bool {
    let pairs = source.tokens.windows(2);
    pairs
        .into_iter()
        .any(|pair| pair[0].text == "mod" && pair[1].text == name)
}

fn clock_offences(source: &Source) -> Vec<Offence> {
    if source.path == CLOCK {
        return Vec::new();
    }
    let mut offences = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        let follows = |ahead: usize, text: &str| {
            source
                .tokens
                .get(at + ahead)
                .is_some_and(|t| t.text == text)
        };
        let reads = match token.text.as_str() {
            "Instant" | "clock_gettime" => true,
            "SystemTime" => follows(1, "::") && follows(2, "now"),
            _ => false,
        };
        if reads {
            offences.push(source.offence(token.line, format!("names `{}`", token.text)));
        }
    }
    offences
}

fn race_offences(source: &Source) -> Vec<Offence> {
    if !source.module().starts_with(&["store", "race"]) {
        return Vec::new();
    }
    let escapes = own_paths(source).into_iter();
    escapes
        .filter(|(path, _)| !path.starts_with(&["store".to_owned(), "race".to_owned()]))
        .map(|(path, line)| source.offence(line, format!("imports `crate::{}`", path.join("::"))))
        .chain(
            paths(source)
                .into_iter()
                .filter(|path| path.segments[0] == "crate")
                .map(|path| source.offence(path.line, "says `crate::`")),
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(
        check: fn(&Source) -> Vec<Offence>,
        path: &str,
        text: &str,
    ) -> Vec<(usize, String)> {
        let found = check(&Source::new(path, text));
        found.into_iter().map(|o| (o.line, o.what)).collect()
    }

    fn lines(check: fn(&Source) -> Vec<Offence>, path: &str, text: &str) -> Vec<usize> {
        offences(check, path, text)
            .into_iter()
            .map(|(line, _)| line)
            .collect()
    }

    #[test]
    fn an_import_of_a_higher_or_neighbouring_floor_is_found_with_its_line() {
        assert_eq!(
            offences(
                floor_offences,
                "src/store/mod.rs",
                "use crate::tag::Tag;\nuse crate::bus::Engine;"
            ),
            [(2, "`store` may not import `bus`".to_owned())]
        );
        assert_eq!(
            lines(floor_offences, "src/wire/mod.rs", "use crate::store::X;"),
            [1]
        );
        assert_eq!(
            lines(floor_offences, "src/tag.rs", "use crate::telemetry::x;"),
            [1]
        );
        assert_eq!(
            lines(
                floor_offences,
                "src/bus/redis/ring.rs",
                "use crate::wire::X;"
            ),
            [1]
        );
        assert_eq!(
            lines(
                floor_offences,
                "src/middleware/layer.rs",
                "use crate::bus::X;"
            ),
            [1]
        );
        assert_eq!(
            lines(floor_offences, "src/cache.rs", "use crate::middleware::X;"),
            [1]
        );
    }

    #[test]
    fn an_import_inside_braces_an_expression_or_a_re_export_is_found() {
        let nested = "use crate::{\n    tag::Tag,\n    bus::{Engine, self},\n};";
        assert_eq!(lines(floor_offences, "src/store/mod.rs", nested), [3, 3]);
        let call = "fn a() -> u8 {\n    crate::bus::now()\n}";
        assert_eq!(lines(floor_offences, "src/store/cells.rs", call), [2]);
        assert_eq!(
            lines(
                floor_offences,
                "src/store/mod.rs",
                "pub(crate) use crate::bus::*;"
            ),
            [1]
        );
    }

    #[test]
    fn a_way_out_through_super_is_found() {
        assert_eq!(
            lines(
                floor_offences,
                "src/store/race/cells.rs",
                "use super::super::super::bus::X;"
            ),
            [1]
        );
        assert_eq!(
            lines(
                floor_offences,
                "src/store/race/mod.rs",
                "use super::super::bus::X;"
            ),
            [1]
        );
        let inner = "mod inner {\n    use super::super::bus::X;\n}\nuse super::bus::Y;";
        assert_eq!(lines(floor_offences, "src/store/mod.rs", inner), [2, 4]);
        let at_home = "mod inner {\n    use super::Cells;\n}\nuse super::tag::Tag;";
        assert_eq!(lines(floor_offences, "src/store/mod.rs", at_home), [0; 0]);
    }

    #[test]
    fn a_module_without_a_floor_and_a_name_of_the_root_are_found() {
        assert_eq!(lines(floor_offences, "src/attic.rs", ""), [1]);
        assert_eq!(
            lines(floor_offences, "src/store/mod.rs", "use crate::Tag;"),
            [1]
        );
        assert_eq!(
            lines(floor_offences, "src/store/mod.rs", "use crate::*;"),
            [1]
        );
    }

    #[test]
    fn what_the_floors_allow_is_no_offence() {
        let store =
            "use crate::{clock::Moment, tag::{Tag, Tags}};\nuse self::cells::Cell;\nuse std::fmt;";
        assert_eq!(lines(floor_offences, "src/store/mod.rs", store), [0; 0]);
        let coherence = "use crate::{bus::Engine, store::Store, wire::Envelope, telemetry};";
        assert_eq!(
            lines(floor_offences, "src/coherence/follower.rs", coherence),
            [0; 0]
        );
        let tests = "#[cfg(test)]\nmod tests { use crate::bus::X; }";
        assert_eq!(lines(floor_offences, "src/store/mod.rs", tests), [0; 0]);
        assert_eq!(
            lines(
                floor_offences,
                "src/lib.rs",
                "pub use crate::bus::X; mod bus;"
            ),
            [0; 0]
        );
    }

    #[test]
    fn a_foreign_crate_away_from_home_is_found() {
        let check = |path, text| lines(home_offences, path, text);
        assert_eq!(check("src/store/mod.rs", "use moka::sync::Cache;"), [1]);
        assert_eq!(check("src/cache.rs", "use redis;"), [1]);
        assert_eq!(check("src/cache.rs", "use {std::fmt, redis::Client};"), [1]);
        assert_eq!(check("src/bus/mod.rs", "fn f() { ::redis::cmd(); }"), [1]);
        assert_eq!(check("src/cache.rs", "fn f() { tracing::info!(); }"), [1]);
        assert_eq!(
            check("src/cache.rs", "#[tracing::instrument]\nfn f() {}"),
            [1]
        );
        assert_eq!(
            check("src/bus/redis/connection.rs", "use bincode::config;"),
            [1]
        );
        assert_eq!(
            check("src/error.rs", "impl From<serde_json::Error> for E {}"),
            [1]
        );
        assert_eq!(
            check("src/tag.rs", "use axum_core::response::IntoResponseParts;"),
            [1]
        );
    }

    #[test]
    fn a_foreign_crate_at_home_and_a_module_of_its_name_are_no_offence() {
        let check = |path, text| lines(home_offences, path, text);
        assert_eq!(
            check("src/store/shelf.rs", "use moka::sync::Cache;"),
            [0; 0]
        );
        assert_eq!(check("src/bus/redis/ring.rs", "use redis::Client;"), [0; 0]);
        assert_eq!(
            check("src/bus/mod.rs", "mod redis; pub use redis::Redis;"),
            [0; 0]
        );
        assert_eq!(
            check("src/lib.rs", "pub use crate::bus::redis::Redis;"),
            [0; 0]
        );
        assert_eq!(
            check(
                "src/cache.rs",
                "// use moka::x;\nfn f(redis: u8) { redis.min(1); }"
            ),
            [0; 0]
        );
    }

    #[test]
    fn a_reading_of_the_clock_elsewhere_is_found() {
        let check = |path, text| lines(clock_offences, path, text);
        assert_eq!(check("src/cache.rs", "use std::time::Instant;"), [1]);
        assert_eq!(
            check("src/cache.rs", "fn f() { tokio::time::Instant::now(); }"),
            [1]
        );
        assert_eq!(
            check("src/cache.rs", "\nfn f() { SystemTime::now(); }"),
            [2]
        );
        assert_eq!(
            check("src/cache.rs", "fn f() { rustix::time::clock_gettime(x); }"),
            [1]
        );
        assert_eq!(
            check("src/cache.rs", "fn f(at: SystemTime) -> Moment {}"),
            [0; 0]
        );
        assert_eq!(check("src/clock.rs", "use std::time::Instant;"), [0; 0]);
    }

    #[test]
    fn a_crate_path_in_the_race_core_is_found() {
        let check = |path, text| lines(race_offences, path, text);
        assert_eq!(
            check(
                "src/store/race/cells.rs",
                "use super::super::super::tag::Tag;"
            ),
            [1]
        );
        assert_eq!(
            check("src/store/race/cells.rs", "use super::super::shelf::Shelf;"),
            [1]
        );
        assert!(!check("src/store/race/cells.rs", "fn f() { crate::tag::x(); }").is_empty());
        assert!(!check("src/store/race/mod.rs", "use crate::store::race::cells;").is_empty());
        assert_eq!(
            check("src/store/race/cells.rs", "use super::clock::Tick;"),
            [0; 0]
        );
        assert_eq!(check("src/store/mod.rs", "use crate::tag::Tag;"), [0; 0]);
    }
}

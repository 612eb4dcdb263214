//! The settings of reads.

use super::inner::store;
use super::node::{Node, Value};
use super::setting::{Key, Keyed, Setting, inside};
use super::units;
use super::value::{Read, Wrong, choice, duration, names, part, text};
use crate::policy::{
    Authorization, ClientDirectives, Downstream, Inputs, Policy, Query, SetCookie, StatusHeader,
    WhileDeaf,
};
use crate::tag::Tags;
use std::time::Duration;

impl Keyed for Policy {
    const KEYS: &'static [Key<Self>] = &[
        Key::new("lifetime", |it| it.duration(|_, time| Self::lifetime(time)))
            .instead_of(&["cache"]),
        Key::new("cache", cache).instead_of(&["lifetime"]),
        Key::new("override_headers", |it| it.flag(Self::override_headers)),
        Key::new("ignore_no_store", |it| it.flag(Self::ignore_no_store)),
        Key::new("heuristics", |it| it.flag(Self::heuristics)),
        Key::new("statuses", statuses),
        Key::new("errors_at_most", |it| it.duration(Self::errors_at_most)),
        Key::new("set_cookie", |it| it.word(&SET_COOKIE, Self::set_cookie)),
        Key::new("stale_while_revalidate", |it| {
            it.duration(Self::stale_while_revalidate);
        }),
        Key::new("stale_if_error", |it| it.duration(Self::stale_if_error)),
        Key::new("refresh_ahead", |it| {
            it.set(part(it.node), Self::refresh_ahead);
        }),
        Key::new("idle", |it| it.duration(Self::idle)),
        Key::new("jitter", |it| it.set(part(it.node), Self::jitter)),
        Key::new("settle", |it| it.duration(Self::settle)),
        Key::new("query", |it| it.set(query(it.node), Self::query)),
        Key::new("cookies", |it| it.set(inputs(it.node), Self::cookies)),
        Key::new("headers", |it| it.set(inputs(it.node), Self::headers)),
        Key::new("authorization", authorization),
        Key::new("requires", |it| {
            let known = &it.world.file.requires;
            let proof = it.registered(known, "type", ".requires::<T>(..)");
            it.set(proof, |policy, requires| requires(policy));
        }),
        Key::new("body_key", |it| it.bytes(Self::body_key)),
        Key::new("scope", |it| {
            let known = &it.world.file.scopes;
            let scope = it.registered(known, "scope", ".scope(.., ..)");
            it.set(scope, Self::scope_by);
        }),
        Key::new("tags", |it| {
            it.templates(|policy, tags| policy.tags(Tags::from_iter(tags)), |_| None);
        }),
        Key::new("store", named_store).instead_of(&["own_store"]),
        Key::new("own_store", |it| {
            it.set(store(it.node), |policy: Self, (bytes, eviction)| {
                policy.own_store(bytes, eviction)
            });
        })
        .instead_of(&["store"]),
        Key::new("while_deaf", |it| {
            it.set(while_deaf(it.node), Self::while_deaf);
        }),
        Key::new("client_directives", |it| {
            it.word(&CLIENTS, Self::client_directives);
        }),
        Key::new("downstream", |it| it.word(&DOWNSTREAM, Self::downstream)),
        Key::new("etag", |it| it.flag(Self::etag)),
        Key::new("cache_status", |it| it.word(&STATUS, Self::cache_status)),
    ];
}

const SET_COOKIE: [(&str, SetCookie); 3] = [
    ("refuse", SetCookie::Refuse),
    ("strip", SetCookie::Strip),
    ("store", SetCookie::Store),
];

const AUTHORIZATION: [(&str, Authorization); 3] = [
    ("rfc9111", Authorization::Rfc9111),
    ("hide", Authorization::Hide),
    ("already-checked", Authorization::AlreadyChecked),
];

const CLIENTS: [(&str, ClientDirectives); 2] = [
    ("ignore", ClientDirectives::Ignore),
    ("heed", ClientDirectives::Heed),
];

const DOWNSTREAM: [(&str, Downstream); 4] = [
    ("transparent", Downstream::Transparent),
    ("regenerate", Downstream::Regenerate),
    ("revalidate", Downstream::Revalidate),
    ("no-store", Downstream::NoStore),
];

const STATUS: [(&str, StatusHeader); 3] = [
    ("off", StatusHeader::Off),
    ("on", StatusHeader::On),
    ("with-detail", StatusHeader::WithDetail),
];

/// After `lifetime`, so that it is seen when both are there.
fn cache(it: &mut Setting<'_, Policy>) {
    let words = [("from-headers", false), ("bypass", true)];
    if it.beside("lifetime").is_some() {
        return it.wrong("it stands beside a `lifetime`: only one of both can be meant");
    }
    it.set(super::value::word(it.node, &words), |policy, bypass| {
        if bypass { Policy::bypass() } else { policy }
    });
}

fn authorization(it: &mut Setting<'_, Policy>) {
    let proven = it.beside("requires").is_some();
    let read = super::value::word(it.node, &AUTHORIZATION);
    if read
        .as_ref()
        .is_ok_and(|choice| *choice == Authorization::AlreadyChecked)
        && !proven
    {
        return it.wrong(
            "it needs the proof that a layer outside has checked: `requires = \"..\"`, with the name of a type that code gives by `RouteTable::file().requires::<T>(..)`",
        );
    }
    it.set(read, Policy::authorization);
}

fn named_store(it: &mut Setting<'_, Policy>) {
    let stores = it.world.stores;
    let known = text(it.node).and_then(|name| {
        if stores.contains(&name) {
            return Ok(name);
        }
        let known = match stores {
            [] => "there are none".to_owned(),
            stores => format!("there is {}", super::node::some(stores)),
        };
        it.node
            .wrong(format!("there is no store {}: {known}", it.node.said()))
    });
    it.set(known, |policy, name| policy.store(name));
}

fn query(node: &Node) -> Read<Query> {
    let words = [
        ("all", Query::All),
        ("sorted", Query::Sorted),
        ("without-tracking", Query::without_tracking()),
    ];
    choice(
        node,
        &words,
        &[
            ("only", |node| names(node).map(Query::Only)),
            ("without", |node| names(node).map(Query::Without)),
        ],
    )
}

fn inputs(node: &Node) -> Read<Inputs> {
    choice(
        node,
        &[("bypass", Inputs::Bypass), ("hide", Inputs::Hide)],
        &[
            ("key", |node| names(node).map(Inputs::Key)),
            ("bypass_on", |node| names(node).map(Inputs::BypassOn)),
        ],
    )
}

fn while_deaf(node: &Node) -> Read<WhileDeaf> {
    let words = [
        ("bypass", WhileDeaf::Bypass),
        ("serve-until-expiry", WhileDeaf::ServeUntilExpiry),
    ];
    let for_a_time = |node: &Node| duration(node).map(WhileDeaf::ServeFor);
    choice(node, &words, &[("serve_for", for_a_time)])
}

/// Statuses that overlap are refused: not every format keeps their order.
fn statuses(it: &mut Setting<'_, Policy>) {
    let Value::Table(fields) = &it.node.value else {
        return it.wrong(
            "it is a table of statuses and their lifetimes: write { 404 = \"10s\", 410-419 = \"1m\" }",
        );
    };
    let mut known: Vec<(u16, u16)> = Vec::new();
    for field in fields.iter().take(900) {
        let Some((first, last)) = units::statuses(&field.name) else {
            let name = super::node::shown(&field.name);
            let what = format!("{name} is no status: write 404, or 400-499 for several");
            it.wrong.push(Wrong::at(field.at, what));
            continue;
        };
        if known
            .iter()
            .any(|(one, other)| first <= *other && *one <= last)
        {
            let what = format!("{} is there twice", field.name);
            it.wrong.push(Wrong::at(field.at, what));
        }
        known.push((first, last));
        it.set(inside(field, duration), |policy, time: Duration| {
            policy.statuses(first..=last, time)
        });
    }
}

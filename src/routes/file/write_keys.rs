//! The settings of writes.

use super::setting::{Key, Keyed, Setting};
use super::value::{duration, word};
use crate::concern::WriteConcern;
use crate::policy::{After, BusDown, HangUp, OwnPath, WritePolicy};
use crate::tag::Tags;

impl Keyed for WritePolicy {
    const KEYS: &'static [Key<Self>] = &[
        Key::new("safe", |it| it.flag(|_| Self::safe())),
        Key::new("tags", |it| {
            it.templates(|policy, tags| policy.tags(Tags::from_iter(tags)), |_| None);
        }),
        Key::new("paths", |it| it.templates(Self::paths, no_path)),
        Key::new("prefixes", |it| {
            it.templates(Self::prefixes, no_path);
        }),
        Key::new("scope", |it| {
            let known = &it.world.file.scopes;
            let scope = it.registered(known, "scope", ".scope(.., ..)");
            it.set(scope, Self::scope_by);
        }),
        Key::new("own_path", |it| it.word(&OWN_PATH, Self::own_path)),
        Key::new("after", |it| it.word(&AFTER, Self::after)),
        Key::new("on_hang_up", |it| it.word(&HANG_UP, Self::on_hang_up)),
        Key::new("soft", |it| it.flag(Self::soft)),
        Key::new("concern", concern).instead_of(&["timeout"]),
        Key::new("timeout", timeout),
        Key::new("while_bus_down", |it| {
            it.word(&BUS_DOWN, Self::while_bus_down);
        }),
        Key::new("intent", |it| it.duration(Self::intent)),
    ];
}

const OWN_PATH: [(&str, OwnPath); 3] = [
    ("all-queries", OwnPath::AllQueries),
    ("exact-uri", OwnPath::ExactUri),
    ("off", OwnPath::Off),
];

const AFTER: [(&str, After); 3] = [
    ("success", After::Success),
    ("unless-refused", After::UnlessRefused),
    ("always", After::Always),
];

const HANG_UP: [(&str, HangUp); 2] = [("finish", HangUp::Finish), ("drop", HangUp::Drop)];

const BUS_DOWN: [(&str, BusDown); 2] = [
    ("queue", BusDown::Queue),
    ("refuse-writes", BusDown::RefuseWrites),
];

/// As the builder has it, in the line of the text.
fn no_path(text: &str) -> Option<&'static str> {
    (!text.starts_with('/')).then_some("it is no path: a path begins with `/`")
}

#[derive(Clone, Copy)]
enum Far {
    Enqueued,
    Published,
    Applied,
}

fn concern(it: &mut Setting<'_, WritePolicy>) {
    let words = [
        ("enqueued", Far::Enqueued),
        ("published", Far::Published),
        ("applied", Far::Applied),
    ];
    let timeout = it.beside("timeout");
    // What is wrong with it is told where it stands.
    let time = timeout.and_then(|node| duration(node).ok());
    let concern = match word(it.node, &words) {
        Err(wrong) => Err(wrong),
        Ok(Far::Enqueued) if timeout.is_some() => it
            .node
            .wrong("it waits for nothing: there is no `timeout` beside it"),
        Ok(Far::Applied) if timeout.is_none() => it
            .node
            .wrong("it needs the longest time to wait beside it: `timeout = \"2s\"`"),
        Ok(Far::Enqueued) => Ok(WriteConcern::Enqueued),
        Ok(Far::Published) => {
            Ok(
                time.map_or_else(WriteConcern::default, |timeout| WriteConcern::Published {
                    timeout,
                }),
            )
        }
        Ok(Far::Applied) => Ok(WriteConcern::Applied {
            timeout: time.unwrap_or_default(),
        }),
    };
    it.set(concern, WritePolicy::concern);
}

/// Its time is read with the concern.
fn timeout(it: &mut Setting<'_, WritePolicy>) {
    if it.beside("concern").is_none() {
        it.wrong("it is for nothing: there is no `concern` beside it");
    }
    it.duration(|policy, _| policy);
}

use super::*;
use crate::path::CanonicalPath;
use crate::scope::Scope;
use crate::target::{Invalidate, Strength, What, origin, uri};
use crate::write_intent::{IntentId, WriteIntent};
use proptest::prelude::*;
use std::time::Duration;

fn read_all(message: &[u8]) -> Vec<Target> {
    match decode(message) {
        Decoded::Message(Message {
            targets, unknown, ..
        }) => {
            assert_eq!(unknown, 0);
            targets
        }
        Decoded::Unreadable(why) => panic!("{why:?}: {message:?}"),
    }
}

fn unreadable(message: &[u8]) -> Unreadable {
    match decode(message) {
        Decoded::Unreadable(why) => why,
        Decoded::Message(Message { targets, .. }) => panic!("readable: {targets:?}"),
    }
}

/// One of each kind, as they stand in the golden files.
fn of_each_kind() -> Vec<Target> {
    Invalidate::uri("https://example.com/p?q=1")
        .and_path("/products/7")
        .and_prefix("/products")
        .and_tag("product:7")
        .and(Invalidate::of(What::Group {
            origin: "https://example.com".into(),
            name: "prices".into(),
        }))
        .and(Invalidate::everything())
        .targets()
        .to_vec()
}

fn scoped_and_soft() -> Vec<Target> {
    Invalidate::tag("é")
        .and_path("/p")
        .soft()
        .and_prefix("/")
        .inside(&Scope::new("t1"))
        .targets()
        .to_vec()
}

fn binary_files() -> Vec<(&'static [u8], Vec<Target>)> {
    let long = Invalidate::tag("x".repeat(300)).targets().to_vec();
    vec![
        (
            include_bytes!("../../tests/golden/wire-v1-nothing.bin"),
            vec![],
        ),
        (
            include_bytes!("../../tests/golden/wire-v1-everything.bin"),
            vec![Target::everything()],
        ),
        (
            include_bytes!("../../tests/golden/wire-v1-kinds.bin"),
            of_each_kind(),
        ),
        (
            include_bytes!("../../tests/golden/wire-v1-scope-soft.bin"),
            scoped_and_soft(),
        ),
        (include_bytes!("../../tests/golden/wire-v1-long.bin"), long),
    ]
}

#[test]
fn version_1_writes_and_reads_the_golden_files_byte_by_byte() {
    for (file, targets) in binary_files() {
        assert_eq!(&encode(&targets)[..], file);
        assert_eq!(read_all(file), targets);
    }
}

fn begun() -> WriteIntent {
    let soft = Invalidate::tag("x").soft();
    WriteIntent {
        id: IntentId(0xff),
        lasts: Duration::from_millis(30_530),
        targets: Invalidate::path("/p").and(soft).targets().to_vec(),
    }
}

/// A path, and two writes that have ended.
fn ended() -> (Vec<Target>, [IntentId; 2]) {
    let ids = [IntentId(0xff), IntentId(u64::MAX)];
    (Invalidate::path("/p").targets().to_vec(), ids)
}

#[test]
fn version_1_writes_and_reads_the_golden_files_of_writes_that_begin_and_end() {
    let file = include_bytes!("../../tests/golden/wire-v1-begun.bin");
    assert_eq!(&encode_intent(&begun())[..], file);
    let expected = Message {
        begun: Some(begun()),
        ..Message::default()
    };
    assert_eq!(decode(file), Decoded::Message(expected));
    let file = include_bytes!("../../tests/golden/wire-v1-ended.bin");
    let (targets, ids) = ended();
    assert_eq!(&encode_with(&targets, &ids)[..], file);
    let expected = Message {
        targets,
        ended: ids.to_vec(),
        ..Message::default()
    };
    assert_eq!(decode(file), Decoded::Message(expected));
}

/// The list of a message, and what version 1 does not know in it.
fn unknown(list: &[u8]) -> (Message, usize) {
    let Decoded::Message(message) = decode(&[&[1], list, &[0]].concat()) else {
        panic!("the list is read whatever is in it");
    };
    let unknown = message.unknown;
    (message, unknown)
}

#[test]
fn a_target_of_a_write_that_does_not_begin_there_is_everything_at_once() {
    let (message, unknown) = unknown(b"\x01\x04\x02\x00\x01\x01a");
    assert_eq!(
        (unknown, &message.targets[..]),
        (1, &[Target::everything()][..])
    );
}

#[test]
fn a_message_begins_one_write_and_the_second_is_unknown() {
    let begun = b"\x07\0\0\x02\x1000000000000000ff\x0290";
    let (message, unknown) = unknown(&[&[2], &begun[..], begun].concat());
    assert_eq!(
        (unknown, &message.targets[..]),
        (1, &[Target::everything()][..])
    );
    assert_eq!(message.begun.map(|begun| begun.id), Some(IntentId(0xff)));
}

#[test]
fn a_write_that_says_it_takes_for_ever_takes_two_hours() {
    let list = b"\x01\x07\0\0\x02\x1000000000000000ff\x1418446744073709551615";
    let (message, _) = unknown(list);
    let lasts = message.begun.map(|begun| begun.lasts);
    assert_eq!(lasts, Some(Duration::from_secs(7200)));
}

#[test]
fn a_write_whose_targets_do_not_fit_is_announced_as_everything() {
    let targets = vec![begun().targets[0].clone(); MAX_TARGETS];
    let intent = WriteIntent { targets, ..begun() };
    let Decoded::Message(message) = decode(&encode_intent(&intent)) else {
        panic!("it is read");
    };
    let expected = WriteIntent {
        targets: vec![Target::everything()],
        ..intent
    };
    assert_eq!(
        (message.begun, message.targets),
        (Some(expected), Vec::new())
    );
}

#[test]
fn ends_take_room_from_the_targets_beside_them() {
    let many = vec![Target::everything(); MAX_TARGETS];
    let ids = vec![IntentId(1); MAX_ENDED];
    for ended in [0, 1, MAX_ENDED, MAX_ENDED + 1] {
        let count = leading(&many, ended);
        let message = encode_with(&many[..count], &ids[..ended.min(MAX_ENDED)]);
        assert!(message.len() <= MAX_MESSAGE_BYTES);
        let Decoded::Message(read) = decode(&message) else {
            panic!("it is read");
        };
        assert_eq!(read.targets.len(), count);
        assert_eq!(read.ended.len(), ended.min(MAX_ENDED));
    }
    assert_eq!(leading(&[], MAX_ENDED), 0);
}

#[test]
fn the_example_of_the_chapter_is_what_is_sent() {
    let targets: Vec<Target> = Invalidate::tag("product:7")
        .and(Invalidate::path("/p").soft().inside(&Scope::new("t1")))
        .targets()
        .to_vec();
    let chapter = include_str!("../docs/wire.md");
    let (_, after) = chapter.split_once("the path `/p`:\n\n```text\n").unwrap();
    let (block, _) = after.split_once("```").unwrap();
    let digits: String = block
        .lines()
        .flat_map(|line| line.split("  ").next())
        .flat_map(|line| line.chars().filter(char::is_ascii_hexdigit))
        .collect();
    let hex: String = encode(&targets)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hex, digits);
}

#[test]
fn the_json_golden_files_read_as_they_always_did() {
    let all = include_bytes!("../../tests/golden/wire-v1-kinds.json");
    assert_eq!(read_all(all), of_each_kind());
    let everything = include_bytes!("../../tests/golden/wire-v1-everything.json");
    assert_eq!(read_all(everything), [Target::everything()]);
    let soft = include_bytes!("../../tests/golden/wire-v1-scope-soft.json");
    let expected = Invalidate::path("/p")
        .and_tag("é")
        .soft()
        .inside(&Scope::new("t1"));
    assert_eq!(read_all(soft), expected.targets());
}

#[test]
fn a_later_version_may_add_fields_kinds_and_flags() {
    let file = include_bytes!("../../tests/golden/wire-v1-from-later.bin");
    let Decoded::Message(Message {
        targets, unknown, ..
    }) = decode(file)
    else {
        panic!("version 1 reads the list whatever is in it");
    };
    // A tag it knows, a kind, a flag and a number of parts it does not.
    assert_eq!(unknown, 3);
    let expected = Invalidate::tag("a").and(Invalidate::everything());
    assert_eq!(targets, expected.targets());
}

#[test]
fn a_message_cut_anywhere_is_unreadable() {
    for (file, _) in binary_files() {
        assert_eq!(unreadable(&file[..0]), Unreadable::Empty);
        for end in 1..file.len() {
            assert_eq!(unreadable(&file[..end]), Unreadable::Malformed, "{end}");
        }
    }
}

#[test]
fn a_flipped_byte_never_panics() {
    for (file, _) in binary_files() {
        for at in 0..file.len() {
            for bits in 1..=255 {
                let mut message = file.to_vec();
                message[at] ^= bits;
                decode(&message);
            }
        }
    }
}

#[test]
fn another_version_is_told_from_garbage() {
    for version in [0, 2, 3, 255] {
        assert_eq!(unreadable(&[version, 0, 0]), Unreadable::Version);
    }
    for json in [
        r#"{"v":2}"#,
        r#"{"v":2,"colours":["red"]}"#,
        r#"{"colours":[],"v":0}"#,
    ] {
        assert_eq!(unreadable(json.as_bytes()), Unreadable::Version, "{json}");
    }
}

#[test]
fn a_length_that_cannot_be_is_refused_without_being_allocated() {
    let huge: [u8; 9] = [253, 255, 255, 255, 255, 255, 255, 255, 255];
    let large: [u8; 9] = [253, 0, 0, 0, 0, 1, 0, 0, 0];
    let medium: [u8; 5] = [252, 0, 0, 0, 64];
    for before in [
        &[1][..],                // targets
        &[1, 0][..],             // later
        &[1, 1, 4, 0, 0][..],    // parts
        &[1, 1, 4, 0, 1][..],    // scope
        &[1, 1, 4, 0, 0, 1][..], // a part
    ] {
        for length in [&huge[..], &large[..], &medium[..]] {
            let message = [before, length].concat();
            assert_eq!(unreadable(&message), Unreadable::Malformed, "{message:?}");
            let message = [&message[..], &[0; 64]].concat();
            assert_eq!(unreadable(&message), Unreadable::Malformed, "{message:?}");
        }
    }
}

#[test]
fn text_that_is_not_utf_8_is_malformed() {
    let message = [1, 1, 4, 0, 0, 1, 1, 0xff, 0];
    assert_eq!(unreadable(&message), Unreadable::Malformed);
    assert_eq!(
        unreadable(b"{\"v\":1,\"tags\":[\"\xff\"]}"),
        Unreadable::NotJson
    );
}

#[test]
fn bytes_after_the_message_make_it_unreadable() {
    for (file, _) in binary_files() {
        let message = [file, &[0]].concat();
        assert_eq!(unreadable(&message), Unreadable::TrailingBytes);
    }
    assert_eq!(unreadable(b"{\"v\":1} x"), Unreadable::TrailingBytes);
    assert_eq!(read_all(b" \r\n\t{\"v\":1} \n"), []);
}

#[test]
fn json_with_a_mistake_is_unreadable() {
    for (json, why) in [
        (r#"{"v":1,"tag":["a"]}"#, Unreadable::JsonField),
        (r#"{"v":1,"tags":"a"}"#, Unreadable::JsonField),
        (r#"{"v":1,"tags":[1]}"#, Unreadable::JsonField),
        (r#"{"v":1,"tags":null}"#, Unreadable::JsonField),
        (r#"{"v":1,"tags":[],"tags":[]}"#, Unreadable::JsonField),
        (r#"{"v":"1"}"#, Unreadable::JsonField),
        (r#"{"v":1.0}"#, Unreadable::JsonField),
        (r#"{"v":-1}"#, Unreadable::JsonField),
        (r#"{"tags":["a"]}"#, Unreadable::JsonField),
        (r#"{"v":1,"everything":"yes"}"#, Unreadable::JsonField),
        (r#"{"v":1,"groups":["g"]}"#, Unreadable::JsonField),
        (
            r#"{"v":1,"groups":[{"origin":"h","name":"g"}]}"#,
            Unreadable::JsonField,
        ),
        (
            r#"{"v":1,"groups":[{"origin":"http://h","name":"g","x":1}]}"#,
            Unreadable::JsonField,
        ),
        (r#"{"v":1,"tags":["a""#, Unreadable::NotJson),
        (r#"{v:1}"#, Unreadable::NotJson),
        ("{", Unreadable::NotJson),
        ("\n", Unreadable::NotJson),
        (" [1,[],[],[],[],[],true,null,false]", Unreadable::NotJson),
    ] {
        assert_eq!(unreadable(json.as_bytes()), why, "{json}");
    }
}

#[test]
fn deep_json_is_refused() {
    for opening in ["[", "{\"a\":"] {
        let message = format!("{{\"v\":1,\"x\":{}", opening.repeat(50_000));
        unreadable(message.as_bytes());
        let message = format!("{{\"x\":{}", opening.repeat(50_000));
        unreadable(message.as_bytes());
    }
}

#[test]
fn json_names_are_put_into_canonical_form() {
    let message = br#"{"v":1,"paths":["/a/%37?x"],"prefixes":["/b/"],
        "uris":["HTTPS://H:443/p?Q"],"groups":[{"origin":"https://H:443/","name":"g"}]}"#;
    let expected = Invalidate::uri("https://h/p?Q")
        .and_path("/a/7")
        .and_prefix("/b")
        .and(Invalidate::of(What::Group {
            origin: "https://h".into(),
            name: "g".into(),
        }));
    assert_eq!(read_all(message), expected.targets());
}

#[test]
fn json_in_a_scope_stays_in_it() {
    let targets = read_all(br#"{"v":1,"everything":true,"scope":"t1","tags":["a","a"]}"#);
    assert_eq!(targets.len(), 3);
    assert!(targets.iter().all(|t| t.scope == Some(Scope::new("t1"))));
}

#[test]
fn a_message_over_a_limit_is_refused_and_never_sent() {
    let message = vec![1; MAX_MESSAGE_BYTES + 1];
    assert_eq!(unreadable(&message), Unreadable::TooLong);

    let mut many = vec![Target::everything(); MAX_TARGETS];
    many[0] = Invalidate::tag("a").targets()[0].clone();
    assert!(!fits(&many));
    assert_eq!(read_all(&encode(&many)), [Target::everything()]);

    let large = Invalidate::tag("x".repeat(MAX_MESSAGE_BYTES));
    assert!(!fits(large.targets()));
    assert_eq!(leading(large.targets(), 0), 1);
    assert_eq!(read_all(&encode(large.targets())), [Target::everything()]);
}

#[test]
fn the_longest_message_reads_back() {
    for target in [
        Target::everything(),
        Invalidate::tag("").targets()[0].clone(),
        Invalidate::tag("x".repeat(255)).targets()[0].clone(),
        Invalidate::of(What::Group {
            origin: "http://h".into(),
            name: "".into(),
        })
        .inside(&Scope::new(""))
        .targets()[0]
            .clone(),
    ] {
        let many = vec![target; MAX_TARGETS];
        let count = leading(&many, 0);
        assert!(count < MAX_TARGETS && fits(&many[..count]) && !fits(&many[..=count]));
        let message = encode(&many[..count]);
        assert!(message.len() <= MAX_MESSAGE_BYTES);
        assert!(message.len() > MAX_MESSAGE_BYTES - 600);
        assert_eq!(read_all(&message).len(), count);
    }
    assert_eq!(leading(&[], 0), 0);
}

fn any_host() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9.-]{1,12}(:[0-9]{1,4})?"
}

fn any_what() -> impl Strategy<Value = What> {
    prop_oneof![
        (
            "https?",
            any_host(),
            "/[a-zA-Z0-9%/.]{0,20}(\\?[a-z0-9=&?/]{0,10})?"
        )
            .prop_map(|(scheme, host, rest)| What::Uri(uri(&scheme, &host, &rest))),
        any::<String>().prop_map(|path| What::Path(CanonicalPath::new(&path))),
        any::<String>().prop_map(|path| What::Prefix(CanonicalPath::prefix(&path))),
        any::<String>().prop_map(|name| What::Tag(name.into())),
        ("https?", any_host(), any::<String>()).prop_map(|(scheme, host, name)| What::Group {
            origin: origin(&scheme, &host).into(),
            name: name.into(),
        }),
        Just(What::Everything),
    ]
}

fn any_target() -> impl Strategy<Value = Target> {
    let strength = prop_oneof![Just(Strength::Hard), Just(Strength::Soft)];
    let scope = prop::option::of(any::<String>().prop_map(Scope::from));
    (scope, any_what(), strength).prop_map(|(scope, what, strength)| Target {
        scope,
        what,
        strength,
    })
}

proptest! {
    #[test]
    fn all_targets_read_back(targets in prop::collection::vec(any_target(), 0..40)) {
        prop_assert_eq!(read_all(&encode(&targets)), targets);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        decode(&bytes);
        decode(&[&[1, 1], &bytes[..]].concat());
        decode(&[b"{\"v\":1,", &bytes[..]].concat());
    }

    #[test]
    fn a_part_of_a_list_that_leads_always_fits(lengths in prop::collection::vec(0..90_000_usize, 1..12)) {
        let targets: Vec<Target> = lengths
            .iter()
            .flat_map(|length| Invalidate::tag("x".repeat(*length)).targets().to_vec())
            .collect();
        let count = leading(&targets, 0);
        prop_assert!(count >= 1 && fits(&targets[..count]));
        prop_assert!(encode(&targets[..count]).len() <= MAX_MESSAGE_BYTES);
    }
}

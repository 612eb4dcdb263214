//! What the command line chooses.

use super::rig::{Rig, ask, told};
use crate::caching_proxy::output;
use crate::origin::response;

#[tokio::test]
async fn a_field_for_a_cdn_is_heeded_by_the_strict_profile_only() {
    for (profile, asked) in [("safe", 2), ("strict", 1)] {
        let rig = Rig::with(&["--profile", profile], |saw| {
            let lines = [
                ("cache-control", "no-store"),
                ("cdn-cache-control", "max-age=60"),
            ];
            response(200, &lines, saw.uri.path().to_owned())
        })
        .await;
        for _ in 0..2 {
            let answer = rig.get("/a").await;
            assert_eq!(answer.headers["cdn-cache-control"], "max-age=60");
        }
        assert_eq!(rig.origin.count(), asked, "{profile}");
    }
}

#[tokio::test]
async fn cookies_are_stored_and_lifetimes_guessed_by_the_strict_profile_only() {
    let modified = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    for (profile, asked) in [("safe", 4), ("strict", 2)] {
        let rig = Rig::with(&["--profile", profile], move |saw| match saw.uri.path() {
            "/cookie" => {
                let lines = [("cache-control", "max-age=60"), ("set-cookie", "a=1")];
                response(200, &lines, "")
            }
            _ => response(200, &[modified], ""),
        })
        .await;
        for _ in 0..2 {
            assert_eq!(rig.get("/cookie").await.headers["set-cookie"], "a=1");
            assert_eq!(rig.get("/guessed").await.status, 200);
        }
        assert_eq!(rig.origin.count(), asked, "{profile}");
    }
}

#[tokio::test]
async fn what_is_stale_stands_in_for_an_origin_that_is_gone_in_the_strict_profile_only() {
    for (profile, expected) in [("safe", (502, "")), ("strict", (200, "stale"))] {
        let Rig { origin, proxy } = Rig::with(&["--profile", profile], |_| {
            response(200, &[("cache-control", "max-age=0")], "stale")
        })
        .await;
        assert_eq!(ask(&proxy, "GET", "/a", &[]).await.text(), "stale");
        drop(origin);
        let answer = ask(&proxy, "GET", "/a", &[]).await;
        assert_eq!(answer.status, expected.0, "{profile}");
        if !expected.1.is_empty() {
            assert_eq!(answer.text(), expected.1);
        }
    }
}

#[tokio::test]
async fn what_a_client_demands_is_heeded_by_the_strict_profile_only() {
    for (profile, asked, status) in [("safe", 1, 200), ("strict", 2, 504)] {
        let rig = Rig::with(&["--profile", profile], told).await;
        rig.get("/a").await;
        rig.ask("GET", "/a", &[("cache-control", "no-cache")]).await;
        assert_eq!(rig.origin.count(), asked, "{profile}");
        let only = [("cache-control", "only-if-cached")];
        assert_eq!(rig.ask("GET", "/b", &only).await.status, status);
    }
}

#[tokio::test]
async fn it_says_in_cache_status_what_it_did() {
    let rig = Rig::new(told).await;
    for says in ["fwd=uri-miss; fwd-status=200;", "hit; ttl="] {
        let answer = rig.get("/a").await;
        let said = answer.headers["cache-status"].to_str().unwrap();
        let said = said.strip_prefix("caching-proxy; ").unwrap();
        assert!(said.starts_with(says), "{said}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_and_the_help_is_shown() {
    let origin = "--origin=http://127.0.0.1:1";
    for (arguments, says) in [
        (&[][..], "`--origin` is missing"),
        (&["--origin"], "`--origin` needs a value"),
        (
            &["--origin", "https://127.0.0.1"],
            "is not http://host[:port]",
        ),
        (&["--origin", "127.0.0.1:1"], "is not http://host[:port]"),
        (
            &["--origin", "http://127.0.0.1:1/a"],
            "may have no path, query or user",
        ),
        (
            &["--origin", "http://a@127.0.0.1:1"],
            "may have no path, query or user",
        ),
        (&["--origin", "a b"], "is no URL"),
        (&[origin, "--profile", "fast"], "neither safe nor strict"),
        (&[origin, "--timeout", "0"], "no number of whole seconds"),
        (&[origin, "--cache"], "`--cache` is not an option"),
        (&[origin, "more"], "`more` is not an option"),
    ] {
        let output = output(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text.lines().next().unwrap().contains(says), "{text}");
        assert!(text.contains("--profile NAME"), "{text}");
    }
    for (arguments, says) in [
        (
            &[origin, "--listen", "127.0.0.1"],
            "cannot listen on 127.0.0.1: ",
        ),
        (
            &[origin, "--redis", "nonsense"],
            "the Redis URL cannot be read",
        ),
    ] {
        let output = output(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(text.starts_with(says), "{text}");
    }
    let help = output(&["--help"]);
    assert!(help.status.success());
    assert!(
        String::from_utf8(help.stdout)
            .unwrap()
            .contains("--redis URL")
    );
}

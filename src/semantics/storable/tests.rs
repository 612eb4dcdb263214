use super::*;
use crate::semantics::COHERENCE_CACHE_CONTROL;
use http::{HeaderName, HeaderValue};
use std::time::{Duration, UNIX_EPOCH};

const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");

type Lines<'a> = &'a [(&'a str, &'a str)];

fn headers(lines: Lines<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn ask(
    method: &Method,
    request: Lines<'_>,
    status: u16,
    response: Lines<'_>,
    route: Option<u64>,
) -> Result<Storable, Refusal> {
    let (request, response) = (headers(request), headers(response));
    let exchange = Exchange {
        method,
        request: &request,
        status: StatusCode::from_u16(status).unwrap(),
        response: &response,
        targeted: &[COHERENCE_CACHE_CONTROL],
    };
    let received = UNIX_EPOCH + Duration::from_secs(784_111_777);
    let route = RouteRules {
        lifetime: route.map(Duration::from_secs),
        ..RouteRules::default()
    };
    storable(&exchange, &route, received)
}

/// The lifetime in seconds of a 200 to a plain GET.
fn lifetime(response: Lines<'_>, route: Option<u64>) -> Result<u64, Refusal> {
    let stored = ask(&Method::GET, &[], 200, response, route)?;
    Ok(stored.freshness.lifetime.as_secs())
}

fn refusal(request: Lines<'_>, response: Lines<'_>) -> Option<Refusal> {
    ask(&Method::GET, request, 200, response, Some(60)).err()
}

const fn cc(value: &str) -> (&str, &str) {
    ("cache-control", value)
}

#[test]
fn only_get_is_stored() {
    for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "QUERY", "get"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = ask(&method, &[], 200, &[cc("max-age=60, public")], None);
        assert_eq!(answer, Err(Refusal::Method), "{method}");
    }
}

#[test]
fn nobody_says_how_long_and_nothing_is_stored() {
    for response in [
        &[][..],
        &[cc("public")],
        &[cc("must-revalidate")],
        &[DATE, ("last-modified", "Sun, 06 Nov 1984 08:49:37 GMT")],
        &[("etag", "\"a\"")],
    ] {
        assert_eq!(lifetime(response, None), Err(Refusal::NoLifetime));
    }
}

#[test]
fn s_maxage_comes_before_max_age_before_expires() {
    let expires = ("expires", "Sun, 06 Nov 1994 08:50:07 GMT");
    assert_eq!(lifetime(&[DATE, expires], None), Ok(30));
    assert_eq!(lifetime(&[DATE, expires, cc("max-age=5")], None), Ok(5));
    let both = cc("max-age=5, s-maxage=7");
    assert_eq!(lifetime(&[DATE, expires, both], None), Ok(7));
    let none = cc("max-age=x");
    assert_eq!(lifetime(&[DATE, expires, none], None), Err(Refusal::Stale));
    let none = cc("max-age=5, s-maxage=x");
    assert_eq!(lifetime(&[none], None), Err(Refusal::Stale));
}

#[test]
fn expires_counts_from_date_or_from_now() {
    let expires = ("expires", "Sun, 06 Nov 1994 08:50:07 GMT");
    let early = ("date", "Sun, 06 Nov 1994 08:49:27 GMT");
    assert_eq!(lifetime(&[early, expires], None), Ok(40));
    assert_eq!(lifetime(&[expires], None), Ok(30));
    assert_eq!(lifetime(&[("date", "now"), expires], None), Ok(30));
    assert_eq!(
        lifetime(&[DATE, expires, expires], None),
        Err(Refusal::Stale)
    );
    for invalid in [
        "0",
        "-1",
        "",
        "Sun, 06 Nov 94 08:50:07 GMT",
        "Sun, 06 Nov 1994 08:50:07 UTC",
    ] {
        let expires = ("expires", invalid);
        assert_eq!(lifetime(&[DATE, expires], None), Err(Refusal::Stale));
        assert_eq!(lifetime(&[DATE, expires], Some(60)), Err(Refusal::Stale));
    }
}

#[test]
fn of_a_declared_lifetime_and_the_routes_the_shorter_counts() {
    for (declared, route, seconds, source) in [
        ("max-age=60", None, 60, LifetimeSource::Declared),
        ("max-age=60", Some(90), 60, LifetimeSource::Declared),
        ("max-age=60", Some(60), 60, LifetimeSource::Declared),
        ("max-age=60", Some(30), 30, LifetimeSource::Route),
        ("public", Some(30), 30, LifetimeSource::Route),
    ] {
        let stored = ask(&Method::GET, &[], 200, &[cc(declared)], route).unwrap();
        let lifetime = Duration::from_secs(seconds);
        assert_eq!(stored.freshness, Freshness { lifetime, source });
    }
}

#[test]
fn a_lifetime_that_is_zero_or_over_is_refused() {
    assert_eq!(lifetime(&[cc("max-age=0")], None), Err(Refusal::Stale));
    assert_eq!(lifetime(&[], Some(0)), Err(Refusal::Stale));
    let old = [cc("max-age=60"), ("age", "60")];
    assert_eq!(lifetime(&old, None), Err(Refusal::Stale));
    assert_eq!(lifetime(&[old[0], ("age", "59")], None), Ok(60));
}

/// The lifetime in seconds of such a response, where the route says this.
fn by_route(route: &RouteRules, status: u16, response: Lines<'_>) -> Result<u64, Refusal> {
    let response = headers(response);
    let exchange = Exchange {
        method: &Method::GET,
        request: &HeaderMap::new(),
        status: StatusCode::from_u16(status).unwrap(),
        response: &response,
        targeted: &[],
    };
    let received = UNIX_EPOCH + Duration::from_secs(784_111_777);
    let stored = storable(&exchange, route, received)?;
    Ok(stored.freshness.lifetime.as_secs())
}

#[test]
fn a_lifetime_is_guessed_by_the_last_modification_where_a_route_asks_for_it() {
    let route = RouteRules {
        heuristics: Heuristics::On,
        ..RouteRules::default()
    };
    let guess = |status, lines: Lines<'_>| by_route(&route, status, lines);
    // 1,000 seconds before it was received.
    let modified = ("last-modified", "Sun, 06 Nov 1994 08:32:57 GMT");
    let long_ago = ("last-modified", "Sun, 06 Nov 1983 08:32:57 GMT");
    let later = ("last-modified", "Sun, 06 Nov 1994 09:49:37 GMT");
    for status in [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501] {
        assert_eq!(guess(status, &[modified]), Ok(100), "{status}");
    }
    assert_eq!(guess(200, &[DATE, modified]), Ok(100));
    assert_eq!(guess(200, &[long_ago]), Ok(24 * 60 * 60));
    for status in [302, 400, 403, 500, 503] {
        assert_eq!(guess(status, &[modified]), Err(Refusal::NoLifetime));
    }
    assert_eq!(guess(302, &[modified, cc("public")]), Ok(100));
    assert_eq!(guess(200, &[]), Err(Refusal::NoLifetime));
    assert_eq!(guess(200, &[later]), Err(Refusal::NoLifetime));
    // Whatever says how long is no guess.
    assert_eq!(guess(200, &[modified, cc("max-age=5")]), Ok(5));
    assert_eq!(guess(200, &[modified, ("expires", "0")]), Ok(0));
    assert_eq!(
        by_route(&RouteRules::default(), 200, &[modified]),
        Err(Refusal::NoLifetime)
    );
    let own = RouteRules {
        lifetime: Some(Duration::from_secs(600)),
        ..route.clone()
    };
    assert_eq!(by_route(&own, 200, &[modified]), Ok(600));
}

#[test]
fn an_error_is_kept_for_a_short_time_and_a_route_can_name_its_status() {
    let route = RouteRules {
        lifetime: Some(Duration::from_secs(600)),
        statuses: vec![
            (300, 599, Duration::from_secs(90)),
            (404, 404, Duration::from_secs(5)),
        ],
        errors_at_most: Some(Duration::from_secs(60)),
        ..RouteRules::default()
    };
    let kept = |status, lines: Lines<'_>| by_route(&route, status, lines).ok();
    for (status, declares_nothing, declares) in [
        (200, Some(600), Some(600)),
        (302, Some(90), Some(90)),
        (404, Some(5), Some(5)),
        (410, Some(90), Some(60)),
        // What says nothing of the resource has no lifetime by the route.
        (400, None, Some(60)),
        (413, None, Some(60)),
        (414, None, Some(60)),
        (431, None, None),
        (500, None, Some(60)),
        (503, None, Some(60)),
        (206, None, None),
        (304, None, None),
    ] {
        assert_eq!(kept(status, &[]), declares_nothing, "{status}");
        assert_eq!(kept(status, &[cc("max-age=1000")]), declares, "{status}");
    }
    assert_eq!(kept(404, &[cc("max-age=2")]), Some(2));
}

#[test]
fn what_is_not_fresh_is_stored_if_the_handler_can_be_asked_or_it_may_be_served_stale() {
    let tag = ("etag", "\"a\"");
    let day = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    for validator in [tag, day] {
        assert_eq!(lifetime(&[cc("max-age=0"), validator], None), Ok(0));
        assert_eq!(lifetime(&[cc("no-cache"), validator], None), Ok(0));
        assert_eq!(
            lifetime(&[cc("max-age=60, no-cache"), validator], None),
            Ok(60)
        );
        // Heuristics it has none: somebody has to say something.
        assert_eq!(lifetime(&[validator], None), Err(Refusal::NoLifetime));
    }
    for window in ["stale-while-revalidate", "stale-if-error"] {
        let line = format!("max-age=60, {window}=10");
        assert_eq!(lifetime(&[cc(&line), ("age", "69")], None), Ok(60));
        let over = lifetime(&[cc(&line), ("age", "70")], None);
        assert_eq!(over, Err(Refusal::Stale));
    }
    let gone = ask(&Method::GET, &[], 404, &[cc("no-cache"), tag], None);
    assert_eq!(gone, Err(Refusal::NoCache));
}

#[test]
fn a_status_is_stored_where_it_may_be() {
    for status in 100..=999 {
        let explicit = ask(&Method::GET, &[], status, &[cc("max-age=60")], None).err();
        let by_route = ask(&Method::GET, &[], status, &[], Some(60)).err();
        let expected = match status {
            206 | 304 => (Some(Refusal::Partial), Some(Refusal::Partial)),
            100..=199 | 600.. | 428 | 429 | 431 | 511 => {
                (Some(Refusal::Status), Some(Refusal::Status))
            }
            200 | 203 | 204 | 300 | 301 | 308 => (None, None),
            _ => (None, Some(Refusal::NoLifetime)),
        };
        assert_eq!((explicit, by_route), expected, "{status}");
    }
}

#[test]
fn directives_that_forbid_always_win() {
    for (value, expected) in [
        ("no-store", Refusal::NoStore),
        ("NO-STORE, max-age=60, public", Refusal::NoStore),
        ("private", Refusal::Private),
        ("private=\"x-a\", max-age=60", Refusal::Private),
        ("private, public", Refusal::Private),
        ("no-cache", Refusal::NoCache),
        ("no-cache=\"x-a\", public", Refusal::NoCache),
        ("max-age=60, \u{e9}", Refusal::Unreadable),
        ("max-age=60, x=\"no-store", Refusal::Unreadable),
    ] {
        assert_eq!(refusal(&[], &[cc(value)]), Some(expected), "{value}");
        let lines = [cc("max-age=60"), cc(value)];
        assert_eq!(refusal(&[], &lines), Some(expected), "{value}");
    }
    assert_eq!(refusal(&[], &[cc("x=\"no-store, private\"")]), None);
}

#[test]
fn a_targeted_field_takes_the_place_of_cache_control_and_expires() {
    let own = |value| ("coherence-cache-control", value);
    let expires = ("expires", "Sun, 06 Nov 1994 08:50:07 GMT");
    let strict = [cc("no-store, private, no-cache"), own("max-age=5")];
    assert_eq!(lifetime(&strict, None), Ok(5));
    let loose = [cc("public, max-age=60"), own("no-store, max-age=5")];
    assert_eq!(lifetime(&loose, None), Err(Refusal::NoStore));
    let silent = [DATE, expires, cc("max-age=60"), own("ext")];
    assert_eq!(lifetime(&silent, None), Err(Refusal::NoLifetime));
    assert_eq!(lifetime(&silent, Some(9)), Ok(9));
    let unreadable = [cc("max-age=60, x=\"no-store"), own("max-age=5")];
    assert_eq!(lifetime(&unreadable, None), Ok(5));
    let invalid = [cc("max-age=60"), own("max-age=5,")];
    assert_eq!(lifetime(&invalid, None), Ok(60));
    let of_cdns = [cc("max-age=60"), ("cdn-cache-control", "no-store")];
    assert_eq!(lifetime(&of_cdns, None), Ok(60));
    // It says for whom, too; and nothing makes a cookie one for all.
    let cookie = [("cookie", "a=b")];
    let refused = |value, lines| refusal(lines, &[cc("public, max-age=60"), own(value)]);
    assert_eq!(refused("max-age=5", &cookie), Some(Refusal::Cookie));
    assert_eq!(refused("max-age=5, public", &cookie), None);
    let set = [own("public, max-age=5"), ("set-cookie", "a=b")];
    assert_eq!(refusal(&[], &set), Some(Refusal::SetCookie));
}

#[test]
fn must_understand_takes_the_place_of_no_store_where_the_status_is_understood() {
    let response = [cc("no-store, must-understand, max-age=60")];
    let ask = |status| ask(&Method::GET, &[], status, &response, None).err();
    assert_eq!(ask(200), None);
    assert_eq!(ask(404), None);
    assert_eq!(ask(226), Some(Refusal::Status));
    assert_eq!(ask(500), Some(Refusal::Status));
}

#[test]
fn a_request_that_forbids_storing_is_heeded() {
    let refused = Some(Refusal::RequestNoStore);
    assert_eq!(refusal(&[cc("No-Store")], &[]), refused);
    assert_eq!(refusal(&[cc("x=\"no-store")], &[]), refused);
    assert_eq!(refusal(&[cc("no-cache, max-age=0")], &[]), None);
}

#[test]
fn credentials_need_a_response_that_is_for_all() {
    let (token, cookie) = (("authorization", "Bearer x"), ("cookie", "a=b"));
    for (value, with_token, with_cookie) in [
        (
            "max-age=60",
            Some(Refusal::Authorization),
            Some(Refusal::Cookie),
        ),
        (
            "proxy-revalidate",
            Some(Refusal::Authorization),
            Some(Refusal::Cookie),
        ),
        (
            "public=1",
            Some(Refusal::Authorization),
            Some(Refusal::Cookie),
        ),
        ("must-revalidate", None, Some(Refusal::Cookie)),
        ("public", None, None),
        ("s-maxage=60", None, None),
    ] {
        assert_eq!(refusal(&[token], &[cc(value)]), with_token, "{value}");
        assert_eq!(refusal(&[cookie], &[cc(value)]), with_cookie, "{value}");
        let stored = ask(&Method::GET, &[], 200, &[cc(value)], Some(60)).unwrap();
        let includes = |line| stored.audience.includes(&headers(&[line]));
        assert!(includes(("accept", "x")));
        assert_eq!(includes(token), with_token.is_none(), "{value}");
        assert_eq!(includes(cookie), with_cookie.is_none(), "{value}");
    }
}

#[test]
fn fields_that_make_a_response_one_clients_own_are_refused() {
    for (line, expected) in [
        (("set-cookie", "a=b"), Refusal::SetCookie),
        (("upgrade", "h2c"), Refusal::Upgrade),
        (("content-type", "text/event-stream"), Refusal::EventStream),
        (
            ("content-type", "Text/Event-Stream ; charset=utf-8"),
            Refusal::EventStream,
        ),
        (("vary", "accept, *"), Refusal::VaryAny),
        (("vary", "a b"), Refusal::Vary),
    ] {
        let response = [cc("public, max-age=60, s-maxage=60"), line];
        assert_eq!(refusal(&[], &response), Some(expected), "{line:?}");
    }
    assert_eq!(
        refusal(&[], &[("content-type", "text/event-streams")]),
        None
    );
}

#[test]
fn what_it_varies_on_and_its_groups_come_with_it() {
    let response = [("vary", "Accept"), ("cache-groups", "\"g\"")];
    let stored = ask(&Method::GET, &[], 200, &response, Some(60)).unwrap();
    assert_eq!(stored.vary.iter().collect::<Vec<_>>(), ["accept"]);
    assert_eq!(stored.groups, [Box::<str>::from("g")]);
    let long = format!("\"{}\"", "x".repeat(300));
    let response = [("cache-groups", &*long)];
    assert_eq!(refusal(&[], &response), Some(Refusal::Groups));
}

#[test]
fn no_fields_panic() {
    let bytes: Vec<u8> = (0x20..=0xff).filter(|byte| *byte != 0x7f).collect();
    for name in [
        "cache-control",
        "coherence-cache-control",
        "vary",
        "expires",
        "date",
        "age",
        "cache-groups",
        "content-type",
    ] {
        for length in 0..bytes.len() {
            let mut map = HeaderMap::new();
            let name = HeaderName::from_static(name);
            map.append(name, HeaderValue::from_bytes(&bytes[length..]).unwrap());
            let exchange = Exchange {
                method: &Method::GET,
                request: &map,
                status: StatusCode::OK,
                response: &map,
                targeted: &[COHERENCE_CACHE_CONTROL],
            };
            let route = RouteRules {
                lifetime: Some(Duration::MAX),
                ..RouteRules::default()
            };
            let _ = storable(&exchange, &route, UNIX_EPOCH);
        }
    }
}

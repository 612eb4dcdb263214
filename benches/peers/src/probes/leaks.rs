//! What one client gets of another's.

use super::rig::{page, plain, settled, text, with};
use super::{Cell, Found, Wrap};
use crate::origin::Origin;

/// A cache that stores nothing would pass most of the others.
pub async fn control(wrap: Wrap) -> Found {
    let origin = Origin::new(|_, run| async move { page(run) });
    let client = wrap(origin.clone());
    client.get("/a").await?;
    settled().await;
    let again = client.get("/a").await?;
    Ok(Cell::Safe(again.number() == 1 && origin.runs() == 1))
}

pub async fn set_cookie(wrap: Wrap) -> Found {
    let client = wrap(Origin::new(|_, run| async move {
        let response = plain().header("set-cookie", format!("session={run}"));
        with(response, text(run))
    }));
    client.get("/a").await?;
    settled().await;
    let other = client.get("/a").await?;
    let cookie = other.headers.get("set-cookie");
    Ok(Cell::Safe(
        cookie.is_none_or(|cookie| cookie != "session=1"),
    ))
}

pub async fn authorization(wrap: Wrap) -> Found {
    let client = wrap(Origin::new(|_, run| async move { page(run) }));
    let first = [("authorization", "Bearer one")];
    client.get_with("/a", &first).await?;
    settled().await;
    let second = [("authorization", "Bearer two")];
    let second = client.get_with("/a", &second).await?;
    settled().await;
    let nobody = client.get("/a").await?;
    Ok(Cell::Safe(second.number() == 2 && nobody.number() == 3))
}

/// A response with this `Cache-Control`, asked for twice.
pub async fn refused(wrap: Wrap, control: &'static str) -> Found {
    let client = wrap(Origin::new(move |_, run| async move {
        let mut response = page(run);
        let value = http::HeaderValue::from_static(control);
        response.headers_mut().insert("cache-control", value);
        response
    }));
    client.get("/a").await?;
    settled().await;
    let again = client.get("/a").await?;
    Ok(Cell::Safe(again.number() == 2))
}

pub async fn vary(wrap: Wrap) -> Found {
    let client = wrap(Origin::new(|parts, run| async move {
        let language = parts.headers.get("accept-language").cloned();
        let language = language.unwrap_or(http::HeaderValue::from_static("none"));
        let response = plain().header("vary", "accept-language");
        with(response.header("content-language", language), text(run))
    }));
    for language in ["en", "de", "en", "fr"] {
        let asked = [("accept-language", language)];
        let got = client.get_with("/a", &asked).await?;
        let spoken = got.headers.get("content-language").cloned();
        if spoken.is_none_or(|spoken| spoken != language) {
            return Ok(Cell::Safe(false));
        }
        settled().await;
    }
    Ok(Cell::Safe(true))
}

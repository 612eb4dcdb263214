//! Which requests are one to the cache.

use super::rig::{page, settled};
use super::{Cell, Found, Wrap};
use crate::client::BoxError;
use crate::origin::Origin;

pub async fn query(wrap: Wrap) -> Found {
    Ok(Cell::Safe(!alike(wrap, "/a?page=1", "/a?page=2").await?))
}

pub async fn order(wrap: Wrap) -> Found {
    told(alike(wrap, "/a?page=1&limit=2", "/a?limit=2&page=1").await?)
}

pub async fn escape(wrap: Wrap) -> Found {
    told(alike(wrap, "/a/7", "/a/%37").await?)
}

/// Neither is unsafe.
fn told(alike: bool) -> Found {
    let text = if alike { "one" } else { "two" };
    Ok(Cell::Text(text.to_owned()))
}

/// Is the response to the first the answer to the second?
async fn alike(wrap: Wrap, first: &str, second: &str) -> Result<bool, BoxError> {
    let client = wrap(Origin::new(|_, run| async move { page(run) }));
    client.get(first).await?;
    settled().await;
    Ok(client.get(second).await?.number() == 1)
}

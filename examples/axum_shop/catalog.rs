//! The catalogue: the same for everybody.

use crate::database::{Database, Product, Seen, Sort};
use crate::error::AppError;
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use tower_coherence::CacheContext;

#[derive(Deserialize)]
pub(crate) struct Listing {
    page: Option<u32>,
    #[serde(default)]
    sort: Sort,
    category: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    q: String,
}

#[derive(Deserialize)]
pub(crate) struct Price {
    /// In cents.
    price: i64,
}

#[derive(Deserialize)]
pub(crate) struct Plan {
    product: i64,
    price: i64,
}

/// A client that carries the token of a write reads where it was written: the replica
/// may not know of it yet.
fn seen(cache: &CacheContext) -> Seen {
    match cache.token() {
        Some(_) => Seen::Newest,
        None => Seen::Replica,
    }
}

pub(crate) async fn list(
    cache: CacheContext,
    State(database): State<Database>,
    Query(listing): Query<Listing>,
) -> Result<Json<Vec<Product>>, AppError> {
    let page = listing.page.unwrap_or(1).max(1);
    let products = database.list(seen(&cache), listing.category, listing.sort, page);
    Ok(Json(products.await?))
}

pub(crate) async fn item(
    cache: CacheContext,
    State(database): State<Database>,
    Path(id): Path<i64>,
) -> Result<Json<Product>, AppError> {
    Ok(Json(database.product(seen(&cache), id).await?))
}

pub(crate) async fn search(
    cache: CacheContext,
    State(database): State<Database>,
    Query(Wanted { q }): Query<Wanted>,
) -> Result<Json<Vec<Product>>, AppError> {
    Ok(Json(database.search(seen(&cache), q).await?))
}

/// What it makes stale is in the route table.
pub(crate) async fn change_price(
    State(database): State<Database>,
    Path(id): Path<i64>,
    Json(Price { price }): Json<Price>,
) -> Result<Json<Product>, AppError> {
    if price <= 0 {
        return Err(AppError::Unclear("a price is more than nothing"));
    }
    Ok(Json(database.change_price(id, price).await?))
}

/// For the worker: nothing is stale yet.
pub(crate) async fn plan_price(
    State(database): State<Database>,
    Json(Plan { product, price }): Json<Plan>,
) -> Result<(), AppError> {
    if price <= 0 {
        return Err(AppError::Unclear("a price is more than nothing"));
    }
    database.plan_price(product, price).await
}

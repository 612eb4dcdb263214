//! What belongs to one customer, who is known by a cookie.

use crate::database::{Database, Line};
use crate::error::AppError;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use serde::Deserialize;
use tower_coherence::{CacheContext, Tag};

/// Who asks. Without a session: 401.
pub(crate) struct Customer(String);

impl FromRequestParts<Database> for Customer {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, database: &Database) -> Result<Self, AppError> {
        let lines = parts.headers.get_all(COOKIE).iter();
        let pairs = lines.filter_map(|line| line.to_str().ok());
        let mut pairs = pairs.flat_map(|line| line.split("; "));
        let session = pairs.find_map(|pair| pair.strip_prefix("session="));
        let session = session.ok_or(AppError::SignIn)?.to_owned();
        match database.customer(session).await {
            Ok(name) => Ok(Self(name)),
            Err(AppError::NotFound) => Err(AppError::SignIn),
            Err(error) => Err(error),
        }
    }
}

/// A name is enough, for an example.
#[derive(Deserialize)]
pub(crate) struct Login {
    name: String,
}

pub(crate) async fn login(
    State(database): State<Database>,
    Json(Login { name }): Json<Login>,
) -> Result<impl IntoResponse, AppError> {
    let session = database.sign_in(name).await?;
    let cookie = format!("session={session}; Path=/; HttpOnly; SameSite=Lax");
    Ok([(SET_COOKIE, cookie)])
}

pub(crate) async fn cart(
    Customer(name): Customer,
    State(database): State<Database>,
) -> Result<Json<Vec<Line>>, AppError> {
    Ok(Json(database.cart(name).await?))
}

pub(crate) async fn add(
    Customer(name): Customer,
    State(database): State<Database>,
    Json(line): Json<Line>,
) -> Result<Json<Vec<Line>>, AppError> {
    if line.amount <= 0 {
        return Err(AppError::Unclear("an amount is more than nothing"));
    }
    database.add(name.clone(), line).await?;
    Ok(Json(database.cart(name).await?))
}

pub(crate) async fn orders(
    Customer(name): Customer,
    State(database): State<Database>,
) -> Result<Json<Vec<Line>>, AppError> {
    Ok(Json(database.orders(name).await?))
}

/// Each product is noted before the commit: the note counts however this ends.
pub(crate) async fn order(
    cache: CacheContext,
    Customer(name): Customer,
    State(database): State<Database>,
) -> Result<Json<Vec<Line>>, AppError> {
    let changes = move |product: i64| cache.invalidate(Tag::of("product", product));
    Ok(Json(database.order(name, changes).await?))
}

//! The background job: planned prices become real. It has no memory of pages, so a
//! `Publisher` is enough.

use crate::database::Database;
use crate::error::AppError;
use std::time::Duration;
use tokio::time::sleep;
use tower_coherence::{Invalidate, Publisher, Reached, Tag, Tags};

const PAUSE: Duration = Duration::from_millis(100);

pub(crate) async fn run(database: Database, publisher: Publisher) {
    loop {
        if let Err(error) = once(&database, &publisher).await {
            eprintln!("the worker tries again: {error}");
        }
        sleep(PAUSE).await;
    }
}

/// First the commit, then the message, and only then is the plan forgotten: a worker that
/// was killed in between says it once more, which costs a few pages and nothing else.
async fn once(database: &Database, publisher: &Publisher) -> Result<(), AppError> {
    database.apply_plans().await?;
    let applied = database.applied_plans().await?;
    if applied.is_empty() {
        return Ok(());
    }
    let products = applied.iter().map(|plan| Tag::of("product", plan.product));
    let stale = Invalidate::tags(products.collect::<Tags>()).and_tag("products");
    publisher.invalidate(stale).await.at_least(Reached::Bus)?;
    database.forget_plans(applied).await
}

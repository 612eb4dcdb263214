//! Sessions, carts and orders.

use super::{Database, catalog};
use crate::error::AppError;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

/// So much of a product, in a cart or an order.
#[derive(Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) product: i64,
    pub(crate) amount: i64,
}

impl Line {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            product: row.get(0)?,
            amount: row.get(1)?,
        })
    }
}

impl Database {
    /// A new session.
    pub(crate) async fn sign_in(&self, name: String) -> Result<String, AppError> {
        self.run(move |connection| {
            let sql = "INSERT INTO session (customer) VALUES (?1) RETURNING token";
            Ok(connection.query_row(sql, [name], |row| row.get(0))?)
        })
        .await
    }

    /// Whose session it is.
    pub(crate) async fn customer(&self, session: String) -> Result<String, AppError> {
        self.run(move |connection| {
            let sql = "SELECT customer FROM session WHERE token = ?1";
            Ok(connection.query_row(sql, [session], |row| row.get(0))?)
        })
        .await
    }

    pub(crate) async fn cart(&self, customer: String) -> Result<Vec<Line>, AppError> {
        self.run(move |connection| lines(connection, CART, &customer))
            .await
    }

    pub(crate) async fn add(&self, customer: String, line: Line) -> Result<(), AppError> {
        self.run(move |connection| {
            let sql = "INSERT INTO cart (customer, product, amount) VALUES (?1, ?2, ?3)
                ON CONFLICT DO UPDATE SET amount = min(amount + excluded.amount, 1000)";
            connection.execute(sql, (customer, line.product, line.amount.min(1000)))?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn orders(&self, customer: String) -> Result<Vec<Line>, AppError> {
        self.run(move |connection| lines(connection, ORDERED, &customer))
            .await
    }

    /// Makes an order of the cart. `changes` is told of each product before the commit.
    pub(crate) async fn order(
        &self,
        customer: String,
        changes: impl Fn(i64) + Send + 'static,
    ) -> Result<Vec<Line>, AppError> {
        self.run(move |connection| {
            let order = connection.transaction()?;
            let wanted = lines(&order, CART, &customer)?;
            if wanted.is_empty() {
                return Err(AppError::Refused("the cart is empty"));
            }
            for Line { product, amount } in &wanted {
                changes(*product);
                catalog::take(&order, *product, *amount)?;
            }
            let sql = "INSERT INTO ordered (customer, product, amount)
                SELECT customer, product, amount FROM cart WHERE customer = ?1";
            order.execute(sql, [&customer])?;
            order.execute("DELETE FROM cart WHERE customer = ?1", [&customer])?;
            order.commit()?;
            Ok(wanted)
        })
        .await
    }
}

const CART: &str = "SELECT product, amount FROM cart WHERE customer = ?1 ORDER BY product";
const ORDERED: &str = "SELECT product, amount FROM ordered WHERE customer = ?1 ORDER BY id";

fn lines(connection: &Connection, sql: &str, customer: &str) -> Result<Vec<Line>, AppError> {
    let mut found = connection.prepare(sql)?;
    let found = found.query_map([customer], Line::read)?;
    Ok(found.collect::<Result<_, _>>()?)
}

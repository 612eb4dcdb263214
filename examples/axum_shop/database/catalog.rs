//! Products, their prices, and what is planned with them.

use super::{Database, Seen};
use crate::error::AppError;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

const PAGE: u32 = 4;

/// All products as of the version `?1`.
const PRODUCTS: &str = "
    SELECT product.id, product.name, category, price, stock
    FROM product JOIN version ON version.number =
        (SELECT max(number) FROM version WHERE product = product.id AND number <= ?1)";

#[derive(Serialize)]
pub(crate) struct Product {
    id: i64,
    name: String,
    category: String,
    /// In cents.
    price: i64,
    stock: i64,
}

impl Product {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.get(1)?,
            category: row.get(2)?,
            price: row.get(3)?,
            stock: row.get(4)?,
        })
    }
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sort {
    #[default]
    Id,
    Name,
    Price,
}

impl Sort {
    fn column(self) -> &'static str {
        match self {
            Self::Id => "product.id",
            Self::Name => "product.name",
            Self::Price => "price",
        }
    }
}

/// A plan that became real.
pub(crate) struct Applied {
    id: i64,
    pub(crate) product: i64,
}

impl Database {
    pub(crate) async fn list(
        &self,
        seen: Seen,
        category: Option<String>,
        sort: Sort,
        page: u32,
    ) -> Result<Vec<Product>, AppError> {
        let order = sort.column();
        let sql = format!(
            "{PRODUCTS} WHERE category = ifnull(?2, category)
            ORDER BY {order}, product.id LIMIT {PAGE} OFFSET ?3"
        );
        self.read(seen, move |connection, last| {
            let before = i64::from(page - 1) * i64::from(PAGE);
            let mut found = connection.prepare(&sql)?;
            let found = found.query_map((last, category, before), Product::read)?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub(crate) async fn search(&self, seen: Seen, q: String) -> Result<Vec<Product>, AppError> {
        let sql = format!("{PRODUCTS} WHERE instr(lower(product.name), lower(?2)) > 0");
        self.read(seen, move |connection, last| {
            let mut found = connection.prepare(&sql)?;
            let found = found.query_map((last, q), Product::read)?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub(crate) async fn product(&self, seen: Seen, id: i64) -> Result<Product, AppError> {
        self.read(seen, move |connection, last| product(connection, last, id))
            .await
    }

    /// Returns it as it is now.
    pub(crate) async fn change_price(&self, id: i64, price: i64) -> Result<Product, AppError> {
        self.run(move |connection| {
            let change = connection.transaction()?;
            let product = set_price(&change, id, price)?;
            change.commit()?;
            Ok(product)
        })
        .await
    }

    pub(crate) async fn plan_price(&self, id: i64, price: i64) -> Result<(), AppError> {
        self.run(move |connection| {
            product(connection, i64::MAX, id)?;
            let sql = "INSERT INTO planned (product, price) VALUES (?1, ?2)";
            connection.execute(sql, (id, price))?;
            Ok(())
        })
        .await
    }

    /// What was planned is real now, and not yet said to anybody.
    pub(crate) async fn apply_plans(&self) -> Result<(), AppError> {
        self.run(|connection| {
            let change = connection.transaction()?;
            for (product, price) in plans(&change)? {
                set_price(&change, product, price)?;
            }
            change.execute("UPDATE planned SET applied = 1 WHERE NOT applied", ())?;
            Ok(change.commit()?)
        })
        .await
    }

    /// What is real and was perhaps not said to everybody.
    pub(crate) async fn applied_plans(&self) -> Result<Vec<Applied>, AppError> {
        self.run(|connection| {
            let applied = "SELECT id, product FROM planned WHERE applied";
            let mut applied = connection.prepare(applied)?;
            let applied = applied.query_map((), |row| {
                Ok(Applied {
                    id: row.get(0)?,
                    product: row.get(1)?,
                })
            })?;
            Ok(applied.collect::<Result<_, _>>()?)
        })
        .await
    }

    pub(crate) async fn forget_plans(&self, applied: Vec<Applied>) -> Result<(), AppError> {
        self.run(move |connection| {
            for Applied { id, .. } in applied {
                connection.execute("DELETE FROM planned WHERE id = ?1", [id])?;
            }
            Ok(())
        })
        .await
    }
}

fn product(connection: &Connection, last: i64, id: i64) -> Result<Product, AppError> {
    let sql = format!("{PRODUCTS} WHERE product.id = ?2");
    let mut found = connection.prepare(&sql)?;
    Ok(found.query_row((last, id), Product::read)?)
}

/// Products, and the prices that they are to have.
fn plans(connection: &Connection) -> Result<Vec<(i64, i64)>, AppError> {
    let sql = "SELECT product, price FROM planned WHERE NOT applied ORDER BY id";
    let mut found = connection.prepare(sql)?;
    let found = found.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// A new version.
fn set_price(connection: &Connection, id: i64, price: i64) -> Result<Product, AppError> {
    let now = product(connection, i64::MAX, id)?;
    let sql = "INSERT INTO version (product, price, stock) VALUES (?1, ?2, ?3)";
    connection.execute(sql, (id, price, now.stock))?;
    Ok(Product { price, ..now })
}

/// A new version with this much less of it.
pub(super) fn take(connection: &Connection, id: i64, amount: i64) -> Result<(), AppError> {
    let now = product(connection, i64::MAX, id)?;
    let left = now.stock.checked_sub(amount).filter(|left| *left >= 0);
    let left = left.ok_or(AppError::Refused("there is not enough of it left"))?;
    let sql = "INSERT INTO version (product, price, stock) VALUES (?1, ?2, ?3)";
    connection.execute(sql, (id, now.price, left))?;
    Ok(())
}

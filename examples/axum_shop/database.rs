//! SQLite in a file, and a replica of it that lags behind.

mod catalog;
mod customers;

pub(crate) use catalog::{Product, Sort};
pub(crate) use customers::Line;

use crate::error::AppError;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::spawn_blocking;

/// Prices and stocks are a history: the newest version of a product counts.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS product (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS version (
        number INTEGER PRIMARY KEY AUTOINCREMENT, product INTEGER NOT NULL,
        price INTEGER NOT NULL, stock INTEGER NOT NULL,
        at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)));
    CREATE INDEX IF NOT EXISTS version_of ON version (product, number);
    CREATE TABLE IF NOT EXISTS planned (
        id INTEGER PRIMARY KEY AUTOINCREMENT, product INTEGER NOT NULL,
        price INTEGER NOT NULL, applied INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE IF NOT EXISTS session (
        token TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))), customer TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS cart (
        customer TEXT NOT NULL, product INTEGER NOT NULL, amount INTEGER NOT NULL,
        PRIMARY KEY (customer, product));
    CREATE TABLE IF NOT EXISTS ordered (
        id INTEGER PRIMARY KEY AUTOINCREMENT, customer TEXT NOT NULL,
        product INTEGER NOT NULL, amount INTEGER NOT NULL);";

/// What is for sale on the first day.
const GOODS: &str = "
    INSERT INTO product (id, name, category) VALUES
        (1, 'Green tea', 'tea'), (2, 'Black tea', 'tea'), (3, 'White tea', 'tea'),
        (4, 'Oolong tea', 'tea'), (5, 'Arabica', 'coffee'), (6, 'Robusta', 'coffee'),
        (7, 'Espresso', 'coffee'), (8, 'Teapot', 'ware'), (9, 'Cup', 'ware');
    INSERT INTO version (product, price, stock, at) SELECT id, id * 100, 20, 0 FROM product;";

/// Which data a question is put to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Newest,
    Replica,
}

/// A replica, for an example: the same data as it was a while ago.
pub(crate) struct Replica {
    lag: Duration,
    /// It stands still; then it knows the first day, and the versions up to this number.
    hold: bool,
    caught_up: AtomicI64,
}

impl Replica {
    pub(crate) fn new(lag: Duration, hold: bool) -> Self {
        let caught_up = AtomicI64::new(0);
        Self {
            lag,
            hold,
            caught_up,
        }
    }

    /// The last version that it knows.
    fn knows(&self, connection: &Connection) -> Result<i64, AppError> {
        let lag = i64::try_from(self.lag.as_millis()).unwrap_or(i64::MAX);
        let lag = if self.hold { None } else { Some(lag) };
        let sql = "SELECT max(number) FROM version
            WHERE at <= ifnull(unixepoch('subsec') * 1000 - ?1, 0) OR number <= ?2";
        let caught_up = self.caught_up.load(Ordering::SeqCst);
        Ok(connection.query_row(sql, (lag, caught_up), |row| row.get(0))?)
    }
}

/// A connection of its own. Clones share it.
#[derive(Clone)]
pub(crate) struct Database {
    connection: Arc<Mutex<Connection>>,
    replica: Arc<Replica>,
}

impl Database {
    /// Makes the file if it is not there.
    pub(crate) fn open(file: &Path, replica: &Arc<Replica>) -> Result<Self, AppError> {
        let mut connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // What is read is written in the same transaction: nobody comes in between.
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        let first = connection.transaction()?;
        first.execute_batch(SCHEMA)?;
        let goods: i64 = first.query_row("SELECT count(*) FROM product", (), |row| row.get(0))?;
        if goods == 0 {
            first.execute_batch(GOODS)?;
        }
        first.commit()?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            replica: replica.clone(),
        })
    }

    /// Where blocking is allowed.
    async fn run<T, F>(&self, work: F) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, AppError> + Send + 'static,
    {
        let connection = self.connection.clone();
        let working = spawn_blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut connection)
        });
        working.await?
    }

    /// The same for reads of what the replica has too: `work` is told the last version
    /// that is to be seen.
    async fn read<T, F>(&self, seen: Seen, work: F) -> Result<T, AppError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, i64) -> Result<T, AppError> + Send + 'static,
    {
        let replica = self.replica.clone();
        self.run(move |connection| {
            let last = match seen {
                Seen::Newest => i64::MAX,
                Seen::Replica => replica.knows(connection)?,
            };
            work(connection, last)
        })
        .await
    }

    /// For a replica that stands still: it does so here and now.
    pub(crate) async fn catch_up(&self) -> Result<(), AppError> {
        let replica = self.replica.clone();
        self.run(move |connection| {
            let newest = "SELECT max(number) FROM version";
            let newest = connection.query_row(newest, (), |row| row.get(0))?;
            replica.caught_up.store(newest, Ordering::SeqCst);
            Ok(())
        })
        .await
    }
}

//! What the command line says.

use std::path::PathBuf;
use std::time::Duration;

pub(crate) const HELP: &str = "\
A shop on SQLite: two instances and a worker. REDIS_URL puts them on Redis.

    axum_shop [options]

    --story          is its own client, and ends
    --port N         A listens on this port, B on the next (any free ones)
    --data DIR       where the data is (a folder that goes away at the end)
    --routes FILE    another route table (the one beside the source)
    --lag MS         how far the replica lags behind (400)
    --hold-replica   it stands still until a line is typed
    --help           this text
";

/// What to do.
pub(crate) enum Asked {
    Help,
    Run(Arguments),
}

pub(crate) struct Arguments {
    pub(crate) story: bool,
    pub(crate) data: Option<PathBuf>,
    pub(crate) routes: Option<PathBuf>,
    /// The replica lags behind by as much as this.
    pub(crate) lag: Duration,
    /// It does not move by itself.
    pub(crate) hold: bool,
    port: u16,
}

impl Arguments {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
        let mut read = Self {
            story: false,
            data: None,
            routes: None,
            lag: Duration::from_millis(400),
            hold: false,
            port: 0,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("`{word}` needs a value"));
            match word.as_str() {
                "--help" | "-h" => return Ok(Asked::Help),
                "--story" => read.story = true,
                "--hold-replica" => read.hold = true,
                "--data" => read.data = Some(value()?.into()),
                "--routes" => read.routes = Some(value()?.into()),
                "--port" => read.port = number(&value()?)?,
                "--lag" => read.lag = Duration::from_millis(number::<u32>(&value()?)?.into()),
                _ => return Err(format!("`{word}` is not an option")),
            }
        }
        Ok(Asked::Run(read))
    }

    /// That of A and that of B; 0 is any free one.
    pub(crate) fn ports(&self) -> (u16, u16) {
        let next = self.port.checked_add(1).unwrap_or(0);
        (self.port, if self.port == 0 { 0 } else { next })
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    let number = text.parse().ok();
    number.ok_or_else(|| format!("`{text}` is no number, or too large"))
}

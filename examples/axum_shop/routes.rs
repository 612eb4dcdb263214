//! The route table: that of the file beside this one, or of another file.

use crate::Outcome;
use std::fs::read_to_string;
use std::path::Path;
use tower_coherence::RouteTable;

const OURS: &str = include_str!("routes.toml");

pub(crate) fn table(file: Option<&Path>) -> Outcome<RouteTable> {
    let Some(file) = file else {
        return Ok(RouteTable::from_toml(OURS)?);
    };
    let named = |error: String| format!("{}: {error}", file.display());
    let text = read_to_string(file).map_err(|error| named(error.to_string()))?;
    Ok(RouteTable::from_toml(&text).map_err(|error| named(error.to_string()))?)
}

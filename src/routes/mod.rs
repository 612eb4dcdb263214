//! The route table: which policy a request has, by the path that the client asked for.
//!
//! | question | file |
//! | --- | --- |
//! | What is a pattern, and what are the parameters of a path? | `pattern` |
//! | Which route does a path have? | `paths`, `table` |
//! | What is wrong with a table? | `builder` |
//! | What of it does nothing? | `lint` |

mod builder;
mod lint;
mod paths;
mod pattern;
mod table;

pub use builder::RouteTableBuilder;
pub(crate) use pattern::Pattern;
pub(crate) use table::NamedStore;
pub use table::RouteTable;

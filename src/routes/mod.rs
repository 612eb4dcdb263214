//! The route table: which policy a request has, by the path that the client asked for.
//!
//! | question | file |
//! | --- | --- |
//! | What is a pattern, and what are the parameters of a path? | `pattern` |
//! | Which route does a path have? | `paths`, `table` |
//! | What is wrong with a table? | `builder` |
//! | Which of them are gRPC methods? | `rpc` |
//! | What of it does nothing? | `lint` |
//! | What does a file say? | `file` |

mod builder;
mod file;
mod lint;
mod paths;
mod pattern;
mod rpc;
mod table;

pub use builder::RouteTableBuilder;
pub use file::RouteFile;
pub(crate) use pattern::Pattern;
pub use table::RouteTable;
pub(crate) use table::{NamedStore, ReadRoute};

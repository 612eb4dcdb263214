//! The cache that users hold: one for each instance of the application.

mod alone;
mod builder;
mod counter;
mod counters;
mod counts;
mod edition;
mod events;
mod fields;
mod handle;
mod health;
mod hosts;
mod idle;
mod invalidating;
mod leaving;
mod ledger;
mod lookup;
mod mistakes;
mod permit;
mod publisher;
mod record;
mod replaced;
#[cfg_attr(not(feature = "metrics"), path = "unreported.rs")]
mod report;
mod route_stats;
mod routes;
mod rule;
mod settling;
mod shared;
mod shelves;
mod shutdown;
mod slot;
mod stats;
mod storing;
mod sweeper;
mod tally;
mod tokens;
mod write_rule;

pub use builder::CacheBuilder;
pub use counts::{RouteKind, TargetStats};
pub use events::{Event, Events};
pub use handle::{Cache, Mode, ScopedCache};
pub use health::{Health, Heard};

pub use publisher::Publisher;
pub use replaced::Replaced;
pub use route_stats::RouteStats;
pub use shutdown::Unsent;
pub use stats::{BusStats, Stats};

pub(crate) use leaving::{Leaving, say, stricter};
pub(crate) use lookup::{Ask, Found, Miss};
pub(crate) use permit::Permit;
pub(crate) use record::{Content, Draft, Recipe, Unstored, check_tags};
pub(crate) use routes::Routes;
pub(crate) use rule::Rule;
pub(crate) use shared::{Landed, Shared};
pub(crate) use slot::{Entry, Slot};
pub(crate) use write_rule::WriteRule;

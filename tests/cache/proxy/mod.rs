//! The example `caching_proxy` as a process, in front of an origin in this one.

mod bodies;
mod connections;
mod hostile;
mod line;
mod load;
mod methods;
mod profiles;
mod rig;
mod trouble;

//! The rules of the house, as tests: what may import what, how long a file may
//! be, what is never written in `src`, and the oldest compiler that builds it.

mod clocks;
mod events;
mod faults;
mod floors;
mod http;
mod msrv;
mod paths;
mod routes;
mod sizes;
mod source;
mod table;
mod token;

//! The cache through its public interface, with the in-process bus.

mod held;
mod origin;
mod support;
mod wire;

mod connections;
mod context;
mod fills;
mod frameworks;
mod grpc;
mod memory;
mod policies;
mod races;
mod safety;
mod serving;
mod smoke;
mod writes;

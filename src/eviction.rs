//! Which slots leave a full store first.

/// Which responses leave first when a store is full.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Eviction {
    /// Those not used for the longest time.
    #[default]
    Lru,
    /// Those seldom used: a newcomer has to be asked for more often than what it
    /// would push out. Good where many things are asked for once. How often is counted
    /// from when the store is half full.
    TinyLfu,
}

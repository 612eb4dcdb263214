//! One search: all states that a world can reach inside its bounds, breadth first.

use stateright::{Checker, HasDiscoveries, Model};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

/// Searches everything, or until one of these is found; until any failure where none
/// is named. Prints how many states there were. What is returned tells for each
/// property the shortest way to its discovery.
pub(crate) fn breadth_first<W>(
    name: &str,
    world: W,
    bounds: &dyn Debug,
    until: &[&'static str],
) -> impl Fn(&'static str) -> Option<String> + use<W>
where
    W: Model + Send + Sync + 'static,
    W::State: Send + Sync + Hash + Clone + Debug + PartialEq + 'static,
    W::Action: Debug + Clone + PartialEq,
{
    let until = match until {
        [] => HasDiscoveries::AnyFailures,
        named => HasDiscoveries::AnyOf(named.iter().copied().collect()),
    };
    let checker = world.checker().threads(2).finish_when(until);
    let checker = checker.spawn_bfs().join();
    println!(
        "{name}: {} states, {} unique, depth {}, {bounds:?}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
    );
    let ways = checker.discoveries().into_iter().map(|(property, path)| {
        let actions: Vec<_> = path.into_actions();
        (property, format!("{actions:?}"))
    });
    let ways: BTreeMap<_, _> = ways.collect();
    move |property| ways.get(property).cloned()
}

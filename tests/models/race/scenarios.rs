//! Threads that fill, write, hit, collect and prove.

use super::super::bond::Validity;
use super::super::name::{Name, Raise, Strength};
use super::world::{Entry, World, chance, names, target};
use shuttle::sync::Arc;
use shuttle::thread;

type Operation = fn(&World);

/// Runs the operations of each thread in their order, and waits for all.
fn together(world: &Arc<World>, threads: Vec<Vec<Operation>>) {
    let spawn = |operations: Vec<Operation>| {
        let world = Arc::clone(world);
        thread::spawn(move || operations.iter().for_each(|operation| operation(&world)))
    };
    let threads: Vec<_> = threads.into_iter().map(spawn).collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

fn write_something(world: &World) {
    let name = match chance(6) {
        0 => Name::Everything,
        1 => target(2),
        2 => target(0),
        _ => target(1),
    };
    let strength = match chance(3) {
        0 => Strength::Soft,
        _ => Strength::Hard,
    };
    world.write(name, strength);
}

fn request_one(world: &World) {
    world.request(0);
}

fn request_any(world: &World) {
    world.request(chance(2) as usize);
}

fn hit_one(world: &World) {
    world.hit(0, world.arrive());
}

/// A late fill, hits and invalidations of both strengths.
pub(crate) fn race() {
    let world = World::new(100);
    if chance(2) == 0 {
        world.fill(0);
    }
    together(
        &world,
        vec![
            vec![request_one, request_any],
            vec![write_something, write_something, hit_one],
            vec![hit_one, hit_one],
        ],
    );
    world.request(0);
    world.request(1);
}

/// As [`race`], with answers that the handler confirms instead of giving them anew.
pub(crate) fn renewal() {
    fn renew(world: &World) {
        world.renew(0);
    }
    let world = World::new(100);
    world.fill(0);
    together(
        &world,
        vec![
            vec![renew, hit_one],
            vec![write_something, hit_one, write_something],
            vec![hit_one, renew, hit_one],
        ],
    );
    world.request(0);
}

/// As [`race`], in the smallest form: every schedule can be looked at.
pub(crate) fn smallest() {
    let world = World::new(100);
    let fill = || {
        let world = Arc::clone(&world);
        thread::spawn(move || {
            let fill = world.core.begin_fill();
            let content = world.origin();
            let bound = world.core.bind(&fill, &names(0));
            bound.ok().map(|bond| Entry { bond, content })
        })
    };
    let write = {
        let world = Arc::clone(&world);
        thread::spawn(move || world.write(target(0), Strength::Hard))
    };
    let entry = fill().join().unwrap();
    if let Some(entry) = entry {
        let arrival = world.arrive();
        if world.core.validity(&entry.bond) == Validity::Valid {
            arrival.allows(0, entry.content, Validity::Valid);
        }
    }
    write.join().unwrap();
}

/// A bound of one or two cells, which tombstones, binds and collection fight for.
pub(crate) fn floor() {
    const KEY: usize = 2;
    fn hit(world: &World) {
        world.hit(KEY, world.arrive());
    }
    fn under_pressure(world: &World) {
        let mut held = None;
        for _ in 0..4 {
            match chance(6) {
                0 => world.write(target(1), Strength::Hard),
                1 => world.write(target(1), Strength::Soft),
                2 => drop(world.press()),
                3 => held = world.press().ok(),
                4 => drop(held.take()),
                _ => {
                    world.core.collect(0);
                }
            }
        }
        drop(held);
        hit(world);
    }
    let request: Operation = |world| world.request(KEY);
    let world = World::new(1 + chance(2) as usize);
    together(&world, vec![vec![request, hit], vec![under_pressure]]);
    hit(&world);
}

/// A follower that raises and proves, and hits that look. Everything that was
/// accepted up to a proven instant must be visible to whoever reads that proof.
pub(crate) fn proof() {
    let world = World::new(100);
    let fill = world.core.begin_fill();
    let content = world.origin();
    let bond = world.core.bind(&fill, &names(0)).unwrap();
    let entry = world.put(0, Entry { bond, content });
    let follower = {
        let world = Arc::clone(&world);
        thread::spawn(move || {
            world.core.prove(1);
            for as_of in 2..=3 {
                world.change(1);
                let raise = Raise {
                    name: target(1),
                    strength: Strength::Hard,
                };
                world.core.apply_then_prove(&[raise], as_of);
            }
        })
    };
    for _ in 0..2 {
        let look = world.core.look(&entry.bond);
        let accepted = look.as_of.saturating_sub(1);
        assert!(
            look.validity != Validity::Valid || entry.content[1] >= accepted,
            "P3: served as of {}, when {accepted} was accepted",
            look.as_of
        );
    }
    follower.join().unwrap();
}

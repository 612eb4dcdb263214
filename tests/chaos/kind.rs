//! The faults there are.

use std::time::Duration;

/// Whom a fault strikes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Where {
    /// Redis, and with it all instances.
    Redis,
    /// One instance, or what lies between it and Redis.
    Instance,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// Killed, back with an empty memory and disk.
    RedisKilledEmpty,
    /// Killed, back with its append-only file, which may lack the last second.
    RedisKilledAof,
    RedisStopped,
    /// The replica takes over, without the end of the log.
    FailoverLossy,
    /// It takes over with all of it.
    FailoverClean,
    /// It takes over while its master goes on.
    SplitBrain,
    SubscribersKilled,
    Flushed,
    Trimmed,
    GarbageOnTheRing,
    GarbageInTheLog,
    InstanceKilled,
    InstanceStopped,
    BlackHoleToRedis,
    BlackHoleFromRedis,
    BlackHole,
    Delayed,
    Throttled,
    Reset,
    /// Cut, and no new connection for a while.
    CutOff,
}

impl Kind {
    pub(crate) const ALL: [Self; 20] = [
        Self::RedisKilledEmpty,
        Self::RedisKilledAof,
        Self::RedisStopped,
        Self::FailoverLossy,
        Self::FailoverClean,
        Self::SplitBrain,
        Self::SubscribersKilled,
        Self::Flushed,
        Self::Trimmed,
        Self::GarbageOnTheRing,
        Self::GarbageInTheLog,
        Self::InstanceKilled,
        Self::InstanceStopped,
        Self::BlackHoleToRedis,
        Self::BlackHoleFromRedis,
        Self::BlackHole,
        Self::Delayed,
        Self::Throttled,
        Self::Reset,
        Self::CutOff,
    ];

    /// What strikes in a short run: of each sort one or two, so that each comes to
    /// three strikes in the time.
    pub(crate) const FEW: [Self; 9] = [
        Self::RedisKilledEmpty,
        Self::RedisStopped,
        Self::FailoverLossy,
        Self::SplitBrain,
        Self::Trimmed,
        Self::InstanceKilled,
        Self::InstanceStopped,
        Self::BlackHole,
        Self::Reset,
    ];

    /// Whether it is about the master and its replica.
    pub(crate) fn is_of_two(self) -> bool {
        matches!(
            self,
            Self::FailoverLossy | Self::FailoverClean | Self::SplitBrain
        )
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RedisKilledEmpty => "redis_killed_empty",
            Self::RedisKilledAof => "redis_killed_aof",
            Self::RedisStopped => "redis_stopped",
            Self::FailoverLossy => "failover_lossy",
            Self::FailoverClean => "failover_clean",
            Self::SplitBrain => "split_brain",
            Self::SubscribersKilled => "subscribers_killed",
            Self::Flushed => "flushed",
            Self::Trimmed => "trimmed",
            Self::GarbageOnTheRing => "garbage_on_the_ring",
            Self::GarbageInTheLog => "garbage_in_the_log",
            Self::InstanceKilled => "instance_killed",
            Self::InstanceStopped => "instance_stopped",
            Self::BlackHoleToRedis => "black_hole_to_redis",
            Self::BlackHoleFromRedis => "black_hole_from_redis",
            Self::BlackHole => "black_hole",
            Self::Delayed => "delayed",
            Self::Throttled => "throttled",
            Self::Reset => "reset",
            Self::CutOff => "cut_off",
        }
    }

    pub(crate) fn strikes(self) -> Where {
        match self {
            Self::RedisKilledEmpty
            | Self::RedisKilledAof
            | Self::RedisStopped
            | Self::FailoverLossy
            | Self::FailoverClean
            | Self::SplitBrain
            | Self::SubscribersKilled
            | Self::Flushed
            | Self::Trimmed
            | Self::GarbageOnTheRing
            | Self::GarbageInTheLog => Where::Redis,
            _ => Where::Instance,
        }
    }

    /// How long it holds, as parts of a hundred of the bound: from, to.
    pub(crate) fn holds(self) -> (u64, u64) {
        match self {
            Self::RedisKilledEmpty | Self::RedisKilledAof => (10, 80),
            Self::RedisStopped => (20, 140),
            Self::FailoverLossy => (10, 80),
            Self::SplitBrain => (50, 250),
            Self::InstanceKilled => (0, 60),
            Self::InstanceStopped => (20, 170),
            Self::BlackHoleToRedis | Self::BlackHoleFromRedis | Self::BlackHole | Self::CutOff => {
                (30, 150)
            }
            Self::Delayed | Self::Throttled => (50, 130),
            Self::FailoverClean
            | Self::SubscribersKilled
            | Self::Flushed
            | Self::Trimmed
            | Self::GarbageOnTheRing
            | Self::GarbageInTheLog
            | Self::Reset => (0, 0),
        }
    }

    /// The delay of what is delayed, by the bound: heard late, and soon enough or
    /// not.
    pub(crate) fn delay(bound: Duration, luck: u64) -> Duration {
        bound * u32::try_from(luck % 40).expect("a small number") / 100
    }
}

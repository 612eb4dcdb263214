use super::*;

const BOUND: Duration = Duration::from_millis(100);

fn ms(at: u64) -> Moment {
    Moment(at * 1_000_000)
}

/// Of version 1 to key 1, at 1000 to 1010, accepted at 1005, on instance 1.
fn write() -> Write {
    Write {
        id: 7,
        key: 1,
        version: 1,
        instance: 1,
        committed: ms(1000),
        acknowledged: Some(ms(1010)),
        accepted: Some(ms(1005)),
        reach: Reach::Unknown,
    }
}

/// A hit of key 1 on instance 2.
fn read(started: u64, version: u64) -> Read {
    Read {
        key: 1,
        version,
        started: ms(started),
        ended: ms(started + 1),
        instance: 2,
        hit: true,
        token: None,
    }
}

fn life(instance: u32, heard: &[Heard]) -> Life {
    Life {
        instance,
        began: ms(0),
        heard: Some(heard.to_vec()),
        outbox: 0,
        adoptions: 0,
        returned: vec![ms(0)],
    }
}

fn dead(instance: u32) -> Life {
    Life {
        heard: None,
        ..life(instance, &[])
    }
}

fn history(writes: &[Write], reads: &[Read]) -> History {
    let heard = writes.iter().map(|write| Heard::Write(write.id, ms(1007)));
    let heard: Vec<Heard> = heard.collect();
    History {
        bound: BOUND,
        reads: reads.to_vec(),
        writes: writes.to_vec(),
        lives: vec![life(1, &heard), life(2, &heard)],
        ..History::default()
    }
}

/// The names of what is broken.
fn broken(history: &History) -> Vec<&'static str> {
    let violations = history.violations();
    let broken = violations
        .into_iter()
        .filter(|(_, found)| !found.is_empty());
    broken.map(|(name, _)| name).collect()
}

#[test]
fn a_history_without_a_fault_breaks_nothing() {
    let history = history(&[write()], &[read(900, 0), read(1050, 0), read(1200, 1)]);
    assert_eq!(broken(&history), [""; 0]);
    assert_eq!(history.staleness().accepted, 1);
    assert_eq!(history.staleness().longest, Duration::from_millis(45));
}

#[test]
fn i1_counts_from_the_acknowledgement_and_p3_from_the_acceptance() {
    let one = |started| broken(&history(&[write()], &[read(started, 0)]));
    assert_eq!(one(1105), [""; 0], "not more than the bound after");
    assert_eq!(one(1106), ["P3"]);
    assert_eq!(one(1110), ["P3"]);
    assert_eq!(one(1111), ["I1", "P3"]);
}

#[test]
fn a_write_that_was_accepted_later_than_acknowledged_has_its_bound_from_there() {
    let late = Write {
        accepted: Some(ms(1500)),
        ..write()
    };
    assert_eq!(broken(&history(&[late], &[read(1600, 0)])), [""; 0]);
    assert_eq!(broken(&history(&[late], &[read(1601, 0)])), ["I1", "P3"]);
}

#[test]
fn a_write_that_was_accepted_and_never_acknowledged_has_a_bound_too() {
    let unheard = Write {
        acknowledged: None,
        ..write()
    };
    assert_eq!(broken(&history(&[unheard], &[read(1110, 0)])), ["P3"]);
}

#[test]
fn a_write_that_was_never_accepted_has_no_bound_and_is_counted() {
    let queued = Write {
        accepted: None,
        ..write()
    };
    let history = history(&[queued], &[read(2000, 0)]);
    assert_eq!(broken(&history), [""; 0]);
    let staleness = history.staleness();
    assert_eq!((staleness.accepted, staleness.unaccepted), (0, 1));
    assert_eq!(staleness.longest_unaccepted, Duration::from_secs(1));
}

#[test]
fn an_older_write_is_covered_by_a_newer_one_that_was_accepted() {
    let lost = Write {
        accepted: None,
        ..write()
    };
    let newer = Write {
        id: 8,
        version: 2,
        ..write()
    };
    let history = history(&[lost, newer], &[read(1106, 0), read(1107, 1)]);
    assert_eq!(history.violations()["P3"].len(), 2);
}

#[test]
fn i2_a_token_is_never_answered_with_less() {
    let with = |version| Read {
        token: Some(1),
        ..read(1011, version)
    };
    assert_eq!(broken(&history(&[write()], &[with(0)])), ["I2"]);
    assert_eq!(broken(&history(&[write()], &[with(1)])), [""; 0]);
    assert_eq!(broken(&history(&[write()], &[read(1011, 0)])), [""; 0]);
}

#[test]
fn i2_what_was_applied_everywhere_is_served_by_nobody() {
    let everywhere = Write {
        reach: Reach::Everywhere,
        ..write()
    };
    let one = |started| broken(&history(&[everywhere], &[read(started, 0)]));
    assert_eq!(one(1011), ["I2"]);
    assert_eq!(one(1010), [""; 0], "it began before the response was there");
}

#[test]
fn i3_an_instance_does_not_go_back() {
    let found = |second: Read| broken(&history(&[write()], &[read(1020, 1), second]));
    assert_eq!(found(read(1022, 0)), ["I3"]);
    assert_eq!(found(read(1021, 0)), [""; 0], "they overlap");
    let elsewhere = Read {
        instance: 3,
        ..read(1022, 0)
    };
    assert_eq!(found(elsewhere), [""; 0]);
    let past_the_store = Read {
        token: Some(1),
        ..read(1020, 1)
    };
    let history = history(&[write()], &[past_the_store, read(1022, 0)]);
    assert_eq!(broken(&history), [""; 0]);
}

#[test]
fn i4_at_rest_every_instance_shows_what_the_origin_has() {
    let shows = |version, writes: &[Write], lives: &[Life]| {
        broken(&History {
            last: vec![Last {
                instance: 2,
                key: 1,
                version,
            }],
            lives: lives.to_vec(),
            ..history(writes, &[])
        })
    };
    let heard = [life(2, &[Heard::Write(7, ms(1007))])];
    assert_eq!(shows(0, &[write()], &heard), ["I4"]);
    assert_eq!(shows(1, &[write()], &heard), [""; 0]);
    let lost = Write {
        id: 8,
        version: 2,
        accepted: None,
        ..write()
    };
    let killed = [dead(1), heard[0].clone()];
    assert_eq!(shows(1, &[write(), lost], &killed), [""; 0]);
    assert_eq!(shows(0, &[write(), lost], &killed), ["I4"]);
    let lived = [life(1, &[Heard::Write(8, ms(1007))]), killed[1].clone()];
    assert!(shows(1, &[write(), lost], &lived).contains(&"I4"));
}

#[test]
fn i5_a_write_that_an_instance_never_heard_of_is_missed_in_silence() {
    let found = |second: Life| {
        let first = life(1, &[Heard::Write(7, ms(1001))]);
        broken(&History {
            lives: vec![first, second],
            ..history(&[write()], &[])
        })
    };
    assert_eq!(found(life(2, &[])), ["I5"]);
    assert_eq!(found(life(2, &[Heard::Write(8, ms(1007))])), ["I5"]);
    assert_eq!(found(life(2, &[Heard::Everything(ms(999))])), ["I5"]);
    assert_eq!(found(life(2, &[Heard::Everything(ms(1000))])), [""; 0]);
    assert_eq!(found(dead(2)), [""; 0]);
    let late = Life {
        began: ms(1000),
        ..life(2, &[])
    };
    assert_eq!(found(late), [""; 0]);
}

#[test]
fn i5_an_adoption_is_told_to_those_who_listen() {
    let found = |adoptions| {
        broken(&History {
            lives: vec![Life {
                adoptions,
                ..life(1, &[Heard::Everything(ms(1)), Heard::Everything(ms(2))])
            }],
            ..History::default()
        })
    };
    assert_eq!(found(3), ["I5"]);
    assert_eq!(found(2), [""; 0]);
    assert_eq!(
        found(1),
        [""; 0],
        "an entry of the log may say everything too"
    );
}

#[test]
fn p2_the_writer_sees_its_write() {
    let own = |started, instance| Read {
        instance,
        ..read(started, 0)
    };
    assert_eq!(broken(&history(&[write()], &[own(1011, 1)])), ["P2"]);
    assert_eq!(broken(&history(&[write()], &[own(1010, 1)])), [""; 0]);
    assert_eq!(broken(&history(&[write()], &[own(1011, 2)])), [""; 0]);
    let queued = Write {
        accepted: None,
        ..write()
    };
    assert_eq!(broken(&history(&[queued], &[own(1011, 1)])), ["P2"]);
}

#[test]
fn p6_what_waits_for_ever_and_what_nobody_heard_of_is_dropped() {
    let waits = Life {
        outbox: 1,
        ..life(1, &[])
    };
    let found = |write: Write, lives: &[Life]| {
        broken(&History {
            lives: lives.to_vec(),
            ..history(&[write], &[])
        })
    };
    let queued = Write {
        accepted: None,
        ..write()
    };
    assert_eq!(found(queued, &[waits]), ["P6"]);
    assert_eq!(found(queued, &[life(1, &[])]), ["P6"]);
    let heard = [Heard::Write(7, ms(1007))];
    assert_eq!(found(queued, &[life(1, &heard)]), [""; 0]);
    assert_eq!(found(queued, &[dead(1)]), [""; 0]);
}

#[test]
fn p7_a_read_fails_only_where_its_instance_was_down() {
    let found = |from, until, instance| {
        broken(&History {
            failures: vec![Failure {
                instance: 2,
                started: ms(1000),
                ended: ms(1010),
                why: String::new(),
            }],
            downs: vec![Down {
                instance,
                from: ms(from),
                until: ms(until),
            }],
            ..History::default()
        })
    };
    assert_eq!(found(1005, 1020, 2), [""; 0]);
    assert_eq!(found(990, 1000, 2), [""; 0]);
    assert_eq!(found(990, 999, 2), ["P7"]);
    assert_eq!(found(1011, 1020, 2), ["P7"]);
    assert_eq!(found(1005, 1020, 1), ["P7"]);
}

#[test]
fn the_origin_is_believed_only_as_far_as_it_can_be() {
    let ran = |started, version| Read {
        hit: false,
        ..read(started, version)
    };
    assert_eq!(broken(&history(&[write()], &[ran(1001, 0)])), ["origin"]);
    assert_eq!(broken(&history(&[write()], &[ran(1000, 0)])), [""; 0]);
    assert_eq!(broken(&history(&[write()], &[read(1200, 2)])), ["origin"]);
    assert_eq!(broken(&history(&[write()], &[read(998, 1)])), ["origin"]);
}

#[test]
fn what_is_lost_with_a_killed_process_is_counted() {
    let lost = Write {
        accepted: None,
        ..write()
    };
    let history = History {
        lives: vec![dead(1), life(2, &[])],
        ..history(&[lost], &[read(2000, 0)])
    };
    assert_eq!(broken(&history), [""; 0]);
    assert_eq!(history.lost(), 1);
    assert_eq!(history.staleness().lost, 1);
}

/// Key 1 is read from a replica that lags by up to 40.
fn lagging(writes: &[Write], reads: &[Read]) -> History {
    let lags = HashMap::from([(1, Duration::from_millis(40))]);
    History {
        lags,
        ..history(writes, reads)
    }
}

#[test]
fn an_origin_that_lags_shows_the_old_for_as_long_and_no_longer() {
    let handler = |started| Read {
        hit: false,
        ..read(started, 0)
    };
    assert_eq!(broken(&lagging(&[write()], &[handler(1040)])), [""; 0]);
    assert_eq!(broken(&lagging(&[write()], &[handler(1041)])), ["origin"]);
    let early = Read {
        ended: ms(999),
        ..read(998, 1)
    };
    assert_eq!(broken(&lagging(&[write()], &[early])), ["origin"]);
}

#[test]
fn a_token_of_an_origin_that_lags_is_not_answered_with_less_than_it_would_give() {
    let with = |started| Read {
        token: Some(1),
        ..read(started, 0)
    };
    assert_eq!(broken(&lagging(&[write()], &[with(1040)])), [""; 0]);
    assert_eq!(broken(&lagging(&[write()], &[with(1041)])), ["I2"]);
}

#[test]
fn where_the_origin_lags_what_was_read_after_the_write_is_shared_for_no_longer_than_the_bound() {
    let everywhere = Write {
        reach: Reach::Everywhere,
        ..write()
    };
    assert_eq!(broken(&lagging(&[everywhere], &[read(1100, 0)])), [""; 0]);
    assert_eq!(broken(&lagging(&[everywhere], &[read(1101, 0)])), ["I2"]);
    let own = |started| Read {
        instance: 1,
        ..read(started, 0)
    };
    assert_eq!(broken(&lagging(&[write()], &[own(1100)])), [""; 0]);
    assert_eq!(broken(&lagging(&[write()], &[own(1101)])), ["P2"]);
}

#[test]
fn the_bound_is_no_longer_where_the_origin_lags() {
    assert_eq!(broken(&lagging(&[write()], &[read(1105, 0)])), [""; 0]);
    assert_eq!(broken(&lagging(&[write()], &[read(1106, 0)])), ["P3"]);
    assert_eq!(broken(&lagging(&[write()], &[read(1111, 0)])), ["I1", "P3"]);
}

/// A write that instance 1 announced for 300, and lost with its process.
fn announced(reads: &[Read]) -> History {
    let lost = Write {
        accepted: None,
        acknowledged: None,
        ..write()
    };
    History {
        lives: vec![dead(1), life(2, &[])],
        intents: HashMap::from([(1, Duration::from_millis(300))]),
        ..history(&[lost], reads)
    }
}

/// Until 1000 + 300 + 2 * 100.
#[test]
fn an_announced_write_that_was_lost_may_be_missing_for_its_time_and_two_bounds() {
    assert_eq!(broken(&announced(&[read(1500, 0)])), [""; 0]);
    assert_eq!(broken(&announced(&[read(1501, 0)])), ["intent"]);
    assert_eq!(broken(&announced(&[read(1501, 1)])), [""; 0]);
    assert_eq!(announced(&[]).lost_though_announced().len(), 1);
    let unannounced = History {
        intents: HashMap::new(),
        ..announced(&[read(1501, 0)])
    };
    assert_eq!(broken(&unannounced), [""; 0]);
}

/// Until 1200 + 300 + 100, and so on.
#[test]
fn an_instance_that_was_away_meanwhile_has_the_time_and_one_bound_from_its_return() {
    let returned = |at, started| {
        let mut history = announced(&[read(started, 0)]);
        history.lives[1].returned.push(ms(at));
        broken(&history)
    };
    assert_eq!(returned(1200, 1600), [""; 0]);
    assert_eq!(returned(1200, 1601), ["intent"]);
    assert_eq!(returned(900, 1501), ["intent"]);
}

#[test]
fn a_handler_that_was_stopped_before_its_commit_may_have_taken_longer_than_it_said() {
    let stopped = |until| {
        let mut history = announced(&[read(1501, 0)]);
        history.downs.push(Down {
            instance: 1,
            from: ms(100),
            until: ms(until),
        });
        broken(&history)
    };
    assert_eq!(stopped(701), [""; 0]);
    assert_eq!(stopped(699), ["intent"]);
}

#[test]
fn when_all_is_quiet_an_announced_write_is_not_missing_anywhere() {
    let settled = |intents: HashMap<u32, Duration>| {
        let last = Last {
            instance: 2,
            key: 1,
            version: 0,
        };
        broken(&History {
            last: vec![last],
            intents,
            ..announced(&[])
        })
    };
    assert_eq!(settled(HashMap::new()), [""; 0]);
    let announced = HashMap::from([(1, Duration::from_millis(300))]);
    assert_eq!(settled(announced), ["I4"]);
}

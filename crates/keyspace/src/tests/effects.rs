//! Effects: what goes to the log, in which order, and under which number.

use std::sync::Arc;

use super::{World, set, set_command};
use crate::{EffectUnit, Expiry, WriteTxn};

#[test]
fn a_transaction_is_one_unit_in_the_order_of_its_commands() {
    let world = World::logging();
    let mut txn = world.recording();
    set_command(&mut txn, "a", "1");
    txn.select(2);
    set_command(&mut txn, "b", "2");
    txn.commit();
    world.set(
        "unlogged",
        "a bare change has no effect of its own",
        Expiry::Clear,
    );
    let mut txn = world.recording();
    set_command(&mut txn, "c", "3");
    txn.roll_back();
    let mut txn = world.recording();
    set_command(&mut txn, "d", "4");
    txn.commit();
    assert_eq!(
        world.effects(),
        [vec!["0: SET a 1", "2: SET b 2"], vec!["0: SET d 4"]]
    );
    let sequences: Vec<u64> = world
        .log
        .units()
        .iter()
        .map(|(sequence, _)| *sequence)
        .collect();
    assert_eq!(sequences, [0, 1]);
}

#[test]
fn a_command_says_itself_how_it_is_repeated_or_is_repeated_as_it_came() {
    let world = World::logging();
    let mut txn = world.recording();
    let start = txn.start_command();
    set(&mut txn, "a", "1.5", Expiry::Clear);
    WriteTxn::new(&mut txn).propagate(&["SET", "a", "1.5"]);
    txn.end_command(start, 0, &[b"INCRBYFLOAT", b"a", b"1.5"]);
    let start = txn.start_command();
    txn.end_command(start, 0, &[b"SETNX", b"a", b"1"]);
    set_command(&mut txn, "b", "2");
    txn.commit();
    assert_eq!(world.effects(), [["0: SET a 1.5", "0: SET b 2"]]);
}

#[test]
fn nobody_listens_nothing_is_recorded() {
    let world = World::new();
    let mut txn = world.recording();
    set_command(&mut txn, "a", "1");
    assert!(txn.effects().is_empty());
    txn.commit();
    world.keyspace.set_effect_consumer(Some(world.log.clone()));
    assert!(world.effects().is_empty());
    world.keyspace.set_effect_consumer(None);
    assert!(!world.keyspace.consuming());
}

#[test]
fn a_unit_cut_short_is_as_if_the_rest_had_never_been_pushed() {
    let mut whole = EffectUnit::default();
    whole.push(0, &["SET", "a", "1"]);
    whole.push(1, &["PING"]);
    let shorter = whole.clone();
    whole.push(2, &["SET", "b", ""]);
    whole.truncate(2);
    assert_eq!(whole, shorter);
    assert_eq!(whole.len(), 2);
    let commands: Vec<_> = whole.commands().collect();
    assert_eq!(commands[1], (1, vec![b"PING".as_slice()]));
    whole.truncate(0);
    assert_eq!(whole, EffectUnit::default());
}

/// Many threads append to the same keys; the log, replayed in order of its numbers, must give the same values.
#[test]
fn the_numbers_are_a_serial_order() {
    let world = Arc::new(World::logging());
    let threads: Vec<_> = (0..4)
        .map(|thread: u32| {
            let world = world.clone();
            std::thread::spawn(move || {
                let mut random = fastrand::Rng::with_seed(u64::from(thread));
                for mark in 0..500 {
                    let keys = [
                        format!("key:{}", random.u8(..3)),
                        format!("key:{}", random.u8(..3)),
                    ];
                    loop {
                        let mut txn = world.recording();
                        let done = keys.iter().try_for_each(|key| {
                            let start = txn.start_command();
                            let mark = format!("{thread}.{mark} ");
                            let mut write = WriteTxn::new(&mut txn);
                            let mut slot = write.slot(key.as_bytes())?;
                            match slot.exists() {
                                true => slot.append(mark.as_bytes()).map(drop)?,
                                false => slot.set_raw(mark.clone().into_bytes(), Expiry::Keep)?,
                            }
                            txn.end_command(
                                start,
                                0,
                                &[b"APPEND", key.as_bytes(), mark.as_bytes()],
                            );
                            Ok::<_, crate::Abort>(())
                        });
                        if done.is_ok() {
                            txn.commit();
                            break;
                        }
                        txn.roll_back();
                        std::thread::yield_now();
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    let mut replayed = std::collections::BTreeMap::<String, String>::new();
    for (at, (sequence, unit)) in world.log.units().iter().enumerate() {
        assert_eq!(*sequence, at as u64, "numbers are dense");
        assert_eq!(unit.len(), 2);
        for (_, arguments) in unit.commands() {
            let [_, key, mark] = arguments[..] else {
                panic!("an APPEND has two arguments")
            };
            replayed
                .entry(super::text(key))
                .or_default()
                .push_str(&super::text(mark));
        }
    }
    for (key, value) in replayed {
        assert_eq!(world.get(&key), Some(value), "{key}");
    }
    world.audit();
}

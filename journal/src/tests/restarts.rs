//! A process that starts again while its machine's clock was set back. Within one life the clock of a driver never goes
//! back; between two it may.

use super::*;

const AN_HOUR: Duration = Duration::from_secs(3_600);

/// Says something under a key, and returns its acknowledgement and when it was said.
fn say(kit: &mut Kit, who: ConnectionId, key: &str) -> (Value, String) {
    kit.forget();
    kit.send(who, json!({"type": "message", "room": "general", "content": key, "key": key}));
    let frames = kit.take(who);
    assert_eq!((&frames[0]["type"], &frames[1]["type"]), (&"ack".into(), &"message".into()), "{frames:?}");
    (frames[0].clone(), frames[1]["timestamp"].as_str().unwrap().to_owned())
}

#[test]
fn a_restart_with_an_earlier_clock_begins_anew() {
    let mut kit = Kit::new();
    let ann = kit.member("ann", "general");
    let (before, said_before) = say(&mut kit, ann, "a");
    kit.now = Time(kit.now.0 - u64::try_from(AN_HOUR.as_micros()).unwrap());
    kit.node = node(kit.now, 2, GatewayConfig::default(), ShardConfig::default());

    let ann = kit.connect();
    let [since, epoch] = ["seq", "epoch"].map(|name| before[name].clone());
    let join = json!({"type": "join", "room": "general", "user": "ann", "since": since, "epoch": epoch});
    kit.send(ann, join);
    let joined = kit.take(ann).remove(0);
    assert_eq!(
        (&joined["verdict"], &joined["seq"]),
        (&"reset".into(), &0.into()),
        "nothing is taken for known"
    );
    assert_ne!(joined["epoch"], before["epoch"], "whatever the clock shows");

    let (again, said_again) = say(&mut kit, ann, "a");
    assert_eq!((&again["seq"], &again["epoch"]), (&1.into(), &joined["epoch"]), "no key is known");
    assert!(said_again < said_before, "it is the time of this life");
    kit.wait(Duration::from_secs(1));
    let (next, said_next) = say(&mut kit, ann, "b");
    assert_eq!(next["seq"], 2);
    assert!(said_again < said_next && said_next < said_before, "which goes on from there");
}

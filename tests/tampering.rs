//! Each of a hundred deliveries that something in between has dropped, doubled or swapped is found, person by person.

use std::{collections::BTreeMap, env, fs, net::SocketAddr};

use chinwag_scenarios::{Place, Protocol, dialects};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    kit::{Host, Kind, NAME_HEADER, Run, Tamper, Tampering, chat},
    protocols::Echo,
};

/// Forty in four rooms, and 600 messages: 6,000 deliveries.
///
/// How exactly the generator keeps to its plan is not judged: other tests run beside this one.
const TALK: &str = r#"
[run]
name = "talk"
seed = 1
clients = 40
drain = "2s"

[rooms]
size = 10

[[scenario]]
name = "people"
executor = "constant-arrival-rate"
rate = 400
stages = [{ name = "talk", duration = "1500ms", judged = false }]
"#;

/// So many are tampered with.
const COUNT: u64 = 100;

/// What is said in a dialect, and how many deliveries that comes to: twice as many are chosen of them as are needed.
fn talk(dialect: &str) -> (String, u64) {
    match dialect {
        // All are in one room.
        "agents" => (TALK.replace("rate = 400", "rate = 100"), 150 * 40),
        // One hears only oneself.
        "raw" => (TALK.into(), 600),
        _ => (TALK.into(), 600 * 10),
    }
}

/// One at a time: thousands of deliveries in a second are enough for those who test beside us.
static TURN: Mutex<()> = Mutex::const_new(());

/// What a run comes to at one client, and in one room: lost, announced as lost, duplicated, reordered, skipped, foreign.
type Faults = [u64; 6];

/// What a run came to.
struct Found {
    code: Option<i32>,
    summary: Value,
    /// By client and room, where anything is wrong.
    faults: BTreeMap<(String, String), Faults>,
}

/// Which deliveries are chosen.
fn seed() -> u64 {
    env::var("TAMPER_SEED").map_or(1, |seed| seed.parse().expect("TAMPER_SEED is a number"))
}

/// Who speaks a dialect: a server of ours, or an echo.
enum Upstream {
    Host(Host),
    Echo(Echo),
}

impl Upstream {
    async fn of(dialect: &str) -> Self {
        match dialect {
            "raw" => Self::Echo(Echo::start(|_, _| {}).await),
            _ => Self::Host(Host::start(|settings| settings.gateway.message_rate = 1_000)),
        }
    }

    const fn address(&self) -> SocketAddr {
        match self {
            Self::Host(host) => host.address,
            Self::Echo(echo) => echo.address,
        }
    }

    async fn stop(self) {
        if let Self::Host(host) = self {
            host.stop().await;
        }
    }
}

/// Talks through something that tampers with so many deliveries: what was found, and by client and room what was done.
/// Where deliveries name no room there is one for each client, and it has no name.
async fn through(dialect: &str, kind: Kind, count: u64) -> (Found, BTreeMap<(String, String), u64>) {
    let _turn = TURN.lock().await;
    let server = Upstream::of(dialect).await;
    let delivery = match dialects().iter().find(|file| file.name == dialect) {
        Some(file) => Protocol::parse(file.name, file.text).unwrap().delivery,
        None => chat(),
    };
    let names_rooms = delivery.has(Place::Room);
    let (talk, deliveries) = talk(dialect);
    let plan = Tampering { kind, count, every: deliveries / (2 * COUNT), seed: seed(), delivery };
    let tamper = Tamper::start(SocketAddr::from(([127, 0, 0, 1], 0)), server.address(), plan).await.unwrap();
    let mut found = run(dialect, &talk, tamper.address).await;
    if !names_rooms {
        let faults = found.faults.into_iter();
        found.faults = faults.map(|((client, _), faults)| ((client, String::new()), faults)).collect();
    }
    let ledger = tamper.ledger();
    assert_eq!(ledger.len() as u64, count, "enough came to be tampered with");
    let mut done = BTreeMap::new();
    for deed in ledger {
        *done.entry((deed.client, deed.room)).or_default() += 1;
    }
    server.stop().await;
    (found, done)
}

async fn run(dialect: &str, talk: &str, address: SocketAddr) -> Found {
    let run = Run::of(talk);
    let (url, header) = (format!("ws://{address}"), format!("{NAME_HEADER}: {{user}}"));
    let ended = run.end(&["--url", &url, "--header", &header, "--dialect", dialect]).await;
    let deliveries = fs::read_to_string(run.path("deliveries.csv")).unwrap_or_else(|_| panic!("{ended:?}"));
    let mut faults = BTreeMap::new();
    for row in csv::Reader::from_reader(deliveries.as_bytes()).deserialize() {
        let (_client, user, room, _received, row, _late): (u32, String, String, u64, Faults, u64) =
            row.unwrap();
        if row != Faults::default() {
            faults.insert((user, room), row);
        }
    }
    Found { code: ended.code, summary: run.summary(), faults }
}

/// Tampers with a hundred deliveries in this way: each is found where it was done, as one of these faults, and nothing else is.
async fn all_are_found(dialect: &str, kind: Kind, columns: &[usize]) {
    let (found, done) = through(dialect, kind, COUNT).await;
    let seed = format!("TAMPER_SEED={}: {dialect} {kind:?}: {}", seed(), found.summary);
    assert_eq!(found.code, Some(99), "{seed}");
    let keys = ["lost", "announced_lost", "duplicated", "reordered", "skipped", "foreign"];
    let count = |at: usize| found.summary[keys[at]].as_u64().unwrap();
    let (meant, other): (Vec<_>, Vec<_>) = (0..keys.len()).partition(|at| columns.contains(at));
    assert_eq!(meant.iter().map(|at| count(*at)).sum::<u64>(), COUNT, "{seed}");
    assert_eq!(other.iter().map(|at| count(*at)).sum::<u64>(), 0, "{seed}");
    let by_member = |faults: &Faults| columns.iter().map(|at| faults[*at]).sum::<u64>();
    let by_member: BTreeMap<_, _> =
        found.faults.into_iter().map(|(whose, faults)| (whose, by_member(&faults))).collect();
    assert_eq!(by_member, done, "{seed}");
}

const LOST: usize = 0;
const DUPLICATED: usize = 2;
const REORDERED: usize = 3;
const SKIPPED: usize = 4;

/// In `chat` whoever misses something asks for it and is given it: only what nothing follows stays away.
#[tokio::test]
async fn a_hundred_dropped_deliveries_are_found_in_chat_though_bots_ask_for_them() {
    all_are_found("chat", Kind::Drop, &[LOST, SKIPPED]).await;
}

#[tokio::test]
async fn a_hundred_doubled_deliveries_are_found_in_chat() {
    all_are_found("chat", Kind::Double, &[DUPLICATED]).await;
}

#[tokio::test]
async fn a_hundred_swapped_pairs_are_found_in_chat() {
    all_are_found("chat", Kind::Swap, &[REORDERED]).await;
}

/// Those that are spoken by templates, and tell no places. Who is shown another order than most is found by that; an
/// echo's messages are one's own, and have the order in which they were said.
const WITHOUT_PLACES: [&str; 5] = ["lobby", "envelope", "socketio", "agents", "raw"];

#[tokio::test]
async fn a_hundred_dropped_deliveries_are_found_where_nothing_has_a_place() {
    for dialect in WITHOUT_PLACES {
        all_are_found(dialect, Kind::Drop, &[LOST]).await;
    }
}

#[tokio::test]
async fn a_hundred_doubled_deliveries_are_found_where_nothing_has_a_place() {
    for dialect in WITHOUT_PLACES {
        all_are_found(dialect, Kind::Double, &[DUPLICATED]).await;
    }
}

#[tokio::test]
async fn a_hundred_swapped_pairs_are_found_where_nothing_has_a_place() {
    for dialect in WITHOUT_PLACES {
        all_are_found(dialect, Kind::Swap, &[REORDERED]).await;
    }
}

#[tokio::test]
async fn nothing_is_found_where_nothing_was_done() {
    for dialect in ["chat"].into_iter().chain(WITHOUT_PLACES) {
        let (found, done) = through(dialect, Kind::Drop, 0).await;
        assert_eq!((found.code, done.len()), (Some(0), 0), "{dialect}: {}", found.summary);
        assert_eq!(found.faults, BTreeMap::new(), "{dialect}");
        assert_eq!(found.summary["received_deliveries"], talk(dialect).1, "{dialect}");
    }
}

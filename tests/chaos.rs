//! Servers that are killed, stopped, told to end or out of room at any instant, and a load test that counts what comes of it.
//!
//! A round is something that befalls the server after it has got so many messages, and the server's next life. A run is a
//! load test with as many rounds as fall into it, on a data directory of its own. `.ci/long/chaos` makes hundreds.

use std::{
    env,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::kit::{Ended, PATIENCE, Process, Run, metrics, within};

/// A load test that goes on.
type Load = JoinHandle<Ended>;

/// How many rounds there are, and what they are drawn from.
const ROUNDS: (&str, u64) = ("CHAOS_ROUNDS", 7);
const SEED: (&str, u64) = ("CHAOS_SEED", 1);

/// Twenty in rooms of five, who come back by themselves, and what must be so of all they said. How exactly the generator
/// keeps to its plan is not judged: no more than how long the server is away.
const SCENARIO: &str = r#"
[run]
name = "chaos"
seed = SEED
clients = 20
connect = { rate = 200, in_flight = 20, timeout = "10s" }
drain = "60s"

[rooms]
size = 5

[[scenario]]
name = "people"
stages = [
    { name = "talk", duration = "5s", executor = "constant-arrival-rate", rate = 100, judged = false },
]

[thresholds]
connections = ["connected==planned"]
delivery = [
    "received==planned",
    "lost==0",
    "duplicated==0",
    "reordered==0",
    "skipped==0",
    "foreign==0",
    "violations==0",
]
refused = ["count==0"]
unanswered = ["count==0"]
unresolved = ["count==0"]
unsent = ["count==0"]
"#;

/// What befalls a server.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It is killed.
    Kill,
    /// It is killed, and so is the next one, before it has begun.
    KillTwice,
    /// It stands still, and goes on.
    Freeze,
    /// It stands still, and is killed.
    FreezeAndKill,
    /// There is no room on its disk.
    Full,
    /// It is told to end.
    End,
    /// It is told to end, and before it has, to end at once.
    EndAtOnce,
}

const FAULTS: [Fault; 7] = [
    Fault::Kill,
    Fault::KillTwice,
    Fault::Freeze,
    Fault::FreezeAndKill,
    Fault::Full,
    Fault::End,
    Fault::EndAtOnce,
];

/// Numbers from a seed: Steele's splitmix.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).expect("an index")]
    }
}

/// A server on a data directory, one life after the other at the same address.
struct Lives {
    directory: TempDir,
    arguments: Vec<String>,
    address: SocketAddr,
    server: Option<Process>,
}

impl Lives {
    /// Begins with settings that are drawn: all of them promise to outlive a kill.
    async fn begin(draws: &mut Draws) -> Self {
        let directory = TempDir::new().unwrap();
        let data_dir = directory.path().to_str().expect("made of text").to_owned();
        let (durability, shards) = (draws.of(&["commit", "interval"]), draws.of(&["1", "2", "3"]));
        // From several snapshots in a round to none at all.
        let snapshot_bytes = draws.of(&["2000", "20000", "1000000"]);
        let arguments = [
            ["--data-dir", &data_dir],
            ["--durability", durability],
            ["--shards", shards],
            ["--snapshot-bytes", snapshot_bytes],
            ["--threads", "2"],
            ["--message-burst", "1000"],
            ["--return-spread", "50ms"],
            ["--close-linger", "50ms"],
            ["--log", "warn"],
        ];
        let arguments = arguments.concat().into_iter().map(str::to_owned).collect();
        let mut lives =
            Self { directory, arguments, address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), server: None };
        lives.go_on().await;
        lives
    }

    fn spawn(&self) -> Process {
        let listen = self.address.to_string();
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        Process::server_on_a_full_disk(&[&["--listen", &listen], &arguments[..]].concat())
    }

    /// The next life begins.
    async fn go_on(&mut self) {
        let server = self.server.insert(self.spawn());
        self.address = server.address().await;
    }

    /// Until this life has got so many messages, or nobody speaks any more.
    async fn hear(&self, messages: u64, load: &Load) {
        let enough = async {
            let count = async || metrics(self.address).await.value("chat_messages_in_total");
            while !load.is_finished() && count().await < messages as f64 {}
        };
        within("messages", enough).await;
    }

    /// Something befalls it, and it goes on.
    async fn befall(&mut self, fault: Fault, draws: &mut Draws, load: &Load) {
        let mut server = self.server.take().expect("one lives");
        let a_moment = Duration::from_millis(draws.below(300));
        match fault {
            Fault::Kill => server.kill().await,
            Fault::KillTwice => {
                server.kill().await;
                let next = self.spawn();
                sleep(a_moment / 4).await;
                next.kill().await;
            }
            Fault::Freeze => {
                server.freeze();
                sleep(a_moment).await;
                server.thaw();
                self.server = Some(server);
                return;
            }
            Fault::FreezeAndKill => {
                server.freeze();
                sleep(a_moment).await;
                server.kill().await;
            }
            Fault::Full => fill(server, draws.below(400), load).await,
            Fault::End => {
                server.terminate();
                let ended = server.ended().await;
                assert_eq!(ended.code, Some(0), "{ended:?}");
            }
            Fault::EndAtOnce => {
                server.terminate();
                sleep(a_moment / 10).await;
                server.interrupt_if_there();
                let ended = server.ended().await;
                assert!(matches!(ended.code, Some(0 | 130)), "{ended:?}");
            }
        }
        self.go_on().await;
    }

    /// It ends well, and leaves nothing that a server would not begin with.
    async fn end(mut self) {
        let server = self.server.take().expect("one lives");
        server.terminate();
        assert_eq!(server.ended().await.code, Some(0));
        let path = self.directory.path().to_str().expect("made of text");
        let seen = Process::run("chat-server", &["inspect", path]).await;
        assert_eq!(seen.code, Some(0), "{seen:?}");
    }
}

/// No file may have more than so many bytes any more: the next write that would make it so fails, and ends the server.
async fn fill(server: Process, bytes: u64, load: &Load) {
    server.limit_files(bytes);
    match timeout(PATIENCE / 2, server.ended()).await {
        Ok(ended) => {
            assert_eq!(ended.code, Some(1), "{ended:?}");
            assert!(ended.stderr.contains("make room there, and start again"), "{ended:?}");
        }
        Err(_) => assert!(load.is_finished(), "nobody says anything that has to be written"),
    }
}

/// Load tests, with something that befalls their servers until there were so many rounds.
#[tokio::test]
async fn whatever_befalls_a_server_nothing_acknowledged_is_lost_doubled_or_reordered() {
    let (rounds, seed) = (setting(ROUNDS), setting(SEED));
    let mut draws = Draws(seed);
    let (mut befallen, mut deliveries, mut bag) = (0, 0, vec![]);
    for run in 0.. {
        let mut lives = Lives::begin(&mut draws).await;
        let test = Run::of(&SCENARIO.replace("SEED", &(seed + run).to_string()));
        let url = format!("ws://{}", lives.address);
        let process = test.start(&["--url", &url, "--no-progress"]);
        let load: Load = tokio::spawn(process.ended());
        let mut faults = vec![];
        // Not before everybody is there: a load test that finds no server does not begin.
        lives.hear(1, &load).await;
        loop {
            lives.hear(draws.below(60), &load).await;
            if load.is_finished() {
                break;
            }
            if bag.is_empty() {
                bag.extend(FAULTS);
            }
            let fault = bag.swap_remove(draws.below(bag.len() as u64) as usize);
            lives.befall(fault, &mut draws, &load).await;
            faults.push(fault);
        }
        let ended = load.await.unwrap();
        let told = format!("run {run} of seed {seed}, {:?}, {faults:?}: {ended:?}", lives.arguments);
        assert_eq!(ended.code, Some(0), "{told}");
        let summary = test.summary();
        assert_eq!(summary["acknowledged"], summary["planned"], "{told}");
        lives.end().await;
        befallen += faults.len() as u64;
        deliveries += summary["received_deliveries"].as_u64().unwrap();
        println!("chaos: {befallen} rounds, {deliveries} deliveries");
        if befallen >= rounds {
            return;
        }
    }
}

/// A number that the environment may set.
fn setting((name, default): (&str, u64)) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

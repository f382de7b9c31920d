//! A bounded run of what the fuzz targets do for hours: every committed script again, and new ones from a fixed seed.
//!
//! How it was tried that a broken core fails here is in `fuzz/README.md`.
//!
//! `CHINWAG_FUZZ_SEED` is the seed of the new ones, `CHINWAG_FUZZ_CASES` how many are played for each target.

use std::{env, fs, path::Path, str::FromStr};

use chinwag_core::dialect::Dialect;
use chinwag_fuzz::{Outcome, converse, frames, open};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};

const SEED: u64 = 4;
const CASES: u32 = 1_000;

fn setting<T: FromStr>(name: &str, default: T) -> T {
    let text = env::var(name).ok();
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// The scripts of a target in a folder; none, if there is no such folder.
fn scripts(folder: &str, target: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join(target);
    let Ok(files) = fs::read_dir(path) else { return vec![] };
    let mut paths: Vec<_> = files.map(|file| file.expect("the folder can be read").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a script can be read")).collect()
}

/// Every way in which one line of a script may be spoilt.
#[derive(Clone, Debug)]
enum Spoil {
    Not,
    Cut(Index, usize),
    Put(Index, String),
    Twice(Index),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let bits = [
        "\"",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\\",
        "\\ud800",
        "\\u0000",
        "\u{0}",
        "\u{202e}",
        "null",
        "-1",
        "1e99",
        "18446744073709551616",
        "9007199254740993",
        "[[[[[[[[",
        "\t",
        " ",
        "é",
        "\u{fffd}",
        "bot:",
        "den",
    ];
    prop_oneof![
        3 => Just(Spoil::Not),
        2 => (any::<Index>(), 1..20_usize).prop_map(|(at, len)| Spoil::Cut(at, len)),
        2 => (any::<Index>(), select(bits.map(str::to_owned).to_vec())).prop_map(|(at, bit)| Spoil::Put(at, bit)),
        1 => any::<Index>().prop_map(Spoil::Twice),
    ]
}

fn spoilt(line: &str, spoil: &Spoil) -> String {
    let mut chars: Vec<_> = line.chars().collect();
    match spoil {
        Spoil::Not => {}
        Spoil::Cut(at, len) => {
            let at = at.index(chars.len() + 1);
            chars.drain(at..(at + len).min(chars.len()));
        }
        Spoil::Put(at, text) => {
            let at = at.index(chars.len() + 1);
            chars.splice(at..at, text.chars());
        }
        Spoil::Twice(at) => chars.extend_from_within(at.index(chars.len() + 1)..),
    }
    chars.into_iter().collect()
}

/// Lines of the target's own scripts, some of them spoilt: whole scripts, and lines in any order among lines of anything.
fn script(seeds: &[Vec<u8>]) -> impl Strategy<Value = Vec<String>> + use<> {
    let lines = |text: &[u8]| String::from_utf8_lossy(text).lines().map(str::to_owned).collect::<Vec<_>>();
    let others = [
        "@as 0",
        "@as 1",
        "@as 2",
        "@as 3",
        "@wait 400",
        "@wait 40000",
        "@secret",
        "@cut",
        "@stall",
        "@read",
    ];
    let line = prop_oneof![
        12 => (select(lines(&seeds.concat())), spoil()).prop_map(|(line, spoil)| spoilt(&line, &spoil)),
        4 => select(others.map(str::to_owned).to_vec()),
        1 => any::<String>(),
    ];
    let whole = select(seeds.iter().map(|seed| lines(seed)).collect::<Vec<_>>());
    let whole = (whole, vec(spoil(), 1..8)).prop_map(|(lines, spoils)| {
        let spoils = spoils.iter().cycle();
        lines.iter().zip(spoils).map(|(line, spoil)| spoilt(line, spoil)).collect()
    });
    prop_oneof![2 => vec(line, 1..48), 1 => whole]
}

/// Plays what is committed and what is new, and wants that something happened.
fn run(target: &str, play: impl Fn(&[u8]) -> Outcome) {
    let seeds = scripts("seeds", target);
    let mut sum = Outcome::default();
    for bytes in seeds.iter().chain(&scripts("corpus", target)) {
        let Outcome { frames, secrets, closed } = play(bytes);
        sum.frames += frames;
        sum.secrets += secrets;
        sum.closed += closed;
    }
    assert!(sum.frames > 20 && sum.secrets > 0 && sum.closed > 0, "the scripts say something: {sum:?}");

    let (number, cases) = (setting("CHINWAG_FUZZ_SEED", SEED), setting("CHINWAG_FUZZ_CASES", CASES));
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let played = runner.run(&script(&seeds), |lines| {
        let _ = play(lines.join("\n").as_bytes());
        Ok(())
    });
    match played {
        Ok(()) => {}
        Err(TestError::Abort(why)) => panic!("{why}"),
        Err(TestError::Fail(why, lines)) => panic!(
            "{why}\nThe smallest script that does it, for a file in fuzz/seeds/{target}:\n{:?}\nAgain: \
             CHINWAG_FUZZ_SEED={number} CHINWAG_FUZZ_CASES={cases} cargo test -p chinwag-fuzz {target}",
            lines.join("\n"),
        ),
    }
}

#[test]
fn chat_keeps_its_word() {
    run("chat", |bytes| converse(Dialect::Chat, bytes));
}

#[test]
fn lobby_keeps_its_word() {
    run("lobby", |bytes| converse(Dialect::Lobby, bytes));
}

#[test]
fn envelope_keeps_its_word() {
    run("envelope", |bytes| converse(Dialect::Envelope, bytes));
}

#[test]
fn socketio_keeps_its_word() {
    run("socketio", |bytes| converse(Dialect::SocketIo, bytes));
}

#[test]
fn agents_keeps_its_word() {
    run("agents", |bytes| converse(Dialect::Agents, bytes));
}

#[test]
fn opening_keeps_its_word() {
    run("opening", open);
}

/// New ones are made where the reader is: `chinwag_core::websocket`.
#[test]
fn frames_are_read_alike_wherever_they_are_cut() {
    let read: usize = scripts("seeds", "frames")
        .iter()
        .chain(&scripts("corpus", "frames"))
        .map(|bytes| frames(bytes))
        .sum();
    assert!(read > 10, "the scripts say something: {read}");
}

//! A bit that turns round is damage that is said, or it is of no account: nothing is ever lost in silence.

use proptest::prelude::*;

use super::*;

/// What is done before the bit turns round.
#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Sync,
    Snapshot,
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1usize..5).prop_map(Step::Append),
        4 => Just(Step::Sync),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Kill),
    ]
}

/// Does it all, and says what must be there.
fn run(disk: &MemoryDisk, steps: &[Step], is_clean: bool) -> Vec<String> {
    let mut opened = reopen(disk, &commit());
    for step in steps {
        let log = &mut opened.shards[0].log;
        match *step {
            Step::Append(count) => {
                let words: Vec<String> =
                    (0..count as u64).map(|n| format!("word-{}", log.last() + n)).collect();
                append(log, &words.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
            }
            Step::Sync => log.sync().unwrap(),
            Step::Snapshot => log.begin_snapshot().unwrap().run::<Words>().unwrap(),
            Step::Kill => opened = reopen(disk, &commit()),
        }
    }
    let log = &mut opened.shards[0].log;
    if is_clean {
        log.sync().unwrap();
        opened.life.end(&[log.last()]).unwrap();
    }
    (0..opened.shards[0].log.synced()).map(|n| format!("word-{n}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn nothing_is_lost_in_silence(
        steps in proptest::collection::vec(step(), 0..40), is_clean: bool, seed: u64,
    ) {
        let disk = MemoryDisk::new();
        let promised = run(&disk, &steps, is_clean);
        let at = disk.flip(draws(seed));
        match open::<_, Words>(disk, &commit()) {
            Ok(opened) => prop_assert!(opened.shards[0].replica.0.starts_with(&promised), "{at:?}"),
            Err(OpenError::Damaged { .. } | OpenError::Foreign { .. }) => {}
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

//! A room's messages against the plainest model: all of them, and which are kept.

use std::sync::Arc;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::{
    super::effect::{MESSAGE_OVERHEAD_BYTES, Message, Verdict},
    Log, PageLimits,
};
use crate::{
    id::{Epoch, Position, Seq},
    model::histories,
    name::UserName,
    time::Time,
};

const EPOCH: Epoch = Epoch(7);

/// What happens to a log, and what is asked of it.
#[derive(Clone, Debug)]
enum Transition {
    /// A message, and a new limit with it.
    Append { content: String, max: u32 },
    /// A new limit.
    Trim { max: u32 },
    /// Someone joins, perhaps after having seen something.
    Resume { since: Option<Position>, history: u32 },
    /// A page for someone who is catching up.
    PageFrom { from: u64, limits: Limits },
    /// A page for someone who looks back.
    PageBefore { before: Option<u64>, limits: Limits },
}

/// Limits that can be shown.
#[derive(Clone, Copy, Debug)]
struct Limits {
    messages: u32,
    bytes: usize,
}

/// Everything that was ever said. Message n is at n - 1.
#[derive(Clone, Debug, Default)]
struct Model {
    said: Vec<String>,
    forgotten: usize,
}

impl Model {
    fn is_kept(&self, seq: u64) -> bool {
        seq > self.forgotten as u64 && seq <= self.said.len() as u64
    }

    fn keep(&mut self, max: u32) {
        self.forgotten = self.forgotten.max(self.said.len().saturating_sub(max as usize));
    }

    /// The messages a page holds, of those it could begin with, in its own direction.
    fn page(&self, candidates: impl Iterator<Item = u64>, limits: Limits) -> Vec<u64> {
        let mut page = vec![];
        for seq in candidates.filter(|&seq| self.is_kept(seq)) {
            let longer = [&page[..], &[seq]].concat();
            let fits = longer.len() <= limits.messages as usize && self.bytes(&longer) <= limits.bytes;
            if !page.is_empty() && !fits {
                break;
            }
            page = longer;
        }
        page
    }

    /// What messages take on the wire, at most.
    fn bytes(&self, seqs: &[u64]) -> usize {
        let json = |seq: &u64| serde_json::to_string(&self.said[*seq as usize - 1]).expect("text").len();
        seqs.iter().map(|seq| json(seq) - "\"\"".len() + MESSAGE_OVERHEAD_BYTES).sum()
    }

    fn page_from(&self, from: u64, limits: Limits) -> Vec<u64> {
        self.page(from..=self.said.len() as u64, limits)
    }

    /// Oldest first, and whether there are older ones.
    fn page_before(&self, before: Option<u64>, limits: Limits) -> (Vec<u64>, bool) {
        let before = before.unwrap_or(u64::MAX).min(self.said.len() as u64 + 1);
        let mut page = self.page((0..before).rev(), limits);
        page.reverse();
        let older = (0..before).any(|seq| self.is_kept(seq) && !page.contains(&seq));
        (page, older)
    }

    /// The verdict, and what is shown of what is kept.
    fn resume(&self, since: Option<Position>, history: u32) -> (Verdict, Vec<u64>) {
        let all = || 1..=self.said.len() as u64;
        let kept = |seq: &u64| self.is_kept(*seq);
        let latest =
            || all().filter(|seq| seq + u64::from(history) > self.said.len() as u64).filter(kept).collect();
        let Some(since) = since else { return (Verdict::Full, latest()) };
        let has_been = since.seq.0 == 0 || all().any(|seq| seq == since.seq.0);
        if since.epoch != EPOCH || !has_been {
            return (Verdict::Reset, latest());
        }
        let unseen = || all().filter(|&seq| seq > since.seq.0);
        let lost: Vec<_> = unseen().filter(|seq| !kept(seq)).collect();
        let verdict = match (lost.first(), lost.last()) {
            (Some(&from), Some(&to)) => Verdict::Gap { from: Seq(from), to: Seq(to) },
            _ => Verdict::Full,
        };
        (verdict, unseen().filter(kept).collect())
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Transition> {
        let seq = || prop_oneof![9 => 0..model.said.len() as u64 + 3, 1 => any::<u64>()];
        let max = || prop_oneof![4 => Just(6), 1 => 0..12u32];
        let epoch = prop_oneof![9 => Just(EPOCH), 1 => Just(Epoch(8))];
        let since = (epoch, seq()).prop_map(|(epoch, seq)| Position::new(epoch, Seq(seq)));
        let limits = || {
            (0..8u32, 0..5 * MESSAGE_OVERHEAD_BYTES).prop_map(|(messages, bytes)| Limits { messages, bytes })
        };
        // What JSON writes as it is, with one more byte, and with five.
        let content = "[aé\"\\\\\u{1}]{0,40}";
        prop_oneof![
            6 => (content, max()).prop_map(|(content, max)| Transition::Append { content, max }),
            1 => max().prop_map(|max| Transition::Trim { max }),
            3 => (prop::option::weighted(0.8, since), 0..9u32)
                .prop_map(|(since, history)| Transition::Resume { since, history }),
            3 => (seq(), limits()).prop_map(|(from, limits)| Transition::PageFrom { from, limits }),
            3 => (prop::option::weighted(0.8, seq()), limits())
                .prop_map(|(before, limits)| Transition::PageBefore { before, limits }),
        ]
        .boxed()
    }

    fn apply(mut model: Self, transition: &Transition) -> Self {
        match transition {
            Transition::Append { content, max } => {
                model.said.push(content.clone());
                model.keep(*max);
            }
            Transition::Trim { max } => model.keep(*max),
            Transition::Resume { .. } | Transition::PageFrom { .. } | Transition::PageBefore { .. } => {}
        }
        model
    }
}

impl From<Limits> for PageLimits {
    fn from(limits: Limits) -> Self {
        Self { messages_max: limits.messages, bytes_max: limits.bytes }
    }
}

/// The numbers of a page's messages, which must be those that were said.
fn seqs(page: &[Arc<Message>], model: &Model) -> Vec<u64> {
    for message in page {
        assert_eq!(*message.content, model.said[message.seq.0 as usize - 1]);
        assert_eq!(message.at, Time(message.seq.0));
    }
    page.iter().map(|message| message.seq.0).collect()
}

/// A log as it is.
struct Kept;

impl StateMachineTest for Kept {
    type SystemUnderTest = Log;
    type Reference = Model;

    fn init_test(_: &Model) -> Log {
        Log::new(EPOCH)
    }

    fn apply(mut log: Log, model: &Model, transition: Transition) -> Log {
        match transition {
            Transition::Append { content, max } => {
                let ann = UserName::new("ann").expect("a valid name");
                let message = log.append(Time(model.said.len() as u64), ann, content.into(), None, max);
                assert_eq!(seqs(&[message], model), [model.said.len() as u64]);
            }
            Transition::Trim { max } => log.trim(max),
            Transition::Resume { since, history } => {
                let (verdict, next) = log.resume(since, history);
                let shown = seqs(
                    &log.page_from(next, PageLimits { messages_max: u32::MAX, bytes_max: usize::MAX }),
                    model,
                );
                assert_eq!(
                    (verdict, &shown),
                    (model.resume(since, history).0, &model.resume(since, history).1)
                );
                assert_eq!(next.0, shown.first().copied().unwrap_or(model.said.len() as u64 + 1));
            }
            Transition::PageFrom { from, limits } => {
                assert_eq!(
                    seqs(&log.page_from(Seq(from), limits.into()), model),
                    model.page_from(from, limits)
                );
            }
            Transition::PageBefore { before, limits } => {
                let (page, more) = log.page_before(before.map(Seq), limits.into());
                assert_eq!((seqs(&page, model), more), model.page_before(before, limits));
            }
        }
        log
    }

    fn check_invariants(log: &Log, model: &Model) {
        assert_eq!(log.head(), Position::new(EPOCH, Seq(model.said.len() as u64)));
    }
}

prop_state_machine! {
    #![proptest_config(histories(512))]

    #[test]
    fn pages_and_verdicts_tell_what_is_kept(sequential 1..80 => Kept);
}

//! A real shard beside the model: the same steps, and the same answers and pushes.

use proptest_state_machine::{StateMachineTest, prop_state_machine};

use super::{
    super::kit::{Attach, Guest, Kit, room},
    Act, Model, ROOM, Transition, WHO, config,
};
use crate::{
    id::{Epoch, GatewayId},
    model::histories,
    refusal::Refusal,
    shard::{Op, Placed, Push, Query, Reply, Signal},
};

/// A shard, the connections its gateways hold, and all epochs in the order in which they came up.
struct Hosted {
    kit: Kit,
    guests: [Option<Guest>; WHO.len()],
    is_connected: [bool; WHO.len()],
    epochs: Vec<Epoch>,
}

impl Hosted {
    fn connect(&mut self, who: usize, gateway: GatewayId, is_resumed: bool) {
        let resume = self.guests[who].as_ref().map(|guest| guest.resume);
        match self.kit.try_attach(gateway, WHO[who], resume) {
            Attach::Done { guest, resumed, .. } => {
                assert_eq!(resumed, is_resumed);
                self.guests[who] = Some(guest);
            }
            other => panic!("{who} is not attached: {other:?}"),
        }
        self.is_connected[who] = true;
    }

    fn act(&mut self, guest: &Guest, act: Act, said: u64) {
        let (peer, kit) = (guest.peer.clone(), &mut self.kit);
        let room = room(ROOM);
        kit.apply(match act {
            Act::Join => Op::Join { peer, id: None, room, since: None, history: 50, backlog: true },
            Act::Leave => Op::Leave { peer, id: None, room },
            Act::Create => Op::Create { peer, id: None, room, private: false },
            Act::Say => Op::Publish { peer, id: None, room, content: said.to_string().into(), extra: None },
            Act::Note(status) => Op::SetStatus { peer, id: None, room, status },
            Act::Assign(task) => Op::SetTask { peer, id: None, room, task },
            Act::Type(on) => {
                kit.effects.clear();
                return kit.shard.signal(&Signal::Typing { peer, room, on }, &mut kit.effects);
            }
            Act::Connect(_) | Act::Disconnect(_) => unreachable!("no requests"),
        });
    }

    /// An epoch's number.
    fn count(&mut self, epoch: &mut Epoch) {
        let known = self.epochs.iter().position(|it| it == epoch);
        *epoch = Epoch(known.unwrap_or_else(|| {
            self.epochs.push(*epoch);
            self.epochs.len() - 1
        }) as u64);
    }

    fn reply(&mut self) -> Option<Result<Reply, Refusal>> {
        let mut reply = self.kit.reply();
        match &mut reply {
            Some(Ok(
                Reply::Left(at) | Reply::Created(at) | Reply::Published(Placed { position: at, .. }),
            )) => {
                self.count(&mut at.epoch);
            }
            Some(Ok(Reply::Joined(joined))) => self.count(&mut joined.head.epoch),
            _ => {}
        }
        reply
    }

    fn pushes(&mut self) -> Vec<(GatewayId, Push)> {
        let mut pushes = self.kit.pushes();
        for (_, push) in &mut pushes {
            if let Push::Message { epoch, .. } = push {
                self.count(epoch);
            }
        }
        pushes
    }
}

impl StateMachineTest for Hosted {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Model) -> Self {
        let (guests, is_connected) = (Default::default(), Default::default());
        Self { kit: Kit::with(config()), guests, is_connected, epochs: vec![] }
    }

    fn apply(mut hosted: Self, model: &Model, transition: Transition) -> Self {
        let Transition { after, who, act } = transition;
        hosted.kit.wait(after);
        let mut pushes = hosted.pushes();
        hosted.kit.effects.clear();
        let guest = hosted.guests[who].clone().filter(|_| hosted.is_connected[who]);
        match (act, guest) {
            (Act::Connect(gateway), None) => hosted.connect(who, gateway, model.stays[who].is_resumed),
            (Act::Connect(_), Some(_)) | (_, None) => {}
            (Act::Disconnect(keep), Some(guest)) => {
                hosted.kit.detach(&guest, keep);
                hosted.is_connected[who] = false;
            }
            (act, Some(guest)) => hosted.act(&guest, act, model.hall.as_ref().map_or(0, |hall| hall.said)),
        }
        assert_eq!(hosted.reply(), model.reply);
        pushes.extend(hosted.pushes());
        assert_eq!(pushes, model.pushes);
        hosted
    }

    /// Whoever attends, and nobody else, reads who is there.
    fn check_invariants(hosted: &Self, model: &Model) {
        for (who, guest) in hosted.guests.iter().enumerate().filter(|(who, _)| hosted.is_connected[*who]) {
            let peer = guest.as_ref().expect("connected").peer.clone();
            let query = Query::Members { peer, id: None, room: room(ROOM), after: None, limit: 100 };
            let views = || Reply::Members {
                members: model.views(),
                count: model.members().len() as u32,
                more: false,
            };
            assert_eq!(hosted.kit.ask(&query), Some(model.attending(who).map(|()| views())));
        }
        assert_eq!(hosted.kit.shard.rooms(), usize::from(model.hall.is_some()));
    }
}

prop_state_machine! {
    #![proptest_config(histories(256))]

    #[test]
    fn everybody_is_told_what_happens_in_a_room(sequential 1..120 => Hosted);
}

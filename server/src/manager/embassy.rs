//! The program's people on a gateway thread: one task for each agent, one that listens, and one that hands out the work.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
};

use chinwag_core::UserName;
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_local,
};
use tracing::{debug, warn};

use super::{
    handlers::Queue,
    observer::Observer,
    voice::{Silence, Speech, Voice},
};
use crate::hub::Hub;

/// Speeches that wait for one agent's turn.
const SPEECHES_MAX: usize = 16;

/// Who has spoken for this program.
pub(super) type Own = Rc<RefCell<HashSet<String>>>;

/// All that the program's people start with.
pub(crate) struct Embassy {
    /// As whom it listens.
    pub(super) user: UserName,
    pub(super) senders_max: usize,
    pub(super) speeches: mpsc::Receiver<Speech>,
    pub(super) queue: Queue,
    /// Told when the listener is in the lobby, or why it is not.
    pub(super) let_in: oneshot::Sender<Result<(), String>>,
}

impl Embassy {
    /// Runs for as long as its thread does.
    pub(crate) async fn run(self, hub: Rc<Hub>) {
        let Self { user, senders_max, mut speeches, queue, let_in } = self;
        let own = Own::default();
        let observer = match Observer::enter(Rc::clone(&hub), user, queue, Rc::clone(&own)).await {
            Ok(observer) => observer,
            Err(silence) => return drop(let_in.send(Err(silence.why()))),
        };
        spawn_local(observer.listen());
        let _ = let_in.send(Ok(()));
        let mut agents: HashMap<UserName, mpsc::Sender<Speech>> = HashMap::new();
        while let Some(speech) = speeches.recv().await {
            let sender = &speech.sender;
            if !agents.contains_key(sender) && agents.len() >= senders_max {
                warn!(%sender, senders_max, "too many agents: this one is not heard");
                continue;
            }
            own.borrow_mut().insert(sender.to_string());
            let agent = agents.entry(sender.clone()).or_insert_with(|| begin(&hub, sender.clone()));
            // One whose connection has ended gets another.
            if agent.is_closed() {
                *agent = begin(&hub, sender.clone());
            }
            // With too many waiting, it is dropped and so not said.
            let _ = agent.try_send(speech);
        }
    }
}

fn begin(hub: &Rc<Hub>, user: UserName) -> mpsc::Sender<Speech> {
    let (speeches, waiting) = mpsc::channel(SPEECHES_MAX);
    spawn_local(speak(Rc::clone(hub), user, waiting));
    speeches
}

/// One agent, until its connection ends.
async fn speak(hub: Rc<Hub>, user: UserName, mut speeches: mpsc::Receiver<Speech>) {
    let silence = match Voice::enter(&hub, &user, None).await {
        Ok((voice, _)) => go_on(voice, &mut speeches).await,
        Err(silence) => silence,
    };
    debug!(%user, reason = silence.why(), "the agent's connection has ended");
}

async fn go_on(mut voice: Voice, speeches: &mut mpsc::Receiver<Speech>) -> Silence {
    loop {
        let speech = tokio::select! {
            // Taken so that nothing piles up: an agent hears through the handlers.
            frame = voice.next() => match frame {
                Ok(_) => continue,
                Err(silence) => return silence,
            },
            Some(speech) = speeches.recv() => speech,
        };
        match voice.say(&speech.text, speech.reply_to).await {
            Ok(()) => drop(speech.said.try_send(true)),
            // Somebody has sent it away: it joins again before it speaks again.
            Err(Silence::Refused(code)) if code == "not_member" => return Silence::Refused(code),
            Err(Silence::Refused(code)) => debug!(sender = %speech.sender, code, "refused"),
            Err(silence) => return silence,
        }
    }
}

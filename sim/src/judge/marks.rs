//! What has ever happened: how often each thing that a scenario may bring about was seen.
//!
//! A check proves nothing of what never occurs. A batch in which one of these never fired is *vacuous*.

use std::collections::BTreeMap;

use chinwag_core::{
    Disconnect, Refusal,
    client::{ClientEvent, Presence},
    dialect::Dialect,
    gateway::Counters,
    shard::Verdict,
};

use crate::plan::scenario::{Action, Aim};

/// Marks that a clean batch may lack, and why.
const RARE: &[&str] = &[
    // A request numbered below everything that is remembered: no client does that.
    "refused stale_id",
    // Names are made of numbers here, and are valid.
    "refused bad_user",
    // Only who connects again before a thread that was held up has heard of the connection before.
    "close displaced",
    // Only where sessions are few, and then six times in 600 scenarios.
    "close attach_refused",
    // Only while the disk is full, or a sync fails for a snapshot: profile `durable` has enough of it.
    "snapshot failed",
];

macro_rules! marks {
    ($($variant:ident = $name:literal,)*) => {
        /// One thing that may happen.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Mark {
            $($variant,)*
        }

        const NAMES: &[&str] = &[$($name,)*];
    };
}

marks! {
    Resumed = "session resumed",
    NewSession = "session new",
    Full = "verdict full",
    Gap = "verdict gap",
    Reset = "verdict reset",
    Left = "left",
    Message = "shown live",
    CaughtUp = "shown from history",
    Page = "page asked for",
    Acknowledged = "acknowledged",
    Noted = "noted",
    Unresolved = "unresolved",
    Vanished = "gap while catching up",
    PutOff = "refused for now",
    Repeated = "refused and repeated",
    GivenUp = "refused and given up",
    Warned = "warning",
    Lagged = "lagged",
    UserJoined = "user joined",
    UserLeft = "user left",
    Churn = "members changed",
    Online = "presence online",
    Offline = "presence offline",
    Typing = "presence typing",
    Members = "members listed",
    Rooms = "rooms listed",
    Created = "room created",
    Status = "status",
    Task = "task",
    TaskStands = "newcomer told of a task",
    JustFits = "just fits",
    TooMuch = "a little too much",
    Healthy = "node healthy",
    HealthOverloaded = "node overloaded",
    HealthDraining = "node draining",
    TaskForgotten = "finished task forgotten",
    TasksAgree = "tasks agree at rest",
    Refreshed = "token refreshed",
    Pong = "pong",
    Disconnected = "disconnected",
    Ended = "client ended",
    Join = "step join",
    Leave = "step leave",
    Say = "step say",
    Type = "step typing",
    History = "step history",
    AskMembers = "step members",
    AskRooms = "step rooms",
    SetStatus = "step status",
    SetTask = "step task",
    Repeat = "step repeat",
    Reuse = "step reuse",
    Found = "step found",
    Visit = "step visit",
    Depart = "step depart",
    Talk = "step talk",
    Invite = "step invite",
    Kick = "step kick",
    Run = "step run",
    See = "step see",
    Renew = "step renew",
    Try = "step try",
    Create = "step create",
    Quit = "step quit",
    Crash = "step crash",
    Sit = "step intrude sit",
    Barge = "step intrude barge",
    Guess = "step intrude guess",
    Replay = "step intrude replay",
    Borrow = "step intrude borrow",
    Knock = "step intrude knock",
    ComesByVisit = "step intrude visit",
    Nonsense = "step nonsense",
    Cut = "step cut",
    Cutoff = "step reset",
    Fin = "step fin",
    HalfOpen = "step half-open",
    Stall = "step stall",
    Slow = "step slow",
    Pause = "step pause",
    Jump = "step jump",
    Restart = "step restart",
    Drain = "step drain",
    PowerCut = "step power-cut",
    DiskFull = "step disk-full",
    SyncFails = "step sync-fails",
    SetBack = "clock set back between two lives",
    Skew = "step skew",
    NodeDies = "step node-dies",
    UplinkFull = "client's send buffer full",
    InPieces = "client's frame in pieces",
    CutInside = "cut inside a client's frame",
    Kept = "read and kept for later",
    Calm = "calm",
    Homes = "sessions at home on several shards",
    Spread = "rooms on several shards",
    Frozen = "client frozen",
    FrozenNode = "node frozen",
    NodeDied = "node died alone",
    Chat = "voice chat",
    Lobby = "voice lobby",
    Envelope = "voice envelope",
    SocketIo = "voice socketio",
    Agents = "voice agents",
    Heard = "shown to a voice",
    Slowed = "voice refused for now",
    Carried = "shown with what it carries",
    KindRefused = "kind of message refused",
    TooLongForAFrame = "message too long for a frame",
    SaidAgain = "said again under its key",
    SaidOnceMore = "said once more under its key",
    KeyElsewhere = "key used in another room, too",
    KeysFull = "voice has no more keys",
    KeysOfAllFull = "all users have no more keys",
    SpentFull = "a shard forgets who has spent something",
    Undecided = "voice at an undecided address",
    Silenced = "voice silenced",
    SilentEnds = "one silent voice too many",
    WarnedAgain = "warned again on a connection",
    VoiceBehind = "voice has lagged",
    Made = "parlour made",
    Invited = "let into a parlour",
    InvitedEnough = "refused an invitation too many",
    Kicked = "sent away from a parlour",
    Entered = "parlour entered",
    ShutOut = "not let into a parlour",
    NotTheirs = "parlour is not theirs",
    Hidden = "parlour hidden",
    Called = "client in a parlour",
    CallerShutOut = "client not let into a parlour",
    CallerSentAway = "client sent away from a parlour",
    CalledAgain = "client back where it was sent away",
    UnsentRefused = "client's sends refused where it was sent away",
    CallerMade = "parlour made by a client",
    CallerRules = "client rules in its parlour",
    BesideSlow = "shown in time beside a slow reader",
    LeftOut = "reader behind left out of something",
    GivenBehind = "reader behind given something",
    ClosedAbove = "closed above a limit",
    AboveQuota = "refused above a quota",
    MadeEnough = "refused a room too many of its maker",
    Renewed = "token renewed",
    TokenEnded = "token ended",
    BotRun = "bot started or stopped",
    BotSees = "bot has dealt with",
    BotWentOn = "bot goes on after what it has dealt with",
    BotMissed = "bot is told of a gap",
    StatusKnown = "status known at rest",
    VisitorReads = "visitor reads",
    VisitorIsNone = "visitor is no member",
    VisitorKeptOut = "visitor not let in",
    KeptAll = "begun again with everything",
    KeptSome = "begun again with a loss",
    FoundEntries = "entries found on the disk",
    FromSnapshot = "begun again with a snapshot",
    TornTail = "torn end of a log cut off",
    Snapshot = "snapshot made",
    NoSnapshot = "snapshot failed",
    WriteFailed = "write failed",
    SyncFailed = "sync failed",
    LostUnsynced = "power cut took what was not synced",
}

impl Mark {
    /// A plain client of a dialect is let in.
    pub(crate) const fn of_voice(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Chat => Self::Chat,
            Dialect::Lobby => Self::Lobby,
            Dialect::Envelope => Self::Envelope,
            Dialect::SocketIo => Self::SocketIo,
            Dialect::Agents => Self::Agents,
        }
    }
}

/// Counts of everything that may happen.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    counts: [u64; NAMES.len()],
    closes: [u64; Disconnect::ALL.len()],
    refusals: [u64; Refusal::ALL.len()],
    typing_dropped: u64,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            counts: [0; NAMES.len()],
            closes: [0; Disconnect::ALL.len()],
            refusals: [0; Refusal::ALL.len()],
            typing_dropped: 0,
        }
    }
}

impl Marks {
    /// Something happened.
    pub(crate) const fn hit(&mut self, mark: Mark) {
        self.counts[mark as usize] += 1;
    }

    /// A user sees something.
    pub(crate) const fn event(&mut self, event: &ClientEvent) {
        self.hit(match event {
            ClientEvent::Attached { resumed: true, .. } => Mark::Resumed,
            ClientEvent::Attached { resumed: false, .. } => Mark::NewSession,
            ClientEvent::Joined { verdict: Verdict::Full, .. } => Mark::Full,
            ClientEvent::Joined { verdict: Verdict::Gap { .. }, .. } => Mark::Gap,
            ClientEvent::Joined { verdict: Verdict::Reset, .. } => Mark::Reset,
            ClientEvent::Left { .. } => Mark::Left,
            ClientEvent::Message(shown) if shown.from_history => Mark::CaughtUp,
            ClientEvent::Message(_) => Mark::Message,
            ClientEvent::History { .. } => Mark::Page,
            ClientEvent::Acknowledged { .. } => Mark::Acknowledged,
            ClientEvent::Noted { .. } => Mark::Noted,
            ClientEvent::Unresolved { .. } => Mark::Unresolved,
            ClientEvent::Gap { .. } => Mark::Vanished,
            ClientEvent::Refused { retry_after: Some(_), .. } => Mark::PutOff,
            ClientEvent::Refused { retry_after: None, .. } => Mark::GivenUp,
            ClientEvent::Warning { .. } => Mark::Warned,
            ClientEvent::Lagged { .. } => Mark::Lagged,
            ClientEvent::UserJoined { .. } => Mark::UserJoined,
            ClientEvent::UserLeft { .. } => Mark::UserLeft,
            ClientEvent::MembersChanged { .. } => Mark::Churn,
            ClientEvent::Presence { presence: Presence::Online, .. } => Mark::Online,
            ClientEvent::Presence { presence: Presence::Offline, .. } => Mark::Offline,
            ClientEvent::Presence { presence: Presence::Typing, .. } => Mark::Typing,
            ClientEvent::Members { .. } => Mark::Members,
            ClientEvent::Rooms { .. } => Mark::Rooms,
            ClientEvent::Created { .. } => Mark::Created,
            ClientEvent::Status { .. } => Mark::Status,
            ClientEvent::Task { .. } => Mark::Task,
            ClientEvent::Refreshed { .. } => Mark::Refreshed,
            ClientEvent::Pong { .. } => Mark::Pong,
            ClientEvent::Disconnected { .. } => Mark::Disconnected,
            ClientEvent::Ended { .. } => Mark::Ended,
        });
    }

    /// A step was carried out, and something came of it.
    pub(crate) const fn step(&mut self, action: &Action) {
        self.hit(match action {
            Action::Join { .. } => Mark::Join,
            Action::Leave { .. } => Mark::Leave,
            Action::Say { .. } => Mark::Say,
            Action::Typing { .. } => Mark::Type,
            Action::History { .. } => Mark::History,
            Action::Members { .. } => Mark::AskMembers,
            Action::Rooms => Mark::AskRooms,
            Action::Status { .. } => Mark::SetStatus,
            Action::Task { .. } => Mark::SetTask,
            Action::Repeat { .. } => Mark::Repeat,
            Action::Reuse { .. } => Mark::Reuse,
            Action::Found { .. } => Mark::Found,
            Action::Visit { .. } => Mark::Visit,
            Action::Depart { .. } => Mark::Depart,
            Action::Talk { .. } => Mark::Talk,
            Action::Invite { .. } => Mark::Invite,
            Action::Kick { .. } => Mark::Kick,
            Action::Run { .. } => Mark::Run,
            Action::See { .. } => Mark::See,
            Action::Renew { .. } => Mark::Renew,
            Action::Try { .. } => Mark::Try,
            Action::Create { .. } => Mark::Create,
            Action::Quit => Mark::Quit,
            Action::Crash => Mark::Crash,
            Action::Intrude { aim: Aim::Sit } => Mark::Sit,
            Action::Intrude { aim: Aim::Barge } => Mark::Barge,
            Action::Intrude { aim: Aim::Guess } => Mark::Guess,
            Action::Intrude { aim: Aim::Replay } => Mark::Replay,
            Action::Intrude { aim: Aim::Borrow } => Mark::Borrow,
            Action::Intrude { aim: Aim::Knock } => Mark::Knock,
            Action::Intrude { aim: Aim::Visit } => Mark::ComesByVisit,
            Action::Nonsense { .. } => Mark::Nonsense,
            Action::Cut => Mark::Cut,
            Action::Reset => Mark::Cutoff,
            Action::Fin => Mark::Fin,
            Action::HalfOpen { .. } => Mark::HalfOpen,
            Action::Stall { .. } => Mark::Stall,
            Action::Slow { .. } => Mark::Slow,
            Action::Pause { .. } => Mark::Pause,
            Action::Jump { .. } => Mark::Jump,
            Action::Restart { drain_us: None, .. } => Mark::Restart,
            Action::Restart { drain_us: Some(_), .. } => Mark::Drain,
            Action::PowerCut { .. } => Mark::PowerCut,
            Action::DiskFull { .. } => Mark::DiskFull,
            Action::SyncFails { .. } => Mark::SyncFails,
            Action::Skew { .. } => Mark::Skew,
            Action::NodeDies { .. } => Mark::NodeDies,
        });
    }

    /// A node closes a connection.
    pub(crate) fn closed(&mut self, reason: Disconnect) {
        let place = Disconnect::ALL.iter().position(|&its| its == reason).expect("all reasons are listed");
        self.closes[place] += 1;
    }

    /// What a node has counted in one of its lives.
    pub(crate) fn counters(&mut self, counters: &Counters) {
        for (sum, count) in self.refusals.iter_mut().zip(counters.refusals) {
            *sum += count;
        }
        self.typing_dropped += counters.typing_dropped;
    }

    /// All counts by name.
    pub(crate) fn by_name(&self) -> BTreeMap<String, u64> {
        let named = NAMES.iter().map(|&name| name.to_owned()).zip(self.counts);
        let closes = Disconnect::ALL.map(|reason| format!("close {reason}")).into_iter().zip(self.closes);
        let refusals = Refusal::ALL.iter().map(|refusal| format!("refused {refusal}")).zip(self.refusals);
        let dropped = [("typing dropped".to_owned(), self.typing_dropped)];
        named.chain(closes).chain(refusals).chain(dropped).collect()
    }
}

/// Whether a batch may lack it.
pub(crate) fn is_rare(mark: &str) -> bool {
    RARE.contains(&mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rare_exists() {
        let names = Marks::default().by_name();
        assert!(RARE.iter().all(|rare| names.contains_key(*rare)));
        assert!(names.len() > 90, "no two have one name: {}", names.len());
    }
}

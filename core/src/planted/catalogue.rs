//! The bugs by name, and which of them is in force.

use std::cell::Cell;

thread_local! {
    static IN_FORCE: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Puts a bug in force on this thread, in place of any other; `None` ends it.
pub fn plant(bug: Option<Bug>) {
    IN_FORCE.set(bug);
}

/// Whether a bug is in force on this thread.
#[must_use]
pub fn is_in_force(bug: Bug) -> bool {
    IN_FORCE.get() == Some(bug)
}

/// Makes the enum, the list of all, and what they are called, from one table.
macro_rules! catalogue {
    ($(#[doc = $what:literal] $bug:ident = $name:literal,)*) => {
        /// A mistake that a good engineer could make.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Bug {
            $(#[doc = $what] $bug,)*
        }

        impl Bug {
            /// All of them, by the machine they are in.
            pub const ALL: &[Self] = &[$(Self::$bug,)*];

            /// Its name, in kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$bug => $name,)*
                }
            }

            /// What is wrong, in one sentence.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$bug => $what.trim_ascii(),)*
                }
            }
        }
    };
}

catalogue! {
    // Shard.
    /// Who resumes is told that nothing is missing, and the first message they missed is passed over.
    ResumeOffByOne = "resume-off-by-one",
    /// Who comes back after their place was forgotten is told that nothing is missing.
    GapNotAnnounced = "gap-not-announced",
    /// A gap is announced one message too far: one that is still kept.
    GapTooWide = "gap-too-wide",
    /// A room has the same epoch in the server's next life.
    EpochReusedAfterRestart = "epoch-reused-after-restart",
    /// A room that is made again has the epoch of the one that was dropped.
    EpochOfDroppedRoom = "epoch-of-dropped-room",
    /// A number is left out when the history first overflows.
    SeqSkipped = "seq-skipped",
    /// A page of history begins with the message it should end before.
    PageOverlap = "page-overlap",
    /// A sixteenth of the answers is remembered.
    IdempotenceWindowTooShort = "idempotence-window-too-short",
    /// A session's answers are forgotten when it is resumed.
    AnswersLostOnResume = "answers-lost-on-resume",
    /// What is sent again is refused, though it is in the room.
    RepeatRefused = "repeat-refused",
    /// An acknowledgement names the place before the message's.
    AckNamesPlaceBefore = "ack-names-place-before",
    /// What an old connection still says, and its end, act for the newer one.
    LateLeaveUndoesJoin = "late-leave-undoes-join",
    /// A session is handed to a new connection while the old one goes on.
    TakeOverLeavesOldSocket = "take-over-leaves-old-socket",
    /// A session that expires leaves its rooms' members as they are.
    GhostMember = "ghost-member",
    /// Nobody is told of a membership that ends with its session.
    MemberListStale = "member-list-stale",
    /// Nobody is told who is in a room when it has shrunk to where single presences are told.
    ShrunkRoomNotListed = "shrunk-room-not-listed",
    /// A session can be resumed for the presence grace only.
    SessionEndsWithGrace = "session-ends-with-grace",
    /// Nobody is told that a member is offline.
    AbsenceNotAnnounced = "absence-not-announced",
    /// Who comes in is not told which of the members are away.
    AbsentNotToldToNewcomers = "absent-not-told-to-newcomers",
    /// Nobody is told that a member who was offline is back.
    ReturnNotAnnounced = "return-not-announced",
    /// A grace that has begun ends with "offline", whoever has come back since.
    GraceNotCancelled = "grace-not-cancelled",
    /// A member is offline as soon as the connection is gone.
    PresenceWithoutGrace = "presence-without-grace",
    /// A push goes to all gateways but the first, if there are several.
    FanOutMissesGateway = "fan-out-misses-gateway",
    /// A room of exactly `roster_max` members is taken for a large one.
    RosterLimitOffByOne = "roster-limit-off-by-one",
    /// Questions and typing notices are taken from anyone.
    MembershipNotChecked = "membership-not-checked",
    /// A session is taken up without its secret.
    GuessedSecretAccepted = "guessed-secret-accepted",
    /// A secret goes on to be good when newer ones were shown.
    OldSecretStaysGood = "old-secret-stays-good",
    /// A user has too many sessions with one less than they may have.
    SessionsOneTooFew = "sessions-one-too-few",
    /// An attach that was overtaken by a newer one of its client takes the session from it.
    StaleAttachTakesOver = "stale-attach-takes-over",
    /// One message less is kept than is to be.
    LogTrimmedOneShort = "log-trimmed-one-short",
    /// What is said by who is not in the room is taken.
    NonMembersSpeak = "non-members-speak",
    /// What is said goes into the first of its author's rooms.
    SaidInFirstRoom = "said-in-first-room",
    /// Who leaves a large room and comes back between two reports is in neither.
    ChurnCancelsOut = "churn-cancels-out",
    /// A room takes one task more than it may hold.
    TasksOneTooMany = "tasks-one-too-many",
    /// Who comes in is not told of the tasks of a room.
    TasksNotToldToNewcomers = "tasks-not-told-to-newcomers",
    /// What a change of a task does not say is forgotten.
    TaskChangeClearsRest = "task-change-clears-rest",
    /// A room is full with one member less than it may have.
    RoomFullTooEarly = "room-full-too-early",
    /// A user makes as many rooms as fit.
    MakersUnlimited = "makers-unlimited",
    /// A gap that opens while somebody catches up takes all but the newest message.
    GapGrows = "gap-grows",
    /// Rooms are listed with the members there are beside the one who asks.
    RoomsCountOthers = "rooms-count-others",
    /// Who writes is shown to on their own node only.
    TypingStaysOnItsNode = "typing-stays-on-its-node",
    /// A key is remembered for a sixtieth of its time.
    KeyForgottenEarly = "key-forgotten-early",
    /// Whatever is said under a key that was used is taken for what was said under it first.
    KeyStandsForAnotherMessage = "key-stands-for-another-message",
    /// A key that was used in one room counts as used in all others.
    KeyCountsEverywhere = "key-counts-everywhere",
    /// However many keys all users have together, they are remembered.
    KeysOfAllUnbounded = "keys-of-all-unbounded",
    /// Keys that are forgotten still count.
    KeysNeverUncounted = "keys-never-uncounted",
    /// However many users have spent something, none of them is forgotten.
    SpentUnbounded = "spent-unbounded",
    /// What users have spent is kept for a quarter of its time.
    SpentForgottenEarly = "spent-forgotten-early",
    /// What is said again under its key is answered with the place of the newest message.
    RepeatMisplaced = "repeat-misplaced",
    /// Who is sent away on one connection stays on the others.
    KickTakesOneSeat = "kick-takes-one-seat",
    /// Who is sent away is still invited.
    KickLeavesInvitation = "kick-leaves-invitation",
    /// Anybody sends others away.
    AnybodyRules = "anybody-rules",
    /// Anybody comes into a private room.
    PrivateRoomOpen = "private-room-open",
    /// Whom an owner lets in is kept out.
    InvitationLost = "invitation-lost",
    /// However many a private room has let in, it lets others in.
    InvitationsUnbounded = "invitations-unbounded",
    /// Who visits reads every room.
    VisitorsReadAll = "visitors-read-all",
    /// Who visits takes a seat.
    VisitorsStay = "visitors-stay",
    /// Who visits reads only what is theirs, and not where they are.
    MembersVisitInVain = "members-visit-in-vain",
    /// Private rooms are listed for everybody.
    PrivateRoomListed = "private-room-listed",
    /// A bot that comes back is shown what newcomers are shown.
    CursorIgnored = "cursor-ignored",
    /// What a bot has dealt with is taken to be all there is.
    CursorRunsAhead = "cursor-runs-ahead",
    /// What a bot is doing is not kept: who comes later does not hear of it.
    BotStatusNotKept = "bot-status-not-kept",
    /// A bot that goes is not shown to have stopped.
    BotGoesUnseen = "bot-goes-unseen",
    /// Whatever is said, what a shard has done has the same digest.
    DigestWithoutContent = "digest-without-content",
    /// A user is kept in the table of sessions when the last of theirs has ended.
    UsersNeverForgotten = "users-never-forgotten",

    /// Who comes back is told that what they sent before is not known any more.
    RoomsForgetSessions = "rooms-forget-sessions",
    /// Who was forgotten where they speak is told that what they sent before is known.
    ForgottenSessionCalledKnown = "forgotten-session-called-known",
    /// A room is dropped after a sixtieth of the time for which it is to be kept empty.
    RoomDroppedAtOnce = "room-dropped-at-once",
    /// What somebody does is said of the first member there is.
    StatusOfSomebodyElse = "status-of-somebody-else",
    /// Who comes in is not told what others do.
    StatusNotToldToNewcomers = "status-not-told-to-newcomers",
    /// What somebody does is listed, and nobody is told.
    StatusNotPassedOn = "status-not-passed-on",
    /// A page holds one message, however many were asked for.
    PageOfOne = "page-of-one",
    /// Pages tell when a message was said by the second only.
    HistoryTellsAnotherTime = "history-tells-another-time",
    /// A session is in one room more than it may be.
    RoomsPerSessionOneTooMany = "rooms-per-session-one-too-many",
    /// Who is away is said to be since their grace ended.
    AwaySinceGraceEnded = "away-since-grace-ended",

    // Gateway.
    /// A connection that takes a session up begins with full limiters.
    LimiterRefillsOnReconnect = "limiter-refills-on-reconnect",
    /// A session that is resumed is not welcomed.
    ResumeNotWelcomed = "resume-not-welcomed",
    /// A reader is live at once, without what it has missed.
    LiveWithoutCatchingUp = "live-without-catching-up",
    /// The next page begins one message too late.
    HistoryCursorSkips = "history-cursor-skips",
    /// A full outbox takes what is said in rooms all the same.
    OutboxCapIgnored = "outbox-cap-ignored",
    /// Who writes is told so.
    TypingEchoed = "typing-echoed",
    /// Who writes on is shown to write no longer than one notice lasts.
    TypingToldOnce = "typing-told-once",
    /// Those who are told on a period how their node fares are told once.
    HealthToldOnce = "health-told-once",
    /// Seconds are taken for milliseconds, so that a typing notice never ends by itself.
    TypingNeverCleared = "typing-never-cleared",
    /// A connection that is silent is kept.
    HeartbeatIgnored = "heartbeat-ignored",
    /// That the socket takes bytes is taken for a sign of life of whoever should read them.
    SocketTakenForLife = "socket-taken-for-life",
    /// The next ping is due as soon as the last one is answered.
    PingedWithoutRest = "pinged-without-rest",
    /// A connection that is silent is closed with a code that means: stay away.
    WrongCloseCode = "wrong-close-code",
    /// Who has left a room still reads it.
    PushToThoseWhoLeft = "push-to-those-who-left",
    /// Who asks to leave reads no more, though it takes a while until they have left.
    LeaverMissesLast = "leaver-misses-last",
    /// A connection begins with unused quotas.
    QuotaRefillsOnReconnect = "quota-refills-on-reconnect",
    /// A limit that closes who is above it only says so.
    LimitClosesNobody = "limit-closes-nobody",
    /// Whoever has one message left of a quota that closes is closed for it.
    ClosesBelowTheLimit = "closes-below-the-limit",
    /// A quota admits one more than it should.
    QuotaOneTooMany = "quota-one-too-many",
    /// Who is told that their token has ended may go on for ever.
    TokenNeverEnds = "token-never-ends",
    /// Who is told that their token has ended is closed at once.
    TokenWithoutGrace = "token-without-grace",
    /// A newer token is taken, and the connection ends with the old one.
    RefreshForgotten = "refresh-forgotten",
    /// What a newer token makes of its user counts for nothing.
    RenewalKeepsRole = "renewal-keeps-role",
    /// Who shows no token is who they say they are, also where one is required.
    TokenNotRequired = "token-not-required",
    /// Whatever a token says, its user is a member.
    RoleForgotten = "role-forgotten",
    /// Who is replaced goes on reading.
    SilentStillReads = "silent-still-reads",
    /// However many connections of a user are silent, they stay open.
    SilentUnbounded = "silent-unbounded",
    /// A session whose connection ends before it is told stays.
    SessionOutlivesConnection = "session-outlives-connection",
    /// Where the first frame decides what is spoken, it is always the native dialect.
    FirstFrameOverlooked = "first-frame-overlooked",
    /// Who is sent away from a room still reads it.
    KickLeavesReader = "kick-leaves-reader",
    /// An answer is left out when the outbox has not drained.
    AckShed = "ack-shed",
    /// What was read of a socket when it is not to be read any more is forgotten.
    KeptForgotten = "kept-forgotten",
    /// The mask of a frame begins anew with every piece of it that comes.
    MaskBeginsAnew = "mask-begins-anew",
    /// A control frame between two fragments ends their message.
    ControlEndsMessage = "control-ends-message",
    /// A socket that was not read for a while is never read again.
    ReadingStaysOff = "reading-stays-off",
    /// Only the first line of a message is kept.
    ContentCutAtLine = "content-cut-at-line",
    /// Bytes that waited for a connection that has ended still count.
    OutboxBytesLeak = "outbox-bytes-leak",
    /// A connection that ends stays a reader of its rooms.
    ReaderNotUnseated = "reader-not-unseated",
    /// What a socket does not take of a frame is forgotten.
    PartialWriteDropsRest = "partial-write-drops-rest",
    /// A connection that was closed first stays in the table when it ends.
    ClosedConnectionKept = "closed-connection-kept",
    /// All who are sent away are told to come back after the same time.
    AllReturnAtOnce = "all-return-at-once",
    /// A reader who is behind gets no pages when there is room again.
    NotCaughtUpWhenDrained = "not-caught-up-when-drained",
    /// Who sends too fast is not told when to try again.
    RetryTimeForgotten = "retry-time-forgotten",
    /// In specification 1, how long to wait is rounded down.
    WaitRoundedDown = "wait-rounded-down",
    /// In specification 3, how long to wait is told in seconds, and read as milliseconds.
    RetryInSeconds = "retry-in-seconds",
    /// Draining ends with the first batch.
    DrainForgetsConnections = "drain-forgets-connections",
    /// Who never says who they are is kept.
    AttachTimeoutIgnored = "attach-timeout-ignored",
    /// A reader who takes nothing is kept.
    SlowReaderNeverClosed = "slow-reader-never-closed",
    /// While something waits for one reader, nothing is written to those who come after.
    SlowReaderHoldsUpOthers = "slow-reader-holds-up-others",
    /// A reader who is behind, or whose outbox is nearly full, is closed at once.
    SlowClosedAtOnce = "slow-closed-at-once",
    /// A connection is idle from its beginning on, whatever is said on it.
    IdleCountsFromConnect = "idle-counts-from-connect",
    /// A connection that is idle is kept.
    IdleKept = "idle-kept",
    /// What a warning has counted is counted by the next one, too.
    WarningsCountedTwice = "warnings-counted-twice",
    /// Of everything that is too fast there is a warning at once.
    WarnsEveryTime = "warns-every-time",
    /// What one may not do ends nothing, even where it should.
    ClosesForgiven = "closes-forgiven",
    /// A length of 126 is written in one byte.
    FrameLengthBoundary = "frame-length-boundary",
    /// Lengths of two bytes are written with the lower one first.
    FrameLengthReversed = "frame-length-reversed",
    /// Changes that a full outbox leaves out are not made up for.
    LeftOutForGood = "left-out-for-good",
    /// The list that makes up for what was left out tells of members only.
    ListWithoutTasks = "list-without-tasks",
    /// Everything is left out with half as much in an outbox as may wait there.
    LeftOutAtHalfItsShare = "left-out-at-half-its-share",
    /// A reader who falls behind goes on with the message after the one that did not fit.
    LagSkipsMessage = "lag-skips-message",
    /// What a shard refuses is answered without its number.
    RefusalLosesNumber = "refusal-loses-number",
    /// In specification 4, which message another one answers is left out.
    ReplyOmitted = "reply-omitted",
    /// How far somebody has come is left out.
    ProgressOmitted = "progress-omitted",
    /// In specification 3, what an error is about is told as of anything else.
    ErrorToldAsMessage = "error-told-as-message",
    /// Lists show everybody as being there.
    AwayListedOnline = "away-listed-online",
    /// Of a large room one member less is counted.
    RosterCountShort = "roster-count-short",
    /// When somebody was last seen is when that is told.
    LastSeenIsNow = "last-seen-is-now",
    /// That somebody still writes is passed on twice as often as anybody needs it.
    TypingSaidAgain = "typing-said-again",
    /// A message was said when a node passes it on.
    TimeOfReading = "time-of-reading",
    /// A close that a client asks for is overlooked until its socket is closed.
    CloseOverlooked = "close-overlooked",
    /// A connection's place in the table is not used again.
    SlotsNeverFreed = "slots-never-freed",
    /// A room's place in the table is not used again.
    RoomSlotsNeverFreed = "room-slots-never-freed",

    // Limiter.
    /// One more than the burst is admitted.
    LimiterTooGenerous = "limiter-too-generous",
    /// A refusal takes back what has been refilled since.
    RefusalTakesRefill = "refusal-takes-refill",
    /// Who is too fast is told to wait for a quarter of what it takes.
    RetryAfterTooShort = "retry-after-too-short",
    /// Who is too fast is told to wait for three times what it takes.
    RetryAfterTooLong = "retry-after-too-long",
    /// A connection that takes a session up begins with a full limiter for what is no message.
    ControlLimiterRefillsOnReconnect = "control-limiter-refills-on-reconnect",
    /// Of requests that are no messages four times as many are served at once.
    ControlLimiterTooLoose = "control-limiter-too-loose",
    /// Of requests that are no messages half as many are served at once.
    ControlLimiterTooTight = "control-limiter-too-tight",

    // Client.
    /// Who was sent away from a room goes back by itself with the next connection.
    KickedClientReturns = "kicked-client-returns",
    /// Where it had read is forgotten with the connection.
    ClientForgetsPosition = "client-forgets-position",
    /// What was on its way when the connection went is not sent again.
    ClientNeverRepeats = "client-never-repeats",
    /// What was on its way when the connection went is forgotten.
    ClientForgetsUnanswered = "client-forgets-unanswered",
    /// A send refused for its rate is given up, though it was to be repeated.
    RateRefusalDropped = "rate-refusal-dropped",
    /// A pause that is over is woken up for again and again.
    BusyTimer = "busy-timer",
    /// A silent connection counts as alive.
    SilenceOverlooked = "silence-overlooked",
    /// Its user is not told that somebody has stopped writing.
    TypingEndNotTold = "typing-end-not-told",
    /// It shows one more to write than it should.
    OneWriterTooMany = "one-writer-too-many",
    /// A join refused for its rate is given up.
    RefusedJoinGivenUp = "refused-join-given-up",
    /// Its user is told that they have left as soon as they ask to.
    LeftTooEarly = "left-too-early",
    /// It leaves before what was said earlier is in the room.
    LeaveOvertakesSends = "leave-overtakes-sends",
    /// What is sent again goes into the room of the latest send.
    RepeatedIntoAnotherRoom = "repeated-into-another-room",
    /// Of what waits to be sent the newest goes first.
    NewestSentFirst = "newest-sent-first",
    /// Its user is not told that live messages stop.
    LagNotTold = "lag-not-told",
    /// Its user is not told that a room was made.
    CreatedNotTold = "created-not-told",
    /// Its user is not told that a newer token was taken.
    RenewalNotTold = "renewal-not-told",
    // What outlives the process.
    /// After a loss rooms go on in the epochs they had.
    EpochOutlivesLoss = "epoch-outlives-loss",
    /// An entry is applied before it is as durable as promised.
    AckBeforeDurable = "ack-before-durable",
    /// What a power cut left of a batch is taken for all of it.
    TornTailAccepted = "torn-tail-accepted",
    /// A snapshot has no answers to what was sent.
    SnapshotDropsAnswers = "snapshot-drops-answers",
}

//! One room as its reader sees it.

use std::collections::{BTreeMap, BTreeSet};

use chinwag_core::{
    Epoch, Position, RequestId, RoomName, Seq, Time, UserName,
    client::{Member, Presence, Shown},
    shard::{Kind, Status},
};

use super::{
    Keep,
    line::{Body, Line, Said, names},
    lines::Lines,
};

/// A room.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// What stands in it, oldest first.
    pub lines: Lines,
    /// Who is in it, as far as that is known.
    pub members: BTreeMap<UserName, Someone>,
    /// How many are.
    pub count: usize,
    /// Who writes just now.
    pub typing: BTreeSet<UserName>,
    /// Messages of others that were shown while the reader looked elsewhere.
    pub unread: usize,
    /// Those of them that name the reader.
    pub mentions: usize,
    /// The first line that was unread when the reader came to look, by its number.
    pub unread_from: Option<i64>,
    /// Messages of others, ever.
    pub heard: u64,
    /// Those of them that named the reader, and were news.
    pub named: u64,
    /// Whether the server shows it to this connection.
    pub here: bool,
    /// Whether the reader is to stay in it.
    pub stay: Stay,
    /// What the reader has said and the room has not shown yet, in order.
    pub pending: Vec<Pending>,
    /// What is before the first message.
    pub older: Older,
    /// Where the reader looked when they first came to look at it.
    pub(super) came_from: Option<RoomName>,
    /// The life of the room's log that is shown.
    epoch: Option<Epoch>,
    /// The number of the first line of it.
    begin: i64,
    /// The first message of it that is shown, or would be.
    from: Seq,
    /// The list of members is shown up to this name, and goes on there.
    listed_to: Option<UserName>,
    /// What is newer than this came after the reader did.
    seen: Seq,
    /// The newest message that is shown, or never will be.
    newest: Option<Position>,
}

/// A member.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Someone {
    /// The connection is lost and the user not given up yet.
    pub away: bool,
    /// What they say that they are doing.
    pub status: Option<Status>,
}

/// Something that was said and is not shown yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pending {
    /// The request's number.
    pub id: RequestId,
    /// What was said.
    pub content: Box<str>,
    /// Its place in the room, once that is known.
    pub position: Option<Position>,
}

/// Whether a reader is to stay in a room.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Stay {
    /// They are.
    #[default]
    Wanted,
    /// They have asked to leave. What was said before still comes; nothing is said there any more.
    Leaving,
    /// They have asked to leave, and then to come back.
    Again,
}

/// What is before a room's first message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Older {
    /// Perhaps something.
    #[default]
    Unknown,
    /// It has been asked for.
    Asked(RequestId),
    /// Nothing that the server keeps.
    Nothing,
    /// Nothing that there is room for.
    NoRoom,
}

impl Room {
    /// One that is looked at for the first time.
    pub(super) fn looked_at_from(came_from: Option<RoomName>) -> Self {
        Self { came_from, ..Self::default() }
    }

    /// The first message of the present log that is shown, or would be: there are older ones, if it is not the first of all.
    #[must_use]
    pub fn oldest(&self) -> Option<Seq> {
        self.epoch.map(|_| self.from)
    }

    /// The number of the first line of the present log, if it has one already.
    #[must_use]
    pub fn begin(&self) -> i64 {
        self.lines.first().map_or(self.begin, |first| self.begin.max(first))
    }

    /// Puts a line at the end. What has no room any more cannot be shown again.
    pub(super) fn push(&mut self, line: Line, keep: &Keep) {
        if !self.lines.push(line, keep) {
            self.older = Older::NoRoom;
        }
    }

    /// The server shows the room from `next` on. What is missing becomes a line.
    pub(super) fn enter(&mut self, head: Position, next: Seq) -> Option<Body> {
        self.here = true;
        self.shown_up_to(Position::new(head.epoch, Seq(next.0.saturating_sub(1))));
        let before = self.epoch.replace(head.epoch);
        if before == self.epoch {
            return None;
        }
        // What was there when the reader first came is not news; what a new log holds is.
        self.seen = if before.is_none() { head.seq } else { Seq(next.0.saturating_sub(1)) };
        self.older = Older::Unknown;
        self.from = next;
        self.begin = match before {
            None => self.lines.first().unwrap_or_else(|| self.lines.next()),
            // It stands below the line that says so.
            Some(_) => self.lines.next() + 1,
        };
        before.map(|_| Body::Anew)
    }

    /// The connection is gone.
    pub(super) fn disconnected(&mut self) {
        self.here = false;
        self.typing.clear();
        if let Older::Asked(_) = self.older {
            self.older = Older::Unknown;
        }
    }

    /// Something was said; `looking` while the reader looks at the room.
    pub(super) fn said(&mut self, shown: &Shown, me: &UserName, looking: bool) -> Body {
        let said = said(shown, me);
        self.typing.remove(&shown.user);
        self.shown_up_to(shown.position);
        let is_news = !said.mine && said.position.seq > self.seen;
        self.heard += u64::from(!said.mine);
        self.named += u64::from(is_news && said.mentions_me);
        if is_news && !looking {
            if self.unread == 0 {
                self.unread_from = Some(self.lines.next());
            }
            self.unread += 1;
            self.mentions += usize::from(said.mentions_me);
        }
        Body::Said(said)
    }

    /// What the reader has said up to there is shown, or never will be.
    pub(super) fn shown_up_to(&mut self, position: Position) {
        let newer = self.newest.filter(|newest| newest.epoch == position.epoch && newest.seq > position.seq);
        let newest = newer.unwrap_or(position);
        self.newest = Some(newest);
        let is_to_come = |at: Position| at.epoch == newest.epoch && at.seq > newest.seq;
        self.pending.retain(|pending| pending.position.is_none_or(is_to_come));
    }

    /// What the reader has said is there. After a reconnect it may have been shown before its author is told so.
    pub(super) fn acknowledged(&mut self, id: RequestId, position: Position) {
        for pending in self.pending.iter_mut().filter(|pending| pending.id == id) {
            pending.position = Some(position);
        }
        if let Some(newest) = self.newest {
            self.shown_up_to(newest);
        }
    }

    /// Older messages have come: those that were asked for, and none that is shown.
    pub(super) fn prepend(&mut self, id: RequestId, page: &[Shown], more: bool, me: &UserName, keep: &Keep) {
        if self.older != Older::Asked(id) {
            return;
        }
        let is_new =
            |shown: &&Shown| Some(shown.position.epoch) == self.epoch && shown.position.seq < self.from;
        let Some(oldest) = page.iter().find(is_new) else {
            self.older = Older::Nothing;
            return;
        };
        let lines: Vec<_> = page.iter().filter(is_new).map(|shown| line(shown, me)).collect();
        self.from = oldest.position.seq;
        let (begin, before) = (self.begin(), self.lines.len());
        let index = self.lines.first().map_or(0, |first| usize::try_from(begin - first).unwrap_or(0));
        let has_room = self.lines.insert(index, lines, keep);
        self.begin = begin - number(self.lines.len() - before);
        self.older = match (more, has_room) {
            (true, true) => Older::Unknown,
            (false, true) => Older::Nothing,
            (_, false) => Older::NoRoom,
        };
    }

    /// What was asked for under this number will not come.
    pub(super) fn not_answered(&mut self, id: RequestId) {
        if self.older == Older::Asked(id) {
            self.older = Older::Unknown;
        }
    }

    /// These and nobody else are members, if it is said who.
    pub(super) fn set_members(&mut self, names: Option<&[UserName]>) {
        let Some(names) = names else { return };
        self.members.retain(|name, _| names.contains(name));
        for name in names {
            self.members.entry(name.clone()).or_default();
        }
        self.count = self.members.len();
        self.typing.retain(|name| self.members.contains_key(name));
    }

    /// A page of the list of members. Who belongs there and is not on it is none.
    pub(super) fn list_members(&mut self, listed: &[Member], count: usize, more: bool) {
        let begins_behind = |to: &UserName| listed.first().is_some_and(|member| member.user > *to);
        let after = self.listed_to.take().filter(begins_behind);
        self.listed_to = listed.last().filter(|_| more).map(|member| member.user.clone());
        let to = self.listed_to.as_ref();
        self.members.retain(|name, _| {
            after.as_ref().is_some_and(|after| name <= after) || to.is_some_and(|to| name > to)
        });
        for member in listed {
            let someone =
                Someone { away: member.presence == Presence::Offline, status: member.status.clone() };
            self.members.insert(member.user.clone(), someone);
        }
        self.count = count;
    }

    pub(super) fn came(&mut self, user: &UserName) {
        if self.members.insert(user.clone(), Someone::default()).is_none() {
            self.count += 1;
        }
    }

    pub(super) fn went(&mut self, user: &UserName) {
        self.typing.remove(user);
        if self.members.remove(user).is_some() {
            self.count = self.count.saturating_sub(1);
        }
    }

    pub(super) fn presence(&mut self, user: &UserName, presence: Presence) {
        match presence {
            Presence::Typing => self.typing.insert(user.clone()),
            Presence::Online | Presence::Offline => self.typing.remove(user),
        };
        if let Some(someone) = self.members.get_mut(user) {
            someone.away = presence == Presence::Offline;
        }
    }

    /// Behind which name the list of members goes on, if so many names are wanted and have not come.
    #[must_use]
    pub fn unlisted(&self, wanted: usize) -> Option<&UserName> {
        let to = self.listed_to.as_ref()?;
        (self.members.range(..=to.clone()).count() < wanted).then_some(to)
    }

    /// Forgets the names that come last, if there are more than `max`.
    pub(super) fn trim_members(&mut self, max: usize) {
        while self.members.len() > max {
            self.members.pop_last();
        }
    }

    /// The reader looks at it.
    pub(super) const fn read(&mut self) {
        (self.unread, self.mentions) = (0, 0);
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).expect("a count of lines in memory")
}

fn line(shown: &Shown, me: &UserName) -> Line {
    let at = Time::from_rfc3339(&shown.timestamp).unwrap_or_default();
    Line { at, body: Body::Said(said(shown, me)) }
}

/// A message as a reader sees it.
pub(super) fn said(shown: &Shown, me: &UserName) -> Said {
    let extra = shown.extra.as_deref();
    let mentioned = extra.is_some_and(|extra| extra.mentions.iter().any(|name| **name == *me.as_str()));
    let mine = shown.user == *me;
    Said {
        position: shown.position,
        user: shown.user.clone(),
        content: shown.content.clone(),
        kind: extra.map_or(Kind::Text, |extra| extra.kind),
        file: extra.and_then(|extra| extra.file.as_ref()).map(|file| (*file.url).into()),
        mine,
        mentions_me: !mine && (mentioned || names(&shown.content, me)),
    }
}

//! What a client emits: an event's name, and one flat view of what it holds.

use std::{borrow::Cow, fmt, marker::PhantomData, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use super::bot_room;
use crate::{
    dialect::{Command, Percent, chat::Text},
    id::{Epoch, Position, Seq},
    identity::Token,
    name::{NameError, RoomName, UserName},
    refusal::Refusal,
    shard::{Extra, Kind, PRIORITY_NORMAL, Status, TaskChange},
};

/// What a client shows as it connects (S3.2).
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", expecting = "an object")]
pub(super) struct Auth<'a> {
    #[serde(borrow)]
    pub(super) token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) user_id: Option<Text<'a>>,
}

/// An event as a client emits it; arguments after the first are passed over.
#[derive(Debug)]
pub(super) struct Emitted<'a> {
    name: Text<'a>,
    data: Data<'a>,
}

/// All fields an event may hold. Unknown ones are passed over, so that the client may be newer; so is the client's
/// own `timestamp`, be it a date, a number or text (S3.9).
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase", expecting = "an object")]
pub(super) struct Data<'a> {
    /// The event's only argument, where it is text and no object.
    #[serde(skip)]
    word: Option<Text<'a>>,
    #[serde(borrow)]
    bot_id: Option<Text<'a>>,
    #[serde(borrow)]
    room: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    reply_to: Option<u64>,
    #[serde(borrow)]
    mentions: Option<Vec<Text<'a>>>,
    priority: Option<u8>,
    is_typing: Option<bool>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    error: Option<Text<'a>>,
    progress: Option<Percent>,
    #[serde(borrow)]
    task_id: Option<Text<'a>>,
    #[serde(borrow)]
    assignee: Option<Text<'a>>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    token: Option<Text<'a>>,
    since: Option<u64>,
    epoch: Option<u64>,
    seq: Option<u64>,
    before: Option<u64>,
    limit: Option<u32>,
    #[serde(borrow)]
    after: Option<Text<'a>>,
    private: Option<bool>,
    #[serde(borrow)]
    user_id: Option<Text<'a>>,
}

/// What is wrong with an event.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not the JSON that it should be.
    Json(serde_json::Error),
    UnknownEvent(String),
    Missing(&'static str),
    Wrong(&'static str, &'static str),
    Room(NameError),
    User(&'static str, NameError),
    /// A bot speaks for itself only.
    AnotherBot,
}

impl<'a> Emitted<'a> {
    /// Reads an event.
    ///
    /// # Errors
    /// [`Fault::Json`].
    pub(super) fn parse(data: &'a str) -> Result<Self, Fault> {
        serde_json::from_str(data).map_err(Fault::Json)
    }

    /// Whether nobody answers it, and so a callback is called at once.
    pub(super) fn is_fleeting(&self) -> bool {
        &*self.name == "typing"
    }

    /// What it asks for, of whoever connected as `user`.
    ///
    /// # Errors
    /// A [`Fault`].
    pub(super) fn command(self, user: &UserName) -> Result<Command<'a>, Fault> {
        let Self { name, data } = self;
        Ok(match &*name {
            "bot:join" => data.join(data.bot()?)?,
            "bot:start" => Command::Run { room: data.bot()?, on: true },
            "bot:stop" => Command::Run { room: data.bot()?, on: false },
            "bot:seen" => {
                let seq = data.seq.map(Seq).ok_or(Fault::Missing("seq"))?;
                Command::Seen { room: data.own_room(user)?, seq }
            }
            "bot:leave" => Command::Leave { room: data.bot()? },
            "room:join" => data.join(data.place()?)?,
            "room:leave" => Command::Leave { room: data.place()? },
            "room:create" => Command::Create { room: data.place()?, private: data.private.unwrap_or(false) },
            "room:invite" => Command::Invite { room: data.place()?, user: data.whom()? },
            "room:kick" => Command::Kick { room: data.place()?, user: data.whom()? },
            "chat:message" => data.say(user)?,
            "chat:history" => {
                Command::History { room: data.place()?, before: data.before.map(Seq), limit: data.limit }
            }
            "typing" => {
                Command::Typing { room: data.place()?, on: data.is_typing.ok_or(Fault::Missing("isTyping"))? }
            }
            "bot:status" => {
                Command::Status { room: data.own_room(user)?, status: data.standing()?.ok_or(NO_STATUS)? }
            }
            "user:status" => {
                Command::Status { room: data.place()?, status: data.standing()?.ok_or(NO_STATUS)? }
            }
            "task" => Command::Task { room: data.place()?, task: data.task()? },
            "room:members" => {
                let after = data.after.as_deref().map(UserName::new).transpose();
                let after = after.map_err(|why| Fault::User("after", why))?;
                Command::Members { room: data.place()?, after, limit: data.limit }
            }
            "room:list" => {
                let after = data.after.as_deref().map(RoomName::new).transpose().map_err(Fault::Room)?;
                Command::Rooms { after, limit: data.limit }
            }
            "token:refresh" => {
                let token = data.token.as_deref().or(data.word.as_deref()).ok_or(Fault::Missing("token"))?;
                Command::Refresh { token: Token::new(token) }
            }
            other => return Err(Fault::UnknownEvent(other.chars().take(EVENT_CHARS_MAX).collect())),
        })
    }
}

/// As much as is repeated of the name of an event that is not known.
const EVENT_CHARS_MAX: usize = 64;

const NO_STATUS: Fault = Fault::Missing("status");

impl<'a> Data<'a> {
    /// The room of the bot that is named.
    fn bot(&self) -> Result<RoomName, Fault> {
        let id = self.bot_id.as_deref().or(self.word.as_deref()).ok_or(Fault::Missing("botId"))?;
        bot_room(id).map_err(Fault::Room)
    }

    /// The room that is named, by itself or by its bot.
    fn place(&self) -> Result<RoomName, Fault> {
        if self.bot_id.is_some() {
            return self.bot();
        }
        let name = self.room.as_deref().or(self.word.as_deref()).ok_or(Fault::Missing("botId or room"))?;
        RoomName::new(name).map_err(Fault::Room)
    }

    /// The room of the bot that speaks.
    fn own_room(&self, user: &UserName) -> Result<RoomName, Fault> {
        match &self.bot_id {
            Some(id) if **id != *user.as_str() => Err(Fault::AnotherBot),
            _ => bot_room(user.as_str()).map_err(Fault::Room),
        }
    }

    /// The user that is let in or sent away.
    fn whom(&self) -> Result<UserName, Fault> {
        let name = self.user_id.as_deref().ok_or(Fault::Missing("userId"))?;
        UserName::new(name).map_err(|why| Fault::User("userId", why))
    }

    fn join(&self, room: RoomName) -> Result<Command<'a>, Fault> {
        let since = match (self.since, self.epoch) {
            (None, _) => None,
            (Some(seq), Some(epoch)) => Some(Position::new(Epoch(epoch), Seq(seq))),
            (Some(_), None) => return Err(Fault::Wrong("since", "needs the epoch it counts in")),
        };
        Ok(Command::Join { room, since, history: None })
    }

    fn say(self, user: &UserName) -> Result<Command<'a>, Fault> {
        let room = self.place()?;
        // Only a bot in its own room is one: what it does at the moment goes with what it says (S3.14).
        let is_bot = bot_room(user.as_str()).is_ok_and(|own| own == room);
        let extra = Extra {
            key: self.id.as_deref().map(Arc::from),
            reply_to: self.reply_to,
            kind: if is_bot { Kind::Agent } else { Kind::Text },
            mentions: self.mentions.iter().flatten().map(|name| Arc::from(&**name)).collect(),
            priority: self.priority.unwrap_or(PRIORITY_NORMAL),
            ..Extra::default()
        };
        let content: Cow<'a, str> =
            self.message.or(self.content).or(self.text).ok_or(Fault::Missing("message"))?.0;
        Ok(Command::Publish { room, content, extra: extra.boxed() })
    }

    /// How somebody, or a task, stands; the words of an error come under its own name.
    fn standing(&self) -> Result<Option<Status>, Fault> {
        let detail = self.error.as_deref().or(self.message.as_deref()).map(Arc::from);
        match &self.status {
            Some(state) => {
                let progress = self.progress.map(Percent::whole);
                Ok(Some(Status { state: Arc::from(&**state), detail, progress }))
            }
            None if detail.is_some() || self.progress.is_some() => Err(NO_STATUS),
            None => Ok(None),
        }
    }

    fn task(&self) -> Result<TaskChange, Fault> {
        let assignee = self.assignee.as_deref().map(UserName::new).transpose();
        Ok(TaskChange {
            task: Arc::from(self.task_id.as_deref().ok_or(Fault::Missing("taskId"))?),
            status: self.standing()?,
            assignee: assignee.map_err(|why| Fault::User("assignee", why))?,
            priority: self.priority,
            metadata: self.metadata.map(|metadata| Arc::from(metadata.get())),
        })
    }
}

impl Fault {
    /// The refusal, and what exactly is wrong.
    pub(super) fn words(self) -> (Refusal, Option<String>) {
        let (refusal, detail) = match self {
            Self::Json(error) => return crate::dialect::json_fault(&error),
            Self::UnknownEvent(name) => (Refusal::UnknownType, format!("event {name:?}")),
            Self::Missing(field) => (Refusal::BadFrame, format!("{field} is missing")),
            Self::Wrong(field, why) => (Refusal::BadFrame, format!("{field} {why}")),
            Self::Room(why) => (Refusal::BadRoom, format!("room {why}")),
            Self::User(field, why) => (Refusal::BadUser, format!("{field} {why}")),
            Self::AnotherBot => {
                (Refusal::PermissionDenied, "a bot says what it does itself, in its own room".to_owned())
            }
        };
        (refusal, Some(detail))
    }
}

impl<'de> Deserialize<'de> for Emitted<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Arguments;
        impl<'de> Visitor<'de> for Arguments {
            type Value = Emitted<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of an event's name and an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut arguments: A) -> Result<Self::Value, A::Error> {
                let name = arguments.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let data = arguments.next_element_seed(Argument(PhantomData))?.unwrap_or_default();
                while arguments.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Emitted { name, data })
            }
        }
        deserializer.deserialize_seq(Arguments)
    }
}

/// An event's first argument: an object, or one word of it.
struct Argument<'de>(PhantomData<Data<'de>>);

impl<'de> serde::de::DeserializeSeed<'de> for Argument<'de> {
    type Value = Data<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Argument<'de> {
    type Value = Data<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or text")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Data::deserialize(MapAccessDeserializer::new(map))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Data::default())
    }

    fn visit_borrowed_str<E>(self, word: &'de str) -> Result<Self::Value, E> {
        Ok(Data { word: Some(Text(Cow::Borrowed(word))), ..Data::default() })
    }

    fn visit_str<E>(self, word: &str) -> Result<Self::Value, E> {
        Ok(Data { word: Some(Text(Cow::Owned(word.to_owned()))), ..Data::default() })
    }
}

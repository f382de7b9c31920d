//! Files over HTTP: uploads as they come, downloads as they are taken, both for members of a room and no one else.

use std::{net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;
use chinwag_core::{Disconnect, RoomName, UserName};
use http_body_util::{BodyExt as _, Either};
use hyper::{
    Request, StatusCode,
    body::{Body as _, Incoming},
    header::EXPECT,
    http::request::Parts,
};
use serde_json::{Map, Value, json};
use tokio::{
    io,
    time::{Instant, timeout},
};
use tracing::{info, warn};

use super::{problem::Problem, request, types::Uploaded, visit::Visit};
use crate::{
    answer::{Answer, TakeBy, json},
    hub::Hub,
    opening,
    uploads::{self, Failure, FileId, FileType, Full, NoTurn, TELLING_BYTES, Turn, Uploads},
};

/// Somebody at these routes.
pub(super) struct Caller<'a> {
    pub(super) hub: &'a Rc<Hub>,
    pub(super) peer: SocketAddr,
    pub(super) uploads: &'a Arc<Uploads>,
}

impl Caller<'_> {
    /// Takes a file for the members of a room.
    ///
    /// # Errors
    /// Whoever asks is none of them, or the file is not as it must be: then nothing of it is left.
    pub(super) async fn upload(&self, room: &str, request: Request<Incoming>) -> Result<Answer, Problem> {
        let (head, mut body) = request.into_parts();
        let taken = self.take(room, &head, &mut body).await;
        if taken.is_err() && !head.headers.contains_key(EXPECT) {
            // Who sends before they read would lose the answer with the connection.
            let linger = self.hub.shared.settings.driver.close_linger;
            let _ = timeout(linger, async { while let Some(Ok(_)) = body.frame().await {} }).await;
        }
        taken.map(|file| json(StatusCode::CREATED, &file))
    }

    /// Gives a file to a member of its room.
    ///
    /// # Errors
    /// Whoever asks is none, or there is no such file.
    pub(super) async fn download(&self, file: &str, request: Request<Incoming>) -> Result<Answer, Problem> {
        let (head, _) = request.into_parts();
        let id = FileId::parse(file).ok_or_else(no_file)?;
        let room = self.uploads.room(id).ok_or_else(no_file)?;
        let user = self.member(room.as_str(), &head).await?;
        let turn = self.turn(user)?;
        let given = self.uploads.give(id, turn).await.map_err(|error| unreadable(id, &error))?;
        let mut answer = given.map(Either::Right);
        let by = Instant::now() + self.uploads.config.transfer_timeout;
        answer.extensions_mut().insert(TakeBy(by));
        Ok(answer)
    }

    async fn take(&self, room: &str, head: &Parts, body: &mut Incoming) -> Result<Uploaded, Problem> {
        let name = opening::parameter(&head.uri, "name").ok_or_else(nameless)?;
        let user = self.member(room, head).await?;
        let _turn = self.turn(user.clone())?;
        let room = RoomName::new(room).expect("the gateway knows it");
        let upload = Upload { uploads: self.uploads, room, user, name: uploads::safe(&name) };
        let mut pieces = Pieces {
            body,
            taken: 0,
            bytes_max: self.uploads.config.file_bytes_max as u64,
            patience: self.hub.shared.settings.driver.header_timeout,
        };
        let taking = upload.take(&mut pieces);
        timeout(self.uploads.config.transfer_timeout, taking).await.unwrap_or_else(|_| Err(slow()))
    }

    /// Who asks, if they may read what is said in a room: that is asked in their name.
    async fn member(&self, room: &str, head: &Parts) -> Result<UserName, Problem> {
        let token = opening::token(&head.uri, &head.headers);
        let token = token.filter(|_| self.hub.shared.verifier.is_some());
        let user = request::user(&head.uri, token.is_some())?;
        if self.hub.is_full() {
            return Err(self.busy());
        }
        let mut frame = Map::new();
        let fields =
            [("type", Some(json!("history"))), ("room", Some(json!(room))), ("limit", Some(json!(1)))];
        let fields = fields.into_iter().chain([("user", user)]);
        frame.extend(fields.filter_map(|(name, value): (_, Option<Value>)| Some((name.to_owned(), value?))));
        Visit::new(Rc::clone(self.hub), self.peer, token).may(frame).await
    }

    fn turn(&self, user: UserName) -> Result<Turn, Problem> {
        self.uploads.turn(user).map_err(|none| match none {
            NoTurn::User => Problem::closed(Disconnect::RateLimited, self.return_spread()),
            NoTurn::All => self.busy(),
        })
    }

    fn return_spread(&self) -> Duration {
        self.hub.shared.settings.gateway.return_spread
    }

    fn busy(&self) -> Problem {
        Problem::full(self.return_spread())
    }
}

/// A file that may come.
struct Upload<'a> {
    uploads: &'a Arc<Uploads>,
    room: RoomName,
    user: UserName,
    name: String,
}

impl Upload<'_> {
    /// Takes it as it comes. Nothing is written before it is known what it is.
    async fn take(self, pieces: &mut Pieces<'_>) -> Result<Uploaded, Problem> {
        let Self { uploads, room, user, name } = self;
        let declared = pieces.declared()?;
        let mut begin = Vec::new();
        while begin.len() < TELLING_BYTES
            && let Some(piece) = pieces.next().await?
        {
            begin.extend(piece);
        }
        let kind = FileType::of(&begin[..begin.len().min(TELLING_BYTES)]);
        if !uploads.config.file_types.contains(&kind) {
            return Err(unwanted(kind));
        }
        let whose = (room.clone(), user.clone());
        let bytes = declared.max(pieces.taken);
        let begun = uploads::Incoming::begin(Arc::clone(uploads), whose, name.clone(), kind, bytes);
        let mut file = begun.await.map_err(unwritten)?;
        file.write(&begin).await.map_err(unwritten)?;
        while let Some(piece) = pieces.next().await? {
            file.write(&piece).await.map_err(unwritten)?;
        }
        let id = file.keep().await.map_err(unwritten)?;
        let bytes = pieces.taken;
        info!(file = %id, %user, %room, bytes, "uploaded");
        Ok(Uploaded {
            room: room.to_string(),
            file_url: format!("/api/files/{id}"),
            file_name: name,
            media_type: kind.name().to_owned(),
            bytes,
        })
    }
}

/// A body as it comes: each piece in time, and all of it not too much.
struct Pieces<'a> {
    body: &'a mut Incoming,
    taken: u64,
    bytes_max: u64,
    patience: Duration,
}

impl Pieces<'_> {
    /// How many bytes will come, at least.
    fn declared(&self) -> Result<u64, Problem> {
        let bytes = self.body.size_hint().lower();
        if bytes > self.bytes_max { Err(too_large(self.bytes_max)) } else { Ok(bytes) }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let frame = timeout(self.patience, self.body.frame()).await.map_err(|_| slow())?;
            let Some(frame) = frame else { return Ok(None) };
            // What follows behind the last piece says nothing about the file.
            let Ok(piece) = frame.map_err(|_| cut())?.into_data() else { continue };
            self.taken += piece.len() as u64;
            return if self.taken > self.bytes_max {
                Err(too_large(self.bytes_max))
            } else {
                Ok(Some(piece))
            };
        }
    }
}

fn nameless() -> Problem {
    let sentence = "Say what the file is called: add ?name=NAME to the address.";
    Problem::new(StatusCode::BAD_REQUEST, "bad_frame", sentence)
}

fn no_file() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "There is no such file, or it is gone.")
}

fn too_large(bytes_max: u64) -> Problem {
    let sentence = format!("The file is larger than {bytes_max} bytes.");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", sentence)
}

fn unwanted(kind: FileType) -> Problem {
    let sentence = format!("Files of this type are not taken here: {}.", kind.name());
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "file_type", sentence)
}

fn slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "The file did not come in time.")
}

fn cut() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_frame", "The file did not come to its end.")
}

fn unwritten(failure: Failure) -> Problem {
    let sentence = match failure {
        Failure::Full(Full::User) => "You have as many files here as you may.",
        Failure::Full(Full::All) => "There is no room for more files here at the moment.",
        Failure::Disk(error) => {
            warn!(%error, "cannot keep a file");
            return broken();
        }
    };
    Problem::new(StatusCode::INSUFFICIENT_STORAGE, "files_full", sentence)
}

fn unreadable(id: FileId, error: &io::Error) -> Problem {
    if error.kind() == io::ErrorKind::NotFound {
        return no_file();
    }
    warn!(file = %id, %error, "cannot read a file");
    broken()
}

fn broken() -> Problem {
    let sentence = "The server's disk does not do what it should.";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "disk", sentence)
}

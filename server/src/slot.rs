//! What a thread's node wants of one connection, its socket, and who is at the other end.

use std::{
    cell::{Cell, OnceCell, RefCell, RefMut},
    io,
    task::Waker,
};

use chinwag_core::{ConnectionId, Disconnect, SessionId, UserName, identity::Claims};
use tokio::net::TcpStream;

/// Shared by the hub, which sets it and writes, and the connection's task, which reads and waits.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Unique in the process, so that log lines can be told apart.
    pub(crate) id: ConnectionId,
    /// It has no socket: it ends with the answer to one request, or is the program's own.
    pub(crate) is_visit: bool,
    /// Who it is, where the program vouches for it: no token is looked at.
    pub(crate) vouched: Option<Box<Claims>>,
    /// Who it says it is, once known.
    pub(crate) who: OnceCell<(UserName, SessionId)>,
    /// None before it is served, at its end, and for visits. Borrowed for one call into the kernel at a time.
    socket: RefCell<Option<TcpStream>>,
    writing: Cell<Writing>,
    reading: Cell<bool>,
    closing: Cell<Option<Disconnect>>,
    waker: RefCell<Option<Waker>>,
}

/// How far what is to be written has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Writing {
    /// All of it is.
    #[default]
    Done,
    /// There is something to pull: by the hub's next flush, or by the task of a visit.
    Wanted,
    /// The socket took no more: the task waits until it does.
    Full,
    /// It will never take any more.
    Failed(io::ErrorKind),
}

impl Slot {
    /// A connection that is read and has nothing to write.
    pub(crate) fn new(id: ConnectionId, is_visit: bool, vouched: Option<Claims>) -> Self {
        Self {
            id,
            is_visit,
            vouched: vouched.map(Box::new),
            who: OnceCell::new(),
            socket: RefCell::default(),
            writing: Cell::default(),
            reading: Cell::new(true),
            closing: Cell::new(None),
            waker: RefCell::new(None),
        }
    }

    /// Gives it its socket.
    pub(crate) fn hold(&self, socket: TcpStream) {
        self.socket.replace(Some(socket));
    }

    /// Its socket, which the hub writes no more to.
    pub(crate) fn take_socket(&self) -> Option<TcpStream> {
        self.socket.take()
    }

    /// Its socket, for one call.
    ///
    /// # Panics
    /// If it has none: only the task that gave it one asks, before it takes it back.
    pub(crate) fn socket(&self) -> RefMut<'_, TcpStream> {
        RefMut::map(self.socket.borrow_mut(), |socket| socket.as_mut().expect("it is being served"))
    }

    /// Writes what its socket takes at once.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if that is nothing, [`io::ErrorKind::NotConnected`] if it has no socket.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &*self.socket.borrow() {
            Some(socket) => socket.try_write(bytes),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Wakes this task whenever something changes.
    pub(crate) fn listen(&self, waker: &Waker) {
        let mut current = self.waker.borrow_mut();
        if !current.as_ref().is_some_and(|current| current.will_wake(waker)) {
            *current = Some(waker.clone());
        }
    }

    /// How far what is to be written has come.
    pub(crate) fn writing(&self) -> Writing {
        self.writing.get()
    }

    /// It has come so far. Wakes the task if it waits for that.
    pub(crate) fn set_writing(&self, writing: Writing) {
        self.writing.set(writing);
        let is_waited_for = match writing {
            Writing::Done => self.closing.get().is_some(),
            Writing::Wanted => self.is_visit,
            Writing::Full | Writing::Failed(_) => true,
        };
        if is_waited_for {
            self.wake();
        }
    }

    /// The socket is to be read.
    pub(crate) fn is_to_be_read(&self) -> bool {
        self.reading.get() && self.closing.get().is_none()
    }

    /// The connection is to end.
    pub(crate) fn closing(&self) -> Option<Disconnect> {
        self.closing.get()
    }

    /// Stop or go on reading.
    pub(crate) fn set_reading(&self, on: bool) {
        if self.reading.replace(on) != on && on {
            self.wake();
        }
    }

    /// Write what is left, then end. The first reason counts.
    pub(crate) fn close(&self, reason: Disconnect) {
        if self.closing.get().is_none() {
            self.closing.set(Some(reason));
            self.wake();
        }
    }

    /// Has its task look what there is to do.
    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

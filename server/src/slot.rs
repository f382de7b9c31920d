//! What a thread's node wants of one socket, and who is at its other end.

use std::{
    cell::{Cell, OnceCell, RefCell},
    task::Waker,
};

use chinwag_core::{ConnectionId, Disconnect, SessionId, UserName, identity::Claims};

/// Shared by the hub, which sets it, and the connection's task, which acts on it.
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
    writable: Cell<bool>,
    reading: Cell<bool>,
    closing: Cell<Option<Disconnect>>,
    waker: RefCell<Option<Waker>>,
}

impl Slot {
    /// A connection that is read and has nothing to write.
    pub(crate) fn new(id: ConnectionId, is_visit: bool, vouched: Option<Claims>) -> Self {
        Self {
            id,
            is_visit,
            vouched: vouched.map(Box::new),
            who: OnceCell::new(),
            writable: Cell::new(false),
            reading: Cell::new(true),
            closing: Cell::new(None),
            waker: RefCell::new(None),
        }
    }

    /// Wakes this task whenever something changes.
    pub(crate) fn listen(&self, waker: &Waker) {
        let mut current = self.waker.borrow_mut();
        if !current.as_ref().is_some_and(|current| current.will_wake(waker)) {
            *current = Some(waker.clone());
        }
    }

    /// There may be bytes to pull.
    pub(crate) fn is_writable(&self) -> bool {
        self.writable.get()
    }

    /// The socket is to be read.
    pub(crate) fn is_reading(&self) -> bool {
        self.reading.get()
    }

    /// The connection is to end.
    pub(crate) fn closing(&self) -> Option<Disconnect> {
        self.closing.get()
    }

    /// There was nothing left to pull.
    pub(crate) fn drained(&self) {
        self.writable.set(false);
    }

    /// There is something to pull.
    pub(crate) fn set_writable(&self) {
        if !self.writable.replace(true) {
            self.wake();
        }
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
            self.writable.set(true);
            self.wake();
        }
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

//! Whoever wants to hear messages, and the thread on which they do.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use tracing::{error, warn};

use super::ParsedMessage;

pub(super) type Handler = Arc<dyn Fn(&ParsedMessage) + Send + Sync>;

/// The list of handlers, and a queue that leads to them.
pub(super) struct Handlers {
    list: Arc<Mutex<Vec<Handler>>>,
    missed: Arc<AtomicU64>,
    queue_max: usize,
    /// There once the thread runs, which ends with this and its last copy.
    queue: Mutex<Option<SyncSender<ParsedMessage>>>,
}

/// The way in.
pub(super) struct Queue {
    messages: SyncSender<ParsedMessage>,
    missed: Arc<AtomicU64>,
}

impl Handlers {
    pub(super) fn new(queue_max: usize) -> Self {
        Self { list: Arc::default(), missed: Arc::default(), queue_max, queue: Mutex::default() }
    }

    pub(super) fn add(&self, handler: Handler) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(handler);
    }

    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Starts the thread, once.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn start(&self) -> io::Result<Queue> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let messages = if let Some(messages) = &*queue {
            messages.clone()
        } else {
            let (messages, waiting) = sync_channel(self.queue_max);
            let list = Arc::clone(&self.list);
            thread::Builder::new().name("handlers".to_owned()).spawn(move || run(&waiting, &list))?;
            queue.insert(messages).clone()
        };
        Ok(Queue { messages, missed: Arc::clone(&self.missed) })
    }
}

impl Queue {
    /// Lets the handlers have a message, unless too many wait.
    pub(super) fn push(&self, message: ParsedMessage) {
        if self.messages.try_send(message).is_err() {
            let missed = self.missed.fetch_add(1, Ordering::Relaxed) + 1;
            // Seldom enough not to make things worse.
            if missed.is_power_of_two() {
                warn!(missed, "handlers are too slow: messages are not handed to them");
            }
        }
    }
}

fn run(waiting: &Receiver<ParsedMessage>, list: &Mutex<Vec<Handler>>) {
    for message in waiting {
        // A handler may add another.
        let handlers = list.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (index, handler) in handlers.iter().enumerate() {
            if catch_unwind(AssertUnwindSafe(|| handler(&message))).is_err() {
                error!(handler = index, message = message.message_id, "a message handler panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_finds_no_room_is_counted() {
        let handlers = Handlers::new(1);
        let (enter, entered) = sync_channel(0);
        let (leave, left) = sync_channel::<()>(0);
        let left = Mutex::new(left);
        handlers.add(Arc::new(move |message: &ParsedMessage| {
            enter.send(message.message_id).unwrap();
            left.lock().unwrap().recv().unwrap();
        }));
        let queue = handlers.start().unwrap();
        let push = |message_id| {
            queue.push(ParsedMessage {
                message_id,
                text: String::new(),
                sender: String::new(),
                timestamp: SystemTime::UNIX_EPOCH,
                mentions: vec![],
                is_command: false,
                reply_to: None,
            });
        };
        push(1);
        assert_eq!(entered.recv(), Ok(1), "it is busy now");
        (2..=4).for_each(push);
        assert_eq!(handlers.missed(), 2);
        leave.send(()).unwrap();
        assert_eq!(entered.recv(), Ok(2), "and goes on in order");
        leave.send(()).unwrap();
    }
}

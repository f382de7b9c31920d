//! By how much the server's clock is ahead of ours: what processes on several machines have in common is the server.
//!
//! In `agents` a `pong` says what time it is, in milliseconds, and it is said to whoever asks. The server read its clock
//! after we had sent the `ping` and before we heard the `pong`, so each exchange gives two instants between which the
//! difference lies, whichever way took longer. What all exchanges allow is what is known: since each meets the
//! millisecond at another place, that becomes about as narrow as the quickest of them.

use std::sync::Arc;

use chinwag_core::{Time, dialect::Dialect};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant, timeout_at};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use crate::{
    clock::Clock,
    connect::{self, How},
    run::Run,
    wire::Wire,
};

/// Questions to a server: fewer than it answers at once.
const EXCHANGES: u32 = 32;
/// How long all of them may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// What a server's millisecond leaves out at most, in microseconds.
const LEFT_OUT: i64 = 999;

/// How many microseconds the server's clock is ahead of ours: at least and at most.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Offset {
    least: i64,
    most: i64,
}

impl Offset {
    /// What one exchange says: sent and heard by our clock, and the millisecond that it was in between by the server's.
    const fn of(sent: Time, told: Time, heard: Time) -> Self {
        let (sent, told, heard) = (sent.0.cast_signed(), told.0.cast_signed(), heard.0.cast_signed());
        Self { least: told - heard, most: told + LEFT_OUT - sent }
    }

    /// What two exchanges say; nothing if they contradict one another, as when two servers have answered.
    fn and(self, other: Self) -> Option<Self> {
        let both = Self { least: self.least.max(other.least), most: self.most.min(other.most) };
        (both.least <= both.most).then_some(both)
    }

    /// What was so all the time, if this was so at the beginning and that at the end.
    pub(crate) fn until(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    /// The middle of what it may be, in microseconds.
    pub(crate) const fn middle(self) -> i64 {
        self.least.midpoint(self.most)
    }

    /// By how much the middle may be wrong, in microseconds.
    pub(crate) const fn bound(self) -> u64 {
        self.least.abs_diff(self.most).div_ceil(2)
    }
}

/// Asks a run's server what time it is, if others have to do with the answer: if the run is a segment, and in `chat`,
/// because only then it is known to be a server that answers. Nothing if it does not.
pub(crate) async fn of_segment(run: Arc<Run>) -> Option<Offset> {
    if run.script.segment.is_whole() || run.speech.protocol().is_some() {
        return None;
    }
    let how = How { source: run.source(0), reads_slowly: false, within: PATIENCE };
    let request = run.speech.aside(run.targets.first(), Dialect::Agents.path(), &run.script.users[0], 0);
    let socket = connect::open(run.targets.first(), run.speech.trust(), request, how).await.ok()?;
    ask(socket, run.clock).await
}

/// Asks a server what time it is, on a connection that has said nothing yet.
pub(crate) async fn ask(mut socket: WebSocketStream<Wire>, clock: Clock) -> Option<Offset> {
    let deadline = Instant::now() + PATIENCE;
    let mut known: Option<Offset> = None;
    for _ in 0..EXCHANGES {
        // Whoever is far away is asked less often.
        let Ok(exchange) = timeout_at(deadline, exchange(&mut socket, clock)).await else { break };
        let exchange = exchange?;
        known = Some(known.map_or(Some(exchange), |known| known.and(exchange))?);
    }
    known
}

/// A server's frame in `agents`.
#[derive(Deserialize)]
struct Heard<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    data: Said<'a>,
}

#[derive(Deserialize)]
struct Said<'a> {
    timestamp: &'a str,
}

async fn exchange(socket: &mut WebSocketStream<Wire>, clock: Clock) -> Option<Offset> {
    let sent = clock.now();
    socket.send(Message::text(r#"{"type":"ping","data":{}}"#)).await.ok()?;
    loop {
        let message = socket.next().await?.ok()?;
        let heard = clock.now();
        // The WebSocket has pings of its own.
        let Message::Text(text) = message else { continue };
        let frame: Heard<'_> = serde_json::from_str(&text).ok()?;
        let told = Time::from_rfc3339(frame.data.timestamp).filter(|_| frame.kind == "pong")?;
        return Some(Offset::of(sent, told, heard));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_tungstenite::accept_async;

    use super::*;
    use crate::stamped::Stamped;

    proptest! {
        #[test]
        fn the_true_difference_is_between_what_it_is_at_least_and_at_most(
            ahead in -5_000_000_000_i64..5_000_000_000,
            exchanges in prop::collection::vec((0_u64..10_000, 0_u64..300_000, 0_u64..300_000), 1..40),
        ) {
            let mut now = 1_795_000_000_000_000_u64;
            let mut known: Option<Offset> = None;
            let mut quickest = u64::MAX;
            for (pause, there, back) in exchanges {
                let (sent, read, heard) = (now + pause, now + pause + there, now + pause + there + back);
                let told = read.checked_add_signed(ahead).unwrap() / 1_000 * 1_000;
                let exchange = Offset::of(Time(sent), Time(told), Time(heard));
                known = Some(known.map_or(Some(exchange), |known| known.and(exchange)).expect("one clock agrees with itself"));
                (now, quickest) = (heard, quickest.min(there + back));
            }
            let known = known.unwrap();
            prop_assert!(known.least <= ahead && ahead <= known.most, "{known:?}");
            prop_assert!(known.middle().abs_diff(ahead) <= known.bound(), "{known:?}");
            // Half of the quickest round trip and of a millisecond, at worst.
            prop_assert!(known.bound() <= (quickest + 1_000) / 2 + 1);
        }
    }

    #[test]
    fn clocks_that_contradict_themselves_say_nothing() {
        let (one, other) = (Offset { least: -10, most: 5 }, Offset { least: 6, most: 20 });
        assert_eq!(one.and(other), None);
        assert_eq!(one.until(other), Offset { least: -10, most: 20 }, "but one may become the other");
        assert_eq!((one.middle(), one.bound()), (-2, 8));
    }

    /// What is found out from a server whose clock is so far ahead, or that says something else on being asked.
    async fn asked(clock: Clock, ahead: i64, answer: fn(&str) -> String) -> Option<Offset> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let mut socket = accept_async(listener.accept().await.unwrap().0).await.unwrap();
            while let Some(Ok(Message::Text(_))) = socket.next().await {
                let told = Time(clock.now().0.checked_add_signed(ahead).unwrap());
                socket.send(Message::text(answer(&told.to_string()))).await.unwrap();
            }
        });
        let stream = Wire::Plain(Stamped::new(TcpStream::connect(address).await.unwrap()));
        let url = format!("ws://{address}/ws");
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        let found = ask(socket, clock).await;
        server.abort();
        found
    }

    #[tokio::test]
    async fn a_server_that_is_ahead_is_found_to_be() {
        let pong = |told: &str| format!(r#"{{"type":"pong","data":{{"timestamp":"{told}"}}}}"#);
        for ahead in [250_000, -3_600_000_000] {
            // Both read the same clock, so this is exact.
            let found = asked(Clock::start(), ahead, pong).await.unwrap();
            assert!(found.least <= ahead && ahead <= found.most, "{ahead}: {found:?}");
        }
        let others: [fn(&str) -> String; 3] = [
            |_| "pong".into(),
            |_| r#"{"type":"pong","data":{}}"#.into(),
            |told| format!(r#"{{"type":"error","data":{{"timestamp":"{told}"}}}}"#),
        ];
        for other in others {
            assert_eq!(asked(Clock::start(), 0, other).await, None);
        }
    }
}

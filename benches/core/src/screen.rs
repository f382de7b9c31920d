//! What the terminal client's screen costs: drawn once, in a room of so many messages.

use std::time::Duration;

use chinwag_client::{
    model::{Conversation, Keep},
    tui::{Scene, Theme, View},
    words::Zone,
};
use chinwag_core::{
    Epoch, Position, Seq,
    client::{ClientEvent, Shown},
    shard::Verdict,
};
use ratatui::{Terminal, backend::TestBackend};

use crate::{CONTENT, START, Step, room, user};

/// Columns and rows of a terminal that somebody works at.
const SIZE: (u16, u16) = (120, 40);

/// Comes to the characters on the screen, which are the same however much stands above it.
pub(crate) fn screen(messages: u64) -> Step {
    let chat = conversation(messages);
    let (zone, theme) = (Zone::utc(), Theme { colours: true });
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("it is in memory");
    let mut view = View::default();
    let mut step = move || {
        let scene = Scene { chat: &chat, connection: "connected", zone: &zone, theme };
        terminal.draw(|frame| scene.draw(frame, &mut view)).expect("it is in memory");
        terminal.backend().buffer().content().iter().filter(|cell| cell.symbol() != " ").count()
    };
    // An empty screen was before the first.
    step();
    Box::new(step)
}

fn conversation(messages: u64) -> Conversation {
    let mut chat = Conversation::new(user(0), Keep::default());
    let head = Position::new(Epoch(1), Seq(0));
    chat.apply(START, &ClientEvent::Joined { room: room(), head, next: Seq(1), verdict: Verdict::Full });
    for seq in 1..=messages {
        // Ten a minute; the last ones alike, whatever comes before.
        let at = START + Duration::from_secs(6 * (1_000_000 - messages + seq));
        chat.apply(
            at,
            &ClientEvent::Message(Shown {
                room: room(),
                position: Position::new(Epoch(1), Seq(seq)),
                user: user(1),
                content: CONTENT.into(),
                timestamp: at.to_string().into(),
                extra: None,
                from_history: false,
            }),
        );
    }
    chat
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_above_the_screen_is_not_on_it() {
        assert_eq!(screen(100)(), screen(10_000)());
    }
}

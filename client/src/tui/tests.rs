//! The screen as it is seen, compared with what it looked like: `WRITE_SCREENS=1 cargo test -p chinwag-client screen` writes
//! the files anew.

use std::{env, fs, io, path::Path, time::Duration};

use chinwag_core::{
    Epoch, Position, RequestId, RoomName, Seq, SessionId, Time, UserName,
    client::{ClientEvent, Member, Presence, Shown},
    shard::{Status, Verdict},
};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use futures_util::{FutureExt as _, stream};
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, style::Modifier};
use unicode_width::UnicodeWidthStr as _;

use super::{
    Scene, Theme, View, next_key,
    rows::{Bottom, Broken},
    view::{Wish, Word},
};
use crate::{
    command::Names,
    model::{Body, Conversation, Keep, Line, Lines, Older},
    words::{self, Zone},
};

const START: &str = "2026-11-21T23:58:00.000Z";

/// A person at a screen.
struct Person {
    chat: Conversation,
    view: View,
    terminal: Terminal<TestBackend>,
    theme: Theme,
    /// Messages so far.
    said: u64,
}

fn room(name: &str) -> RoomName {
    RoomName::new(name).unwrap()
}

fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

fn start() -> Time {
    Time::from_rfc3339(START).unwrap()
}

impl Person {
    /// In `general`, with two others, at a screen of this size.
    fn at(width: u16, height: u16) -> Self {
        let mut person = Self {
            chat: Conversation::new(user("alice"), Keep::default()),
            view: View::default(),
            terminal: Terminal::new(TestBackend::new(width, height)).unwrap(),
            theme: Theme { colours: true },
            said: 0,
        };
        person.hear(ClientEvent::Attached { session: SessionId(1), resumed: false });
        for name in ["general", "games", "ops"] {
            person.chat.look_at(&room(name));
            person.joined(name, 0, Verdict::Full);
        }
        person.chat.look_at(&room("general"));
        let member = |name, presence, state: Option<&str>| Member {
            user: user(name),
            presence,
            status: state.map(|state| Status { state: state.into(), detail: None, progress: None }),
        };
        let members = vec![
            member("alice", Presence::Online, None),
            member("bob", Presence::Online, Some("at lunch")),
            member("carol", Presence::Offline, None),
        ];
        person.hear(ClientEvent::Members { room: room("general"), members, count: 3, more: false });
        person
    }

    fn hear(&mut self, event: ClientEvent) {
        self.chat.apply(self.now(), &event);
    }

    /// A minute passes with every message.
    fn now(&self) -> Time {
        start() + Duration::from_secs(60 * self.said)
    }

    fn joined(&mut self, name: &str, head: u64, verdict: Verdict) {
        let head = Position::new(Epoch(5), Seq(head));
        self.hear(ClientEvent::Joined { room: room(name), head, next: head.seq.next(), verdict });
    }

    /// A minute later somebody says something.
    fn says(&mut self, name: &str, author: &str, content: &str) {
        self.said += 1;
        self.hear(ClientEvent::Message(Shown {
            room: room(name),
            position: Position::new(Epoch(5), Seq(self.said)),
            user: user(author),
            content: content.into(),
            timestamp: self.now().to_string().into(),
            extra: None,
            from_history: false,
        }));
    }

    /// A few lines of talk.
    fn talk(&mut self) {
        self.says(
            "general",
            "bob",
            "Good evening. Has anybody seen how the rehearsal went, and what became of the last one?",
        );
        self.says("general", "carol", "@alice has, I think");
        self.says("general", "alice", "It went *well*: 世界 and 👩\u{200d}🚀 were there, too");
        self.says("general", "bob", "*applauds*");
        self.says("ops", "dan", "disk full");
        self.says("ops", "dan", "alice, are you there?");
        self.says("general", "mallory", "\u{1b}[2Jgone\u{202e} elif.exe\n23:59 bob: I quit");
    }

    fn press(&mut self, code: KeyCode, modifiers: KeyModifiers) -> Wish {
        self.draw();
        let event = Event::Key(KeyEvent::new(code, modifiers));
        self.view.take_in(&event, &self.chat, &Zone::utc())
    }

    fn types(&mut self, text: &str) {
        for c in text.chars() {
            self.press(KeyCode::Char(c), KeyModifiers::NONE);
        }
    }

    fn draw(&mut self) -> &Buffer {
        let connection = words::connection(&self.chat.connection, None);
        let scene =
            Scene { chat: &self.chat, connection: &connection, zone: &Zone::utc(), theme: self.theme };
        self.terminal.draw(|frame| scene.draw(frame, &mut self.view)).unwrap();
        self.terminal.backend().buffer()
    }

    /// The screen as text.
    fn sees(&mut self) -> String {
        let buffer = self.draw();
        let mut text = String::new();
        for y in 0..buffer.area.height {
            let (mut row, mut x) = (String::new(), 0);
            while x < buffer.area.width {
                let symbol = buffer[(x, y)].symbol();
                row += symbol;
                x += u16::try_from(symbol.width().max(1)).unwrap();
            }
            text += row.trim_end();
            text.push('\n');
        }
        text
    }

    /// Compares the screen with what it looked like.
    fn sees_what_it_was(&mut self, name: &str) {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui/expected").join(name).with_extension("txt");
        let seen = self.sees();
        if env::var_os("WRITE_SCREENS").is_some() {
            fs::write(&path, &seen).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert!(seen == expected, "{name} looks like this:\n{seen}\nand not like this:\n{expected}");
    }
}

#[test]
fn a_calm_screen() {
    let mut person = Person::at(100, 20);
    person.talk();
    person.types("I am here");
    person.sees_what_it_was("calm");
}

#[test]
fn a_screen_with_people_who_write() {
    let mut person = Person::at(100, 16);
    person.talk();
    for name in ["bob", "carol"] {
        let (room, user) = (room("general"), user(name));
        person.hear(ClientEvent::Presence { room, user, presence: Presence::Typing });
    }
    person.chat.expect(&room("general"), RequestId(1), "said, and not shown yet");
    person.sees_what_it_was("typing");
}

#[test]
fn a_screen_without_a_connection() {
    let mut person = Person::at(100, 16);
    person.talk();
    person.hear(ClientEvent::Disconnected { code: Some(4101), retry_in: Duration::from_secs(2) });
    person.chat.expect(&room("general"), RequestId(1), "said meanwhile");
    person.sees_what_it_was("reconnecting");
}

#[test]
fn a_screen_with_a_gap() {
    let mut person = Person::at(100, 18);
    person.talk();
    person.joined("general", 39, Verdict::Gap { from: Seq(8), to: Seq(39) });
    person.said = 39;
    person.says("general", "bob", "what did I miss?");
    person.sees_what_it_was("gap");
}

#[test]
fn a_narrow_screen() {
    let mut person = Person::at(40, 20);
    person.talk();
    person.types("a long line that is broken where the screen ends, as it must be");
    person.sees_what_it_was("narrow");
}

#[test]
fn a_screen_of_ten_thousand_messages() {
    let mut person = Person::at(80, 14);
    for n in 1..=10_000 {
        person.says("general", "bob", &format!("message {n}"));
    }
    person.press(KeyCode::PageUp, KeyModifiers::NONE);
    person.press(KeyCode::PageUp, KeyModifiers::NONE);
    person.says("general", "bob", "what comes now moves nothing");
    person.sees_what_it_was("many");
}

#[test]
fn nobody_speaks_for_others_by_line_breaks() {
    let mut person = Person::at(80, 12);
    person.says("general", "mallory", "hello\nbob: I quit\n23:59 bob: really");
    let seen = person.sees();
    assert!(seen.contains("23:59 mallory: hello"), "{seen}");
    assert!(seen.contains("\n    ┊ bob: I quit") && seen.contains("\n    ┊ 23:59 bob: really"), "{seen}");
}

#[test]
fn no_message_takes_the_room_for_itself() {
    let mut person = Person::at(60, 60);
    person.says("general", "bob", "before");
    person.says("general", "mallory", &format!("x{}y", "\n".repeat(4_000)));
    person.says("general", "mallory", &"line\n".repeat(500));
    person.says("general", "bob", "behind");
    let seen = person.sees();
    let rows: Vec<_> = seen.lines().filter(|row| row.contains("line")).collect();
    assert!(seen.contains("bob: before") && seen.contains("bob: behind"), "{seen}");
    assert!(rows.len() == 41 && rows[40].contains("┊ … 460 more lines"), "{seen}");
}

#[test]
fn every_room_keeps_what_is_typed_and_where_one_looks() {
    let mut person = Person::at(80, 12);
    for n in 1..=40 {
        person.says("general", "bob", &format!("message {n}"));
    }
    person.press(KeyCode::PageUp, KeyModifiers::NONE);
    person.types("half a line");
    let before = person.sees();
    person.chat.look_at(&room("ops"));
    let ops = person.sees();
    assert!(!ops.contains("half a line") && person.view.bottom == Bottom::Latest, "{ops}");
    person.types("another");
    person.chat.look_at(&room("general"));
    assert_eq!(person.sees(), before);
    person.chat.look_at(&room("ops"));
    assert!(person.sees().contains("> another"));
    person.chat.drop_room(&room("ops"));
    assert!(person.sees().contains("> half a line"), "its own stands there");
    person.press(KeyCode::Up, KeyModifiers::NONE);
    assert!(person.sees().contains("> another"), "and nothing is lost");
}

#[test]
fn what_was_being_typed_in_a_room_that_is_gone_is_for_no_other() {
    let mut person = Person::at(80, 12);
    person.chat.look_at(&room("vault"));
    person.types("a secret");
    person.chat.turn_back_from(&room("vault"));
    let seen = person.sees();
    assert!(
        seen.contains(">#general") && !seen.contains("> a secret") && seen.contains(words::GONE),
        "{seen}"
    );
    person.press(KeyCode::Up, KeyModifiers::NONE);
    assert!(person.sees().contains("> a secret"), "and nothing is lost");
}

#[test]
fn whoever_scrolls_back_is_told_how_much_is_new_and_what_is_above() {
    let mut person = Person::at(80, 12);
    for n in 1..=40 {
        person.says("general", "bob", &format!("message {n}"));
    }
    person.press(KeyCode::Home, KeyModifiers::CONTROL);
    assert!(person.sees().contains("▼ there is more below"));
    for (older, above) in [
        (Older::Asked(RequestId(9)), "── loading…"),
        (Older::Nothing, "── no older messages"),
        (Older::NoRoom, "── no older messages are kept here"),
    ] {
        person.chat.rooms.get_mut("general").unwrap().older = older;
        person.press(KeyCode::Home, KeyModifiers::CONTROL);
        assert!(person.sees().lines().nth(1).unwrap().starts_with(above), "{}", person.sees());
    }
    person.says("general", "alice", "mine");
    person.says("general", "bob", "one");
    person.says("general", "bob", "two");
    assert!(person.sees().contains("▼ 2 new below (Esc)"));
    person.press(KeyCode::Esc, KeyModifiers::NONE);
    assert!(!person.sees().contains('▼'));
}

#[test]
fn what_was_unread_stands_below_a_rule_until_one_looks_elsewhere() {
    let mut person = Person::at(80, 12);
    person.says("ops", "dan", "seen");
    person.chat.look_at(&room("ops"));
    person.chat.look_at(&room("general"));
    person.says("ops", "dan", "unread");
    person.says("ops", "dan", "this, too");
    person.chat.look_at(&room("ops"));
    let rows: Vec<String> =
        person.sees().lines().map(|row| row.trim_end_matches([' ', '│']).to_owned()).collect();
    let rule = rows.iter().position(|row| row.starts_with("── new")).expect("a rule");
    assert!(rows[rule + 1].contains("dan: unread"), "{rows:?}");
    person.chat.look_at(&room("general"));
    person.chat.look_at(&room("ops"));
    assert!(!person.sees().contains("── new"));
}

#[test]
fn what_is_not_said_yet_shows_the_newest_and_leaves_room() {
    let mut person = Person::at(40, 6);
    person.says("general", "bob", "hi");
    for (id, content) in (1..).zip(["one", "two", "three", "four", "five"]) {
        person.chat.expect(&room("general"), RequestId(id), content);
    }
    person.types("typed");
    let seen = person.sees();
    let rows: Vec<_> = seen.lines().skip(1).collect();
    assert_eq!(rows, ["23:59 bob: hi", "  ··· 4 earlier", "  ··· alice: five", "", "> typed"]);
}

#[test]
fn whoever_is_in_no_room_is_told_what_to_do() {
    let mut person = Person::at(80, 12);
    for name in ["general", "games", "ops"] {
        let head = Position::new(Epoch(5), Seq(0));
        person.hear(ClientEvent::Left { room: room(name), head, kicked: false });
    }
    person.chat.note(start(), Body::Notice("#den (2)".into()));
    let seen = person.sees();
    assert!(seen.contains("no room  you are alice") && seen.contains("-- #den (2)"), "{seen}");
    assert!(seen.contains(words::NO_ROOM), "{seen}");
}

#[test]
fn a_screen_of_help() {
    let mut person = Person::at(90, 26);
    person.talk();
    person.types("?");
    person.sees_what_it_was("help");
    person.types("?");
    assert!(
        person.view.help.is_none() && person.view.editor.text() == "?",
        "whoever means it types it twice"
    );
}

#[test]
fn screens_too_small_for_anything_are_drawn() {
    for (width, height) in [(1, 1), (2, 1), (1, 9), (3, 2), (7, 3), (64, 4), (80, 2)] {
        let mut person = Person::at(width, height);
        person.talk();
        person.types("some words 世界");
        for code in [KeyCode::PageUp, KeyCode::F(1), KeyCode::PageDown] {
            person.press(code, KeyModifiers::NONE);
            person.sees();
        }
    }
}

#[test]
fn what_names_the_reader_stands_out_with_and_without_colours() {
    for colours in [true, false] {
        let mut person = Person::at(100, 16);
        person.theme = Theme { colours };
        person.talk();
        let is_coloured =
            |buffer: &Buffer| buffer.content().iter().any(|cell| cell.fg != ratatui::style::Color::Reset);
        let buffer = person.draw();
        assert_eq!(is_coloured(buffer), colours);
        let bold = buffer.content().iter().filter(|cell| cell.modifier.contains(Modifier::BOLD));
        let bold: String = bold.map(|cell| cell.symbol()).collect();
        assert!(bold.contains("@alice has, I think") && !bold.contains("Good evening"), "{bold}");
    }
}

#[test]
fn scrolling_shows_every_row_once_and_comes_to_both_ends() {
    let mut person = Person::at(50, 12);
    for n in 1..=40 {
        person.says("general", "bob", &format!("message {n} {}", "and more ".repeat(n % 9)));
    }
    let (mut up, mut wishes) = (vec![person.sees()], vec![]);
    while person.view.bottom != Bottom::Latest || up.len() == 1 {
        wishes.push(person.press(KeyCode::Up, KeyModifiers::SHIFT));
        let seen = person.sees();
        if up.last() == Some(&seen) {
            break;
        }
        up.push(seen);
    }
    assert_eq!(wishes.last(), Some(&Wish::Older), "at the top older lines are asked for");
    assert!(up.last().unwrap().contains("message 1 "));
    let body = |screen: &str| screen.lines().skip(1).take(9).map(str::to_owned).collect::<Vec<_>>();
    for (lower, upper) in up.iter().zip(&up[1..]) {
        assert_eq!(body(lower)[..8], body(upper)[1..], "one row further");
    }
    for seen in up.iter().rev().skip(1) {
        let wheel = if up.len() > 3 { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
        person.press(KeyCode::Down, wheel);
        assert_eq!(person.sees(), *seen, "the same way back");
    }
    assert_eq!(person.view.bottom, Bottom::Latest);
    let scroll =
        MouseEvent { kind: MouseEventKind::ScrollUp, column: 1, row: 1, modifiers: KeyModifiers::NONE };
    person.view.take_in(&Event::Mouse(scroll), &person.chat, &Zone::utc());
    assert_eq!(person.sees(), up[3], "the wheel moves three rows");
}

#[test]
fn older_messages_come_above_and_what_is_seen_stays() {
    let mut person = Person::at(80, 12);
    person.chat.look_at(&room("late"));
    person.joined("late", 100, Verdict::Full);
    person.said = 100;
    for _ in 0..30 {
        let content = format!("message {}", person.said + 1);
        person.says("late", "bob", &content);
    }
    assert_eq!(person.press(KeyCode::Home, KeyModifiers::CONTROL), Wish::Older);
    let before = person.sees();
    person.chat.rooms.get_mut("late").unwrap().older = Older::Asked(RequestId(9));
    let older = |seq| Shown {
        room: room("late"),
        position: Position::new(Epoch(5), Seq(seq)),
        user: user("bob"),
        content: format!("older {seq}").into(),
        timestamp: START.into(),
        extra: None,
        from_history: true,
    };
    let messages = (51..=100).map(older).collect();
    person.hear(ClientEvent::History { id: RequestId(9), room: room("late"), messages, more: true });
    let after = person.sees();
    // The day stood above the first line.
    assert_eq!(before.lines().skip(2).collect::<Vec<_>>(), after.lines().skip(2).collect::<Vec<_>>());
    person.press(KeyCode::PageUp, KeyModifiers::NONE);
    assert!(person.sees().contains("older 100"));
}

#[test]
fn a_terminal_that_is_closed_is_read_no_more() {
    let mut keys = stream::poll_fn(|_| unreachable!("a read that would never return"));
    let error = next_key(&mut keys, &|| true).now_or_never().unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    let mut keys = stream::iter([Ok(Event::FocusGained)]);
    assert_eq!(next_key(&mut keys, &|| false).now_or_never().unwrap().unwrap(), Event::FocusGained);
}

#[test]
fn help_is_scrolled_where_it_does_not_fit() {
    let mut person = Person::at(20, 5);
    person.press(KeyCode::Char('?'), KeyModifiers::NONE);
    let mut all = String::new();
    for _ in 0..200 {
        let seen = person.sees();
        all += seen.lines().next().unwrap();
        if !seen.contains('▼') {
            all += &seen;
            break;
        }
        person.press(KeyCode::Down, KeyModifiers::NONE);
    }
    for word in ["Enter", "Ctrl-Z", "/rooms", "/reconnect", "/quit"] {
        assert!(all.contains(word), "{word} in {all}");
    }
    let (end, wheel) =
        (person.sees(), |kind| MouseEvent { kind, column: 1, row: 1, modifiers: KeyModifiers::NONE });
    person.press(KeyCode::Home, KeyModifiers::NONE);
    assert!(person.sees().contains("Enter") && person.sees() != end);
    person.press(KeyCode::End, KeyModifiers::NONE);
    assert_eq!(person.sees(), end);
    let up = Event::Mouse(wheel(MouseEventKind::ScrollUp));
    person.view.take_in(&up, &person.chat, &Zone::utc());
    assert!(person.sees().contains('▼'));
    person.press(KeyCode::Esc, KeyModifiers::NONE);
    assert!(person.sees().contains('>') && person.view.help.is_none());
}

#[test]
fn what_was_said_in_a_log_that_began_anew_is_fetched_where_it_begins() {
    let mut person = Person::at(80, 12);
    for n in 1..=30 {
        person.says("general", "bob", &format!("old {n}"));
    }
    let (head, next) = (Position::new(Epoch(6), Seq(40)), Seq(41));
    person.hear(ClientEvent::Joined { room: room("general"), head, next, verdict: Verdict::Reset });
    assert!(person.sees().contains("the room's log began anew"));
    assert_eq!(person.press(KeyCode::Up, KeyModifiers::SHIFT), Wish::Older);
    assert_eq!(
        person.press(KeyCode::Home, KeyModifiers::CONTROL),
        Wish::Nothing,
        "of the old log nothing is left"
    );
}

#[test]
fn an_action_looks_like_one_before_it_is_shown() {
    let mut person = Person::at(80, 8);
    for (id, content) in [(1, "*waves *twice**"), (2, "*this* and *that*")] {
        person.chat.expect(&room("general"), RequestId(id), content);
    }
    let seen = person.sees();
    assert!(
        seen.contains("··· * alice waves *twice*") && seen.contains("··· alice: *this* and *that*"),
        "{seen}"
    );
}

#[test]
fn words_are_completed_as_far_as_that_is_clear() {
    let names = Names { rooms: vec!["general".into(), "games".into()], users: vec!["bob".into()] };
    let mut view = View::default();
    view.editor.insert("/join g");
    view.complete(&names);
    assert_eq!((view.editor.text(), &view.word), ("/join g", &Some(Word::Choice("general  games".into()))));
    view.editor.insert("a");
    view.complete(&names);
    assert_eq!(view.editor.text(), "/join games");
    view.editor.clear();
    view.editor.insert("hi @b");
    view.complete(&names);
    assert_eq!(view.editor.text(), "hi @bob ");
}

/// What a screen costs is a matter of its size: lines that are not seen are not broken.
#[test]
fn a_screen_looks_at_no_more_lines_than_it_has_rows() {
    let zone = Zone::utc();
    let lines = |count: usize| {
        let mut lines = Lines::default();
        for _ in 0..count {
            lines.push(Line { at: start(), body: Body::Notice("a line".into()) }, &Keep::default());
        }
        lines
    };
    for count in [100, 100_000] {
        let lines = lines(count);
        let broken = Broken { lines: &lines, width: 80, zone: &zone, top: None, unread_from: None };
        let rows = broken.screen(Bottom::Latest, 40);
        let last = lines.last().unwrap();
        assert!(rows.iter().map(|row| row.line).eq(last - 39..=last));
    }
}

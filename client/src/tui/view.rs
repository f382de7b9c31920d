//! What the person does at the keyboard and with the mouse: where they look, what they type, and what they want.

use std::collections::BTreeMap;

use chinwag_core::RoomName;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseEventKind};

use super::{
    editor::Editor,
    rows::{Bottom, Broken},
};
use crate::{
    command::{self, Names},
    model::Conversation,
    words::{self, Zone},
};

/// Rows that the mouse wheel moves.
const WHEEL_ROWS: usize = 3;

/// Where the person looks, and what they type.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What is typed.
    pub editor: Editor,
    /// Which of the room's rows are seen.
    pub bottom: Bottom,
    /// The keys are shown, from this row of theirs on.
    pub help: Option<usize>,
    /// Word for the person, until the next key: what was wrong, or what a word may become.
    pub word: Option<Word>,
    /// Columns and rows that the room's lines have on the screen; as it was last drawn.
    pub size: (usize, usize),
    /// What the room had heard when its last line was seen.
    pub heard: u64,
    /// The room that all this is of.
    room: Option<RoomName>,
    /// The same of the others.
    elsewhere: BTreeMap<RoomName, Place>,
}

/// What is kept of a room while another is looked at.
#[derive(Clone, Debug, Default)]
struct Place {
    draft: String,
    bottom: Bottom,
    heard: u64,
}

/// Word for the person.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Word {
    /// What was wrong.
    Mistake(String),
    /// Something to choose from.
    Choice(String),
    /// What is being done.
    Notice(String),
}

/// What the person wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wish {
    /// Nothing that is not done already.
    Nothing,
    /// What was typed is to be done.
    Enter(String),
    /// Another room is to be looked at: so many further down the list, or up.
    Turn(isize),
    /// The room in this place of the list.
    Choose(usize),
    /// The next room with something unread.
    Unread,
    /// Older lines, if there are none above the screen.
    Older,
    /// The word at the cursor is to be completed.
    Complete,
    /// The screen is to be drawn anew, all of it.
    Redraw,
    /// To do something else for a while, in the shell.
    Stop,
    /// To leave.
    Quit,
}

impl View {
    /// Takes in what happened at the terminal.
    pub fn take_in(&mut self, event: &Event, chat: &Conversation, zone: &Zone) -> Wish {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(*key, chat, zone),
            Event::Paste(text) => {
                self.editor.insert(&text.replace("\r\n", "\n").replace('\r', "\n"));
                Wish::Nothing
            }
            Event::Mouse(mouse) => match mouse.kind {
                MouseEventKind::ScrollUp => self.wheel(KeyCode::PageUp, chat, zone),
                MouseEventKind::ScrollDown => self.wheel(KeyCode::PageDown, chat, zone),
                _ => Wish::Nothing,
            },
            Event::Resize(..) => Wish::Redraw,
            _ => Wish::Nothing,
        }
    }

    /// Turns to the room that is looked at: what is typed in another, and where one looks there, stays as it was.
    pub fn turn_to(&mut self, chat: &Conversation) {
        if self.room != chat.current {
            self.elsewhere.retain(|room, _| chat.rooms.contains_key(room));
            let next = chat.current.as_ref().and_then(|room| self.elsewhere.remove(room)).unwrap_or_default();
            let before = std::mem::replace(&mut self.room, chat.current.clone());
            let is_gone = before.as_ref().is_some_and(|room| !chat.rooms.contains_key(room));
            if let Some(before) = before.filter(|_| !is_gone) {
                let draft = self.editor.text().to_owned();
                self.elsewhere.insert(before, Place { draft, bottom: self.bottom, heard: self.heard });
                self.editor.clear();
            }
            // What was typed in a room that is gone is for no other: Up fetches it back.
            if !self.editor.take().trim().is_empty() && is_gone {
                self.word = Some(Word::Notice(words::GONE.into()));
            }
            self.editor.insert(&next.draft);
            (self.bottom, self.heard) = (next.bottom, next.heard);
        }
        if let (Bottom::Latest, Some(room)) = (self.bottom, chat.room()) {
            self.heard = room.heard;
        }
    }

    /// Puts what the word at the cursor may become in its place, as far as that is clear.
    pub fn complete(&mut self, names: &Names) {
        let found = command::complete(self.editor.text(), self.editor.cursor(), names);
        let Some(first) = found.candidates.first() else { return };
        let common =
            found.candidates.iter().fold(first.as_str(), |common, other| common_start(common, other));
        if found.candidates.len() > 1 {
            let choice: Vec<_> = found.candidates.iter().map(|candidate| candidate.trim_end()).collect();
            self.word = Some(Word::Choice(choice.join("  ")));
        }
        if common.len() >= self.editor.cursor() - found.start {
            let common = common.to_owned();
            self.editor.replace(found.start..self.editor.cursor(), &common);
        }
    }

    fn key(&mut self, key: KeyEvent, chat: &Conversation, zone: &Zone) -> Wish {
        self.word = None;
        let page = self.size.1.saturating_sub(2).max(1);
        let help = self.help.take();
        self.help = help.and_then(|from| scrolled(from, key.code, page));
        if self.help.is_some() {
            return Wish::Nothing;
        }
        let was_help = help.is_some();
        let (control, alt) =
            (key.modifiers.contains(KeyModifiers::CONTROL), key.modifiers.contains(KeyModifiers::ALT));
        match key.code {
            KeyCode::Char(c) if control => return self.control(c),
            KeyCode::Char(c) if alt => return self.alt(c),
            // Whoever means the character types it twice.
            KeyCode::Char('?') if self.editor.is_empty() && !was_help => self.help = Some(0),
            KeyCode::Char(c) => self.editor.insert(c.encode_utf8(&mut [0; 4])),
            KeyCode::F(1) => self.help = (!was_help).then_some(0),
            KeyCode::Enter if alt => self.editor.insert("\n"),
            KeyCode::Enter => return Wish::Enter(self.editor.text().to_owned()),
            KeyCode::Tab => return Wish::Complete,
            KeyCode::Backspace if alt => self.editor.delete_word(),
            KeyCode::Backspace => self.editor.backspace(),
            KeyCode::Delete => self.editor.delete_forward(),
            KeyCode::Left if control || alt => self.editor.left_by_word(),
            KeyCode::Right if control || alt => self.editor.right_by_word(),
            KeyCode::Left => self.editor.left(),
            KeyCode::Right => self.editor.right(),
            KeyCode::Home if control => return self.scroll_up(usize::MAX, chat, zone),
            KeyCode::End if control => self.bottom = Bottom::Latest,
            KeyCode::Home => self.editor.home(),
            KeyCode::End => self.editor.end(),
            KeyCode::Up if alt => return Wish::Turn(-1),
            KeyCode::Down if alt => return Wish::Turn(1),
            KeyCode::Up if key.modifiers.contains(KeyModifiers::SHIFT) => {
                return self.scroll_up(1, chat, zone);
            }
            KeyCode::Down if key.modifiers.contains(KeyModifiers::SHIFT) => {
                return self.scroll_down(1, chat, zone);
            }
            KeyCode::Up => self.editor.earlier(),
            KeyCode::Down => self.editor.later(),
            KeyCode::PageUp => return self.scroll_up(page, chat, zone),
            KeyCode::PageDown => return self.scroll_down(page, chat, zone),
            KeyCode::Esc => self.bottom = Bottom::Latest,
            _ => {}
        }
        Wish::Nothing
    }

    fn control(&mut self, c: char) -> Wish {
        match c {
            'c' if self.editor.is_empty() => return Wish::Quit,
            'c' => self.editor.clear(),
            'd' if self.editor.is_empty() => return Wish::Quit,
            'd' => self.editor.delete_forward(),
            'a' => self.editor.home(),
            'e' => self.editor.end(),
            'b' => self.editor.left(),
            'f' => self.editor.right(),
            'h' => self.editor.backspace(),
            'j' => self.editor.insert("\n"),
            'k' => self.editor.delete_to_end(),
            'u' => self.editor.delete_to_start(),
            'w' => self.editor.delete_word(),
            'l' => return Wish::Redraw,
            'n' => return Wish::Turn(1),
            'p' => return Wish::Turn(-1),
            'z' if cfg!(unix) => return Wish::Stop,
            _ => {}
        }
        Wish::Nothing
    }

    fn alt(&mut self, c: char) -> Wish {
        match c {
            '1'..='9' => return Wish::Choose(c as usize - '1' as usize),
            'a' => return Wish::Unread,
            'b' => self.editor.left_by_word(),
            'f' => self.editor.right_by_word(),
            _ => {}
        }
        Wish::Nothing
    }

    fn wheel(&mut self, key: KeyCode, chat: &Conversation, zone: &Zone) -> Wish {
        match (self.help, key) {
            (Some(from), _) => {
                self.help = scrolled(from, key, WHEEL_ROWS);
                Wish::Nothing
            }
            (None, KeyCode::PageUp) => self.scroll_up(WHEEL_ROWS, chat, zone),
            (None, _) => self.scroll_down(WHEEL_ROWS, chat, zone),
        }
    }

    fn scroll_up(&mut self, by: usize, chat: &Conversation, zone: &Zone) -> Wish {
        let (width, height) = self.size;
        let broken = Broken::of(chat, width, zone);
        self.bottom = broken.up(self.bottom, by, height);
        let rows = broken.screen(self.bottom, height);
        let Some((top, bottom)) = rows.first().zip(rows.last()) else { return Wish::Older };
        let begins = chat.room().is_some_and(|room| (top.line..=bottom.line + 1).contains(&room.begin()));
        if begins { Wish::Older } else { Wish::Nothing }
    }

    fn scroll_down(&mut self, by: usize, chat: &Conversation, zone: &Zone) -> Wish {
        self.bottom = Broken::of(chat, self.size.0, zone).down(self.bottom, by);
        Wish::Nothing
    }
}

/// The first row of something that a key scrolls, if it does; what is too far is for whoever draws it.
const fn scrolled(from: usize, key: KeyCode, page: usize) -> Option<usize> {
    Some(match key {
        KeyCode::Up => from.saturating_sub(1),
        KeyCode::Down => from.saturating_add(1),
        KeyCode::PageUp => from.saturating_sub(page),
        KeyCode::PageDown => from.saturating_add(page),
        KeyCode::Home => 0,
        KeyCode::End => usize::MAX,
        _ => return None,
    })
}

fn common_start<'a>(one: &'a str, other: &str) -> &'a str {
    let differ = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
    let end = differ.map_or_else(|| one.len().min(other.len()), |((at, _), _)| at);
    &one[..end]
}

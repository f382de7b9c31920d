//! The screen, drawn from the conversation: as much as is seen of it, and nothing else is looked at.

use ratatui::{Frame, buffer::Buffer, layout::Rect, style::Style};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    rows::{Bottom, Broken, Row, RowKind, TIME_WIDTH},
    theme::Theme,
    view::{View, Word},
};
use crate::{
    command,
    model::{Body, Connection, Conversation, Room, action},
    text::{self, cut, on_one_line},
    words::{self, Zone},
};

/// Columns of the sidebar.
const SIDEBAR_WIDTH: u16 = 24;

/// Screens that are narrower have none.
const SIDEBAR_FROM: u16 = 64;

/// Rows that what is typed may take.
const INPUT_ROWS_MAX: usize = 5;

/// Lines that are said and not shown yet, of which more are only counted.
const PENDING_MAX: usize = 3;

/// Names of those who write; more are only counted.
const TYPING_MAX: usize = 3;

/// What stands before what is typed.
const PROMPT: &str = "> ";

/// All that is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// What is to be seen.
    pub chat: &'a Conversation,
    /// How the connection fares.
    pub connection: &'a str,
    /// Whose clock is shown.
    pub zone: &'a Zone,
    /// What stands out, and how.
    pub theme: Theme,
}

/// The parts of the screen.
struct Parts {
    header: Rect,
    lines: Rect,
    sidebar: Option<Rect>,
    word: Rect,
    input: Rect,
}

impl Scene<'_> {
    /// Draws everything, and tells the view how large the room's part of it is.
    pub fn draw(&self, frame: &mut Frame<'_>, view: &mut View) {
        view.turn_to(self.chat);
        let area = frame.area();
        let typed = Typed::of(view, usize::from(area.width).saturating_sub(PROMPT.len()).max(2));
        let parts = parts(area, typed.rows.len());
        view.size = (parts.lines.width.into(), parts.lines.height.into());
        let buffer = frame.buffer_mut();
        self.header(buffer, parts.header);
        self.lines(buffer, parts.lines, view);
        if let Some(sidebar) = parts.sidebar {
            self.sidebar(buffer, sidebar);
        }
        self.word(buffer, parts.word, view);
        let cursor = typed.draw(buffer, parts.input);
        if let Some(from) = &mut view.help {
            self.help(buffer, area, from);
        } else if let Some(cursor) = cursor {
            frame.set_cursor_position(cursor);
        }
    }

    fn header(&self, buffer: &mut Buffer, area: Rect) {
        let is_well = self.chat.connection == Connection::Online;
        buffer.set_style(area, self.theme.header());
        let state = cut(self.connection, usize::from(area.width) / 2);
        let state_width = u16::try_from(text::width(&state)).unwrap_or(area.width) + 1;
        let (name, here) = match (&self.chat.current, self.chat.room()) {
            (Some(name), Some(room)) if room.here || !is_well => {
                (format!(" #{name}"), format!("  {} here", room.count))
            }
            (Some(name), _) => (format!(" #{name}"), "  not in it".to_owned()),
            (None, _) => (" no room".into(), String::new()),
        };
        let others = self.chat.open_rooms().filter(|(name, _)| Some(*name) != self.chat.current.as_ref());
        let unread: usize = others.map(|(_, room)| room.unread).sum();
        let unread = if unread > 0 { format!("  {unread} unread elsewhere") } else { String::new() };
        let left = format!("{name}{here}{unread}  you are {}", self.chat.me);
        let room = area.width.saturating_sub(state_width + 1);
        put(buffer, area.x, area.y, room, &left, self.theme.header());
        let x = area.right().saturating_sub(state_width);
        put(buffer, x, area.y, state_width, &state, self.theme.state(is_well));
    }

    fn lines(&self, buffer: &mut Buffer, area: Rect, view: &View) {
        let width = usize::from(area.width);
        let room = self.chat.room().filter(|_| view.bottom == Bottom::Latest);
        let pending = room.map(|room| self.pending(room, area.height.into())).unwrap_or_default();
        let height = usize::from(area.height).saturating_sub(pending.len());
        let rows = Broken::of(self.chat, width, self.zone).screen(view.bottom, height);
        // What is little stands at the bottom, where it is typed.
        let mut y = area.bottom() - u16::try_from(rows.len() + pending.len()).unwrap_or(0).min(area.height);
        for row in &rows {
            self.row(buffer, Rect { y, height: 1, ..area }, row);
            y += 1;
        }
        for line in pending {
            put(buffer, area.x, y, area.width, &cut(&line, width), self.theme.faint());
            y += 1;
        }
    }

    /// What was said and is not shown yet: the newest, in half of the room at most, below a count of the rest.
    fn pending(&self, room: &Room, height: usize) -> Vec<String> {
        let earlier = room.pending.len().saturating_sub(PENDING_MAX.min(height / 2));
        let count = (earlier > 0).then(|| format!("  ··· {earlier} earlier"));
        let newest = room.pending.iter().skip(earlier);
        let me = &self.chat.me;
        let newest = newest.map(|pending| match action(&pending.content) {
            Some(action) => format!("  ··· * {me} {}", on_one_line(action)),
            None => format!("  ··· {me}: {}", on_one_line(&pending.content)),
        });
        count.into_iter().chain(newest).take(height).collect()
    }

    fn row(&self, buffer: &mut Buffer, area: Rect, row: &Row) {
        let time = u16::try_from(TIME_WIDTH).expect("a few columns");
        let (x, width) = (area.x + time, area.width.saturating_sub(time));
        let body = self.chat.lines().get(row.line).map(|line| &line.body);
        match row.kind {
            RowKind::Top | RowKind::Day | RowKind::Unread => {
                let is_unread = row.kind == RowKind::Unread;
                let style = if is_unread { self.theme.strong() } else { self.theme.faint() };
                put(buffer, area.x, area.y, area.width, &format!("── {} ", row.text), style);
                return;
            }
            RowKind::First(at) => {
                put(buffer, area.x, area.y, time, &self.zone.minute(at), self.theme.faint());
            }
            // Nobody's line break makes a line of somebody else.
            RowKind::More => {
                put(buffer, x - 2, area.y, 1, "┊", self.theme.faint());
            }
        }
        let (mark, rest) = row.text.split_at(row.mark);
        let (mark_style, rest_style) = body.map_or_else(Default::default, |body| self.styles(body));
        let end = put(buffer, x, area.y, width, mark, mark_style);
        put(buffer, end, area.y, area.right().saturating_sub(end), rest, rest_style);
    }

    /// Of a line's mark, and of the rest.
    fn styles(&self, body: &Body) -> (Style, Style) {
        match body {
            Body::Said(said) => {
                let rest = if said.mentions_me { self.theme.mention() } else { Style::new() };
                (self.theme.name(said.user.as_str()), rest)
            }
            Body::Missing { .. } | Body::Anew => (self.theme.strong(), self.theme.strong()),
            Body::Problem(_) => (self.theme.problem(), self.theme.problem()),
            Body::Notice(_) | Body::Answer(_) => (self.theme.faint(), Style::new()),
            Body::Came(_) | Body::Went(_) | Body::CameAndWent(..) => (self.theme.faint(), self.theme.faint()),
        }
    }

    /// Rooms above, members below.
    fn sidebar(&self, buffer: &mut Buffer, area: Rect) {
        for y in area.top()..area.bottom() {
            put(buffer, area.x, y, 1, "│", self.theme.faint());
        }
        let inner = Rect { x: area.x + 2, width: area.width - 2, ..area };
        // Half of it is the members', if there are as many rooms.
        let most = usize::from(area.height / 2).max(1);
        let rooms: Vec<_> =
            self.chat.open_rooms().map(|(name, room)| self.room_line(name.as_str(), room)).collect();
        let current = self.chat.open_rooms().position(|(name, _)| Some(name) == self.chat.current.as_ref());
        let current = current.unwrap_or(0);
        let skipped = (current + 1).saturating_sub(most);
        let rooms = rooms.into_iter().skip(skipped).take(most);
        let y = listed(buffer, inner, rooms);
        let Some(room) = self.chat.room() else { return };
        let members = Rect { y: y + 1, height: area.bottom().saturating_sub(y + 1), ..inner };
        listed(buffer, members, self.member_lines(room, members.height.into()).into_iter());
    }

    fn room_line(&self, name: &str, room: &Room) -> (String, Style) {
        let unread = match (room.unread, room.mentions) {
            (0, _) => String::new(),
            (unread, 0) => format!(" {unread}"),
            (unread, mentions) => format!(" {unread} @{mentions}"),
        };
        let is_current = self.chat.current.as_ref().is_some_and(|current| current.as_str() == name);
        let mark = if is_current { ">" } else { " " };
        let style = match room {
            _ if is_current => self.theme.strong(),
            Room { mentions: 1.., .. } => self.theme.mention(),
            Room { unread: 1.., .. } => self.theme.strong(),
            _ => Style::new(),
        };
        let width = usize::from(SIDEBAR_WIDTH).saturating_sub(4 + unread.len());
        (format!("{mark}#{}{unread}", cut(name, width)), style)
    }

    /// As many as fit; the rest is counted.
    fn member_lines(&self, room: &Room, height: usize) -> Vec<(String, Style)> {
        let fit = if room.count.max(room.members.len()) > height { height.saturating_sub(1) } else { height };
        let mut lines: Vec<_> = (room.members.iter().take(fit))
            .map(|(name, someone)| {
                let status = someone.status.as_ref().map(|status| format!(" {}", on_one_line(&status.state)));
                let mark = if someone.away { "○" } else { "●" };
                let style = if someone.away { self.theme.faint() } else { Style::new() };
                (format!("{mark} {name}{}", status.unwrap_or_default()), style)
            })
            .collect();
        let rest = room.count.saturating_sub(lines.len());
        if rest > 0 && lines.len() < height {
            lines.push((format!("and {rest} more"), self.theme.faint()));
        }
        lines
    }

    /// The row above what is typed: what was wrong, who writes, or that there is more below.
    fn word(&self, buffer: &mut Buffer, area: Rect, view: &View) {
        let (word, style) = match &view.word {
            Some(Word::Mistake(mistake)) => (format!("! {mistake}"), self.theme.problem()),
            Some(Word::Choice(word) | Word::Notice(word)) => (word.clone(), self.theme.strong()),
            None if view.bottom != Bottom::Latest => {
                let new = self.chat.room().map_or(0, |room| room.heard.saturating_sub(view.heard));
                let what = if new > 0 { format!("{new} new below") } else { "there is more below".into() };
                (format!("▼ {what} (Esc)"), self.theme.strong())
            }
            None => match self.chat.room() {
                Some(room) => (typing(room), self.theme.faint()),
                None => (words::NO_ROOM.into(), self.theme.strong()),
            },
        };
        put(buffer, area.x, area.y, area.width, &cut(&word, area.width.into()), style);
    }

    /// The keys and the commands, over everything else, from this row of theirs on or as far up as the last ones fill the screen.
    fn help(&self, buffer: &mut Buffer, area: Rect, from: &mut usize) {
        let lines: Vec<String> = KEYS.iter().map(|&line| line.to_owned()).chain(command::help()).collect();
        let width = lines.iter().map(|line| text::width(line)).max().unwrap_or(0) + 2;
        let width = u16::try_from(width).unwrap_or(area.width).min(area.width);
        let broken = |line: &String| -> Vec<String> {
            let rows = text::rows(line, usize::from(width.saturating_sub(2)));
            rows.into_iter().map(|row| line[row].to_owned()).collect()
        };
        let mut rows: Vec<String> = lines.iter().flat_map(broken).collect();
        let height = u16::try_from(rows.len()).unwrap_or(area.height).min(area.height);
        *from = (*from).min(rows.len() - usize::from(height));
        let last = *from + usize::from(height);
        if last < rows.len() && height > 1 {
            rows[last - 1] = "▼ PgDn".into();
        }
        let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
        for (y, line) in (y..y + height).zip(rows.into_iter().skip(*from)) {
            put(buffer, x, y, width, &" ".repeat(width.into()), self.theme.header());
            put(buffer, x + 1, y, width.saturating_sub(2), &line, self.theme.header());
        }
    }
}

/// What the keys do.
const KEYS: &[&str] = &[
    "Enter       say it, or do it        Alt-Enter  a new line",
    "PgUp PgDn   scroll; Esc: to the end Tab        complete",
    "Ctrl-P/N    another room            Alt-1…9    the first, second…",
    "Alt-A       what is unread          Up Down    what you typed before",
    "Ctrl-C      drop what is typed, or leave       ? F1   this",
    "Ctrl-Z      stop; fg in the shell comes back",
    "",
];

/// What is typed, broken to the width.
struct Typed {
    rows: Vec<String>,
    /// Column and row.
    cursor: (usize, usize),
}

impl Typed {
    fn of(view: &View, width: usize) -> Self {
        let (text, at) = (view.editor.text(), view.editor.cursor());
        let (mut rows, mut cursor, mut used, mut place) = (vec![String::new()], (0, 0), 0, 0);
        for character in text.graphemes(true) {
            if place == at {
                cursor = (used, rows.len() - 1);
            }
            place += character.len();
            let shown = on_one_line(character);
            let shown = if character == "\n" { "⏎" } else { shown.as_ref() };
            if used + text::width(shown) > width {
                rows.push(String::new());
                used = 0;
            }
            used += text::width(shown);
            rows.last_mut().expect("there is one").push_str(shown);
        }
        if place == at {
            cursor = (used, rows.len() - 1);
        }
        if cursor.0 >= width {
            cursor = (0, cursor.1 + 1);
            rows.push(String::new());
        }
        // Of what is long those rows are seen in which something happens.
        let first = (cursor.1 + 1).saturating_sub(INPUT_ROWS_MAX);
        let rows = rows.into_iter().skip(first).take(INPUT_ROWS_MAX).collect();
        Self { rows, cursor: (cursor.0, cursor.1 - first) }
    }

    /// Where the cursor stands, if it is on the screen.
    fn draw(&self, buffer: &mut Buffer, area: Rect) -> Option<(u16, u16)> {
        let indent = u16::try_from(PROMPT.len()).expect("a few columns");
        put(buffer, area.x, area.y, area.width, PROMPT, Style::new());
        for (y, row) in (area.top()..area.bottom()).zip(&self.rows) {
            put(buffer, area.x + indent, y, area.width.saturating_sub(indent), row, Style::new());
        }
        let x = area.x + indent + u16::try_from(self.cursor.0).ok()?;
        let y = area.y + u16::try_from(self.cursor.1).ok()?;
        area.contains((x, y).into()).then_some((x, y))
    }
}

fn parts(area: Rect, input_rows: usize) -> Parts {
    let input = u16::try_from(input_rows).unwrap_or(1).min(area.height);
    let word = u16::from(area.height > input + 1);
    let header = u16::from(area.height > input + word);
    let body = Rect { y: area.y + header, height: area.height - header - word - input, ..area };
    let has_sidebar = area.width >= SIDEBAR_FROM;
    let side = if has_sidebar { SIDEBAR_WIDTH } else { 0 };
    Parts {
        header: Rect { height: header, ..area },
        lines: Rect { width: area.width - side, ..body },
        sidebar: has_sidebar.then(|| Rect { x: area.right() - side, width: side, ..body }),
        word: Rect { y: body.bottom(), height: word, ..area },
        input: Rect { y: body.bottom() + word, height: input, ..area },
    }
}

/// Who writes.
fn typing(room: &Room) -> String {
    let names: Vec<&str> = room.typing.iter().take(TYPING_MAX).map(|user| user.as_str()).collect();
    match (room.typing.len(), &names[..]) {
        (0, _) => String::new(),
        (1, [name]) => format!("{name} is writing…"),
        (count, _) if count > TYPING_MAX => {
            format!("{} and {} more are writing…", names.join(", "), count - TYPING_MAX)
        }
        (_, [others @ .., last]) => format!("{} and {last} are writing…", others.join(", ")),
        (_, []) => String::new(),
    }
}

/// Writes lines below one another. Returns where the next one would be.
fn listed(buffer: &mut Buffer, area: Rect, lines: impl Iterator<Item = (String, Style)>) -> u16 {
    let mut y = area.y;
    for (line, style) in lines.take(area.height.into()) {
        put(buffer, area.x, y, area.width, &cut(&line, area.width.into()), style);
        y += 1;
    }
    y
}

/// Writes a text, as far as there is room. Returns the column behind it.
fn put(buffer: &mut Buffer, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
    if !buffer.area().contains((x, y).into()) {
        return x;
    }
    buffer.set_stringn(x, y, text, width.into(), style).0
}

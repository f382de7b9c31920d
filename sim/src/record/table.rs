//! A trace as a table for the eye: a line for each record, a column for each actor.
//!
//! In its column stands what happens to an actor; elsewhere a dot shows who has a connection, or runs. A column that
//! goes blank is a connection that is gone, and a row of glyphs in one column is somebody who is busy.

use std::fmt::Write;

use crate::record::{
    describe::FIN,
    trace::{Kind, Lane, Record},
};

/// Writes the lines of one trace, in order.
#[derive(Clone, Debug, Default)]
pub struct Table {
    clients: Vec<bool>,
    nodes: Vec<bool>,
}

impl Table {
    /// A table with a column for everybody to whom something happens in these records; nobody is connected yet.
    #[must_use]
    pub fn of(records: &[Record]) -> Self {
        let mut table = Self::default();
        for record in records {
            match record.actor {
                Lane::Client(number) => widen(&mut table.clients, number),
                Lane::Node(number) => widen(&mut table.nodes, number),
                Lane::World | Lane::Server => {}
            }
        }
        table
    }

    /// What the columns are, for the line above the first.
    #[must_use]
    pub fn head(&self) -> String {
        let (clients, nodes) = (self.clients.len(), self.nodes.len());
        format!(
            "{:>8} {:>12} {:<clients$} {:<nodes$} {:<6} {:>5}",
            "event", "seconds", "c", "n", "actor", "conn"
        )
    }

    /// The line of a record. Records that are not shown must be [passed](Self::pass), too.
    #[must_use]
    pub fn line(&mut self, record: &Record) -> String {
        self.pass(record);
        let Record { event, at_us, kind, actor, connection, text, .. } = record;
        let mut line = format!("{event:>8} {:>5}.{:06} ", at_us / 1_000_000, at_us % 1_000_000);
        let everybody = matches!(kind, Kind::Failed);
        let glyph = |lane: Lane, is_up: bool| match is_up {
            _ if everybody || *actor == lane => kind.glyph(),
            true => '·',
            false => ' ',
        };
        line.extend(self.clients.iter().enumerate().map(|(number, &up)| glyph(Lane::Client(number), up)));
        line.push(' ');
        line.extend(self.nodes.iter().enumerate().map(|(number, &up)| glyph(Lane::Node(number), up)));
        let connection = connection.map(|id| format!("#{id}")).unwrap_or_default();
        write!(line, " {actor:<6} {connection:>5} {} {text}", kind.glyph()).expect("strings take in all");
        line
    }

    /// Takes in who is connected after a record.
    pub fn pass(&mut self, record: &Record) {
        match (record.kind, record.actor) {
            (Kind::Opened, Lane::Client(number)) => self.clients[number] = true,
            (Kind::Closed | Kind::Connect, Lane::Client(number)) => self.clients[number] = false,
            (Kind::FromClient, Lane::Client(number)) if record.text == FIN => self.clients[number] = false,
            (Kind::Start, _) => self.nodes.fill(true),
            (Kind::Stop, _) => self.nodes.fill(false),
            _ => {}
        }
    }
}

fn widen(column: &mut Vec<bool>, number: usize) {
    if column.len() <= number {
        column.resize(number + 1, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scenario, record::trace::Trace, run};

    #[test]
    fn columns_show_who_is_there() {
        let scenario = Scenario::generate(1);
        let mut trace = Trace::detailed();
        run(&scenario, &mut trace, None);
        let mut table = Table::of(trace.records());
        let lines: Vec<String> = trace.records().iter().map(|record| table.line(record)).collect();
        let (clients, nodes) = (scenario.setup.clients.len(), scenario.setup.nodes as usize);
        let columns = |line: &str| line.chars().skip(22).take(clients).collect::<String>();
        assert!(columns(&lines[0]).trim().is_empty(), "{}", lines[0]);
        assert!(lines.iter().any(|line| columns(line).matches('·').count() == clients - 1));
        let first =
            lines.iter().find(|line| line.contains("{\"type\":\"welcome\"")).expect("somebody is welcome");
        assert_eq!(first.chars().skip(22 + clients + 1 + nodes + 1).take(1).collect::<String>(), "n");
    }
}

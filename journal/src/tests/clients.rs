//! Core's own client at the other end.

use chinwag_core::{
    Client, RoomName, UserName,
    client::{ClientEvent, ClientInput, ClientOutput, Command, Limits},
};

use super::*;

struct Bot {
    client: Client,
    connection: ConnectionId,
    events: Vec<ClientEvent>,
}

impl Bot {
    fn new(kit: &mut Kit) -> Self {
        let client = Client::new(Arc::default(), UserName::new("bot").unwrap(), 1);
        let mut bot = Self { client, connection: ConnectionId(0), events: vec![] };
        let mut out = vec![];
        bot.client.start(kit.now, &mut out);
        bot.carry_out(kit, out);
        bot
    }

    fn submit(&mut self, kit: &mut Kit, command: Command) {
        let mut out = vec![];
        self.client.submit(kit.now, command, &mut out).unwrap();
        self.carry_out(kit, out);
    }

    fn wait(&mut self, kit: &mut Kit, span: Duration) {
        kit.wait(span);
        let mut out = vec![];
        if self.client.poll_timeout().is_some_and(|at| at <= kit.now) {
            self.client.handle_input(kit.now, ClientInput::Timeout, &mut out);
        }
        self.carry_out(kit, out);
    }

    /// Carries frames back and forth until neither end has any.
    fn carry_out(&mut self, kit: &mut Kit, mut out: Vec<ClientOutput>) {
        loop {
            for output in std::mem::take(&mut out) {
                match output {
                    ClientOutput::Connect => {
                        self.connection = kit.connect();
                        self.client.handle_input(kit.now, ClientInput::Opened, &mut out);
                    }
                    ClientOutput::Transmit(text) => kit.text(self.connection, &text),
                    ClientOutput::Event(event) => self.events.push(event),
                    ClientOutput::Close { .. } => kit.cut(self.connection),
                }
            }
            let frames = kit.take(self.connection);
            for frame in &frames {
                let text = frame.to_string();
                self.client.handle_input(kit.now, ClientInput::Received(Frame::Text(&text)), &mut out);
            }
            if frames.is_empty() && out.is_empty() {
                return;
            }
        }
    }
}

fn room(n: usize) -> RoomName {
    RoomName::new(&format!("room-{n}")).unwrap()
}

#[test]
fn a_client_is_told_what_the_server_allows() {
    let config = GatewayConfig {
        message_rate: 3,
        content_bytes_max: 500,
        ping_interval: Duration::from_millis(2_500),
        ..GatewayConfig::default()
    };
    let mut kit = Kit::with(config, ShardConfig::default());
    let bot = Bot::new(&mut kit);
    let limits = Limits {
        message_rate: 3,
        message_burst: 10,
        content_bytes: 500,
        frame_bytes: 16 * 1024,
        unanswered: 64,
        ping_interval: Duration::from_millis(2_500),
    };
    assert_eq!(bot.client.limits(), Some(&limits));
}

#[test]
fn a_send_waits_while_the_join_of_its_room_is_refused_for_its_rate() {
    let mut kit = Kit::new();
    let mut bot = Bot::new(&mut kit);
    for n in 0..60 {
        bot.submit(&mut kit, Command::Join { room: room(n) });
        bot.wait(&mut kit, Duration::from_millis(60));
    }
    assert!((0..60).all(|n| bot.client.is_joined(&room(n))));
    kit.cut(bot.connection);
    bot.client.handle_input(kit.now, ClientInput::Closed { code: None, reason: "" }, &mut vec![]);
    bot.events.clear();
    for n in [9, 59] {
        bot.submit(&mut kit, Command::Publish { room: room(n), content: "hello".into(), extra: None });
    }
    for _ in 0..200 {
        bot.wait(&mut kit, Duration::from_millis(50));
    }
    let acknowledged =
        bot.events.iter().filter(|event| matches!(event, ClientEvent::Acknowledged { .. })).count();
    assert_eq!((acknowledged, bot.client.unanswered()), (2, 0));
}

#[test]
fn joining_a_hundred_rooms_at_once_is_no_abuse() {
    let mut kit = Kit::new();
    let mut bot = Bot::new(&mut kit);
    for n in 0..100 {
        bot.submit(&mut kit, Command::Join { room: room(n) });
    }
    for _ in 0..200 {
        bot.wait(&mut kit, Duration::from_millis(50));
    }
    assert!((0..100).all(|n| bot.client.is_joined(&room(n))));
    let refused = bot.events.iter().filter(|event| matches!(event, ClientEvent::Refused { .. })).count();
    assert!(refused <= 100, "{refused} refusals");
    assert!(kit.closed.is_empty());
}

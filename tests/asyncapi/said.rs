//! What clients may say: one frame of each type, with the fields that it needs and the usual others.

use chinwag_core::{
    Generation, Refusal, SessionId, UserName,
    config::GatewayConfig,
    dialect::{Codec, Dialect, Event, Payloads},
    secret::Secret,
};

/// The dialects' frames. In `socketio` these are events: a name, and what it holds.
pub(super) const fn examples(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Chat => CHAT,
        Dialect::Lobby => LOBBY,
        Dialect::Envelope => ENVELOPE,
        Dialect::SocketIo => SOCKETIO,
        Dialect::Agents => AGENTS,
    }
}

const CHAT: &[&str] = &[
    r#"{"type":"hello","user":"ann"}"#,
    r#"{"type":"create","room":"cellar","private":true,"id":1}"#,
    r#"{"type":"join","room":"general","user":"ann"}"#,
    r#"{"type":"message","room":"general","content":"Hello!","id":2,"key":"m-1"}"#,
    r#"{"type":"typing","room":"general","typing":true}"#,
    r#"{"type":"history","room":"general","before":7,"limit":50,"id":3}"#,
    r#"{"type":"members","room":"general","after":"ann","limit":200,"id":4}"#,
    r#"{"type":"rooms","after":"general","limit":200,"id":5}"#,
    r#"{"type":"invite","room":"cellar","whom":"bob","id":6}"#,
    r#"{"type":"kick","room":"cellar","whom":"bob","id":7}"#,
    r#"{"type":"status","room":"general","state":"working","detail":"reviews","progress":25,"id":8}"#,
    r#"{"type":"task","room":"general","task":"t-1","state":"running","assignee":"ann","priority":1,"id":9}"#,
    r#"{"type":"start","room":"bot:weather","id":10}"#,
    r#"{"type":"stop","room":"bot:weather","id":11}"#,
    r#"{"type":"seen","room":"bot:weather","seq":7,"id":12}"#,
    r#"{"type":"leave","room":"general","id":13}"#,
    r#"{"type":"refresh","token":"eyJhbGciOi…","id":14}"#,
    r#"{"type":"ping","id":15}"#,
];

const LOBBY: &[&str] =
    &["hello, everybody", "/rooms", "/join rust", "/users", "/help", "/token eyJhbGciOi…", "/leave"];

const ENVELOPE: &[&str] = &[
    r#"{"type":"joinRoom","payload":{"roomId":"dev","limit":50},"messageId":"m-1"}"#,
    r#"{"type":"message","payload":{"roomId":"dev","content":"Hello!","metadata":{"type":"text"}},"messageId":"m-2","priority":1}"#,
    r#"{"type":"taskUpdate","payload":{"taskId":"t-1","status":"running","progress":25,"roomId":"dev"}}"#,
    r#"{"type":"taskAssign","payload":{"taskId":"t-1","assigneeId":"ann","priority":1,"roomId":"dev"}}"#,
    r#"{"type":"typing","payload":{"roomId":"dev","typing":true}}"#,
    r#"{"type":"history","payload":{"roomId":"dev","before":7,"limit":50},"messageId":"m-3"}"#,
    r#"{"type":"members","payload":{"roomId":"dev","limit":200},"messageId":"m-4"}"#,
    r#"{"type":"rooms","payload":{"limit":200},"messageId":"m-5"}"#,
    r#"{"type":"createRoom","payload":{"roomId":"cellar","private":true},"messageId":"m-6"}"#,
    r#"{"type":"invite","payload":{"roomId":"cellar","userId":"bob"},"messageId":"m-7"}"#,
    r#"{"type":"kick","payload":{"roomId":"cellar","userId":"bob"},"messageId":"m-8"}"#,
    r#"{"type":"status","payload":{"roomId":"dev","status":"working","progress":25}}"#,
    r#"{"type":"start","payload":{"roomId":"bot:weather"},"messageId":"m-9"}"#,
    r#"{"type":"stop","payload":{"roomId":"bot:weather"},"messageId":"m-10"}"#,
    r#"{"type":"seen","payload":{"roomId":"bot:weather","seq":7},"messageId":"m-11"}"#,
    r#"{"type":"leaveRoom","payload":{"roomId":"dev"},"messageId":"m-12"}"#,
    r#"{"type":"refresh","payload":{"token":"eyJhbGciOi…"},"messageId":"m-13"}"#,
    r#"{"type":"ping","payload":{},"messageId":"m-14"}"#,
];

const SOCKETIO: &[&str] = &[
    r#"["bot:join",{"botId":"weather"}]"#,
    r#"["chat:message",{"botId":"weather","message":"Hello bot!","id":"m-1"}]"#,
    r#"["typing",{"botId":"weather","isTyping":true}]"#,
    r#"["chat:history",{"botId":"weather","before":7,"limit":50}]"#,
    r#"["bot:start",{"botId":"weather"}]"#,
    r#"["bot:stop",{"botId":"weather"}]"#,
    r#"["bot:seen",{"seq":7}]"#,
    r#"["bot:status",{"status":"thinking","message":"looks it up","progress":25}]"#,
    r#"["user:status",{"botId":"weather","status":"away"}]"#,
    r#"["task",{"botId":"weather","taskId":"t-1","status":"running","assignee":"ann","priority":1}]"#,
    r#"["room:create",{"room":"cellar","private":true}]"#,
    r#"["room:join",{"room":"cellar"}]"#,
    r#"["room:invite",{"room":"cellar","userId":"bob"}]"#,
    r#"["room:kick",{"room":"cellar","userId":"bob"}]"#,
    r#"["room:members",{"room":"cellar","limit":200}]"#,
    r#"["room:list",{"limit":200}]"#,
    r#"["room:leave",{"room":"cellar"}]"#,
    r#"["bot:leave",{"botId":"weather"}]"#,
    r#"["token:refresh",{"token":"eyJhbGciOi…"}]"#,
];

const AGENTS: &[&str] = &[
    r#"{"type":"auth","data":{"userId":"ann","token":"eyJhbGciOi…"}}"#,
    r#"{"type":"message","data":{"id":12345,"text":"@bob please review it","mentions":["bob"]}}"#,
    r#"{"type":"status_update","data":{"userId":"ann","status":"working","currentTask":"reviews","progress":25}}"#,
    r#"{"type":"ping"}"#,
];

/// Whether the dialect takes a frame, of a client that has said who it is or of one that has not.
pub(super) fn is_taken(dialect: Dialect, frame: &str) -> bool {
    let mut welcomed = Codec::new(dialect, &GatewayConfig::default());
    let event = Event::Welcome {
        user: &UserName::new("ann").unwrap(),
        session: SessionId(1),
        secret: Secret::parse(&"0".repeat(32)).unwrap(),
        resumed: false,
        generation: Generation(1),
        limits: &GatewayConfig::default(),
    };
    welcomed.encode(&event, &mut Payloads::default());
    // Where the first is to come in, later ones need not name the room.
    let _ = welcomed.decode(examples(dialect)[0], &mut Payloads::default());
    let new = Codec::new(dialect, &GatewayConfig::default());
    [new, welcomed].iter_mut().any(|codec| match codec.decode(frame, &mut Payloads::default()) {
        Ok(_) => true,
        // It is understood: there is no room to leave yet.
        Err(rejection) => rejection.refusal == Refusal::LastRoom,
    })
}

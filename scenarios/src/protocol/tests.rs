use super::*;

const GOOD: &str = r#"
[protocol]
name = "good"
rooms = "many"

[protocol.join]
send = "join {room}"
until = { text = "in {room}" }

[protocol.say]
send = '{"n":{id},"text":"{payload}"}'
until = { json = { "/n" = "{id}" } }

[protocol.delivery]
json = { "/text" = "{payload}", "/live" = true, "/kind" = 3 }
"#;

fn wrong(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    Protocol::parse("x.toml", &GOOD.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn every_dialect_is_sound() {
    for file in dialects() {
        let protocol = Protocol::parse(file.name, file.text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(protocol.name, file.name);
        assert!(file.summary().ends_with('.'), "{}", file.summary());
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_the_nearest_right_word() {
    for (from, to, line) in [
        ("rooms", "romms", "x.toml:4:1: protocol.romms: unknown key `romms`: did you mean `rooms`?"),
        ("\"many\"", "\"shard\"", "x.toml:4:9: protocol.rooms: unknown word `shard`: did you mean `shared`?"),
        ("{room}", "{rom}", "x.toml:7:1: protocol.join.send: unknown place {rom}: did you mean {room}?"),
        ("join {room}", "join", "x.toml:7:1: protocol.join.send: {room} is nowhere in it"),
        ("{payload}", "x", "x.toml:11:1: protocol.say.send: {payload} is nowhere in it"),
        ("{id}", "1", "x.toml:11:1: protocol.say.send: the answer names an {id}, and no {id} is sent"),
        ("\"/n\"", "\"n\"", "protocol.say.until.json.n: is no JSON Pointer: it must begin with `/`"),
        (
            "= 3",
            "= [3]",
            "protocol.delivery.json.\"/kind\": must be a text, a whole number, or true or false",
        ),
        ("\"/text\" = \"{payload}\"", "\"/text\" = \"x\"", "protocol.delivery: {payload} is nowhere in it"),
        ("{ text = \"in {room}\" }", "{}", "protocol.join.until: name `text`, `prefix` or `json`"),
        ("{ text = ", "{ prefix = ", "protocol.join.until.prefix: must end in a text or in {id}"),
        ("{ text = ", "{ json = {}, text = ", "protocol.join.until.json: `text` is the whole frame"),
        ("name = \"good\"", "name = \"\"", "protocol.name: must have a letter"),
        ("rooms = \"many\"", "path = \"x\"", "protocol.path: must begin with `/`"),
        ("\"many\"", "\"private\"", "protocol.join: there are no rooms to enter or leave"),
        (
            "rooms = \"many\"",
            "ping = [{ when = { text = \"a\" }, answer = \"{room}\" }]",
            "protocol.ping[0].answer: unknown place {room}",
        ),
    ] {
        let told = wrong(from, to);
        assert!(told.contains(line) && !told.contains('\n'), "{told}\nand not\n{line}");
    }
    let without_join =
        GOOD.replace("[protocol.join]\nsend = \"join {room}\"\nuntil = { text = \"in {room}\" }", "");
    let told = Protocol::parse("x.toml", &without_join).unwrap_err().to_string();
    assert!(told.contains("protocol.join: must say how a room is entered"), "{told}");
}

#[test]
fn a_frame_is_recognised_by_all_that_is_said_of_it() {
    let protocol = Protocol::parse("x.toml", GOOD).unwrap();
    let read = |text: &str| protocol.delivery.read(&mut Frame::new(text));
    let found = read(r#"{"text":"a \"b\"","live":true,"kind":3}"#).unwrap();
    assert_eq!(found.get(Place::Payload), Some(r#"a "b""#));
    for other in [
        r#"{"text":"a","live":false,"kind":3}"#,
        r#"{"text":"a","live":true}"#,
        r#"{"text":["a"],"live":true,"kind":3}"#,
        "no JSON",
        "",
    ] {
        assert_eq!(read(other), None, "{other}");
    }
    let until = protocol.say.until.as_ref().unwrap();
    for text in [r#"{"n":17}"#, r#"{"n":"17"}"#] {
        let found = until.read(&mut Frame::new(text)).unwrap();
        assert_eq!(found.get(Place::Id), Some("17"), "{text}");
    }
}

#[test]
fn a_scenario_may_hold_its_protocol_and_has_the_rooms_that_this_has() {
    let smoke = crate::shipped().iter().find(|file| file.name == "smoke").unwrap();
    let raw = dialects().iter().find(|file| file.name == "raw").unwrap();
    let text = format!("{}\n{}", smoke.text, raw.text);
    let scenario = crate::Scenario::parse("both.toml", &text).unwrap();
    assert_eq!(scenario.protocol.as_ref().map(|protocol| &*protocol.name), Some("raw"));
    let plan = crate::Plan::new(&scenario, crate::Overrides::default()).unwrap();
    assert_eq!((plan.rooms(), plan.members_of(0).len()), (plan.clients(), 1), "each in a room of their own");
}

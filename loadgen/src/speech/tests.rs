use chinwag_scenarios::{Overrides, shipped};

use super::*;

fn smoke() -> (Scenario, Plan) {
    let file = shipped().iter().find(|file| file.name == "smoke").unwrap();
    let scenario = Scenario::parse(file.name, file.text).unwrap();
    let plan = Plan::new(&scenario, Overrides { clients: Some(2), ..Overrides::default() }).unwrap();
    (scenario, plan)
}

fn asked(args: &SpeechArgs, url: &str) -> Request {
    let (mut scenario, plan) = smoke();
    scenario.protocol = args.protocol(&scenario).unwrap();
    let target = Target::parse(url).unwrap();
    let speech = args.speech(&scenario, &plan, Some(&target)).unwrap();
    speech.request(&target, &UserName::new("ann").unwrap(), 1)
}

#[test]
fn each_dialect_has_its_path_and_a_url_may_have_another() {
    for (dialect, url, uri) in [
        (None, "ws://127.0.0.1:1", "ws://127.0.0.1:1/chat"),
        (Some("chat"), "ws://127.0.0.1:1/mine", "ws://127.0.0.1:1/mine"),
        (Some("agents"), "ws://127.0.0.1:1", "ws://127.0.0.1:1/ws"),
        (Some("envelope"), "ws://127.0.0.1:1/", "ws://127.0.0.1:1/api/ws?token=ann"),
        (Some("lobby"), "ws://127.0.0.1:1/x/{user}", "ws://127.0.0.1:1/x/ann"),
    ] {
        let args = SpeechArgs { dialect: dialect.map(str::to_owned), ..SpeechArgs::default() };
        assert_eq!(asked(&args, url).uri().to_string(), uri);
    }
}

#[test]
fn tokens_and_names_go_into_headers_and_paths() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens");
    fs::write(&path, "first\nsecond/one\n\nthird\n").unwrap();
    let headers = vec!["Authorization: Bearer {token}".into(), "x-name:{user}".into()];
    let args =
        SpeechArgs { dialect: Some("envelope".into()), headers, tokens: Some(path), ..SpeechArgs::default() };
    let request = asked(&args, "ws://127.0.0.1:1");
    assert_eq!(request.uri().path_and_query().unwrap(), "/api/ws?token=second%2Fone");
    assert_eq!(
        (&request.headers()["authorization"], &request.headers()["x-name"]),
        (&HeaderValue::from_static("Bearer second/one"), &HeaderValue::from_static("ann"))
    );
}

#[test]
fn mistakes_are_told_in_one_line() {
    assert_eq!(read_tokens("a\nb", 3).unwrap_err(), "2 tokens are too few for 3 clients");
    assert!(read_tokens("a\nb c", 2).unwrap_err().starts_with("token 2 holds white space"));
    for (header, words) in [
        ("no colon", "write it as 'Name: value'"),
        ("a b: c", "this is no header's name"),
        ("a: b\nc", "this is no header's value"),
        ("a: {usr}", "did you mean {user}?"),
    ] {
        let line = read_header(header).unwrap_err();
        assert!(line.contains(words) && !line.contains('\n'), "{line}");
    }
}

//! `chat-server token`: makes a token for trying out.

use std::{path::PathBuf, time::Duration};

use chinwag_core::{UserName, role::Role};
use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser, value_parser};
use serde_json::json;

use crate::{
    clock::Clock,
    settings::{SECRET_VARIABLE, read_span},
    token::{Payload, SigningKey, mint, read_file},
};

/// The subcommand's name.
pub(super) const NAME: &str = "token";

const KEY_FILE_VARIABLE: &str = "CHAT_TOKEN_SECRET_FILE";
const ISSUER_VARIABLE: &str = "CHAT_TOKEN_ISSUER";
const AUDIENCE_VARIABLE: &str = "CHAT_TOKEN_AUDIENCE";

const AFTER_HELP: &str = "\
The key is the file of --key-file: a shared secret of at least 32 bytes (HS256), or a private key in PEM, RSA (RS256) or \
Ed25519 (EdDSA). Without that flag it is the secret that a server with the same environment would verify with, \
CHAT_TOKEN_SECRET or the file of CHAT_TOKEN_SECRET_FILE.

  CHAT_TOKEN_SECRET=$(openssl rand -base64 32); export CHAT_TOKEN_SECRET
  chat-server &
  websocat \"ws://127.0.0.1:8080/chat?token=$(chat-server token --user ann)\"";

/// The subcommand's grammar.
pub(super) fn command() -> Command {
    let text = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    let role = PossibleValuesParser::new(Role::ALL.map(Role::word));
    Command::new(NAME).about("Make a token for trying out, and print it").after_help(AFTER_HELP).args([
        text("user", "NAME").required(true).value_parser(name).help("The user that it speaks for"),
        text("role", "ROLE")
            .default_value(Role::default().word())
            .value_parser(role)
            .help("What the user may do"),
        text("ttl", "SPAN").default_value("1h").value_parser(read_span).help("How long it is good"),
        text("owner", "NAME").value_parser(name).help("Whose bot the user is"),
        text("key-file", "FILE").value_parser(value_parser!(PathBuf)).help("The key to sign it with"),
        text("issuer", "TEXT").help(format!("Who makes it (iss) [env: {ISSUER_VARIABLE}]")),
        text("audience", "TEXT").help(format!("Whom it is for (aud) [env: {AUDIENCE_VARIABLE}]")),
        text("json", "").action(ArgAction::SetTrue).help("Print a JSON object that also says when it ends"),
    ])
}

/// Makes the token; the text to print.
///
/// # Errors
/// One line: there is no key, or it cannot be used.
pub(super) fn run(
    matches: &ArgMatches,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let given = |name: &str, variable: &str| {
        matches.get_one::<String>(name).cloned().or_else(|| environment(variable))
    };
    let (issuer, audience) = (given("issuer", ISSUER_VARIABLE), given("audience", AUDIENCE_VARIABLE));
    let user: &UserName = matches.get_one("user").expect("it is required");
    let ttl: &Duration = matches.get_one("ttl").expect("it has a default");
    let role = matches.get_one::<String>("role").and_then(|role| Role::from_word(role)).unwrap_or_default();
    let now = Clock::start().now();
    let seconds = |time: chinwag_core::Time| time.0 / 1_000_000;
    let payload = Payload {
        sub: user,
        role,
        iat: seconds(now),
        exp: seconds(now + *ttl),
        iss: issuer.as_deref(),
        aud: audience.as_deref(),
        owner: matches.get_one("owner"),
    };
    let token = mint(&payload, &key(matches, environment)?)?;
    if !matches.get_flag("json") {
        return Ok(token);
    }
    Ok(json!({"token": token, "user": user, "role": role, "expires": payload.exp}).to_string())
}

fn key(matches: &ArgMatches, environment: &dyn Fn(&str) -> Option<String>) -> Result<SigningKey, String> {
    let given = matches.get_one::<PathBuf>("key-file").cloned();
    let secret = environment(SECRET_VARIABLE).filter(|_| given.is_none());
    if let Some(secret) = secret {
        return SigningKey::read(secret.as_bytes()).map_err(|why| format!("{SECRET_VARIABLE} {why}"));
    }
    let file = given.or_else(|| environment(KEY_FILE_VARIABLE).map(PathBuf::from)).ok_or_else(|| {
        format!("there is no key: give --key-file, {SECRET_VARIABLE} or {KEY_FILE_VARIABLE}")
    })?;
    SigningKey::read(&read_file(&file)?).map_err(|why| format!("{} {why}", file.display()))
}

fn name(text: &str) -> Result<UserName, String> {
    UserName::new(text).map_err(|why| format!("it {why}"))
}

#[cfg(test)]
mod tests {
    use chinwag_core::identity::Claims;
    use serde_json::Value;

    use super::*;
    use crate::settings::{IdentityConfig, TokenSecret};

    const SECRET: &str = "a secret that is known to this test";

    fn made(args: &[&str], variables: &[(&str, &str)]) -> Result<String, String> {
        let matches =
            command().try_get_matches_from([&[NAME], args].concat()).map_err(|error| error.to_string())?;
        let environment = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        run(&matches, &environment)
    }

    fn read(token: &str) -> Claims {
        let token_secret = Some(TokenSecret::new(SECRET));
        let config = IdentityConfig { token_secret, ..IdentityConfig::default() };
        config.verifier().unwrap().unwrap().verify(token, Clock::start().now()).unwrap()
    }

    #[test]
    fn a_server_with_the_same_secret_accepts_it() {
        let secret = [(SECRET_VARIABLE, SECRET)];
        let claims = read(&made(&["--user", "ann"], &secret).unwrap());
        assert_eq!((claims.user.as_str(), claims.role, claims.owner), ("ann", Role::Member, None));
        let args = ["--user", "weather", "--role", "bot", "--owner", "ann", "--ttl", "5m", "--json"];
        let said: Value = serde_json::from_str(&made(&args, &secret).unwrap()).unwrap();
        let claims = read(said["token"].as_str().unwrap());
        assert_eq!((claims.role, claims.owner.unwrap().as_str()), (Role::Bot, "ann"));
        assert_eq!((&said["user"], &said["role"]), (&json!("weather"), &json!("bot")));
        assert!(said["expires"].is_u64());
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        assert!(made(&["--user", "ann"], &[]).unwrap_err().starts_with("there is no key: give --key-file"));
        let short = [(SECRET_VARIABLE, "short")];
        assert!(made(&["--user", "ann"], &short).unwrap_err().starts_with("CHAT_TOKEN_SECRET must hold"));
        let missing = made(&["--user", "ann", "--key-file", "no/such/key"], &[]).unwrap_err();
        assert!(missing.starts_with("cannot read no/such/key: "), "{missing}");
        for args in [
            &["--user", "a b"][..],
            &["--user", "ann", "--ttl", "5"],
            &["--user", "ann", "--role", "boss"],
            &[],
        ] {
            assert!(made(args, &[(SECRET_VARIABLE, SECRET)]).is_err(), "{args:?}");
        }
    }
}

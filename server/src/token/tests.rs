//! Good tokens, and every way to get one wrong.

use serde_json::{Value, json};

use super::*;

pub(crate) const SECRET: &str = "a secret that is known to this test";
pub(crate) const RSA_PRIVATE: &[u8] = include_bytes!("../../test-keys/rsa.private.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("../../test-keys/rsa.public.pem");
const ED_PRIVATE: &[u8] = include_bytes!("../../test-keys/ed25519.private.pem");
const ED_PUBLIC: &[u8] = include_bytes!("../../test-keys/ed25519.public.pem");

/// Seconds since the epoch, and the same as a time.
const NOW_SECONDS: u64 = 1_795_237_380;
const NOW: Time = Time(NOW_SECONDS * 1_000_000);

/// `{"alg":"none","typ":"JWT"}`
pub(crate) const NONE_HEADER: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

/// Signs what may be no good payload.
pub(crate) fn sign(payload: &Value, key: &[u8]) -> String {
    let key = SigningKey::read(key).unwrap();
    jsonwebtoken::encode(&jsonwebtoken::Header::new(key.algorithm), payload, &key.key).unwrap()
}

fn with_secret() -> Verifier {
    Verifier::new(VerifyingKey::from_secret(SECRET.as_bytes()).unwrap(), None, None)
}

fn of_payload(payload: Value) -> Result<Claims, TokenFault> {
    with_secret().verify(&sign(&payload, SECRET.as_bytes()), NOW)
}

#[test]
fn what_is_minted_is_accepted_under_each_algorithm() {
    let (ann, bob) = (UserName::new("ann").unwrap(), UserName::new("bob").unwrap());
    let payload = Payload {
        sub: &ann,
        role: Role::Bot,
        iat: NOW_SECONDS,
        exp: NOW_SECONDS + 60,
        iss: Some("here"),
        aud: Some("chat"),
        owner: Some(&bob),
    };
    let verifying = [
        (SECRET.as_bytes(), VerifyingKey::from_secret(SECRET.as_bytes()).unwrap()),
        (RSA_PRIVATE, VerifyingKey::from_pem(RSA_PUBLIC).unwrap()),
        (ED_PRIVATE, VerifyingKey::from_pem(ED_PUBLIC).unwrap()),
    ];
    for (signing, verifying) in verifying {
        let algorithm = verifying.algorithm;
        let token = mint(&payload, &SigningKey::read(signing).unwrap()).unwrap();
        let claims = Verifier::new(verifying, Some("here"), Some("chat")).verify(&token, NOW);
        let expires = Some(NOW + Duration::from_secs(60) + LEEWAY);
        let expected = Claims { user: ann.clone(), role: Role::Bot, owner: Some(bob.clone()), expires };
        assert_eq!(claims, Ok(expected), "{algorithm:?}");
    }
}

#[test]
fn an_algorithm_is_the_keys_and_never_the_tokens() {
    let payload = json!({"sub": "ann", "exp": NOW_SECONDS + 60});
    let rsa = Verifier::new(VerifyingKey::from_pem(RSA_PUBLIC).unwrap(), None, None);
    // The public key, which everybody has, taken for a shared secret.
    let key = jsonwebtoken::EncodingKey::from_secret(RSA_PUBLIC);
    let confused = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &payload, &key).unwrap();
    assert_eq!(rsa.verify(&confused, NOW), Err(TokenFault::WrongAlgorithm));
    assert_eq!(rsa.verify(&sign(&payload, ED_PRIVATE), NOW), Err(TokenFault::WrongAlgorithm));
    assert_eq!(with_secret().verify(&sign(&payload, RSA_PRIVATE), NOW), Err(TokenFault::WrongAlgorithm));
    let good = sign(&payload, SECRET.as_bytes());
    let [_, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    for unsigned in [format!("{NONE_HEADER}.{body}."), format!("{NONE_HEADER}.{body}.{signature}")] {
        assert_eq!(with_secret().verify(&unsigned, NOW), Err(TokenFault::WrongAlgorithm), "{unsigned}");
    }
    // HS512 is of the same family, and not what was configured.
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS512);
    let longer =
        jsonwebtoken::encode(&header, &payload, &jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes()))
            .unwrap();
    assert_eq!(with_secret().verify(&longer, NOW), Err(TokenFault::WrongAlgorithm));
}

#[test]
fn another_keys_or_a_changed_token_is_refused() {
    let payload = json!({"sub": "ann", "exp": NOW_SECONDS + 60});
    let others = sign(&payload, b"a secret that is not known to this test");
    assert_eq!(with_secret().verify(&others, NOW), Err(TokenFault::BadSignature));
    let admin = sign(&json!({"sub": "ann", "exp": NOW_SECONDS + 60, "role": "admin"}), SECRET.as_bytes());
    let member = sign(&payload, SECRET.as_bytes());
    let (signed, _) = admin.rsplit_once('.').unwrap();
    let (_, signature) = member.rsplit_once('.').unwrap();
    let raised = format!("{signed}.{signature}");
    assert_eq!(with_secret().verify(&raised, NOW), Err(TokenFault::BadSignature));
}

#[test]
fn a_token_is_good_from_nbf_to_exp_with_a_little_leeway() {
    let leeway = LEEWAY.as_secs();
    let expiring = |exp: Value| of_payload(json!({"sub": "ann", "exp": exp})).map(|_| ());
    assert_eq!(expiring(json!(NOW_SECONDS - leeway + 1)), Ok(()));
    assert_eq!(expiring(json!(NOW_SECONDS - leeway)), Err(TokenFault::Expired));
    assert_eq!(expiring(json!(NOW_SECONDS as f64 - leeway as f64 + 0.5)), Ok(()));
    assert_eq!(expiring(json!(-1)), Err(TokenFault::Expired));
    assert_eq!(expiring(json!(1e300)), Ok(()));
    assert_eq!(expiring(Value::Null), Err(TokenFault::BadClaim));
    let beginning = |nbf: u64| of_payload(json!({"sub": "ann", "exp": u32::MAX, "nbf": nbf})).map(|_| ());
    assert_eq!(beginning(NOW_SECONDS + leeway), Ok(()));
    assert_eq!(beginning(NOW_SECONDS + leeway + 1), Err(TokenFault::NotYet));
}

#[test]
fn issuer_and_audience_count_once_they_are_configured() {
    let verify = |issuer, audience, payload: Value| {
        let key = VerifyingKey::from_secret(SECRET.as_bytes()).unwrap();
        Verifier::new(key, issuer, audience).verify(&sign(&payload, SECRET.as_bytes()), NOW).map(|_| ())
    };
    let exp = NOW_SECONDS + 60;
    let wrong = Err(TokenFault::WrongParty);
    assert_eq!(verify(None, None, json!({"sub": "ann", "exp": exp, "iss": "who"})), Ok(()));
    assert_eq!(verify(Some("us"), None, json!({"sub": "ann", "exp": exp, "iss": "us"})), Ok(()));
    assert_eq!(verify(Some("us"), None, json!({"sub": "ann", "exp": exp, "iss": "who"})), wrong);
    assert_eq!(verify(Some("us"), None, json!({"sub": "ann", "exp": exp})), wrong);
    assert_eq!(verify(None, Some("chat"), json!({"sub": "ann", "exp": exp, "aud": ["x", "chat"]})), Ok(()));
    assert_eq!(verify(None, Some("chat"), json!({"sub": "ann", "exp": exp, "aud": "x"})), wrong);
    assert_eq!(verify(None, Some("chat"), json!({"sub": "ann", "exp": exp})), wrong);
    assert_eq!(verify(None, None, json!({"sub": "ann", "exp": exp, "aud": "x"})), wrong);
}

#[test]
fn claims_are_checked_and_a_role_has_a_default() {
    let exp = NOW_SECONDS + 60;
    let roles = [(json!("admin"), Role::Admin), (json!("boss"), Role::Member), (Value::Null, Role::Member)];
    for (role, expected) in roles {
        assert_eq!(of_payload(json!({"sub": "ann", "exp": exp, "role": role})).unwrap().role, expected);
    }
    let owned = |owner: Value| {
        of_payload(json!({"sub": "ann", "exp": exp, "owner": owner})).map(|claims| claims.owner)
    };
    assert_eq!(owned(json!("bob")), Ok(UserName::new("bob").ok()));
    assert_eq!(owned(Value::Null), Ok(None));
    assert_eq!(
        (owned(json!("")), owned(json!("a b"))),
        (Err(TokenFault::BadOwner), Err(TokenFault::BadOwner))
    );
    assert_eq!(of_payload(json!({"sub": "a b", "exp": exp})), Err(TokenFault::BadName));
    for payload in [
        json!({"exp": exp}),
        json!({"sub": "ann"}),
        json!({"sub": 7, "exp": exp}),
        json!({"sub": "ann", "exp": exp, "role": ["guest"]}),
        json!({"sub": "ann", "exp": exp, "role": 7}),
        json!({"sub": "ann", "exp": exp, "owner": {}}),
        json!([]),
    ] {
        assert_eq!(of_payload(payload.clone()), Err(TokenFault::BadClaim), "{payload}");
    }
}

#[test]
fn what_is_no_token_is_malformed() {
    let long = "x".repeat(TOKEN_BYTES_MAX + 1);
    for text in ["", ".", "..", "...", "ann", "a.b.c", "e30.e30", "\u{fffd}.e30.", &long] {
        assert_eq!(with_secret().verify(text, NOW), Err(TokenFault::Malformed), "{text}");
    }
    // An extension that must be understood.
    let header = jsonwebtoken::Header { crit: Some(vec!["b64".to_owned()]), ..Default::default() };
    let payload = json!({"sub": "ann", "exp": NOW_SECONDS + 60});
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let critical = jsonwebtoken::encode(&header, &payload, &key).unwrap();
    assert_eq!(with_secret().verify(&critical, NOW), Err(TokenFault::Malformed));
}

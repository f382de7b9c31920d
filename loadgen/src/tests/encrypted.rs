//! Runs over TLS, with an authority of our own.

use std::{fs, sync::Arc};

use chinwag_bots::Word;
use chinwag_scenarios::{Overrides, Plan, Scenario};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use super::{
    SCENARIO, job,
    liar::{Liar, Lie},
};
use crate::{
    conductor::{Ended, conduct},
    speech::SpeechArgs,
    target::Target,
};

/// A server of this name that is believed by those who know its certificate: the acceptor, and the certificate in PEM.
fn certified(name: &str) -> (TlsAcceptor, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
    (TlsAcceptor::from(Arc::new(config)), cert.pem())
}

/// A run against a server whose certificate is for `name`, by clients who believe `authority`, or that server.
async fn trial(name: &str, authority: Option<&str>) -> Result<Ended, String> {
    let scenario = Scenario::parse("trial.toml", SCENARIO).unwrap();
    let plan = Plan::new(&scenario, Overrides::default()).unwrap();
    let liar = Liar::bind(Lie::None, plan.sends().len() as u64).await;
    let (acceptor, pem) = certified(name);
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    fs::write(&ca, authority.unwrap_or(&pem)).unwrap();
    let target = Target::parse(&format!("wss://localhost:{}", liar.address().port())).unwrap();
    let target = Target { addresses: vec![liar.address()], ..target };
    let args = SpeechArgs { ca: Some(ca), ..SpeechArgs::default() };
    let speech = args.speech(&scenario, &plan, Some(&target))?;
    let server = tokio::spawn(liar.serve_encrypted(acceptor));
    let ended = conduct(job(scenario, plan, target, speech)).await;
    server.abort();
    ended
}

#[tokio::test]
async fn a_server_whose_certificate_is_known_is_spoken_to() {
    let summary = trial("localhost", None).await.unwrap().summary;
    assert_eq!(summary.figures.verdict, Word::Pass, "{}", summary.figures.reason);
    assert_eq!((summary.figures.deliveries.received_deliveries, summary.figures.errors.len()), (16, 0));
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let (_, other) = certified("localhost");
    for (name, authority) in [("localhost", Some(&*other)), ("elsewhere", None)] {
        let line = trial(name, authority).await.unwrap_err();
        assert!(line.contains("TLS: invalid peer certificate") && !line.contains('\n'), "{line}");
    }
    let line = trial("localhost", Some("no certificate")).await.unwrap_err();
    assert!(line.starts_with("--ca ") && line.ends_with("holds no certificate in PEM"), "{line}");
}

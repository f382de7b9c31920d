//! How the server goes down.

use std::time::Duration;

use chinwag_core::disconnect::{may_return, retry_after};
#[cfg(unix)]
use tokio::time::timeout;

use crate::kit::{Chat, Host, Metrics, Person, Process, get};

#[cfg(unix)]
#[tokio::test]
async fn a_server_told_to_end_tells_everyone_when_to_come_back_and_ends_well() {
    let mut server = Process::server(&["--return-spread", "3s"]);
    let address = server.address().await;
    let mut people = vec![];
    for n in 0..20 {
        let mut person = Chat::connect(address).await;
        person.join(&format!("person-{n}"), "general").await;
        people.push(person);
    }
    server.terminate();
    for mut person in people {
        let close = person.closed().await;
        assert_eq!(u16::from(close.code), 4101);
        assert!(may_return(Some(close.code.into())));
        let back = retry_after(&close.reason).expect("it says when");
        assert!(back <= Duration::from_secs(3), "{close:?}");
    }
    let ended = server.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("draining") && ended.stderr.contains("live=20"), "{}", ended.stderr);
}

#[cfg(unix)]
#[tokio::test]
async fn someone_who_does_not_hang_up_holds_the_end_up_for_a_bounded_time() {
    let mut server = Process::server(&["--close-linger", "60s", "--drain-timeout", "200ms"]);
    let address = server.address().await;
    let mut rude = Chat::connect(address).await;
    rude.join("rude", "general").await;
    server.terminate();
    let ended = server.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("connections are left"), "{}", ended.stderr);
    drop(rude);
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let mut server = Process::server(&["--close-linger", "60s", "--drain-timeout", "60s"]);
    let address = server.address().await;
    let mut rude = Chat::connect(address).await;
    rude.join("rude", "general").await;
    server.terminate();
    server.logged(&["draining"]).await;
    server.terminate();
    assert_eq!(server.ended().await.code, Some(130));
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_signal_ends_also_a_server_that_can_do_nothing_any_more() {
    let mut server = Process::unheard(&["--log", "debug"]);
    let address = server.address().await;
    // Each request is logged, until nobody takes the log.
    while timeout(Duration::from_secs(1), get(address, "/api/rooms?user=ann")).await.is_ok() {}
    server.terminate();
    server.interrupt();
    assert_eq!(server.ended().await.code, Some(130));
}

#[tokio::test]
async fn a_server_on_its_way_down_is_not_ready_and_takes_nobody() {
    // One connection every 100 ms, and the last of them does not hang up: there is time to look.
    let server = Host::start(|settings| settings.driver.close_linger = Duration::from_secs(60));
    let address = server.address;
    let rude = server.member("rude", "general").await;
    let ending = server.shut_down();
    Metrics::until(address, "chat_draining", 1.0).await;
    let response = get(address, "/readyz").await;
    assert_eq!(response.status, 503);
    assert!(response.head.contains("retry-after: "), "{}", response.head);
    assert_eq!(get(address, "/healthz").await.status, 200, "it is alive all the same");
    drop(rude);
    crate::kit::within("the server's end", ending).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_without_its_parent_ends() {
    let mut server = Process::server(&[]);
    server.address().await;
    server.close_stdin();
    assert_eq!(server.ended().await.code, Some(0));
}

#[tokio::test]
async fn clients_come_back_to_the_next_server_by_themselves() {
    let first = Host::start(|settings| settings.gateway.return_spread = Duration::from_millis(100));
    let address = first.address;
    let mut alice = Person::start(address, "alice");
    let mut bob = Person::start(address, "bob");
    alice.join("general").await;
    bob.join("general").await;
    first.stop().await;
    let second = Host::start(|settings| settings.driver.listen = vec![address]);
    assert!(!alice.attached().await && !bob.attached().await, "it knows of no earlier session");
    alice.say("general", "where were we?");
    assert_eq!(bob.shown(1).await, ["where were we?"]);
    second.stop().await;
}

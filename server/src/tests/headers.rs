//! Headers that tell browsers what not to do with an answer.

use super::{get, start};

#[tokio::test]
async fn every_answer_keeps_its_type_and_sends_no_referrer() {
    let server = start(|_| {});
    for path in ["/", "/page.js", "/healthz", "/metrics", "/api/rooms", "/openapi.json", "/nothing", "/chat"]
    {
        let answer = get(server.address, path).await;
        let (head, _) = answer.split_once("\r\n\r\n").unwrap();
        for header in ["x-content-type-options: nosniff", "referrer-policy: no-referrer"] {
            assert_eq!(head.matches(header).count(), 1, "{path}: {head}");
        }
    }
    server.stop().await;
}

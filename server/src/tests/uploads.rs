//! Files over real sockets: who may upload and download, what is left of what goes wrong, and what a disk may hold.

use std::{fs, path::Path};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tempfile::TempDir;

use super::*;
use crate::{TokenSecret, token::tests::SECRET};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and what follows";
const ROOM: &str = "/api/rooms/general/files";

/// A server that takes files, and its directory.
struct Site {
    server: Running,
    directory: TempDir,
}

/// What came back.
#[derive(Debug)]
struct Reply {
    status: u16,
    /// As it is, but for the names of headers, which are small.
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    fn code(&self) -> (u16, String) {
        (self.status, self.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
    }
}

impl Site {
    fn open(change: impl FnOnce(&mut Settings)) -> Self {
        Self::reopen(TempDir::new().unwrap(), change)
    }

    fn reopen(directory: TempDir, change: impl FnOnce(&mut Settings)) -> Self {
        let server = start(|settings| {
            settings.uploads.files_dir = Some(directory.path().to_owned());
            change(settings);
        });
        Self { server, directory }
    }

    async fn member(&self, user: &str) -> Chat {
        let mut chat = self.server.connect_plainly().await;
        chat.send(json!({"type": "join", "room": "general", "user": user})).await;
        chat.expect("history").await;
        chat
    }

    /// Sends a request as it is, and reads to the end of the connection.
    async fn send(&self, head: &str, body: &[u8]) -> Reply {
        let mut tcp = TcpStream::connect(self.server.address).await.unwrap();
        let head = format!("{head}\r\nHost: chat\r\nConnection: close\r\n\r\n");
        tcp.write_all(head.as_bytes()).await.unwrap();
        tcp.write_all(body).await.unwrap();
        answer(&mut tcp).await
    }

    async fn upload(&self, user: &str, name: &str, body: &[u8]) -> Reply {
        let path = format!("{ROOM}?user={user}&name={}", utf8_percent_encode(name, NON_ALPHANUMERIC));
        self.send(&format!("POST {path} HTTP/1.1\r\nContent-Length: {}", body.len()), body).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(&format!("GET {path} HTTP/1.1"), b"").await
    }

    /// Waits until so many files are there, whole or in part, and are counted.
    async fn settles(&self, files: usize) {
        self.has_names(files).await;
        self.until("chat_files_kept", files as u64).await;
    }

    /// Waits until there is so much in the directory.
    async fn has_names(&self, count: usize) {
        within(async {
            while names(self.directory.path()).len() != count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Waits until `/metrics` says so.
    async fn until(&self, name: &str, value: u64) {
        within(async { while self.metric(name).await != value {} }).await;
    }

    async fn metric(&self, name: &str) -> u64 {
        let metrics = get(self.server.address, "/metrics").await;
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not in\n{metrics}")).parse().unwrap()
    }
}

async fn answer(tcp: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // Whoever was answered before all was sent may hear that nobody listens any more.
    let _ = within(tcp.read_to_end(&mut bytes)).await;
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8(bytes[..end + 2].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head, body: bytes[end + 4..].to_vec() }
}

/// What lies in the directory, but for its lock.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "lock").collect()
}

#[tokio::test]
async fn a_member_uploads_a_file_and_another_downloads_it() {
    let site = Site::open(|_| {});
    let mut ann = site.member("ann").await;
    let _bob = site.member("bob").await;
    let (mut cat, _) = site.server.open(identity::request("/api/ws?token=cat", None)).await;
    cat.send(json!({"type": "joinRoom", "payload": {"roomId": "general"}})).await;
    cat.expect("joinRoom").await;
    let large: Vec<u8> = PNG.iter().copied().cycle().take(300_000).collect();
    let uploaded = site.upload("bob", "../über \"x\".png", &large).await;
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let file = uploaded.json();
    assert_eq!((&file["file_name"], &file["media_type"]), (&json!("über _x_.png"), &json!("image/png")));
    assert_eq!((&file["bytes"], &file["room"]), (&json!(large.len()), &json!("general")));
    let url = file["file_url"].as_str().unwrap();
    ann.send(json!({"type": "message", "room": "general", "content": "see", "kind": "file",
                    "file_url": url, "file_name": file["file_name"]}))
        .await;
    assert_eq!(ann.expect("message").await["file_url"], file["file_url"]);

    let shown = cat.expect("message").await["payload"]["metadata"].take();
    let named = json!({"type": "file", "fileUrl": url, "fileName": file["file_name"]});
    assert_eq!(shown, named, "in a specification's own words, too (S2.5)");

    let got = site.get(&format!("{url}?user=cat")).await;
    assert!(got.status == 200 && got.body == large, "{} {}", got.head, got.body.len());
    for header in [
        "content-type: image/png",
        "content-length: 300000",
        "content-disposition: attachment; filename=\"_ber _x_.png\"; filename*=UTF-8''%C3%BCber%20_x_.png",
        "x-content-type-options: nosniff",
        "content-security-policy: default-src 'none'; sandbox",
        "cross-origin-resource-policy: same-origin",
        "cache-control: private, no-store",
    ] {
        assert!(got.head.contains(&format!("\r\n{header}\r\n")), "{header}: {}", got.head);
    }
    let head = site.send(&format!("HEAD {url}?user=ann HTTP/1.1"), b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(head.head.contains("content-length: 300000\r\n"), "{}", head.head);
    assert_eq!(
        (site.metric("chat_files_uploaded_total").await, site.metric("chat_files_kept").await),
        (1, 1)
    );
    drop(ann);
    site.server.stop().await;
}

#[tokio::test]
async fn files_are_for_members_of_their_room() {
    let site = Site::open(|_| {});
    let ann = site.member("ann").await;
    let url = site.upload("ann", "a.txt", b"for us").await.json()["file_url"].as_str().unwrap().to_owned();
    assert_eq!(site.get(&format!("{url}?user=eve")).await.code(), (403, "not_member".into()));
    assert_eq!(site.get(&url).await.code(), (401, "not_attached".into()));
    assert_eq!(site.upload("eve", "e.txt", b"hi").await.code(), (403, "not_member".into()));
    let nowhere = "POST /api/rooms/nowhere/files?user=ann&name=a HTTP/1.1\r\nContent-Length: 2";
    assert_eq!(site.send(nowhere, b"hi").await.code(), (404, "unknown_room".into()));
    let nameless = format!("POST {ROOM}?user=ann HTTP/1.1\r\nContent-Length: 2");
    assert_eq!(site.send(&nameless, b"hi").await.code(), (400, "bad_frame".into()));
    for wrong in ["PUT", "DELETE", "POST"] {
        let refused = site.send(&format!("{wrong} {url}?user=ann HTTP/1.1"), b"").await;
        assert_eq!(refused.code(), (405, "method_not_allowed".into()), "{wrong}");
    }
    drop(ann);
    // She is missed for a while.
    site.settles(1).await;
    site.server.stop().await;
}

#[tokio::test]
async fn a_token_says_whose_files_they_are() {
    let site = Site::open(|settings| settings.identity.token_secret = Some(TokenSecret::new(SECRET)));
    let bearer = |user: &str| format!("Authorization: Bearer {}", identity::good(user));
    let mut ann = site.server.connect_plainly().await;
    ann.send(json!({"type": "hello", "token": identity::good("ann")})).await;
    ann.expect("welcome").await;
    ann.send(json!({"type": "join", "room": "general"})).await;
    ann.expect("history").await;
    let post = |who: &str| format!("POST {ROOM}?name=a.txt HTTP/1.1\r\nContent-Length: 2\r\n{who}");
    let url = site.send(&post(&bearer("ann")), b"hi").await.json()["file_url"].as_str().unwrap().to_owned();
    let get = |who: &str| format!("GET {url}?user=ann HTTP/1.1\r\n{who}");
    assert_eq!(site.send(&get(&bearer("ann")), b"").await.body, b"hi");
    assert_eq!(site.send(&get(&bearer("eve")), b"").await.code(), (403, "user_mismatch".into()));
    assert_eq!(site.send(&get("Accept: */*"), b"").await.code(), (401, "token_required".into()));
    assert_eq!(site.send(&post(&bearer("eve")), b"hi").await.code(), (403, "not_member".into()));
    drop(ann);
    site.server.stop().await;
}

#[tokio::test]
async fn without_a_directory_there_are_no_files() {
    let server = start(|_| {});
    for (method, path) in
        [("POST", "/api/rooms/general/files?user=ann&name=a"), ("GET", "/api/files/x?user=ann")]
    {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: chat\r\nConnection: close\r\n\r\n");
        let answer = exchange(server.address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
    assert!(!get(server.address, "/").await.contains("file-bytes-max"));
    assert!(!get(server.address, "/metrics").await.contains("chat_files"));
    server.stop().await;
    let site = Site::open(|settings| settings.uploads.file_bytes_max = 77);
    assert!(get(site.server.address, "/").await.contains("name=\"file-bytes-max\" content=\"77\""));
    site.server.stop().await;
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_came_or_as_it_comes() {
    let site = Site::open(|settings| settings.uploads.file_bytes_max = 100_000);
    let _ann = site.member("ann").await;
    // More than lies on the way: whoever is hung up on notices.
    let large = vec![b'x'; 30_000_000];
    assert_eq!(site.upload("ann", "large.txt", &large).await.code(), (413, "file_too_large".into()));
    let chunked = format!("POST {ROOM}?user=ann&name=a HTTP/1.1\r\nTransfer-Encoding: chunked");
    let chunk = [format!("{:x}\r\n", large.len()).as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(site.send(&chunked, &chunk).await.code(), (413, "file_too_large".into()));
    // Nobody need send what is refused anyway.
    let expecting =
        format!("POST {ROOM}?user=ann&name=a HTTP/1.1\r\nContent-Length: 30000000\r\nExpect: 100-continue");
    assert_eq!(site.send(&expecting, b"").await.code(), (413, "file_too_large".into()));
    assert_eq!(site.upload("ann", "exact.txt", &large[..100_000]).await.status, 201);
    site.settles(1).await;
    site.server.stop().await;
}

#[tokio::test]
async fn a_file_is_what_it_holds_and_not_what_it_says() {
    let site = Site::open(|settings| settings.uploads.file_types = vec![crate::FileType::Png]);
    let _ann = site.member("ann").await;
    let as_png = |body: &[u8]| {
        format!(
            "POST {ROOM}?user=ann&name=a.png HTTP/1.1\r\nContent-Type: image/png\r\nContent-Length: {}",
            body.len()
        )
    };
    for body in [&b"<script>alert(1)</script>"[..], b"\x7fELF\x01\x01\0", b""] {
        let refused = site.send(&as_png(body), body).await;
        assert_eq!(refused.code(), (415, "file_type".into()), "{body:?}");
    }
    assert_eq!(site.send(&as_png(PNG), PNG).await.status, 201);
    site.settles(1).await;
    site.server.stop().await;

    let site = Site::open(|_| {});
    let _ann = site.member("ann").await;
    assert_eq!(site.upload("ann", "a.exe", b"MZ\x90\0\x03\0").await.code(), (415, "file_type".into()));
    let page = site.upload("ann", "a.html", b"<script>alert(1)</script>").await.json();
    let got = site.get(&format!("{}?user=ann", page["file_url"].as_str().unwrap())).await;
    assert!(got.head.contains("content-type: text/plain\r\n"), "{}", got.head);
    site.server.stop().await;
}

#[tokio::test]
async fn an_upload_that_does_not_come_to_its_end_leaves_nothing() {
    let site = Site::open(|settings| settings.driver.header_timeout = Duration::from_millis(300));
    let _ann = site.member("ann").await;
    let half = vec![b'x'; 50_000];
    let head =
        |length: &str| format!("POST {ROOM}?user=ann&name=a.txt HTTP/1.1\r\nHost: chat\r\n{length}\r\n\r\n");
    for length in ["Content-Length: 100000", "Transfer-Encoding: chunked"] {
        let mut tcp = TcpStream::connect(site.server.address).await.unwrap();
        tcp.write_all(head(length).as_bytes()).await.unwrap();
        if length.starts_with('T') {
            tcp.write_all(b"186a0\r\n").await.unwrap();
        }
        tcp.write_all(&half).await.unwrap();
        site.has_names(1).await;
        drop(tcp);
        site.settles(0).await;
    }
    // Whoever falls silent is told so.
    let slow = site.send(head("Content-Length: 100000").split("\r\nHost").next().unwrap(), b"").await;
    assert_eq!(slow.status, 201, "without a length there is nothing to come");
    let mut tcp = TcpStream::connect(site.server.address).await.unwrap();
    tcp.write_all(head("Content-Length: 100000\r\nConnection: close").as_bytes()).await.unwrap();
    tcp.write_all(&half).await.unwrap();
    assert_eq!(answer(&mut tcp).await.code(), (408, "timeout".into()));
    site.settles(1).await;
    assert_eq!(site.metric("chat_files_failed_total").await, 3);
    assert_eq!(site.metric("chat_files_bytes").await, 4_096);
    site.server.stop().await;
}

#[tokio::test]
async fn an_upload_must_be_done_in_its_time() {
    let site = Site::open(|settings| settings.uploads.transfer_timeout = Duration::from_millis(300));
    let _ann = site.member("ann").await;
    let mut tcp = TcpStream::connect(site.server.address).await.unwrap();
    let head = format!(
        "POST {ROOM}?user=ann&name=a HTTP/1.1\r\nHost: chat\r\nConnection: close\r\nContent-Length: 99999\r\n\r\n"
    );
    tcp.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = tcp.into_split();
    // It always comes a little.
    let drip = tokio::spawn(async move {
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut text = String::new();
    let _ = within(reading.read_to_string(&mut text)).await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    drip.abort();
    site.settles(0).await;
    site.server.stop().await;
}

#[tokio::test]
async fn chunks_that_are_none_and_lengths_that_disagree_smuggle_nothing() {
    let site = Site::open(|_| {});
    let _ann = site.member("ann").await;
    let post = format!("POST {ROOM}?user=ann&name=a.txt HTTP/1.1");
    let inner = "GET /api/rooms?user=ann HTTP/1.1\r\nHost: chat\r\n\r\n";
    for (headers, body) in [
        ("Transfer-Encoding: chunked", format!("zz\r\n{inner}")),
        ("Transfer-Encoding: chunked", format!("ffffffffffffffff0\r\n{inner}")),
        ("Transfer-Encoding: chunked", format!("5\r\nhello{inner}")),
        ("Transfer-Encoding: chunked, identity", format!("0\r\n\r\n{inner}")),
        ("Content-Length: 5\r\nContent-Length: 6", format!("hello{inner}")),
        ("Content-Length: -1", inner.to_owned()),
        ("Content-Length: 18446744073709551615", inner.to_owned()),
    ] {
        let mut tcp = TcpStream::connect(site.server.address).await.unwrap();
        tcp.write_all(format!("{post}\r\nHost: chat\r\n{headers}\r\n\r\n{body}").as_bytes()).await.unwrap();
        tcp.shutdown().await.unwrap();
        let mut bytes = Vec::new();
        let _ = within(tcp.read_to_end(&mut bytes)).await;
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("\"rooms\"") && !text.contains(" 200 OK"), "{headers}: {text}");
        assert!(!text.contains(" 201 "), "{headers}: {text}");
    }
    site.settles(0).await;
    // With both, chunks count, and what follows on the connection is not looked at.
    let both = format!(
        "{post}\r\nHost: chat\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n{inner}"
    );
    let mut tcp = TcpStream::connect(site.server.address).await.unwrap();
    tcp.write_all(both.as_bytes()).await.unwrap();
    tcp.shutdown().await.unwrap();
    let text = String::from_utf8(answer(&mut tcp).await.body).unwrap();
    assert!(!text.contains("\"bytes\":3"), "{text}");
    site.server.stop().await;
}

#[tokio::test]
async fn no_path_leads_out_of_the_directory() {
    let site = Site::open(|_| {});
    let _ann = site.member("ann").await;
    fs::write(site.directory.path().parent().unwrap().join("chinwag-secret"), "secret").unwrap();
    for path in [
        "../chinwag-secret",
        "..%2fchinwag-secret",
        "..%2Fchinwag-secret",
        "%2e%2e%2fchinwag-secret",
        "..%5cchinwag-secret",
        "lock",
        "",
        "%00",
        "0",
        "+0000000000000000000000000000000",
        "0x000000000000000000000000000000",
        "00000000000000000000000000000000",
        "..%252fchinwag-secret",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "../rooms/general/messages",
    ] {
        let got = site.get(&format!("/api/files/{path}?user=ann")).await;
        assert_eq!(got.code(), (404, "not_found".into()), "{path}");
    }
    fs::remove_file(site.directory.path().parent().unwrap().join("chinwag-secret")).unwrap();
    let id = site.upload("ann", "..%2f..%2fetc/passwd\0\u{202e}", b"x").await.json();
    assert_eq!(id["file_name"], "passwd");
    let huge = site.upload("ann", &"n".repeat(3_000), b"x").await.json();
    assert_eq!(huge["file_name"].as_str().unwrap().len(), 200);
    let upper = id["file_url"].as_str().unwrap().to_uppercase().replace("/API/FILES", "/api/files");
    let found = site.get(&format!("{upper}?user=ann")).await;
    assert_eq!(found.status, if upper.ends_with(id["file_url"].as_str().unwrap()) { 200 } else { 404 });
    site.settles(2).await;
    site.server.stop().await;
}

#[tokio::test]
async fn two_that_come_at_once_are_two_and_there_are_so_many_turns() {
    let site = Site::open(|settings| {
        settings.uploads.transfers_max = 2;
        settings.gateway.return_spread = Duration::from_secs(3);
    });
    let _ann = site.member("ann").await;
    let head = format!(
        "POST {ROOM}?user=ann&name=a HTTP/1.1\r\nHost: chat\r\nConnection: close\r\nContent-Length: 4000\r\n\r\n"
    );
    let mut both = Vec::new();
    for part in [b"a", b"b"] {
        let mut tcp = TcpStream::connect(site.server.address).await.unwrap();
        tcp.write_all(head.as_bytes()).await.unwrap();
        tcp.write_all(&part.repeat(2_000)).await.unwrap();
        both.push((tcp, part));
    }
    site.has_names(2).await;
    let third = site.upload("ann", "c", b"c").await;
    assert_eq!(third.code(), (503, "overloaded".into()));
    assert!(third.head.contains("retry-after: 3\r\n"), "{}", third.head);
    for (mut tcp, part) in both {
        tcp.write_all(&part.repeat(2_000)).await.unwrap();
        let url = answer(&mut tcp).await.json()["file_url"].as_str().unwrap().to_owned();
        assert_eq!(site.get(&format!("{url}?user=ann")).await.body, part.repeat(4_000));
    }
    assert_eq!(site.upload("ann", "c", b"c").await.status, 201);
    assert_eq!(site.metric("chat_files_transfers").await, 0);
    site.server.stop().await;
}

#[tokio::test]
async fn who_takes_no_bytes_of_a_download_is_let_go() {
    let site = Site::open(|settings| {
        settings.uploads.transfers_max = 1;
        settings.uploads.transfer_timeout = Duration::from_secs(1);
        settings.driver.header_timeout = Duration::from_secs(60);
    });
    let _ann = site.member("ann").await;
    let large = vec![b'x'; 10 << 20];
    let url = site.upload("ann", "large.txt", &large).await.json()["file_url"].as_str().unwrap().to_owned();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut idle = socket.connect(site.server.address).await.unwrap();
    idle.write_all(format!("GET {url}?user=ann HTTP/1.1\r\nHost: chat\r\n\r\n").as_bytes()).await.unwrap();
    site.until("chat_files_transfers", 1).await;
    assert_eq!(site.get(&format!("{url}?user=ann")).await.code(), (503, "overloaded".into()));
    site.until("chat_files_transfers", 0).await;
    assert_eq!(site.get(&format!("{url}?user=ann")).await.body.len(), large.len(), "others have their turn");
    drop(idle);
    site.server.stop().await;
}

#[tokio::test]
async fn nobody_has_all_turns() {
    let site = Site::open(|settings| {
        settings.uploads.user_transfers_max = 1;
        settings.gateway.return_spread = Duration::from_secs(3);
    });
    let (_ann, _bob) = (site.member("ann").await, site.member("bob").await);
    let mut slow = TcpStream::connect(site.server.address).await.unwrap();
    let head = format!("POST {ROOM}?user=ann&name=a HTTP/1.1\r\nHost: chat\r\nContent-Length: 4000\r\n\r\n");
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.write_all(&[b'a'; 2_000]).await.unwrap();
    site.has_names(1).await;
    let second = site.upload("ann", "b", b"b").await;
    assert_eq!(second.code(), (429, "rate_limited".into()));
    assert!(second.head.contains("retry-after: 3\r\n"), "{}", second.head);
    assert_eq!(site.upload("bob", "b", b"b").await.status, 201);
    drop(slow);
    site.until("chat_files_transfers", 0).await;
    assert_eq!(site.upload("ann", "b", b"b").await.status, 201);
    site.server.stop().await;
}

#[tokio::test]
async fn a_deadline_of_one_answer_does_not_end_the_next_request() {
    let site = Site::open(|settings| {
        settings.uploads.transfer_timeout = Duration::from_secs(1);
        settings.driver.header_timeout = Duration::from_secs(60);
    });
    let _ann = site.member("ann").await;
    let large = vec![b'x'; 10 << 20];
    let url = site.upload("ann", "large.txt", &large).await.json()["file_url"].as_str().unwrap().to_owned();
    let download = format!("GET {url}?user=ann HTTP/1.1\r\nHost: chat\r\n\r\n");
    let mut kept = TcpStream::connect(site.server.address).await.unwrap();
    kept.write_all(download.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while !read.ends_with(&large[..1_000]) || read.len() < large.len() {
        assert_ne!(within(kept.read_buf(&mut read)).await.unwrap(), 0, "all of it is given");
    }
    let body = br#"{"content": "hi"}"#;
    let head = "POST /api/rooms/general/messages?user=ann HTTP/1.1\r\nHost: chat\r\nConnection: close";
    kept.write_all(format!("{head}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes()).await.unwrap();
    kept.write_all(&body[..5]).await.unwrap();
    // What was begun after it is cut: so its own deadline has passed as well.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut idle = socket.connect(site.server.address).await.unwrap();
    idle.write_all(download.as_bytes()).await.unwrap();
    site.until("chat_files_transfers", 1).await;
    site.until("chat_files_transfers", 0).await;
    kept.write_all(&body[5..]).await.unwrap();
    let reply = answer(&mut kept).await;
    assert!((200..300).contains(&reply.status), "{reply:?}");
    drop(idle);
    site.server.stop().await;
}

#[tokio::test]
async fn there_is_so_much_room_and_what_goes_makes_room() {
    let site = Site::open(|settings| {
        settings.uploads.file_bytes_max = 8_000;
        settings.uploads.user_files_bytes_max = 12_288;
        settings.uploads.files_bytes_max = 20_480;
    });
    let (_ann, _bob) = (site.member("ann").await, site.member("bob").await);
    let seven = vec![b'x'; 7_000];
    assert_eq!(site.upload("ann", "1", &seven).await.status, 201);
    assert_eq!(site.upload("ann", "2", &seven).await.code(), (507, "files_full".into()));
    assert_eq!(site.upload("ann", "2", b"x").await.status, 201, "which is a block");
    assert_eq!(site.upload("ann", "3", b"").await.code(), (507, "files_full".into()));
    assert_eq!(site.upload("bob", "1", &seven).await.status, 201);
    assert_eq!(
        site.upload("bob", "2", b"x").await.code(),
        (507, "files_full".into()),
        "there is no more for anybody"
    );
    let chunked = format!("POST {ROOM}?user=bob&name=a HTTP/1.1\r\nTransfer-Encoding: chunked");
    assert_eq!(site.send(&chunked, b"1\r\nx\r\n0\r\n\r\n").await.code(), (507, "files_full".into()));
    assert_eq!(site.metric("chat_files_bytes").await, 20_480);
    site.settles(3).await;
    site.server.stop().await;
}

#[tokio::test]
async fn a_new_life_goes_on_with_the_files_and_clears_up() {
    let state = TempDir::new().unwrap();
    let keep = |settings: &mut Settings| settings.storage.state_file = Some(state.path().join("state"));
    let site = Site::open(keep);
    let ann = site.member("ann").await;
    let url = site.upload("ann", "a.txt", b"kept").await.json()["file_url"].as_str().unwrap().to_owned();
    drop(ann);
    let Site { server, directory } = site;
    let other = || {
        let mut settings = settings();
        settings.uploads.files_dir = Some(directory.path().to_owned());
        Server::bind(settings)
    };
    let locked = other().unwrap_err().to_string();
    assert!(locked.starts_with("--files-dir ") && locked.contains("another process uses it"), "{locked}");
    server.stop().await;
    fs::write(directory.path().join(format!("{:032x}.part", 7)), "half").unwrap();
    fs::write(directory.path().join("notes.txt"), "of the operator").unwrap();
    let site = Site::reopen(directory, keep);
    let _ann = site.member("ann").await;
    assert_eq!(site.get(&format!("{url}?user=ann")).await.body, b"kept");
    let mut left = names(site.directory.path());
    left.sort();
    assert_eq!(left, [url.rsplit('/').next().unwrap(), "notes.txt"]);
    assert_eq!(site.metric("chat_files_bytes").await, 4_096);
    site.server.stop().await;
}

#[tokio::test]
async fn files_go_with_their_room() {
    // The longest wait of a test is shorter than a file's time.
    let site = Site::open(|settings| {
        settings.uploads.file_ttl = Duration::from_secs(30);
        settings.shard.room_ttl = Duration::from_millis(1);
        settings.shard.presence_grace = Duration::from_millis(1);
        settings.shard.resume_window = Duration::from_millis(1);
        settings.gateway.shards = 3;
    });
    let ann = site.member("ann").await;
    let mut bob = site.server.connect_plainly().await;
    bob.send(json!({"type": "join", "room": "other", "user": "bob"})).await;
    bob.expect("history").await;
    let stays = "POST /api/rooms/other/files?user=bob&name=a HTTP/1.1\r\nContent-Length: 1";
    assert_eq!(site.send(stays, b"x").await.status, 201);
    assert_eq!(site.upload("ann", "a", b"x").await.status, 201);
    drop(ann);
    site.settles(1).await;
    assert_eq!(site.metric("chat_files_removed_total").await, 1);
    assert_eq!(site.metric("chat_files_bytes").await, 4_096);
    drop(bob);
    site.server.stop().await;
}

#[tokio::test]
async fn files_go_when_they_are_too_old() {
    let site = Site::open(|settings| settings.uploads.file_ttl = Duration::from_secs(1));
    let _ann = site.member("ann").await;
    let url = site.upload("ann", "a", b"x").await.json()["file_url"].as_str().unwrap().to_owned();
    site.settles(0).await;
    assert_eq!(site.get(&format!("{url}?user=ann")).await.code(), (404, "not_found".into()));
    site.server.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_in_the_directory_leads_nowhere() {
    use std::os::unix::fs::symlink;

    let site = Site::open(|_| {});
    let ann = site.member("ann").await;
    let mut urls = vec![];
    for name in ["a", "b"] {
        let uploaded = site.upload("ann", name, b"secret").await.json();
        urls.push(format!("{}?user=ann", uploaded["file_url"].as_str().unwrap()));
    }
    let elsewhere = TempDir::new().unwrap();
    let put_link = |name: &str| {
        let (path, outside) = (site.directory.path().join(name), elsewhere.path().join(name));
        fs::rename(&path, &outside).unwrap();
        symlink(outside, path).unwrap();
    };
    let names = names(site.directory.path());
    put_link(&names[0]);
    let statuses = async |site: &Site| {
        let mut statuses = vec![site.get(&urls[0]).await.status, site.get(&urls[1]).await.status];
        statuses.sort_unstable();
        statuses
    };
    assert_eq!(statuses(&site).await, [200, 404]);
    put_link(&names[1]);
    drop(ann);
    site.server.stop().await;

    let site = Site::reopen(site.directory, |_| {});
    let _ann = site.member("ann").await;
    assert_eq!(statuses(&site).await, [404, 404], "nor is it taken for a file by a new life");
    assert_eq!(site.metric("chat_files_kept").await, 0);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 2, "what it leads to stays as it is");
    site.server.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_directory_that_is_gone_is_said_and_nothing_else_suffers() {
    let site = Site::open(|_| {});
    let mut ann = site.member("ann").await;
    let url = site.upload("ann", "a", b"x").await.json()["file_url"].as_str().unwrap().to_owned();
    let path = site.directory.path().to_owned();
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(site.upload("ann", "b", b"x").await.code(), (500, "disk".into()));
    assert_eq!(site.get(&format!("{url}?user=ann")).await.code(), (404, "not_found".into()));
    ann.send(json!({"type": "message", "room": "general", "content": "hi", "id": 1})).await;
    ann.expect("ack").await;
    assert_eq!(site.metric("chat_files_bytes").await, 4_096, "nothing is set aside for what failed");
    drop(ann);
    site.server.stop().await;
}

//! The textbook chat: tokio, tokio-tungstenite, one tokio::sync::broadcast channel per room,
//! one task per connection that selects over its socket and its room.
//! NODELAY=1 sets TCP_NODELAY and READ_BUF=n the read buffer (the textbook version does neither: 128 KiB).
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message;

type Rooms = Arc<Mutex<HashMap<String, broadcast::Sender<String>>>>;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum In {
    Join { room: String },
    Message { room: String, user: String, content: String },
}

#[derive(Serialize)]
struct Out<'a> {
    r#type: &'a str,
    room: &'a str,
    user: &'a str,
    content: &'a str,
    timestamp: u64,
}

fn room(rooms: &Rooms, name: &str) -> broadcast::Sender<String> {
    rooms.lock().unwrap().entry(name.to_string()).or_insert_with(|| broadcast::channel(1024).0).clone()
}

async fn next(rx: &mut Option<broadcast::Receiver<String>>) -> Result<String, broadcast::error::RecvError> {
    match rx {
        Some(r) => r.recv().await,
        None => std::future::pending().await,
    }
}

async fn serve(s: TcpStream, rooms: Rooms) {
    let conf = std::env::var("READ_BUF").ok().map(|n| {
        tokio_tungstenite::tungstenite::protocol::WebSocketConfig::default()
            .read_buffer_size(n.parse().unwrap())
    });
    let Ok(ws) = tokio_tungstenite::accept_async_with_config(s, conf).await else { return };
    let (mut tx, mut rd) = ws.split();
    let mut sub: Option<broadcast::Receiver<String>> = None;
    loop {
        tokio::select! {
            m = rd.next() => match m {
                Some(Ok(Message::Text(t))) => match serde_json::from_str::<In>(&t) {
                    Ok(In::Join { room: r }) => sub = Some(room(&rooms, &r).subscribe()),
                    Ok(In::Message { room: r, user, content }) => {
                        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
                        let o = Out { r#type: "message", room: &r, user: &user, content: &content, timestamp };
                        let _ = room(&rooms, &r).send(serde_json::to_string(&o).unwrap());
                    }
                    Err(_) => {}
                },
                Some(Ok(Message::Close(_))) | Some(Err(_)) | None => break,
                _ => {}
            },
            m = next(&mut sub) => match m {
                Ok(s) => if tx.send(Message::text(s)).await.is_err() { break },
                Err(broadcast::error::RecvError::Lagged(n)) => eprintln!("lagged {n}"),
                Err(_) => break,
            }
        }
    }
}

#[tokio::main]
async fn main() {
    let port = std::env::args().nth(1).unwrap();
    let nodelay = std::env::var("NODELAY").is_ok();
    let l = TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap();
    let rooms: Rooms = Default::default();
    loop {
        if let Ok((s, _)) = l.accept().await {
            if nodelay {
                let _ = s.set_nodelay(true);
            }
            tokio::spawn(serve(s, rooms.clone()));
        }
    }
}

//! A program with the server inside and an agent called `echo`: `cargo run --example agent -- 8080`.

use std::{
    env, io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use chinwag_server::{Manager, Settings};

const AGENT: &str = "echo";

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::args().nth(1).unwrap_or_else(|| "8080".to_owned());
    let port =
        port.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "usage: agent [PORT]"))?;
    let mut settings = Settings::default();
    settings.driver.listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
    let manager = Arc::new(Manager::new(settings));

    let agent = Arc::downgrade(&manager);
    manager.add_message_handler(move |message| {
        let Some(manager) = agent.upgrade() else { return };
        if message.mentions.iter().any(|name| name == AGENT) {
            let answer = format!("{} said: {}", message.sender, message.text);
            if !manager.send_message(&answer, Some(AGENT), Some(message.message_id)) {
                eprintln!("nobody heard: {answer}");
            }
        }
    });

    manager.start_server().await?;
    for address in manager.local_addrs() {
        println!("listening on ws://{address}/ws: say something to @{AGENT}");
    }
    tokio::signal::ctrl_c().await?;
    manager.stop_server().await
}

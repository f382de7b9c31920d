//! The addresses of this machine that bots connect from, in turn: each has ports of its own.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, TcpListener},
    str::FromStr,
};

use tokio::net::TcpSocket;

/// Addresses of this machine; none if the system is to choose.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sources(Vec<IpAddr>);

impl FromStr for Sources {
    type Err = String;

    /// Reads `127.0.0.2,10.0.0.1` or `127.0.0.2-9`, or a list of both.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Vec::new();
        for part in text.split(',').map(str::trim) {
            let some = read(part).ok_or_else(|| {
                format!("{part:?}: write it as 127.0.0.2 or 127.0.0.2-9, with commas between several")
            })?;
            all.extend(some);
        }
        let twice = all.iter().enumerate().find(|(place, address)| all[..*place].contains(address));
        match twice {
            Some((_, address)) => Err(format!("{address} is there twice")),
            None => Ok(Self(all)),
        }
    }
}

/// One address, or a range of those that differ in their last number only.
fn read(part: &str) -> Option<Vec<IpAddr>> {
    let Some((first, last)) = part.split_once('-') else {
        return Some(vec![part.parse().ok()?]);
    };
    let IpAddr::V4(first) = first.parse().ok()? else { return None };
    let [a, b, c, from] = first.octets();
    let to: u8 = last.parse().ok()?;
    (from <= to).then(|| (from..=to).map(|d| IpAddr::from([a, b, c, d])).collect())
}

impl Sources {
    /// Where the bot at this place connects from, if that is not the system's choice.
    pub(crate) fn of(&self, place: u32) -> Option<IpAddr> {
        let count = self.0.len();
        (count > 0).then(|| self.0[place as usize % count])
    }

    /// How many there are; one if the system chooses.
    pub(crate) fn count(&self) -> usize {
        self.0.len().max(1)
    }

    /// Tries whether one can connect from each of them to that server, which has at least one address.
    ///
    /// # Errors
    /// One line that names the first that does not serve.
    pub(crate) fn check(&self, server: &[SocketAddr]) -> Result<(), String> {
        for &address in &self.0 {
            let wrong = |why: &dyn fmt::Display| Err(format!("--source {address}: {why}"));
            if server.iter().all(|server| server.is_ipv4() != address.is_ipv4()) {
                return wrong(&format!(
                    "the server is at {}, which is of the other kind of address",
                    server[0].ip()
                ));
            }
            match TcpListener::bind((address, 0)) {
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                    return wrong(&"this machine has no such address: `ip address` lists those that it has");
                }
                Err(error) => return wrong(&error),
                Ok(_) => {}
            }
        }
        Ok(())
    }
}

/// Lets a socket connect from this address.
pub(crate) fn bind(socket: &TcpSocket, address: IpAddr) -> io::Result<()> {
    // A port that is chosen only on connecting can be one that serves a connection to another server already.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true);
    socket.bind((address, 0).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Vec<String> {
        let sources: Sources = text.parse().unwrap();
        sources.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lists_and_ranges_are_read() {
        assert_eq!(listed("127.0.0.2"), ["127.0.0.2"]);
        assert_eq!(
            listed("127.0.0.2-4,10.0.0.1, ::1"),
            ["127.0.0.2", "127.0.0.3", "127.0.0.4", "10.0.0.1", "::1"]
        );
        for (text, words) in [
            ("", "write it as"),
            ("localhost", "write it as"),
            ("127.0.0.9-2", "write it as"),
            ("127.0.0.2-256", "write it as"),
            ("::1-4", "write it as"),
            ("127.0.0.2-4,127.0.0.3", "127.0.0.3 is there twice"),
        ] {
            let line = text.parse::<Sources>().unwrap_err();
            assert!(line.contains(words) && !line.contains('\n'), "{text}: {line}");
        }
    }

    #[test]
    fn bots_take_them_in_turn() {
        let sources: Sources = "127.0.0.2-3".parse().unwrap();
        let taken: Vec<_> = (0..4).map(|place| sources.of(place).unwrap().to_string()).collect();
        assert_eq!(taken, ["127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.3"]);
        assert_eq!(Sources::default().of(7), None, "the system chooses");
    }

    #[test]
    fn what_cannot_be_connected_from_is_one_line() {
        let server = &["127.0.0.1:1".parse().unwrap()];
        // Reserved for documentation (RFC 5737, RFC 3849): no machine has them.
        for (text, words) in [
            ("127.0.0.1,192.0.2.1", "--source 192.0.2.1: this machine has no such address"),
            ("2001:db8::1", "--source 2001:db8::1: the server is at 127.0.0.1"),
        ] {
            let line = text.parse::<Sources>().unwrap().check(server).unwrap_err();
            assert!(line.starts_with(words) && !line.contains('\n'), "{line}");
        }
        assert_eq!("127.0.0.1".parse::<Sources>().unwrap().check(server), Ok(()));
        let both = &["[::1]:1".parse().unwrap(), server[0]];
        assert_eq!("127.0.0.1".parse::<Sources>().unwrap().check(both), Ok(()), "one of them is of its kind");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn no_port_is_taken_before_it_is_known_who_is_connected_to() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        bind(&socket, [127, 0, 0, 2].into()).unwrap();
        assert_eq!(socket.local_addr().unwrap(), ([127, 0, 0, 2], 0).into());
        let stream = socket.connect(server.local_addr().unwrap()).await.unwrap();
        assert_eq!(
            (stream.local_addr().unwrap().ip(), stream.local_addr().unwrap().port() > 0),
            ([127, 0, 0, 2].into(), true)
        );
    }
}

//! What this machine must allow for a run: open files and local ports.

use std::fs;

use crate::sources::Sources;

/// Files we need for other things than connections.
const FILES_RESERVE: u64 = 64;
/// What Linux has unless told otherwise, and others have more.
const USUAL_PORTS: u32 = 28_000;

/// Raises the limit on open files, and says if it or the number of ports does not suffice for so many sockets at once.
///
/// # Errors
/// One line that says what there is too little of, and what to do.
pub(crate) fn check(sockets: u32, sources: &Sources, servers: u32) -> Result<(), String> {
    check_ports(sockets, sources, servers, ports_of_an_address())?;
    let needed = u64::from(sockets) + FILES_RESERVE;
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < needed => Err(format!(
            "{sockets} sockets need {needed} open files, but only {limit} are allowed: raise the limit (ulimit -Hn)"
        )),
        // Where there is no such limit, there is nothing to check.
        _ => Ok(()),
    }
}

fn check_ports(sockets: u32, sources: &Sources, servers: u32, each: u32) -> Result<(), String> {
    let ports = u32::try_from(sources.count()).unwrap_or(u32::MAX).saturating_mul(each);
    // To another server the same port serves once more.
    if sockets <= ports.saturating_mul(servers) {
        return Ok(());
    }
    let addresses = match sources.count() {
        1 => "one address has".to_owned(),
        count => format!("{count} addresses have, {each} each,"),
    };
    let where_to = if servers == 1 { String::new() } else { format!(" to each of {servers} servers") };
    Err(format!(
        "{sockets} sockets are more than the {ports} ports that {addresses}{where_to}: name more addresses of this \
         machine with --source"
    ))
}

/// Local ports for connections from one address of this machine to one server.
fn ports_of_an_address() -> u32 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    range.as_deref().and_then(count).unwrap_or(USUAL_PORTS)
}

/// Reads a range, both ends included.
fn count(range: &str) -> Option<u32> {
    let mut ends = range.split_whitespace().map(|end| end.parse::<u32>().ok());
    let (first, last) = (ends.next()??, ends.next()??);
    last.checked_sub(first)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EACH: u32 = 28_232;

    #[test]
    fn more_sockets_than_ports_are_refused_in_one_line() {
        let line = check_ports(EACH + 1, &Sources::default(), 1, EACH).unwrap_err();
        assert!(line.contains("28232 ports that one address has:") && !line.contains('\n'), "{line}");
        let two: Sources = "127.0.0.2-3".parse().unwrap();
        let line = check_ports(2 * EACH + 1, &two, 1, EACH).unwrap_err();
        assert!(line.contains("56464 ports that 2 addresses have") && line.contains("--source"), "{line}");
        assert_eq!(check_ports(2 * EACH, &two, 1, EACH), Ok(()));
    }

    #[test]
    fn a_port_serves_once_for_each_server() {
        assert_eq!(check_ports(3 * EACH, &Sources::default(), 3, EACH), Ok(()));
        let line = check_ports(3 * EACH + 1, &Sources::default(), 3, EACH).unwrap_err();
        assert!(line.contains("one address has to each of 3 servers"), "{line}");
    }

    #[test]
    fn the_systems_range_is_read() {
        assert_eq!(count("32768\t60999\n"), Some(EACH));
        assert_eq!((count("1 0"), count("x 9"), count("")), (None, None, None));
    }
}

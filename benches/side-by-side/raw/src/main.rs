//! rawfan: the physical limit of a socket-per-client fan-out on this machine.
//! One thread, no protocol: the publisher supplies a prebuilt WebSocket frame and the same bytes
//! are written to every socket of the room.
//!   rawfan PORT each            one send() per delivery
//!   rawfan PORT natural         one send() per socket and event-loop turn (whatever was readable together)
//!   rawfan PORT batch K TICK_MS one send() per socket per K messages (or per TICK_MS at the latest)
//!   rawfan PORT uring           as `each`, sends submitted through io_uring, many per io_uring_enter
//! FAULT=drop|dup|swap|corrupt with `each` spoils one delivery in 1000 (selftest of the client).
//! Commands from clients: 'J' room:u32 0:u32 | 'P' room:u32 len:u32 bytes
use io_uring::{cqueue, opcode, squeue, types, IoUring};
use std::os::fd::RawFd;

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Each,
    Natural,
    Batch,
    Uring,
}

#[derive(Default)]
struct Conn {
    rbuf: Vec<u8>,
    out: Vec<u8>,
    rooms: Vec<u32>,
}

#[derive(Default)]
struct Room {
    members: Vec<RawFd>,
    pend: Vec<u8>,
    n: u32,
    since: u64,
    dirty: bool,
}

fn now_ns() -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

fn send_to(conns: &mut [Conn], fd: RawFd, data: &[u8]) {
    let c = &mut conns[fd as usize];
    if !c.out.is_empty() {
        c.out.extend_from_slice(data);
        return;
    }
    let n = unsafe {
        libc::send(fd, data.as_ptr() as *const _, data.len(), libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
    };
    let n = n.max(0) as usize;
    if n < data.len() {
        c.out.extend_from_slice(&data[n..]);
    }
}

fn main() {
    let a: Vec<String> = std::env::args().collect();
    let port: u16 = a[1].parse().unwrap();
    let mode = match a[2].as_str() {
        "each" => Mode::Each,
        "natural" => Mode::Natural,
        "batch" => Mode::Batch,
        "uring" => Mode::Uring,
        _ => panic!("mode"),
    };
    let k: u32 = a.get(3).map_or(16, |s| s.parse().unwrap());
    let tick = a.get(4).map_or(20, |s| s.parse::<u64>().unwrap()) * 1_000_000;
    let mut ring = if mode == Mode::Uring {
        Some(
            IoUring::<squeue::Entry, cqueue::Entry>::builder()
                .setup_single_issuer()
                .setup_cqsize(16384)
                .build(4096)
                .expect("io_uring"),
        )
    } else {
        None
    };
    unsafe {
        let mut r = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut r);
        r.rlim_cur = r.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &r);
        let lfd =
            libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0);
        let one = 1i32;
        libc::setsockopt(lfd, libc::SOL_SOCKET, libc::SO_REUSEADDR, &one as *const _ as *const _, 4);
        let mut sa: libc::sockaddr_in = std::mem::zeroed();
        sa.sin_family = libc::AF_INET as u16;
        sa.sin_port = port.to_be();
        sa.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 1]);
        assert_eq!(
            libc::bind(lfd, &sa as *const _ as *const _, std::mem::size_of_val(&sa) as u32),
            0,
            "bind"
        );
        assert_eq!(libc::listen(lfd, 4096), 0);
        let ep = libc::epoll_create1(0);
        let mut ev = libc::epoll_event { events: libc::EPOLLIN as u32, u64: lfd as u64 };
        libc::epoll_ctl(ep, libc::EPOLL_CTL_ADD, lfd, &mut ev);
        let mut conns: Vec<Conn> = vec![];
        let mut rooms: Vec<Room> = vec![];
        let mut dirty: Vec<u32> = vec![];
        let mut evs = vec![libc::epoll_event { events: 0, u64: 0 }; 512];
        let mut buf = vec![0u8; 256 * 1024];
        let fault = std::env::var("FAULT").unwrap_or_default();
        let (mut nth, mut held) = (0u64, Vec::<(RawFd, Vec<u8>)>::new());
        loop {
            let mut to = -1;
            if mode == Mode::Batch && !dirty.is_empty() {
                let oldest = dirty.iter().map(|r| rooms[*r as usize].since).min().unwrap();
                to = ((oldest + tick).saturating_sub(now_ns()) / 1_000_000 + 1) as i32;
            }
            let n = libc::epoll_wait(ep, evs.as_mut_ptr(), 512, to);
            for i in 0..n.max(0) as usize {
                let fd = evs[i].u64 as RawFd;
                let flags = evs[i].events;
                if fd == lfd {
                    loop {
                        let c = libc::accept4(
                            lfd,
                            std::ptr::null_mut(),
                            std::ptr::null_mut(),
                            libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
                        );
                        if c < 0 {
                            break;
                        }
                        libc::setsockopt(
                            c,
                            libc::IPPROTO_TCP,
                            libc::TCP_NODELAY,
                            &one as *const _ as *const _,
                            4,
                        );
                        while conns.len() <= c as usize {
                            conns.push(Conn::default());
                        }
                        conns[c as usize] = Conn::default();
                        let mut ev = libc::epoll_event {
                            events: (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET)
                                as u32,
                            u64: c as u64,
                        };
                        libc::epoll_ctl(ep, libc::EPOLL_CTL_ADD, c, &mut ev);
                    }
                    continue;
                }
                if flags & libc::EPOLLOUT as u32 != 0 && !conns[fd as usize].out.is_empty() {
                    let o = std::mem::take(&mut conns[fd as usize].out);
                    send_to(&mut conns, fd, &o);
                }
                if flags & (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLHUP) as u32 == 0 {
                    continue;
                }
                loop {
                    let m = libc::recv(fd, buf.as_mut_ptr() as *mut _, buf.len(), libc::MSG_DONTWAIT);
                    if m <= 0 {
                        if m == 0 {
                            for r in std::mem::take(&mut conns[fd as usize].rooms) {
                                rooms[r as usize].members.retain(|x| *x != fd);
                            }
                            conns[fd as usize] = Conn::default();
                            libc::close(fd);
                        }
                        break;
                    }
                    let m = m as usize;
                    let mut rb = std::mem::take(&mut conns[fd as usize].rbuf);
                    rb.extend_from_slice(&buf[..m]);
                    let mut p = 0;
                    while rb.len() - p >= 9 {
                        let r = u32::from_le_bytes(rb[p + 1..p + 5].try_into().unwrap()) as usize;
                        let len = u32::from_le_bytes(rb[p + 5..p + 9].try_into().unwrap()) as usize;
                        if rb.len() - p - 9 < len {
                            break;
                        }
                        while rooms.len() <= r {
                            rooms.push(Room::default());
                        }
                        if rb[p] == b'J' {
                            rooms[r].members.push(fd);
                            conns[fd as usize].rooms.push(r as u32);
                        } else {
                            let f = &rb[p + 9..p + 9 + len];
                            match mode {
                                Mode::Each if fault.is_empty() => {
                                    for &t in &rooms[r].members {
                                        send_to(&mut conns, t, f);
                                    }
                                }
                                Mode::Each => {
                                    // self-test of the client's checks: one fault in 1000 deliveries
                                    for &t in &rooms[r].members {
                                        nth += 1;
                                        match (fault.as_str(), nth % 1000) {
                                            ("drop", 500) => {}
                                            ("dup", 500) => {
                                                send_to(&mut conns, t, f);
                                                send_to(&mut conns, t, f);
                                            }
                                            ("swap", 500) => held.push((t, f.to_vec())),
                                            ("corrupt", 500) => {
                                                let mut g = f.to_vec();
                                                let e = g.len() - 30;
                                                g.remove(e);
                                                g.push(b' ');
                                                send_to(&mut conns, t, &g);
                                            }
                                            _ => {
                                                send_to(&mut conns, t, f);
                                                if let Some(i) = held.iter().position(|h| h.0 == t) {
                                                    let h = held.swap_remove(i);
                                                    send_to(&mut conns, t, &h.1);
                                                }
                                            }
                                        }
                                    }
                                }
                                Mode::Uring => uring_all(ring.as_mut().unwrap(), &rooms[r].members, f),
                                _ => {
                                    let room = &mut rooms[r];
                                    if room.n == 0 {
                                        room.since = now_ns();
                                    }
                                    room.pend.extend_from_slice(f);
                                    room.n += 1;
                                    if !room.dirty {
                                        room.dirty = true;
                                        dirty.push(r as u32);
                                    }
                                    if mode == Mode::Batch && room.n >= k {
                                        flush(&mut conns, room);
                                    }
                                }
                            }
                        }
                        p += 9 + len;
                    }
                    rb.drain(..p);
                    conns[fd as usize].rbuf = rb;
                    if m < buf.len() {
                        break;
                    }
                }
            }
            if mode == Mode::Natural {
                for r in dirty.drain(..) {
                    let room = &mut rooms[r as usize];
                    room.dirty = false;
                    flush(&mut conns, room);
                }
            } else if mode == Mode::Batch && !dirty.is_empty() {
                let now = now_ns();
                dirty.retain(|r| {
                    let room = &mut rooms[*r as usize];
                    if room.n > 0 && now >= room.since + tick {
                        flush(&mut conns, room);
                    }
                    room.dirty = room.n > 0;
                    room.dirty
                });
            }
        }
    }
}

fn flush(conns: &mut [Conn], room: &mut Room) {
    if room.n == 0 {
        return;
    }
    for &t in &room.members {
        send_to(conns, t, &room.pend);
    }
    room.pend.clear();
    room.n = 0;
}

/// One SQE per member, submitted in large groups; waits for all completions so that the bytes may be reused
/// and the order per socket holds.
fn uring_all(ring: &mut IoUring, members: &[RawFd], f: &[u8]) {
    for chunk in members.chunks(4096) {
        {
            let mut sq = ring.submission();
            for &fd in chunk {
                let e = opcode::Send::new(types::Fd(fd), f.as_ptr(), f.len() as u32)
                    .flags(libc::MSG_NOSIGNAL | libc::MSG_WAITALL)
                    .build();
                unsafe { sq.push(&e).expect("sq full") };
            }
        }
        let mut left = chunk.len();
        while left > 0 {
            ring.submit_and_wait(left).expect("submit");
            let cq = ring.completion();
            for c in cq {
                if c.result() != f.len() as i32 {
                    eprintln!("rawfan: send gave {}", c.result());
                }
                left -= 1;
            }
        }
    }
}

//! The client: its connections, its rooms, and what it keeps of a phase.

mod account;
mod config;
mod drive;
mod measure;
mod receive;
mod send;

use crate::sys::{self, now_ns};
use hdrhistogram::Histogram;
use memchr::memmem;
use std::collections::HashSet;
use std::fmt::Write as _;

pub use config::{Adapter, Cfg};

const MARK: &[u8] = b"~B~";
const HDR: usize = 35; // mark 3, then nibbles as 'a'..'p': phase 2, room 4, sender 4, seq 6, ts 16
const PROBE: u8 = 255;

#[derive(Clone, Copy, PartialEq, Debug)]
enum St {
    New,
    Connecting,
    Handshake,
    Init,
    Ready,
    Dead,
}

struct Conn {
    fd: i32,
    st: St,
    due: u64,
    rbuf: Vec<u8>, // an incomplete WebSocket frame
    frag: Vec<u8>, // fragments of an unfinished message
    sbuf: Vec<u8>, // an incomplete NATS/MQTT item
    wbuf: Vec<u8>,
    acks: usize,
    last_id: u64,
}

#[derive(Clone, Copy)]
pub enum Mode {
    Open { rate: f64 },
    Closed { window: u32 },
    Burst { span: f64 },
}

struct Phase {
    id: u8,
    on: bool,
    closed_window: u32,
    start: u64,
    interval: f64,
    total: u64,
    stop_at: u64,
    sent: u64,
    meas0: u64,
    meas1: u64,
    room_sent: Vec<u32>,
    room_deliv: Vec<u64>,
    ready_rooms: Vec<u32>,
    seq: Vec<u32>,
    exp: Vec<u32>,
    missing: HashSet<(u32, u32)>,
    log: Vec<Vec<(u32, u32)>>,
    log_max: Vec<u32>,
    pos: Vec<u32>,
    got: u64,
    got_meas: u64,
    dup: u64,
    mis: u64,
    div: u64,
    last_rx: u64,
    abort_lat: u64,
    aborted: bool,
    hist: Histogram<u64>,
    lag: Histogram<u64>,
}

pub struct StepOut {
    pub msgs_s: f64,
    pub p99_ms: f64,
    pub achieved: f64,
    pub clean: bool,
    pub json: String,
}

pub struct Client {
    cfg: Cfg,
    ep: i32,
    conns: Vec<Conn>,
    buf: Vec<u8>,
    evs: Vec<libc::epoll_event>,
    rng: u64,
    off_cache: usize,
    probe_ok: Vec<bool>,
    probe_left: usize,
    probe_bad: u64,
    ready: usize,
    inflight: usize,
    pub dead: usize,
    stale: u64,
    corrupt: u64,
    other: u64,
    proto_err: u64,
    ph: Phase,
    phase_no: u8,
    rss0: u64,
    rss1: u64,
    mem0: u64,
    mem1: u64,
    self_rss: (u64, u64),
    t_begin: u64,
    join_hist: Histogram<u64>,
    join_done_s: f64,
    pids: Vec<i32>,
    last_wait: u64,
}

fn hist() -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 300_000_000_000, 3).unwrap()
}

fn put_hex(b: &mut [u8], mut v: u64) {
    for i in (0..b.len()).rev() {
        b[i] = b'a' + (v & 15) as u8;
        v >>= 4;
    }
}

/// Eight nibble characters to 32 bits.
#[inline(always)]
fn get8(b: &[u8]) -> u64 {
    let x = u64::from_be_bytes(b[..8].try_into().unwrap());
    let x = x.wrapping_sub(0x6161616161616161) & 0x0f0f0f0f0f0f0f0f;
    let x = (x | x >> 4) & 0x00ff00ff00ff00ff;
    let x = (x | x >> 8) & 0x0000ffff0000ffff;
    (x | x >> 16) & 0xffffffff
}

struct Snap {
    t: u64,
    cpu_self: f64,
    cpu_srv: f64,
    cpus: Vec<(u64, u64, u64)>,
}

impl Client {
    pub fn new(cfg: Cfg) -> Client {
        let ep = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        let slots = cfg.rooms * cfg.members;
        let mut conns = Vec::with_capacity(cfg.conns);
        for _ in 0..cfg.conns {
            conns.push(Conn {
                fd: -1,
                st: St::New,
                due: 0,
                rbuf: vec![],
                frag: vec![],
                sbuf: vec![],
                wbuf: vec![],
                acks: 0,
                last_id: 0,
            });
        }
        let pids = if cfg.pid > 0 { sys::tree(cfg.pid) } else { vec![] };
        let me = std::process::id() as i32;
        Client {
            ep,
            conns,
            buf: vec![0; 512 * 1024],
            evs: vec![libc::epoll_event { events: 0, u64: 0 }; 2048],
            rng: 0x9E3779B97F4A7C15,
            off_cache: 0,
            probe_ok: vec![false; slots],
            probe_left: slots,
            probe_bad: 0,
            ready: 0,
            inflight: 0,
            dead: 0,
            stale: 0,
            corrupt: 0,
            other: 0,
            proto_err: 0,
            ph: Phase {
                id: 0,
                on: false,
                closed_window: 0,
                start: 0,
                interval: 1.0,
                total: 0,
                stop_at: 0,
                sent: 0,
                meas0: 0,
                meas1: 0,
                room_sent: vec![],
                room_deliv: vec![],
                ready_rooms: vec![],
                seq: vec![],
                exp: vec![],
                missing: HashSet::new(),
                log: vec![],
                log_max: vec![],
                pos: vec![],
                got: 0,
                got_meas: 0,
                dup: 0,
                mis: 0,
                div: 0,
                last_rx: 0,
                abort_lat: u64::MAX,
                aborted: false,
                hist: hist(),
                lag: hist(),
            },
            phase_no: 0,
            rss0: sys::rss_kb(&pids),
            rss1: 0,
            mem0: sys::mem_available_kb(),
            mem1: 0,
            self_rss: (sys::rss_kb(&[me]), 0),
            t_begin: now_ns(),
            join_hist: hist(),
            join_done_s: 0.0,
            pids,
            last_wait: 0,
            cfg,
        }
    }

    pub fn out_of_time(&self) -> bool {
        (now_ns() - self.t_begin) as f64 / 1e9 > self.cfg.max_run
    }

    pub fn print_error(&self, e: &str) {
        println!(
            "{{\"label\":\"{}\",\"workload\":\"{}\",\"mode\":\"error\",\"error\":{:?},\"ready\":{},\"dead\":{},\"probe_left\":{}}}",
            self.cfg.label, self.cfg.workload, e, self.ready, self.dead, self.probe_left
        );
    }
    #[inline(always)]
    fn member_conn(&self, r: usize, j: usize) -> usize {
        (r * self.cfg.members + j) % self.cfg.conns
    }
    #[inline(always)]
    fn member_of(&self, ci: usize, r: usize) -> Option<usize> {
        let (m, c) = (self.cfg.members, self.cfg.conns);
        let b = r * m;
        let j = if b < c && ci >= b { ci - b } else { (ci + c - (b % c)) % c };
        if j < m {
            Some(j)
        } else {
            None
        }
    }
    fn rooms_of(&self, ci: usize) -> Vec<usize> {
        // slots ci, ci + C, ci + 2C, ... each belong to room slot / M
        let slots = self.cfg.rooms * self.cfg.members;
        (ci..slots).step_by(self.cfg.conns).map(|s| s / self.cfg.members).collect()
    }
}

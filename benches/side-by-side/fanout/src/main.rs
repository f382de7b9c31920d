//! fanout: a neutral, single-threaded epoll load client for room fan-out servers.
//! One JSON line per plan item on stdout. See ../README.md.
mod client;
mod sys;

use client::{Adapter, Cfg, Client, Mode, StepOut};

fn usage() -> ! {
    eprintln!(
        "fanout --adapter chat|socketio|nats|mqtt|raw --url ws://127.0.0.1:PORT/PATH
  --rooms R --members M [--conns C (default R*M)] [--senders S per room, default 1] [--payload N (128)]
  [--pid SERVER_PID] [--label L] [--workload W] [--connect-rate N/s (0 = as fast as accepted)] [--inflight 64]
  [--settle SEC (1)] [--warm SEC (0.5)] [--drain SEC (8)] [--max-run SEC (300)] [--no-echo] [--ids] [--join-ack TEXT]
  [--p99-ms 100] [--coalesce-us 200: at least so long between epoll_waits] --plan ITEM,ITEM,...
 plan items:
  idle:SEC            joined connections, no traffic: RSS and CPU
  closed:WINDOW:SEC   closed loop, WINDOW messages outstanding per room (saturating)
  open:MSGS_PER_S:SEC open loop at an intended schedule, total over all rooms
  burst:SPAN_SEC      every sender sends one message, spread evenly over SPAN_SEC
  search:SEC:STEPS    step search for the highest open-loop rate with p99 < --p99-ms, no loss
                      (starts at 0.9 x the last closed result)"
    );
    std::process::exit(2)
}

fn main() {
    sys::raise_nofile();
    let a: Vec<String> = std::env::args().skip(1).collect();
    let mut c = Cfg::default();
    let mut plan = String::new();
    let mut i = 0;
    while i < a.len() {
        let k = a[i].as_str();
        if k == "--no-echo" {
            c.echo = false;
            i += 1;
            continue;
        }
        if k == "--ids" {
            c.ids = true;
            i += 1;
            continue;
        }
        let v = a.get(i + 1).cloned().unwrap_or_else(|| usage());
        i += 2;
        macro_rules! num {
            () => {
                v.parse().unwrap_or_else(|_| usage())
            };
        }
        match k {
            "--adapter" => {
                c.adapter = match v.as_str() {
                    "chat" => Adapter::Chat,
                    "socketio" => Adapter::SocketIo,
                    "nats" => Adapter::Nats,
                    "mqtt" => Adapter::Mqtt,
                    "raw" => Adapter::Raw,
                    _ => usage(),
                }
            }
            "--url" => c.set_url(&v),
            "--rooms" => c.rooms = num!(),
            "--members" => c.members = num!(),
            "--conns" => c.conns = num!(),
            "--senders" => c.senders = num!(),
            "--payload" => c.payload = num!(),
            "--pid" => c.pid = num!(),
            "--label" => c.label = v,
            "--workload" => c.workload = v,
            "--connect-rate" => c.connect_rate = num!(),
            "--inflight" => c.inflight = num!(),
            "--settle" => c.settle = num!(),
            "--warm" => c.warm = num!(),
            "--drain" => c.drain = num!(),
            "--max-run" => c.max_run = num!(),
            "--p99-ms" => c.p99_ms = num!(),
            "--coalesce-us" => c.coalesce_us = num!(),
            "--join-ack" => c.join_ack = Some(v),
            "--plan" => plan = v,
            _ => usage(),
        }
    }
    if c.conns == 0 {
        c.conns = c.rooms * c.members;
    }
    if c.members > c.conns || c.senders > c.members || c.payload < 40 || plan.is_empty() {
        usage();
    }
    // A hard stop: nothing here outlives --max-run.
    unsafe { libc::alarm(c.max_run as u32 + 30) };
    let p99_ms = c.p99_ms;
    let mut cl = Client::new(c);
    if let Err(e) = cl.connect_all() {
        cl.print_error(&e);
        std::process::exit(1);
    }
    let mut last_closed = 0f64; // msgs/s
    for item in plan.split(',') {
        let p: Vec<&str> = item.split(':').collect();
        let f = |n: usize, d: f64| p.get(n).and_then(|s| s.parse::<f64>().ok()).unwrap_or(d);
        let ok = |s: &StepOut| s.clean && s.p99_ms < p99_ms && s.achieved > 0.97;
        match p[0] {
            "idle" => cl.idle(f(1, 5.0)),
            "closed" => {
                let s = cl.step(Mode::Closed { window: f(1, 8.0) as u32 }, f(2, 3.0), "closed", false);
                last_closed = s.msgs_s;
            }
            "open" => {
                let s = cl.step(Mode::Open { rate: f(1, 10.0) }, f(2, 5.0), "open", false);
                let _ = ok(&s);
            }
            "burst" => {
                cl.step(Mode::Burst { span: f(1, 1.0) }, f(1, 1.0), "burst", false);
            }
            "search" => {
                let (sec, steps) = (f(1, 4.0), f(2, 5.0) as u32);
                if f(3, 0.0) > 0.0 {
                    last_closed = f(3, 0.0) / 0.9;
                }
                if last_closed <= 0.0 {
                    continue;
                }
                let (mut lo, mut hi) = (0f64, 0f64);
                let mut fr = 0.9f64;
                let mut best: Option<StepOut> = None;
                let mut failed: Option<StepOut> = None;
                for _ in 0..steps {
                    if cl.dead > 0 || cl.out_of_time() {
                        break;
                    }
                    let s = cl.step(Mode::Open { rate: fr * last_closed }, sec, "search-step", true);
                    if ok(&s) {
                        lo = fr;
                        best = Some(s);
                    } else {
                        hi = fr;
                        failed = Some(s);
                    }
                    fr = if hi > 0.0 && lo > 0.0 {
                        (lo + hi) / 2.0
                    } else if hi > 0.0 {
                        fr * 0.7
                    } else {
                        fr * 1.15
                    };
                    if hi > 0.0 && lo > 0.0 && (hi - lo) / lo < 0.04 {
                        break;
                    }
                }
                match (best, failed) {
                    (Some(b), _) => println!("{}", b.json.replacen("\"search-step\"", "\"search-best\"", 1)),
                    (None, Some(b)) => {
                        println!("{}", b.json.replacen("\"search-step\"", "\"search-none\"", 1))
                    }
                    _ => {}
                }
            }
            _ => usage(),
        }
        if cl.dead > 0 {
            eprintln!("fanout: {} connections were closed by the server, plan stopped", cl.dead);
            break;
        }
        if cl.out_of_time() {
            eprintln!("fanout: --max-run reached, plan stopped");
            break;
        }
    }
}

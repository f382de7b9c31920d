//! The plainest setup that a scenario could have, and the ways towards it.

use std::time::Duration;

use chinwag_core::{
    client::ClientConfig,
    config::{GatewayConfig, ShardConfig},
};
use serde_json::Value;

use crate::{
    plan::scenario::{Calm, ClientSetup, ClockSetup, Patience, Scenario, Setup},
    world::SURVEY_TIME,
};

/// The setup with as many clients and rooms, but one node, one shard, fast and even lines, and all limits as they are by
/// default.
pub(crate) fn plain(setup: &Setup) -> Setup {
    let client = |client: &ClientSetup| ClientSetup {
        user: client.user,
        latency_us: 1_000,
        jitter_us: 0,
        rate: 10_000_000,
        send_buffer: 65_536,
        clock: ClockSetup::default(),
        voice: client.voice,
        undecided: client.undecided,
        pass: client.pass,
    };
    let ClientConfig {
        backoff,
        unanswered_max,
        asks_max,
        typing_max,
        queue_max,
        silence_timeout,
        retry_rate_limited,
        ..
    } = ClientConfig::default();
    Setup {
        nodes: 1,
        clients: setup.clients.iter().map(client).collect(),
        rooms: setup.rooms,
        parlours: setup.parlours,
        bots: setup.bots.clone(),
        patience: Patience {
            backoff_base: backoff.base,
            backoff_max: backoff.max,
            silence_timeout,
            unanswered_max,
            queue_max,
            retry_rate_limited,
            attempts_max: backoff.attempts_max,
            asks_max,
            typing_max,
        },
        mail_us_max: 0,
        chaos_us: setup.chaos_us,
        clock: ClockSetup::default(),
        calms: Vec::new(),
        frozen: Vec::new(),
        frozen_node: None,
        safety_only: setup.safety_only,
        replicated: false,
        disk: None,
        gateway: GatewayConfig {
            shards: 1,
            verify_tokens: setup.gateway.verify_tokens,
            token_dialects: setup.gateway.token_dialects.clone(),
            ..GatewayConfig::default()
        },
        shard: ShardConfig::default(),
    }
}

/// Whether limits fit together. Where they do not, checks fail that nobody has to answer for.
pub(crate) fn is_sound(scenario: &Scenario) -> bool {
    let Setup { patience, gateway, shard, calms, nodes, clients, .. } = &scenario.setup;
    let calm = (scenario.settling_time() + SURVEY_TIME).as_micros();
    let is_long = |calmed: &Calm| u128::from(calmed.to_us.saturating_sub(calmed.from_us)) >= calm;
    let is_roomy = u64::from(gateway.connections_max) * u64::from(*nodes) >= clients.len() as u64;
    is_roomy
        && patience.silence_timeout >= gateway.ping_interval * 11 / 10 + Duration::from_secs(5)
        && calms.iter().all(is_long)
        && gateway.list_page_max >= shard.roster_max
        && gateway.content_bytes_max * 16 <= gateway.outbox_bytes_max
}

/// Where a setup and its plain form differ, as paths into their JSON.
pub(crate) fn differences(setup: &Setup) -> Vec<String> {
    let mut paths = Vec::new();
    walk(&json(setup), &json(&plain(setup)), "", &mut paths);
    paths
}

/// The setup with its plain values at these paths.
pub(crate) fn reset(setup: &Setup, paths: &[String]) -> Setup {
    let (mut value, plain) = (json(setup), json(&plain(setup)));
    for path in paths {
        if let Some(old) = value.pointer_mut(path) {
            *old = plain.pointer(path).cloned().unwrap_or_default();
        }
    }
    serde_json::from_value(value).expect("both were setups")
}

fn json(setup: &Setup) -> Value {
    serde_json::to_value(setup).expect("setups are plain data")
}

fn walk(value: &Value, plain: &Value, path: &str, paths: &mut Vec<String>) {
    match (value, plain) {
        _ if value == plain => {}
        (Value::Object(fields), Value::Object(others)) if !fields.contains_key("nanos") => {
            for (name, field) in fields {
                // What is left out where there is none of it is null.
                walk(field, others.get(name).unwrap_or(&Value::Null), &format!("{path}/{name}"), paths);
            }
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            for (place, (item, other)) in items.iter().zip(others).enumerate() {
                walk(item, other, &format!("{path}/{place}"), paths);
            }
        }
        _ => paths.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::scenario::FrozenNode;

    #[test]
    fn generated_setups_and_the_plain_one_are_sound() {
        for seed in 0..100 {
            let scenario = Scenario::generate(seed);
            assert!(is_sound(&scenario), "seed {seed}");
            assert!(is_sound(&Scenario { setup: plain(&scenario.setup), ..scenario }));
        }
    }

    #[test]
    fn all_differences_taken_away_leave_the_plain_setup() {
        let mut setup = Scenario::generate(3).setup;
        setup.frozen_node = Some(FrozenNode { node: 0, for_us: 1 });
        let paths = differences(&setup);
        assert!(paths.contains(&"/nodes".to_owned()) || setup.nodes == 1);
        assert!(paths.iter().any(|path| path.starts_with("/clients/0/")), "{paths:?}");
        assert!(paths.iter().any(|path| path.starts_with("/frozen_node")), "{paths:?}");
        assert_eq!(reset(&setup, &paths), plain(&setup));
        assert_eq!(reset(&setup, &[]), setup);
        assert_eq!(differences(&reset(&setup, &paths[1..])), paths[..1]);
    }
}

// The plan of `.ci/long/peers` for k6: a virtual user is one socket, or as many as PEERS_SOCKETS says.
//
// One for each is what most of its documentation does; its page on k6/websockets opens several from one user, which saves
// JavaScript machines, so that is tried, too. Defaults otherwise. Metrics are added to in lots: a sample for each delivery
// would cost more than the delivery.
import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';
import { setTimeout } from 'k6/timers';
import { WebSocket } from 'k6/experimental/websockets';

const number = (name) => Number(__ENV[`PEERS_${name}`]);
const clients = number('CLIENTS');
const rate = number('RATE');
const span = number('SECONDS') * 1000;
const start = number('START') * 1000;
const end = start + span + number('DRAIN') * 1000;
const sockets = number('SOCKETS');

const counters = Object.fromEntries(['connected', 'sent', 'deliveries', 'failures'].map((name) => [name, new Counter(name)]));
const sendLag = new Trend('send_lag', true);
const ownCopy = new Trend('own_copy', true);

export const options = {
    scenarios: { people: { executor: 'per-vu-iterations', vus: Math.ceil(clients / sockets), iterations: 1, maxDuration: '10m' } },
    summaryTrendStats: ['p(50)', 'p(99)'],
};

const at = (instant, what) => setTimeout(what, Math.max(0, instant - Date.now()));

export default function () {
    const first = (exec.vu.idInTest - 1) * sockets;
    for (let client = first; client < Math.min(first + sockets, clients); client += 1) {
        at(start - 5000 - ((clients - client) * 1000) / number('CONNECT'), () => open(client));
    }
}

function open(client) {
    const [user, room] = [`u${client}`, `r${Math.floor(client / 10)}`];
    const own = `"content":"${user} `;
    const socket = new WebSocket(__ENV.PEERS_URL);
    let deliveries = 0;
    let over = false;
    const say = (turn) => {
        const offset = ((client + turn * clients) * 1000) / rate;
        if (offset >= span) {
            return;
        }
        at(start + offset, () => {
            const content = `${user} ${Math.round(start + offset)} `.padEnd(64, 'x');
            socket.send(JSON.stringify({ type: 'message', room, content }));
            sendLag.add(Date.now() - start - offset);
            counters.sent.add(1);
            say(turn + 1);
        });
    };
    socket.onopen = () => {
        socket.send(JSON.stringify({ type: 'join', room, user }));
        counters.connected.add(1);
        say(0);
        at(end, () => {
            counters.deliveries.add(deliveries);
            over = true;
            socket.close();
        });
    };
    socket.onmessage = ({ data }) => {
        if (!data.startsWith('{"type":"message"')) {
            return;
        }
        deliveries += 1;
        const found = data.indexOf(own);
        if (found >= 0) {
            ownCopy.add(Date.now() - parseInt(data.substring(found + own.length), 10));
        }
    };
    // It calls the end of a connection that it closes itself an error, too.
    socket.onerror = () => counters.failures.add(over ? 0 : 1);
}

export function handleSummary({ metrics }) {
    const found = {};
    for (const name of Object.keys(counters)) {
        found[name] = metrics[name] ? metrics[name].values.count : 0;
    }
    for (const name of ['send_lag', 'own_copy']) {
        const values = metrics[name] ? metrics[name].values : {};
        found[`${name}_ms`] = { p50: values['p(50)'], p99: values['p(99)'] };
    }
    return { [__ENV.PEERS_OUT]: JSON.stringify(found) };
}

// What artillery.yml cannot say: who a virtual user is, when it speaks, and what it has read.
'use strict';

const number = (name) => Number(process.env[`PEERS_${name}`]);
const clients = number('CLIENTS');
const rate = number('RATE');
const start = number('START') * 1000;
const end = start + (number('SECONDS') + number('DRAIN')) * 1000;
let next = 0;

const until = (instant) => new Promise((done) => setTimeout(done, Math.max(0, instant - Date.now())));

async function enter(context) {
    const client = next++;
    context.vars.client = client;
    context.vars.turn = 0;
    context.vars.room = `r${Math.floor(client / 10)}`;
    context.vars.frame = JSON.stringify({ type: 'join', room: context.vars.room, user: `u${client}` });
}

async function listen(context, events) {
    const own = `"content":"u${context.vars.client} `;
    context.vars.deliveries = 0;
    events.emit('counter', 'peers.connected', 1);
    context.ws.on('message', (data) => {
        const frame = data.toString();
        if (!frame.startsWith('{"type":"message"')) {
            return;
        }
        context.vars.deliveries += 1;
        const found = frame.indexOf(own);
        if (found >= 0) {
            const since = parseInt(frame.substring(found + own.length), 10);
            events.emit('histogram', 'peers.own_copy', Date.now() - since);
        }
    });
}

async function turn(context) {
    const offset = ((context.vars.client + context.vars.turn * clients) * 1000) / rate;
    context.vars.turn += 1;
    context.vars.instant = start + offset;
    const content = `u${context.vars.client} ${Math.round(start + offset)} `.padEnd(64, 'x');
    context.vars.frame = JSON.stringify({ type: 'message', room: context.vars.room, content });
    await until(start + offset);
}

async function sent(context, events) {
    events.emit('histogram', 'peers.send_lag', Date.now() - context.vars.instant);
    events.emit('counter', 'peers.sent', 1);
}

async function leave(context, events) {
    await until(end);
    events.emit('counter', 'peers.deliveries', context.vars.deliveries);
}

module.exports = { enter, listen, turn, sent, leave };

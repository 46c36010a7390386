// One MQTT.js client, led by JSON objects on standard input, one a line; each is answered by one line.
// The steps and their answers are those of paho_client.py; `connect` also takes `options`, handed to MQTT.js as they are.
'use strict';

const path = require('node:path');
const readline = require('node:readline');
// The script lives elsewhere than the node_modules folder, which is the working directory.
const mqtt = require(path.join(process.cwd(), 'node_modules', 'mqtt'));

const VERSIONS = {
  '3.1': { protocolVersion: 3, protocolId: 'MQIsdp' },
  '3.1.1': { protocolVersion: 4, protocolId: 'MQTT' },
  '5.0': { protocolVersion: 5, protocolId: 'MQTT' },
};

// What arrived and was not asked for yet, or who asked and waits for it.
class Inbox {
  constructor() {
    this.items = [];
    this.waiting = [];
  }

  put(item) {
    const waiter = this.waiting.shift();
    if (waiter) waiter(item);
    else this.items.push(item);
  }

  get() {
    if (this.items.length > 0) return Promise.resolve(this.items.shift());
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

const messages = new Inbox();
const closes = new Inbox();
let client;
let version;

function toProperties(named) {
  if (!named || version !== '5.0') return undefined;
  const properties = {};
  for (const [name, value] of Object.entries(named)) {
    if (name === 'user_properties') properties.userProperties = toUserProperties(value);
    else if (name === 'correlation_data') properties.correlationData = Buffer.from(value, 'latin1');
    else properties[name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())] = value;
  }
  return properties;
}

function toUserProperties(pairs) {
  const user = {};
  for (const [key, value] of pairs) user[key] = key in user ? [user[key], value].flat() : value;
  return user;
}

function fromProperties(properties) {
  const named = {};
  for (const [name, value] of Object.entries(properties || {})) {
    if (name === 'userProperties') {
      named.user_properties = Object.entries(value).flatMap(([key, values]) => [values].flat().map((text) => [key, text]));
    } else if (name === 'subscriptionIdentifier') {
      named.subscription_identifiers = [value].flat();
    } else {
      const key = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      named[key] = Buffer.isBuffer(value) ? value.toString('latin1') : value;
    }
  }
  return named;
}

const steps = {
  connect(step) {
    version = step.version;
    client = mqtt.connect({
      host: step.host,
      port: step.port,
      clientId: step.id,
      clean: step.clean,
      reconnectPeriod: 0,
      resubscribe: false,
      properties: toProperties(step.properties),
      will: step.will
        ? { ...step.will, payload: Buffer.from(step.will.payload, 'latin1'), properties: toProperties(step.will.properties) }
        : undefined,
      ...VERSIONS[version],
      ...step.options,
    });
    let reason = null;
    client.on('message', (topic, payload, packet) => messages.put({
      topic,
      payload: payload.toString('latin1'),
      qos: packet.qos,
      retain: packet.retain,
      properties: fromProperties(packet.properties),
    }));
    client.on('disconnect', (packet) => { reason = packet.reasonCode; });
    client.on('close', () => closes.put({ reason }));
    return new Promise((resolve, reject) => {
      client.once('connect', (connack) => resolve({
        reason: 0,
        session_present: connack.sessionPresent,
        properties: fromProperties(connack.properties),
      }));
      client.on('error', (error) => {
        if (typeof error.code === 'number') resolve({ reason: error.code, session_present: false, properties: {} });
        else reject(error);
      });
    });
  },

  subscribe(step) {
    const asked = {};
    for (const { filter, qos, options = {} } of step.subscriptions) {
      asked[filter] = { qos, nl: options.noLocal, rap: options.retainAsPublished, rh: options.retainHandling };
    }
    const properties = toProperties(step.properties);
    return new Promise((resolve, reject) => {
      client.subscribe(asked, properties ? { properties } : {}, (error, _granted, packet) => {
        if (packet) resolve({ codes: packet.granted });
        else reject(error || new Error('no SUBACK'));
      });
    });
  },

  unsubscribe(step) {
    return new Promise((resolve, reject) => {
      client.unsubscribe(step.filters, (error, packet) => {
        if (packet) resolve({ codes: packet.granted || [] });
        else reject(error || new Error('no UNSUBACK'));
      });
    });
  },

  publish(step) {
    const options = { qos: step.qos, retain: step.retain, properties: toProperties(step.properties) };
    return new Promise((resolve, reject) => {
      client.publish(step.topic, Buffer.from(step.payload, 'latin1'), options, (error, packet) => {
        if (error) reject(error);
        else resolve({ reason: (packet && packet.reasonCode) || 0 });
      });
    });
  },

  receive: () => messages.get(),

  closed: () => closes.get(),

  disconnect(step) {
    const options = { reasonCode: step.reason || 0, properties: toProperties(step.properties) };
    return new Promise((resolve) => { client.end(false, options, () => resolve({})); });
  },
};

function within(seconds, promise, name) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer to ${name} within ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const step = JSON.parse(line);
    let answer;
    try {
      answer = await within(step.bound, steps[step.step](step), step.step);
    } catch (error) {
      answer = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

main();

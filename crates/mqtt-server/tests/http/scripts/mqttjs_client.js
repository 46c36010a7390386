// MQTT.js publishes to itself through a WebSocket. Argument: the URL.

const mqtt = require('mqtt');

const sizes = [0, 1, 100, 126, 65535, 65536, 500000];
const client = mqtt.connect(process.argv[2], {
  protocolVersion: 4, reconnectPeriod: 0, connectTimeout: 20000, rejectUnauthorized: false,
});
const fail = (what) => { console.error(what); process.exit(1); };
setTimeout(() => fail('too slow'), 60000).unref();
client.on('error', fail);

let next = 0;
client.on('connect', () => client.subscribe('t', (error) => {
  if (error) fail(error);
  for (const size of sizes) client.publish('t', Buffer.alloc(size, size % 251));
}));
client.on('message', (topic, payload) => {
  const size = sizes[next];
  if (topic !== 't' || !payload.equals(Buffer.alloc(size, size % 251))) fail(`message ${next} is wrong`);
  next += 1;
  if (next === sizes.length) client.end(false, {}, () => { console.log('all good'); process.exit(0); });
});

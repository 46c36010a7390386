// One page of Chromium, led by JSON objects on standard input, one a line; each is answered by one line.
// visit {url}           goes there; gives the `protocol` that the page came by
// talk {url, version}   MQTT.js in the page publishes to itself; gives the `payloads` that came back as [QoS, length],
//                       and of the WebSocket the `status` that opened it and whether it was an `upgrade`
// Argument: the browser.
'use strict';

const path = require('node:path');
const readline = require('node:readline');
// The script lives elsewhere than the node_modules folder, which is the working directory.
const modules = path.join(process.cwd(), 'node_modules');
const { chromium } = require(path.join(modules, 'playwright-core'));

const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

// Runs in the page.
async function talk({ url, version, bound }) {
  const client = mqtt.connect(url, { protocolVersion: version, reconnectPeriod: 0, connectTimeout: bound * 1000 });
  const sent = [[0, 5], [1, 126], [2, 300000]];
  const payloads = [];
  await new Promise((resolve, reject) => {
    client.on('error', reject);
    client.on('close', () => reject(new Error(`closed after ${JSON.stringify(payloads)}`)));
    client.on('connect', async () => {
      await client.subscribeAsync('browser/#', { qos: 2 });
      for (const [qos, length] of sent) await client.publishAsync('browser/page', new Uint8Array(length).fill(7), { qos });
    });
    client.on('message', (topic, payload, packet) => {
      if (!payload.every((byte) => byte === 7)) reject(new Error('a payload that was not sent'));
      payloads.push([packet.qos, payload.length]);
      if (payloads.length === sent.length) resolve();
    });
  });
  client.removeAllListeners('close');
  await client.endAsync();
  return payloads;
}

async function answer(page, handshakes, { step, url, version, bound }) {
  switch (step) {
    case 'visit':
      await page.goto(url);
      await page.addScriptTag({ path: path.join(modules, 'mqtt/dist/mqtt.min.js') });
      return { protocol: await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol) };
    case 'talk': {
      const payloads = await page.evaluate(talk, { url, version, bound });
      const { status, headers } = handshakes.pop();
      const upgrade = Object.keys(headers).some((name) => name.toLowerCase() === 'upgrade');
      return { payloads, status, upgrade };
    }
    default:
      throw new Error(`no step ${step}`);
  }
}

(async () => {
  const browser = await chromium.launch({ executablePath: process.argv[2], args: ARGUMENTS });
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const handshakes = [];
  const network = await context.newCDPSession(page);
  network.on('Network.webSocketHandshakeResponseReceived', (event) => handshakes.push(event.response));
  await network.send('Network.enable');
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let said;
    try {
      said = await answer(page, handshakes, JSON.parse(line));
    } catch (error) {
      said = { error: String(error.stack || error) };
    }
    console.log(JSON.stringify(said));
  }
  await browser.close();
})();

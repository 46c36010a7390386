// A page over HTTP/2 opens a WebSocket to where it came from. Arguments: the browser, the origin.

const { chromium } = require('playwright-core');

const [executablePath, origin] = process.argv.slice(2);

// Runs in the page.
async function talk(url) {
  const ws = new WebSocket(url, ['mqtt']);
  ws.binaryType = 'arraybuffer';
  const waiting = [];
  let received = 0;
  const count = (bytes) => new Promise((resolve) => { waiting.push([bytes, resolve]); });
  ws.onmessage = (event) => {
    received += event.data.byteLength;
    while (waiting.length && received >= waiting[0][0]) waiting.shift()[1]();
  };
  await new Promise((resolve, reject) => { ws.onopen = resolve; ws.onerror = () => reject(new Error('no WebSocket')); });
  let expected = 0;
  for (const size of [1, 125, 126, 65536, 400000]) {
    ws.send(new Uint8Array(size).fill(7));
    expected += size;
    await count(expected);
  }
  const closed = new Promise((resolve) => { ws.onclose = resolve; });
  ws.close(1000);
  const { code, wasClean } = await closed;
  return [ws.protocol, received === expected && code === 1000 && wasClean ? 'all good' : `${received} ${code}`];
}

(async () => {
  const args = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--ignore-certificate-errors'];
  const browser = await chromium.launch({ executablePath, args });
  try {
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    await page.goto(`${origin}/page`);
    const version = await page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol);
    const told = await page.evaluate(talk, `${origin.replace('https', 'wss')}/mqtt`);
    console.log([version, ...told].join(' '));
  } finally {
    await browser.close();
  }
})().catch((error) => { console.error(error); process.exit(1); });

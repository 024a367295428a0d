import { expectHttp, http } from './clients.ts';
import type { CatalogProgram } from './program.ts';

const nodeServer = `
const { createServer } = require('node:http');
const fs = require('node:fs');
const { Worker } = require('node:worker_threads');
const { execFileSync, fork } = require('node:child_process');
const { promisify } = require('node:util');
if (process.argv[2] === 'child') {
  process.send('from the child');
  process.disconnect();
} else createServer(async (request, response) => {
  const answers = {
    '/': async () => 'it works',
    '/files': async () => {
      fs.mkdirSync('/tmp/d', { recursive: true });
      await fs.promises.writeFile('/tmp/d/a', 'text');
      await fs.promises.copyFile('/tmp/d/a', '/tmp/d/b');
      fs.renameSync('/tmp/d/b', '/tmp/d/c');
      fs.symlinkSync('/tmp/d/a', '/tmp/d/l');
      fs.chmodSync('/tmp/d/a', 0o600);
      fs.utimesSync('/tmp/d/a', 0, 0);
      fs.truncateSync('/tmp/d/a');
      const watcher = fs.watch('/tmp/d');
      const read = fs.createReadStream('/tmp/d/c').setEncoding('utf8');
      let text = '';
      for await (const part of read) text += part;
      const names = fs.readdirSync('/tmp/d').join();
      watcher.close();
      fs.fsyncSync(fs.openSync('/tmp/d/a', 'a'));
      fs.rmSync('/tmp/d', { recursive: true });
      return names + ' ' + text;
    },
    '/worker': () => new Promise((resolve, reject) => {
      new Worker('require("node:worker_threads").parentPort.postMessage("from the worker")', { eval: true })
        .once('message', resolve).once('error', reject);
    }),
    '/program': async () => execFileSync('echo', ['from the program'], { encoding: 'utf8' }),
    '/child': () => new Promise((resolve) => fork(__filename, ['child']).once('message', resolve)),
    '/crypto': async () => (await promisify(require('node:crypto').scrypt)('a', 'b', 32)).toString('hex'),
    '/zlib': async () => String((await promisify(require('node:zlib').gzip)('a'.repeat(100000))).length),
    '/resolve': async () => (await require('node:dns').promises.lookup('localhost')).address,
    '/udp': () => new Promise((resolve) => {
      const socket = require('node:dgram').createSocket('udp4');
      socket.bind(0, '127.0.0.1', () => socket.send('from udp', socket.address().port));
      socket.once('message', (message) => { socket.close(); resolve(String(message)); });
    }),
    '/machine': async () => { const os = require('node:os'); return [os.cpus().length, os.freemem(), os.loadavg(), os.userInfo().username, process.memoryUsage().rss, Object.keys(os.networkInterfaces())].join(); },
    '/self': async () => (await fetch('http://127.0.0.1:' + process.argv[2] + '/')).text(),
  };
  const answer = answers[request.url];
  if (answer === undefined) return response.writeHead(404).end();
  try { response.end(await answer()); } catch (error) { response.writeHead(500).end(String(error.stack)); }
}).listen(Number(process.argv[2]), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;

const node: CatalogProgram = {
  name: 'node',
  package: 'nodejs',
  workload:
    'a server of HTTP that works with files, watches a directory, starts threads, programs and a child, hashes, compresses, resolves names, uses UDP; stop',
  files: () => ({ 'server.js': nodeServer }),
  script: ({ port }) => `exec node /mnt/server.js ${port}`,
  async use(container) {
    const { port } = container.site;
    await container.until('it answers', async () => (await http(port, '/')).startsWith('200'));
    const answers = {
      '/files': /^200 a,c,l text/,
      '/worker': /from the worker/,
      '/program': /from the program/,
      '/child': /from the child/,
      '/crypto': /^200 [0-9a-f]{64}$/,
      '/zlib': /^200 \d+$/,
      '/resolve': /^200 (?:127\.0\.0\.1|::1)$/,
      '/udp': /from udp/,
      '/machine': /root/,
      '/self': /it works/,
      '/missing': /^404/,
    };
    for (const [path, answer] of Object.entries(answers)) await expectHttp(port, path, answer);
  },
};

const python: CatalogProgram = {
  name: 'python-http-server',
  package: 'python3',
  workload:
    '`python3 -m http.server`: files, listings, redirects to directories, refused methods; ended by SIGKILL as first process',
  files: () => ({ 'index.txt': 'it works\n', 'large.txt': 'large\n'.repeat(100_000) }),
  script: ({ port }) => `exec python3 -m http.server --bind 127.0.0.1 --directory /mnt ${port}`,
  async use(container) {
    const { port } = container.site;
    await container.until('it answers', async () => (await http(port, '/')).startsWith('200'));
    await expectHttp(port, '/', /index.txt/);
    await expectHttp(port, '/index.txt', /it works/);
    await expectHttp(port, '/large.txt', /^200 large/);
    await expectHttp(port, '/missing', /^404/);
    await expectHttp(port, '/', /^501/, { method: 'POST', body: 'x' });
  },
  stop: 'SIGKILL',
};

/** Servers in a language of their own. */
export const languages: readonly CatalogProgram[] = [node, python];

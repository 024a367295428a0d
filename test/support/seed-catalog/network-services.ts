import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { Conversation, expectHttp, http } from './clients.ts';
import type { ProgramContainer } from './container.ts';
import type { CatalogProgram } from './program.ts';

/** Returns the answer of `GET url` through a proxy. */
async function proxied(port: number, url: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET ${url} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nConnection: close\r\n\r\n`);
  socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer for ${url}`)));
  return text(socket);
}

const squid: CatalogProgram = {
  name: 'squid',
  package: 'squid',
  workload:
    'a proxied request, a hit in the cache on disk, a tunnel, a refused request, `squid -k parse`, reload, stop',
  files: ({ port }) => ({
    'squid.conf': `http_port 127.0.0.1:${port}
cache_effective_user app
cache_effective_group app
pid_filename /tmp/squid.pid
cache_log /dev/stderr
access_log stdio:/dev/stderr
coredump_dir /tmp
cache_dir ufs /tmp/cache 16 16 16
cache_mem 0 MB
mime_table /dev/null
icon_directory /mnt
error_directory /mnt
err_page_stylesheet none
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname localhost
acl refused urlpath_regex refused
http_access deny refused
http_access allow all
`,
  }),
  script: () => `mkdir /tmp/cache; chown app:app /tmp/cache
squid -f /mnt/squid.conf -Nz; exec squid -f /mnt/squid.conf -N`,
  async use(container) {
    const { port } = container.site;
    const origin = createServer((_, response) => {
      response.setHeader('cache-control', 'max-age=3600').end('from the origin'.repeat(1000));
    });
    await once(origin.listen(0, '127.0.0.1'), 'listening');
    try {
      const { port: own } = origin.address() as AddressInfo;
      const url = `http://127.0.0.1:${own}/file`;
      await container.until('it answers', async () => (await proxied(port, url)).includes('from the origin'));
      assert.match(await proxied(port, url), /X-Cache: HIT|Cache-Status: localhost;hit/);
      assert.match(await proxied(port, `${url}/refused`), /^HTTP\/1.1 403/);
      const tunnel = await Conversation.open(port);
      await tunnel.say(`CONNECT 127.0.0.1:${own} HTTP/1.1\r\n\r\n`, /^HTTP\/1.1 200/);
      await tunnel.say('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', /from the origin/);
      tunnel.close();
      container.exec(['squid', '-f', '/mnt/squid.conf', '-k', 'parse']);
      container.signal('SIGHUP');
      await container.until('it reloads', () => /Reconfiguring/.test(container.log()));
      await container.until('it answers again', async () => (await proxied(port, url)).includes('from the origin'));
    } finally {
      origin.closeAllConnections();
      origin.close();
    }
  },
};

const mosquitto: CatalogProgram = {
  name: 'mosquitto',
  package: 'mosquitto',
  workload: 'messages published and received, retained messages, passwords, a saved database, reload, stop',
  files: ({ port, second }) => ({
    'mosquitto.conf': `listener ${port} 127.0.0.1
listener ${second} 127.0.0.1
protocol websockets
allow_anonymous true
password_file /tmp/passwords
persistence true
persistence_location /tmp/
autosave_interval 1
autosave_on_changes true
log_dest stderr
user app
`,
  }),
  script: () => `echo 'a:b' > /tmp/passwords; mosquitto_passwd -U /tmp/passwords; chown app /tmp/passwords
exec mosquitto -c /mnt/mosquitto.conf`,
  async use(container) {
    const at = ['-h', '127.0.0.1', '-p', `${container.site.port}`, '-t', 'topic'];
    const publish = () => container.exec(['mosquitto_pub', ...at, '-u', 'a', '-P', 'b', '-r', '-q', '2', '-m', 'kept']);
    await container.until('it answers', () => publish() === '');
    assert.equal(container.exec(['mosquitto_sub', ...at, '-C', '1', '-q', '2', '-i', 'reader', '-c']), 'kept\n');
    container.signal('SIGUSR1');
    await container.until('it saves', () => /Saving in-memory database/.test(container.log()));
    container.signal('SIGHUP');
    await container.until('it reloads', () => /Reloading config/.test(container.log()));
    publish();
  },
};

/** Waits until a name server answers for `site.test`, and asks it over UDP and TCP. */
async function expectNames(container: ProgramContainer): Promise<void> {
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([`127.0.0.1:${container.site.port}`]);
  const address = async () => (await resolver.resolve4('site.test')).join();
  await container.until('it answers', async () => (await address()) === '192.0.2.1');
  await assert.rejects(resolver.resolve6('missing.test'));
  // A query for site.test over TCP, with its length before it.
  const query = Buffer.from('001b123401000001000000000000047369746504746573740000010001', 'hex');
  const socket = connect(container.site.port, '127.0.0.1');
  socket.write(query);
  const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
  assert.ok(answer.includes(Buffer.from([192, 0, 2, 1])));
  socket.destroy();
}

const dnsmasq: CatalogProgram = {
  name: 'dnsmasq',
  package: 'dnsmasq-base',
  workload:
    'answers for local names over UDP and TCP, a watched `resolv.conf`, logged statistics, reload, stop; no DHCP',
  files: () => ({ hosts: '192.0.2.1 site.test\n', resolv: 'nameserver 127.0.0.1\n' }),
  script: ({ port }) =>
    `exec dnsmasq --keep-in-foreground --log-facility=- --log-queries --port=${port} --listen-address=127.0.0.1 --bind-interfaces --resolv-file=/mnt/resolv --local=/test/ --addn-hosts=/mnt/hosts --user=app --group=app --pid-file=/run/dnsmasq.pid`,
  async use(container) {
    await expectNames(container);
    container.signal('SIGUSR1');
    container.signal('SIGHUP');
    await container.until('it reads the names again', () => container.log().split('read /mnt/hosts').length > 2);
    await expectNames(container);
  },
};

const unbound: CatalogProgram = {
  name: 'unbound',
  package: 'unbound',
  workload: 'answers for local names over UDP and TCP, forwarded queries, `unbound-checkconf`, reload, stop',
  files: ({ port, second }) => ({
    'unbound.conf': `server:
  directory: "/mnt"
  chroot: ""
  username: "app"
  pidfile: ""
  use-syslog: no
  verbosity: 1
  num-threads: 2
  do-daemonize: no
  interface: 127.0.0.1
  port: ${port}
  do-not-query-localhost: no
  local-zone: "test." static
  local-data: "site.test. A 192.0.2.1"
remote-control:
  control-enable: yes
  control-interface: /tmp/unbound.sock
  control-use-cert: no
forward-zone:
  name: "example."
  forward-addr: 127.0.0.1@${second}
`,
  }),
  script: () => 'exec unbound -d -p -c /mnt/unbound.conf',
  async use(container) {
    await expectNames(container);
    const upstream = createSocket('udp4');
    await once(upstream.bind(container.site.second, '127.0.0.1'), 'listening');
    try {
      const resolver = new Resolver({ timeout: 500, tries: 1 });
      resolver.setServers([`127.0.0.1:${container.site.port}`]);
      const asked = once(upstream, 'message', { signal: AbortSignal.timeout(10_000) });
      await Promise.all([assert.rejects(resolver.resolve4('site.example')), asked]);
    } finally {
      upstream.close();
    }
    container.exec(['unbound-checkconf', '/mnt/unbound.conf']);
    container.exec(['unbound-control', '-c', '/mnt/unbound.conf', 'stats']);
    container.signal('SIGHUP');
    await expectNames(container);
  },
  more: { chroot: '`chroot`, which is set by default' },
};

const rsyslog: CatalogProgram = {
  name: 'rsyslog',
  package: 'rsyslog',
  workload: 'messages over UDP, TCP and a socket, written to files and forwarded, reopened files, stop',
  files: ({ port, second }) => ({
    'rsyslog.conf': `global(workDirectory="/tmp" maxMessageSize="8k")
module(load="imuxsock" SysSock.Name="/dev/log")
module(load="imudp")
module(load="imtcp")
input(type="imudp" address="127.0.0.1" port="${port}")
input(type="imtcp" address="127.0.0.1" port="${port}")
action(type="omfile" file="/mnt/messages" dirCreateMode="0755")
if $msg contains "forwarded" then {
  action(type="omfwd" target="127.0.0.1" port="${second}" protocol="tcp" queue.type="linkedList" queue.filename="queue" queue.saveOnShutdown="on")
}
`,
  }),
  script: () => 'exec rsyslogd -n -f /mnt/rsyslog.conf -i NONE',
  async use(container) {
    const { port, second } = container.site;
    const udp = createSocket('udp4');
    const isWritten = (word: string) => () => container.work('messages').includes(word);
    const receiver = createTcpServer((socket) => socket.resume());
    await once(receiver.listen(second, '127.0.0.1'), 'listening');
    try {
      const send = () => udp.send('<14>Nov 30 00:00:00 host test: by-udp', port, '127.0.0.1');
      await container.until('it writes', () => {
        send();
        return isWritten('by-udp')();
      });
      const received = once(receiver, 'connection', { signal: AbortSignal.timeout(10_000) });
      const tcp = await Conversation.open(port);
      tcp.send('<14>Nov 30 00:00:00 host test: by-tcp forwarded\n');
      await container.until('it writes what came by TCP', isWritten('by-tcp'));
      await received;
      tcp.close();
      container.exec(['busybox', 'logger', 'by-socket']);
      await container.until('it writes what came by the socket', isWritten('by-socket'));
      container.signal('SIGHUP');
      send();
    } finally {
      udp.close();
      receiver.close();
    }
  },
  more: { inotify_init1: 'the module `imfile`' },
};

const openssh: CatalogProgram = {
  name: 'openssh',
  package: 'openssh-server',
  workload:
    'new host keys, logins by key with a command, with a terminal, with a forwarded port and with SFTP, a refused login, reload, stop',
  files: ({ port }) => ({
    sshd_config: `Port ${port}
ListenAddress 127.0.0.1
HostKey /tmp/host
AuthorizedKeysFile /tmp/user.pub
StrictModes no
PidFile /run/sshd.pid
UsePAM no
Subsystem sftp /usr/lib/openssh/sftp-server
`,
    batch: 'put /etc/hosts /tmp/copied\nls -l /tmp\nrm /tmp/copied\n',
  }),
  script: () => `mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N "" -f /tmp/host; ssh-keygen -q -t ed25519 -N "" -f /tmp/user
exec /usr/sbin/sshd -D -e -f /mnt/sshd_config`,
  async use(container) {
    const own = [
      '-F',
      'none',
      '-i',
      '/tmp/user',
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'UserKnownHostsFile=/tmp/known',
    ];
    const at = (user: string) => [...own, '-o', `Port=${container.site.port}`, '-o', `User=${user}`];
    const run = (user: string, ...args: readonly string[]) => container.exec(['ssh', ...at(user), ...args]);
    await container.until('it answers', () => run('root', '127.0.0.1', 'id -un') === 'root\n');
    assert.match(run('app', '-tt', '127.0.0.1', 'tty; id -un'), /\/dev\/pts\/\d+\r\napp/);
    assert.match(run('app', '-W', `127.0.0.1:${container.site.port}`, '127.0.0.1'), /^SSH-2.0/);
    assert.match(container.exec(['sftp', '-q', '-b', '/mnt/batch', ...at('app'), '127.0.0.1']), /copied/);
    assert.throws(() => run('daemon', '-o', 'BatchMode=yes', '-o', 'IdentityFile=/tmp/none', '127.0.0.1'));
    container.signal('SIGHUP');
    await container.until('it answers after the reload', () => run('app', '127.0.0.1', 'echo again') === 'again\n');
  },
};

const registry: CatalogProgram = {
  name: 'registry',
  package: 'docker-registry',
  workload: 'an artifact uploaded, listed, read and deleted, garbage collection, stop',
  files: ({ port }) => ({
    'config.yml': `version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: /tmp/registry}, delete: {enabled: true}}
http: {addr: "127.0.0.1:${port}"}
`,
  }),
  script: () => 'exec docker-registry serve /mnt/config.yml',
  async use(container) {
    const { port } = container.site;
    await container.until('it answers', async () => (await http(port, '/v2/')).startsWith('200'));
    const base = `http://127.0.0.1:${port}`;
    const blob = 'content';
    const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`;
    const begun = await fetch(`${base}/v2/a/blobs/uploads/`, { method: 'POST' });
    const location = new URL(begun.headers.get('location') ?? '', base);
    location.searchParams.set('digest', digest);
    assert.equal((await fetch(location, { method: 'PUT', body: blob })).status, 201);
    const descriptor = { mediaType: 'application/octet-stream', digest, size: blob.length };
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config: descriptor, layers: [descriptor] });
    const put = { method: 'PUT', body: manifest, headers: { 'content-type': mediaType } };
    await expectHttp(port, '/v2/a/manifests/1', /^201/, put);
    await expectHttp(port, `/v2/a/blobs/${digest}`, /^200 content/);
    await expectHttp(port, '/v2/a/tags/list', /"1"/);
    await expectHttp(port, '/v2/_catalog', /"a"/);
    const reference = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
    await expectHttp(port, `/v2/a/manifests/${reference}`, /^202/, { method: 'DELETE' });
    container.exec(['docker-registry', 'garbage-collect', '/mnt/config.yml']);
  },
};

/** Name servers, brokers, logs, logins. */
export const networkServices: readonly CatalogProgram[] = [
  squid,
  mosquitto,
  dnsmasq,
  unbound,
  rsyslog,
  openssh,
  registry,
];

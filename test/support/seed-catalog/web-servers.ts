import { expectHttp, http } from './clients.ts';
import type { CatalogProgram } from './program.ts';

const page = { 'index.html': '<p>it works</p>', 'large.txt': 'large\n'.repeat(100_000) };

const nginx: CatalogProgram = {
  name: 'nginx',
  package: 'nginx-light',
  workload: 'files, listings, compression, a cached proxy, an upload, `nginx -t`, reload, reopened logs, quit',
  files: ({ port, second }) => ({
    ...page,
    'nginx.conf': `daemon off;
user app;
worker_processes 2;
pid /run/nginx.pid;
error_log stderr;
events {}
http {
  access_log /tmp/access.log;
  gzip on;
  gzip_types text/plain;
  sendfile on;
  tcp_nopush on;
  client_body_buffer_size 1k;
  proxy_cache_path /tmp/cache keys_zone=zone:1m;
  proxy_buffers 4 4k;
  proxy_buffer_size 4k;
  server {
    listen 127.0.0.1:${port};
    listen unix:/tmp/nginx.sock;
    location / { root /mnt; autoindex on; }
    location /proxied/ { proxy_pass http://127.0.0.1:${second}/; proxy_cache zone; proxy_cache_valid 200 1m; }
  }
  server {
    listen 127.0.0.1:${second};
    location / { root /mnt; }
  }
}
`,
  }),
  script: () => 'mkdir -p /var/lib/nginx /var/log/nginx; exec nginx -c /mnt/nginx.conf',
  async use(container) {
    const { port } = container.site;
    await container.until('it answers', async () => (await http(port, '/')).startsWith('200'));
    await expectHttp(port, '/', /it works/);
    await expectHttp(port, '/large.txt', /^200 large/, { headers: { 'accept-encoding': 'gzip' } });
    await expectHttp(port, '/large.txt', /^206 large/, { headers: { range: 'bytes=0-11' } });
    await expectHttp(port, '/missing', /^404/);
    for (let time = 0; time < 2; time += 1) await expectHttp(port, '/proxied/large.txt', /^200 large/);
    await expectHttp(port, '/proxied/', /^405/, { method: 'POST', body: 'x'.repeat(100_000) });
    container.exec(['nginx', '-t', '-q', '-c', '/mnt/nginx.conf']);
    container.signal('SIGUSR1');
    container.signal('SIGHUP');
    await container.until('it answers after the reload', async () => (await http(port, '/')).startsWith('200'));
  },
  stop: 'SIGQUIT',
  more: { io_setup: '`aio on`', sched_setaffinity: '`worker_cpu_affinity`' },
};

const apacheModules = [
  'mpm_event',
  'authz_core',
  'dir',
  'autoindex',
  'mime',
  'filter',
  'deflate',
  'proxy',
  'proxy_http',
  'status',
];

const httpd: CatalogProgram = {
  name: 'httpd',
  package: 'apache2-bin',
  workload: 'files, listings, compression, a proxy, an upload, the status page, graceful restart, graceful stop',
  files: ({ port, second }) => ({
    ...page,
    types: 'text/html html\ntext/plain txt\n',
    'httpd.conf': `ServerRoot /tmp
ServerName localhost
PidFile /run/httpd.pid
DefaultRuntimeDir /run
User app
Group app
Listen 127.0.0.1:${port}
Listen 127.0.0.1:${second}
${apacheModules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so\n`).join('')}
ErrorLog /dev/stderr
CustomLog /tmp/access.log "%h %r %s"
TypesConfig /mnt/types
StartServers 2
DocumentRoot /mnt
AddOutputFilterByType DEFLATE text/plain
ProxyPass /proxied/ http://127.0.0.1:${second}/
<Directory /mnt>
  Options Indexes FollowSymLinks
  AllowOverride None
  Require all granted
</Directory>
<Location /status>
  SetHandler server-status
</Location>
`,
  }),
  script: () => 'exec apache2 -D FOREGROUND -f /mnt/httpd.conf',
  async use(container) {
    const { port } = container.site;
    await container.until('it answers', async () => (await http(port, '/')).startsWith('200'));
    await expectHttp(port, '/', /large.txt|it works/);
    await expectHttp(port, '/large.txt', /^200 large/, { headers: { 'accept-encoding': 'gzip' } });
    await expectHttp(port, '/large.txt', /^206 large/, { headers: { range: 'bytes=0-11' } });
    await expectHttp(port, '/missing', /^404/);
    await expectHttp(port, '/proxied/large.txt', /^200 large/);
    await expectHttp(port, '/', /^(?:200|405)/, { method: 'POST', body: 'x'.repeat(100_000) });
    await expectHttp(port, '/status', /Apache/);
    container.signal('SIGUSR1');
    await container.until('it answers after the restart', async () => (await http(port, '/')).startsWith('200'));
  },
  stop: 'SIGWINCH',
};

const lighttpd: CatalogProgram = {
  name: 'lighttpd',
  package: 'lighttpd',
  workload: 'files, ranges, listings, a CGI script, an upload, reopened logs, graceful stop',
  files: ({ port }) => ({
    ...page,
    'hello.cgi': '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\nfrom the script"\n',
    'lighttpd.conf': `server.modules = ("mod_accesslog", "mod_cgi", "mod_dirlisting", "mod_indexfile")
server.bind = "127.0.0.1"
server.port = ${port}
server.document-root = "/mnt"
server.username = "app"
server.groupname = "app"
server.upload-dirs = ("/tmp")
server.stream-request-body = 0
dir-listing.activate = "enable"
accesslog.filename = "/tmp/access.log"
cgi.assign = (".cgi" => "/bin/sh")
`,
  }),
  script: () => 'exec lighttpd -D -f /mnt/lighttpd.conf',
  async use(container) {
    const { port } = container.site;
    await container.until('it answers', async () => (await http(port, '/')).startsWith('200'));
    await expectHttp(port, '/', /large.txt/);
    await expectHttp(port, '/large.txt', /^206 large/, { headers: { range: 'bytes=0-11' } });
    await expectHttp(port, '/large.txt', /^200 large/);
    await expectHttp(port, '/missing', /^404/);
    await expectHttp(port, '/hello.cgi', /^200 from the script/);
    await expectHttp(port, '/hello.cgi', /^200 from the script/, { method: 'POST', body: 'x'.repeat(100_000) });
    container.signal('SIGHUP');
    await expectHttp(port, '/index.html', /it works/);
  },
  stop: 'SIGINT',
};

const haproxy: CatalogProgram = {
  name: 'haproxy',
  package: 'haproxy',
  workload:
    'a proxy of HTTP with checks of its server, an upload, the statistics page, reload of the workers, soft stop',
  files: ({ port, second }) => ({
    'haproxy.cfg': `global
  user app
  group app
  log stderr local0
  stats socket /tmp/haproxy.sock mode 600 level admin expose-fd listeners
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
  log global
  compression algo gzip
frontend web
  bind 127.0.0.1:${port}
  stats enable
  default_backend servers
backend servers
  option httpchk
  server one 127.0.0.1:${second} check inter 100ms
frontend answers
  bind 127.0.0.1:${second}
  http-request return status 200 content-type text/plain string "it works"
`,
  }),
  script: () => 'exec haproxy -W -db -f /mnt/haproxy.cfg',
  async use(container) {
    const { port } = container.site;
    await container.until('it answers', async () => (await http(port, '/')).startsWith('200'));
    await expectHttp(port, '/', /it works/);
    await expectHttp(port, '/', /it works/, { method: 'POST', body: 'x'.repeat(1000) });
    await expectHttp(port, '/haproxy?stats', /Statistics Report/);
    container.exec(['haproxy', '-c', '-f', '/mnt/haproxy.cfg']);
    container.signal('SIGUSR2');
    await container.until('a new worker starts', () => container.log().split(/new worker/i).length > 2);
    await container.until('it answers after the reload', async () => (await http(port, '/')).startsWith('200'));
  },
  stop: 'SIGUSR1',
  more: {
    chroot: '`chroot`, which usual configurations have',
    sched_setaffinity: '`cpu-map`',
    splice: '`option splice-auto`',
  },
};

const caddy: CatalogProgram = {
  name: 'caddy',
  package: 'caddy',
  workload: 'files, listings, compression, a proxy, `caddy reload`, graceful stop',
  files: ({ port, second }) => ({
    ...page,
    Caddyfile: `{
  admin unix//tmp/admin.sock
  auto_https off
}
http://127.0.0.1:${port} {
  encode gzip
  handle_path /proxied/* {
    reverse_proxy 127.0.0.1:${second}
  }
  handle {
    root * /mnt
    file_server browse
  }
}
http://127.0.0.1:${second} {
  respond "it works"
}
`,
  }),
  script: () => 'exec caddy run --config /mnt/Caddyfile --adapter caddyfile',
  async use(container) {
    const { port } = container.site;
    await container.until('it answers', async () => (await http(port, '/')).startsWith('200'));
    await expectHttp(port, '/large.txt', /^200 large/, { headers: { 'accept-encoding': 'gzip' } });
    await expectHttp(port, '/large.txt', /^206 large/, { headers: { range: 'bytes=0-11' } });
    await expectHttp(port, '/missing', /^404/);
    await expectHttp(port, '/proxied/', /it works/);
    const address = ['--address', 'unix//tmp/admin.sock'];
    container.exec(['caddy', 'reload', '--force', '--config', '/mnt/Caddyfile', '--adapter', 'caddyfile', ...address]);
    await container.until('it answers after the reload', async () => (await http(port, '/')).startsWith('200'));
  },
};

const busybox: CatalogProgram = {
  name: 'busybox-httpd',
  package: 'busybox',
  workload:
    'files, ranges, a CGI script that is sent a form; ended by SIGKILL, since it ignores SIGTERM as first process',
  files: () => page,
  script: ({ port }) => `mkdir -p /tmp/cgi-bin; cp /mnt/*.* /tmp
printf '#!/bin/busybox sh\\nprintf "Content-Type: text/plain\\\\r\\\\n\\\\r\\\\nfrom the script "; wc -c' > /tmp/cgi-bin/hello
chmod +x /tmp/cgi-bin/hello; exec busybox httpd -f -v -p 127.0.0.1:${port} -h /tmp`,
  async use(container) {
    const { port } = container.site;
    await container.until('it answers', async () => (await http(port, '/')).startsWith('200'));
    await expectHttp(port, '/', /it works/);
    await expectHttp(port, '/large.txt', /^200 large/);
    await expectHttp(port, '/large.txt', /^206 large/, { headers: { range: 'bytes=0-11' } });
    await expectHttp(port, '/missing', /^404/);
    await expectHttp(port, '/cgi-bin/hello', /from the script 1000/, { method: 'POST', body: 'x'.repeat(1000) });
  },
  stop: 'SIGKILL',
};

/** Servers and proxies of HTTP. */
export const webServers: readonly CatalogProgram[] = [nginx, httpd, lighttpd, haproxy, caddy, busybox];

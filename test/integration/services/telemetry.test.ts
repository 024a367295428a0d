import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { startServe } from '#test/support/cli/serve';
import { startCollector } from '#test/support/telemetry/collector';

const token = 'a-token-for-the-test-only';
const callers = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
const [server, client] = [2, 3];
/** No registry listens there. */
const down = '127.0.0.1:1';

describePeers(['docker-registry'], 'fairlead serve with OTEL_EXPORTER_OTLP_ENDPOINT', () => {
  let folder = '';
  let registry: Registry;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-telemetry-'));
    registry = await startRegistry();
    succeeded(await runFairlead(['keygen'], { cwd: folder }));
    const rules = [registry.host, down].map((host) => `{match: ${host}/**, require: [{key: fairlead.pub}]}`);
    await writeFile(
      join(folder, 'policy.yaml'),
      `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules: [${rules.join(', ')}]\n`,
    );
  });
  after(async () => {
    await registry.stop();
    await rm(folder, { recursive: true });
  });

  const start = (env: Readonly<Record<string, string>>) =>
    startServe(['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0', '--policy', 'policy.yaml', '--key', 'fairlead.key'], {
      cwd: folder,
      env: { FAIRLEAD_PUSH_TOKEN: token, ...env },
    });
  const query = (tag: string): string => `reference=${encodeURIComponent(`${registry.host}/security/nginx:${tag}`)}`;
  const publish = (url: string, tag: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${url}/v1/profiles?${query(tag)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
      body: '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["umount2"], "action": "SCMP_ACT_ALLOW"}]}',
    });
  const pull = (url: string, tag: string) => fetch(`${url}/v1/profiles?${query(tag)}`);

  it('sends spans of requests, registry requests, verification and publication, without secrets', async () => {
    const collector = await startCollector();
    const services = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=security',
      OTEL_SERVICE_NAME: 'profiles',
    });
    const traceparent = `00-${callers.traceId}-${callers.spanId}-01`;
    assert.equal((await publish(services.push, '1', { traceparent })).status, 201);
    assert.equal((await pull(services.pull, '1')).status, 200);
    assert.equal((await pull(services.pull, 'missing')).status, 404);
    assert.equal((await fetch(`${services.pull}/v1/profiles?reference=${down}/nginx:1`)).status, 503);
    assert.equal((await fetch(`${services.pull}/readyz`)).status, 200);
    assert.equal(await services.stop(), 0);

    assert.deepEqual(new Set(collector.requests.map(({ path }) => path)), new Set(['/v1/traces']));
    assert.equal(collector.requests[0]?.headers['x-tenant'], 'security');
    assert.equal(collector.resource()['service.name'], 'profiles');
    const spans = collector.spans();
    const requests = spans.filter(({ kind }) => kind === server);
    assert.deepEqual(
      requests.map(({ name, attributes }) => [name, attributes['http.response.status_code']]),
      [
        ['POST /v1/profiles', 201],
        ['GET /v1/profiles', 200],
        ['GET /v1/profiles', 404],
        ['GET /v1/profiles', 503],
      ],
    );
    const [post, get, missing, unavailable] = requests;
    assert.deepEqual([missing?.status.code, missing?.attributes['error.type']], [0, undefined]);
    assert.deepEqual([unavailable?.status.code, unavailable?.attributes['error.type']], [2, '503']);
    assert.deepEqual([post?.traceId, post?.parentSpanId], [callers.traceId, callers.spanId]);
    assert.notEqual(get?.traceId, missing?.traceId);
    const below = (parent: string | undefined) => spans.filter(({ parentSpanId }) => parentSpanId === parent);
    const publication = below(post?.spanId).find(({ name }) => name === 'publish');
    assert.match(String(publication?.attributes['oci.manifest.digest']), /^sha256:/);
    const written = below(publication?.spanId).filter(({ name, kind }) => kind === client && name === 'PUT');
    assert.ok(written.every(({ traceId }) => traceId === callers.traceId) && written.length > 0);
    const verification = below(get?.spanId).find(({ name }) => name === 'verify');
    const fetched = below(verification?.spanId).map(({ attributes }) => String(attributes['url.full']));
    assert.ok(
      fetched.some((url) => url.startsWith(`http://${registry.host}/v2/security/nginx/`)),
      String(fetched),
    );
    const refused = below(missing?.spanId).find(({ kind }) => kind === client);
    assert.equal(refused?.attributes['http.response.status_code'], 404);

    const sent = collector.bodies.join();
    for (const secret of [token, 'umount2', 'reference=', '?']) assert.ok(!sent.includes(secret), secret);
    await collector.stop();
  });

  it('records no more than is configured, whatever callers ask for', async () => {
    const collector = await startCollector();
    const services = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: 'parentbased_always_off',
    });
    const traceparent = `00-${callers.traceId}-${callers.spanId}-01`;
    assert.equal((await publish(services.push, '2', { traceparent })).status, 201);
    assert.equal(await services.stop(), 0);
    assert.deepEqual(collector.requests, []);
    await collector.stop();
  });

  it('serves and stops without delay while the collector hangs, and while it is down', async () => {
    const hanging = await startCollector({ hangs: true });
    const gone = await startCollector();
    await gone.stop();
    for (const { url } of [hanging, gone]) {
      const services = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_TIMEOUT: '60000' });
      // More than a batch, so that it is sent while requests are served.
      const answers = Array.from({ length: 150 }, () => pull(services.pull, '1'));
      assert.ok((await Promise.all(answers)).every(({ status }) => status === 200));
      const asked = performance.now();
      assert.equal(await services.stop(), 0);
      assert.ok(performance.now() - asked < 15_000);
    }
    assert.ok(hanging.requests.length > 0);
    await hanging.stop();
  });
});

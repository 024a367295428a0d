import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { promisify } from 'node:util';
import { resources } from '#operator/api/resources';
import { profilesGroup } from '#operator/api/shared/resource-definition';
import { customResourceDefinition } from '#operator/crds/custom-resource-definition';
import { isResource } from '#operator/migrate/migrate-resource';
import { at, isList, isObject, type Json, type JsonObject, textAt } from '#operator/migrate/value';
import { apiserverMinor } from '#test/peers/apiserver';
import { peer as programOf } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import {
  type ApiPeer,
  type ApiServer,
  apiPeers,
  olderGroup,
  olderOnly,
  resourceOf,
  serve,
} from '#test/support/apis/served-apis';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { objectsIn, oldManifests, writeOldManifests } from '#test/support/operator/old-manifests';

/** Fails unless everything in a value is in another one, with the same items in each list. */
function assertKept(given: Json | undefined, stored: Json | undefined, path: string): void {
  if (isObject(given)) {
    for (const [name, value] of Object.entries(given)) assertKept(value, at(stored, name), `${path}.${name}`);
  } else if (isList(given)) {
    assert.equal(isList(stored) ? stored.length : undefined, given.length, path);
    for (const [index, item] of given.entries()) assertKept(item, at(stored, index), `${path}[${index}]`);
  } else assert.equal(stored, given, path);
}

const namespaces = [
  ...['batch', 'catalog', 'edge', 'logging', 'mail', 'shop', 'web'],
  ...['security-profiles-operator', 'security-profiles-staging'],
];

function suite(peer: ApiPeer): void {
  let server: ApiServer;
  let folder = '';
  const kubectl = (...args: string[]) =>
    promisify(execFile)(programOf('kubectl'), [
      '--kubeconfig',
      server.kubeconfig,
      '--cache-dir',
      `${folder}/cache`,
      ...args,
    ]);

  before(async () => {
    [server, folder] = await Promise.all([peer.start(), mkdtemp(join(tmpdir(), 'fairlead-migrated-'))]);
    for (const resource of resources) {
      await serve(server.request, customResourceDefinition(resource));
      await serve(server.request, olderOnly(resource));
    }
    for (const name of peer.name === 'kube-apiserver' ? namespaces : []) {
      await server.request('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
    // The other server has no CronJobs.
    writeOldManifests(join(folder, 'deploy'), peer.name === 'kube-apiserver' ? apiserverMinor() : 20);
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  it('stores old manifests as they are in the older version, and drops no field of their specification', async () => {
    for (const { name, text } of oldManifests()) {
      for (const object of objectsIn(text.replace(/: yes$/gm, ': true').replace(/: no$/gm, ': false'))) {
        if (!isResource(object)) continue;
        const { plural, scope, older } = resourceOf(textAt(object, 'kind') ?? '');
        const namespace = scope === 'Cluster' ? '' : `namespaces/${textAt(object, 'metadata', 'namespace')}/`;
        const manifest = {
          ...object,
          apiVersion: `${olderGroup}/${older.name}`,
          metadata: { name: textAt(object, 'metadata', 'name') ?? '' },
        };
        const path = `/apis/${olderGroup}/${older.name}/${namespace}${plural}`;
        const created = await server.request('POST', path, rawJson(manifest));
        assert.equal(created.status, 201, `${name}: ${JSON.stringify(created.body)}`);
        const { metadata: _, status: __, ...content } = manifest as JsonObject;
        const found = await kubectl('get', '--raw', `${path}/${textAt(object, 'metadata', 'name')}`);
        assertKept(content, objectsIn(found.stdout)[0], name);
      }
    }
  });

  it('stores what fairlead migrate wrote, and drops nothing of it', async () => {
    const cwd = folder;
    succeeded(await runFairlead(['migrate', '--in-place', 'deploy'], { cwd }));
    for (const name of await readdir(join(folder, 'deploy'))) {
      for (const object of objectsIn(await readFile(join(folder, 'deploy', name), 'utf8'))) {
        if (!isResource(object)) continue;
        const { plural, scope } = resourceOf(textAt(object, 'kind') ?? '');
        const namespace = scope === 'Cluster' ? '' : `namespaces/${textAt(object, 'metadata', 'namespace')}/`;
        const path = `/apis/${profilesGroup}/v1/${namespace}${plural}`;
        const created = await server.request('POST', path, rawJson(object));
        assert.equal(created.status, 201, `${name}: ${JSON.stringify(created.body)}`);
        const found = await kubectl('get', '--raw', `${path}/${textAt(object, 'metadata', 'name')}`);
        const { status: _, ...content } = object;
        assertKept(content, objectsIn(found.stdout)[0], name);
      }
    }
  });

  if (peer.name !== 'kube-apiserver') return;

  it('takes the whole directory with kubectl apply, with the workloads', async () => {
    const applied = await kubectl('apply', '--validate=false', '-f', join(folder, 'deploy'));
    assert.match(applied.stdout, /^deployment\.apps\/checkout created$/m);
    assert.match(applied.stdout, /^seccompprofile\.security-profiles-operator\.x-k8s\.io\/mailer /m);
    const { stdout } = await kubectl(
      'get',
      'deployment',
      '-n',
      'shop',
      'checkout',
      '-o',
      'jsonpath={..localhostProfile}',
    );
    assert.equal(stdout, 'operator/checkout.json operator/checkout.json');
  });
}

/** Returns an object that JSON.stringify writes with all digits of its numbers. */
function rawJson(value: unknown): object {
  return raw(value) as object;
}

function raw(value: unknown): unknown {
  if (typeof value === 'bigint') return (JSON as unknown as { rawJSON(json: string): unknown }).rawJSON(`${value}`);
  if (Array.isArray(value)) return value.map(raw);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, raw(item)]));
}

for (const peer of apiPeers) {
  describePeers([...peer.requirements, 'kubectl'], `migrated manifests on ${peer.name}`, () => suite(peer));
}

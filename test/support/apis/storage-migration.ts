import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { type ConvertedResource, profilesGroup } from '#operator/api/shared/resource-definition';
import { carriedAnnotation } from '#operator/conversion/carried';
import { describePeers } from '#test/peers/require';
import { startConversionWebhook } from './conversion-webhook.ts';
import { type ApiPeer, apiPeers, type Document, resourceOf, serve } from './served-apis.ts';

interface Stored extends Document {
  readonly metadata: Document & { readonly name: string };
}

/** Objects as they are in the clusters of people, in the older version, in turn. */
const contents: readonly (readonly [kind: string, content: (index: number) => Document])[] = [
  [
    'SelinuxProfile',
    (index) => ({
      spec: {
        ...[{ permissive: true }, { permissive: false, disabled: true }, { mode: 'Permissive', permissive: false }][
          index % 3
        ],
        inherit: index % 2 === 0 ? [] : [{ kind: 'System', name: 'container' }],
        allow: { '@self': { tcp_socket: ['listen'] }, [`type_${index}_t`]: { file: ['read', 'open'] } },
      },
    }),
  ],
  [
    'ProfileRecording',
    (index) => ({
      spec: {
        kind: ['ApparmorProfile', 'AppArmorProfile', 'SeccompProfile'][index % 3],
        recorder: 'bpf',
        mergeStrategy: index % 2 === 0 ? 'containers' : 'none',
        ...(index % 5 === 0 && { containers: [] }),
        podSelector: { matchLabels: { app: `app-${index}` } },
      },
    }),
  ],
  [
    'SecurityProfilesOperatorDaemon',
    (index) => ({
      spec: {
        enableSelinux: index % 2 === 0,
        selinuxOptions: { allowedSystemProfiles: [`container-${index}`] },
        logEnricherSource: 'bpf',
        ...(index % 3 === 0 && { enricher: { logEnricherSource: 'auditd', enableLogEnricher: true } }),
        tolerations: [],
        allowedSyscalls: ['read', `call-${index}`],
        webhookOptions: [{ name: 'binding.spo.io', failurePolicy: 'Ignore' }],
      },
    }),
  ],
  // What only v1 has is in the annotation while the older version is stored.
  [
    'ProfileBinding',
    (index) => ({
      metadata: {
        annotations: {
          [carriedAnnotation]: JSON.stringify({
            version: 'v1',
            fields: { 'spec.podSelector': { value: { matchLabels: { app: `app-${index}` } } } },
          }),
        },
      },
      spec: { profileRef: { kind: 'SeccompProfile', name: `profile-${index}` }, image: `nginx:${index}` },
    }),
  ],
];

/** How long API servers may use a definition after it was changed, in milliseconds. */
const settled = 2000;

/** Calls for each number below `count`, eight at a time. */
async function forEach(count: number, call: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await call(next++);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

/** Returns an object without what API servers write at an update. */
function kept({ metadata, ...object }: Stored): Document {
  const { resourceVersion: _, managedFields: __, generation: ___, selfLink: ____, ...rest } = metadata;
  return { ...object, metadata: rest };
}

/** Returns JSON with the keys of each object in order. */
function bytesOf(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

/** Returns what an object of v1 has after it was written: the defaults, too. */
function completed(resource: ConvertedResource, object: Stored): string {
  return bytesOf({ ...kept(object), ...(v.parse(resource.stored.schema, object) as object) });
}

/** Fails unless all that an object had before is in it. */
function assertKept(before: unknown, after: unknown, path: string): void {
  if (typeof before !== 'object' || before === null || Array.isArray(before)) {
    assert.equal(bytesOf(after), bytesOf(before), path);
    return;
  }
  for (const [key, value] of Object.entries(before)) assertKept(value, (after as Document)?.[key], `${path}.${key}`);
}

async function migrate(peer: ApiPeer, each: number): Promise<void> {
  const [server, webhook] = await Promise.all([peer.start(), startConversionWebhook()]);
  const ask = async (method: string, at: string, body?: object, type?: string): Promise<Document> => {
    let { status, body: answer } = await server.request(method, at, body, type);
    // The newest API servers initialize the storage of a definition that was changed.
    for (const deadline = Date.now() + 60_000; status === 429 && Date.now() < deadline; ) {
      await sleep(200);
      ({ status, body: answer } = await server.request(method, at, body, type));
    }
    assert.ok(status < 300, `${method} ${at}: ${status} ${JSON.stringify(answer)}`);
    return answer as Document;
  };
  try {
    for (const [kind, content] of contents) {
      const resource = resourceOf(kind);
      const old = resource.older.name;
      const path = (version: string): string =>
        `/apis/${profilesGroup}/${version}/${resource.scope === 'Cluster' ? '' : 'namespaces/default/'}${resource.plural}`;
      const list = async (version: string) => (await ask('GET', path(version)))['items'] as readonly Stored[];
      const definition = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${resource.plural}.${profilesGroup}`;
      const patch = (at: string, body: object) => ask('PATCH', at, body, 'application/merge-patch+json');

      await serve(server.request, webhook.definition(resource, old));
      await forEach(each, async (index) => {
        const { metadata = {}, ...rest } = content(index);
        await ask('POST', path(old), {
          apiVersion: `${profilesGroup}/${old}`,
          kind,
          metadata: { ...(metadata as Document), name: `n${index}` },
          ...rest,
        });
      });
      const inOld = await list(old);
      const inV1 = (await list('v1')).map((object) => completed(resource, object));
      assert.equal(inV1.length, each);

      await patch(definition, { spec: (webhook.definition(resource) as { spec: Document }).spec });
      await sleep(settled);
      await forEach(each, async (index) => {
        const at = `${path('v1')}/n${index}`;
        await ask('PUT', at, await ask('GET', at));
      });
      const migrated = (await list('v1')).map((object) => bytesOf(kept(object)));
      assert.deepEqual(migrated, inV1);
      for (const [index, object] of (await list(old)).entries()) {
        const before = inOld[index];
        assert.ok(before !== undefined);
        assertKept(kept(before), kept(object), `${kind} ${object.metadata.name}`);
      }

      // Only what is stored in v1 can be read without a conversion.
      await patch(`${definition}/status`, { status: { storedVersions: ['v1'] } });
      const { spec } = webhook.definition(resource) as { readonly spec: Document };
      const versions = (spec['versions'] as readonly Document[]).filter(({ name }) => name === 'v1');
      await patch(definition, { spec: { versions, conversion: { strategy: 'None', webhook: null } } });
      await sleep(settled);
      const alone = (await list('v1')).map((object) => bytesOf(kept(object)));
      assert.deepEqual(alone, migrated);
    }
  } finally {
    await server.stop();
    await webhook.stop();
  }
}

/** Defines the suites that migrate `count` objects of each of four kinds on each API server. */
export function describeMigrations(each: number): void {
  for (const peer of apiPeers) {
    describePeers(peer.requirements, `a storage migration in a real ${peer.name}`, () => {
      it(`of ${each * contents.length} objects from the older versions to v1 loses no byte, in either version`, () =>
        migrate(peer, each));
    });
  }
}

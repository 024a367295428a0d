import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import type { ApiServer } from '#lib/kube/api-server';
import type { ObjectClient } from '#lib/kube/object-client';
import type { WatchEvent, WatchOptions } from '#lib/kube/watch-objects';
import { TestLog, until } from '#test/support/kube/widgets';
import { OciDelivery, ociFieldOf } from './oci-delivery.ts';

const profile = 'io.k8s.api.core.v1.SeccompProfile';

/** The schema of the core API as API servers answer it, with these fields of the type OCI. */
const schemaWith = (fields: readonly string[] | undefined, reference = 'SecurityProfileOCI') => {
  const name = `io.k8s.api.core.v1.${reference}`;
  const oci = { description: 'oci', default: {}, allOf: [{ $ref: `#/components/schemas/${name}` }] };
  const properties = { type: { type: 'string' }, localhostProfile: { type: 'string' } };
  return {
    openapi: '3.0.0',
    components: {
      schemas: {
        [profile]: { type: 'object', properties: { ...properties, ...(fields && { oci }) } },
        ...(fields && {
          [name]: {
            type: 'object',
            properties: Object.fromEntries(fields.map((field) => [field, { type: 'string' }])),
          },
        }),
        'io.k8s.api.core.v1.Binding': { type: 'object' },
      },
    },
  };
};

const node = (name: string, kubeletVersion: string, resourceVersion = '1') => ({
  metadata: { name, uid: name, resourceVersion },
  status: { nodeInfo: { operatingSystem: 'linux', kubeletVersion }, declaredFeatures: ['SecurityProfileOCI'] },
});

/** Starts the delivery with an API server of version 1.38 and nodes of these versions. */
async function start(schema: () => object, versions: readonly string[], period?: number) {
  let end = (): void => undefined;
  let send: ((event: WatchEvent) => void) | undefined;
  const answers: Readonly<Record<string, () => object>> = {
    '/version': () => ({ major: '1', minor: '38+' }),
    '/openapi/v3/api/v1': schema,
  };
  const api = { get: async ({ path }: { path: string }) => JSON.stringify(answers[path]?.()) } as unknown as ApiServer;
  const client = {
    async *pages() {
      yield { items: versions.map((version, index) => node(`n${index}`, version)), resourceVersion: '1' };
    },
    watch: (_resource: object, options: WatchOptions, onEvent: typeof send, signal: AbortSignal) => {
      send = onEvent;
      // A lost connection must be noticed soon: a node that cannot be seen joins meanwhile.
      assert.ok(options.timeoutSeconds <= 38);
      options.onOpen?.();
      return new Promise<void>((resolve, reject) => {
        end = () => reject(new FairleadError('Unavailable', 'the watch has ended'));
        signal.addEventListener('abort', () => resolve());
      });
    },
  } as unknown as ObjectClient;
  const log = new TestLog();
  const delivery = new OciDelivery({ api, client, log, period });
  delivery.start();
  await until(() => send !== undefined);
  return { delivery, log, send: (event: WatchEvent) => send?.(event), end: () => end() };
}

const labels = new Map<string, string>();

describe('OciDelivery', () => {
  it('writes the type OCI while all nodes have it, and Localhost profiles when one of 1.37 joins', async () => {
    const { delivery, log, send } = await start(() => schemaWith(['ref', 'baseProfile']), ['v1.38.0', 'v1.39.1']);
    await until(() => delivery.field(labels) === 'ref');
    assert.equal(delivery.field(new Map([['pod-security.kubernetes.io/enforce', 'restricted']])), undefined);
    send({ type: 'ADDED', object: node('old', 'v1.37.2', '2') });
    assert.equal(delivery.field(labels), undefined);
    assert.deepEqual(log.lines.at(-1)?.fields, { because: 'node old has the kubelet v1.37.2' });
    send({ type: 'DELETED', object: node('old', 'v1.37.2', '3') });
    assert.equal(delivery.field(labels), 'ref');
    await delivery.stop();
  });

  it('writes Localhost profiles with one node of 1.37 from the start', async () => {
    const { delivery, log } = await start(() => schemaWith(['reference']), ['v1.38.0', 'v1.37.9']);
    await until(() => {
      delivery.field(labels);
      return log.lines.some(({ fields }) => JSON.stringify(fields).includes('v1.37.9'));
    });
    assert.equal(delivery.field(labels), undefined);
    await delivery.stop();
  });

  it('writes Localhost profiles while the nodes cannot be followed', async () => {
    const { delivery, end } = await start(() => schemaWith(['ref']), ['v1.38.0']);
    await until(() => delivery.field(labels) === 'ref');
    end();
    await until(() => delivery.field(labels) === undefined);
    await delivery.stop();
  });

  it('writes Localhost profiles again when the schema cannot be read any more', async () => {
    let schema: object = schemaWith(['ref']);
    const { delivery } = await start(() => schema, ['v1.38.0'], 20);
    await until(() => delivery.field(labels) === 'ref');
    schema = { kind: 'Status', code: 503 };
    await until(() => delivery.field(labels) === undefined);
    await delivery.stop();
  });

  it('takes no answer for the schema but the schema', async () => {
    const { delivery, log } = await start(() => ({ kind: 'Status', code: 404 }), ['v1.38.0']);
    await until(() => log.count('warn') > 0);
    assert.equal(delivery.field(labels), undefined);
    await delivery.stop();
  });
});

describe('the field of the type OCI', () => {
  it('is the one that the schema of pods has', () => {
    assert.equal(ociFieldOf(schemaWith(['baseProfile', 'ref'])), 'ref');
    assert.equal(ociFieldOf(schemaWith(['reference'], 'SecurityProfileOCIArtifact')), 'reference');
    assert.equal(ociFieldOf(schemaWith(['image'])), undefined);
    assert.equal(ociFieldOf(schemaWith(undefined)), undefined);
    assert.throws(() => ociFieldOf({ kind: 'Status' }));
  });
});

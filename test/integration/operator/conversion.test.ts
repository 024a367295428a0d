import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { resources } from '#operator/api/resources';
import { type ConvertedResource, profilesGroup } from '#operator/api/shared/resource-definition';
import { carriedAnnotation } from '#operator/conversion/carried';
import { describePeers } from '#test/peers/require';
import { type ConversionWebhook, startConversionWebhook } from '#test/support/apis/conversion-webhook';
import { exampleObjects } from '#test/support/apis/example-objects';
import {
  type ApiPeer,
  type ApiServer,
  apiPeers,
  type Document,
  resourceOf,
  serve,
} from '#test/support/apis/served-apis';

interface Stored extends Document {
  readonly metadata: {
    readonly name: string;
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Document;
}

/** What of an object must not change: not what API servers themselves write. */
function content(object: Stored): Document {
  const { spec, status, kind, metadata } = object;
  return { kind, spec, status, annotations: metadata.annotations, name: metadata.name };
}

function suite(peer: ApiPeer): void {
  let server: ApiServer;
  let webhook: ConversionWebhook;
  before(async () => {
    [server, webhook] = await Promise.all([peer.start(), startConversionWebhook()]);
    for (const resource of resources) await serve(server.request, webhook.definition(resource));
  });
  after(async () => {
    await server?.stop();
    await webhook?.stop();
  });

  const path = (resource: ConvertedResource, version: string): string => {
    const namespace = resource.scope === 'Cluster' ? '' : 'namespaces/default/';
    return `/apis/${profilesGroup}/${version}/${namespace}${resource.plural}`;
  };
  const ask = async (method: string, at: string, body?: object, contentType?: string): Promise<Stored> => {
    const { status, body: answer } = await server.request(method, at, body, contentType);
    assert.ok(status < 300, `${method} ${at}: ${status} ${JSON.stringify(answer)}`);
    return answer as Stored;
  };
  const create = (resource: ConvertedResource, version: string, name: string, body: Document): Promise<Stored> =>
    ask('POST', path(resource, version), {
      apiVersion: `${profilesGroup}/${version}`,
      kind: resource.kind,
      metadata: { name },
      ...body,
    });

  it('reads every manifest in both versions, and writes it back in either without a change', async () => {
    for (const { kind, name, versions, content: body } of exampleObjects) {
      const resource = resourceOf(kind);
      const [v1, older] = [path(resource, 'v1'), path(resource, resource.older.name)];
      for (const version of versions) {
        const written = version === 'v1' ? 'v1' : resource.older.name;
        await create(resource, written, name, body);
        const [first, inOlder] = [await ask('GET', `${v1}/${name}`), await ask('GET', `${older}/${name}`)];
        assert.equal(inOlder['apiVersion'], `${profilesGroup}/${resource.older.name}`);
        await ask('PUT', `${older}/${name}`, inOlder);
        const second = await ask('GET', `${v1}/${name}`);
        assert.deepEqual(content(second), content(first), `${kind} ${name}`);
        await ask('PUT', `${v1}/${name}`, second);
        assert.deepEqual(content(await ask('GET', `${older}/${name}`)), content(inOlder), `${kind} ${name}`);
        await ask('DELETE', `${v1}/${name}`);
      }
    }
  });

  const binding = resourceOf('ProfileBinding');
  const podSelector = { matchLabels: { app: 'nginx' } };
  const bindingSpec = { profileRef: { kind: 'SeccompProfile', name: 'nginx' }, image: '*', podSelector };

  it('keeps what only v1 has through updates, patches and server-side apply in the older version', async () => {
    await create(binding, 'v1', 'nginx', { spec: bindingSpec });
    const [v1, older] = [`${path(binding, 'v1')}/nginx`, `${path(binding, 'v1alpha1')}/nginx`];
    const read = await ask('GET', older);
    assert.equal(read.spec['podSelector'], undefined);
    assert.match(read.metadata.annotations?.[carriedAnnotation] ?? '', /podSelector/);

    await ask('PUT', older, { ...read, spec: { ...read.spec, image: 'nginx:1' } });
    assert.deepEqual((await ask('GET', v1)).spec, { ...bindingSpec, image: 'nginx:1' });

    await ask('PATCH', older, { spec: { image: 'nginx:2' } }, 'application/merge-patch+json');
    assert.deepEqual((await ask('GET', v1)).spec, { ...bindingSpec, image: 'nginx:2' });

    const applied = {
      apiVersion: `${profilesGroup}/v1alpha1`,
      kind: 'ProfileBinding',
      metadata: { name: 'nginx', labels: { team: 'web' } },
      spec: { profileRef: bindingSpec.profileRef, image: 'nginx:3' },
    };
    await ask('PATCH', `${older}?fieldManager=other&force=true`, applied, 'application/apply-patch+yaml');
    const stored = await ask('GET', v1);
    assert.deepEqual(stored.spec, { ...bindingSpec, image: 'nginx:3' });
    assert.equal(stored.metadata.annotations, undefined);
  });

  it('keeps who may sign, which only v1 has, through an update in the older version', async () => {
    const daemon = resourceOf('SecurityProfilesOperatorDaemon');
    const security = {
      allowedIdentityRegexp: '^ci@example\\.com$',
      allowedOidcIssuerRegexp: '^https://example\\.com$',
    };
    await create(daemon, 'v1', 'spod', { spec: { security, selinux: { options: { deniedTypes: ['etc_t'] } } } });
    const older = `${path(daemon, 'v1alpha1')}/spod`;
    await ask('PATCH', older, { spec: { verbosity: 2, enableSelinux: true } }, 'application/merge-patch+json');
    const { spec } = await ask('GET', `${path(daemon, 'v1')}/spod`);
    assert.deepEqual(spec['security'], { ...security, disableOciArtifactSignatureVerification: false });
    const { enable, options } = spec['selinux'] as Document;
    assert.deepEqual([enable, (options as Document)['deniedTypes']], [true, ['etc_t']]);
    assert.equal((await ask('GET', older)).spec['enableSelinux'], true);
  });

  it('refuses a write whose annotation would restore an invalid field, and says what to do', async () => {
    const fields = { 'spec.podSelector': { value: { matchLabels: { app: '-' } } } };
    const { podSelector: _, ...spec } = bindingSpec;
    const { status, body } = await server.request('POST', path(binding, 'v1alpha1'), {
      apiVersion: `${profilesGroup}/v1alpha1`,
      kind: 'ProfileBinding',
      metadata: { name: 'forged', annotations: { [carriedAnnotation]: JSON.stringify({ version: 'v1', fields }) } },
      spec,
    });
    assert.ok(status >= 400);
    assert.match(JSON.stringify(body), /ProfileBinding default\/forged: .*podSelector.*Edit the object in v1/);
  });

  it('reads a field of v1 that is too large for an annotation, and loses nothing of it', async () => {
    const labels = Object.fromEntries([...Array(60).keys()].map((at) => [`label-${at}`, 'v'.repeat(63)]));
    // Leaves room for the name of the field, and not for its value.
    const annotations = { large: 'x'.repeat(256 * 1024 - 2000) };
    await create(binding, 'v1', 'wide', {
      metadata: { name: 'wide', annotations },
      spec: { ...bindingSpec, podSelector: { matchLabels: labels } },
    });
    const older = `${path(binding, 'v1alpha1')}/wide`;
    const read = await ask('GET', older);
    const { status, body } = await server.request('PUT', older, { ...read, spec: { ...read.spec, image: 'other' } });
    assert.ok(status >= 400);
    assert.match(
      JSON.stringify(body),
      /ProfileBinding default\/wide: .*spec\.podSelector.*Edit the object in that version/,
    );
    const { items } = (await ask('GET', path(binding, 'v1alpha1'))) as unknown as { readonly items: readonly Stored[] };
    assert.ok(items.some(({ metadata }) => metadata.name === 'wide'));
    assert.deepEqual((await ask('GET', `${path(binding, 'v1')}/wide`)).spec['podSelector'], { matchLabels: labels });
  });

  it('keeps arguments of system calls that JavaScript cannot hold', async () => {
    const seccomp = resourceOf('SeccompProfile');
    const value = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON('9223372036854775807');
    const args = [{ index: 0, value, op: 'SCMP_CMP_EQ' }];
    const syscalls = [{ names: ['clone'], action: 'SCMP_ACT_ALLOW', args }];
    await create(seccomp, 'v1beta1', 'large', { spec: { defaultAction: 'SCMP_ACT_ERRNO', syscalls } });
    for (const version of ['v1', 'v1beta1']) {
      const answer = await server.request(
        'GET',
        `${path(seccomp, version)}/large`,
        undefined,
        undefined,
        'text/plain,*/*',
      );
      assert.match(JSON.stringify(answer.body), /922337203685477[56]/, version);
    }
  });

  it('sends events in both versions', async () => {
    const recording = resourceOf('ProfileRecording');
    const spec = { kind: 'ApparmorProfile', recorder: 'bpf', podSelector: {} };
    await create(recording, 'v1alpha1', 'watched', { spec });
    for (const [version, expected] of [
      ['v1', { kind: 'AppArmorProfile', recorder: 'Bpf' }],
      ['v1alpha1', { kind: 'ApparmorProfile', recorder: 'bpf' }],
    ] as const) {
      const query = 'watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dwatched';
      const event = (await ask('GET', `${path(recording, version)}?${query}`)) as unknown as Document;
      assert.equal(event['type'], 'ADDED');
      const { spec: seen } = event['object'] as Stored;
      assert.deepEqual({ kind: seen['kind'], recorder: seen['recorder'] }, expected);
    }
  });
}

for (const peer of apiPeers) describePeers(peer.requirements, `conversion with a real ${peer.name}`, () => suite(peer));

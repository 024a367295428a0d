import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fastify } from 'fastify';
import { pino } from 'pino';
import { FairleadError } from '#lib/errors';
import { profileObject } from '#test/support/profile-object';
import type { DaemonSource } from '../kube/daemon-settings.ts';
import type { AdmissionAnswer } from './admission-review.ts';
import { profileRoute } from './validate-profiles.ts';

type Json = Record<string, unknown>;

const group = 'security-profiles-operator.x-k8s.io';
const good = { defaultAction: 'SCMP_ACT_ERRNO' };
const bad = { defaultAction: 'DENY' };

function review(object: Json, request: Json = {}): Json {
  const { kind, metadata } = object as { readonly kind: string; readonly metadata: { readonly name?: string } };
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      kind: { group, version: 'v1', kind },
      resource: { group, version: 'v1', resource: `${kind.toLowerCase()}s` },
      name: metadata.name ?? '',
      operation: 'CREATE',
      object,
      oldObject: null,
      dryRun: false,
      ...request,
    },
  };
}

const update = (object: Json, oldObject: Json): Json => review(object, { operation: 'UPDATE', oldObject });
const changed = (object: Json, metadata: Json): Json => ({
  ...object,
  metadata: { ...(object['metadata'] as Json), ...metadata },
});

async function serve(read: DaemonSource['read'] = async () => undefined) {
  const logged: string[] = [];
  const app = fastify({ bodyLimit: 8 * 1024 * 1024 });
  const log = pino({ level: 'info' }, { write: (line: string) => logged.push(line) });
  app.removeAllContentTypeParsers();
  app.setErrorHandler((error, _request, reply) => reply.status(400).send({ message: String(error) }));
  await app.register(profileRoute, { daemon: { read }, log });
  const send = (payload: Json | string) =>
    app.inject({
      method: 'POST',
      url: '/validate-profiles?timeout=5s',
      headers: { 'content-type': 'application/json' },
      payload,
    });
  return { app, send, logged };
}

async function ask(payload: Json | string, read?: DaemonSource['read']) {
  const { app, send, logged } = await serve(read);
  const begin = performance.now();
  const answered = await send(payload);
  const ms = performance.now() - begin;
  await app.close();
  const { response } = answered.json<AdmissionAnswer>();
  return { status: answered.statusCode, body: answered.body, response, logged, ms };
}

async function isAllowed(payload: Json | string, read?: DaemonSource['read']): Promise<boolean> {
  const { status, body, response } = await ask(payload, read);
  assert.equal(status, 200, body);
  return response.allowed;
}

describe('the webhook for profiles', () => {
  it('accepts a valid object of each kind', async () => {
    const specs: Readonly<Record<string, unknown>> = {
      SeccompProfile: good,
      SelinuxProfile: {},
      RawSelinuxProfile: { policy: '(blockinherit container)' },
      AppArmorProfile: { abstract: {} },
      ProfileBinding: { profileRef: { kind: 'SeccompProfile', name: 'a' }, image: '*' },
      ProfileRecording: { kind: 'SeccompProfile', recorder: 'Bpf', podSelector: {} },
      SecurityProfilesOperatorDaemon: {},
      SecurityProfileNodeStatus: { nodeName: 'n' },
    };
    for (const [kind, spec] of Object.entries(specs)) {
      assert.ok(await isAllowed(review(profileObject(kind, spec))), kind);
      assert.equal(await isAllowed(review(profileObject(kind, 5))), false, kind);
    }
  });

  it('accepts valid artifacts and trust policies, and refuses others in words', async () => {
    const asked = (kind: string, spec: object, name: string) => {
      const object = { apiVersion: 'fairlead.dev/v1alpha1', kind, metadata: { name }, spec };
      return ask(review(object, { kind: { group: 'fairlead.dev', version: 'v1alpha1', kind } }));
    };
    for (const [kind, good, bad, message] of [
      [
        'ProfileArtifact',
        { reference: 'a.b/c:v1' },
        { reference: 'nginx' },
        /^ProfileArtifact default: spec\.reference: .*names no registry/,
      ],
      ['ClusterProfileArtifact', { reference: 'a.b/c:v1' }, {}, /must have either reference or image/],
      [
        'TrustPolicy',
        { rules: [] },
        { rules: [{ match: 'a.b/**' }] },
        /^TrustPolicy default: spec\.rules\[0\]: rule without requirements/,
      ],
    ] as const) {
      assert.ok((await asked(kind, good, 'default')).response.allowed, kind);
      assert.match((await asked(kind, bad, 'default')).response.status?.message ?? '', message);
    }
  });

  it('names the object, and each field with its value and fix', async () => {
    const spec = { ...bad, syscalls: [{ names: [], action: 'SCMP_ACT_ALLOW' }] };
    const { response, logged } = await ask(review(profileObject('SeccompProfile', spec)));
    assert.equal(response.status?.code, 403);
    const [head, first, second, ...rest] = response.status.message.split('\n  ');
    assert.equal(head, 'SeccompProfile nginx:');
    assert.match(first ?? '', /^spec\.defaultAction: unknown value "DENY"\. Use one of SCMP_ACT_KILL, /);
    assert.match(second ?? '', /^spec\.syscalls\[0\]\.names: must not be empty\. /);
    assert.deepEqual(rest, []);
    assert.match(logged.join(), /"kind":"SeccompProfile","name":"nginx".*profile object refused/);
  });

  it('shows at most ten violations and ten warnings, each warning in 120 characters', async () => {
    const syscalls = Array.from({ length: 30 }, (_, index) => ({ names: [`n${index}`], action: 'SCMP_ACT_ALLOW' }));
    const { response } = await ask(review(profileObject('SeccompProfile', { ...good, syscalls })));
    const { warnings = [] } = response;
    assert.equal(warnings.length, 11);
    assert.match(warnings.at(-1) ?? '', /^and \d+ more warnings: fairlead lint FILE lists all$/);
    assert.match(warnings[0] ?? '', /^spec\.syscalls: no container starts under runc/);
    for (const warning of warnings) assert.ok(warning.length <= 120, warning);
    const wrong = syscalls.map((entry) => ({ ...entry, action: 'X' }));
    const refused = (await ask(review(profileObject('SeccompProfile', { ...good, syscalls: wrong })))).response;
    assert.match(refused.status?.message ?? '', /\n {2}and 20 more$/);
  });

  it('lets every update pass that leaves the specification alone, or is of an object that is deleted', async () => {
    const stored = profileObject('SeccompProfile', bad);
    const noSettings = () => Promise.reject(new FairleadError('Unavailable', 'no API server'));
    assert.ok(await isAllowed(update(changed(stored, { finalizers: ['a'] }), stored), noSettings));
    assert.ok(await isAllowed(update({ ...stored, status: { status: 'Error' } }, stored), noSettings));
    const deleted = changed(stored, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    assert.ok(await isAllowed(update({ ...deleted, spec: { ...bad, flags: 5 } }, deleted), noSettings));
    const notDeleted = changed(stored, { deletionTimestamp: null });
    assert.equal(await isAllowed(update({ ...notDeleted, spec: { defaultAction: 'Y' } }, stored)), false);
  });

  it('lets an invalid stored object become valid, or change elsewhere, and not become worse', async () => {
    const stored = profileObject('SeccompProfile', { ...bad, flags: ['X'] });
    const to = (spec: Json) => isAllowed(update(profileObject('SeccompProfile', spec), stored));
    assert.ok(await to(good));
    assert.ok(await to({ ...good, flags: ['X'] }));
    assert.ok(await to({ ...bad, flags: ['X'], architectures: ['SCMP_ARCH_X86'] }));
    assert.equal(await to({ ...bad, flags: ['X', 'Y'] }), false);
    assert.equal(await to({ defaultAction: 'DENY2', flags: ['X'] }), false);
    const valid = profileObject('SeccompProfile', good);
    assert.equal(await isAllowed(update(stored, valid)), false);
  });

  it('judges by the settings of this moment, and accepts nothing if they cannot be read', async () => {
    const object = profileObject('RawSelinuxProfile', { policy: '(blockinherit container)' });
    const daemon = (enableRawSelinuxProfiles: boolean) => async () =>
      ({ spec: { selinux: { enableRawSelinuxProfiles } } }) as never;
    assert.ok(await isAllowed(review(object), daemon(true)));
    assert.equal(await isAllowed(review(object), daemon(false)), false);
    const failing = async () => Promise.reject(new FairleadError('Unavailable', 'no API server'));
    const { response } = await ask(review(object), failing);
    assert.deepEqual(
      [response.allowed, response.status?.code, response.status?.reason],
      [false, 503, 'ServiceUnavailable'],
    );
    assert.ok(await isAllowed(review(profileObject('AppArmorProfile', { abstract: {} })), failing), 'it needs none');
  });

  it('rounds no integer', async () => {
    const json = (value: string) => {
      const condition = `{"index":0,"op":"SCMP_CMP_EQ","value":${value}}`;
      const spec = `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[${condition}]}]}`;
      return JSON.stringify(review(profileObject('SeccompProfile', '@'))).replace('"@"', spec);
    };
    assert.ok(await isAllowed(json('9223372036854775807')));
    assert.equal(await isAllowed(json('9223372036854775808')), false);
    // As numbers of JavaScript, the two are equal: an update from one to the other is no change.
    const both = json('9007199254740993')
      .replace('"oldObject":null', '"oldObject":OLD')
      .replace('"CREATE"', '"UPDATE"');
    const [, object] = /"object":(\{.*\}),"oldObject"/.exec(both) ?? [];
    assert.ok(await isAllowed(both.replace('OLD', String(object).replace('993', '992'))));
  });

  it('refuses an object that leaves no room for its status, unless it was as large before', async () => {
    const large = profileObject('SeccompProfile', { ...good, listenerMetadata: 'x'.repeat(1024 * 1024) });
    const refused = await ask(review(large));
    assert.match(refused.response.status?.message ?? '', /more than 1048576 bytes, .* Make the object smaller/);
    const other = profileObject('SeccompProfile', { ...good, listenerMetadata: 'y'.repeat(1024 * 1024 + 1) });
    assert.ok((await ask(update(other, large))).response.allowed);
    const small = profileObject('SeccompProfile', { ...good, listenerMetadata: 'x'.repeat(1023 * 1024) });
    assert.doesNotMatch((await ask(review(small))).response.status?.message ?? '', /more than 1048576 bytes/);
  });

  it('answers others between profiles that take long', async () => {
    const paths = Array.from({ length: 100 }, (_, index) => `/${index}${'a*'.repeat(100)}`);
    const hostile = review(profileObject('AppArmorProfile', { abstract: { filesystem: { readOnlyPaths: paths } } }));
    const { app, send } = await serve();
    await send(hostile);
    const begin = performance.now();
    let [last, longest, isOver] = [begin, 0, false];
    const tick = (): void => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
      if (!isOver) setImmediate(tick);
    };
    tick();
    await Promise.all(Array.from({ length: 8 }, () => send(hostile)));
    isOver = true;
    const all = performance.now() - begin;
    assert.ok(longest < all / 2, `others waited ${longest.toFixed()} of ${all.toFixed()} ms`);
    await app.close();
  });

  it('answers about two objects of 1.5 MiB, and lets the harmless update of any object pass at once', async () => {
    const size = 1.5 * 1024 * 1024;
    const spec = {
      ...good,
      syscalls: [{ names: Array.from({ length: size / 4 }, () => ''), action: 'SCMP_ACT_ALLOW' }],
    };
    const large = profileObject('SeccompProfile', spec);
    const harmless = await ask(update(changed(large, { labels: { a: 'b' } }), large));
    assert.ok(harmless.response.allowed);
    assert.ok(harmless.ms < 1_000, `${harmless.ms.toFixed()} ms`);
    const other = await ask(update(profileObject('SeccompProfile', { ...spec, flags: [] }), large));
    assert.ok(other.ms < 5_000, `${other.ms.toFixed()} ms`);
    const deep = JSON.stringify(review(profileObject('SelinuxProfile', '@'))).replace(
      '"@"',
      `${'['.repeat(500_000)}${']'.repeat(500_000)}`,
    );
    assert.equal(await isAllowed(deep), false);
    const nested = JSON.stringify(review(profileObject('SelinuxProfile', { allow: '@' })));
    const maps = nested.replace('"@"', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`);
    assert.equal(await isAllowed(maps), false);
  });

  it('refuses calls that it is not for, so that a wrong configuration shows', async () => {
    const object = profileObject('SeccompProfile', good);
    const wrong = [
      review(object, { kind: { group, version: 'v1beta1', kind: 'SeccompProfile' } }),
      review(object, { kind: { group: 'other.example', version: 'v1', kind: 'SeccompProfile' } }),
      review(object, { subResource: 'status' }),
      review(object, { operation: 'DELETE' }),
      review(object, { uid: '' }),
      { ...review(object), apiVersion: 'admission.k8s.io/v1beta1' },
      {},
    ];
    for (const payload of wrong) assert.equal((await ask(payload)).status, 400, JSON.stringify(payload));
    for (const payload of ['', '[', '{"request":{"object":{}}', '{"request":{}}x']) {
      assert.ok((await ask(payload)).status >= 400, payload);
    }
    const unknown = await ask(review(object, { kind: { group, version: 'v1', kind: 'Profile' } }));
    assert.match(unknown.response.status?.message ?? '', /called for Profile, which it does not support/);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PublishRequest } from '#services/push/publication';
import { openPushService } from './open-push-service.ts';
import type { PushOptions } from './push-options.ts';

const options: PushOptions = {
  output: 'text',
  signatureFormat: 'bundle',
  overwrite: true,
  service: 'https://push.example.com/',
};
const env = { FAIRLEAD_PUSH_TOKEN: 'token' };
const reference = { registry: 'registry.example.com', repository: 'a', tag: '1' };
const requested = (request: Partial<PublishRequest> = {}, policy?: string) => [
  { name: 'a', file: 'a.json', request: { reference, ...request }, policy },
];

describe('openPushService', () => {
  it('opens the service with the token of the environment', async () => {
    assert.notEqual(await openPushService(requested(), options, env), undefined);
  });

  it('refuses options that a service does not know', async () => {
    const cases: [Partial<PushOptions>, RegExp][] = [
      [{ version: '1.2.3' }, /^--version and --service cannot be used together$/],
      [{ provenance: true }, /^--provenance and --service/],
      [{ ociLayout: 'directory' }, /^--oci-layout and --service/],
      [{ policy: 'policy.yaml' }, /^--policy and --service/],
      [{ annotation: { a: 'b' } }, /^--annotation and --service/],
      [{ signatureFormat: 'legacy' }, /^--signature-format legacy and --service/],
    ];
    for (const [more, message] of cases) {
      await assert.rejects(openPushService(requested(), { ...options, ...more }, env), {
        kind: 'InvalidInput',
        message,
      });
    }
    const { service: _, ...without } = options;
    for (const more of [{ serviceToken: 'token' }, { serviceAudience: 'a' }]) {
      await assert.rejects(openPushService(requested(), { ...without, ...more }, env), { message: /needs --service$/ });
    }
  });

  it('refuses what a project asks for and a service does not know', async () => {
    const cases = [
      [requested({ annotations: { a: 'b' } }), /^a has annotations,/],
      [requested({}, 'policy.yaml'), /^a has a policy,/],
    ] as const;
    for (const [profiles, message] of cases) {
      await assert.rejects(openPushService(profiles, options, env), { kind: 'InvalidInput', message });
    }
  });

  it('sends the token only to an https URL or this machine, and needs one', async () => {
    for (const service of ['http://push.example.com', 'push.example.com', 'https://user@push.example.com']) {
      await assert.rejects(openPushService(requested(), { ...options, service }, env), {
        message: /want an https URL/,
      });
    }
    assert.notEqual(
      await openPushService(requested(), { ...options, service: 'http://127.0.0.1:8080' }, env),
      undefined,
    );
    await assert.rejects(openPushService(requested(), options, {}), { message: /^no token for --service$/ });
  });
});

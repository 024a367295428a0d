import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contextOf, metadata, nginx, other, profile } from '#test/support/nginx-binding';
import { parsePod } from '../api/pod.ts';
import { bindEphemeralContainers } from './bind.ts';

const localhost = { type: 'Localhost', localhostProfile: profile };
const defaulted = { type: 'Localhost', localhostProfile: `${profile}?base=RuntimeDefault` };
const runtimeDefault = { type: 'RuntimeDefault' };
const app = { name: 'app' };

describe('bindEphemeralContainers', () => {
  const before = { metadata, spec: { containers: [app] } };
  const debug = (...ephemeralContainers: object[]) =>
    parsePod({ metadata, spec: { containers: [app], ephemeralContainers } });
  const loose = [{ seccompProfile: { type: 'Unconfined' } }, { privileged: true }];

  it('writes the profile into what is added, and into nothing else', () => {
    const old = { name: 'old', securityContext: { seccompProfile: { type: 'Unconfined' } } };
    const pod = debug(old, { name: 'new' });
    const earlier = parsePod({ metadata, spec: { containers: [app], ephemeralContainers: [old] } });
    assert.deepEqual(bindEphemeralContainers(pod, earlier, contextOf([nginx])), {
      outcome: 'bound',
      patch: [{ op: 'add', path: '/spec/ephemeralContainers/1/securityContext', value: { seccompProfile: localhost } }],
      bindings: ['nginx'],
      localhostProfiles: [profile],
    });
  });

  it('refuses unconfined and privileged ones', () => {
    for (const securityContext of loose) {
      const outcome = bindEphemeralContainers(
        debug({ name: 'new', securityContext }),
        parsePod(before),
        contextOf([nginx]),
      );
      assert.equal(outcome.outcome, 'refused');
      assert.match(outcome.reason, /ephemeral container "new"/);
    }
  });

  it('decides by the stored pod, not by the claims of the request', () => {
    const windows = { os: { name: 'windows' }, nodeSelector: { 'kubernetes.io/os': 'windows' } };
    const annotations = { 'kubernetes.io/config.mirror': 'x' };
    for (const securityContext of loose) {
      const ephemeralContainers = [{ name: 'new', securityContext }];
      for (const claimed of [
        { metadata: {}, spec: { containers: [app], ephemeralContainers } },
        { metadata: { labels: { app: 'other' } }, spec: { containers: [app], ephemeralContainers } },
        { metadata, spec: { ...windows, containers: [app], ephemeralContainers } },
        { metadata: { ...metadata, annotations }, spec: { containers: [app], ephemeralContainers } },
        { metadata, spec: { containers: [], ephemeralContainers } },
      ]) {
        const outcome = bindEphemeralContainers(parsePod(claimed), parsePod(before), contextOf([nginx]));
        assert.equal(outcome.outcome, 'refused', JSON.stringify(claimed));
      }
    }
  });

  it('removes no annotation, which the request may not have', () => {
    const key = 'container.seccomp.security.alpha.kubernetes.io/new';
    const annotations = { [key]: 'unconfined' };
    const annotatedBefore = parsePod({ ...before, metadata: { ...metadata, annotations } });
    const outcome = bindEphemeralContainers(debug({ name: 'new' }), annotatedBefore, contextOf([nginx]));
    assert.deepEqual(outcome.outcome === 'bound' && outcome.patch, [
      { op: 'add', path: '/spec/ephemeralContainers/0/securityContext', value: { seccompProfile: localhost } },
    ]);
  });

  it('keeps what the pod asked for', () => {
    const spec = { securityContext: { seccompProfile: runtimeDefault }, containers: [app] };
    const outcome = bindEphemeralContainers(debug({ name: 'new' }), parsePod({ metadata, spec }), contextOf([nginx]));
    assert.deepEqual(outcome.outcome === 'bound' && outcome.patch, [
      { op: 'add', path: '/spec/ephemeralContainers/0/securityContext', value: { seccompProfile: defaulted } },
    ]);
  });

  it('binds what is added to a pod that runs under the artifact, or an earlier version, by whatever labels', () => {
    for (const localhostProfile of [
      profile,
      `${profile}?base=RuntimeDefault`,
      `oci/registry.example.com/security/nginx@sha256:${'b'.repeat(64)}`,
    ]) {
      const containers = [
        { name: 'app', securityContext: { seccompProfile: { type: 'Localhost', localhostProfile } } },
      ];
      const running = parsePod({ metadata: {}, spec: { containers } });
      const [unconfined] = loose;
      assert.equal(bindEphemeralContainers(debug({ name: 'new' }), running, contextOf([nginx])).outcome, 'bound');
      const outcome = bindEphemeralContainers(
        debug({ name: 'new', securityContext: unconfined }),
        running,
        contextOf([nginx]),
      );
      assert.equal(outcome.outcome, 'refused');
      assert.equal(bindEphemeralContainers(debug({ name: 'new' }), running, contextOf([other])).outcome, 'untouched');
    }
  });

  it('leaves alone what no binding selects, and updates that add none', () => {
    assert.equal(bindEphemeralContainers(debug({ name: 'new' }), parsePod(before), contextOf([])).outcome, 'untouched');
    assert.equal(bindEphemeralContainers(parsePod(before), parsePod(before), contextOf([nginx])).outcome, 'untouched');
    const elsewhere = { containers: [app], nodeSelector: { 'kubernetes.io/os': 'windows' } };
    const windows = parsePod({ metadata, spec: elsewhere });
    assert.equal(bindEphemeralContainers(debug({ name: 'new' }), windows, contextOf([nginx])).outcome, 'untouched');
  });
});

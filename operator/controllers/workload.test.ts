import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseWorkload } from './workload.ts';

const pod = (spec: object, more: { readonly annotations?: object; readonly phase?: string } = {}): object => ({
  metadata: { namespace: 'web', name: 'nginx-1', ...(more.annotations && { annotations: more.annotations }) },
  spec: { containers: [{ name: 'nginx' }], ...spec },
  status: { phase: more.phase ?? 'Running' },
});
const context = (securityContext: object): object => ({ name: 'c', securityContext });
const seccomp = (localhostProfile: string): object => ({ seccompProfile: { type: 'Localhost', localhostProfile } });
const uses = (object: object): readonly string[] => parseWorkload(object).uses;

describe('parseWorkload', () => {
  it('finds profiles of the pod and of its containers of each kind', () => {
    const found = uses(
      pod({
        securityContext: seccomp('operator/pod.json'),
        initContainers: [context(seccomp('operator/init.json'))],
        containers: [context({ appArmorProfile: { type: 'Localhost', localhostProfile: 'web' } }), { name: 'plain' }],
        ephemeralContainers: [context({ seLinuxOptions: { type: 'web.process' } })],
      }),
    );
    assert.deepEqual(found, [
      'seccomp:operator/pod.json',
      'seccomp:operator/init.json',
      'apparmor:web',
      'selinux:web.process',
    ]);
  });

  it('finds each once, and none in other settings', () => {
    const twice = [context(seccomp('operator/a.json')), context(seccomp('operator/a.json'))];
    assert.deepEqual(uses(pod({ containers: twice })), ['seccomp:operator/a.json']);
    assert.deepEqual(uses(pod({ securityContext: { seccompProfile: { type: 'RuntimeDefault' } } })), []);
    assert.deepEqual(uses(pod({ securityContext: null, initContainers: null })), []);
  });

  it('holds few names of a pod, and none that no object can have', () => {
    const longest = `operator/${'a'.repeat(253)}.json`;
    const name = (index: number): string => `operator/${index}.json`;
    assert.deepEqual(uses(pod({ securityContext: seccomp(longest) })), [`seccomp:${longest}`]);
    const long = Array.from({ length: 100 }, () => context(seccomp(`operator/${'a'.repeat(10_000)}.json`)));
    const many = Array.from({ length: 1000 }, (_, index) => context(seccomp(name(index))));
    const held = uses(pod({ containers: [...long, ...many] }));
    assert.equal(held.length, 64);
    assert.equal(held[0], `seccomp:${name(0)}`);
  });

  it('finds profiles in annotations of older versions of Kubernetes', () => {
    const annotations = {
      'seccomp.security.alpha.kubernetes.io/pod': 'localhost/operator/pod.json',
      'container.seccomp.security.alpha.kubernetes.io/nginx': 'localhost/operator/c.json',
      'container.apparmor.security.beta.kubernetes.io/nginx': 'localhost/web',
      'container.apparmor.security.beta.kubernetes.io/other': 'runtime/default',
      unrelated: 'localhost/x',
    };
    assert.deepEqual(uses(pod({}, { annotations })), [
      'seccomp:operator/pod.json',
      'seccomp:operator/c.json',
      'apparmor:web',
    ]);
  });

  it('finds a cluster-scoped profile by the path that it had in a namespace', () => {
    assert.deepEqual(uses(pod({ securityContext: seccomp('operator/team-a/web.json') })), [
      'seccomp:operator/team-a/web.json',
      'seccomp:operator/web.json',
    ]);
  });

  it('finds none in a pod that has ended', () => {
    for (const phase of ['Succeeded', 'Failed'])
      assert.deepEqual(uses(pod({ securityContext: seccomp('operator/a.json') }, { phase })), []);
  });

  it('refuses what is not a pod', () => {
    for (const object of [{}, { metadata: { name: 'a' }, spec: {} }, { metadata: { namespace: 'a', name: 'b' } }])
      assert.throws(() => parseWorkload(object));
  });
});

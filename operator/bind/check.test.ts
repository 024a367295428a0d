import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contextOf, metadata, nginx, other, profile, reference } from '#test/support/nginx-binding';
import { parsePod } from '../api/pod.ts';
import { changesBinding, checkEphemeralContainers, checkPod, checkUnseenPod, checkUpdate } from './check.ts';

const named = (localhostProfile: string) => ({ seccompProfile: { type: 'Localhost', localhostProfile } });

const bound = { name: 'app', securityContext: named(profile) };
const boundPod = { metadata, spec: { securityContext: named(profile), containers: [bound] } };
const freePod = { metadata, spec: { containers: [{ name: 'app', securityContext: { privileged: true } }] } };
const refuses = (outcome: { outcome: string; reason: string; hint?: string }, reason: RegExp, hint: RegExp) => {
  assert.equal(outcome.outcome, 'refused', outcome.reason);
  assert.match(outcome.reason, reason);
  assert.match(outcome.hint ?? '', hint);
};

describe('checkPod', () => {
  const check = (spec: object, labels: object = metadata.labels) =>
    checkPod(parsePod({ metadata: { labels }, spec: { ...boundPod.spec, ...spec } }), contextOf([nginx]));

  it('takes a pod each place of which names the profile', () => {
    assert.equal(check({}).outcome, 'untouched');
    assert.equal(
      check({ containers: [{ name: 'app', securityContext: named(`${profile}?base=RuntimeDefault`) }] }).outcome,
      'untouched',
    );
    assert.equal(check({ containers: [{ name: 'app' }] }, { app: 'other' }).outcome, 'untouched');
  });

  for (const [title, spec, reason] of [
    ['container', { containers: [bound, { name: 'late' }] }, /but container "late" does not name it$/],
    ['init container', { initContainers: [{ name: 'late' }] }, /but init container "late" does not name it$/],
    [
      'ephemeral container',
      { ephemeralContainers: [{ name: 'late' }] },
      /ephemeral container "late" does not name it$/,
    ],
    ['pod', { securityContext: {} }, /but the pod does not name it$/],
    [
      'container under RuntimeDefault',
      { containers: [{ name: 'late', securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }] },
      /container "late" does not name it$/,
    ],
    [
      'container that names it natively, which older kubelets run unconfined',
      { containers: [{ name: 'late', securityContext: { seccompProfile: { type: 'OCI', oci: { ref: reference } } } }] },
      /container "late" does not name it$/,
    ],
    [
      'unconfined container',
      { containers: [{ name: 'late', securityContext: { seccompProfile: { type: 'Unconfined' } } }] },
      /container "late" specifies Unconfined$/,
    ],
    [
      'privileged container',
      { containers: [{ name: 'late', securityContext: { ...named(profile), privileged: true } }] },
      /container "late" is privileged/,
    ],
  ] as const) {
    it(`refuses a pod that came to have a ${title}, and names it`, () => {
      refuses(check(spec), reason, /\.$/);
    });
  }
});

describe('checkUpdate: an update', () => {
  const update = (pod: object, before: object, bindings = [nginx]) =>
    checkUpdate(parsePod(pod), parsePod(before), contextOf(bindings));

  it('of a pod that is older than its binding may change all but what the binding decides', () => {
    const changes = [
      { ...freePod, metadata: { ...metadata, annotations: { a: 'b' } } },
      { ...freePod, metadata: { labels: { ...metadata.labels, more: 'yes' } } },
      { ...freePod, metadata: {} },
    ];
    for (const pod of changes) assert.equal(update(pod, freePod).outcome, 'untouched');
    assert.equal(update(freePod, freePod, [nginx, other]).outcome, 'untouched', 'bindings that disagree came later');
  });

  it('may not bring a pod under a binding that it does not run under', () => {
    for (const labels of [undefined, { app: 'x' }]) {
      refuses(
        update(freePod, { ...freePod, metadata: { labels } }),
        /"nginx" specifies oci\/.*, but container "app" is privileged/,
        /change the selector of the binding/,
      );
    }
    const plain = { metadata: {}, spec: { containers: [{ name: 'app' }] } };
    refuses(update({ ...plain, metadata }, plain), /but the pod does not name it; container "app" does/, /another pod/);
    refuses(update(boundPod, { ...boundPod, metadata: {} }, [other]), /the pod specifies Localhost/, /./);
    assert.equal(update(boundPod, { ...boundPod, metadata: {} }).outcome, 'untouched');
  });

  it('may take a bound pod out of the selector', () => {
    assert.equal(update({ ...boundPod, metadata: {} }, boundPod).outcome, 'untouched');
  });

  it('may not loosen a container, should an API server ever allow it', () => {
    const loose = { ...boundPod, spec: { ...boundPod.spec, containers: [{ name: 'app' }] } };
    refuses(update(loose, boundPod), /but container "app" does not name it/, /webhook/);
    refuses(update({ ...loose, metadata: {} }, boundPod), /but container "app" does not name it/, /webhook/);
  });

  it('changes nothing that a binding decides, or does', () => {
    const changes = (pod: object, before: object) => changesBinding(parsePod(pod), parsePod(before));
    assert.equal(changes(boundPod, boundPod), false);
    assert.equal(changes({ ...boundPod, metadata: { ...metadata, annotations: { a: 'b' } } }, boundPod), false);
    const two = { labels: { a: '1', b: '2' } };
    assert.equal(
      changes({ ...boundPod, metadata: two }, { ...boundPod, metadata: { labels: { b: '2', a: '1' } } }),
      false,
    );
    assert.equal(changes({ ...boundPod, metadata: {} }, boundPod), true);
    assert.equal(changes({ ...boundPod, metadata: { labels: { app: 'x' } } }, boundPod), true);
    const spec = { ...boundPod.spec, ephemeralContainers: [{ name: 'new' }] };
    assert.equal(changes({ ...boundPod, spec }, boundPod), true);
    const windows = { ...boundPod.spec, nodeSelector: { 'kubernetes.io/os': 'windows' } };
    assert.equal(changes({ ...boundPod, spec: windows }, boundPod), true);
    assert.equal(
      changes({ ...boundPod, metadata: { ...metadata, annotations: { 'kubernetes.io/config.mirror': '' } } }, boundPod),
      true,
    );
  });
});

describe('checkEphemeralContainers', () => {
  const check = (before: object, container: object, claimed: object = {}, bindings = [nginx]) => {
    const spec = { containers: [], ephemeralContainers: [{ name: 'new', ...container }] };
    return checkEphemeralContainers(
      parsePod({ metadata: {}, ...claimed, spec }),
      parsePod(before),
      contextOf(bindings),
    );
  };

  it('takes one that names the profile, and any where no binding governs the pod', () => {
    assert.equal(check(boundPod, { securityContext: named(profile) }).outcome, 'untouched');
    assert.equal(check(freePod, { securityContext: named(profile) }).outcome, 'untouched');
    assert.equal(check({ ...freePod, metadata: {} }, { securityContext: { privileged: true } }).outcome, 'untouched');
  });

  it('refuses others, by the labels and the profile of the pod that there is', () => {
    for (const before of [boundPod, freePod, { ...boundPod, metadata: {} }]) {
      refuses(check(before, {}), /ephemeral container "new" does not name it$/, /webhook/);
      refuses(check(before, { securityContext: { privileged: true } }), /ephemeral container "new" is privileged/, /./);
    }
    const mirror = { metadata: { annotations: { 'kubernetes.io/config.mirror': '' } } };
    refuses(check(boundPod, {}, mirror), /ephemeral container "new" does not name it$/, /webhook/);
  });

  it('refuses others also where the binding came to name the registry otherwise', () => {
    const source = { from: 'reference', reference: `docker.io/security/nginx@sha256:${'b2'.repeat(32)}` } as const;
    const hub = { ...nginx, source };
    const own = named(`oci/index.docker.io/security/nginx@sha256:${'a1'.repeat(32)}`);
    const before = {
      metadata: {},
      spec: { securityContext: own, containers: [{ name: 'app', securityContext: own }] },
    };
    refuses(check(before, { securityContext: { privileged: true } }, {}, [hub]), /"new" is privileged/, /./);
  });

  it('comes without its pod from older API servers: refused where the namespace has bindings, which are named', () => {
    assert.equal(checkUnseenPod(contextOf([])).outcome, 'untouched');
    refuses(
      checkUnseenPod(contextOf([nginx, other])),
      /before Kubernetes 1\.22 .*ArtifactBinding "nginx", ArtifactBinding "other"$/,
      /upgrade/,
    );
    const many = Array.from({ length: 9 }, (_, i) => ({ ...nginx, name: `b${i}` }));
    refuses(checkUnseenPod(contextOf(many)), /"b4", …$/, /upgrade/);
  });
});

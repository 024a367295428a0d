import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryPods, type Json } from '#test/support/arbitrary-pods';
import { parsePod } from '../api/pod.ts';
import type { Binding } from '../bind/binding.ts';
import type { ClusterState } from '../bind/cluster-state.ts';
import { type BindingContext, mirrorPodAnnotation } from '../bind/decide.ts';
import { bindingCoverage } from './binding-coverage.ts';
import { explainPod } from './explain-pod.ts';
import { namespaceCoverage } from './namespace-coverage.ts';
import { type CoveredPod, outdatedOwners, withdrawnOwners } from './outdated-owners.ts';
import { podCoverage } from './pod-coverage.ts';
import { readRunningPod } from './running-pod.ts';

const nginx = 'registry.example.com/security/nginx';
const digest = (of: string) => `sha256:${of.repeat(64)}`;
const artifact = (of: string) => `oci/${nginx}@${digest(of)}`;

/** A cluster of which nothing is known but what bindings say themselves. */
const nothing: ClusterState = {
  namespaceLabels: () => new Map(),
  artifact: () => undefined,
  imageArtifacts: () => [],
  seccompProfile: () => undefined,
};

const binding = (name: string, of: string, more: Partial<Binding> = {}): Binding => ({
  kind: 'ArtifactBinding',
  name,
  podSelector: { matchLabels: { app: 'nginx' } },
  source: { from: 'reference', reference: `${nginx}@${digest(of)}` },
  parameters: {},
  ...more,
});
const context = (...bindings: Binding[]): BindingContext => ({ namespace: 'web', bindings, cluster: nothing });

const localhost = (localhostProfile: string) => ({ seccompProfile: { type: 'Localhost', localhostProfile } });

interface PodParts {
  readonly name?: string;
  readonly securityContext?: unknown;
  readonly containers?: readonly unknown[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owner?: { readonly kind: string; readonly name: string; readonly apiVersion?: string };
  readonly hash?: string;
  readonly phase?: string;
}

const object = ({ name = 'nginx-0', owner, hash, phase = 'Running', annotations, ...spec }: PodParts = {}) => ({
  metadata: {
    namespace: 'web',
    name,
    labels: { app: 'nginx', ...(hash !== undefined && { 'pod-template-hash': hash }) },
    ...(annotations !== undefined && { annotations }),
    ...(owner !== undefined && { ownerReferences: [{ apiVersion: 'apps/v1', ...owner, controller: true }] }),
  },
  spec: { containers: [{ name: 'app', image: 'nginx' }], ...spec },
  status: { phase },
});

const covered = (parts: PodParts, ...bindings: Binding[]): CoveredPod => {
  const pod = readRunningPod(object(parts));
  return { ...pod, containers: podCoverage(pod.pod, context(...bindings)) };
};

describe('podCoverage', () => {
  const stateOf = (parts: PodParts) => covered(parts).containers.map(({ state }) => state);

  for (const [securityContext, state] of [
    [localhost(artifact('a')), 'Artifact'],
    [localhost(`${artifact('a')}?mode=log`), 'LoggedArtifact'],
    [localhost(`${artifact('a')}?base=RuntimeDefault`), 'Artifact'],
    [localhost('operator/nginx.json'), 'ProfileObject'],
    [localhost('profiles/nginx.json'), 'File'],
    [{ seccompProfile: { type: 'RuntimeDefault' } }, 'RuntimeDefault'],
    [{ seccompProfile: { type: 'Unconfined' } }, 'Unconfined'],
    [{}, 'Unset'],
  ] as const) {
    it(`is ${state} for a pod with ${JSON.stringify(securityContext).slice(0, 90)}`, () => {
      assert.deepEqual(stateOf({ securityContext }), [state]);
      assert.deepEqual(stateOf({ containers: [{ name: 'app', securityContext }] }), [state]);
    });
  }

  it('prefers what a container says to what its pod says', () => {
    const containers = [
      { name: 'app', securityContext: { seccompProfile: { type: 'Unconfined' } } },
      { name: 'other' },
    ];
    assert.deepEqual(stateOf({ securityContext: localhost(artifact('a')), containers }), ['Unconfined', 'Artifact']);
  });

  it('is Privileged whatever else a privileged container says, and Exempt for a mirror pod', () => {
    const securityContext = { ...localhost(artifact('a')), privileged: true };
    assert.deepEqual(stateOf({ containers: [{ name: 'app', securityContext }] }), ['Privileged']);
    assert.deepEqual(stateOf({ annotations: { 'kubernetes.io/config.mirror': 'x' } }), ['Exempt']);
  });

  it('is outdated under another digest than the binding gives, and without any profile', () => {
    const now = binding('nginx', 'b');
    const isOutdated = (parts: PodParts, ...bindings: Binding[]) =>
      covered(parts, ...bindings).containers.map((each) => each.isOutdated);
    assert.deepEqual(isOutdated({ securityContext: localhost(artifact('a')) }, now), [true]);
    assert.deepEqual(isOutdated({}, now), [true]);
    assert.deepEqual(isOutdated({ securityContext: localhost(artifact('b')) }, now), [false]);
    // A base of its own makes it only stricter.
    assert.deepEqual(isOutdated({ securityContext: localhost(`${artifact('b')}?base=RuntimeDefault`) }, now), [false]);
    assert.deepEqual(isOutdated({ securityContext: localhost(artifact('a')) }), [false]);
  });

  it('is outdated under a profile that is only logged if the binding enforces it', () => {
    const logged = { securityContext: localhost(`${artifact('b')}?mode=log`) };
    assert.equal(covered(logged, binding('nginx', 'b')).containers[0]?.isOutdated, true);
    assert.equal(
      covered(logged, binding('nginx', 'b', { parameters: { mode: 'Log' } })).containers[0]?.isOutdated,
      false,
    );
  });

  it('names the problem if equally specific bindings disagree', () => {
    const [container] = covered({}, binding('one', 'a'), binding('two', 'b')).containers;
    assert.match(container?.problem ?? '', /equally specific: ArtifactBinding "one" .* ArtifactBinding "two" /);
    assert.deepEqual([container?.wanted, container?.isOutdated], [undefined, false]);
  });
});

describe('readRunningPod', () => {
  it('has the Deployment of a ReplicaSet as the owner, and any other controller itself', () => {
    const ownerOf = (parts: PodParts) => readRunningPod(object(parts)).owner;
    const apiVersion = 'apps/v1';
    const replicaSet = { kind: 'ReplicaSet', name: 'nginx-abc' };
    assert.deepEqual(ownerOf({ owner: replicaSet, hash: 'abc' }), { apiVersion, kind: 'Deployment', name: 'nginx' });
    assert.deepEqual(ownerOf({ owner: replicaSet }), { apiVersion, ...replicaSet });
    assert.equal(ownerOf({}), undefined);
  });

  it('holds the annotations that decide, and no others', () => {
    const bindings = [binding('all', 'a', { podSelector: {} }), binding('app', 'b', { containers: ['app'] })];
    fc.assert(
      fc.property(arbitraryPods, (pod) => {
        const metadata = { ...(pod['metadata'] as Json), namespace: 'web', name: 'nginx-0' };
        const { pod: held } = readRunningPod({ ...pod, metadata });
        assert.deepEqual(podCoverage(held, context(...bindings)), podCoverage(parsePod(pod), context(...bindings)));
        assert.deepEqual(explainPod(held, context(...bindings)), explainPod(parsePod(pod), context(...bindings)));
      }),
    );
    const deciding = {
      [mirrorPodAnnotation]: 'x',
      'seccomp.security.alpha.kubernetes.io/pod': 'runtime/default',
      'container.seccomp.security.alpha.kubernetes.io/app': 'localhost/a.json',
      'container.apparmor.security.beta.kubernetes.io/app': 'localhost/a',
    };
    const others = { 'cni.example.com/address': '10.0.0.1', note: 'n'.repeat(200_000) };
    const annotationsOf = (annotations: Readonly<Record<string, string>>) =>
      readRunningPod(object({ annotations })).pod.metadata.annotations;
    assert.deepEqual(annotationsOf({ ...deciding, ...others }), new Map(Object.entries(deciding)));
    assert.equal(annotationsOf(others), undefined);
  });
});

describe('explainPod', () => {
  it('names the binding that decides, and why the others do not', () => {
    const bindings = [
      binding('all', 'a', { podSelector: {} }),
      binding('cluster', 'a', { kind: 'ClusterArtifactBinding' }),
      binding('image', 'b', { images: [{ repository: 'docker.io/library/nginx' }] }),
      binding('container', 'c', { containers: ['app'] }),
      binding('elsewhere', 'd', { podSelector: { matchLabels: { app: 'other' } } }),
    ];
    const { exemption, places } = explainPod(readRunningPod(object()).pod, context(...bindings));
    assert.equal(exemption, undefined);
    assert.deepEqual(
      places.map(({ title, profile }) => [title, profile]),
      [
        ['the pod', artifact('a')],
        ['container "app"', artifact('c')],
      ],
    );
    const lost = places[1]?.matching.map(({ binding, decides, lostBecause }) => [binding.name, decides, lostBecause]);
    assert.deepEqual(lost, [
      ['container', true, undefined],
      ['all', false, 'ArtifactBinding container names the container'],
      ['image', false, 'ArtifactBinding container names the container'],
      ['cluster', false, 'ArtifactBinding container names the container'],
    ]);
  });
});

describe('withdrawnOwners', () => {
  const held = binding('held', 'a', { source: { from: 'artifact', kind: 'ProfileArtifact', name: 'nginx' } });
  const coveredBy = (of: string, withdrawn: string | undefined, phase = 'Running'): CoveredPod => {
    const owner = { kind: 'ReplicaSet', name: 'nginx-abc' };
    const pod = readRunningPod(object({ securityContext: localhost(artifact(of)), hash: 'abc', owner, phase }));
    const cluster = { ...nothing, artifact: () => ({ name: 'nginx', kind: 'Seccomp' as const, withdrawn }) };
    return { ...pod, containers: podCoverage(pod.pod, { namespace: 'web', bindings: [held], cluster }) };
  };

  it('has what runs under the artifact that was withdrawn, without a command', () => {
    const pods = [coveredBy('a', `${nginx}@${digest('a')}`)];
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nginx' };
    assert.deepEqual(withdrawnOwners(pods), [{ namespace: 'web', owner, pods: ['nginx-0'], bindings: ['held'] }]);
    assert.deepEqual(outdatedOwners(pods), []);
  });

  it('has nothing under another digest, that has ended, or of an artifact that is only not verified yet', () => {
    const withdrawn = `${nginx}@${digest('a')}`;
    const pods = [coveredBy('b', withdrawn), coveredBy('a', withdrawn, 'Succeeded'), coveredBy('a', undefined)];
    assert.deepEqual(withdrawnOwners(pods), []);
  });
});

describe('outdatedOwners', () => {
  const now = binding('nginx', 'b');
  const old = { securityContext: localhost(artifact('a')) };
  const deployed = (name: string) => ({
    ...{ ...old, name, hash: 'abc' },
    owner: { kind: 'ReplicaSet', name: 'nginx-abc' },
  });

  it('has the Deployment of its pods once, with the command that replaces them', () => {
    assert.deepEqual(outdatedOwners([covered(deployed('nginx-abc-2'), now), covered(deployed('nginx-abc-1'), now)]), [
      {
        namespace: 'web',
        owner: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'nginx' },
        pods: ['nginx-abc-1', 'nginx-abc-2'],
        bindings: ['nginx'],
        remedy: { command: 'kubectl -n web rollout restart deployment/nginx' },
      },
    ]);
  });

  const remediesOf = (kind: string, apiVersion: string, name = 'own') =>
    outdatedOwners([covered({ ...old, owner: { kind, name, apiVersion } }, now)]).map(({ remedy }) => remedy);

  it('has no command for what kubectl cannot restart, and deletes the pods of what replaces them', () => {
    for (const kind of ['StatefulSet', 'DaemonSet']) {
      const command = `kubectl -n web rollout restart ${kind.toLowerCase()}/own`;
      assert.deepEqual(remediesOf(kind, 'apps/v1'), [{ command }]);
    }
    for (const [kind, apiVersion] of [
      ['ReplicaSet', 'apps/v1'],
      ['ReplicationController', 'v1'],
    ] as const) {
      assert.deepEqual(remediesOf(kind, apiVersion), [{ command: 'kubectl -n web delete pod nginx-0' }]);
    }
    assert.deepEqual(remediesOf('Job', 'batch/v1'), [{ note: 'wait until it has ended, or create it again' }]);
    const [bare] = outdatedOwners([covered(old, now)]);
    assert.deepEqual(
      [bare?.owner, bare?.remedy],
      [{ apiVersion: 'v1', kind: 'Pod', name: 'nginx-0' }, { note: 'create it again' }],
    );
  });

  it('has no command for a kind of another group that has the same name', () => {
    const note = 'create its pods again';
    assert.deepEqual(remediesOf('StatefulSet', 'apps.kruise.io/v1beta1'), [{ note }]);
  });

  it('writes no name into a command that a shell could take for more', () => {
    const note = 'create its pods again';
    for (const name of ['a; reboot', '$(reboot)', '-A', 'a b', 'a\nreboot', '']) {
      assert.deepEqual(remediesOf('Deployment', 'apps/v1', name), [{ note }]);
    }
  });

  it('has the CronJob in place of its Jobs, whose next run gets the profile', () => {
    const run = (name: string, job: string) =>
      covered({ ...old, name, owner: { kind: 'Job', name: job, apiVersion: 'batch/v1' } }, now);
    const cronJob = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'backup' };
    const cronJobs = new Map([
      ['web/backup-1', cronJob],
      ['web/backup-2', cronJob],
      ['other/import', cronJob],
    ]);
    const pods = [run('backup-1-x', 'backup-1'), run('backup-2-x', 'backup-2'), run('import-x', 'import')];
    assert.deepEqual(
      outdatedOwners(pods, cronJobs).map(({ owner: { kind, name }, pods, remedy }) => [kind, name, pods, remedy]),
      [
        ['CronJob', 'backup', ['backup-1-x', 'backup-2-x'], { note: 'its next run gets the profile' }],
        ['Job', 'import', ['import-x'], { note: 'wait until it has ended, or create it again' }],
      ],
    );
  });

  it('has no command with a name that a shell would not take for a word', () => {
    for (const name of [
      'a; reboot',
      'a\nreboot',
      '$(reboot)',
      '`reboot`',
      'a&b',
      '-a',
      '--all',
      'a b',
      "a'b",
      '../a',
      '',
    ]) {
      const [found] = outdatedOwners([covered({ ...old, owner: { kind: 'Deployment', name } }, now)]);
      assert.deepEqual([found?.owner.name, found?.remedy], [name, { note: 'create its pods again' }]);
    }
  });

  it('leaves out pods that have ended, and those that are up to date', () => {
    const current = { securityContext: localhost(artifact('b')) };
    assert.deepEqual(outdatedOwners([covered({ ...old, phase: 'Succeeded' }, now), covered(current, now)]), []);
  });
});

describe('the coverage of namespaces and bindings', () => {
  const now = binding('nginx', 'b');
  const pods = [
    covered({ name: 'new', securityContext: localhost(artifact('b')) }, now),
    covered({ name: 'old', securityContext: localhost(artifact('a')) }, now),
    covered({ name: 'bare' }, now),
    covered({ name: 'ended', phase: 'Failed' }, now),
  ];

  it('counts running pods', () => {
    const [web, ...others] = namespaceCoverage(pods);
    assert.deepEqual(others, []);
    assert.deepEqual([web?.namespace, web?.pods, web?.covered, web?.outdated], ['web', 3, 2, 2]);
    assert.deepEqual([web?.containers.Artifact, web?.containers.Unset, web?.containers.Privileged], [2, 1, 0]);
  });

  it('counts the pods on which a binding decides', () => {
    const expected = { pods: 3, outdated: 2, profiles: [artifact('b')], conflicts: [] };
    assert.deepEqual([...bindingCoverage(pods)], [['web/nginx', expected]]);
    const cluster = binding('all', 'b', { kind: 'ClusterArtifactBinding' });
    assert.deepEqual([...bindingCoverage([covered({}, cluster)]).keys()], ['ClusterArtifactBinding/all']);
  });

  it('names ten pods that would be refused now', () => {
    const two = [binding('one', 'a'), binding('two', 'b')];
    const many = Array.from({ length: 12 }, (_, index) => covered({ name: `pod-${10 + index}` }, ...two));
    const conflicts = bindingCoverage(many.toReversed()).get('web/one')?.conflicts ?? [];
    assert.deepEqual(
      conflicts.map(({ pod }) => pod),
      many.slice(0, 10).map(({ name }) => `web/${name}`),
    );
    assert.match(conflicts[0]?.message ?? '', /equally specific/);
  });
});

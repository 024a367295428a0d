import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contextOf, metadata, nginx, other, otherReference, profile, reference } from '#test/support/nginx-binding';
import { parsePod } from '../api/pod.ts';
import { bindEphemeralContainers, bindPod } from './bind.ts';
import type { Binding } from './binding.ts';
import { checkUpdate } from './check.ts';
import type { ClusterState } from './cluster-state.ts';

const digest = `sha256:${'d1'.repeat(32)}`;
const image = `ghcr.io/acme/app@${digest}`;
const otherProfile = `oci/${otherReference}`;
const runtimeDefault = { seccompProfile: { type: 'RuntimeDefault' } };
const named = (localhostProfile: string) => ({ seccompProfile: { type: 'Localhost', localhostProfile } });
const pod = (spec: object) => parsePod({ metadata, spec });

const app = { name: 'app', image };
const side = { name: 'side', image: 'docker.io/acme/side:1' };
const ofSide: Binding = { ...other, name: 'side', containers: ['side'] };
const attached: Binding = { ...nginx, name: 'attached', source: { from: 'image' } };
const held: Binding = { ...nginx, name: 'held', source: { from: 'artifact', kind: 'ProfileArtifact', name: 'app' } };
const file: Binding = {
  ...nginx,
  kind: 'ProfileBinding',
  name: 'file',
  podSelector: {},
  images: 'default',
  source: { from: 'seccompProfile', name: 'web' },
};
const installed: Partial<ClusterState> = { seccompProfile: () => ({ localhostProfile: 'operator/web.json' }) };

/** Returns the profile of each place of a pod after it was bound. */
function profilesOf(spec: object, bindings: readonly Binding[], known?: Partial<ClusterState>): object {
  const outcome = bindPod(pod(spec), contextOf(bindings, known));
  assert.equal(outcome.outcome, 'bound', outcome.outcome === 'bound' ? '' : outcome.reason);
  const written = outcome.patch.flatMap((operation) =>
    operation.op === 'add' && operation.path.startsWith('/spec') ? [[operation.path, operation.value] as const] : [],
  );
  return Object.fromEntries(
    written.map(([path, value]) => [
      path.replace(/\/securityContext.*/, ''),
      /"localhostProfile":"([^"]*)"/.exec(JSON.stringify(value))?.[1],
    ]),
  );
}

function refusal(spec: object, bindings: readonly Binding[], known?: Partial<ClusterState>) {
  const outcome = bindPod(pod(spec), contextOf(bindings, known));
  assert.equal(outcome.outcome, 'refused');
  return outcome;
}

describe('bindPod: containers', () => {
  it('have the profiles of their own bindings, and the pod that of one for all', () => {
    const containers = [app, side];
    const [one, two] = ['/spec/containers/0', '/spec/containers/1'];
    assert.deepEqual(profilesOf({ containers }, [nginx, ofSide]), {
      '/spec': profile,
      [one]: profile,
      [two]: otherProfile,
    });
    assert.deepEqual(profilesOf({ containers }, [ofSide]), { [two]: otherProfile });
    const byImage: Binding = { ...other, images: [{ repository: 'docker.io/acme/side', tag: '*' }] };
    assert.deepEqual(profilesOf({ containers }, [byImage]), { [two]: otherProfile });
  });

  it('keep what they inherit from the pod, if that can be combined', () => {
    const spec = { securityContext: runtimeDefault, containers: [app, side] };
    assert.deepEqual(profilesOf(spec, [ofSide]), { '/spec/containers/1': `${otherProfile}?base=RuntimeDefault` });
    const based = { securityContext: named(`${profile}?base=localhost/mine.json`), containers: [side] };
    assert.deepEqual(profilesOf(based, [nginx, ofSide]), {
      '/spec/containers/0': `${otherProfile}?base=localhost/mine.json`,
    });
    for (const own of [{ seccompProfile: { type: 'Unconfined' } }, named('mine.json'), named(profile)]) {
      const outcome = refusal({ securityContext: own, containers: [app, side] }, [ofSide]);
      assert.match(outcome.reason, /^ArtifactBinding "side" specifies oci\/.*, but container "side" inherits /);
    }
  });

  it('that are added to a bound pod inherit none of its profiles by mistake', () => {
    const bound = { securityContext: named(profile), containers: [{ ...app, securityContext: named(profile) }] };
    for (const withSide of [
      bindPod(pod({ ...bound, containers: [...bound.containers, side] }), contextOf([nginx, ofSide])),
      bindEphemeralContainers(pod({ ...bound, ephemeralContainers: [side] }), pod(bound), contextOf([nginx, ofSide])),
    ]) {
      assert.equal(withSide.outcome, 'bound');
      assert.match(JSON.stringify(withSide.patch), /other@sha256/);
    }
    const defaulted = { ...bound, securityContext: named(`${profile}?base=RuntimeDefault`) };
    const debug = bindEphemeralContainers(
      pod({ ...defaulted, ephemeralContainers: [side] }),
      pod(defaulted),
      contextOf([nginx, ofSide]),
    );
    assert.match(JSON.stringify(debug), /other@sha256:[a-f0-9]+\?base=RuntimeDefault/);
  });

  it('on which two bindings decide alike are named with both', () => {
    const two: Binding = {
      ...nginx,
      kind: 'ProfileBinding',
      name: 'file',
      source: { from: 'seccompProfile', name: 'web' },
    };
    const outcome = refusal({ containers: [app, side] }, [nginx, two], installed);
    assert.equal(
      outcome.reason,
      `its bindings disagree on the pod, container "app", container "side": ArtifactBinding "nginx" specifies ${profile}, ` +
        'ProfileBinding "file" specifies operator/web.json',
    );
    assert.match(outcome.hint, /equally specific/);
    assert.equal(outcome.isTemporary, undefined);
  });

  it('whose image has no valid name are refused if a binding selects by images', () => {
    const byImage: Binding = { ...other, images: [{ repository: '**' }] };
    const spec = { containers: [app, { ...side, image: 'acme/Side' }] };
    assert.match(refusal(spec, [nginx, byImage]).reason, /image of container "side" has no valid name/);
    assert.ok(profilesOf(spec, [nginx]));
  });

  it('run under a profile that is only logged, or a stricter one that they name', () => {
    const log: Binding = { ...nginx, parameters: { mode: 'Log' } };
    const logged = `${profile}?mode=log`;
    assert.deepEqual(profilesOf({ containers: [app] }, [log]), { '/spec': logged, '/spec/containers/0': logged });
    const enforced = { containers: [{ ...app, securityContext: named(profile) }] };
    assert.deepEqual(profilesOf(enforced, [log]), { '/spec': logged });
    const asksForLog = { containers: [{ ...app, securityContext: named(logged) }] };
    assert.match(refusal(asksForLog, [nginx]).reason, /container "app" specifies Localhost .*mode=log/);
    const defaulted = { securityContext: runtimeDefault, containers: [app] };
    assert.match(JSON.stringify(profilesOf(defaulted, [log])), /\?base=RuntimeDefault&mode=log/);
  });

  it('that are privileged and name an artifact are refused without a binding, because nothing applies it', () => {
    const privileged = { privileged: true };
    const appArmor = { appArmorProfile: { type: 'Localhost', localhostProfile: `oci/${reference}` } };
    for (const spec of [
      { containers: [{ ...app, securityContext: { ...privileged, ...named(profile) } }] },
      { securityContext: named(profile), containers: [{ ...app, securityContext: privileged }] },
      { containers: [{ ...app, securityContext: { ...privileged, ...appArmor } }] },
      { securityContext: appArmor, initContainers: [{ ...app, securityContext: privileged }], containers: [] },
    ]) {
      assert.match(refusal(spec, []).reason, /container "app" is privileged, and .*oci\/registry/);
    }
    const key = 'container.apparmor.security.beta.kubernetes.io/app';
    const annotated = parsePod({
      metadata: { annotations: { [key]: `localhost/oci/${reference}` } },
      spec: { containers: [{ ...app, securityContext: privileged }] },
    });
    assert.equal(bindPod(annotated, contextOf([])).outcome, 'refused');
    const others = { containers: [{ ...app, securityContext: { ...privileged, ...named('mine.json') } }] };
    assert.equal(bindPod(pod(others), contextOf([])).outcome, 'untouched');
  });
});

describe('bindPod: a profile that the cluster holds', () => {
  const spec = { containers: [app] };
  const inForce = { name: 'app', kind: 'Seccomp', reference: otherReference } as const;

  it('is the digest in force', () => {
    const artifact: ClusterState['artifact'] = (kind, namespace, name) =>
      kind === 'ProfileArtifact' && namespace === 'web' && name === 'app' ? inForce : undefined;
    assert.deepEqual(profilesOf(spec, [held], { artifact }), {
      '/spec': otherProfile,
      '/spec/containers/0': otherProfile,
    });
  });

  it('is what is attached to the image, by its digest only', () => {
    const imageArtifacts: ClusterState['imageArtifacts'] = (kind, namespace, of) =>
      kind === 'ProfileArtifact' && namespace === 'web' && of === image ? [inForce] : [];
    assert.deepEqual(profilesOf(spec, [attached], { imageArtifacts }), { '/spec/containers/0': otherProfile });
    const tagged = refusal({ containers: [{ ...app, image: 'ghcr.io/acme/app:1' }] }, [attached], { imageArtifacts });
    assert.match(tagged.reason, /image, and ghcr\.io\/acme\/app:1 is named by its tag$/);
    assert.match(tagged.hint, /crane digest ghcr\.io\/acme\/app:1/);
    assert.equal(tagged.isTemporary, undefined);
    const twice = [inForce, { ...inForce, name: 'second', reference }];
    for (const found of [twice, [...twice].reverse()]) {
      const outcome = refusal(spec, [attached], { imageArtifacts: () => found });
      assert.match(
        outcome.reason,
        /disagree on what is attached to it: "app" holds .*other@.*, "second" holds .*nginx@/,
      );
    }
  });

  it('is the file that nodes have', () => {
    assert.deepEqual(profilesOf(spec, [file], installed), {
      '/spec': 'operator/web.json',
      '/spec/containers/0': 'operator/web.json',
    });
  });

  it('replaces none that the pod asks for: SPO would', () => {
    for (const [own, text] of [
      [runtimeDefault, /the pod asks for RuntimeDefault, and a node intersects no profile with a file/],
      [named('operator/mine.json'), /the pod specifies Localhost "operator\/mine\.json"/],
      [{ seccompProfile: { type: 'Unconfined' } }, /the pod specifies Unconfined/],
    ] as const) {
      assert.match(refusal({ securityContext: own, containers: [app] }, [file], installed).reason, text);
    }
    const same = { securityContext: named('operator/web.json'), containers: [app] };
    assert.deepEqual(profilesOf(same, [file], installed), { '/spec/containers/0': 'operator/web.json' });
  });

  const waiting: readonly [string, Binding, Partial<ClusterState>, RegExp][] = [
    [
      'does not exist',
      held,
      {},
      /^ArtifactBinding "held" takes its profile from ProfileArtifact "web\/app", which does not/,
    ],
    [
      'is not verified yet',
      held,
      { artifact: () => ({ name: 'app', kind: 'Seccomp', problem: 'the registry does not answer.' }) },
      /^ArtifactBinding "held": ProfileArtifact "web\/app" is not verified yet: the registry does not answer$/,
    ],
    [
      'is no longer allowed',
      held,
      { artifact: () => ({ name: 'app', kind: 'Seccomp', withdrawn: otherReference, problem: 'it is not signed.' }) },
      /^ArtifactBinding "held": the trust policy no longer allows the artifact of ProfileArtifact "web\/app": it is not signed$/,
    ],
    [
      'of the image is no longer allowed',
      attached,
      { imageArtifacts: () => [{ name: 'app', kind: 'Seccomp', withdrawn: otherReference }] },
      /^ArtifactBinding "\w+": the trust policy no longer allows the artifact of ProfileArtifact "app"$/,
    ],
    ['is not resolved for the image', attached, {}, /no verified profile is known for the image ghcr\.io\/acme\/app@/],
    [
      'is not installed',
      file,
      { seccompProfile: () => ({}) },
      /SeccompProfile "web" is not installed on the nodes yet$/,
    ],
    ['was deleted', file, {}, /takes its profile from SeccompProfile "web", which does not exist$/],
    [
      'is selected by the labels of a namespace that is new',
      { ...nginx, kind: 'ClusterArtifactBinding', namespaceSelector: { matchLabels: { team: 'web' } } },
      { namespaceLabels: () => undefined },
      /^the labels of the namespace web are not known yet/,
    ],
  ];
  for (const [title, binding, known, reason] of waiting) {
    it(`that ${title} refuses the pod for now`, () => {
      const outcome = refusal(spec, [binding], known);
      assert.match(outcome.reason, reason);
      assert.equal(outcome.isTemporary, true);
    });
  }

  it('that is not resolved for the image states what to do for a pod that no workload makes', () => {
    const image = `ghcr.io/acme/app@${digest}`;
    const hintOf = (binding: Binding, known: Partial<ClusterState> = {}) => refusal(spec, [binding], known).hint;
    assert.equal(
      hintOf(attached),
      'Retry in 10 seconds if a ReplicaSet, StatefulSet, DaemonSet, Job or ReplicationController names this image: its ' +
        'profile is looked up then, and these retry by themselves. For a pod that none of them creates, create a ' +
        `ProfileArtifact with spec.image: ${image} in the namespace web.`,
    );
    const ofCluster: Binding = { ...attached, kind: 'ClusterArtifactBinding' };
    assert.match(hintOf(ofCluster), / create a ClusterProfileArtifact with spec\.image: \S+@sha256:\w+\.$/);
    const imageArtifacts = () => [{ name: 'app', kind: 'Seccomp' as const, problem: 'it is being checked' }];
    assert.match(hintOf(attached, { imageArtifacts }), /^Retry in 10 seconds; Deployments/);
  });

  it('that is not installed states what to do without an agent that installs profiles', () => {
    const { hint } = refusal(spec, [file], { seccompProfile: () => ({}) });
    assert.match(hint, /bind an artifact with an ArtifactBinding in its place, or delete the binding/);
  });

  it('does not matter if a more specific binding decides', () => {
    assert.deepEqual(
      profilesOf(
        { containers: [side] },
        [
          { ...file, images: undefined },
          { ...nginx, containers: ['side'] },
        ],
        installed,
      ),
      {
        '/spec': 'operator/web.json',
        '/spec/containers/0': profile,
      },
    );
    const specific: Binding = { ...nginx, images: [{ repository: 'ghcr.io/acme/app', digest }] };
    const outcome = bindEphemeralContainers(
      pod({ containers: [], ephemeralContainers: [app] }),
      pod({ containers: [] }),
      contextOf([held, specific]),
    );
    assert.deepEqual(outcome.outcome === 'bound' && outcome.localhostProfiles, [profile]);
  });

  it('of another kind is refused for good', () => {
    const artifact = () => ({ name: 'app', kind: 'AppArmor', reference }) as const;
    const outcome = refusal(spec, [held], { artifact });
    assert.match(outcome.reason, /holds a profile of the kind AppArmor/);
    assert.equal(outcome.isTemporary, undefined);
  });
});

describe('checkUpdate: another image', () => {
  const byImage: Binding = { ...nginx, images: [{ repository: 'docker.io/acme/loose' }] };
  const running = (image: string) => pod({ containers: [{ name: 'app', image, securityContext: named(profile) }] });
  const update = (image: string, bindings: readonly Binding[], known?: Partial<ClusterState>) =>
    checkUpdate(running(image), running('acme/loose:1'), contextOf(bindings, known));

  it('may not keep the profile that was for the one before', () => {
    const outcome = update('acme/other:1', [byImage, other]);
    assert.equal(outcome.outcome, 'refused');
    assert.match(outcome.reason, /"other" specifies .*, but container "app" specifies Localhost/);
    assert.equal(update('acme/Other', [byImage]).outcome, 'refused', 'not the name of an image');
    assert.equal(update('acme/loose:2', [byImage, other]).outcome, 'untouched');
    assert.equal(update('acme/other:1', [byImage]).outcome, 'untouched', 'no other binding');
    assert.equal(update('acme/other:1', [nginx]).outcome, 'untouched', 'not by image');
  });

  it('may not keep the profile that was attached to the one before', () => {
    const imageArtifacts = () => [{ name: 'app', kind: 'Seccomp', reference: otherReference } as const];
    assert.equal(update(image, [attached], { imageArtifacts }).outcome, 'refused');
    assert.equal(update('acme/loose:1', [attached], { imageArtifacts }).outcome, 'untouched');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contextOf, metadata, nginx, other, otherReference, profile, reference } from '#test/support/nginx-binding';
import { parsePod } from '../api/pod.ts';
import { bindPod } from './bind.ts';
import type { Binding } from './binding.ts';

const localhost = { type: 'Localhost', localhostProfile: profile };
const defaulted = { type: 'Localhost', localhostProfile: `${profile}?base=RuntimeDefault` };
const runtimeDefault = { type: 'RuntimeDefault' };
const everything: Binding = {
  ...nginx,
  name: 'everything',
  podSelector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] },
};

const annotated = { ...metadata, annotations: { 'fairlead.dev/bound-by': 'nginx' } };
const app = { name: 'app' };
const bound = { name: 'app', securityContext: { seccompProfile: localhost } };
const podAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
const appAnnotation = 'container.seccomp.security.alpha.kubernetes.io/app';

const addPod = { op: 'add', path: '/spec/securityContext', value: { seccompProfile: localhost } };
const addApp = { op: 'add', path: '/spec/containers/0/securityContext', value: { seccompProfile: localhost } };
const defaultPod = { ...addPod, value: { seccompProfile: defaulted } };
const defaultApp = { ...addApp, value: { seccompProfile: defaulted } };
const replacePod = { op: 'add', path: '/spec/securityContext/seccompProfile', value: localhost };
const replaceApp = { op: 'add', path: '/spec/containers/0/securityContext/seccompProfile', value: localhost };
const annotate = { op: 'add', path: '/metadata/annotations', value: { 'fairlead.dev/bound-by': 'nginx' } };

const patched: [string, object, object, readonly object[]][] = [
  ['says nothing', metadata, { containers: [app] }, [addPod, addApp, annotate]],
  [
    'says other things in its security contexts',
    metadata,
    {
      securityContext: { runAsNonRoot: true },
      containers: [{ name: 'app', securityContext: { privileged: false } }],
    },
    [replacePod, replaceApp, annotate],
  ],
  [
    'says RuntimeDefault for itself and a container',
    metadata,
    {
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{ name: 'app', securityContext: { seccompProfile: { type: 'RuntimeDefault' } } }],
    },
    [{ ...replacePod, value: defaulted }, { ...replaceApp, value: defaulted }, annotate],
  ],
  [
    'says RuntimeDefault for itself, which its containers inherit',
    metadata,
    {
      securityContext: { seccompProfile: runtimeDefault },
      containers: [app, { name: 'plain', securityContext: { seccompProfile: localhost } }],
    },
    [{ ...replacePod, value: defaulted }, defaultApp, annotate],
  ],
  [
    'says RuntimeDefault for a container only',
    metadata,
    { containers: [app, { name: 'side', securityContext: { seccompProfile: runtimeDefault } }] },
    [
      addPod,
      addApp,
      { op: 'add', path: '/spec/containers/1/securityContext/seccompProfile', value: defaulted },
      annotate,
    ],
  ],
  [
    'has init containers',
    metadata,
    { initContainers: [app], containers: [bound] },
    [addPod, { ...addApp, path: '/spec/initContainers/0/securityContext' }, annotate],
  ],
  [
    'has null where there could be something',
    metadata,
    { securityContext: null, initContainers: null, os: null, containers: [{ ...app, securityContext: null }] },
    [addPod, addApp, annotate],
  ],
  [
    'has the profile, and other annotations',
    { ...metadata, annotations: { team: 'web' } },
    { securityContext: { seccompProfile: localhost }, containers: [bound] },
    [{ op: 'add', path: '/metadata/annotations/fairlead.dev~1bound-by', value: 'nginx' }],
  ],
  ['is bound already', annotated, { securityContext: { seccompProfile: localhost }, containers: [bound] }, []],
  [
    'has the artifact natively',
    annotated,
    { securityContext: { seccompProfile: { type: 'OCI', oci: { reference } } }, containers: [bound] },
    [],
  ],
  [
    'has the artifact natively in containers, which a kubelet before 1.38 would run unconfined',
    annotated,
    {
      securityContext: { seccompProfile: localhost },
      containers: [
        { name: 'app', securityContext: { seccompProfile: { type: 'OCI', oci: { ref: reference } } } },
        {
          name: 'based',
          securityContext: {
            seccompProfile: { type: 'OCI', oci: { ref: reference, baseProfile: { type: 'RuntimeDefault' } } },
          },
        },
      ],
    },
    [replaceApp, { op: 'add', path: '/spec/containers/1/securityContext/seccompProfile', value: defaulted }],
  ],
  [
    'has the artifact with a base of its own, which only tightens it',
    annotated,
    {
      securityContext: {
        seccompProfile: { type: 'Localhost', localhostProfile: `${profile}?base=localhost/mine.json` },
      },
      containers: [bound, { name: 'inherits' }],
    },
    [
      {
        op: 'add',
        path: '/spec/containers/1/securityContext',
        value: { seccompProfile: { type: 'Localhost', localhostProfile: `${profile}?base=localhost/mine.json` } },
      },
    ],
  ],
  [
    'says RuntimeDefault by annotations',
    { ...metadata, annotations: { [podAnnotation]: 'runtime/default', [appAnnotation]: 'docker/default' } },
    { containers: [app] },
    [
      defaultPod,
      { op: 'remove', path: '/metadata/annotations/seccomp.security.alpha.kubernetes.io~1pod' },
      defaultApp,
      { op: 'remove', path: '/metadata/annotations/container.seccomp.security.alpha.kubernetes.io~1app' },
      { op: 'add', path: '/metadata/annotations/fairlead.dev~1bound-by', value: 'nginx' },
    ],
  ],
  [
    'says the profile by annotation, which newer versions do not heed',
    { ...metadata, annotations: { ...annotated.annotations, [podAnnotation]: `localhost/${profile}` } },
    { containers: [bound] },
    [addPod, { op: 'remove', path: '/metadata/annotations/seccomp.security.alpha.kubernetes.io~1pod' }],
  ],
  ['claims to be for Linux', annotated, { os: { name: 'linux' }, containers: [app] }, [addPod, addApp]],
];

const refused: [string, object, object, RegExp][] = [
  [
    'is Unconfined',
    metadata,
    { securityContext: { seccompProfile: { type: 'Unconfined' } }, containers: [app] },
    /"nginx" specifies oci\/registry.*, but the pod specifies Unconfined$/,
  ],
  [
    'has an Unconfined container',
    metadata,
    {
      containers: [app, { name: 'side', securityContext: { seccompProfile: { type: 'Unconfined' } } }],
    },
    /container "side" specifies Unconfined/,
  ],
  [
    'has an init container under another file',
    metadata,
    {
      initContainers: [
        {
          name: 'init',
          securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'profiles/init.json' } },
        },
      ],
      containers: [app],
    },
    /init container "init" specifies Localhost "profiles\/init\.json"/,
  ],
  [
    'names another artifact',
    metadata,
    {
      securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: `oci/${otherReference}` } },
      containers: [app],
    },
    /the pod specifies Localhost "oci\/registry\.example\.com\/security\/other@/,
  ],
  [
    'names another artifact natively',
    metadata,
    {
      securityContext: { seccompProfile: { type: 'OCI', oci: { reference: otherReference } } },
      containers: [app],
    },
    /the pod specifies OCI "registry\.example\.com\/security\/other@/,
  ],
  [
    'has a privileged container, whatever profile it names',
    metadata,
    { containers: [{ name: 'app', securityContext: { privileged: true, seccompProfile: localhost } }] },
    /container "app" is privileged/,
  ],
  [
    'is unconfined by annotation',
    { ...metadata, annotations: { [podAnnotation]: 'unconfined' } },
    { containers: [app] },
    /the pod specifies Unconfined/,
  ],
  [
    'has a container under another file by annotation',
    { ...metadata, annotations: { [appAnnotation]: 'localhost/mine.json' } },
    { containers: [app] },
    /container "app" specifies Localhost "mine\.json"/,
  ],
  [
    'contradicts in several places',
    metadata,
    {
      securityContext: { seccompProfile: { type: 'Unconfined' } },
      containers: [{ name: 'app', securityContext: { privileged: true } }],
    },
    /the pod specifies Unconfined; container "app" is privileged/,
  ],
  [
    'claims to be for Windows, which older API servers forget',
    metadata,
    { os: { name: 'windows' }, containers: [app] },
    /spec\.os\.name alone does not keep a pod for Windows off Linux nodes/,
  ],
  [
    'names the artifact with parameters that the shim refuses',
    metadata,
    {
      containers: [
        {
          name: 'app',
          securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: `${profile}?base=../x` } },
        },
      ],
    },
    /container "app" specifies Localhost/,
  ],
];

const untouched: [string, object, object, RegExp][] = [
  ['is not selected', { labels: { app: 'envoy' } }, { containers: [app] }, /no binding/],
  ['has no labels', {}, { containers: [app] }, /no binding/],
  [
    'is for Windows nodes',
    metadata,
    { os: { name: 'windows' }, nodeSelector: { 'kubernetes.io/os': 'windows' }, containers: [app] },
    /Windows/,
  ],
  [
    'is a mirror pod',
    { ...metadata, annotations: { 'kubernetes.io/config.mirror': 'x' } },
    { containers: [app] },
    /mirror/,
  ],
];

describe('bindPod: a pod that', () => {
  for (const [title, meta, spec, patch] of patched) {
    it(`${title} is bound`, () => {
      assert.deepEqual(bindPod(parsePod({ metadata: meta, spec }), contextOf([nginx])), {
        outcome: 'bound',
        patch,
        bindings: ['nginx'],
        localhostProfiles: [profile],
      });
    });
  }
  for (const [title, meta, spec, reason] of refused) {
    it(`${title} is refused`, () => {
      const outcome = bindPod(parsePod({ metadata: meta, spec }), contextOf([nginx]));
      assert.equal(outcome.outcome, 'refused');
      assert.match(outcome.reason, reason);
    });
  }
  for (const [title, meta, spec, reason] of untouched) {
    it(`${title} is left alone`, () => {
      const outcome = bindPod(parsePod({ metadata: meta, spec }), contextOf([nginx]));
      assert.equal(outcome.outcome, 'untouched');
      assert.match(outcome.reason, reason);
    });
  }
});

const based = (localhost: string): Binding => ({ ...nginx, parameters: { base: { localhost } } });

describe('bindPod: bindings', () => {
  const pod = parsePod({ metadata, spec: { containers: [app] } });

  it('with a base write it after the reference', () => {
    const outcome = bindPod(pod, contextOf([based('profiles/base.json')]));
    assert.equal(outcome.outcome, 'bound');
    assert.deepEqual(outcome.localhostProfiles, [`${profile}?base=localhost/profiles/base.json`]);
  });

  it('with a base leave a pod that names it, by the older spelling too', () => {
    for (const base of ['localhost/profiles/base.json', 'profiles/base.json']) {
      const seccompProfile = { type: 'Localhost', localhostProfile: `${profile}?base=${base}` };
      const spec = {
        securityContext: { seccompProfile },
        containers: [{ name: 'app', securityContext: { seccompProfile } }],
      };
      const outcome = bindPod(parsePod({ metadata: annotated, spec }), contextOf([based('profiles/base.json')]));
      assert.deepEqual(outcome.outcome === 'bound' && outcome.patch, []);
    }
  });

  it('with the default of the runtime as base write it into every pod', () => {
    const outcome = bindPod(pod, contextOf([{ ...nginx, parameters: { base: 'RuntimeDefault' } }]));
    assert.deepEqual(outcome.outcome === 'bound' && outcome.patch, [defaultPod, defaultApp, annotate]);
  });

  it('with a file as base refuse a pod that asks for RuntimeDefault: a reference carries one base', () => {
    const spec = { securityContext: { seccompProfile: runtimeDefault }, containers: [app] };
    const outcome = bindPod(parsePod({ metadata, spec }), contextOf([based('base.json')]));
    assert.equal(outcome.outcome, 'refused');
    assert.match(outcome.reason, /the pod asks for RuntimeDefault.*one base only/);
  });

  it('that agree are all named, in one order', () => {
    for (const bindings of [
      [nginx, everything],
      [everything, nginx],
    ]) {
      const outcome = bindPod(pod, contextOf(bindings));
      assert.equal(outcome.outcome, 'bound');
      assert.deepEqual(outcome.bindings, ['everything', 'nginx']);
      assert.deepEqual(outcome.patch.at(-1), {
        op: 'add',
        path: '/metadata/annotations',
        value: { 'fairlead.dev/bound-by': 'everything,nginx' },
      });
    }
  });

  it('that disagree refuse the pod and are both named', () => {
    for (const bindings of [
      [nginx, other],
      [other, everything, nginx],
    ]) {
      const outcome = bindPod(pod, contextOf(bindings));
      assert.equal(outcome.outcome, 'refused');
      assert.match(outcome.reason, /"other" specifies oci\/registry\.example\.com\/security\/other@/);
      assert.match(outcome.reason, /"(nginx|everything)" specifies oci\/registry\.example\.com\/security\/nginx@/);
    }
  });

  it('of the same artifact with different bases disagree', () => {
    const outcome = bindPod(
      pod,
      contextOf([nginx, { ...everything, parameters: { base: { localhost: 'base.json' } } }]),
    );
    assert.equal(outcome.outcome, 'refused');
  });

  it('with a base do not take the bare artifact for it', () => {
    const natively = parsePod({
      metadata,
      spec: { securityContext: { seccompProfile: { type: 'OCI', oci: { reference } } }, containers: [app] },
    });
    assert.equal(bindPod(natively, contextOf([based('base.json')])).outcome, 'refused');
  });
});

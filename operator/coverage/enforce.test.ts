import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryPods } from '#test/support/arbitrary-pods';
import { contextOf, profile } from '#test/support/nginx-binding';
import { parsePod } from '../api/pod.ts';
import { changesBinding } from '../bind/check.ts';
import { enforceCoverage, enforceLabel, enforceUnseenPod } from './enforce.ts';

const inNamespace = (level?: string) =>
  contextOf([], { namespaceLabels: () => new Map(level === undefined ? [] : [[enforceLabel, level]]) });
const unknown = contextOf([], { namespaceLabels: () => undefined });

const localhost = (localhostProfile: string) => ({ seccompProfile: { type: 'Localhost', localhostProfile } });
const podOf = (spec: object, metadata: object = {}) =>
  parsePod({ metadata, spec: { containers: [{ name: 'app' }], ...spec } });
const covered = podOf({ securityContext: localhost(profile) });
const bare = podOf({});

describe('enforceCoverage', () => {
  const created = (pod: ReturnType<typeof podOf>, level?: string) =>
    enforceCoverage(pod, undefined, inNamespace(level));

  it('asks for nothing without the label, and nothing of a pod whose containers have a verified profile', () => {
    assert.equal(created(bare), undefined);
    for (const level of ['audit', 'warn', 'enforce', 'strict']) assert.equal(created(covered, level), undefined);
    assert.equal(enforceCoverage(covered, undefined, unknown), undefined);
  });

  it('reports, warns or refuses by the value of the label', () => {
    assert.deepEqual(created(bare, 'audit'), { outcome: 'reported', report: 'container "app" (Unset)' });
    assert.deepEqual(created(bare, 'warn'), {
      outcome: 'reported',
      report: 'container "app" (Unset)',
      warning:
        'without a verified profile: container "app" (Unset). Create an ArtifactBinding that selects the pod ' +
        '(docs/guides/cluster.md), and create the pod again.',
    });
    assert.deepEqual(created(bare, 'enforce'), {
      outcome: 'refused',
      reason:
        'the namespace web has the label fairlead.dev/enforce=enforce, and the pod has containers without a verified ' +
        'profile: container "app" (Unset)',
      hint: 'Create an ArtifactBinding that selects the pod (docs/guides/cluster.md), and create the pod again.',
    });
  });

  it('takes an unknown value for enforce, and names the valid ones', () => {
    for (const value of ['', 'Enforce', 'true']) {
      const outcome = created(bare, value);
      assert.ok(outcome?.outcome === 'refused', value);
      assert.ok(outcome.reason.includes(`is ${JSON.stringify(value)}, which is treated as enforce`), outcome.reason);
      assert.match(outcome.reason, /valid values are audit, warn, enforce, and .*container "app"/);
    }
  });

  it('refuses for a moment what depends on labels that are not known yet', () => {
    const outcome = enforceCoverage(bare, undefined, unknown);
    assert.ok(outcome?.outcome === 'refused');
    assert.equal(outcome.isTemporary, true);
    assert.match(outcome.hint, /Retry in a few seconds/);
  });

  it('names each container that lacks a profile, of all lists', () => {
    const pod = podOf({
      initContainers: [{ name: 'init', securityContext: { seccompProfile: { type: 'Unconfined' } } }],
      containers: [
        { name: 'app', securityContext: localhost(profile) },
        { name: 'log', securityContext: localhost(`${profile}?mode=log`) },
        { name: 'file', securityContext: localhost('profiles/mine.json') },
        { name: 'object', securityContext: localhost('operator/nginx.json') },
      ],
      ephemeralContainers: [{ name: 'debugger', securityContext: { ...localhost(profile), privileged: true } }],
    });
    const outcome = created(pod, 'audit');
    assert.ok(outcome?.outcome === 'reported');
    assert.equal(
      outcome.report,
      'init container "init" (Unconfined), container "log" (LoggedArtifact), container "file" (File), ' +
        'ephemeral container "debugger" (Privileged)',
    );
  });

  it('says in the hint what to change, by what the container runs under', () => {
    const hintOf = (securityContext: object) => {
      const outcome = created(podOf({ containers: [{ name: 'app', securityContext }] }), 'enforce');
      return outcome?.outcome === 'refused' ? outcome.hint : assert.fail('admitted');
    };
    assert.match(hintOf({ privileged: true }), /Remove privileged: true/);
    assert.match(hintOf(localhost(`${profile}?mode=log`)), /Remove mode: Log/);
    assert.match(
      hintOf({ seccompProfile: { type: 'OCI', oci: { ref: profile.slice('oci/'.length) } } }),
      /type Localhost/,
    );
  });

  it('does not rely on an annotation, which Kubernetes 1.27 and newer ignore', () => {
    const annotation = (value: string) => ({
      annotations: { 'container.seccomp.security.alpha.kubernetes.io/app': value },
    });
    assert.equal(created(podOf({}, annotation(`localhost/${profile}`)), 'enforce')?.outcome, 'refused');
    const securityContext = localhost(profile);
    // Kubelets up to 1.24 prefer it to the field of the pod.
    assert.equal(created(podOf({ securityContext }, annotation('unconfined')), 'enforce')?.outcome, 'refused');
    assert.equal(created(podOf({ securityContext }, annotation(`localhost/${profile}`)), 'enforce'), undefined);
  });

  it('exempts mirror pods and pods for Windows', () => {
    const mirror = podOf({}, { annotations: { 'kubernetes.io/config.mirror': 'x' } });
    assert.equal(created(mirror, 'enforce'), undefined);
    assert.equal(created(podOf({ nodeSelector: { 'kubernetes.io/os': 'windows' } }), 'enforce'), undefined);
  });

  it('warns in 256 characters of pods with short names, and names 20 containers elsewhere', () => {
    const containers = Array.from({ length: 30 }, (_, index) => ({ name: `container-${index}` }));
    const outcome = created(podOf({ containers }), 'warn');
    assert.ok(outcome?.outcome === 'reported');
    assert.ok((outcome.warning ?? '').length <= 256, outcome.warning);
    assert.match(outcome.report, /"container-19" \(Unset\), …$/);
  });

  it('judges of an update what loses its profile or is added, and no more', () => {
    const context = inNamespace('enforce');
    const debugger_ = { ephemeralContainers: [{ name: 'debugger' }] };
    assert.equal(enforceCoverage(podOf(debugger_), bare, context)?.outcome, 'refused');
    assert.equal(enforceCoverage(bare, bare, context), undefined);
    assert.equal(enforceCoverage(podOf(debugger_), podOf(debugger_), context), undefined);
    assert.equal(enforceCoverage(bare, covered, context)?.outcome, 'refused');
    assert.equal(
      enforceCoverage(podOf({ securityContext: localhost(profile), ...debugger_ }), covered, context),
      undefined,
    );
  });

  it('refuses no update for which bindings are not asked', () => {
    fc.assert(
      fc.property(arbitraryPods, arbitraryPods, (one, other) => {
        const [pod, before] = [parsePod(one), parsePod(other)];
        const outcome = enforceCoverage(pod, before, inNamespace('enforce'));
        assert.ok(outcome === undefined || changesBinding(pod, before));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('enforceUnseenPod', () => {
  it('counts an ephemeral container as one without a profile', () => {
    assert.equal(enforceUnseenPod(inNamespace()), undefined);
    assert.equal(enforceUnseenPod(inNamespace('audit'))?.outcome, 'reported');
    const warned = enforceUnseenPod(inNamespace('warn'));
    assert.match(warned?.outcome === 'reported' ? (warned.warning ?? '') : '', /before Kubernetes 1\.22/);
    for (const level of ['enforce', 'strict']) assert.equal(enforceUnseenPod(inNamespace(level))?.outcome, 'refused');
    const waiting = enforceUnseenPod(unknown);
    assert.ok(waiting?.outcome === 'refused' && waiting.isTemporary);
  });
});

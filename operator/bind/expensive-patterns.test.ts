import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { contextOf, reference } from '#test/support/nginx-binding';
import { parsePod } from '../api/pod.ts';
import { podCoverage } from '../coverage/pod-coverage.ts';
import { wantedProfiles } from '../image-profiles/wanted-profiles.ts';
import { bindPod } from './bind.ts';
import { checkPod, checkUpdate } from './check.ts';
import { readArtifactBinding } from './read-binding.ts';

const patternsOf = (text: (index: number) => string): readonly string[] =>
  Array.from({ length: 64 }, (_, i) => text(i));
const hostile = (name: string, more: object = {}) =>
  readArtifactBinding({
    metadata: { name },
    spec: { reference, podSelector: {}, images: patternsOf((i) => `**/${'a/'.repeat(110)}x${i}/**`), ...more },
  });
const cheap = (name: string) =>
  readArtifactBinding({ metadata: { name }, spec: { reference, podSelector: {}, images: ['ghcr.io/acme/**'] } });
const podOf = (containers: number, labels: object = {}) =>
  parsePod({
    metadata: { labels },
    spec: {
      containers: Array.from({ length: containers }, (_, index) => ({
        name: `c${index}`,
        image: `a.b/${'a/'.repeat(116)}a${index}@sha256:${'b2'.repeat(32)}`,
      })),
    },
  });
const expensive =
  /^ArtifactBinding "hostile" has patterns of images that take too long to compare with the images of the pod$/;

describe('patterns that take too long to compare', () => {
  const context = contextOf([cheap('a'), hostile('hostile'), cheap('z')]);
  const pod = podOf(10);

  it('refuse the pod for the binding that has them', () => {
    for (const outcome of [bindPod(pod, context), checkPod(pod, context)]) {
      assert.ok(outcome.outcome === 'refused', outcome.outcome);
      assert.match(outcome.reason, expensive);
      assert.equal(outcome.isTemporary, undefined);
    }
  });

  it('refuse an update by which other bindings may decide', () => {
    const selective = contextOf([hostile('hostile', { podSelector: { matchLabels: { app: 'web' } } })]);
    const outcome = checkUpdate(podOf(10, { app: 'web' }), pod, selective);
    assert.ok(outcome.outcome === 'refused', outcome.outcome);
    assert.match(outcome.reason, expensive);
  });

  it('are the problem of the containers in the coverage', () => {
    const problems = podCoverage(pod, context).map(({ problem }) => problem?.split('. ')[0]);
    assert.match(problems.at(-1) ?? '', expensive);
  });

  it('are compared again no sooner than what is remembered', () => {
    assert.deepEqual(bindPod(pod, context), bindPod(pod, context));
  });

  it('take no more steps for all templates of a namespace than for a pod', () => {
    const images = [...patternsOf((i) => `**/${'a/'.repeat(110)}x${i}/**`).slice(1), '**'];
    const binding = hostile('hostile', { reference: undefined, profileFrom: 'ImageReferrers', images });
    const bindings = [{ binding, uid: 'u', resourceVersion: '1', namespace: 'web' }];
    const containers = podOf(200).spec.containers?.map(({ name }, index) => ({
      name,
      image: { repository: `a.b/${'a/'.repeat(116)}a${index}`, digest: `sha256:${'b2'.repeat(32)}` },
    }));
    const templates = [{ namespace: 'web', labels: new Map(), containers: containers ?? [] }];
    const wanted = wantedProfiles(bindings, templates, () => new Map());
    assert.ok(wanted.size > 0 && wanted.size < 200, `${wanted.size}`);
  });
});

describe('patterns that people write', () => {
  it('are compared, also if a hundred bindings have them', () => {
    const bindings = Array.from({ length: 100 }, (_, team) =>
      readArtifactBinding({
        metadata: { name: `team-${team}` },
        spec: { reference, podSelector: {}, images: patternsOf((i) => `ghcr.io/acme/team-${team}-*/app${i}/**`) },
      }),
    );
    const containers = Array.from({ length: 20 }, (_, index) => ({
      name: `c${index}`,
      image: `ghcr.io/acme/team-7-web/app${index}/server:1.2`,
    }));
    const outcome = bindPod(parsePod({ metadata: {}, spec: { containers } }), contextOf(bindings));
    assert.equal(outcome.outcome, 'bound', 'reason' in outcome ? outcome.reason : '');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CoveredPod } from './outdated-owners.ts';
import { type CoverageState, coverageStates, isVouchedFor } from './pod-coverage.ts';
import { policyReport, withTimestamps } from './policy-report.ts';

interface PodParts {
  readonly owner?: { readonly kind: string; readonly name: string; readonly apiVersion?: string };
  readonly isRunning?: boolean;
  readonly isOutdated?: boolean;
}

const pod = (name: string, states: readonly CoverageState[], parts: PodParts = {}): CoveredPod => ({
  namespace: 'web',
  name,
  owner: parts.owner && { apiVersion: 'apps/v1', ...parts.owner },
  isRunning: parts.isRunning ?? true,
  containers: states.map((state, index) => ({
    ...{ title: `container "c${index}"`, state, profile: undefined, bindings: [] },
    ...{ wanted: undefined, problem: undefined, isOutdated: parts.isOutdated ?? false, isWithdrawn: false },
  })),
});
const reported = (...pods: CoveredPod[]) => policyReport('web', pods) ?? assert.fail('no report');
const onlyResult = (...pods: CoveredPod[]) => {
  const [result, ...others] = reported(...pods).results;
  assert.deepEqual(others, []);
  return result ?? assert.fail('no result');
};
const noResults = { fail: 0, warn: 0, error: 0, pass: 0, skip: 0 };
const cart = { kind: 'Deployment', name: 'cart' };

describe('policyReport', () => {
  for (const [states, result, severity] of [
    [['Artifact', 'ProfileObject'], 'pass', undefined],
    [['Exempt', 'Exempt'], 'skip', undefined],
    [['Artifact', 'LoggedArtifact'], 'warn', 'low'],
    [['LoggedArtifact', 'RuntimeDefault'], 'fail', 'low'],
    [['Artifact', 'Unset'], 'fail', 'medium'],
    [['RuntimeDefault', 'File'], 'fail', 'medium'],
    [['Unset', 'Unconfined'], 'fail', 'high'],
    [['Privileged'], 'fail', 'high'],
  ] as const) {
    it(`is ${result} for a pod with ${states.join(' and ')}`, () => {
      const found = onlyResult(pod('nginx', states));
      assert.deepEqual([found.result, found.severity, found.scored], [result, severity, /pass|fail/.test(result)]);
    });
  }

  it('has all that dashboards read of a result', () => {
    const pods = ['cart-1', 'cart-2'].map((name) => pod(name, ['Unset', 'Artifact', 'Unconfined'], { owner: cart }));
    assert.deepEqual(reported(...pods), {
      summary: { ...noResults, fail: 1 },
      results: [
        {
          source: 'fairlead',
          policy: 'verified-profile',
          rule: 'seccomp',
          category: 'Security Profiles',
          severity: 'high',
          result: 'fail',
          scored: true,
          message: 'without a verified profile: container "c0" (Unset), container "c2" (Unconfined)',
          resources: [{ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name: 'cart' }],
          properties: { resultID: 'fairlead/web/apps/v1/Deployment/cart/fail', pods: '2', outdated: '0' },
        },
      ],
    });
  });

  it('has one result for the pods of an owner that are alike, and one for each pod without an owner', () => {
    const pods = [
      pod('bare', ['Unset']),
      pod('cart-1', ['Unset'], { owner: cart }),
      pod('cart-2', ['RuntimeDefault'], { owner: cart }),
      pod('cart-3', ['Artifact'], { owner: cart }),
      pod('cart-0', ['Unset'], { owner: { kind: 'StatefulSet', name: 'cart' } }),
      pod('kube-proxy-n1', ['Exempt'], { owner: { kind: 'Node', name: 'n1', apiVersion: 'v1' } }),
      pod('ended', ['Unset'], { isRunning: false }),
    ];
    const { summary, results } = reported(...pods);
    assert.deepEqual(summary, { ...noResults, fail: 3, pass: 1, skip: 1 });
    assert.deepEqual(
      results.map(({ result, resources, properties }) => [
        result,
        ...resources.map(({ kind, name }) => `${kind}/${name}`),
        properties['pods'],
      ]),
      [
        ['fail', 'Deployment/cart', '2'],
        ['fail', 'Pod/bare', '1'],
        ['fail', 'StatefulSet/cart', '1'],
        ['pass', 'Deployment/cart', '1'],
        ['skip', 'Pod/kube-proxy-n1', '1'],
      ],
    );
    assert.equal(
      results[0]?.message,
      'without a verified profile: container "c0" (RuntimeDefault), container "c0" (Unset)',
    );
  });

  it('says if it is enough to replace the pods', () => {
    const { message, properties } = onlyResult(pod('nginx', ['Unset'], { isOutdated: true }));
    assert.match(message, /New pods get a profile: replace the old ones \(fairlead cluster outdated\)\.$/);
    assert.equal(properties['outdated'], '1');
    const mixed = [
      pod('cart-1', ['Unset'], { owner: cart, isOutdated: true }),
      pod('cart-2', ['Unset'], { owner: cart }),
    ];
    const part = onlyResult(...mixed);
    assert.doesNotMatch(part.message, /New pods/);
    assert.equal(part.properties['outdated'], '1');
  });

  it('names a few of many containers', () => {
    const { message } = onlyResult(
      pod(
        'nginx',
        Array.from({ length: 500 }, () => 'Unset'),
      ),
    );
    assert.ok(message.length < 1000 && message.endsWith(', …'), message);
  });

  it('does not exist for a namespace in which nothing runs', () => {
    assert.equal(policyReport('web', []), undefined);
    assert.equal(policyReport('web', [pod('ended', ['Unset'], { isRunning: false })]), undefined);
  });

  it('leaves out what is too much for an object, the least important first, and says so', () => {
    const name = (index: number) => `${'n'.repeat(200)}-${index}`;
    const many = Array.from({ length: 1200 }, (_, index) => pod(name(index), [index % 2 === 0 ? 'Unset' : 'Artifact']));
    const { summary, results } = reported(...many);
    const [first, ...others] = results;
    const leftOut = 1200 - others.length;
    assert.deepEqual(
      [first?.result, first?.rule, first?.properties['leftOut'], first?.resources],
      ['warn', 'complete-report', String(leftOut), [{ apiVersion: 'v1', kind: 'Namespace', name: 'web' }]],
    );
    assert.match(first?.message ?? '', new RegExp(`${leftOut} results are left out`));
    assert.deepEqual(summary, { ...noResults, fail: 600, warn: 1, pass: 600 });
    assert.equal(others.filter(({ result }) => result === 'fail').length, 600);
    assert.ok(others.length < 1000 && others.length > 600, String(others.length));
  });

  it('leaves out what is too large for itself, and nothing else for it', () => {
    const huge = { kind: 'Deployment', name: 'a'.repeat(600_000) };
    const { results } = reported(pod('one', ['Unset'], { owner: huge }), pod('two', ['Unset']));
    assert.deepEqual(
      results.flatMap(({ resources }) => resources.map(({ name }) => name)),
      ['web', 'two'],
    );
  });

  const owners = fc.record({
    kind: fc.constantFrom('Deployment', 'StatefulSet', 'Node'),
    name: fc.constantFrom('a', 'b', 'é', 'x'.repeat(253)),
  });
  const pods = fc.array(
    fc
      .tuple(
        fc.array(fc.constantFrom(...coverageStates), { minLength: 1, maxLength: 4 }),
        fc.record({ owner: owners, isRunning: fc.boolean(), isOutdated: fc.boolean() }, { requiredKeys: [] }),
      )
      .map(([states, parts]) => ({ states, parts })),
    { maxLength: 30 },
  );

  it('counts each running pod once, passes those only that are vouched for, and does not depend on their order', () => {
    fc.assert(
      fc.property(pods, (parts) => {
        const made = parts.map(({ states, parts }, index) => pod(`pod-${index}`, states, parts));
        const report = policyReport('web', made);
        assert.deepEqual(policyReport('web', made.toReversed()), report);
        const running = made.filter(({ isRunning }) => isRunning);
        if (report === undefined) return assert.equal(running.length, 0);
        const { results, summary } = report;
        const count = (...kinds: string[]) =>
          results
            .filter(({ result }) => kinds.includes(result))
            .reduce((sum, { properties }) => sum + Number(properties['pods']), 0);
        assert.equal(count('pass', 'skip'), running.filter(({ containers }) => containers.every(isVouchedFor)).length);
        assert.equal(count('pass', 'skip', 'fail', 'warn'), running.length);
        assert.equal(new Set(results.map(({ properties }) => properties.resultID)).size, results.length);
        assert.equal(
          Object.values(summary).reduce((sum, each) => sum + each),
          results.length,
        );
      }),
    );
  });

  it('stays below the limit of an object with any number of pods', () => {
    const many = fc.tuple(
      fc.integer({ min: 1, max: 4000 }),
      fc.integer({ min: 1, max: 60_000 }),
      fc.constantFrom('n', 'é'),
    );
    fc.assert(
      fc.property(many, ([count, length, letter]) => {
        const name = letter.repeat(Math.min(length, Math.ceil(3_000_000 / count)));
        const made = Array.from({ length: count }, (_, index) => pod(`${name}${index}`, ['Unset']));
        const { summary, results } = reported(...made);
        const written = { summary, results: withTimestamps(results, new Map(), new Date(0)) };
        assert.ok(Buffer.byteLength(JSON.stringify(written)) < 1024 * 1024);
        assert.equal(summary.fail, count);
      }),
      { numRuns: 20 },
    );
  });
});

describe('withTimestamps', () => {
  it('keeps the time of a result that was there, and has now for a new one', () => {
    const { results } = reported(pod('old', ['Unset']), pod('new', ['Artifact']));
    const before = new Map([['fairlead/web/v1/Pod/old/fail', { seconds: 7, nanos: 8 }]]);
    const timed = withTimestamps(results, before, new Date(12_345));
    assert.deepEqual(
      timed.map(({ timestamp }) => timestamp),
      [
        { seconds: 7, nanos: 8 },
        { seconds: 12, nanos: 0 },
      ],
    );
  });
});

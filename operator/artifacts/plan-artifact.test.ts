import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FollowedArtifactStatus } from '../api/shared/followed-artifact.ts';
import type { ArtifactCheck, FoundArtifact, Refusal, VerifiedArtifact } from './check.ts';
import type { Comparison } from './compare-profiles.ts';
import { artifactInForce, firstCheck, planArtifact, planInvalidArtifact } from './plan-artifact.ts';
import { type ArtifactSpec, parseStoredArtifact, type StoredArtifact } from './stored-artifact.ts';

const now = new Date('2026-12-01T10:00:00Z');
const minutes = 60_000;
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const verified = (letter: string): VerifiedArtifact => ({
  reference: `registry.example.com/security/nginx@${digest(letter)}`,
  digest: digest(letter),
  kind: 'Seccomp',
  size: 100,
  signers: [{ key: 'release.pub' }],
  rule: 'registry.example.com/**',
});
const found = (letter: string, comparison?: Comparison): FoundArtifact => ({
  ...verified(letter),
  ...(comparison && { comparison }),
});
const refused = (reason: string, isDecision: boolean, of?: string): Refusal => ({
  reason,
  message: `because of ${reason}.`,
  isDecision,
  ...(of !== undefined && { digest: digest(of) }),
});
const tighter: Comparison = { loosened: 0, tightened: 2, summary: 'permits less: bind, ptrace' };
const looser: Comparison = { loosened: 1, tightened: 0, summary: 'permits more: ptrace' };

type Valid = StoredArtifact & { readonly spec: ArtifactSpec };

function objectOf(status: FollowedArtifactStatus = {}, spec: object = {}): Valid {
  const object = parseStoredArtifact({
    kind: 'ProfileArtifact',
    metadata: { name: 'nginx', namespace: 'web', resourceVersion: '1', generation: 2 },
    spec: { reference: 'registry.example.com/security/nginx:stable', ...spec },
    status,
  });
  assert.ok(!('problem' in object.spec), JSON.stringify(object.spec));
  return { ...object, spec: object.spec };
}

const track = (more: object = {}) => ({ update: { policy: 'Track', interval: '10m', ...more } });

function plan(object: Valid, check: Partial<ArtifactCheck>, failures = 1) {
  return planArtifact(object, { policy: 'p1', ...check }, { now, failures, random: 0 });
}

/** The object after a check. */
function after(object: Valid, check: Partial<ArtifactCheck>): Valid {
  return { ...object, status: plan(object, check).status };
}

const inForce = () => after(objectOf({}, track()), { found: found('a') });
const conditions = ({ conditions = [] }: FollowedArtifactStatus) =>
  conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
const described = ({ status, events }: ReturnType<typeof plan>) => ({
  digest: status.digest?.slice(7, 8),
  conditions: conditions(status),
  events: events.map(({ type, reason }) => `${type} ${reason}`),
});

describe('planArtifact', () => {
  it('takes the first digest that is verified, and states who signed it', () => {
    const { status, events, requeueAfter } = plan(objectOf(), { found: found('a') });
    assert.deepEqual(status, {
      observedGeneration: 2,
      ...verified('a'),
      policy: 'p1',
      lastCheckTime: '2026-12-01T10:00:00Z',
      history: [{ digest: digest('a'), since: '2026-12-01T10:00:00Z' }],
      conditions: status.conditions,
    });
    assert.deepEqual(conditions(status), ['Ready True Verified', 'UpToDate True UpToDate']);
    assert.deepEqual(events, [{ type: 'Normal', reason: 'Verified', message: `${digest('a')} is in force` }]);
    assert.equal(requeueAfter, undefined, 'a pinned tag is resolved once');
  });

  it('is not ready until a digest was verified, and asks again after growing delays', () => {
    const failed = plan(objectOf(), { found: refused('SignatureInvalid', true, 'a') });
    assert.deepEqual(described(failed), {
      digest: undefined,
      conditions: ['Ready False SignatureInvalid', 'UpToDate False SignatureInvalid'],
      events: ['Warning SignatureInvalid'],
    });
    assert.equal(failed.status.refused?.digest, digest('a'));
    const delays = [1, 2, 3, 20].map(
      (failures) => plan(objectOf(), { found: refused('NotFound', false) }, failures).requeueAfter,
    );
    assert.deepEqual(delays, [10_000, 20_000, 40_000, 10 * minutes]);
  });

  it('replaces a digest by one that permits less, and records it', () => {
    const replaced = plan(inForce(), { found: found('b', tighter) });
    assert.deepEqual(described(replaced), {
      digest: 'b',
      conditions: ['Ready True Verified', 'UpToDate True UpToDate'],
      events: ['Normal Replaced'],
    });
    assert.match(
      replaced.events[0]?.message ?? '',
      /^sha256:b+ replaces sha256:a+, and is in force: permits less: bind, ptrace$/,
    );
    assert.deepEqual(
      replaced.status.history?.map(({ since: _, ...entry }) => entry),
      [{ digest: digest('b'), ...tighter }, { digest: digest('a') }],
    );
    assert.equal(replaced.requeueAfter, 10 * minutes);
  });

  it('does not replace a digest by one that permits more, is not signed or is not there', () => {
    const cases = [
      [found('b', looser), 'LooserReplacement'],
      [found('b', { problem: 'it was deleted' }), 'NotComparable'],
      [found('b'), 'NotComparable'],
      [refused('SignatureInvalid', true, 'b'), 'SignatureInvalid'],
      [refused('Unavailable', false), 'Unavailable'],
      [refused('NotFound', false), 'NotFound'],
    ] as const;
    for (const [result, reason] of cases) {
      const kept = plan(inForce(), { found: result });
      assert.deepEqual(described(kept), {
        digest: 'a',
        conditions: ['Ready True Verified', `UpToDate False ${reason}`],
        events: [`Warning ${reason}`],
      });
      assert.match(kept.events[0]?.message ?? '', / sha256:a+ stays in force\.$/);
      assert.equal(kept.status.history?.length, 1);
      const again = plan(after(inForce(), { found: result }), { found: result });
      assert.deepEqual(again.events, [], 'is reported once');
    }
  });

  it('names the difference and the next step if a digest permits more', () => {
    const { status } = plan(inForce(), { found: found('b', looser) });
    assert.match(
      status.refused?.message ?? '',
      /^sha256:b+ was not taken: it permits what sha256:a+, which was in force last, does not \(permits more: ptrace\)\. See the difference with: fairlead diff --policy FILE oci:\S+@sha256:a+ oci:\S+@sha256:b+\. To take it, set spec\.update\.allowLooser: true\.$/,
    );
  });

  it('takes what permits more if the specification allows it', () => {
    const object = { ...inForce(), spec: objectOf({}, track({ allowLooser: true })).spec };
    for (const comparison of [looser, { problem: 'it was deleted' }]) {
      const taken = plan(object, { found: found('b', comparison) });
      assert.equal(taken.status.digest, digest('b'));
      const summary = 'problem' in comparison ? 'not compared: it was deleted' : comparison.summary;
      assert.equal(taken.status.history?.[0]?.summary, summary);
    }
  });

  it('is up to date again when the registry has the digest in force again', () => {
    const refusing = after(inForce(), { found: found('b', looser) });
    const again = plan(refusing, { found: found('a') });
    assert.equal(again.status.refused, undefined);
    assert.deepEqual(described(again), {
      digest: 'a',
      conditions: ['Ready True Verified', 'UpToDate True UpToDate'],
      events: [],
    });
  });

  it('withdraws a digest that the policy no longer allows, and takes it again if it does', () => {
    const withdrawn = plan(inForce(), { policy: 'p2', inForce: refused('NotAllowed', true, 'a') });
    assert.deepEqual(described(withdrawn), {
      digest: undefined,
      conditions: ['Ready False NotAllowed', 'UpToDate False NotAllowed'],
      events: ['Warning NotAllowed'],
    });
    assert.equal(withdrawn.status.reference, undefined);
    assert.equal(withdrawn.status.policy, 'p2');
    assert.match(
      withdrawn.events[0]?.message ?? '',
      /^sha256:a+ is no longer in force, pods that are bound to it are refused: /,
    );
    const object = { ...inForce(), status: withdrawn.status };
    const again = plan(object, { policy: 'p3', found: found('a') });
    assert.deepEqual(described(again), {
      digest: 'a',
      conditions: ['Ready True Verified', 'UpToDate True UpToDate'],
      events: ['Normal Verified'],
    });
    assert.equal(again.status.history?.length, 1);
  });

  const withdrawn = () => after(inForce(), { policy: 'p2', inForce: refused('NotAllowed', true, 'a') });

  it('takes nothing looser after a withdrawal, but what was in force before, if it is verified again', () => {
    const { status } = withdrawn();
    const { reference, kind } = verified('a');
    const { reason, message } = refused('NotAllowed', true);
    assert.deepEqual(status.withdrawn, { reference, digest: digest('a'), kind, reason, message });
    const again = plan(withdrawn(), { policy: 'p3', withdrawn: verified('a'), found: found('b', looser) });
    assert.deepEqual(described(again), {
      digest: 'a',
      conditions: ['Ready True Verified', 'UpToDate False LooserReplacement'],
      events: ['Normal Verified', 'Warning LooserReplacement'],
    });
    assert.equal(again.status.withdrawn, undefined);
    assert.equal(again.status.history?.length, 1);
  });

  it('takes what permits less after a withdrawal', () => {
    const replaced = plan(withdrawn(), { policy: 'p3', withdrawn: verified('a'), found: found('b', tighter) });
    assert.deepEqual(described(replaced).events, ['Normal Replaced']);
    assert.match(replaced.events[0]?.message ?? '', /^sha256:b+ replaces sha256:a+, and is in force: permits less/);
    assert.deepEqual(replaced.status.history?.[0]?.tightened, 2);
  });

  it('takes nothing that cannot be compared with what was withdrawn, unless the specification allows it', () => {
    const notCompared = { withdrawn: refused('NotAllowed', true, 'a'), found: found('b', { problem: 'not allowed' }) };
    const withheld = plan(withdrawn(), notCompared);
    assert.deepEqual(described(withheld), {
      digest: undefined,
      conditions: ['Ready False NotComparable', 'UpToDate False NotComparable'],
      events: ['Warning NotComparable'],
    });
    assert.match(
      withheld.events[0]?.message ?? '',
      /^sha256:b+ was not taken: it cannot be compared with sha256:a+, which was in force last: not allowed\. To take it, set /,
    );
    assert.equal(withheld.status.withdrawn?.digest, digest('a'));
    assert.deepEqual(plan(after(withdrawn(), notCompared), notCompared).events, [], 'is reported once');
    const free = { ...withdrawn(), spec: objectOf({}, track({ allowLooser: true })).spec };
    assert.equal(plan(free, notCompared).status.digest, digest('b'));
  });

  it('replaces at once what the policy no longer allows, only if the specification allows what is looser', () => {
    const check = { policy: 'p2', inForce: refused('SignatureInvalid', true, 'a') };
    const other = { ...check, found: found('b', { problem: 'not signed' }) };
    const withheld = plan(inForce(), other);
    assert.equal(withheld.status.digest, undefined);
    assert.deepEqual(described(withheld).events, ['Warning SignatureInvalid', 'Warning NotComparable']);
    const replaced = plan({ ...inForce(), spec: objectOf({}, track({ allowLooser: true })).spec }, other);
    assert.equal(replaced.status.digest, digest('b'));
    assert.deepEqual(described(replaced).events, ['Warning SignatureInvalid', 'Normal Replaced']);
  });

  it('compares an artifact of another kind with nothing', () => {
    const object = { ...withdrawn(), spec: objectOf({}, { kind: 'AppArmor' }).spec };
    const { status } = plan(object, { found: { ...found('b'), kind: 'AppArmor' } });
    assert.deepEqual([status.digest, status.withdrawn], [digest('b'), undefined]);
    assert.equal(status.history?.[0]?.summary, 'nothing was in force before');
  });

  it('keeps a digest that cannot be verified again now, and its policy, so that it is tried again', () => {
    const kept = plan(inForce(), { policy: 'p2', inForce: refused('Unavailable', false, 'a') });
    assert.equal(kept.status.digest, digest('a'));
    assert.equal(kept.status.policy, 'p1');
    assert.deepEqual(described(kept).conditions, ['Ready True Verified', 'UpToDate False Unavailable']);
    assert.equal(kept.requeueAfter, 10_000);
  });

  it('has nothing in force of another kind', () => {
    const object = { ...inForce(), spec: objectOf({}, { kind: 'AppArmor' }).spec };
    assert.equal(artifactInForce(object), undefined);
    const failed = plan(object, { found: refused('NotFound', false) });
    assert.equal(failed.status.digest, undefined);
  });

  it('has at most ten digests in its history', () => {
    let object = objectOf({}, track());
    for (const letter of '0123456789abcd') object = after(object, { found: found(letter, tighter) });
    const { history = [] } = object.status;
    assert.equal(history.map((each) => each.digest.slice(7, 8)).join(''), 'dcba987654');
  });

  it('leaves what nodes report as it is', () => {
    const reported = { type: 'NodesAccept', status: 'False', reason: 'Refused', message: 'n1 refuses it' } as const;
    const before = { ...reported, lastTransitionTime: '2026-11-01T00:00:00Z' };
    const { status } = plan(objectOf({ conditions: [before] }), { found: found('a') });
    assert.deepEqual(status.conditions?.[0], before);
  });

  it('keeps what is in force if the specification is invalid', () => {
    const status = planInvalidArtifact(inForce(), 'spec.reference: invalid.', now);
    assert.equal(status.digest, digest('a'));
    assert.deepEqual(conditions(status).slice(0, 2), ['Ready True Verified', 'UpToDate False InvalidSpec']);
  });
});

describe('firstCheck', () => {
  it('is due at once if anything is not settled', () => {
    const settled = inForce();
    assert.equal(firstCheck(objectOf(), 'p1', now), 0);
    assert.equal(firstCheck(settled, 'p2', now), 0);
    assert.equal(firstCheck(after(settled, { found: refused('NotFound', false) }), 'p1', now), 0);
    const changed = { ...settled, metadata: { ...settled.metadata, generation: 3 } };
    assert.equal(firstCheck(changed, 'p1', now), 0);
  });

  it('is due after the interval for what is tracked, and never for what is pinned', () => {
    const settled = inForce();
    assert.equal(firstCheck(settled, 'p1', now), 10 * minutes);
    assert.equal(firstCheck(settled, 'p1', new Date(now.getTime() + 4 * minutes)), 6 * minutes);
    assert.equal(firstCheck(settled, 'p1', new Date(now.getTime() + 11 * minutes)), 0);
    assert.equal(firstCheck(after(objectOf(), { found: found('a') }), 'p1', now), undefined);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type ArtifactWorld,
  type AskedOfWorld,
  expectedInForce,
  isVerifiable,
  isWithin,
  permits,
} from '#test/oracle/artifact-in-force';
import type { FollowedArtifactStatus } from '../api/shared/followed-artifact.ts';
import type { ArtifactCheck, FoundArtifact, Refusal } from './check.ts';
import type { Comparison } from './compare-profiles.ts';
import {
  type ArtifactPlan,
  artifactInForce,
  firstCheck,
  isUpToDate,
  planArtifact,
  planInvalidArtifact,
  withdrawnArtifact,
} from './plan-artifact.ts';
import { type ArtifactSpec, parseStoredArtifact, type StoredArtifact } from './stored-artifact.ts';

const letters = Object.keys(permits);
const digestOf = (letter: string) => `sha256:${letter.repeat(64)}`;
const letterOf = (digest: string | undefined): string | null => digest?.slice(-1) ?? null;
const minute = 60_000;

/** What happens between two checks, and when the next one is made. */
interface Step {
  readonly world: ArtifactWorld;
  /** Names the policy: a change of `allowed` is another policy. */
  readonly isTracked: boolean;
  readonly isEdited: boolean;
  readonly isInvalid: boolean;
  readonly minutes: number;
  readonly random: number;
}

const some = fc.subarray(letters);
const allowed = fc.oneof({ weight: 3, arbitrary: fc.constant(letters) }, some);
const steps: fc.Arbitrary<Step> = fc.record({
  world: fc.record({
    tag: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...letters) }, fc.constant(null)),
    answers: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
    deleted: fc.oneof({ weight: 8, arbitrary: fc.constant([]) }, some),
    allowed,
    allowLooser: fc.boolean(),
  }),
  isTracked: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false)),
  isEdited: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
  isInvalid: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
  minutes: fc.nat(60),
  random: fc.double({ min: 0, max: 1, noNaN: true }),
});

const policyOf = ({ allowed }: ArtifactWorld) => `allows ${allowed.join('')}`;
const refusal = (reason: string, isDecision: boolean, letter?: string): Refusal => ({
  reason,
  message: `${reason}.`,
  isDecision,
  ...(letter !== undefined && { digest: digestOf(letter) }),
});

/** Returns what a check finds out about a digest, as the registry and the policy are. */
function lookUp(letter: string, { answers, deleted, allowed }: ArtifactWorld): FoundArtifact | Refusal {
  if (!answers) return refusal('Unavailable', false, letter);
  if (deleted.includes(letter)) return refusal('NotFound', false, letter);
  if (!allowed.includes(letter)) return refusal('SignatureInvalid', true, letter);
  const digest = digestOf(letter);
  const reference = `registry.example.com/nginx@${digest}`;
  return { reference, digest, kind: 'Seccomp', size: 1, signers: [], rule: '**' };
}

/** Returns the result of a check, as the registry and the policy are. */
function checkOf(
  before: string | null,
  last: string | null,
  world: ArtifactWorld,
  { policyChanged, resolves }: AskedOfWorld,
): ArtifactCheck {
  const check = {
    policy: policyOf(world),
    ...(policyChanged && before !== null && { inForce: lookUp(before, world) }),
    ...(before === null && last !== null && { withdrawn: lookUp(last, world) }),
  };
  if (!resolves) return check;
  if (world.tag === null) return { ...check, found: refusal(world.answers ? 'NotFound' : 'Unavailable', false) };
  const found = lookUp(world.tag, world);
  if ('isDecision' in found || last === null || last === world.tag) return { ...check, found };
  return { ...check, found: { ...found, comparison: compare(last, world.tag, world) } };
}

function compare(before: string, after: string, world: ArtifactWorld): Comparison {
  if (!isVerifiable(before, world)) return { problem: 'it cannot be read' };
  const less = (one: string, other: string) =>
    [...(permits[one] ?? '')].filter((call) => !permits[other]?.includes(call));
  return { loosened: less(after, before).length, tightened: less(before, after).length, summary: 'it was compared' };
}

type Valid = StoredArtifact & { readonly spec: ArtifactSpec };

function objectOf(status: FollowedArtifactStatus, generation: number, { world, isTracked }: Step): Valid {
  const object = parseStoredArtifact({
    kind: 'ProfileArtifact',
    metadata: { name: 'nginx', namespace: 'web', resourceVersion: '1', generation },
    spec: {
      reference: 'registry.example.com/nginx:stable',
      update: { policy: isTracked ? 'Track' : 'Pinned', interval: '10m', allowLooser: world.allowLooser },
    },
    status,
  });
  assert.ok(!('problem' in object.spec), JSON.stringify(object.spec));
  return { ...object, spec: object.spec };
}

const conditionOf = ({ conditions = [] }: FollowedArtifactStatus, wanted: string) =>
  conditions.find(({ type }) => type === wanted)?.status;

/** Verifies that a status states what is in force or was last, and by which policy. */
function assertStated(object: Valid, inForce: string | null, last: string | null): void {
  const { status } = object;
  assert.equal(letterOf(status.digest), inForce);
  assert.equal(artifactInForce(object)?.digest, status.digest);
  assert.equal(status.reference?.split('@')[1], status.digest);
  assert.equal(letterOf(withdrawnArtifact(object)?.digest), inForce === null ? last : null);
  assert.equal(conditionOf(status, 'Ready'), inForce === null ? 'False' : 'True');
  assert.equal(status.refused === undefined, isUpToDate(status));
  // What is in force was allowed by the policy that the status names.
  if (inForce !== null) assert.ok(status.policy?.slice('allows '.length).includes(inForce), status.policy);
}

/** Verifies that the next check is neither at once nor too far in the future. */
function assertBounded({ requeueAfter }: ArtifactPlan, status: FollowedArtifactStatus, isTracked: boolean): void {
  if (isUpToDate(status) && !isTracked) assert.equal(requeueAfter, undefined);
  else if (isUpToDate(status))
    assert.ok(requeueAfter !== undefined && requeueAfter >= 10 * minute && requeueAfter <= 11 * minute);
  else assert.ok(requeueAfter !== undefined && requeueAfter >= 5000 && requeueAfter <= 10 * minute);
}

/** Verifies that events report exactly what changed. */
function assertReported(events: ArtifactPlan['events'], before: string | null, after: string | null): void {
  const normal = events.filter(({ type }) => type === 'Normal').map(({ message }) => message);
  assert.equal(normal.length, after !== null && after !== before ? 1 : 0);
  if (after !== null && after !== before) assert.ok(normal[0]?.startsWith(digestOf(after)));
  const isWithdrawn = before !== null && events.some(({ message }) => message.includes('is no longer in force'));
  if (before !== null && after === null) assert.ok(isWithdrawn);
  if (before === after) assert.ok(!isWithdrawn);
}

describe('what is in force for an object that follows an artifact', () => {
  it('is as the registry and the policy allow after any sequence of changes', () => {
    const seen = { taken: 0, kept: 0, withdrawn: 0, restored: 0, replaced: 0, withheld: 0, loosened: 0, full: 0 };
    fc.assert(
      fc.property(fc.array(steps, { minLength: 1, maxLength: 60, size: 'max' }), (sequence) => {
        let status: FollowedArtifactStatus = {};
        let generation = 1;
        let failures = 0;
        let now = Date.UTC(2026, 0, 1);
        let inForce: string | null = null;
        let last: string | null = null;
        const taken: string[] = [];
        for (const step of sequence) {
          const { world, isTracked, random } = step;
          now += step.minutes * minute;
          if (step.isEdited) generation++;
          const object = objectOf(status, generation, step);
          if (step.isInvalid) {
            status = planInvalidArtifact(object, 'spec.reference: invalid', new Date(now));
            assert.equal(letterOf(status.digest), inForce);
            continue;
          }
          const isSettled = isUpToDate(status) && status.observedGeneration === generation;
          const asked = {
            policyChanged: status.policy !== policyOf(world),
            resolves: isTracked || !isSettled || inForce === null,
          };
          const plan = planArtifact(object, checkOf(inForce, last, world, asked), {
            ...{ now: new Date(now), failures: failures + 1, random },
          });
          const expected = expectedInForce(inForce, last, world, asked);
          const before: string | null = inForce;
          ({ status } = plan);
          assert.equal(letterOf(status.digest), expected);
          inForce = expected;
          failures = isUpToDate(status) ? 0 : failures + 1;

          assertStated({ ...object, status }, inForce, inForce ?? last);
          if (isUpToDate(status) && asked.resolves) assert.equal(inForce, world.tag);
          if (inForce !== null && last !== null && !isWithin(inForce, last)) {
            assert.ok(world.allowLooser, `${last} was replaced by ${inForce}`);
            seen.loosened++;
          }
          if (before === null && last !== null) {
            seen[inForce === null ? 'withheld' : inForce === last ? 'restored' : 'replaced']++;
          }
          last = inForce ?? last;

          if (inForce !== null && inForce !== before && taken[0] !== inForce) taken.unshift(inForce);
          const history = (status.history ?? []).map(({ digest }) => letterOf(digest));
          assert.deepEqual(history, taken.slice(0, 10));
          if (taken.length > 10) seen.full++;
          assertReported(plan.events, before, inForce);
          assertBounded(plan, status, isTracked);
          const due = firstCheck({ ...object, status }, policyOf(world), new Date(now - step.minutes * minute));
          assert.ok(due === undefined ? !isTracked : due >= 0 && due <= 10 * minute, String(due));

          if (inForce !== before) seen[inForce === null ? 'withdrawn' : 'taken']++;
          else if (inForce !== null && world.tag !== inForce) seen.kept++;
        }
      }),
      { numRuns: 1000 },
    );
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 50, `${what} was hardly tried: ${count}`);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FollowedArtifactStatus } from '../api/shared/followed-artifact.ts';
import { type ArtifactDecisions, noDecisions } from '../node-decisions/nodes-accept.ts';
import { withDecisions } from './node-acceptance.ts';
import { parseStoredArtifact } from './stored-artifact.ts';

const reference = `registry.example.com/security/nginx@sha256:${'ab'.repeat(32)}`;
const now = new Date('2026-12-01T12:00:00Z');
const earlier = '2026-12-01T10:00:00Z';
const refused: ArtifactDecisions = {
  isAccepted: true,
  refused: [{ pod: 'web/a', node: 'n1', kind: 'NotAllowed', reason: 'no' }],
};

type Held = 'True' | 'False' | undefined;

const condition = (status: 'True' | 'False') => ({
  ...{ type: 'NodesAccept', status, reason: 'Held', message: 'held', observedGeneration: 1 },
  lastTransitionTime: earlier,
});
const statusWith = (held: Held): FollowedArtifactStatus => ({
  reference,
  conditions: held === undefined ? [] : [condition(held)],
});

/** Decides for an object that has a condition, where the last check has found another. */
function decide(held: Held, decided: ArtifactDecisions | undefined, ofLastCheck: FollowedArtifactStatus) {
  const object = parseStoredArtifact({
    kind: 'ProfileArtifact',
    metadata: { name: 'nginx', namespace: 'web', resourceVersion: '1', generation: 1 },
    spec: { reference: 'registry.example.com/security/nginx:1' },
    status: statusWith(held),
  });
  const about = (of: string, namespace?: string) => {
    assert.deepEqual([of, namespace], [reference, 'web']);
    return decided;
  };
  const { status, event } = withDecisions(object, ofLastCheck, { about }, now);
  const [found] = status.conditions ?? [];
  return { found: `${found?.status} ${found?.reason} ${found?.lastTransitionTime}`, event: event?.reason };
}

describe('withDecisions', () => {
  it('reports the beginning of refusals once', () => {
    const since = `False NodesRefuse ${now.toISOString().replace('.000', '')}`;
    assert.deepEqual(decide('True', refused, statusWith('True')), { found: since, event: 'NodesRefuse' });
    assert.deepEqual(decide(undefined, refused, statusWith(undefined)), { found: since, event: 'NodesRefuse' });
    assert.equal(decide('False', refused, statusWith('False')).event, undefined);
  });

  it('keeps the time of a condition that was written after the last check', () => {
    const { found } = decide('False', refused, statusWith('True'));
    assert.equal(found, `False NodesRefuse ${earlier}`);
  });

  it('leaves the condition as it is while nothing is known', () => {
    assert.equal(decide('False', undefined, statusWith('True')).found, `False Held ${earlier}`);
    assert.match(decide(undefined, undefined, statusWith(undefined)).found, /^Unknown NotReported /);
  });

  it('states nothing about nodes without an artifact in force', () => {
    const { conditions = [] } = statusWith('False');
    assert.match(decide('False', undefined, { conditions }).found, /^Unknown NotReported /);
    assert.match(decide('True', noDecisions, statusWith('True')).found, /^Unknown NotReported /);
  });
});

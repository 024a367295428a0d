import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorKind } from '#lib/errors';
import { noDecisions, nodesAccept } from './nodes-accept.ts';

const refusal = (pod: string, kind: ErrorKind, reason = 'because') => ({ pod: `web/${pod}`, node: 'n1', kind, reason });
const conditionOf = (isAccepted: boolean, ...refused: ReturnType<typeof refusal>[]) => {
  const { type, status, reason, message } = nodesAccept({ isAccepted, refused });
  return [`${type} ${status} ${reason}`, message];
};

describe('nodesAccept', () => {
  it('is unknown without a pod, and true with a container that runs', () => {
    assert.equal(nodesAccept(noDecisions).reason, 'NotReported');
    assert.equal(conditionOf(true)[0], 'NodesAccept True Accepted');
  });

  it('is false with a pod that is refused, also if others run', () => {
    assert.deepEqual(conditionOf(true, refusal('a', 'NotAllowed')), [
      'NodesAccept False NodesRefuse',
      'Nodes refuse it. Pod web/a on node n1 waits: NotAllowed: because.',
    ]);
  });

  it('says what to do about credentials', () => {
    assert.deepEqual(conditionOf(false, refusal('a', 'Unauthenticated')), [
      'NodesAccept False NodesUnauthenticated',
      'Nodes refuse it. Pod web/a on node n1 waits: Unauthenticated: because. Nodes do not use pullSecret: give them a ' +
        'credential provider, or credentials in a file of their own.',
    ]);
  });

  it('names one pod for each kind of refusal, always the same one', () => {
    const refused = [
      refusal('c', 'NotAllowed'),
      refusal('b', 'Unauthenticated', 'no'),
      refusal('a', 'NotAllowed', 'first (Next.)'),
      refusal('d', 'NotFound'),
      refusal('e', 'ProfileInvalid'),
      refusal('f', 'Unavailable'),
    ];
    const [condition, message = ''] = conditionOf(false, ...refused);
    assert.equal(condition, 'NodesAccept False NodesRefuse');
    assert.match(
      message,
      /^Nodes refuse it\. 2 pods wait, such as web\/a on node n1: NotAllowed: first \(Next\.\) Pod web\/d /,
    );
    assert.ok(!message.includes('web/b') && !message.includes('web/f'), message);
    assert.deepEqual(conditionOf(false, ...refused.toReversed()), [condition, message]);
  });

  it('is unknown while nodes cannot decide, unless a container runs', () => {
    const [condition, message] = conditionOf(false, refusal('a', 'Unavailable', 'the registry is down'));
    assert.equal(condition, 'NodesAccept Unknown NodesUnavailable');
    assert.match(
      message ?? '',
      /^No node has decided\. Pod web\/a on node n1 waits: Unavailable: the registry is down\.$/,
    );
    assert.equal(conditionOf(true, refusal('a', 'Unavailable'))[0], 'NodesAccept True Accepted');
  });
});

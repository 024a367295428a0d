import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { type LabelRequirement, selects } from './label-selector.ts';

const labels = new Map([
  ['app', 'nginx'],
  ['tier', ''],
  ['constructor', 'yes'],
]);

const requirements: [LabelRequirement, boolean][] = [
  [{ key: 'app', operator: 'In', values: ['nginx', 'envoy'] }, true],
  [{ key: 'app', operator: 'In', values: ['envoy'] }, false],
  [{ key: 'absent', operator: 'In', values: ['nginx'] }, false],
  [{ key: 'app', operator: 'NotIn', values: ['envoy'] }, true],
  [{ key: 'app', operator: 'NotIn', values: ['nginx'] }, false],
  [{ key: 'absent', operator: 'NotIn', values: ['nginx'] }, true],
  [{ key: 'tier', operator: 'Exists' }, true],
  [{ key: 'tier', operator: 'In', values: [''] }, true],
  [{ key: 'absent', operator: 'Exists' }, false],
  [{ key: 'toString', operator: 'Exists' }, false],
  [{ key: 'constructor', operator: 'Exists' }, true],
  [{ key: 'app', operator: 'DoesNotExist' }, false],
  [{ key: 'absent', operator: 'DoesNotExist', values: [] }, true],
];

describe('label selector', () => {
  for (const [requirement, expected] of requirements) {
    const { key, operator, values = [] } = requirement;
    it(`${key} ${operator} [${values.join(',')}] is ${expected}`, () => {
      assert.equal(selects({ matchExpressions: [requirement] }, labels), expected);
    });
  }

  it('selects everything when empty', () => {
    assert.equal(selects({}, new Map()), true);
    assert.equal(selects({ matchLabels: new Map(), matchExpressions: [] }, labels), true);
  });

  it('wants all requirements', () => {
    const matchLabels = new Map([['app', 'nginx']]);
    assert.equal(selects({ matchLabels }, labels), true);
    assert.equal(selects({ matchLabels: new Map([...matchLabels, ['tier', 'x']]) }, labels), false);
    assert.equal(
      selects({ matchLabels, matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, labels),
      false,
    );
  });

  it('refuses requirements that Kubernetes refuses', () => {
    for (const requirement of [
      { key: 'app', operator: 'In' },
      { key: 'app', operator: 'NotIn', values: [] },
      { key: 'app', operator: 'Exists', values: ['x'] },
    ] satisfies LabelRequirement[]) {
      assert.throws(
        () => selects({ matchExpressions: [requirement] }, labels),
        (thrown) => thrown instanceof FairleadError && thrown.kind === 'InvalidInput' && /"app"/.test(thrown.message),
      );
    }
  });
});

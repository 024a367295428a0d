import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import {
  bindingSelectorSchema,
  type LabelRequirement,
  labelSelectorSchema,
  selects,
  selectsNothing,
} from './label-selector.ts';

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
    assert.equal(selects({ matchLabels: {}, matchExpressions: [] }, labels), true);
  });

  it('wants all requirements', () => {
    const matchLabels = { app: 'nginx' };
    assert.equal(selects({ matchLabels }, labels), true);
    assert.equal(selects({ matchLabels: { ...matchLabels, tier: 'x' } }, labels), false);
    assert.equal(
      selects({ matchLabels, matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] }, labels),
      false,
    );
  });

  it('may be written with what labels can be, and refuses all else, naming it', () => {
    const accepts = (selector: object) => v.safeParse(labelSelectorSchema, selector);
    const valid = [
      ...['a', 'A.b_c-9', 'example.com/a', `${'a.'.repeat(126)}a/${'b'.repeat(63)}`].map((key) => ({ [key]: 'x' })),
      ...['', 'a', '1.2-3_x', 'a'.repeat(63)].map((value) => ({ a: value })),
    ];
    for (const matchLabels of valid) assert.equal(accepts({ matchLabels }).success, true, JSON.stringify(matchLabels));
    const wrongKeys = ['', 'a ', 'a:', '-a', 'a.', 'a/b/c', '/a', 'a/', 'Example.com/a', 'a..b/c', 'a'.repeat(64)];
    for (const key of [...wrongKeys, `${'a'.repeat(254)}/a`, 'ä', 'a\n']) {
      for (const selector of [{ matchLabels: { [key]: 'x' } }, { matchExpressions: [{ key, operator: 'Exists' }] }]) {
        assert.match(accepts(selector).issues?.[0].message ?? '', /is not a valid label key$/, key);
      }
    }
    for (const value of [' ', 'a b', 'a/b', '-a', 'a.', 'a'.repeat(64), 'app=nginx', 'a\n']) {
      const matchExpressions = [{ key: 'a', operator: 'In', values: ['x', value] }];
      for (const selector of [{ matchLabels: { a: value } }, { matchExpressions }]) {
        assert.match(accepts(selector).issues?.[0].message ?? '', /is not a valid label value$/, value);
      }
    }
    const requirements: [object, string][] = [
      [{ operator: 'In' }, 'In requires values'],
      [{ operator: 'NotIn', values: [] }, 'NotIn requires values'],
      [{ operator: 'Exists', values: ['x'] }, 'Exists allows no values'],
    ];
    for (const [requirement, message] of requirements) {
      const { issues } = accepts({ matchExpressions: [{ key: 'app', ...requirement }] });
      assert.equal(issues?.[0].message, message);
    }
  });
});

describe('the label selector of a binding', () => {
  const values = (count: number): object => ({
    matchExpressions: [
      { key: 'app', operator: 'In', values: Array.from({ length: count }, (_, i) => `${'v'.repeat(59)}${i}`) },
    ],
  });
  const labelsOf = (count: number): object => ({
    matchLabels: Object.fromEntries(Array.from({ length: count }, (_, i) => [`label-${i}`, 'yes'])),
  });
  const expressions = (count: number): object => ({
    matchExpressions: Array.from({ length: count }, (_, i) => ({ key: `label-${i}`, operator: 'Exists' })),
  });

  for (const [title, selector, problem] of [
    ['64 labels', labelsOf(64), undefined],
    ['65 labels', labelsOf(65), 'must have at most 64 matchLabels'],
    ['64 expressions', expressions(64), undefined],
    ['65 expressions', expressions(65), 'must have at most 64 matchExpressions'],
    ['200 long values', values(200), undefined],
    [
      '300 long values',
      values(300),
      'must have at most 16384 characters as JSON: give the pods a label of their own, and select by that',
    ],
  ] as const) {
    it(`${problem === undefined ? 'may' : 'may not'} have ${title}`, () => {
      const parsed = v.safeParse(bindingSelectorSchema, selector);
      assert.deepEqual(
        parsed.issues?.map(({ message }) => message),
        problem && [problem],
      );
    });
  }
});

describe('selectsNothing', () => {
  it('knows a selector that requires a label and its absence, and no other', () => {
    const [exists, absent] = [
      { key: 'a', operator: 'Exists' },
      { key: 'a', operator: 'DoesNotExist' },
    ] as const;
    assert.equal(selectsNothing({ matchExpressions: [absent, exists] }), true);
    for (const selector of [
      {},
      { matchLabels: { a: 'b' } },
      { matchExpressions: [exists] },
      { matchExpressions: [absent] },
      { matchExpressions: [exists, { ...absent, key: 'b' }] },
    ]) {
      assert.equal(selectsNothing(selector), false);
    }
  });
});

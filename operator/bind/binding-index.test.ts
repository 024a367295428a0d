import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nginx } from '#test/support/nginx-binding';
import type { LabelSelector } from '../api/label-selector.ts';
import type { Binding } from './binding.ts';
import { BindingIndex } from './binding-index.ts';

const select = (name: string, podSelector: LabelSelector): Binding => ({ ...nginx, name, podSelector });
const names = (bindings: readonly Binding[]): readonly string[] => bindings.map(({ name }) => name);

describe('BindingIndex', () => {
  it('finds what selects a pod by any of its labels, by expressions, or everything, in the order of the bindings', () => {
    const index = BindingIndex.of([
      select('tier', { matchLabels: { tier: 'front' } }),
      select('all', {}),
      select('other value', { matchLabels: { app: 'other' } }),
      select('both', { matchLabels: { app: 'web', tier: 'front' } }),
      select('both, one of which differs', { matchLabels: { app: 'web', tier: 'back' } }),
      select('expression', { matchExpressions: [{ key: 'app', operator: 'In', values: ['web'] }] }),
      select('label and expression', {
        matchLabels: { app: 'web' },
        matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }],
      }),
      select('app', { matchLabels: { app: 'web' } }),
    ]);
    const labels = new Map([
      ['app', 'web'],
      ['tier', 'front'],
    ]);
    assert.deepEqual(names(index.forPod(labels)), ['tier', 'all', 'both', 'expression', 'app']);
    assert.deepEqual(names(index.forPod(new Map())), ['all']);
  });

  it('finds what is for a namespace, as the same array for the same labels', () => {
    const team = (value: string): Partial<Binding> => ({ namespaceSelector: { matchLabels: { team: value } } });
    const bindings = [
      { ...nginx, name: 'web', ...team('web') },
      { ...nginx, name: 'any' },
      { ...nginx, name: 'db', ...team('db') },
    ];
    const [web, db] = [new Map([['team', 'web']]), new Map([['team', 'db']])];
    const index = BindingIndex.of(bindings);
    assert.deepEqual(names(index.forNamespace(web)), ['web', 'any']);
    assert.deepEqual(names(index.forNamespace(db)), ['any', 'db']);
    assert.equal(BindingIndex.of(bindings).forNamespace(web), index.forNamespace(web));
  });
});

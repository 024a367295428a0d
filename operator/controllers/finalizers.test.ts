import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { finalizersOf, type HeldProfile, inUseFinalizer, nodeGraceMs } from './finalizers.ts';

const now = Date.parse('2026-11-01T12:00:00Z');
const unused: HeldProfile = { finalizers: [], isInUse: false, reporting: [] };
const of = (profile: Partial<HeldProfile>) => finalizersOf({ ...unused, ...profile }, now);

describe('finalizersOf', () => {
  it('keeps a profile while pods use it', () => {
    assert.deepEqual(of({ isInUse: true }).finalizers, [inUseFinalizer]);
    const held = ['example.com/other', inUseFinalizer];
    assert.deepEqual(of({ isInUse: true, finalizers: held }).finalizers, held);
    assert.deepEqual(of({ isInUse: true, finalizers: held, deletedAt: 0 }).finalizers, held);
    assert.deepEqual(of({ finalizers: held }).finalizers, ['example.com/other']);
  });

  it('leaves finalizers of others alone, even if they end like those of nodes', () => {
    const finalizers = ['backup.example.com/snapshot-deleted', 'example.com/-deleted'];
    assert.deepEqual(of({ finalizers, nodes: new Set(['a']) }).finalizers, finalizers);
    assert.deepEqual(of({ finalizers, deletedAt: 0, nodes: new Set(['a']) }), { finalizers, abandoned: [] });
  });

  it('adds none to a deleted profile, which the API server would refuse', () => {
    assert.deepEqual(of({ isInUse: true, deletedAt: now }).finalizers, []);
  });

  it('waits for nodes that report a deleted profile, for five minutes', () => {
    const deleted = { finalizers: ['a-deleted', 'b-deleted'], reporting: ['a'], nodes: new Set(['a', 'b']) };
    assert.deepEqual(of({ ...deleted, deletedAt: now - 1000 }), {
      finalizers: ['a-deleted'],
      abandoned: [],
      requeueAfter: nodeGraceMs - 1000,
    });
    assert.deepEqual(of({ ...deleted, deletedAt: now - nodeGraceMs }), { finalizers: [], abandoned: ['a-deleted'] });
  });

  it('waits for all nodes that exist if it is not known which report the profile, for five minutes', () => {
    const finalizers = ['a-deleted', 'gone-deleted', 'x.io/own'];
    const deleted = { finalizers, reporting: undefined, nodes: new Set(['a', 'b']) };
    assert.deepEqual(of({ ...deleted, deletedAt: now - 1000 }), {
      finalizers: ['x.io/own', 'a-deleted'],
      abandoned: [],
      requeueAfter: nodeGraceMs - 1000,
    });
    assert.deepEqual(of({ ...deleted, nodes: undefined, deletedAt: now - 1000 }).finalizers, [
      'x.io/own',
      'a-deleted',
      'gone-deleted',
    ]);
    const late = of({ ...deleted, deletedAt: now - nodeGraceMs });
    assert.deepEqual(late, { finalizers: ['x.io/own'], abandoned: ['a-deleted'] });
  });

  it('does not wait for nodes that are gone, even if they have reported the profile', () => {
    const profile = { finalizers: ['gone-deleted'], reporting: ['gone'], nodes: new Set(['a']) };
    assert.deepEqual(of(profile).finalizers, []);
    assert.deepEqual(of({ ...profile, isInUse: true }).finalizers, [inUseFinalizer]);
    assert.deepEqual(of({ ...profile, deletedAt: now }), { finalizers: [], abandoned: [] });
  });

  it('knows nodes by names that were cut to 63 characters, and others by their whole names', () => {
    const long = `worker-${'x'.repeat(80)}`;
    const finalizer = `${long.slice(0, 55)}-deleted`;
    const nodes = new Set([long, 'worker']);
    assert.deepEqual(of({ finalizers: [finalizer], nodes }).finalizers, [finalizer]);
    assert.deepEqual(of({ finalizers: ['work-deleted'], nodes }).finalizers, []);
  });

  it('never waits forever for anything but pods and finalizers of others', () => {
    const name = fc.constantFrom('a', 'b', 'gone');
    const finalizer = fc.oneof(
      name.map((node) => `${node}-deleted`),
      fc.constantFrom(inUseFinalizer, 'spo.x-k8s.io/partial-profile-finalizer', 'foregroundDeletion', 'x.io/own'),
    );
    const profiles = fc.record({
      finalizers: fc.uniqueArray(finalizer),
      reporting: fc.uniqueArray(name),
      nodes: fc.option(
        fc.uniqueArray(name).map((names) => new Set(names)),
        { nil: undefined },
      ),
      deletedAt: fc.integer({ min: now - 2 * nodeGraceMs, max: now }),
    });
    fc.assert(
      fc.property(profiles, (profile) => {
        const foreign = profile.finalizers.filter((each) => each === 'foregroundDeletion' || each === 'x.io/own');
        let held: HeldProfile = { ...profile, isInUse: false };
        let at = now;
        for (let steps = 0; steps < 3; steps++) {
          const { finalizers, requeueAfter } = finalizersOf(held, at);
          held = { ...held, finalizers };
          if (requeueAfter === undefined) break;
          assert.ok(requeueAfter > 0 && requeueAfter <= nodeGraceMs);
          at += requeueAfter;
        }
        assert.deepEqual(held.finalizers.toSorted(), foreign.toSorted());
      }),
    );
  });
});

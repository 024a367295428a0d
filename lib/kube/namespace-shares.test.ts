import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memoryOf, NamespaceShares } from './namespace-shares.ts';

describe('NamespaceShares', () => {
  it('names the namespace that has the most when it is too much, and no other', () => {
    const shares = new NamespaceShares(10_000);
    shares.set('web', 'web/a', 1000);
    shares.set('hog', 'hog/a', 4000);
    assert.equal(shares.release(), undefined);
    shares.set('hog', 'hog/b', 4000);
    assert.deepEqual(shares.release(), { namespace: 'hog', keys: ['hog/a', 'hog/b'], bytes: 9000 });
    assert.deepEqual([...shares.released], ['hog']);
    assert.equal(shares.release(), undefined);
    shares.readmit();
    assert.equal(shares.released.size, 0);
  });

  it('counts an object once, as it is now, and not after it was deleted', () => {
    const shares = new NamespaceShares(5000);
    for (let version = 0; version < 100; version++) shares.set('web', 'web/a', 4000);
    assert.equal(shares.release(), undefined);
    shares.delete('web', 'web/a');
    shares.delete('web', 'web/a');
    shares.set('web', 'web/b', 4000);
    assert.equal(shares.release(), undefined);
    shares.set('web', 'web/a', 4000);
    assert.equal(shares.release()?.namespace, 'web');
  });

  it('counts objects that are nearly empty', () => {
    const shares = new NamespaceShares(10_000);
    for (let index = 0; index < 21; index++) shares.set('web', `web/${index}`, 0);
    assert.equal(shares.release()?.keys.length, 21);
  });
});

describe('memoryOf', () => {
  it('counts short texts and objects as what they take, which is more than their JSON', () => {
    const texts = Array.from({ length: 1000 }, () => 'v');
    assert.ok(memoryOf(texts) > 30_000, `${memoryOf(texts)}`);
    assert.ok(memoryOf(Array.from({ length: 1000 }, () => ({}))) > 40_000);
    assert.ok(memoryOf({ ['k'.repeat(5000)]: 'v'.repeat(5000) }) > 10_000);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { memoryRepository } from '#lib/registry/memory';
import { parseReference } from '#lib/registry/reference';
import type { Repository } from '#lib/registry/target';
import { type Publication, publishMany } from './publish-many.ts';

const profile = new TextEncoder().encode('{"defaultAction": "SCMP_ACT_ERRNO"}');

function publication(name: string, registry: string, target: Repository, bytes = profile): Publication {
  return {
    name,
    read: async () => bytes,
    request: { reference: parseReference(`${registry}/profiles/${name}:v1`) },
    dependencies: { target, clock: () => new Date(0), limits: defaultPublicationLimits },
  };
}

/** A registry that cannot be reached, and counts how often that is tried. */
function unreachable(): Repository & { tried: () => number } {
  let tried = 0;
  return {
    ...memoryRepository(),
    tried: () => tried,
    async resolve() {
      tried++;
      throw new FairleadError('Unavailable', 'no answer');
    },
  };
}

const names = Array.from({ length: 40 }, (_, at) => `p${at}`);

describe('publishMany', () => {
  it('returns the outcomes in order, and reports each when it is done', async () => {
    const seen: string[] = [];
    const outcomes = await publishMany(
      names.map((name) => publication(name, 'registry.example.com', memoryRepository())),
      { onOutcome: ({ name }) => seen.push(name) },
    );
    assert.deepEqual(
      outcomes.map(({ name, status }) => [name, status]),
      names.map((name) => [name, 'published']),
    );
    assert.deepEqual(new Set(seen), new Set(names));
  });

  it('publishes the others if one fails', async () => {
    const target = memoryRepository();
    const outcomes = await publishMany([
      publication('bad', 'registry.example.com', target, new TextEncoder().encode('{}')),
      publication('good', 'registry.example.com', target),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['failed', 'published'],
    );
  });

  it('does not try a registry again and again that cannot be reached', async () => {
    const dead = unreachable();
    const outcomes = await publishMany([
      ...names.map((name) => publication(name, 'dead.example.com', dead)),
      publication('elsewhere', 'registry.example.com', memoryRepository()),
    ]);
    assert.ok(dead.tried() <= 8, `tried ${dead.tried()} times`);
    assert.equal(outcomes.filter(({ status }) => status === 'failed').length, names.length);
    assert.equal(outcomes.at(-1)?.status, 'published');
    const last = outcomes[names.length - 1];
    assert.ok(last?.status === 'failed' && last.error.kind === 'Unavailable');
    assert.match(last.error.message, /^not tried, since publishing another profile to dead\.example\.com failed/);
  });

  it('reports a bug for the profile that it happened with', async () => {
    const broken: Repository = {
      ...memoryRepository(),
      resolve: async () => {
        throw new TypeError('a bug');
      },
    };
    const outcomes = await publishMany([
      publication('one', 'registry.example.com', broken),
      publication('two', 'registry.example.com', memoryRepository()),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => ('error' in outcome ? outcome.error.kind : outcome.status)),
      ['Internal', 'published'],
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { formatRepository } from '#lib/registry/reference';
import { type CatalogSources, parseListLine, sourceRepositories, unlessGone } from './sources.ts';

const listed: Readonly<Record<string, readonly string[]>> = {
  'registry.test': ['acme/nginx', 'acme/redis', 'acme-other/a', 'INVALID', 'images/web'],
  'ghcr.io': ['acme/nginx'],
};

async function* list(registry: string): AsyncGenerator<string> {
  yield* listed[registry] ?? [];
}

const repositoriesOf = async (sources: Partial<CatalogSources>): Promise<string[]> => {
  const all = { registries: [], prefixes: [], repositories: [], images: [], ...sources };
  return (await sourceRepositories(all, list)).map(formatRepository);
};

describe('sourceRepositories', () => {
  it('takes registries whole, without names that are invalid', async () => {
    assert.deepEqual(await repositoriesOf({ registries: ['registry.test', 'ghcr.io'] }), [
      'ghcr.io/acme/nginx',
      'registry.test/acme-other/a',
      'registry.test/acme/nginx',
      'registry.test/acme/redis',
      'registry.test/images/web',
    ]);
  });

  it('takes what begins with a prefix, each once', async () => {
    assert.deepEqual(
      await repositoriesOf({
        prefixes: ['registry.test/acme/', 'registry.test/acme/n'],
        repositories: ['REGISTRY.test/acme/nginx'],
      }),
      ['registry.test/acme/nginx', 'registry.test/acme/redis'],
    );
    assert.deepEqual(await repositoriesOf({ prefixes: ['registry.test/acme-'] }), ['registry.test/acme-other/a']);
  });

  it('refuses a prefix that no repository has: a misspelled one would empty the catalog', async () => {
    const prefixes = ['registry.test/acme/', 'registry.test/amce/'];
    await assert.rejects(repositoriesOf({ prefixes }), {
      kind: 'NotFound',
      message: 'no repository of registry.test begins with amce/',
    });
  });

  for (const [what, sources] of [
    ['a registry without a dot', { registries: ['registry'] }],
    ['a prefix without a path', { prefixes: ['registry.test/'] }],
    ['a prefix with capital letters', { prefixes: ['registry.test/A'] }],
    ['a repository with a tag', { repositories: ['registry.test/acme/nginx:1'] }],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(repositoriesOf(sources), { kind: 'InvalidInput' });
    });
  }
});

describe('a list of repositories', () => {
  it('has comments and empty lines', () => {
    assert.deepEqual(['# all', '', '  ghcr.io/acme/nginx\r'].map(parseListLine), [
      undefined,
      undefined,
      'ghcr.io/acme/nginx',
    ]);
  });
});

describe('a repository that does not exist', () => {
  const gone = Promise.reject(new FairleadError('NotFound', 'no such repository'));
  gone.catch(() => undefined);
  const source = { registry: 'registry.test', repository: 'a' };

  it('is passed over if only a registry lists it', async () => {
    assert.equal(await unlessGone({ ...source, isNamed: false }, gone, 'none'), 'none');
    await assert.rejects(unlessGone({ ...source, isNamed: true }, gone, 'none'), { kind: 'NotFound' });
  });
});

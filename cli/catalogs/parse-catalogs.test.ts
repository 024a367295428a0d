import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { parseCatalogs } from './parse-catalogs.ts';

const entry = (fields: string): string => `catalogs:\n  - ${fields}\n`;

describe('catalogs.yaml', () => {
  it('names catalogs, with files relative to its own', () => {
    const text = `catalogs:
  - name: acme
    reference: ghcr.io/acme/catalog:latest
    key: acme.pub
  - {name: other, reference: "registry.test/catalog:1", policy: /etc/fairlead/policy.yaml}
`;
    assert.deepEqual(parseCatalogs(text, '/home/me/.config/fairlead/catalogs.yaml'), [
      {
        name: 'acme',
        reference: { registry: 'ghcr.io', repository: 'acme/catalog', tag: 'latest' },
        key: '/home/me/.config/fairlead/acme.pub',
      },
      {
        name: 'other',
        reference: { registry: 'registry.test', repository: 'catalog', tag: '1' },
        policy: '/etc/fairlead/policy.yaml',
      },
    ]);
    assert.deepEqual(parseCatalogs('', 'catalogs.yaml'), []);
  });

  for (const [what, text, message] of [
    ['an unknown key', entry('{name: a, referenc: "a.test/b:1"}'), /catalogs\.yaml:2:\d+: unknown key "referenc"/],
    [
      'a reference without a tag',
      entry('{name: a, reference: a.test/b}'),
      /catalogs\.yaml:2:\d+: a\.test\/b has neither/,
    ],
    ['an invalid name', entry('{name: A, reference: "a.test/b:1"}'), /invalid name/],
    ['both policy and key', entry('{name: a, reference: "a.test/b:1", key: a, policy: b}'), /cannot be used together/],
    [
      'a name twice',
      `${entry('{name: a, reference: "a.test/b:1"}')}  - {name: a, reference: "a.test/c:1"}\n`,
      /catalogs\.yaml:3:\d+: two catalogs have the name a/,
    ],
  ] as const) {
    it(`is refused with ${what}`, () => {
      assert.throws(
        () => parseCatalogs(text, 'catalogs.yaml'),
        (error: unknown) =>
          error instanceof FairleadError && error.kind === 'InvalidInput' && message.test(error.message),
      );
    });
  }
});

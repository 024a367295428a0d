import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { composeDocuments } from './compose-documents.ts';

const limits = { depth: 8, words: 1000 };

function compose(text: string, more: Partial<typeof limits> = {}) {
  return composeDocuments(text, 'f.yaml', { ...limits, ...more }, { schema: 'core', prettyErrors: false });
}

describe('composeDocuments', () => {
  it('composes every document', () => {
    const documents = compose('a: 1\n---\n- b\n...\n# none\n');
    assert.deepEqual(
      documents.map((document) => document.toJS()),
      [{ a: 1 }, ['b']],
    );
  });

  it('composes an empty text as one empty document', () => {
    assert.deepEqual(
      compose('# nothing\n').map((document) => document.toJS()),
      [null],
    );
  });

  const deep = {
    'lists in brackets': [(depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`, /^f\.yaml:1:9: /],
    'maps in braces': [(depth: number) => `${'{a: '.repeat(depth)}1${'}'.repeat(depth)}`, /^f\.yaml:1:33: /],
    'lists in lines': [(depth: number) => `${'- '.repeat(depth)}a`, /^f\.yaml:1:17: /],
    'maps in lines': [
      (depth: number) => Array.from({ length: depth }, (_, index) => `${' '.repeat(index)}a:`).join('\n'),
      /^f\.yaml:9:9: /,
    ],
    'maps as keys': [(depth: number) => `${'? '.repeat(depth)}a`, /^f\.yaml:1:17: /],
  } as const;
  for (const [what, [text, place]] of Object.entries(deep)) {
    it(`names the place at which ${what} are nested deeper than the limit`, () => {
      assert.doesNotThrow(() => compose(text(limits.depth)));
      for (const depth of [limits.depth + 1, 20_000]) {
        assert.throws(
          () => compose(text(depth === 20_000 && what === 'maps in lines' ? 2000 : depth)),
          (error: Error & { kind?: string }) =>
            error.kind === 'LimitExceeded' &&
            place.test(error.message) &&
            error.message.endsWith('nested deeper than 8 levels'),
        );
      }
    });
  }

  it('refuses a text of too many words and signs', () => {
    assert.throws(() => compose('[a, b, c]', { words: 5 }), /^FairleadError: f\.yaml: more than 5 words and signs$/);
  });
});

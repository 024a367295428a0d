import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { cilTree } from './cil-tree.ts';
import type { SelinuxProfile } from './model.ts';
import { parsePolicy } from './parse-policy.ts';
import { renderCil } from './render-cil.ts';
import { allowMap } from './rules.ts';

const errorlogger: SelinuxProfile = {
  kind: 'SELinux',
  name: 'errorlogger',
  mode: 'Permissive',
  inherit: [
    { kind: 'System', name: 'net_container' },
    { kind: 'System', name: 'container' },
    { kind: 'System', name: 'net_container' },
  ],
  allow: new Map([
    ['var_log_t', new Map([['file', new Set(['read', 'append'])]])],
    ['@self', new Map([['process', new Set(['fork'])]])],
    ['errorlogger.process', new Map([['process', new Set(['fork', 'execmem'])]])],
    ['empty_t', new Map([['file', new Set<string>()]])],
  ]),
};

describe('renderCil', () => {
  it('writes a block', () => {
    assert.equal(
      renderCil(errorlogger),
      `(block errorlogger
    (blockinherit container)
    (blockinherit net_container)
    (typepermissive process)
    (allow process process (process (execmem fork)))
    (allow process var_log_t (file (append read)))
)
`,
    );
  });

  it('writes it under another name', () => {
    assert.match(renderCil(errorlogger, { name: 'other' }), /^\(block other\n/);
  });

  it('stands on another profile in place of container', () => {
    const inherit = [{ kind: 'SelinuxProfile', name: 'parent' } as const, ...errorlogger.inherit];
    const lines = renderCil({ ...errorlogger, inherit }).split('\n');
    assert.deepEqual(lines.slice(1, 3), ['    (blockinherit net_container)', '    (blockinherit parent)']);
  });

  it('writes a raw profile from its statements', () => {
    const statements = [
      '(blockinherit container)',
      '(type own_cache)',
      '(typeattributeset file_type (own_cache))',
      '(roletype object_r own_cache)',
      '(allow process process (process (fork)))',
      '(dontaudit process var_log_t (file (read write)))',
    ];
    const policy = parsePolicy(
      `; ((\n${statements.join('  ; "\n ').replace('process process', 'process self')}`,
      'policy',
    );
    const text = renderCil({ kind: 'RawSELinux', name: 'raw', policy });
    assert.equal(text, `(block raw\n${statements.map((line) => `    ${line}\n`).join('')})\n`);
    const again = { kind: 'RawSELinux' as const, name: 'raw', policy: parsePolicy(statements.join(''), 'policy') };
    assert.equal(renderCil(again), text);
  });

  it('writes no block that inherits from itself', () => {
    const policy = parsePolicy('(blockinherit container)', 'policy');
    const message = /container has the name of a policy that it inherits from/;
    assert.throws(() => renderCil({ kind: 'RawSELinux', name: 'app', policy }, { name: 'container' }), { message });
  });

  it('never writes more than one block, whatever the names', () => {
    const word = fc.oneof(
      fc.constantFrom('var_log_t', 'file', 'read', 'a.process', '@self'),
      fc.constantFrom('all', 'not', 'a)(b', '; x', '"', '\n', ''),
      fc.string({ unit: 'binary', maxLength: 6 }),
    );
    const profile = fc.record({
      name: fc.oneof(fc.constant('app'), word),
      block: fc.oneof(fc.constant('net_container'), word),
      grants: fc.array(fc.tuple(word, word, word), { maxLength: 3 }),
    });
    let written = 0;
    fc.assert(
      fc.property(profile, ({ name, block, grants }) => {
        const inherit = [{ kind: 'System' as const, name: block }];
        let text: string;
        try {
          text = renderCil({ kind: 'SELinux', name, mode: 'Enforcing', inherit, allow: allowMap(grants) });
        } catch (error) {
          assert.ok(error instanceof FairleadError && error.kind === 'ProfileInvalid', String(error));
          return;
        }
        written += 1;
        const [tree, ...others] = cilTree(text, 'text', { length: 10_000, depth: 4, nodes: 100 });
        assert.equal(others.length, 0);
        const keywords = tree?.items
          .slice(2)
          .map((node) => node.type === 'list' && node.items[0]?.type === 'symbol' && node.items[0].text);
        for (const keyword of keywords ?? []) assert.match(String(keyword), /^(blockinherit|allow)$/);
      }),
      { numRuns: 2_000 },
    );
    assert.ok(written > 20, `only ${written} were written`);
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import fc from 'fast-check';
import { lintSelinux } from '#lib/profile/selinux/lint';
import type { SelinuxProfile } from '#lib/profile/selinux/model';
import { blockNameProblem, plainNameProblem, typeNameProblem } from '#lib/profile/selinux/names';
import { parseSelinux } from '#lib/profile/selinux/parse';
import { parsePolicy } from '#lib/profile/selinux/parse-policy';
import { renderCil } from '#lib/profile/selinux/render-cil';
import { validateSelinux } from '#lib/profile/selinux/validate';
import { readYaml } from '#lib/profile/yaml/read-yaml';
import { describePeers } from '#test/peers/require';
import { compileProblem } from '../../support/selinux-compiler.ts';

function profile(name: string, options: Partial<SelinuxProfile> = {}): SelinuxProfile {
  return { kind: 'SELinux', name, mode: 'Enforcing', inherit: [], allow: new Map(), ...options };
}

describePeers(['secilc'], 'the SELinux compiler', () => {
  it('takes our example', () => {
    const bytes = readFileSync(new URL('../../../examples/selinux-errorlogger.yaml', import.meta.url));
    const document = readYaml(bytes, 'example', { bytes: 10_000, depth: 16, values: 1_000 });
    const { profile: example } = parseSelinux(document);
    validateSelinux(example);
    assert.deepEqual(lintSelinux(example), []);
    assert.equal(compileProblem(renderCil(example)), '');
    assert.equal(compileProblem(renderCil({ ...example, mode: 'Permissive' })), '');
  });

  it('takes every statement of a raw policy', () => {
    const text = `(blockinherit container)
      (type own_cache) (typeattributeset file_type (own_cache)) (roletype object_r own_cache)
      (typeattributeset sandbox_net_domain (process))
      (allow process own_cache (file (read write))) (allow process self (process (fork)))
      (dontaudit process shadow_t (file (read)))`;
    const raw = { kind: 'RawSELinux' as const, name: 'raw', policy: parsePolicy(text, 'policy') };
    validateSelinux(raw);
    assert.equal(compileProblem(renderCil(raw)), '');
  });

  it('takes every name that we take', () => {
    const word = fc.oneof(
      fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,12}$/),
      fc.constantFrom('allow', 'block', 'type', 'in', 'file', 'true', 'false', 'h1', 'object_r', 'system_r', 'high'),
      fc.constantFrom('all', 'not', 'and', 'or', 'xor', 'self', 'notself', 'other', 'range', 'eq', 'any', 'exclude'),
      fc.string({ maxLength: 3 }),
    );
    const names = [...new Set(fc.sample(word, { numRuns: 1_500, seed: 7 }))];
    const declared = /^\((?:type|typeattribute|class|common) ([\w-]+)/gm;
    const base = readFileSync(new URL('../../fixtures/selinux/base.cil', import.meta.url), 'utf8');
    const taken = new Set([...base.matchAll(declared)].map(([, name]) => name));
    const types = names.filter(
      (name) => typeNameProblem(name) === undefined && !name.includes('.') && !taken.has(name),
    );
    const plain = names.filter((name) => plainNameProblem(name) === undefined && !taken.has(name));
    const blocks = names.filter((name) => blockNameProblem(name) === undefined && !base.includes(`(block ${name}`));
    assert.ok(types.length > 300 && plain.length > 300 && blocks.length > 300);

    const world = [
      ...types.map((name) => `(type ${name})`),
      `(class manifold (${plain.slice(0, 32).join(' ')}))(classorder (unordered manifold))`,
      ...plain.map((name) => `(class ${name} (use))(classorder (unordered ${name}))`),
    ].join('\n');
    const allow = new Map([
      ...types.map((name) => [name, new Map([['fd', new Set(['use'])]])] as const),
      [
        'proc_t',
        new Map([...plain.map((name) => [name, new Set(['use'])] as const), ['manifold', new Set(plain.slice(0, 32))]]),
      ],
    ]);
    const modules = blocks.map((name) => renderCil(profile(name)));
    assert.equal(compileProblem(world, renderCil(profile('names', { allow })), ...modules.slice(0, 400)), '');
  });

  it('takes other names than we do: what it takes for an operator is no name to us', () => {
    const pasted = (permissions: string): string =>
      `(block app (blockinherit container) (allow process var_log_t (file (${permissions}))))`;
    assert.equal(compileProblem(pasted('all')), '');
    assert.equal(compileProblem(pasted('not read')), '');
    assert.ok(plainNameProblem('all') !== undefined && plainNameProblem('not') !== undefined);
  });

  it('would be led out of the block by a comment, were the text pasted into one', () => {
    const text = '; (\n)\n(allow init_t shadow_t (file (write)))\n(typeattributeset file_type (init_t) ;)\n';
    assert.equal(compileProblem(`(block raw\n${text}\n)`), '');
    assert.throws(() => parsePolicy(text, 'policy'), /policy:2:1: a "\)" without its "\("/);
  });

  it('says so when a node lacks what a profile names', () => {
    const allow = new Map([['no_such_t', new Map([['file', new Set(['read'])]])]]);
    assert.match(compileProblem(renderCil(profile('app', { allow }))), /Failed to resolve allow statement/);
  });
});

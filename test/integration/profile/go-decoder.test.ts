import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { importProfile } from '#lib/profile/import-profile';
import { seccompOf } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { renderSeccompJson } from '#lib/profile/seccomp/write/render-json';
import { arbitraryProfile } from '../../oracle/seccomp-arbitrary.ts';
import { peer } from '../../peers/peer.ts';
import { finishFolder, temporaryFolder } from '../../peers/program.ts';
import { describePeers } from '../../peers/require.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describePeers(['go'], "the decoder of runtimes, Go's encoding/json", () => {
  let directory = '';
  before(() => {
    directory = temporaryFolder('go-decoder');
    const source = new URL('../../peers/go-decoder/main.go', import.meta.url).pathname;
    const env = { PATH: process.env['PATH'], HOME: directory, GOCACHE: path.join(directory, 'cache') };
    const offline = { GOTOOLCHAIN: 'local', GO111MODULE: 'off', GOPROXY: 'off', GOFLAGS: '' };
    execFileSync(peer('go'), ['build', '-o', path.join(directory, 'decode'), source], { env: { ...env, ...offline } });
  });
  after(() => finishFolder(directory));

  const decode = (texts: readonly string[]): readonly string[] =>
    execFileSync(path.join(directory, 'decode'), { input: texts.join('\n'), encoding: 'utf8', maxBuffer: 2 ** 28 })
      .trimEnd()
      .split('\n');

  const shape = { names: ['read', 'socket'], architectures: [[], ['SCMP_ARCH_X86']], wide: true, rules: 3 };
  /** How a member's name is written, and what is put before it. */
  const spelling = fc.record({
    respell: fc.oneof(
      { arbitrary: fc.constant((name: string) => name), weight: 20 },
      fc.constant((name: string) => name.toUpperCase()),
      fc.constant((name: string) => `${name[0]?.toUpperCase()}${name.slice(1)}`),
      fc.constant((name: string) => name.replaceAll('s', '\u017f')),
      fc.constant((name: string) => name.replace(/[a-z]/, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`)),
      fc.constant((name: string) => `${name} `),
    ),
    before: fc.oneof(
      { arbitrary: fc.constant(''), weight: 20 },
      fc.constantFrom('"x":{"names":[1]},', '"":null,', '"include\u017f":[],', '"nameß":1,'),
    ),
  });
  const document = fc
    .tuple(arbitraryProfile(shape), fc.array(spelling, { minLength: 1, maxLength: 40 }))
    .map(([profile, spellings]) => {
      let index = 0;
      const compact = renderSeccompJson(profile).replaceAll(/\n\s*/g, '');
      return compact.replaceAll(/"(\w+)":/g, (_, name: string) => {
        const { respell, before: put } = spellings[index++ % spellings.length] as {
          respell: (name: string) => string;
          before: string;
        };
        return `${put}"${respell(name)}":`;
      });
    });

  it('makes of a profile what convert makes of it, and of what is read strictly the same', () => {
    const texts = fc.sample(document, { numRuns: 4_000, seed: 1 });
    const written: { readonly text: string; readonly ours: string }[] = [];
    let strict = 0;
    for (const text of texts) {
      try {
        const lenient = seccompOf(importProfile(bytes(text), 'p', { lenient: true }));
        written.push({ text, ours: renderSeccompJson(lenient).replaceAll(/\n\s*/g, '') });
      } catch (error) {
        // Without a member that is needed, or with one twice: runtimes differ, or fail later.
        assert.ok(error instanceof FairleadError, String(error));
        assert.throws(() => readProfile(bytes(text)), FairleadError);
        continue;
      }
      try {
        assert.deepEqual(
          { kind: 'Seccomp', seccomp: seccompOf(readProfile(bytes(text))) },
          importProfile(bytes(text), 'p'),
        );
        strict += 1;
      } catch (error) {
        assert.ok(error instanceof FairleadError, String(error));
      }
    }
    const [theirs, again] = [decode(written.map(({ text }) => text)), decode(written.map(({ ours }) => ours))];
    for (const [index, { text }] of written.entries()) assert.equal(theirs[index], again[index], text);
    assert.ok(written.length > 1_000 && strict > 200 && strict < written.length - 200, `${written.length}, ${strict}`);
  });
});

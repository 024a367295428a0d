import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readVariables } from '#test/support/ci/command-files';
import { writeForGithub } from './github-files.ts';

describe('writeForGithub', () => {
  let folder = '';
  const file = (name: string): string => join(folder, name);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-github-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('adds to both files, and no value can end early or set another output', async () => {
    const outputs = { profiles: '[\n"a"\n]', name: 'x\nEOF\nloosened=false\nother<<END\nEND', empty: '' };
    await writeFile(file('summary'), '# before\n');
    const env = { GITHUB_STEP_SUMMARY: file('summary'), GITHUB_OUTPUT: file('output') };
    await writeForGithub({ summary: '## one\n', outputs }, env);
    await writeForGithub({ summary: '## two', outputs: { more: '1' } }, env);
    assert.equal(await readFile(file('summary'), 'utf8'), '# before\n## one\n\n## two\n\n');
    assert.deepEqual(await readVariables(file('output')), { ...outputs, more: '1' });
  });

  it('does nothing elsewhere, keeps a summary below the limit of GitHub, and reports what it cannot write', async () => {
    await writeForGithub({ summary: 'x', outputs: { a: 'b' } }, {});
    await writeFile(file('full'), 'x'.repeat(1024 * 1024 - 3));
    await writeForGithub({ summary: 'xx', outputs: {} }, { GITHUB_STEP_SUMMARY: file('full') });
    assert.equal((await readFile(file('full'))).length, 1024 * 1024 - 3);
    await assert.rejects(writeForGithub({ summary: '', outputs: { a: 'b' } }, { GITHUB_OUTPUT: folder }), {
      name: 'FairleadError',
      kind: 'InvalidInput',
      message: `cannot write ${folder}`,
    });
  });
});

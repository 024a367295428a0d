import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findSource, looksLikeReference } from './profile-source.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const reference = (repository: string, rest: object, registry = 'ghcr.io') => ({
  from: 'registry',
  reference: { registry, repository, ...rest },
});

/** Which files exist is below. */
const table: readonly (readonly [argument: string, source: object | string])[] = [
  ['-', { from: 'stdin' }],
  ['oci://ghcr.io/acme/nginx:1.27', reference('acme/nginx', { tag: '1.27' })],
  [`oci://ghcr.io/acme/nginx@${digest}`, reference('acme/nginx', { digest })],
  ['oci://localhost:5000/nginx:1', reference('nginx', { tag: '1' }, 'localhost:5000')],
  ['ghcr.io/acme/nginx:1.27', reference('acme/nginx', { tag: '1.27' })],
  [`ghcr.io/acme/nginx:1.27@${digest}`, reference('acme/nginx', { tag: '1.27', digest })],
  ['localhost/nginx:1', reference('nginx', { tag: '1' }, 'localhost')],
  ['127.0.0.1:5000/nginx:1', reference('nginx', { tag: '1' }, '127.0.0.1:5000')],
  ['ghcr.io/acme/nginx@^1.4', reference('acme/nginx', { range: '^1.4' })],
  ['oci://ghcr.io/acme/nginx@>=1.4 <3', reference('acme/nginx', { range: '>=1.4 <3' })],
  // oci:// is a reference even if such a file exists.
  ['oci://ghcr.io/acme/there:1', reference('acme/there', { tag: '1' })],
  ['ghcr.io/acme/there:1', { from: 'file', path: 'ghcr.io/acme/there:1' }],
  ['there.json', { from: 'file', path: 'there.json' }],
  // What exists is a file, whatever it is; its reader reports a directory.
  ['ghcr.io/acme/directory:1', { from: 'file', path: 'ghcr.io/acme/directory:1' }],
  ['missing.json', { from: 'file', path: 'missing.json' }],
  ['there.json/nginx:1', reference('nginx', { tag: '1' }, 'there.json')],
  ['./ghcr.io/acme/nginx:1.27', { from: 'file', path: './ghcr.io/acme/nginx:1.27' }],
  ['/ghcr.io/acme/nginx:1.27', { from: 'file', path: '/ghcr.io/acme/nginx:1.27' }],
  // Neither tag nor digest: nothing says which one.
  ['ghcr.io/acme/nginx', { from: 'file', path: 'ghcr.io/acme/nginx' }],
  ['profiles.d/nginx.json', { from: 'file', path: 'profiles.d/nginx.json' }],
  // Short names are not completed.
  ['nginx:1.27', { from: 'file', path: 'nginx:1.27' }],
  ['acme/nginx:1.27', { from: 'file', path: 'acme/nginx:1.27' }],
  ['ghcr.io/Acme/nginx:1', { from: 'file', path: 'ghcr.io/Acme/nginx:1' }],
  [`ghcr.io/${'a'.repeat(5000)}:1`, { from: 'file', path: `ghcr.io/${'a'.repeat(5000)}:1` }],
  ['', { from: 'file', path: '' }],
  ['oci://ghcr.io/acme/nginx', 'ghcr.io/acme/nginx has neither tag nor digest'],
  ['oci://nginx:1.27', 'it names no registry'],
  ['oci://ghcr.io/acme/nginx:', 'invalid tag ""'],
  ['oci://', 'it names no registry'],
  ['oci://ghcr.io/acme/nginx:1@^1', 'both a tag and a version range'],
];

describe('an argument that names a profile', () => {
  let directory = '';
  const home = process.cwd();
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-source-'));
    process.chdir(directory);
    await mkdir('ghcr.io/acme/directory:1', { recursive: true });
    await writeFile('ghcr.io/acme/there:1', '{}');
    await writeFile('there.json', '{}');
  });
  after(async () => {
    process.chdir(home);
    await rm(directory, { recursive: true });
  });

  for (const [argument, expected] of table) {
    const shown = argument.length > 60 ? `${argument.slice(0, 60)}…` : JSON.stringify(argument);
    it(`${shown} is ${typeof expected === 'string' ? 'refused' : JSON.stringify(expected).slice(0, 60)}`, async () => {
      if (typeof expected === 'string') {
        await assert.rejects(findSource(argument), (error: Error) => {
          assert.match(error.message, new RegExp(expected.replaceAll('.', '\\.')));
          return true;
        });
      } else assert.deepEqual(await findSource(argument), expected);
    });
  }

  it('that is missing is taken for a reference only if it looks like one', () => {
    const looks = ['ghcr.io/acme/nginx', 'nginx:1.27', 'acme/nginx:1', 'localhost/nginx', 'nginx@sha256:0'];
    for (const name of looks) assert.equal(looksLikeReference(name), true, name);
    const others = ['nginx.json', 'profiles/nginx.json', './nginx:1', '../a@b', '/etc/a:b', ''];
    for (const name of others) assert.equal(looksLikeReference(name), false, name);
  });
});

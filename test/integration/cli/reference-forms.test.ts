import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstat, mkdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { buildProgram } from '#cli/main';
import { type Refreg, startRefreg } from '#test/peers/refreg';
import { describePeers } from '#test/peers/require';
import { failed, run, succeeded } from '#test/support/cli/run';
import { fairlead, folder } from '#test/support/cli/signing-folder';

/** Commands with a reference, in an order in which each succeeds. */
const commandsWith = (name: string): readonly (readonly string[])[] => [
  ['push', 'p.json', `${name}:1.0.0`, '--unsigned'],
  ['sign', `${name}:1.0.0`, '--key', 'a.key'],
  ['attest', `${name}:1.0.0`, '--key', 'a.key', '--type', 'https://a.example/v1', '--predicate', 'p.json'],
  ['verify', `${name}:1.0.0`, '--key', 'a.pub'],
  ['verify', `${name}@^1`, '--key', 'a.pub'],
  ['pull', `${name}:1.0.0`, '--key', 'a.pub'],
  ['inspect', `${name}:1.0.0`],
  ['lint', `${name}:1.0.0`, '--key', 'a.pub'],
  ['diff', `${name}:1.0.0`, 'p.json', '--key', 'a.pub'],
  ['explain', `${name}:1.0.0`, '--key', 'a.pub', '--like', 'containerd@2.1'],
  ['merge', '--intersect', `${name}:1.0.0`, 'p.json', '--key', 'a.pub'],
  ['convert', `${name}:1.0.0`, '--key', 'a.pub', '--to', 'spo'],
  ['referrers', `${name}:1.0.0`],
  ['find', `${name}:1.0.0`, '--key', 'a.pub'],
  ['policy', 'test', 'policy.yaml', `${name}:1.0.0`],
  ['tag', `${name}:1.0.0`, 'stable'],
  ['catalog', 'build', `${name}/catalog:latest`, '--repository', name, '--key', 'a.key'],
  ['catalog', 'info', `${name}:1.0.0`, '--catalog', `${name}/catalog:latest`, '--key', 'a.pub'],
  ['ls', name],
  ['copy', `${name}:1.0.0`, `${name}/copy`],
  ['copy', '--all-tags', name, `${name}/copies`],
  ['save', `${name}:1.0.0`, 'saved.tar'],
  ['load', 'saved.tar', `${name}/loaded`],
  ['load', 'saved.tar', `${name}/loaded/`],
  ['untag', `${name}:stable`],
];

describe('commands with a reference', () => {
  it('are all in the table of these tests', async () => {
    const groups = new Set<string | undefined>(['catalog', 'policy']);
    const tested = new Set(commandsWith('x').map(([first, second]) => (groups.has(first) ? second : first)));
    const program = await buildProgram(['completion']);
    const commands = program.commands.flatMap((command) => [command, ...command.commands]);
    const named = commands.filter((command) =>
      command.registeredArguments.some((argument) =>
        /reference|image|destination|registry\/repository|oci:\/\//.test(`${argument.name()} ${argument.description}`),
      ),
    );
    const missing = named.map((command) => command.name()).filter((name) => !tested.has(name) && name !== 'delete');
    assert.deepEqual(missing, []);
    assert(named.length > 18, String(named.length));
  });
});

describePeers(['refreg'], 'a reference on the command line', () => {
  let registry: Refreg;
  let host = '';
  before(async () => {
    registry = await startRefreg();
    ({ host } = registry);
    const rule = `{match: "${host}/**", require: [{key: a.pub}]}`;
    await writeFile(
      join(folder, 'policy.yaml'),
      `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - ${rule}\n`,
    );
  });
  after(() => registry.stop());

  it('may begin with oci:// for every command, and gives the same as without it', async () => {
    const [plain, marked] = [`${host}/plain/nginx`, `${host}/marked/nginx`];
    const withScheme = commandsWith(marked).map((args) =>
      args.map((word) => (word.startsWith(marked) ? `oci://${word}` : word)),
    );
    for (const [at, args] of commandsWith(plain).entries()) {
      const expected = await fairlead(args);
      const given = await fairlead(withScheme[at] ?? []);
      const shown = args.join(' ');
      // Signatures differ from run to run.
      const comparable = (text: string): string =>
        text
          .replaceAll(marked, plain)
          .replace(/sha256:[0-9a-f]{64}/g, 'sha256:…')
          .replace(/[0-9.,]+ (?:bytes|kB)/g, '');
      assert.equal(expected.code, 0, `${shown}: ${expected.stderr}`);
      assert.equal(comparable(given.stderr), comparable(expected.stderr), shown);
      assert.equal(comparable(given.stdout), comparable(expected.stdout), shown);
    }
    const { digest } = JSON.parse(succeeded(await fairlead(['inspect', `${marked}:1.0.0`, '--output', 'json'])));
    succeeded(await fairlead(['delete', `oci://${marked}:1.0.0@${digest}`, '--yes']));
    failed(await fairlead(['inspect', `oci://${marked}:1.0.0`]), 7, /no tag 1\.0\.0/);
    // Other schemes stay refused.
    failed(await fairlead(['inspect', `https://${plain}:1.0.0`]), 2, /it is a URL/);
  });

  it('as a pod names it in localhostProfile is refused, with how to write it', async () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    for (const args of [['verify'], ['pull'], ['inspect'], ['tag', 'stable'], ['find', '--key', 'a.pub']]) {
      const [command = '', ...rest] = args;
      const refusal = await fairlead([command, `oci/${host}/forms/x@${digest}`, ...rest]);
      failed(refusal, 2, new RegExp(`hint: Leave out oci/: write "${host}/forms/x@${digest}"\\.$`, 'm'));
    }
    failed(await fairlead(['lint', `oci/${host}/forms/x@${digest}`, '--key', 'a.pub']), 2, /hint: .*localhostProfile/);
  });

  it('to a tag that does not exist is answered with its name and what the registry said', async () => {
    const name = `${host}/forms/absent`;
    succeeded(await fairlead(['push', 'p.json', `${name}:1`, '--key', 'a.key']));
    const at = `${name}:9.9`;
    for (const args of [
      ['verify', at, '--key', 'a.pub'],
      ['pull', at, '--key', 'a.pub'],
      ['lint', at, '--key', 'a.pub'],
      ['inspect', at],
      ['referrers', at],
      ['find', at, '--key', 'a.pub'],
      ['tag', at, 'stable'],
      ['sign', at, '--key', 'a.key'],
      ['copy', at, `${name}/copy`],
      ['save', at, 'absent.tar'],
      ['untag', at],
      ['delete', at, '--yes'],
    ]) {
      const refusal = await fairlead(args);
      failed(refusal, 7, new RegExp(`^error: (?:\\S+: )?no tag 9\\.9 in ${name}\n  (?:GET|HEAD) http.*: 404`, 'm'));
      assert.match(refusal.stderr, new RegExp(`^hint: .*\`fairlead ls ${name}\`$`, 'm'));
    }
  });

  it('is not taken for the file that save writes', async () => {
    const name = `${host}/forms/absent`;
    for (const last of [`${name}:1`, `oci://${name}:1`, `${name}@^1`]) {
      const refusal = await fairlead(['save', `${name}:1`, last]);
      failed(
        refusal,
        2,
        /^error: save writes to a file, which is its last argument; .* is a reference\nhint: .* FILE`$/m,
      );
    }
    // A file whose name looks like a reference, in a directory that exists.
    await mkdir(join(folder, 'out.d'), { recursive: true });
    succeeded(await fairlead(['save', `${name}:1`, 'out.d/nginx:1.tar']));
    for (const directory of ['.', 'out.d', '..']) {
      failed(
        await fairlead(['save', `${name}:1`, directory]),
        2,
        /^error: cannot write .*\n.*\nhint: It is a directory/m,
      );
      const pulled = await fairlead(['pull', `${name}:1`, '--key', 'a.pub', '--file', directory]);
      failed(pulled, 2, /^hint: It is a directory/m);
    }
  });

  it('is written to devices, pipes and links, which stay what they are', async () => {
    const name = `${host}/forms/absent:1`;
    const into = async (path: string): Promise<void> => {
      succeeded(await fairlead(['pull', name, '--key', 'a.pub', '--file', path]));
      succeeded(await fairlead(['save', name, path]));
      await rm(join(folder, 'SUMS'), { force: true });
      await writeFile(join(folder, 'SUMS'), 'content');
      succeeded(await fairlead(['sign-blob', 'SUMS', '--key', 'a.key', '--bundle', path]));
    };
    await symlink('/dev/null', join(folder, 'nothing'));
    await into('nothing');
    assert.equal(await readlink(join(folder, 'nothing')), '/dev/null');
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    const reading = run('sh', ['-c', 'for i in 1 2 3; do cat fifo | wc -c; done'], { cwd: folder });
    await into('fifo');
    const sizes = (await reading).stdout.trim().split('\n').map(Number);
    assert(sizes.length === 3 && sizes.every((size) => size > 80), String(sizes));
    await symlink('elsewhere.tar', join(folder, 'link.tar'));
    succeeded(await fairlead(['save', name, 'link.tar']));
    assert((await lstat(join(folder, 'elsewhere.tar'))).isFile());
    assert.equal(await readlink(join(folder, 'link.tar')), 'elsewhere.tar');
    await symlink('/dev/full', join(folder, 'full'));
    for (const args of [
      ['pull', name, '--key', 'a.pub', '--file', 'full'],
      ['save', name, 'full'],
    ])
      failed(await fairlead(args), 2, /^error: cannot write full\n {2}cause: ENOSPC.*\nhint: The disk is full/m);
  });
});

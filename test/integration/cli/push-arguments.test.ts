import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { failed, type RunOptions, runFairlead, succeeded } from '#test/support/cli/run';

const profile = (...names: readonly string[]): string =>
  JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] });

let cwd = '';
before(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'fairlead-push-arguments-'));
  succeeded(await runFairlead(['keygen'], { cwd }));
});
after(() => rm(cwd, { recursive: true }));

async function write(name: string, text: string): Promise<void> {
  const file = join(cwd, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

const fairlead = (args: readonly string[], options: RunOptions = {}) => runFairlead(args, { cwd, ...options });

describe('fairlead push with arguments that are not clear', () => {
  const layout = ['--unsigned', '--oci-layout', 'layout'];
  before(async () => {
    await write('a/one.json', profile('read'));
    await write('a/notes.json', '{"no": "profile"}');
    await write('b/one.json', profile('read'));
    await write('empty/readme.md', '');
  });

  const refused: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [[], /there is no fairlead\.yaml here/],
    [['a/one.json'], /nothing says where to publish a\/one\.json/],
    [['a', 'localhost/one:v1'], /not of a directory\nhint: End it with \//],
    [['a/one.json', 'b/one.json', 'localhost/one:v1'], /not of several/],
    [['a', 'localhost/p/'], /no version or tag for the profiles\nhint: .*--version/],
    [['a', 'b', 'localhost/p/', '--tag', 'x'], /two profiles have the name one/],
    [['empty', 'localhost/p/', '--tag', 'x'], /no profiles in empty/],
    [['a', 'localhost/p/', '--tag', 'x', '--version', '1.0.0'], /--version and --tag cannot be used together/],
    [['a/one.json', 'localhost/one:v1', '--version', '1.0.0'], /has a tag, which a version cannot be used with/],
    [['a/one.json', 'localhost/one', '--version', '1.0'], /invalid version "1\.0"/],
    [['a', 'localhost/p/', '--tag', 'bad tag'], /invalid --tag "bad tag"\nhint: Want at most 128 letters/],
    [
      ['a/one.json', 'localhost/one:v1', '--latest'],
      /--latest is for the tags of a version, .* none\nhint: Add --version/,
    ],
    [['a', 'localhost/p/', '--tag', 'x', '--allow-older'], /--allow-older is for the tags of a version/],
    [
      ['localhost/one:v1', 'a/one.json'],
      /localhost\/one:v1 is a reference, and a\/one\.json is a file\nhint: .*push a\/one\.json localhost\/one:v1/,
    ],
    [['a/one.json', 'https://localhost/one:v1'], /it is a URL\nhint: Leave out the scheme, https:\/\/\./],
    [
      ['a/one.json', 'localhost/one:v1', '--annotation', 'a=1', '--annotation', 'a=2'],
      /--annotation <key=value>' argument 'a=2' is invalid\. Another value of a was given before/,
    ],
    [['a', 'localhost/p/', '--tag', 'x', '--title', 'x'], /--title is for one profile/],
    [['a/one.json', 'localhost/one:v1', '--subject', 'localhost/app:v1'], /has no digest/],
    [['a/one.json', 'localhost/one:v1', '--annotate-from-ci'], /unknown CI system/],
    [
      ['a/one.json', 'localhost/one:v1', '--fail-on', 'loosened'],
      /needs a policy or a signer .*\nhint: .*add --policy, or leave out --fail-on/,
    ],
  ];
  for (const [args, message] of refused) {
    it(`refuses push ${args.join(' ')}`, async () => {
      failed(await fairlead(['push', ...args, ...layout]), 2, message);
    });
  }

  it('states with --fail-on that a new tag compares with nothing', async () => {
    const push = (path: string, to: string) => [
      'push',
      path,
      to,
      '--fail-on',
      'loosened',
      '--key',
      'fairlead.key',
      '--oci-layout',
      'compared',
    ];
    const dry = await fairlead([...push('a/one.json', 'localhost/one:v1'), '--dry-run', '--output', 'json']);
    const { comparisons, notCompared, loosened } = JSON.parse(succeeded(dry));
    assert.deepEqual(
      { comparisons, notCompared, loosened },
      { comparisons: [], notCompared: 'tag v1 is new', loosened: false },
    );
    const note = 'compared   with nothing: tag v1 is new';
    assert.match(succeeded(await fairlead(push('a/one.json', 'localhost/one:v1'))), new RegExp(`^${note}$`, 'm'));
    const again = succeeded(await fairlead([...push('a/one.json', 'localhost/one:v1'), '--output', 'json']));
    assert.equal(JSON.parse(again).notCompared, null);
    const many = succeeded(await fairlead([...push('b', 'localhost/many/'), '--tag', 'v1']));
    assert.match(many, new RegExp(`^one:\\n(?:  warning: .*\\n)*  ${note}$`, 'm'));
    assert.doesNotMatch(
      succeeded(await fairlead(['push', 'b', 'localhost/free/', '--tag', 'v1', ...layout])),
      /compared/,
    );
  });

  it('publishes no file outside of a directory that a link in it leads to', async () => {
    await write('secret.json', profile('ptrace'));
    await write('linked/one.json', profile('read'));
    await symlink('../secret.json', join(cwd, 'linked/two.json'));
    const result = await fairlead(['push', 'linked', 'localhost/linked/', '--tag', 'x', ...layout]);
    failed(result, 2, /1 of 2 profiles could not be published\n {2}two: linked\/two\.json is a link to a file outside/);
    assert.match(result.stdout, /^published {2}one/m);
  });

  it('shows no key or token that was given in place of its file', async () => {
    const pem = await readFile(join(cwd, 'fairlead.key'), 'utf8');
    const push = ['push', 'a/one.json', 'localhost/secret:1', '--oci-layout', 'layout', '-v'];
    const token = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl';
    for (const [args, env, secret] of [
      [[...push, '--key', pem], {}, pem],
      [push, { FAIRLEAD_KEY: pem }, pem],
      [[...push, '--keyless', '--identity-token', token], {}, token],
    ] as const) {
      const { code, stdout, stderr } = await fairlead(args, { env });
      assert.equal(code, 2);
      assert.match(stderr, /the content of a key or a token was given in place of the name of its file/);
      for (const line of secret.split('\n').filter((each) => each.length > 20))
        assert.ok(!`${stdout}${stderr}`.includes(line));
    }
  });

  it('writes no command of a CI system for a name, neither as progress nor as a result', async () => {
    const names = ['##[error]one', '##vso[task.setvariable]two'];
    const entries = names.map((name, at) => `  - {file: a/one.json, name: "${name}", repository: localhost/ci${at}}\n`);
    await write('commands.yaml', `tag: x\nprofiles:\n${entries.join('')}`);
    const { stdout, stderr } = await fairlead(['push', '--project', 'commands.yaml', ...layout, '--dry-run']);
    for (const text of [stdout, stderr]) {
      assert.match(text, /u\{23\}#\[error\]one/);
      assert.doesNotMatch(text, /##\[|##vso\[/);
    }
  });

  it('names the line of a project that names a missing file', async () => {
    const project = (...lines: string[]) =>
      write('named/fairlead.yaml', ['repository: localhost/p', 'tag: x', ...lines, ''].join('\n'));
    const good = '  - {file: ../a/one.json}';
    const cases: readonly (readonly [lines: readonly string[], place: string])[] = [
      [['profiles:', '  - file: none.json'], '4:11: cannot read named/none.json'],
      [['profiles:', '  - directory: none'], '4:16: cannot read named/none'],
      [['policy: none.yaml', 'profiles:', good], '3:9: cannot read named/none.yaml'],
      [['signer: {key: none.key}', 'profiles:', good], '3:9: cannot read named/none.key'],
    ];
    for (const [lines, place] of cases) {
      await project(...lines);
      const signer = lines[0]?.startsWith('signer') ? [] : ['--unsigned'];
      const { code, stderr } = await fairlead([
        'push',
        '--project',
        'named/fairlead.yaml',
        ...signer,
        '--oci-layout',
        'layout',
      ]);
      assert.equal(code, 2, stderr);
      assert(stderr.includes(`named/fairlead.yaml:${place}`), stderr);
      assert.match(stderr, /^hint: There is no such file or directory\. .* starts at the directory of that file\.$/m);
    }
  });

  it('sends a password to one registry only', async () => {
    await write(
      'two.yaml',
      'tag: x\nsigner: {unsigned: true}\nprofiles:\n  - {file: a/one.json, repository: localhost:1/x}\n  - {file: b/one.json, name: two, repository: localhost:2/x}\n',
    );
    const push = ['push', '--project', 'two.yaml', '--username', 'me', '--password-stdin'];
    failed(
      await fairlead(push, { input: 'secret' }),
      2,
      /--username me is for one registry, and the profiles are for localhost:1, localhost:2/,
    );
  });

  it('reports a wrong passphrase once, and where it came from', async () => {
    await write('passphrase', 'right\n');
    succeeded(await fairlead(['keygen', '--prefix', 'locked', '--passphrase-file', 'passphrase']));
    const { code, stderr } = await fairlead(
      ['push', 'linked', 'localhost/p/', '--tag', 'x', '--key', 'locked.key', '--oci-layout', 'layout'],
      { env: { COSIGN_PASSWORD: 'wrong' } },
    );
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^error: locked\.key: cannot decrypt the private key: .*\nhint: Check the passphrase, which comes from COSIGN_PASSWORD\.\n$/,
    );
  });

  it('takes the last argument for a file if there is one, unless it begins with oci://', async () => {
    await write('localhost/one', profile('write'));
    failed(
      await fairlead(['push', 'a/one.json', 'localhost/one', ...layout]),
      2,
      /looks like a registry\nhint: Write oci:\/\/localhost\/one .* or \.\/localhost\/one/,
    );
    failed(await fairlead(['push', 'a/one.json', './localhost/one', ...layout]), 2, /nothing says where to publish/);
    succeeded(await fairlead(['push', 'a/one.json', 'oci://localhost/one', ...layout]));
    await rm(join(cwd, 'localhost'), { recursive: true });
  });
});

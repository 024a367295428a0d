import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runFairlead } from '#test/support/cli/run';

const profile = '{"defaultAction": "SCMP_ACT_ERRNO"}';
const layout = ['--oci-layout', 'layout'];
const push = ['push', 'nginx.json', 'localhost/nginx:1', ...layout];
const attest = ['attest', 'localhost/nginx:1', '--key', 'fairlead.key', '--type', 'vuln', ...layout, '--predicate'];
const verify = ['verify', 'localhost/nginx:1', ...layout];
const key = ['--key', 'fairlead.key'];

describe('an invalid command is refused, and nothing is written', () => {
  let cwd = '';
  let made: string[] = [];
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-usage-'));
    await Promise.all([
      runFairlead(['keygen'], { cwd }),
      writeFile(join(cwd, 'nginx.json'), profile),
      writeFile(join(cwd, 'apparmor.json'), '{"capability": {}}'),
      writeFile(join(cwd, 'empty'), ''),
      writeFile(join(cwd, 'list.json'), '[]'),
      writeFile(join(cwd, 'broken.yaml'), 'rules: ['),
    ]);
    made = (await readdir(cwd)).sort();
  });
  after(() => rm(cwd, { recursive: true }));

  const refused: [readonly string[], message: RegExp, hint: RegExp][] = [
    [[...push, ...key, '--keyless'], /--key and --keyless cannot be used together/, /Leave out/],
    [[...push, ...key, '--unsigned'], /--key and --unsigned cannot be used together/, /Leave out/],
    [
      [...push, '--keyless', '--signature-format', 'legacy'],
      /--keyless and --signature-format legacy cannot be used together/,
      /--key/,
    ],
    [[...push, ...key, '--plain-http'], /--oci-layout cannot be used with --plain-http/, /Leave these out/],
    [[...push, ...key, '--identity-token', 'empty'], /--identity-token needs --keyless$/, /leave out/],
    [[...push, ...key, '--trusted-root', 'empty'], /needs --keyless or --signing-config$/, /--signing-config FILE/],
    [[...push, '--key', 'no.key'], /cannot read no\.key/, /no such file/],
    [[...push, '--key', '.'], /cannot read \./, /directory|folder/],
    [['push', 'no.json', 'localhost/nginx:1', ...layout, ...key], /cannot read no\.json/, /no such file/],
    [
      ['push', 'nginx.json', 'localhost:5000', ...layout, ...key],
      /no repository in it/,
      /localhost:5000\/repository:tag/,
    ],
    [[...attest, 'list.json'], /list\.json is not a JSON object/, /JSON object/],
    [
      [
        'attest',
        'localhost/nginx:1',
        ...key,
        '--type',
        'vuln',
        '--predicate',
        '-',
        '--username',
        'a',
        '--password-stdin',
      ],
      /--predicate and --password-stdin cannot both come from stdin/,
      /file/,
    ],
    [
      ['sign', 'localhost/nginx:1', '--keyless', '--identity-token', '-', '--username', 'a', '--password-stdin'],
      /--identity-token and --password-stdin cannot both/,
      /file/,
    ],
    [
      ['push', '-', 'localhost/nginx:1', '--keyless', '--identity-token', '-'],
      /the profile and --identity-token cannot both come from stdin/,
      /file/,
    ],
    [['policy'], /policy needs a subcommand: check, test or import/, /fairlead policy --help/],
    [['baseline', '--like', 'docker@99'], /unknown default profile of docker "99"/, /MAJOR\.MINOR means the newest/],
    [['merge', 'nginx.json'], /either --intersect or --union/, /--union for/],
    [['convert', 'apparmor.json', '--to', 'apparmor', '--minimize'], /for seccomp profiles/, /Leave out --minimize/],
    [
      ['convert', 'apparmor.json', '--to', 'apparmor', '--narrow-comparisons'],
      /for seccomp profiles/,
      /Leave out --narrow-comparisons/,
    ],
    [['explain', 'apparmor.json', '--syscall', 'bpf'], /for seccomp profiles/, /Leave out --syscall/],
    [[...attest, '-'], /stdin is not JSON/, /JSON object/],
    [[...verify, '--key', 'fairlead.pub', '--kind', 'selinux'], /seccomp or apparmor/, /fairlead verify --help/],
    [[...verify, '--policy', 'none.yaml'], /cannot read none\.yaml/, /no such file/],
    [['pull', 'localhost/nginx:1', ...layout, '--policy', 'none.yaml'], /cannot read none\.yaml/, /no such file/],
    [[...push, ...key, '--policy', 'none.yaml'], /cannot read none\.yaml/, /no such file/],
    [[...verify, '--policy', 'broken.yaml'], /broken\.yaml:1:9: /, /docs\/guides\/trust-policy\.md/],
    [[...verify, '--policy', 'nginx.json'], /nginx\.json:1:2: unknown key/, /docs\/guides\/trust-policy\.md/],
    [['policy', 'import', 'nginx.json'], /unknown key "defaultAction"/, /containers-policy\.json\(5\)/],
    [['policy', 'import', '-'], /stdin:1:1: /, /containers-policy\.json\(5\)/],
    [['keygen', '--prefix', ''], /invalid --prefix "": want the path of a file/, /keys\/release/],
    [['keygen', '--prefix', 'keys/'], /invalid --prefix/, /keys\/release/],
    [[...push, '--key', 'fairlead.key', '--passphrase-file', 'none'], /cannot read none/, /no such file/],
    [[...push, '--key', 'fairlead.key', '--passphrase-file', '.'], /cannot read \./, /It is a directory/],
    [[...push, '--unsigned', '--passphrase-file', 'none'], /--passphrase-file needs --key/, /leave out/],
    [[...push, '--keyless', '--passphrase-file', 'none'], /--passphrase-file needs --key/, /leave out/],
    [['keygen', '--prefix', 'new', '--passphrase-file', 'none'], /cannot read none/, /no such file/],
    [['keygen', '--prefix', 'new', '--passphrase-file', 'empty'], /empty is empty: want a passphrase/, /leave out/],
    [['pull', 'localhost/nginx:1', ...layout, '--policy', 'broken.yaml', '--file', '-'], /cannot write to -/, /stdout/],
    [['save', 'localhost/nginx:1', '-', ...layout], /cannot write to -/, /Name a file for the archive/],
    [
      ['pull', 'localhost/nginx:1', ...layout, '--policy', 'broken.yaml', '--file', '/dev/stdout'],
      /cannot write to \/dev\/stdout/,
      /Leave out --file/,
    ],
    [
      ['save', 'all.tar', 'localhost/nginx:1', ...layout],
      /its last argument; localhost\/nginx:1 is a reference/,
      /^Write the file last: `fairlead save localhost\/nginx:1 all\.tar`$/,
    ],
    [
      ['merge', '--union', '--intersect', 'a', 'b'],
      /--intersect and --union cannot be used together/,
      /what any profile permits/,
    ],
    [
      ['verify', 'localhost/nginx:1', '--key', 'a.pub', '--key', 'b.pub', ...layout],
      /--key <file>' argument 'b\.pub' is invalid\. It can be given once, and was given as "a\.pub" before/,
      /fairlead verify --help/,
    ],
    [
      ['pull', 'localhost/nginx:1', '--policy', 'a.yaml', '--policy', 'b.yaml', ...layout],
      /It can be given once, and was given as "a\.yaml" before/,
      /fairlead pull --help/,
    ],
    [['save', 'localhost/nginx:1', '/dev/fd/1', ...layout], /cannot write to \/dev\/fd\/1/, /Name a file/],
  ];
  for (const [args, message, hint] of refused) {
    it(args.join(' '), async () => {
      const json = args[0] === 'policy' ? [] : ['--output', 'json'];
      const { code, stdout, stderr } = await runFairlead([...args, ...json], { cwd });
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      const [, said = '', hinted = ''] = /^error: (.*)\n(?:.*\n)*hint: (.*)\n$/.exec(stderr) ?? [];
      const error = json.length === 0 ? { message: said, hint: hinted } : JSON.parse(stderr).error;
      assert.match(error.message, message);
      assert.match(error.hint, hint);
      assert.deepEqual((await readdir(cwd)).sort(), made);
    });
  }
});

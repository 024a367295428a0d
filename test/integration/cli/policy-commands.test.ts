import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { failed, succeeded } from '#test/support/cli/run';
import { fairlead, folder, policy } from '#test/support/cli/signing-folder';

describe('fairlead policy', () => {
  const layout = ['--oci-layout', 'registry'];
  before(async () => {
    succeeded(await fairlead(['push', 'p.json', 'localhost/security/nginx:v1', '--key', 'a.key', ...layout]));
    await policy(
      'two.yaml',
      `rules:
  - match: localhost/dev/**
    unsigned: true
    log: true
  - match: localhost/security/*
    require: [{anyOf: [{key: a.pub}, {key: b.pub}], threshold: 2}]
  - match: localhost/security/*
    unsigned: true
`,
    );
  });

  it('check shows what each rule requires, and which rule is unreachable', async () => {
    const text = succeeded(await fairlead(['policy', 'check', 'two.yaml']));
    assert.match(text, /requires 2 different signers of: key a\.pub or key b\.pub/);
    assert.match(text, /unreachable: the rule at 7:5/);
    const { rules } = JSON.parse(succeeded(await fairlead(['policy', 'check', 'two.yaml', '--output', 'json'])));
    assert.deepEqual(
      rules.map(({ neverAsked }: { neverAsked?: string }) => neverAsked),
      [undefined, undefined, '7:5'],
    );
    assert.match(text, /dev\/\*\*\n.*\n {2}allows {3}mode=log: .*\nrule/);
    assert.deepEqual(
      rules.map(({ log }: { log: boolean }) => log),
      [true, false, false],
    );
  });

  it('check shows what nodes apply: baseline, limits, verifyCredentials and ignoredAnnotations', async () => {
    const shown = async (file: string) => {
      const text = succeeded(await fairlead(['policy', 'check', file]));
      const document = JSON.parse(succeeded(await fairlead(['policy', 'check', file, '--output', 'json'])));
      return { text, document };
    };
    const usual = await shown('two.yaml');
    assert.match(usual.text, /^baseline {3}seccomp: RuntimeDefault, apparmor: RuntimeDefault$/m);
    assert.match(usual.text, /^limits {5}artifactBytes: 1048576, entriesPerSyscall: 128$/m);
    assert.match(usual.text, /^node {7}verifyCredentials: cached, ignoredAnnotations: Report$/m);
    assert.deepEqual(usual.document.baseline, { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' });
    assert.deepEqual(usual.document.limits, { artifactBytes: 1048576, entriesPerSyscall: 128 });
    assert.equal(usual.document.verifyCredentials, 'cached');
    assert.equal(usual.document.ignoredAnnotations, 'Report');
    await policy(
      'own.yaml',
      'baseline: {seccomp: p.json}\nlimits: {artifactBytes: 2MiB, entriesPerSyscall: 9}\nverifyCredentials: never\nignoredAnnotations: Refuse\n',
    );
    const own = await shown('own.yaml');
    assert.match(
      own.text,
      /^baseline {3}seccomp: p\.json, apparmor: RuntimeDefault\nlimits {5}artifactBytes: 2097152, entriesPerSyscall: 9\nnode {7}verifyCredentials: never, ignoredAnnotations: Refuse$/m,
    );
    assert.deepEqual(own.document.baseline, { seccomp: 'p.json', apparmor: 'RuntimeDefault' });
    assert.deepEqual(own.document.limits, { artifactBytes: 2097152, entriesPerSyscall: 9 });
    assert.equal(own.document.verifyCredentials, 'never');
    assert.equal(own.document.ignoredAnnotations, 'Refuse');
  });

  it('check treats two spellings of a registry as one', async () => {
    await policy(
      'hub.yaml',
      'rules:\n  - match: docker.io/acme/*\n    require: [{key: a.pub}]\n  - match: Index.docker.io:443/acme/*\n    unsigned: true\n',
    );
    assert.match(succeeded(await fairlead(['policy', 'check', 'hub.yaml'])), /unreachable: the rule at 4:5/);
  });

  it('check names all rules that make another unreachable, one or several', async () => {
    await policy(
      'together.yaml',
      `rules:
  - match: "*.example.com/**"
    require: [{key: a.pub}]
  - match: a.example.com/dev/**
    unsigned: true
  - {match: localhost/a/*, kinds: [Seccomp], require: [{key: a.pub}]}
  - {match: localhost/*/b, kinds: [AppArmor], require: [{key: a.pub}]}
  - {match: localhost/a/b, kinds: [AppArmor, Seccomp], unsigned: true}
  - {match: localhost/a/b, unsigned: true}
`,
    );
    const text = succeeded(await fairlead(['policy', 'check', 'together.yaml']));
    assert.match(text, /a\.example\.com\/dev\/\*\*\n.*\n {2}warning {2}unreachable: the rule at 4:5, \*\.example\.com/);
    assert.match(
      text,
      /unreachable: the rules at 8:5, localhost\/a\/\*, and at 9:5, localhost\/\*\/b, come first and together cover it\n/,
    );
    const { rules } = JSON.parse(succeeded(await fairlead(['policy', 'check', 'together.yaml', '--output', 'json'])));
    assert.deepEqual(
      rules.map(({ neverAsked }: { neverAsked?: string }) => neverAsked),
      [undefined, '4:5', undefined, undefined, '8:5, 9:5', undefined],
    );
  });

  it('check refuses a match that no reference can have, so that no wider rule decides instead', async () => {
    for (const [match, closest] of [
      ['registry.example.com./prod/**', 'registry.example.com/prod/**'],
      ['registry.example.com/a..b', 'registry.example.com/a.b'],
      ['registry.example.com', 'registry.example.com/**'],
      ['nginx/prod/**', 'docker.io/nginx/prod/**'],
    ]) {
      await policy(
        'typo.yaml',
        `rules:\n  - match: ${match}\n    require: [{key: a.pub}]\n  - match: "**"\n    unsigned: true\n`,
      );
      const { code, stderr } = await fairlead(['policy', 'check', 'typo.yaml']);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /typo\.yaml:4:12: invalid match/);
      assert.ok(stderr.includes(`hint: Did you mean ${closest}?`), stderr);
    }
  });

  it('check fails if a node would, and if the file does not exist', async () => {
    await policy('broken.yaml', 'rules:\n  - match: a.b/c\n    require: [{key: none.pub}]\n');
    failed(await fairlead(['policy', 'check', 'broken.yaml']), 2, /broken\.yaml:5:21: none\.pub does not exist/);
    failed(await fairlead(['policy', 'check', 'none.yaml']), 2, /cannot read none\.yaml/);
  });

  it('test explains the decision, and its exit code is that of the decision', async () => {
    const test = (reference: string, ...more: string[]) => fairlead(['policy', 'test', 'two.yaml', reference, ...more]);
    const one = await test('localhost/security/nginx:v1', ...layout);
    failed(one, 5, /1 of 2 signers/);
    assert.match(one.stdout, /localhost\/dev\/\*\* \(line 4\): other repository\n.*\(line 7\): matches/);
    assert.match(one.stdout, /not met\n {2}by .*key a\.pub .*\n {2}not by .*with key b\.pub\): it was not made/);
    succeeded(await fairlead(['sign', 'localhost/security/nginx:v1', '--key', 'b.key', ...layout]));
    const both = JSON.parse(succeeded(await test('localhost/security/nginx:v1', ...layout, '--output', 'json')));
    assert.equal(both.allowed, true);
    assert.equal(both.requirements[0].met, true);
    assert.equal(both.requirements[0].held.length, 2);
    const denied = await test('localhost/other:v1', '--output', 'json');
    failed(denied, 4, /NotAllowed/);
    assert.equal(JSON.parse(denied.stdout).allowed, false);
    assert.match(succeeded(await test('localhost/security/nginx')), /allowed, if its signatures meet the rule\n$/);
    assert.match(succeeded(await test('localhost/dev/x')), /mode=log {3}allowed\n(.*\n)*allowed\n$/);
    assert.match(one.stdout, /mode=log {3}not allowed: the rule has no "log: true"\n/);
    assert.deepEqual([both.log, JSON.parse(denied.stdout).log], [false, false]);
    failed(await test('localhost/dev/x:v1', ...layout), 7, /dev\/x/);
    succeeded(await fairlead(['push', 'p.json', 'localhost/dev/x:v1', '--unsigned', ...layout]));
    assert.match(succeeded(await test('localhost/dev/x:v1', ...layout)), /allowed\n$/);
    failed(
      await test('localhost/dev/x:v1', ...layout, '--kind', 'apparmor'),
      3,
      /is a profile of kind Seccomp, not AppArmor/,
    );
    failed(await test('localhost/security/none:v1', ...layout), 7, /none/);
  });

  it('import writes a policy that check accepts, or names what has no equivalent', async () => {
    const key = await readFile(join(folder, 'a.pub'));
    const containers = (requirement: object): string =>
      JSON.stringify({
        default: [{ type: 'reject' }],
        transports: { docker: { 'localhost/security': [requirement] } },
      });
    const identity = { signedIdentity: { type: 'matchRepository' } };
    await writeFile(join(folder, 'named.json'), containers({ type: 'sigstoreSigned', keyPath: 'a.pub', ...identity }));
    await writeFile(join(folder, 'imported.yaml'), succeeded(await fairlead(['policy', 'import', 'named.json'])));
    assert.match(succeeded(await fairlead(['policy', 'check', 'imported.yaml'])), /requires key a\.pub/);
    // What push makes by default does not meet it: all report that, and what would.
    const checked = succeeded(await fairlead(['policy', 'check', 'imported.yaml']));
    assert.match(
      checked,
      /requires signatures that name the requested repository \(signedRepository\): .*--signature-format legacy/,
    );
    const asJson = succeeded(await fairlead(['policy', 'check', 'imported.yaml', '--output', 'json']));
    assert.equal(JSON.parse(asJson).rules[0].signedRepository, 'same');
    const push = (...more: string[]) =>
      fairlead([
        ...['push', 'imported.json', 'localhost/security/imported:v1', '--key', 'a.key', '--policy', 'imported.yaml'],
        ...[...layout, ...more],
      ]);
    await writeFile(join(folder, 'imported.json'), '{"defaultAction": "SCMP_ACT_ERRNO"}');
    const refused = await push();
    failed(refused, 5, /does not name the repository/);
    assert.match(refused.stderr, /hint: .*--signature-format legacy/);
    succeeded(await push('--signature-format', 'legacy'));
    // The policy cannot be loaded without a key that it names.
    const missing = { type: 'sigstoreSigned', keyPath: '/nonexistent/acme.pub', ...identity };
    await writeFile(join(folder, 'missing.json'), containers(missing));
    assert.match(
      (await fairlead(['policy', 'import', 'missing.json'])).stderr,
      /^note: missing\.json:1:\d+: key \/nonexistent\/acme\.pub does not exist: the policy is invalid without it$/m,
    );
    assert.doesNotMatch((await fairlead(['policy', 'import', 'named.json'])).stderr, /does not exist/);
    assert.match(
      (await fairlead(['policy', 'import', 'named.json', '--directory', 'elsewhere'])).stderr,
      /key a\.pub does not exist/,
    );
    const keyData = key.toString('base64');
    await writeFile(join(folder, 'inline.json'), containers({ type: 'sigstoreSigned', keyData, ...identity }));
    failed(await fairlead(['policy', 'import', 'inline.json']), 2, /embeds keys \(1\)/);
    const written = join(folder, 'imported/node');
    succeeded(await fairlead(['policy', 'import', 'inline.json', '--directory', written]));
    succeeded(await fairlead(['policy', 'check', join(written, 'policy.yaml')]));
    failed(await fairlead(['policy', 'import', 'inline.json', '--directory', written]), 9, /already exists/);
    const file = join(written, 'policy.yaml');
    failed(await fairlead(['policy', 'import', 'inline.json', '--directory', file]), 2, /cannot create the directory/);
    await writeFile(join(folder, 'gpg.json'), containers({ type: 'signedBy', keyType: 'GPGKeys', keyPath: 'x' }));
    failed(await fairlead(['policy', 'import', 'gpg.json']), 2, /gpg\.json:1:\d+: cannot be imported: GPG/);
  });

  it('import allows everything unsigned, or leaves entries out, only with the option for it, and reports it', async () => {
    const accept = [{ type: 'insecureAcceptAnything' }];
    await writeFile(join(folder, 'debian.json'), JSON.stringify({ default: accept }, undefined, 4));
    const refused = await fairlead(['policy', 'import', 'debian.json']);
    failed(refused, 2, /debian\.json:2:16: cannot be imported: the default accepts anything, unsigned/);
    assert.match(refused.stderr, /hint: .*--skip .*--allow-unsigned/);
    assert.equal(refused.stdout, '');
    const allowed = await fairlead(['policy', 'import', '--allow-unsigned', 'debian.json']);
    assert.match(succeeded(allowed), /match: "\*\*"\n {4}unsigned: true/);
    assert.match(
      allowed.stderr,
      /^note: debian\.json:2:16: the default accepts anything, unsigned: everything that no/,
    );
    const gpg = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release' }];
    const docker = { 'registry.access.redhat.com': gpg, 'registry.redhat.io': gpg };
    await writeFile(
      join(folder, 'rhel.json'),
      JSON.stringify({ default: accept, transports: { docker, 'docker-daemon': { '': accept } } }),
    );
    failed(await fairlead(['policy', 'import', '--allow-unsigned', 'rhel.json']), 2, /GPG signatures are not/);
    const skipped = await fairlead(['policy', 'import', '--skip', 'rhel.json', '--directory', 'rhel']);
    assert.match(succeeded(skipped), /written {4}rhel\/policy\.yaml/);
    for (const left of [
      'scope registry\\.access\\.redhat\\.com: GPG',
      'scope registry\\.redhat\\.io: GPG',
      'the default',
      'transport',
    ])
      assert.match(skipped.stderr, new RegExp(`^note: rhel\\.json:1:\\d+: left out: ${left}`, 'm'));
    assert.match(succeeded(await fairlead(['policy', 'check', 'rhel/policy.yaml'])), /everything is denied/);
    const both = await fairlead(['policy', 'import', '--skip', '--allow-unsigned', 'rhel.json']);
    failed(both, 2, /rhel\.json:1:\d+: cannot be skipped: .* the default would allow them/);
  });

  it('lists its subcommands in the help', async () => {
    failed(await fairlead(['policy']), 2, /check, test or import/);
    failed(await fairlead(['policy', 'chekc']), 2, /unknown command 'chekc'/);
  });
});

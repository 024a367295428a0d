import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { FairleadError } from '#lib/errors';
import { generateKeyPair } from '../keys/key.ts';
import { type ImportChoices, importContainersPolicy } from './import-containers-policy.ts';
import { matchesRepository } from './match.ts';
import { parsePolicyDocument } from './parse-policy-document.ts';

const accept = [{ type: 'insecureAcceptAnything' }];
const reject = [{ type: 'reject' }];
const signed = (changes: object = {}): object[] => [
  { type: 'sigstoreSigned', keyPath: '/etc/pki/acme.pub', signedIdentity: { type: 'matchRepository' }, ...changes },
];

const gpg = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release' }];

function imported(docker: Record<string, object[]>, fallback: object[] = reject, choices: ImportChoices = {}) {
  const json = JSON.stringify({ default: fallback, transports: { docker, dir: { '': accept } } }, undefined, 2);
  const { policy, keys, keyFiles, notes } = importContainersPolicy(json, 'policy.json', choices);
  // What is made must be a policy of ours, and is read by the parser that reads every other.
  parsePolicyDocument(policy, 'imported.yaml');
  return { rules: parse(policy).rules as object[], keys, keyFiles, notes };
}

function refuses(
  docker: Record<string, object[]>,
  message: RegExp,
  fallback: object[] = reject,
  choices: ImportChoices = {},
): void {
  assert.throws(
    () => imported(docker, fallback, choices),
    (error) => {
      assert.ok(error instanceof FairleadError, String(error));
      assert.equal(error.kind, 'InvalidInput');
      assert.match(error.message, message);
      assert.match(error.message, /^policy\.json:\d+:\d+: /);
      return true;
    },
  );
}

describe('importContainersPolicy', () => {
  it('converts scopes to rules, the most specific first', () => {
    const { rules } = imported({
      '': reject,
      'a.example.com': accept,
      'a.example.com/team/app': signed(),
      'a.example.com/team': signed({ signedIdentity: { type: 'exactRepository', dockerRepository: 'up.example/app' } }),
      '*.example.com': accept,
      '*.b.example.com': accept,
    });
    const key = { key: '/etc/pki/acme.pub' };
    assert.deepEqual(rules, [
      { match: 'a.example.com/team/app', require: [key], signedRepository: 'same' },
      { match: 'a.example.com/team/app/**', require: [key], signedRepository: 'same' },
      { match: 'a.example.com/team', require: [key], signedRepository: 'up.example/app' },
      { match: 'a.example.com/team/**', require: [key], signedRepository: 'up.example/app' },
      { match: 'a.example.com/**', unsigned: true },
      { match: '*.b.example.com/**', unsigned: true },
      { match: '*.b.example.com:*/**', unsigned: true },
      { match: '*.example.com/**', unsigned: true },
      { match: '*.example.com:*/**', unsigned: true },
    ]);
  });

  it('uses the default of the transport, or else the global default', () => {
    assert.deepEqual(imported({}, signed()).rules, [
      { match: '**', require: [{ key: '/etc/pki/acme.pub' }], signedRepository: 'same' },
    ]);
    assert.deepEqual(imported({ '': reject }, accept).rules, []);
    assert.deepEqual(imported({}, reject).rules, []);
    assert.deepEqual(parse(importContainersPolicy('{"default":[{"type":"reject"}]}', 'p').policy).rules, []);
  });

  it('writes no rule that allows everything unsigned unless requested, and reports it', () => {
    const debian = JSON.stringify({
      default: accept,
      transports: { 'docker-daemon': { '': accept } },
    });
    assert.throws(
      () => importContainersPolicy(debian, 'policy.json'),
      /policy\.json:1:12: .*the default accepts anything, unsigned/,
    );
    refuses({}, /^policy\.json:2:14: cannot be imported: the default accepts anything, unsigned/, accept);
    refuses({ '': accept }, /^policy\.json:9:11: cannot be imported: scope "" of docker accepts anything, unsigned/);
    refuses({ '': [...accept, ...accept], 'a.b': reject }, /scope "" of docker accepts anything/, accept);
    for (const [docker, fallback, at] of [
      [{}, accept, 'policy.json:2:14: the default'],
      [{ '': accept }, reject, 'policy.json:9:11: scope "" of docker'],
    ] as const) {
      const { rules, notes } = imported(docker, fallback as unknown as object[], { allowUnsigned: true });
      assert.deepEqual(rules, [{ match: '**', unsigned: true }]);
      assert.deepEqual(notes.slice(0, 1), [
        `${at} accepts anything, unsigned: everything that no other rule matches is allowed`,
      ]);
    }
  });

  it('reports which registries it allows unsigned', () => {
    const { rules, notes } = imported({ 'a.b': accept, 'a.b/c': signed() });
    assert.equal(rules.length, 3);
    assert.deepEqual(notes.slice(0, 1), ['policy.json:9:14: scope a.b accepts anything, unsigned']);
  });

  it('names the transports that it leaves out', () => {
    assert.deepEqual(imported({}, reject).notes, [
      'policy.json:9:12: left out: transport dir: only docker is imported',
    ]);
  });

  it('leaves out what cannot be imported if requested, and names each entry', () => {
    const skip = { skip: true };
    const rhel = { 'registry.access.redhat.com': gpg, 'registry.redhat.io': gpg };
    refuses(rhel, /:10:9: cannot be imported: GPG signatures are not supported/);
    const { rules, notes } = imported({ ...rhel, 'a.b': signed(), 'c.d/c:v1': reject }, accept, skip);
    assert.deepEqual(
      rules.map((rule) => (rule as { match: string }).match),
      ['a.b/**'],
    );
    assert.deepEqual(
      notes.filter((note) => !/transport|signedRepository/.test(note)).sort(),
      [
        'policy.json:10:9: left out: scope registry.access.redhat.com: GPG signatures are not supported',
        'policy.json:17:9: left out: scope registry.redhat.io: GPG signatures are not supported',
        'policy.json:32:19: left out: scope c.d/c:v1: invalid scope "c.d/c:v1": want a registry, namespace or repository',
        'policy.json:2:14: left out: the default accepts anything, unsigned',
      ].sort(),
    );
  });

  it('leaves out nothing that a wider scope would allow', () => {
    const both = { skip: true, allowUnsigned: true };
    refuses(
      { 'registry.redhat.io': gpg },
      /scope registry\.redhat\.io would be left out, but the default would allow it/,
      accept,
      both,
    );
    refuses({ 'a.b/c': gpg, 'a.b': accept }, /left out, but scope a\.b would allow it/, reject, { skip: true });
    refuses({ 'a.b/c': gpg, 'a.b': signed() }, /left out, but scope a\.b would/, reject, { skip: true });
    refuses({ 'a.b/c:v1': gpg, 'a.b/c': signed() }, /left out, but scope a\.b\/c would/, reject, { skip: true });
    refuses({ 'A.b:443/c': gpg, 'a.b': signed() }, /left out, but scope a\.b would/, reject, { skip: true });
    refuses({ 'registry-1.docker.io/c': gpg, 'docker.io': signed() }, /scope docker\.io would/, reject, { skip: true });
    refuses({ 'a.b/c': reject, 'a.b': accept }, /rejects part of what scope a\.b accepts/, reject, { skip: true });
  });

  it('has a hint that works for every refusal', () => {
    const hintOf = (docker: Record<string, object[]>, fallback: object[], choices: ImportChoices): string => {
      try {
        imported(docker, fallback, choices);
      } catch (error) {
        assert.ok(error instanceof FairleadError);
        return `${error.message}\n${error.hint}`;
      }
      return 'imported';
    };
    // As Red Hat ships it.
    const rhel = { 'registry.access.redhat.com': gpg, 'registry.redhat.io': gpg };
    assert.match(hintOf(rhel, accept, { allowUnsigned: true }), /use `skip` instead of `allowUnsigned`/);
    const both = hintOf(rhel, accept, { skip: true, allowUnsigned: true });
    assert.match(
      both,
      /scope registry\.access\.redhat\.com, scope registry\.redhat\.io would be left out, but the default would allow them/,
    );
    assert.match(both, /Use `skip` without `allowUnsigned`: then the default is left out too/);
    assert.equal(hintOf(rhel, accept, { skip: true }), 'imported');
    assert.match(hintOf({ 'a.b/c': reject }, accept, { allowUnsigned: true }), /Use `skip` without `allowUnsigned`/);
    assert.equal(hintOf({ 'a.b/c': reject }, accept, { skip: true }), 'imported');
    // By tag and digest: no choice helps, since the repository would let them through.
    for (const scope of ['a.b:5000/c:v1', `a.b:5000/c@sha256:${'0'.repeat(64)}`]) {
      const tagged = { [scope]: signed(), 'a.b:5000/c': signed() };
      assert.match(
        hintOf(tagged, reject, {}),
        /remove this scope from the file, so that the scope of a\.b:5000\/c applies to all/,
      );
      assert.match(
        hintOf(tagged, reject, { skip: true }),
        /Remove scope .* from the file: then scope a\.b:5000\/c applies to every tag/,
      );
    }
    assert.equal(hintOf({ 'a.b/c:v1': signed() }, reject, { skip: true }), 'imported');
    assert.match(
      hintOf({ 'a.b/c': gpg, 'a.b': signed() }, reject, { skip: true }),
      /replace scope a\.b by the namespaces and repositories to allow/,
    );
  });

  it('notes that bundles are refused if signatures must name the repository', () => {
    const { notes } = imported({ 'a.b/c': signed(), 'a.b/d': signed() });
    const [note, ...others] = notes.filter((each) => each.includes('signedRepository'));
    assert.match(note ?? '', /^signedRepository \(same\): .*Sigstore bundles never do: sign with `format: 'legacy'`/);
    assert.deepEqual(others, []);
    assert.ok(!imported({ 'a.b/c': accept }).notes.some((each) => each.includes('signedRepository')));
  });

  it('returns the key files, and where they are named', () => {
    const [{ keyPath: _, ...without } = {}] = signed() as { keyPath?: string }[];
    const { keyFiles } = imported({ 'a.b/c': signed(), 'a.b/d': [{ ...without, keyPaths: ['a.pub', 'b.pub'] }] });
    assert.deepEqual(
      keyFiles.map(({ path }) => path),
      ['/etc/pki/acme.pub', 'a.pub', 'b.pub'],
    );
    for (const { at } of keyFiles) assert.match(at, /^policy\.json:\d+:\d+$/);
  });

  it('skips no invalid input', () => {
    refuses({ 'a.b/c': signed({ keyPath: undefined }) }, /exactly one of/, reject, { skip: true });
    refuses({ 'a.b/c': [{ type: 'other' }] }, /type/, reject, { skip: true });
  });

  it('combines several requirements, and several keys of one', () => {
    const [first] = imported({ 'a.b/c': [...accept, ...signed(), ...signed({ keyPath: 'b.pub' })] }).rules;
    assert.deepEqual((first as { require: object }).require, [{ key: '/etc/pki/acme.pub' }, { key: 'b.pub' }]);
    const [requirement] = signed() as { keyPath?: string }[];
    const { keyPath: _, ...without } = requirement ?? {};
    const [any] = imported({ 'a.b/c': [{ ...without, keyPaths: ['a.pub', 'b.pub'] }] }).rules;
    assert.deepEqual((any as { require: object }).require, [{ anyOf: [{ key: 'a.pub' }, { key: 'b.pub' }] }]);
    assert.deepEqual(imported({ 'a.b/c': [...signed(), ...reject] }).rules, []);
  });

  it('moves inline keys to their own files, once each', async () => {
    const { publicKey } = await generateKeyPair();
    const keyData = Buffer.from(publicKey).toString('base64');
    const [{ keyPath: _, ...requirement } = {}] = signed() as { keyPath?: string }[];
    const { rules, keys } = imported({
      'a.b/c': [{ ...requirement, keyData }],
      'a.b/d': [{ ...requirement, keyDatas: [keyData] }],
    });
    assert.deepEqual([...keys], [['imported-1.pub', publicKey]]);
    for (const rule of rules) assert.deepEqual((rule as { require: object }).require, [{ key: 'imported-1.pub' }]);
    refuses({ 'a.b/c': [{ ...requirement, keyData: 'AAAA' }] }, /want base64 of a public key/);
  });

  it('refuses entries without an exact equivalent', () => {
    refuses({ 'a.b/c:v1': accept }, /invalid scope "a\.b\/c:v1": want a registry/);
    refuses({ [`a.b/c@sha256:${'0'.repeat(64)}`]: accept }, /invalid scope .*: want a registry/);
    refuses({ '*.b/c': accept }, /invalid scope .*: want a registry/);
    refuses({ 'a*.b': accept }, /invalid scope .*: want a registry/);
    refuses({ 'a.b:443/c': accept, 'a.b/c': signed() }, /a\.b:443 and a\.b are different registries there/);
    refuses({ 'A.b': accept }, /A\.b and a\.b are different registries there/);
    refuses({ 'a.b/c': [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: 'a.gpg' }] }, /GPG/);
    refuses({ 'a.b/c': signed({ fulcio: { caPath: 'ca', oidcIssuer: 'i', subjectEmail: 'e' } }) }, /fulcio/);
    refuses({ 'a.b/c': signed({ rekorPublicKeyPath: 'rekor.pub' }) }, /rekorPublicKeyPath/);
    refuses({ 'a.b/c': signed({ signedIdentity: undefined }) }, /matchRepoDigestOrExact/);
    refuses({ 'a.b/c': signed({ signedIdentity: { type: 'matchExact' } }) }, /matchExact/);
    refuses(
      { 'a.b/c': signed({ signedIdentity: { type: 'remapIdentity', prefix: 'a', signedPrefix: 'b' } }) },
      /remapIdentity/,
    );
    refuses(
      { 'a.b/c': signed({ signedIdentity: { type: 'exactRepository', dockerRepository: 'busybox' } }) },
      /invalid repository: want registry\/repository/,
    );
    refuses({ 'a.b/c': signed({ keyPaths: ['b'] }) }, /exactly one of/);
    refuses({ 'a.b/c': signed({ keyPath: undefined }) }, /exactly one of/);
    refuses({ 'a.b/c': signed({ unknown: 1 }) }, /unknown key "unknown"/);
    refuses({ 'a.b/c': [] }, /at least one requirement/);
    refuses({ 'a.b/c': [{ type: 'other' }] }, /type/);
    const two = [...signed(), ...signed({ signedIdentity: { type: 'exactRepository', dockerRepository: 'a.b/x' } })];
    refuses({ 'a.b/c': two }, /different signed repositories/);
    assert.throws(() => importContainersPolicy('{"transports":{}}', 'p'), /default is missing/);
    assert.throws(() => importContainersPolicy('{"default":[{"type":"reject"}],"default":[]}', 'p'), /unique/);
  });

  it('refuses scopes that mean another registry in a trust policy', () => {
    for (const scope of ['index.docker.io/acme', 'registry-1.docker.io', 'Registry.example.com/a', '*.docker.io'])
      refuses({ [scope]: signed() }, /are different registries there, but the same one/);
    assert.equal(imported({ 'docker.io/acme': signed(), '*.io': signed() }).rules.length > 2, true);
  });

  it('refuses a rejection that a wider scope would override', () => {
    refuses({ 'a.b/c': reject }, /rejects part of what the default accepts/, accept, { allowUnsigned: true });
    refuses({ 'a.b/c/d': reject, 'a.b/c': accept }, /rejects part of what scope a\.b\/c accepts/);
    refuses({ 'x.a.b': reject, '*.a.b': signed() }, /rejects part of what scope \*\.a\.b accepts/);
    refuses({ 'x.a.b:5000/c': reject, '*.a.b': signed() }, /rejects part of what scope \*\.a\.b accepts/);
    assert.equal(imported({ 'a.b/cd': reject, 'a.b/c': accept, 'z.a.bc': reject, '*.a.b': accept }).rules.length, 4);
  });

  it('converts a domain to its registries on every port', () => {
    const { rules } = imported({ '*.example.com': signed() }, accept, { allowUnsigned: true });
    const decides = (repository: string) =>
      (rules as { match: string }[]).find(({ match }) => matchesRepository(match, repository));
    for (const host of ['a.example.com', 'a.b.example.com:8443', 'a.example.com:5000', 'A.example.com:443'])
      assert.ok('require' in (decides(`${host}/x`) ?? {}), host);
    for (const host of ['example.com:8443', 'a.example.com.evil:1', 'a.example.org'])
      assert.ok('unsigned' in (decides(`${host}/x`) ?? {}), host);
  });
});

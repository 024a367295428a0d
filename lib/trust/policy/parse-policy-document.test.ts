import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { parsePolicyDocument } from './parse-policy-document.ts';

const head = 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\n';

function refuses(text: string, message: RegExp, hint?: RegExp | string): void {
  assert.throws(
    () => parsePolicyDocument(text, 'policy.yaml'),
    (error) => {
      assert.ok(error instanceof FairleadError);
      assert.equal(error.kind, 'InvalidInput');
      assert.match(error.message, message);
      if (typeof hint === 'string') assert.ok(error.hint?.startsWith(hint), error.hint);
      else if (hint !== undefined) assert.match(error.hint ?? '', hint);
      return true;
    },
  );
}

describe('parsePolicyDocument', () => {
  it('reads a whole policy', () => {
    const document = parsePolicyDocument(
      `${head}rules:
  - match: registry.example.com/security/**
    kinds: [Seccomp]
    require:
      - key: release.pub
      - anyOf: [{key: a.pub}, {key: b.pub}]
    transparencyLog: off
  - match: localhost:5000/dev/**
    unsigned: true
baseline: {seccomp: base.json}
limits: {artifactBytes: 512KiB, entriesPerSyscall: 64}
`,
      'policy.yaml',
    );
    assert.deepEqual(document, {
      rules: [
        {
          match: 'registry.example.com/security/**',
          kinds: ['Seccomp'],
          require: [
            { anyOf: [{ key: { path: 'release.pub', at: 'policy.yaml:7:14' }, log: 'off' }] },
            {
              anyOf: [
                { key: { path: 'a.pub', at: 'policy.yaml:8:23' }, log: 'off' },
                { key: { path: 'b.pub', at: 'policy.yaml:8:37' }, log: 'off' },
              ],
            },
          ],
          unsigned: false,
          position: '4:5',
        },
        { match: 'localhost:5000/dev/**', require: [], unsigned: true, position: '10:5' },
      ],
      baseline: { seccomp: { path: 'base.json', at: 'policy.yaml:12:21' } },
      limits: { artifactBytes: 512 * 1024, entriesPerSyscall: 64 },
    });
  });

  it('refuses a baseline of a kind that nodes do not apply yet', () => {
    for (const [baseline, position, message] of [
      ['{apparmor: RuntimeDefault}', '3:22', 'baseline.apparmor: nodes do not apply AppArmor profiles yet'],
      ['{seccomp: base.json, apparmor: base.json}', '3:42', 'baseline.apparmor: nodes do not apply AppArmor'],
      ['{apparmor: ~}', '3:22', 'baseline.apparmor: nodes do not apply AppArmor profiles yet'],
      ['{selinux: base.cil}', '3:21', 'baseline.selinux: nodes do not apply SELinux profiles yet'],
    ] as const) {
      assert.throws(
        () => parsePolicyDocument(`${head}baseline: ${baseline}\n`, 'policy.yaml'),
        (error) => {
          assert.ok(error instanceof FairleadError);
          assert.equal(error.kind, 'InvalidInput');
          assert.ok(error.message.startsWith(`policy.yaml:${position}: ${message}`), error.message);
          assert.match(error.hint ?? '', /^Remove baseline\.(apparmor|selinux)\. /);
          return true;
        },
      );
    }
  });

  it('denies everything where nothing is written', () => {
    for (const text of ['', '# only a comment\n', head]) {
      const document = parsePolicyDocument(text, 'policy.yaml');
      assert.deepEqual(document.rules, []);
      assert.deepEqual(document.limits, { artifactBytes: 1024 * 1024, entriesPerSyscall: 128 });
    }
  });

  it('says what a value may be, in the words of the policy', () => {
    for (const [text, message, hint] of [
      [
        'rules: [{match: a.b/c, kinds: [seccomp], unsigned: true}]',
        'rules.0.kinds.0: it is "seccomp", and has to be one of Seccomp, AppArmor',
        'Did you mean "Seccomp"?',
      ],
      [
        'rules: [{match: a.b/c, kinds: [x], unsigned: true}]',
        'rules.0.kinds.0: it is "x", and has to be one of Seccomp, AppArmor',
        'docs/',
      ],
      [
        'rules: [{match: a.b/c, transparencyLog: requird}]',
        'rules.0.transparencyLog: it is "requird", and has to be one of off, optional, required',
        'Did you mean "required"?',
      ],
      ['rules: [{match: 5}]', 'rules.0.match: it is 5, and has to be a string', 'docs/'],
      ['rules: 5', 'rules: it is 5, and has to be a list', 'docs/'],
      ['rules: [x]', 'rules.0: it is "x", and has to be a mapping', 'docs/'],
      ['limits: {entriesPerSyscall: 0}', 'limits.entriesPerSyscall: it is 0, and has to be at least 1', 'docs/'],
      [
        'limits: {entriesPerSyscall: 1.5}',
        'limits.entriesPerSyscall: it is 1.5, and has to be a whole number',
        'docs/',
      ],
      [
        'limits: {artifactBytes: [1]}',
        'limits.artifactBytes: it is a list, and has to be a number or a string',
        'docs/',
      ],
      ['baseline: {seccomp: ~}', 'baseline.seccomp: it is empty, and has to be a string', 'docs/'],
    ] as const) {
      assert.throws(
        () => parsePolicyDocument(`${head}${text}\n`, 'policy.yaml'),
        (error) => {
          assert.ok(error instanceof FairleadError);
          assert.equal(error.message.replace(/^policy\.yaml:3:\d+: /, ''), message);
          assert.ok(error.hint?.startsWith(hint), error.hint);
          return true;
        },
        text,
      );
    }
  });

  it('refuses unknown keys, and says where and what was probably meant', () => {
    refuses(`${head}ruls: []\n`, /^policy\.yaml:3:1: unknown key "ruls"$/, /"rules"/);
    refuses(
      `${head}rules:\n  - macth: a.b/c\n    unsigned: true\n`,
      /^policy\.yaml:4:5: unknown key "macth"$/,
      /"match"/,
    );
    refuses(`${head}rules:\n  - match: a.b/c\n    require: [{keyy: x}]\n`, /:5:16: unknown key "keyy"/, /"key"/);
    refuses(`${head}limits: {artefactBytes: 1}\n`, /:3:10: unknown key "artefactBytes"/, /"artifactBytes"/);
    refuses(`${head}__proto__: {rules: []}\n`, /:3:1: unknown key "__proto__"/);
  });

  it('refuses what does not say who is trusted', () => {
    const rule = (body: string): string => `${head}rules:\n  - match: a.b/c\n    ${body}\n`;
    refuses(`${head}rules:\n  - match: a.b/c\n`, /:4:5: the rule says neither which key/);
    refuses(rule('require: []'), /name a key, or say `unsigned: true`/);
    refuses(rule('require: [{}]'), /:5:15: a requirement names either a key or a keyless identity/);
    refuses(rule('require: [{anyOf: []}]'), /name a key/);
    refuses(rule('require: [{key: a, anyOf: [{key: b}]}]'), /either one requirement or anyOf/);
    refuses(rule('require: [{key: ""}]'), /a file name is needed/);
    refuses(rule('unsigned: false'), /the only value is true/);
    refuses(rule('unsigned: yes'), /the only value is true/);
    refuses(rule('{unsigned: true, require: [{key: a}]}').replace('\n    {', ', '), /:4:/);
    refuses(
      `${rule('unsigned: true')}    require: [{key: a}]\n`,
      /:5:15: a rule cannot say `unsigned: true` and require/,
    );
    refuses(`${rule('unsigned: true')}    transparencyLog: off\n`, /cannot say `unsigned: true` and require/);
  });

  const keyless = (body: string, extra = ''): string =>
    `${head}trustedRoot: root.json\nrules:\n  - match: a.b/c\n    require: [{keyless: ${body}}]\n${extra}`;

  it('reads keyless requirements, exact and by pattern, with claims', () => {
    const exact = parsePolicyDocument(keyless('{issuer: i, identity: a, claims: {ref: r}}'), 'policy.yaml');
    assert.deepEqual(exact.trustedRoot, { file: { path: 'root.json', at: 'policy.yaml:3:14' } });
    assert.deepEqual(exact.rules[0]?.require, [
      {
        anyOf: [
          { keyless: { issuer: { exact: 'i' }, identity: { exact: 'a' }, claims: { ref: 'r' } }, log: 'required' },
        ],
      },
    ]);
    const text = keyless('{issuerPattern: "https://*.example", identityPattern: "a*"}', '    transparencyLog: off\n');
    assert.deepEqual(parsePolicyDocument(text, 'policy.yaml').rules[0]?.require[0]?.anyOf, [
      {
        keyless: { issuer: { pattern: 'https://*.example' }, identity: { pattern: 'a*' }, claims: {} },
        log: 'off',
      },
    ]);
  });

  it('reads the log that a key needs besides', () => {
    const text = `${head}trustedRoot: root.json\nrules:\n  - match: a.b/c\n    require: [{key: a}]\n    transparencyLog: required\n`;
    assert.equal(parsePolicyDocument(text, 'policy.yaml').rules[0]?.require[0]?.anyOf[0]?.log, 'required');
  });

  it('refuses keyless requirements that anybody could meet, or nobody', () => {
    refuses(keyless('{identity: x}'), /:6:25: a keyless requirement needs either issuer or issuerPattern/);
    refuses(keyless('{issuer: x}'), /either identity or identityPattern/);
    refuses(keyless('{issuer: x, issuerPattern: x, identity: x}'), /either issuer or issuerPattern/);
    refuses(keyless('{issuer: x, identity: ""}'), /it is empty/);
    refuses(
      keyless('{issuer: x, identity: "*@acme.example"}'),
      /:6:47: identity is compared exactly/,
      /identityPattern/,
    );
    refuses(keyless('{issuer: "https://*.example", identity: x}'), /issuer is compared exactly/, /issuerPattern/);
    refuses(keyless('{issuer: x, identityPattern: "**"}'), /it fits everything/);
    refuses(keyless('{issuer: x, identityPattern: "*/*"}'), /it fits everything/);
    refuses(keyless('{issuer: x, identtiy: x}'), /unknown key "identtiy"/, /"identity"/);
    refuses(keyless('{issuer: x, identity: x, claims: {repo: x}}'), /unknown key "repo"/);
    refuses(keyless('x'), /keyless/);
    refuses(keyless('{issuer: x, identity: x}, key: k'), /either a key or a keyless identity/);
    refuses(keyless('{issuer: x, identity: x}', '    transparencyLog: no\n'), /transparencyLog/);
  });

  it('takes the public trusted root where one is needed and none is named, and a TUF repository where that is named', () => {
    const rootOf = (text: string) => parsePolicyDocument(text, 'policy.yaml').trustedRoot;
    const rule = `${head}rules:\n  - match: a.b/c\n    require: [{key: a}]\n`;
    assert.equal(rootOf(keyless('{issuer: x, identity: x}').replace('trustedRoot: root.json\n', '')), 'public');
    assert.equal(rootOf(`${rule}    transparencyLog: required\n`), 'public');
    assert.equal(rootOf(`${rule}    transparencyLog: optional\n`), 'public');
    const by = '{keyless: {issuer: x, identity: x}}';
    assert.equal(rootOf(`${rule}    attestations: [{type: cyclonedx, by: ${by}}]\n`), 'public');
    assert.equal(rootOf(rule), undefined);
    assert.deepEqual(rootOf(`${rule}trustedRoot: {tuf: https://tuf.example, root: root.json}\n`), {
      tuf: { mirror: 'https://tuf.example', root: { path: 'root.json', at: 'policy.yaml:6:14' } },
    });
    refuses(`${rule}trustedRoot: {tuf: https://tuf.example}\n`, /:6:14: trustedRoot: it is a file, or \{tuf: URL/);
    refuses(`${rule}trustedRoot: {tuf: x, root: root.json}\n`, /it is a file, or \{tuf: URL|no URL/);
  });

  it('reads thresholds, and refuses those that can never be met', () => {
    const rule = (entry: string): string => `${head}rules:\n  - match: a.b/c\n    require: [${entry}]\n`;
    const two = parsePolicyDocument(rule('{anyOf: [{key: a}, {key: b}, {key: c}], threshold: 2}'), 'policy.yaml');
    assert.equal(two.rules[0]?.require[0]?.threshold, 2);
    const people = '{keyless: {issuer: i, identityPattern: "*@acme.example"}, threshold: 2}';
    assert.equal(parsePolicyDocument(rule(people), 'policy.yaml').rules[0]?.require[0]?.threshold, 2);
    refuses(rule('{anyOf: [{key: a}, {key: b}], threshold: 3}'), /:5:56: 3 signers are wanted, and only 2 named/);
    refuses(rule('{key: a, threshold: 2}'), /2 signers are wanted, and only 1 named/);
    for (const wrong of ['0', '-1', '1.5', 'all', '100']) refuses(rule(`{key: a, threshold: ${wrong}}`), /threshold/);
  });

  it('reads attestations, by short name or URI, with what provenance must say', () => {
    const rule = (entry: string): string =>
      `${head}rules:\n  - match: a.b/c\n    require: [{key: a}]\n    attestations: [${entry}]\n`;
    const read = (entry: string) => parsePolicyDocument(rule(entry), 'policy.yaml').rules[0]?.attestations?.[0];
    assert.deepEqual(read('{type: slsaprovenance1, repository: https://github.com/acme/profiles, ref: refs/tags/*}'), {
      type: 'https://slsa.dev/provenance/v1',
      provenance: {
        repository: { exact: 'https://github.com/acme/profiles' },
        ref: { pattern: 'refs/tags/*' },
      },
    });
    assert.deepEqual(read('{type: https://acme.example/review/v1, by: {key: b}}'), {
      type: 'https://acme.example/review/v1',
      by: { anyOf: [{ key: { path: 'b', at: 'policy.yaml:6:69' }, log: 'off' }] },
      provenance: {},
    });
    refuses(rule('{type: provenance}'), /:6:27: not a type of attestation: "provenance"/, /slsaprovenance1/);
    refuses(rule('{type: https://sigstore.dev/cosign/sign/v1}'), /not a type of attestation/);
    refuses(rule('{type: cyclonedx, builder: x}'), /builder is looked up in SLSA provenance only/);
    refuses(rule('{type: slsaprovenance1, ref: "**"}'), /it fits everything/);
    refuses(rule('{type: slsaprovenance1, bulider: x}'), /unknown key "bulider"/, /"builder"/);
    refuses(rule('{repository: x}'), /type is missing/);
    refuses(rule(''), /name a type/);
    const unsigned = rule('{type: cyclonedx}').replace('require: [{key: a}]', 'unsigned: true');
    refuses(unsigned, /cannot say `unsigned: true` and require/);
  });

  it('reads the repository that signatures must name', () => {
    const rule = (value: string): string =>
      `${head}rules:\n  - match: a.b/c\n    require: [{key: a}]\n    signedRepository: ${value}\n`;
    for (const value of ['same', 'registry.example.com:5000/a/b']) {
      assert.equal(parsePolicyDocument(rule(value), 'policy.yaml').rules[0]?.signedRepository, value);
    }
    for (const value of ['other', 'a.b/c/**', 'a.b/c:v1', '""']) refuses(rule(value), /:6:23: /);
    refuses(rule('same').replace('require: [{key: a}]', 'unsigned: true'), /cannot say `unsigned: true` and require/);
  });

  it('refuses patterns that name no repositories', () => {
    for (const [match, message] of [
      ['nginx', /names a registry but no repository/],
      ['registry.example.com', /no repository/],
      ['registry.example.com/', /empty path segment/],
      ['/security', /empty path segment/],
      ['registry.example.com//a', /empty path segment/],
      ['registry.example.com*/security/**', /no registry host/],
      ['*example.com/a', /no registry host/],
      ['registry.*.com/a', /no registry host/],
      ['registry.example.com/a:v1', /not for tags or digests/],
      ['registry.example.com/a@sha256*', /not for tags or digests/],
      ['registry.example.com/{a,b}', /no part of a repository name/],
      ['registry.example.com/[a-z]', /no part of a repository name/],
      ['registry.example.com/!(a)', /no part of a repository name/],
      ['registry.example.com/a?', /no part of a repository name/],
      ['!registry.example.com/a', /no registry host/],
      ['registry.example.com/Security', /no part of a repository name/],
      ['registry.example.com/a**', /whole segments only/],
      ['https://registry.example.com/a', /empty path segment/],
    ] as const) {
      refuses(
        `${head}rules:\n  - match: ${JSON.stringify(match)}\n    unsigned: true\n`,
        message,
        /registry\/repository/,
      );
    }
  });

  it('refuses patterns that no reference can match, and names the closest that some do', () => {
    for (const [match, message, closest] of [
      [
        'registry.example.com./security/**',
        /"registry\.example\.com\." is no registry host/,
        'registry.example.com/security/**',
      ],
      ['registry.example.com/./security', /"\." is no part of/, 'registry.example.com/security'],
      ['registry.example.com/security/../prod/**', /"\.\." is no part/, 'registry.example.com/security/prod/**'],
      ['registry.example.com/a..b', /"a\.\.b" is no part/, 'registry.example.com/a.b'],
      ['registry.example.com/a___b/*', /"a___b" is no part/, 'registry.example.com/a__b/*'],
      ['registry.example.com/a._b', /"a\._b" is no part/, 'registry.example.com/a.b'],
      ['registry.example.com/-a', /"-a" is no part/, 'registry.example.com/a'],
      ['registry.example.com/a_/*', /"a_" is no part/, 'registry.example.com/a/*'],
      ['registry.example.com/.*', /"\.\*" is no part/, 'registry.example.com/*'],
      ['registry.example.com/Security/**', /"Security" is no part/, 'registry.example.com/security/**'],
      ['registry..example.com/a', /no registry host/, 'registry.example.com/a'],
      ['registry.example.com:99999/a', /no registry host/, undefined],
      ['registry.example.com:/a', /no registry host/, 'registry.example.com/a'],
      ['-registry.example.com/a', /no registry host/, 'registry.example.com/a'],
      ['registry_1.example.com/a', /no registry host/, undefined],
      ['nginx/security/**', /"nginx" is no registry host/, 'docker.io/nginx/security/**'],
      ['[::1]extra/a', /no registry host/, undefined],
      ['[1]/a', /no registry host/, undefined],
      ['*.-x.com/a', /no registry host/, '*.x.com/a'],
      ['**.example.com/a', /whole segments only/, '*.example.com/a'],
      ['registry.example.com', /names a registry but no repository/, 'registry.example.com/**'],
      ['localhost:5000', /names a registry but no repository/, 'localhost:5000/**'],
      ['nginx', /no repository/, 'docker.io/library/nginx'],
      ['registry.example.com/', /empty path segment/, 'registry.example.com/**'],
      ['registry.example.com//a/', /empty path segment/, 'registry.example.com/a'],
      ['https://registry.example.com/a', /empty path segment/, 'registry.example.com/a'],
      ['registry.example.com/a:v1', /not for tags/, 'registry.example.com/a'],
      [`registry.example.com/a@sha256:${'0'.repeat(64)}`, /not for tags/, 'registry.example.com/a'],
      [`registry.example.com/${'a'.repeat(250)}`, /longer than 255 characters/, undefined],
    ] as const) {
      const text = `${head}rules:\n  - match: ${JSON.stringify(match)}\n    unsigned: true\n`;
      refuses(text, message, closest === undefined ? 'A match is' : `Write ${closest}, if that is meant.`);
      const repository = match.includes('*') ? undefined : match;
      if (repository === undefined) continue;
      const rule = `${head}rules:\n  - match: a.b/c\n    require: [{key: a}]\n    signedRepository: ${JSON.stringify(repository)}\n`;
      refuses(rule, /not a repository/);
    }
  });

  it('refuses what is not one plain YAML document', () => {
    refuses('a: [', /^policy\.yaml:1:5: /);
    refuses('a: 1\na: 2\n', /^policy\.yaml:2:1: Map keys must be unique/);
    refuses('a: 1\n---\nb: 1\n', /one YAML document/);
    refuses('a: &x [1]\nb: *x\n', /aliases/);
    refuses('a: !!js/function 1\n', /Unresolved tag/);
    // What an older YAML reads as true, and as keys from elsewhere, is no such thing in any policy.
    const old = `%YAML 1.1\n---\n${head}rules:\n  - match: a.b/c\n`;
    refuses(`${old}    unsigned: yes\n`, /unsigned: the only value is true/);
    refuses(`${old}    <<: {unsigned: true}\n`, /unknown key "<<"/);
    refuses('[]', /apiVersion is missing/);
    refuses('text', /policy\.yaml:1:1: /);
    refuses('apiVersion: fairlead.dev/v2\nkind: TrustPolicy\n', /policy\.yaml:1:13: apiVersion/);
    refuses(`# ${'x'.repeat(1024 * 1024)}`, /over 1 MiB/);
  });

  it('reads sizes with and without units, within bounds', () => {
    const bytes = (text: string): number =>
      parsePolicyDocument(`${head}limits: {artifactBytes: ${text}}\n`, 'policy.yaml').limits.artifactBytes;
    assert.equal(bytes('4096'), 4096);
    assert.equal(bytes('1MiB'), 1024 * 1024);
    assert.equal(bytes('16 KiB'), 16 * 1024);
    for (const text of ['0', '-1', '1.5', '17MiB', '1GB', '1e3KiB', 'lots']) {
      refuses(`${head}limits: {artifactBytes: ${text}}\n`, /:3:25: not a size/);
    }
  });
});

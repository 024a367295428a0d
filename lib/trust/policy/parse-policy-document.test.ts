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
    log: true
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
        { match: 'localhost:5000/dev/**', require: [], log: true, unsigned: true, position: '10:5' },
      ],
      baseline: { seccomp: { path: 'base.json', at: 'policy.yaml:13:21' }, apparmor: 'RuntimeDefault' },
      limits: { artifactBytes: 512 * 1024, entriesPerSyscall: 64 },
    });
  });

  it('reads when nodes verify the credentials of callers', () => {
    const read = (text: string) => parsePolicyDocument(`${head}${text}\n`, 'policy.yaml').verifyCredentials;
    for (const value of ['cached', 'always', 'never']) assert.equal(read(`verifyCredentials: ${value}`), value);
    assert.equal(read(''), undefined);
    assert.throws(() => read('verifyCredentials: sometimes'), { kind: 'InvalidInput', message: /policy\.yaml:3:20: / });
  });

  it('reads what nodes do with annotations that do not apply', () => {
    const read = (text: string) => parsePolicyDocument(`${head}${text}\n`, 'policy.yaml').ignoredAnnotations;
    for (const value of ['Report', 'Refuse']) assert.equal(read(`ignoredAnnotations: ${value}`), value);
    assert.equal(read(''), undefined);
    assert.throws(() => read('ignoredAnnotations: Deny'), { kind: 'InvalidInput', message: /policy\.yaml:3:21: / });
  });

  it('refuses a baseline of a kind that nodes do not apply yet', () => {
    for (const [baseline, position, message] of [
      ['{seccomp: base.json, selinux: base.cil}', '3:41', 'baseline.selinux: nodes do not apply SELinux'],
      ['{selinux: ~}', '3:21', 'baseline.selinux: nodes do not apply SELinux profiles yet'],
      ['{selinux: base.cil}', '3:21', 'baseline.selinux: nodes do not apply SELinux profiles yet'],
    ] as const) {
      assert.throws(
        () => parsePolicyDocument(`${head}baseline: ${baseline}\n`, 'policy.yaml'),
        (error) => {
          assert.ok(error instanceof FairleadError);
          assert.equal(error.kind, 'InvalidInput');
          assert.ok(error.message.startsWith(`policy.yaml:${position}: ${message}`), error.message);
          assert.match(error.hint ?? '', /^Remove baseline\.selinux\. /);
          return true;
        },
      );
    }
  });

  it('reads a baseline of AppArmor, a file or the default of the runtime', () => {
    const read = (text: string) => parsePolicyDocument(`${head}baseline: ${text}\n`, 'policy.yaml').baseline;
    assert.deepEqual(read('{apparmor: base.json}'), {
      seccomp: 'RuntimeDefault',
      apparmor: { path: 'base.json', at: 'policy.yaml:3:22' },
    });
    assert.equal(read('{apparmor: RuntimeDefault}').apparmor, 'RuntimeDefault');
    assert.throws(() => read('{apparmor: ~}'), { kind: 'InvalidInput', message: /^policy\.yaml:3:22: / });
  });

  it('denies everything if the text has no rules', () => {
    for (const text of ['', '# only a comment\n', head]) {
      const document = parsePolicyDocument(text, 'policy.yaml');
      assert.deepEqual(document.rules, []);
      assert.deepEqual(document.limits, { artifactBytes: 1024 * 1024, entriesPerSyscall: 128 });
    }
  });

  it('reports which values are valid, in the terms of the policy', () => {
    for (const [text, message, hint] of [
      [
        'rules: [{match: a.b/c, kinds: [seccomp], unsigned: true}]',
        'rules.0.kinds.0: invalid value "seccomp": want one of Seccomp, AppArmor',
        'Did you mean "Seccomp"?',
      ],
      [
        'rules: [{match: a.b/c, kinds: [x], unsigned: true}]',
        'rules.0.kinds.0: invalid value "x": want one of Seccomp, AppArmor',
        'See docs/',
      ],
      [
        'rules: [{match: a.b/c, transparencyLog: requird}]',
        'rules.0.transparencyLog: invalid value "requird": want one of off, optional, required',
        'Did you mean "required"?',
      ],
      [
        'rules: [{match: 5}]',
        'rules.0.match: invalid value 5: want a string',
        'YAML reads this as a number. Quote it: "5"',
      ],
      [
        'rules: [{match: 1.0}]',
        'rules.0.match: invalid value 1: want a string',
        'YAML reads this as a number. Quote it: "1.0"',
      ],
      [
        'rules: [{match: true}]',
        'rules.0.match: invalid value true: want a string',
        'YAML reads this as a boolean. Quote it: "true"',
      ],
      ['rules: [{match: []}]', 'rules.0.match: invalid value (a list): want a string', 'See docs/'],
      ['rules: 5', 'rules: invalid value 5: want a list', 'See docs/'],
      ['rules: [x]', 'rules.0: invalid value "x": want a mapping', 'See docs/'],
      ['limits: {entriesPerSyscall: 0}', 'limits.entriesPerSyscall: invalid value 0: want at least 1', 'See docs/'],
      [
        'limits: {entriesPerSyscall: 1.5}',
        'limits.entriesPerSyscall: invalid value 1.5: want a whole number',
        'See docs/',
      ],
      [
        'limits: {artifactBytes: [1]}',
        'limits.artifactBytes: invalid value (a list): want a number or a string',
        'See docs/',
      ],
      ['baseline: {seccomp: ~}', 'baseline.seccomp: invalid value (empty): want a string', 'See docs/'],
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

  it('refuses unknown keys, and reports their position and what was probably meant', () => {
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

  it('refuses rules that do not specify who is trusted', () => {
    const rule = (body: string): string => `${head}rules:\n  - match: a.b/c\n    ${body}\n`;
    refuses(`${head}rules:\n  - match: a.b/c\n`, /:4:5: rule without requirements: want "require"/);
    refuses(rule('require: []'), /require: empty list: want .*or `unsigned: true`/);
    refuses(rule('require: [{}]'), /:5:15: invalid requirement: want either key or keyless/);
    refuses(rule('require: [{anyOf: []}]'), /anyOf: empty list: want at least one key/);
    refuses(rule('require: [{key: a, anyOf: [{key: b}]}]'), /anyOf beside key or keyless/);
    refuses(rule('require: [{key: ""}]'), /empty value: want a file name/);
    refuses(rule('unsigned: false'), /invalid value: want true/);
    refuses(rule('unsigned: yes'), /invalid value: want true/);
    for (const log of ['false', 'yes', 'mode']) {
      refuses(`${rule('unsigned: true')}    log: ${log}\n`, /:6:10: rules.0.log: invalid value: want true/);
    }
    refuses(rule('{unsigned: true, require: [{key: a}]}').replace('\n    {', ', '), /:4:/);
    refuses(`${rule('unsigned: true')}    require: [{key: a}]\n`, /:5:15: "unsigned: true" in a rule that requires/);
    refuses(`${rule('unsigned: true')}    transparencyLog: off\n`, /"unsigned: true" in a rule that requires/);
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

  it('reads whether a key needs a log', () => {
    const text = `${head}trustedRoot: root.json\nrules:\n  - match: a.b/c\n    require: [{key: a}]\n    transparencyLog: required\n`;
    assert.equal(parsePolicyDocument(text, 'policy.yaml').rules[0]?.require[0]?.anyOf[0]?.log, 'required');
  });

  it('refuses keyless requirements that every signer or no signer could meet', () => {
    refuses(keyless('{identity: x}'), /:6:25: invalid keyless requirement: want either issuer or issuerPattern/);
    refuses(keyless('{issuer: x}'), /either identity or identityPattern/);
    refuses(keyless('{issuer: x, issuerPattern: x, identity: x}'), /either issuer or issuerPattern/);
    refuses(keyless('{issuer: x, identity: ""}'), /identity: empty value/);
    refuses(
      keyless('{issuer: x, identity: "*@acme.example"}'),
      /:6:47: invalid identity: it is compared exactly/,
      /identityPattern/,
    );
    refuses(
      keyless('{issuer: "https://*.example", identity: x}'),
      /invalid issuer: it is compared exactly/,
      /issuerPattern/,
    );
    refuses(keyless('{issuer: x, identityPattern: "**"}'), /the pattern matches everything/);
    refuses(keyless('{issuer: x, identityPattern: "*/*"}'), /the pattern matches everything/);
    refuses(keyless('{issuer: x, identtiy: x}'), /unknown key "identtiy"/, /"identity"/);
    refuses(keyless('{issuer: x, identity: x, claims: {repo: x}}'), /unknown key "repo"/);
    refuses(keyless('x'), /keyless/);
    refuses(keyless('{issuer: x, identity: x}, key: k'), /want either key or keyless/);
    refuses(keyless('{issuer: x, identity: x}', '    transparencyLog: no\n'), /transparencyLog/);
  });

  it('uses the public trusted root if a rule needs one and none is named, or the TUF repository that is named', () => {
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
    refuses(
      `${rule}trustedRoot: {tuf: https://tuf.example}\n`,
      /:6:14: trustedRoot: invalid value: want a file name or \{tuf: URL/,
    );
    refuses(
      `${rule}trustedRoot: {tuf: x, root: root.json}\n`,
      /invalid value: want a file name or \{tuf: URL|invalid URL/,
    );
  });

  it('reads thresholds, and refuses those that can never be met', () => {
    const rule = (entry: string): string => `${head}rules:\n  - match: a.b/c\n    require: [${entry}]\n`;
    const two = parsePolicyDocument(rule('{anyOf: [{key: a}, {key: b}, {key: c}], threshold: 2}'), 'policy.yaml');
    assert.equal(two.rules[0]?.require[0]?.threshold, 2);
    const people = '{keyless: {issuer: i, identityPattern: "*@acme.example"}, threshold: 2}';
    assert.equal(parsePolicyDocument(rule(people), 'policy.yaml').rules[0]?.require[0]?.threshold, 2);
    refuses(
      rule('{anyOf: [{key: a}, {key: b}], threshold: 3}'),
      /:5:56: invalid threshold 3: want at most 2, the number of signers/,
    );
    refuses(rule('{key: a, threshold: 2}'), /invalid threshold 2: want at most 1,/);
    for (const wrong of ['0', '-1', '1.5', 'all', '100']) refuses(rule(`{key: a, threshold: ${wrong}}`), /threshold/);
  });

  it('reads attestations, by short name or URI, with what provenance must state', () => {
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
    refuses(rule('{type: provenance}'), /:6:27: invalid attestation type "provenance"/, /slsaprovenance1/);
    refuses(rule('{type: https://sigstore.dev/cosign/sign/v1}'), /invalid attestation type/);
    refuses(rule('{type: cyclonedx, builder: x}'), /builder applies only to SLSA provenance/);
    refuses(rule('{type: slsaprovenance1, ref: "**"}'), /the pattern matches everything/);
    refuses(rule('{type: slsaprovenance1, bulider: x}'), /unknown key "bulider"/, /"builder"/);
    refuses(rule('{repository: x}'), /type is missing/);
    refuses(rule(''), /attestations: empty list: want at least one type/);
    const unsigned = rule('{type: cyclonedx}').replace('require: [{key: a}]', 'unsigned: true');
    refuses(unsigned, /"unsigned: true" in a rule that requires/);
  });

  it('reads the repository that signatures must name', () => {
    const rule = (value: string): string =>
      `${head}rules:\n  - match: a.b/c\n    require: [{key: a}]\n    signedRepository: ${value}\n`;
    for (const value of ['same', 'registry.example.com:5000/a/b']) {
      assert.equal(parsePolicyDocument(rule(value), 'policy.yaml').rules[0]?.signedRepository, value);
    }
    for (const value of ['other', 'a.b/c/**', 'a.b/c:v1', '""']) refuses(rule(value), /:6:23: /);
    refuses(rule('same').replace('require: [{key: a}]', 'unsigned: true'), /"unsigned: true" in a rule that requires/);
  });

  it('refuses patterns that name no repositories', () => {
    for (const [match, message] of [
      ['nginx', /registry without a repository/],
      ['registry.example.com', /registry without a repository/],
      ['registry.example.com/', /empty path segment/],
      ['/security', /empty path segment/],
      ['registry.example.com//a', /empty path segment/],
      ['registry.example.com*/security/**', /invalid registry host/],
      ['*example.com/a', /invalid registry host/],
      ['registry.*.com/a', /invalid registry host/],
      ['registry.example.com/a:v1', /not tags or digests/],
      ['registry.example.com/a@sha256*', /not tags or digests/],
      ['registry.example.com/{a,b}', /invalid path segment/],
      ['registry.example.com/[a-z]', /invalid path segment/],
      ['registry.example.com/!(a)', /invalid path segment/],
      ['registry.example.com/a?', /invalid path segment/],
      ['!registry.example.com/a', /invalid registry host/],
      ['registry.example.com/Security', /invalid path segment/],
      ['registry.example.com/a**', /must be a whole path segment/],
      ['https://registry.example.com/a', /empty path segment/],
    ] as const) {
      refuses(
        `${head}rules:\n  - match: ${JSON.stringify(match)}\n    unsigned: true\n`,
        message,
        /registry\/repository/,
      );
    }
  });

  it('refuses patterns that no reference can match, and suggests the closest valid one', () => {
    for (const [match, message, closest] of [
      [
        'registry.example.com./security/**',
        /invalid registry host "registry\.example\.com\."/,
        'registry.example.com/security/**',
      ],
      ['registry.example.com/./security', /invalid path segment "\."/, 'registry.example.com/security'],
      [
        'registry.example.com/security/../prod/**',
        /invalid path segment "\.\."/,
        'registry.example.com/security/prod/**',
      ],
      ['registry.example.com/a..b', /invalid path segment "a\.\.b"/, 'registry.example.com/a.b'],
      ['registry.example.com/a___b/*', /invalid path segment "a___b"/, 'registry.example.com/a__b/*'],
      ['registry.example.com/a._b', /invalid path segment "a\._b"/, 'registry.example.com/a.b'],
      ['registry.example.com/-a', /invalid path segment "-a"/, 'registry.example.com/a'],
      ['registry.example.com/a_/*', /invalid path segment "a_"/, 'registry.example.com/a/*'],
      ['registry.example.com/.*', /invalid path segment "\.\*"/, 'registry.example.com/*'],
      ['registry.example.com/Security/**', /invalid path segment "Security"/, 'registry.example.com/security/**'],
      ['registry..example.com/a', /invalid registry host/, 'registry.example.com/a'],
      ['registry.example.com:99999/a', /invalid registry host/, undefined],
      ['registry.example.com:/a', /invalid registry host/, 'registry.example.com/a'],
      ['-registry.example.com/a', /invalid registry host/, 'registry.example.com/a'],
      ['registry_1.example.com/a', /invalid registry host/, undefined],
      ['nginx/security/**', /invalid registry host "nginx"/, 'docker.io/nginx/security/**'],
      ['[::1]extra/a', /invalid registry host/, undefined],
      ['[1]/a', /invalid registry host/, undefined],
      ['*.-x.com/a', /invalid registry host/, '*.x.com/a'],
      ['**.example.com/a', /must be a whole path segment/, '*.example.com/a'],
      ['registry.example.com', /registry without a repository/, 'registry.example.com/**'],
      ['localhost:5000', /registry without a repository/, 'localhost:5000/**'],
      ['nginx', /registry without a repository/, 'docker.io/library/nginx'],
      ['registry.example.com/', /empty path segment/, 'registry.example.com/**'],
      ['registry.example.com//a/', /empty path segment/, 'registry.example.com/a'],
      ['https://registry.example.com/a', /empty path segment/, 'registry.example.com/a'],
      ['registry.example.com/a:v1', /not tags/, 'registry.example.com/a'],
      [`registry.example.com/a@sha256:${'0'.repeat(64)}`, /not tags/, 'registry.example.com/a'],
      [`registry.example.com/${'a'.repeat(250)}`, /too long: want at most 255 characters/, undefined],
    ] as const) {
      const text = `${head}rules:\n  - match: ${JSON.stringify(match)}\n    unsigned: true\n`;
      refuses(text, message, closest === undefined ? 'Write registry/repository' : `Did you mean ${closest}?`);
      const repository = match.includes('*') ? undefined : match;
      if (repository === undefined) continue;
      const rule = `${head}rules:\n  - match: a.b/c\n    require: [{key: a}]\n    signedRepository: ${JSON.stringify(repository)}\n`;
      refuses(rule, /invalid repository/);
    }
  });

  it('refuses anything but one plain YAML document', () => {
    refuses('a: [', /^policy\.yaml:1:5: /);
    refuses('a: 1\na: 2\n', /^policy\.yaml:2:1: Map keys must be unique/);
    refuses('a: 1\n---\nb: 1\n', /more than one YAML document/);
    refuses('a: &x [1]\nb: *x\n', /aliases/);
    refuses(`a: ${'['.repeat(20_000)}`, /^policy\.yaml:1:67: nested deeper than 64 levels$/);
    refuses('a: !!js/function 1\n', /Unresolved tag/);
    // YAML 1.1 reads these as true and as merged keys; no policy does.
    const old = `%YAML 1.1\n---\n${head}rules:\n  - match: a.b/c\n`;
    refuses(`${old}    unsigned: yes\n`, /unsigned: invalid value: want true/);
    refuses(`${old}    <<: {unsigned: true}\n`, /unknown key "<<"/);
    refuses('[]', /apiVersion is missing/);
    refuses('text', /policy\.yaml:1:1: /);
    refuses('apiVersion: fairlead.dev/v2\nkind: TrustPolicy\n', /policy\.yaml:1:13: apiVersion/);
    refuses(`# ${'x'.repeat(1024 * 1024)}`, /too large: want at most 1 MiB/);
  });

  it('reads sizes with and without units, within bounds', () => {
    const bytes = (text: string): number =>
      parsePolicyDocument(`${head}limits: {artifactBytes: ${text}}\n`, 'policy.yaml').limits.artifactBytes;
    assert.equal(bytes('4096'), 4096);
    assert.equal(bytes('1MiB'), 1024 * 1024);
    assert.equal(bytes('16 KiB'), 16 * 1024);
    for (const text of ['0', '-1', '1.5', '17MiB', '1GB', '1e3KiB', 'lots']) {
      refuses(`${head}limits: {artifactBytes: ${text}}\n`, /:3:25: invalid size .*: want 1 B to 16 MiB/);
    }
  });
});
